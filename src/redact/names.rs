//! Names that secrets go by.

/// Parts of a name, as split at characters that are neither letters nor digits.
const PARTS: [&str; 17] = [
    "key",
    "apikey",
    "token",
    "secret",
    "password",
    "passwd",
    "pass",
    "pwd",
    "passphrase",
    "credential",
    "credentials",
    "creds",
    "authorization",
    "cookie",
    "auth",
    "jwt",
    "bearer",
];
/// Endings of parts that are written as one word (`MYAPITOKEN`, `accessToken`).
const ENDS: [&str; 14] = [
    "apikey",
    "apikeys",
    "accesskey",
    "key",
    "token",
    "secret",
    "secrets",
    "password",
    "passwords",
    "passwd",
    "pass",
    "passphrase",
    "credential",
    "credentials",
];
/// Words that end like a secret's name but are none.
const WORDS: [&str; 8] =
    ["monkey", "donkey", "turkey", "hockey", "jockey", "hotkey", "bypass", "compass"];
/// Keys of the spec that name fields of the dataset; they hide nothing.
const FIELDS: [&str; 4] = ["id_key", "question_key", "messages_key", "tools_key"];
/// Variables with paths of folders and sockets, set in every shell.
const PLACES: [&str; 3] = ["PWD", "OLDPWD", "SSH_AUTH_SOCK"];

/// Returns true if a name (a key, a header, an environment variable) is one that secrets go by.
/// Close misspellings of `api_key` count, since the line is then quoted in an error.
pub fn names_a_secret(name: &str) -> bool {
    let name = name.trim().trim_matches(['"', '\'']);
    if PLACES.contains(&name) {
        return false;
    }
    let name = name.to_ascii_lowercase();
    if FIELDS.contains(&name.as_str()) {
        return false;
    }
    let secret = |part: &str| {
        PARTS.contains(&part)
            || ENDS.iter().any(|end| part.ends_with(end)) && !WORDS.contains(&part)
    };
    name.split(|c: char| !c.is_ascii_alphanumeric()).any(secret)
        || strsim::osa_distance(&name, "api_key") <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets() {
        for name in [
            "API_KEY",
            "OPENAI_API_KEY",
            "DB_PASS",
            "MYAPITOKEN",
            "DBPASS",
            "DB_PWD",
            "pwd",
            "HF_TOKEN",
            "accessToken",
            "x-api-key",
            "Authorization",
            "api_kye",
            "AWS_SECRET_ACCESS_KEY",
            "PGPASSWORD",
            "API_KEYS",
            "GITHUB_PAT_TOKEN",
            "'secret'",
            "client_secret",
            "REDIS_PASSWORD_FILE",
        ] {
            assert!(names_a_secret(name), "{name}");
        }
        for name in [
            "PWD",
            "OLDPWD",
            "SSH_AUTH_SOCK",
            "max_tokens",
            "TOKENIZERS_PARALLELISM",
            "HOME",
            "id_key",
            "question_key",
            "messages_key",
            "BYPASS_CACHE",
            "MONKEY",
            "passes",
            "model",
            "KEYBOARD",
            "AUTHOR",
            "COMPASS",
        ] {
            assert!(!names_a_secret(name), "{name}");
        }
    }
}
