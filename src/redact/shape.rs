//! Values that are secrets by their form.

use super::url_password;

/// Prefixes of keys that well-known services issue.
const PREFIXES: [&str; 16] = [
    "sk-",
    "nvapi-",
    "hf_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xoxr-",
    "xoxs-",
    "AIza",
];
/// Shortest rest of such a key, in bytes.
const SHORTEST: usize = 8;

/// Returns true if a value holds a word that can only be a secret: a key as a well-known service
/// issues it, a signed token, a private key, or an address with a password.
pub fn is_formed_as_a_secret(value: &str) -> bool {
    let is_of_a_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    url_password(value).is_some_and(|password| !password.starts_with("${"))
        || value.contains(" PRIVATE KEY-----")
        || value.split(|c: char| !is_of_a_key(c)).any(|word| is_key(word) || is_signed(word))
}

/// Returns true for a key of a service. Words have no digits (`sk-learn-style`).
fn is_key(word: &str) -> bool {
    let is_issued =
        |rest: &str| rest.len() >= SHORTEST && rest.contains(|c: char| c.is_ascii_digit());
    let of_a_service = PREFIXES.iter().any(|it| word.strip_prefix(it).is_some_and(is_issued));
    let of_a_cloud = ["AKIA", "ASIA"].iter().any(|prefix| {
        let rest = word.strip_prefix(prefix).unwrap_or("");
        rest.len() == 16 && rest.bytes().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit())
    });
    of_a_service || of_a_cloud
}

/// Returns true for a JSON web token: three parts, of which the first two are objects in base64.
fn is_signed(word: &str) -> bool {
    let mut parts = word.split('.');
    let is_object =
        |part: Option<&str>| part.is_some_and(|it| it.starts_with("eyJ") && it.len() > 8);
    is_object(parts.next()) && is_object(parts.next()) && parts.next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_by_their_form() {
        for value in [
            "sk-canary-7f3d",
            "Bearer sk-proj-aB3xYz09",
            "ghp_0123456789abcdefABCD",
            "github_pat_11AAAA0abcdef",
            "xoxb-123456789012-abc",
            "AKIAIOSFODNN7EXAMPLE",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
            "postgres://me:canary@db/x",
            "http://h/v1?k=sk-canary-7f3d",
            "-----BEGIN RSA PRIVATE KEY-----",
        ] {
            assert!(is_formed_as_a_secret(value), "{value}");
        }
        for value in [
            "",
            "sk-learn-pipeline",
            "sk-",
            "hf_hub",
            "meta/llama-3.1-70b",
            "http://host:8000/v1",
            "http://me@host/v1",
            "AKIATA",
            "eyJ",
            "a.b.c",
            "risk-0123456789",
            "http://me:${env:DB_PW}@host",
        ] {
            assert!(!is_formed_as_a_secret(value), "{value}");
        }
    }
}
