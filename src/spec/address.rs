//! The address of a server, in which secrets are references.

use super::interpolate::{Piece, ReferenceError, pieces};
use super::secret::{TextVisitor, Vault, text_schema};
use crate::redact::redact;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use url::Url;

/// Name under which the spec's decoder recognises the type of this file.
pub(super) const ADDRESS: &str = "$sizer::Address";
/// What a secret is made of within an address: nothing that means anything there.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The address of a server. References to secrets (a password) stay references; others are looked
/// up when the spec is read, since another server is another measurement.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Address(String);

impl Address {
    /// The address as it may be shown and stored.
    pub fn public(&self) -> &str {
        &self.0
    }

    /// The address to connect to. It is taken apart before the secrets are put in, so that none can
    /// lead to another server than the one that the spec names.
    pub fn reveal(&self, vault: &Vault<'_>) -> Result<Url, ReferenceError> {
        let mark = self.mark();
        let (mut text, mut secrets) = (String::new(), Vec::new());
        for piece in pieces(&self.0)? {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Env(reference) if reference.is_secret() => {
                    let placeholder = format!("{mark}{}x", secrets.len());
                    text.push_str(&placeholder);
                    secrets.push((placeholder, reference.name(), vault.value(&reference)?));
                }
                Piece::Env(reference) => text.push_str(&vault.plain(&reference)?),
            }
        }
        let wrong = || ReferenceError::NotAnAddress(redact(&self.0));
        let mut url = Url::parse(&text).map_err(|_| wrong())?;
        if url.scheme().contains(&mark) {
            return Err(wrong());
        }
        let host = url.host_str().unwrap_or_default();
        if let Some((_, name, _)) =
            secrets.iter().find(|(placeholder, ..)| host.contains(placeholder))
        {
            return Err(ReferenceError::SecretInHost((*name).to_owned()));
        }
        for (placeholder, _, value) in &secrets {
            if url.username() == placeholder && url.password().is_none() {
                // `user:password` in one variable.
                let (user, password) = value.split_once(':').unwrap_or((value, ""));
                let password = Some(password).filter(|it| !it.is_empty()).map(encoded);
                url.set_password(password.as_deref()).map_err(|()| wrong())?;
                url.set_username(&encoded(user)).map_err(|()| wrong())?;
                continue;
            }
            let put = |part: &str| {
                part.contains(placeholder).then(|| part.replace(placeholder, &encoded(value)))
            };
            if let Some(user) = put(url.username()) {
                url.set_username(&user).map_err(|()| wrong())?;
            }
            if let Some(password) = url.password().and_then(put) {
                url.set_password(Some(&password)).map_err(|()| wrong())?;
            }
            if let Some(path) = put(url.path()) {
                url.set_path(&path);
            }
            if let Some(query) = url.query().and_then(put) {
                url.set_query(Some(&query));
            }
        }
        Ok(url)
    }

    /// A word that the address does not hold.
    fn mark(&self) -> String {
        let mut mark = "xsecret".to_owned();
        while self.0.to_ascii_lowercase().contains(&mark) {
            mark.push('x');
        }
        mark
    }
}

/// A value as it stands in an address. One that can be nothing but encoded already stays as it is.
fn encoded(value: &str) -> String {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
    let mut signs = value.split('%').skip(1);
    let is_encoded = value.contains('%')
        && value.bytes().all(allowed)
        && signs.all(|it| it.get(..2).is_some_and(|it| it.bytes().all(|b| b.is_ascii_hexdigit())));
    if is_encoded { value.to_owned() } else { utf8_percent_encode(value, ENCODED).to_string() }
}

impl From<String> for Address {
    fn from(address: String) -> Self {
        Self(address)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&self.0))
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(ADDRESS, TextVisitor).map(Self)
    }
}

text_schema!(Address, "A URL; a password in it by reference: http://user:${env:PASSWORD}@host/v1");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::Redactor;

    fn revealed(address: &str, value: &str) -> Result<Url, ReferenceError> {
        let env = |_: &str| Some(value.to_owned());
        let redactor = Redactor::default();
        Address::from(address.to_owned()).reveal(&Vault::new(&env, &redactor))
    }

    #[test]
    fn a_password_leads_to_no_other_host() {
        for password in
            ["a@evil.example/", "@evil/#", "x:1@evil", "a/b?c#d", "p%q", "ü\\@", "\n@evil"]
        {
            let url = revealed("http://me:${env:PASSWORD}@good:81/v1?q=1", password).unwrap();
            let place = (url.host_str(), url.port(), url.path(), url.query(), url.username());
            assert_eq!(place, (Some("good"), Some(81), "/v1", Some("q=1"), "me"), "{password}");
            let sent = percent_encoding::percent_decode_str(url.password().unwrap());
            assert_eq!(sent.decode_utf8().unwrap(), password);
        }
        let url = revealed("http://me:${env:PASSWORD}@good/", "p%40ss").unwrap();
        assert_eq!(url.password(), Some("p%40ss"), "it was encoded already");
    }

    #[test]
    fn a_secret_is_no_host() {
        for address in [
            "http://${env:API_KEY}/v1",
            "http://${env:API_KEY}.example:80/",
            "http://a@${env:TOKEN}",
        ] {
            let error = revealed(address, "evil").unwrap_err();
            assert!(matches!(error, ReferenceError::SecretInHost(_)), "{address}: {error}");
            assert!(!error.to_string().contains("evil"));
        }
        assert!(revealed("http://host:${env:API_KEY}/", "80").is_err());
        assert!(revealed("${env:API_KEY}://host/", "http").is_err());
    }

    #[test]
    fn both_in_one_variable_and_secrets_further_on() {
        let url = revealed("http://${env:AUTH}@good/", "me:p@ss:word").unwrap();
        assert_eq!((url.username(), url.password()), ("me", Some("p%40ss%3Aword")));
        let url = revealed("http://good/${env:TOKEN}/v1?key=${env:API_KEY}", "a/b&c").unwrap();
        assert_eq!(url.as_str(), "http://good/a%2Fb%26c/v1?key=a%2Fb%26c");
    }
}
