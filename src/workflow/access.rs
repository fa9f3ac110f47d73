//! Access to servers and programs: headers, keys and variables, any of which may be secret.

use crate::language::Secret;
use indexmap::IndexMap;

/// Header names with their values, which may be references.
pub type Headers = IndexMap<String, Secret>;

/// Environment variables with their values, which may be references.
pub type Variables = IndexMap<String, Secret>;

/// Returns the secrets that open a server, with their paths in the spec.
pub(super) fn of_access<'a>(
    at: &str,
    api_key: Option<&'a Secret>,
    headers: &'a Headers,
) -> Vec<(String, &'a Secret)> {
    let api_key = api_key.map(|key| (format!("{at}.api_key"), key));
    let headers = headers.into_iter().map(|(name, value)| (format!("{at}.headers.{name}"), value));
    api_key.into_iter().chain(headers).collect()
}

pub(super) fn of_env<'a>(at: &str, env: &'a Variables) -> Vec<(String, &'a Secret)> {
    env.into_iter().map(|(name, value)| (format!("{at}.env.{name}"), value)).collect()
}
