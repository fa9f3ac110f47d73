//! `${env:NAME}` in the text of a spec.

use crate::redact::names_a_secret;

/// Looks up an environment variable. Handed in, so that this floor reads no environment itself.
pub type Env<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// What is wrong with a reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The variable is not there.
    #[error("the environment variable {0} is not set")]
    Unset(String),
    /// Some other `${…}`.
    #[error("`${{{0}}}` is not a reference that sizer knows")]
    Unknown(String),
    /// A `${` without its `}`.
    #[error("`${{` without a closing `}}`")]
    Unclosed,
    /// A secret where the value would be stored.
    #[error("${{env:{0}}} looks like a secret, and this value is stored in artifacts and reports")]
    SecretInPlainField(String),
    /// What is no address, as it may be shown.
    #[error("`{0}` is not an address")]
    NotAnAddress(String),
    /// A secret where an address names the server.
    #[error("${{env:{0}}} looks like a secret, and stands where the address names the server")]
    SecretInHost(String),
}

impl ReferenceError {
    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Unset(name) => format!("set it, for example with `export {name}=…`"),
            Self::Unknown(_) | Self::Unclosed => "write ${env:NAME} for an environment variable".into(),
            Self::NotAnAddress(_) => "write it as http://host:port/v1".into(),
            Self::SecretInHost(_) => {
                "write the server as it is, or rename the variable; a password stands before an `@`".into()
            }
            Self::SecretInPlainField(_) => {
                "secrets belong in api_key, in headers, or in the password of base_url; otherwise rename the variable"
                    .into()
            }
        }
    }
}

/// A piece of a text with references.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Text(&'a str),
    Env(&'a str),
}

/// Splits a text into literal pieces and references.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, ReferenceError> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (inside, tail) = after.split_once('}').ok_or(ReferenceError::Unclosed)?;
        let name = inside.strip_prefix("env:").filter(|name| !name.trim().is_empty());
        let name = name.ok_or_else(|| ReferenceError::Unknown(inside.to_owned()))?;
        found.extend([Piece::Text(before), Piece::Env(name.trim())]);
        rest = tail;
    }
    found.push(Piece::Text(rest));
    Ok(found)
}

/// The text with all references replaced; refuses secrets.
pub(super) fn resolve_plain(text: &str, env: &Env<'_>) -> Result<String, ReferenceError> {
    resolve(text, env, |name| Err(ReferenceError::SecretInPlainField(name.to_owned())))
}

/// The text with all references replaced but those to secrets, which stay references.
pub(super) fn resolve_public(text: &str, env: &Env<'_>) -> Result<String, ReferenceError> {
    resolve(text, env, |name| Ok(format!("${{env:{name}}}")))
}

fn resolve(
    text: &str,
    env: &Env<'_>,
    secret: impl Fn(&str) -> Result<String, ReferenceError>,
) -> Result<String, ReferenceError> {
    pieces(text)?
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => Ok(text.to_owned()),
            Piece::Env(name) if names_a_secret(name) => secret(name),
            Piece::Env(name) => env(name).ok_or_else(|| ReferenceError::Unset(name.to_owned())),
        })
        .collect()
}
