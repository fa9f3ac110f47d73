//! `${env:NAME}` in the text of a spec, with a default as in shells: `${env:NAME:-default}`.

use crate::redact::{is_formed_as_a_secret, names_a_secret_variable};

/// Lookup of environment variables. Passed in, so that this floor reads no environment itself.
pub type Env<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Error in a reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// The variable is not set.
    #[error("the environment variable {0} is not set")]
    Unset(String),
    /// An unknown form of `${…}`, or one nested too deeply.
    #[error("`${{{0}}}` is not a reference that sizer knows")]
    Unknown(String),
    /// A `${` without its `}`.
    #[error("`${{` without a closing `}}`")]
    Unclosed,
    /// A form of reference that shells know and sizer does not, such as `${NAME:?message}`.
    #[error("`${{env:{0}}}` names no environment variable")]
    NoName(String),
    /// A variable that looks like a secret, with a default in plain text.
    #[error("${{env:{0}}} looks like a secret, but its default is given here in plain text")]
    SecretInDefault(String),
    /// A secret in a value that would be stored.
    #[error("${{env:{0}}} looks like a secret, and this value is stored in artifacts and reports")]
    SecretInPlainField(String),
    /// A value that is a secret by its form, of a variable whose name does not say so.
    #[error(
        "the value of ${{env:{0}}} has the form of a secret, and this value is stored in artifacts and reports"
    )]
    SecretByItsForm(String),
    /// An invalid address, redacted.
    #[error("`{0}` is not an address")]
    NotAnAddress(String),
    /// A secret in the host part of an address.
    #[error("${{env:{0}}} looks like a secret, but is in the host part of the address")]
    SecretInHost(String),
}

impl ReferenceError {
    /// Returns a remedy.
    pub fn help(&self) -> String {
        match self {
            Self::Unset(name) if names_a_secret_variable(name) => {
                format!("set it, for example with `export {name}=…`")
            }
            Self::Unset(name) => format!(
                "set it, for example with `export {name}=…`, or give a default: ${{env:{name}:-…}}"
            ),
            Self::Unknown(_) | Self::Unclosed => "write ${env:NAME} for an environment variable".into(),
            Self::NoName(_) => "write ${env:NAME}, or with a default ${env:NAME:-default}".into(),
            Self::SecretInDefault(name) => format!("leave the default out, and set {name}"),
            Self::NotAnAddress(_) => "write it as http://host:port/v1".into(),
            Self::SecretInHost(_) => {
                "write the host literally, or rename the variable; a password goes before an `@`".into()
            }
            Self::SecretByItsForm(name) => format!(
                "secrets belong in api_key, in headers, or in the password of an address; if it is used there, \
                 rename the variable to match, for example {name}_KEY"
            ),
            Self::SecretInPlainField(_) => {
                "secrets belong in api_key, in headers, or in the password of base_url; otherwise rename the variable"
                    .into()
            }
        }
    }
}

/// Deepest nesting of references in defaults of references.
const DEEPEST: usize = 8;

/// Piece of a text with references.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Text(&'a str),
    Env(Reference<'a>),
}

/// Reference to a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference<'a> {
    name: &'a str,
    /// Default value.
    default: Option<&'a str>,
    /// True if the default also replaces an empty value (`:-`), and not only an unset one (`-`).
    when_empty: bool,
    /// The reference as it was written.
    written: &'a str,
}

impl<'a> Reference<'a> {
    fn parse(inside: &'a str) -> Result<Self, ReferenceError> {
        let text = inside.strip_prefix("env:").map(str::trim);
        let text = text.filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| ReferenceError::Unknown(inside.to_owned()))?;
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let no_name = || ReferenceError::NoName(crate::redact::redact(text));
        let (default, when_empty) = match rest.strip_prefix(":-") {
            Some(default) => (Some(default), true),
            None if rest.is_empty() => (None, false),
            None => (Some(rest.strip_prefix('-').ok_or_else(no_name)?), false),
        };
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(no_name());
        }
        Ok(Self { name, default, when_empty, written: inside })
    }

    /// Returns true if there is a default for an unset variable.
    pub fn has_default(&self) -> bool {
        self.default.is_some_and(|default| !default.is_empty())
    }

    /// Returns the name of the variable.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// Returns true if its value is a secret, judging by its name or its default.
    pub fn is_secret(&self) -> bool {
        names_a_secret_variable(self.name)
            || self.default.is_some_and(|default| default.contains("${"))
    }

    /// Returns the value, for fields in which secrets are allowed.
    pub fn reveal(&self, env: &Env<'_>) -> Result<String, ReferenceError> {
        if names_a_secret_variable(self.name) && self.has_default() {
            return Err(ReferenceError::SecretInDefault(self.name.to_owned()));
        }
        self.value(env, 0)
    }

    fn value(&self, env: &Env<'_>, depth: usize) -> Result<String, ReferenceError> {
        match (env(self.name), self.default) {
            (Some(value), None) => Ok(value),
            (Some(value), Some(_)) if !(value.is_empty() && self.when_empty) => Ok(value),
            (_, Some(default)) => resolve(default, env, depth + 1, SecretAs::Value),
            (None, None) => Err(ReferenceError::Unset(self.name.to_owned())),
        }
    }
}

impl std::fmt::Display for Reference<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "${{{}}}", self.written)
    }
}

/// Splits a text into literal pieces and references.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, ReferenceError> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let end = closing(after).ok_or(ReferenceError::Unclosed)?;
        let (inside, tail) = after.split_at(end);
        found.extend([Piece::Text(before), Piece::Env(Reference::parse(inside)?)]);
        rest = tail.strip_prefix('}').unwrap_or(tail);
    }
    found.push(Piece::Text(rest));
    Ok(found)
}

/// Returns the position of the brace that closes a reference, skipping nested references.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' if at > 0 && text.as_bytes().get(at - 1) == Some(&b'$') => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
    }
    None
}

/// Treatment of references to secrets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SecretAs {
    Error,
    Reference,
    Value,
}

/// Replaces all references; fails if one of them is a secret.
pub(super) fn resolve_plain(text: &str, env: &Env<'_>) -> Result<String, ReferenceError> {
    resolve(text, env, 0, SecretAs::Error)
}

/// Replaces all references except those to secrets, which stay references.
pub(super) fn resolve_public(text: &str, env: &Env<'_>) -> Result<String, ReferenceError> {
    resolve(text, env, 0, SecretAs::Reference)
}

fn resolve(
    text: &str,
    env: &Env<'_>,
    depth: usize,
    secrets: SecretAs,
) -> Result<String, ReferenceError> {
    if depth > DEEPEST {
        return Err(ReferenceError::Unknown("…".to_owned()));
    }
    pieces(text)?
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => Ok(text.to_owned()),
            Piece::Env(reference) if names_a_secret_variable(reference.name) => match secrets {
                SecretAs::Error => {
                    Err(ReferenceError::SecretInPlainField(reference.name.to_owned()))
                }
                _ if reference.has_default() => {
                    Err(ReferenceError::SecretInDefault(reference.name.to_owned()))
                }
                SecretAs::Reference => Ok(reference.to_string()),
                SecretAs::Value => reference.value(env, depth),
            },
            // A default stands in the same place as the reference.
            Piece::Env(reference) if secrets != SecretAs::Value && reference.has_default() => {
                let default = resolve(reference.default.unwrap_or(""), env, depth + 1, secrets);
                match (env(reference.name), default) {
                    // Whether a name is a good one does not depend on what is set.
                    (
                        _,
                        Err(
                            error @ (ReferenceError::SecretInPlainField(_)
                            | ReferenceError::SecretInDefault(_)),
                        ),
                    ) => Err(error),
                    (Some(value), _) if !(value.is_empty() && reference.when_empty) => {
                        plain(reference.name, value)
                    }
                    (_, default) => default,
                }
            }
            Piece::Env(reference) if secrets == SecretAs::Value => reference.value(env, depth),
            Piece::Env(reference) => plain(reference.name, reference.value(env, depth)?),
        })
        .collect()
}

/// Passes on the value of a variable whose name does not look secret, unless the value has the form of a secret.
fn plain(name: &str, value: String) -> Result<String, ReferenceError> {
    if is_formed_as_a_secret(&value) {
        return Err(ReferenceError::SecretByItsForm(name.to_owned()));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve_all(text: &str, env: &Env<'_>) -> Result<String, ReferenceError> {
        resolve(text, env, 0, SecretAs::Value)
    }

    fn env(name: &str) -> Option<String> {
        match name {
            "SET" => Some("here".to_owned()),
            "EMPTY" => Some(String::new()),
            "API_KEY" => Some("canary".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn defaults_are_those_of_shells() {
        for (text, expected) in [
            ("a ${env:SET} b", "a here b"),
            ("${env:SET:-x}", "here"),
            ("${env:UNSET:-lab}", "lab"),
            ("${env:UNSET-lab}", "lab"),
            ("${env:EMPTY:-lab}", "lab"),
            ("${env:EMPTY-lab}", ""),
            ("${env:UNSET:-}", ""),
            ("${env:UNSET:-${env:SET}}/y", "here/y"),
            ("${env:UNSET:-${env:UNSET-a b}}", "a b"),
            ("${env: SET }", "here"),
        ] {
            assert_eq!(resolve_plain(text, &env).as_deref(), Ok(expected), "{text}");
            assert_eq!(resolve_public(text, &env).as_deref(), Ok(expected), "{text}");
            assert_eq!(resolve_all(text, &env).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(resolve_plain("${env:UNSET}", &env), Err(ReferenceError::Unset("UNSET".into())));
        assert_eq!(resolve_plain("${env:A:-${env:B}", &env), Err(ReferenceError::Unclosed));
        for text in ["${env:SET:?no}", "${env:SET:+x}", "${env:SET=x}", "${env::-x}", "${env:1}"] {
            assert!(matches!(resolve_all(text, &env), Err(ReferenceError::NoName(_))), "{text}");
        }
        let deep = format!("{}x{}", "${env:UNSET:-".repeat(50_000), "}".repeat(50_000));
        assert!(matches!(resolve_plain(&deep, &env), Err(ReferenceError::Unknown(_))));
    }

    #[test]
    fn a_value_with_the_form_of_a_secret_is_no_plain_text() {
        for secret in ["ghp_0123456789abcdef", "postgres://me:canary@db/x"] {
            let env = |_: &str| Some(secret.to_owned());
            let refused = ReferenceError::SecretByItsForm("LABEL".into());
            for text in ["a ${env:LABEL}", "${env:LABEL:-x}"] {
                assert_eq!(resolve_plain(text, &env), Err(refused.clone()), "{text}");
                assert_eq!(resolve_public(text, &env), Err(refused.clone()), "{text}");
            }
            assert_eq!(resolve_all("${env:LABEL}", &env).as_deref(), Ok(secret));
        }
        for name in ["DB_PW", "GITHUB_PAT", "TOKENS", "WEBHOOK_URL"] {
            let text = format!("${{env:{name}}}");
            let refused = ReferenceError::SecretInPlainField(name.into());
            assert_eq!(resolve_plain(&text, &env), Err(refused), "{name}");
            assert_eq!(resolve_public(&text, &env), Ok(text.clone()), "{name}");
        }
    }

    #[test]
    fn a_default_is_no_way_for_a_secret() {
        let plain = |text| resolve_plain(text, &env);
        let secret = ReferenceError::SecretInPlainField("API_KEY".into());
        assert_eq!(plain("${env:API_KEY:-x}"), Err(secret.clone()));
        assert_eq!(plain("${env:UNSET:-${env:API_KEY}}"), Err(secret.clone()));
        assert_eq!(plain("${env:SET:-${env:API_KEY}}"), Err(secret));
        let literal = ReferenceError::SecretInDefault("API_KEY".into());
        assert_eq!(resolve_public("${env:API_KEY:-x}", &env), Err(literal.clone()));
        assert_eq!(resolve_all("${env:API_KEY:-x}", &env), Err(literal));
        assert_eq!(resolve_public("${env:API_KEY:-}", &env).as_deref(), Ok("${env:API_KEY:-}"));
        assert_eq!(resolve_all("${env:API_KEY:-}", &env).as_deref(), Ok("canary"));
    }
}
