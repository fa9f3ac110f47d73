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
/// Parts of the name of a variable; as keys of a request (`max_tokens`, `keys`) they are no secrets.
const PLURALS: [&str; 6] = ["tokens", "keys", "cred", "pats", "pins", "cookies"];
/// Last parts of the name of a variable, perhaps with a number; elsewhere in it they are common words
/// (`PIN_MEMORY`, `SIG_LEVEL`).
const LAST: [&str; 9] = ["pw", "pat", "sig", "signature", "sas", "hmac", "otp", "pin", "dsn"];
/// Names of addresses that hold their password.
const ADDRESSES: [&str; 10] = [
    "database_url",
    "db_url",
    "database_uri",
    "db_uri",
    "connection_string",
    "connection_uri",
    "connectionstring",
    "conn_str",
    "webhook_url",
    "sas_url",
];
/// Parts of a name that make its tokens a number of them.
const COUNTS: [&str; 16] = [
    "max",
    "min",
    "num",
    "n",
    "total",
    "prompt",
    "completion",
    "output",
    "input",
    "new",
    "count",
    "context",
    "generated",
    "cached",
    "limit",
    "budget",
];
/// Keys of the spec that name fields of the dataset, or the time for a token; they hide nothing.
const FIELDS: [&str; 5] =
    ["id_key", "question_key", "messages_key", "tools_key", "per_prefill_token"];
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

/// Returns true if the name of an environment variable, or of a field in the query of an address, is
/// one that secrets go by. Unlike a key, it can be plural or abbreviated.
pub fn names_a_secret_variable(name: &str) -> bool {
    if names_a_secret(name) {
        return true;
    }
    let name = name.trim();
    let lower = name.to_ascii_lowercase();
    if PLACES.contains(&name) || FIELDS.contains(&lower.as_str()) {
        return false;
    }
    let name = lower;
    let parts: Vec<&str> = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .map(|part| part.trim_end_matches(|c: char| c.is_ascii_digit()))
        .filter(|part| !part.is_empty())
        .collect();
    let counts = parts.iter().any(|part| COUNTS.contains(part));
    let plural = |part: &&str| PLURALS.contains(part) && !(counts && *part == "tokens");
    let joined = parts.join("_");
    let is_address = |address: &&str| {
        joined.strip_suffix(*address).is_some_and(|rest| rest.is_empty() || rest.ends_with('_'))
    };
    parts.iter().any(plural)
        || parts.last().is_some_and(|last| LAST.contains(last))
        // `PWD2`, `TOKEN1`
        || parts.iter().any(|part| PARTS.contains(part))
        || ADDRESSES.iter().any(is_address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secret_variables() {
        for name in [
            "API_KEY",
            "TOKENS",
            "API_TOKENS",
            "KEYS",
            "SSH_KEYS",
            "CRED",
            "DB_CRED",
            "PW",
            "DB_PW",
            "PWD2",
            "TOKEN1",
            "PAT",
            "GITHUB_PAT",
            "SIG",
            "SIGNATURE",
            "SAS",
            "AZURE_SAS",
            "HMAC",
            "OTP",
            "PIN",
            "CARD_PIN",
            "DSN",
            "SENTRY_DSN",
            "DATABASE_URL",
            "MY_DATABASE_URL",
            "CONNECTION_STRING",
            "AZURE_STORAGE_CONNECTION_STRING",
            "WEBHOOK_URL",
            "SLACK_WEBHOOK_URL",
            "webhook_url",
            "KEY_2",
        ] {
            assert!(names_a_secret_variable(name), "{name}");
        }
        for name in [
            "SIGMA",
            "PINNED",
            "KEYSPACE",
            "PATH",
            "PATTERN",
            "MAX_TOKENS",
            "NUM_TOKENS",
            "OUTPUT_TOKENS",
            "PIN_MEMORY",
            "SIG_LEVEL",
            "BASE_URL",
            "SERVER_URL",
            "PWD",
            "OLDPWD",
            "HOME",
            "MODEL",
            "OTPS",
            "KEYBOARD",
            "HOST",
            "SPIN",
            "PORT",
            "PASSES",
            "TOKENIZER",
            "DATASET_URL",
            "REGION2",
            "ASSIGN",
        ] {
            assert!(!names_a_secret_variable(name), "{name}");
        }
    }

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
