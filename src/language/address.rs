//! Addresses of servers, in which secrets are references.

use super::interpolate::{Env, Piece, ReferenceError, pieces, resolve_public};
use super::secret::{TextVisitor, Vault, text_schema};
use crate::redact::redact;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use url::Url;

/// Newtype name by which the spec's decoder recognises an [`Address`].
pub(super) const ADDRESS: &str = "$sizer::Address";
/// Characters that are percent-encoded in a secret within an address: all that have a meaning
/// there.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Address of a server. References to secrets (a password) stay references; others are looked up
/// when the spec is read, since another server is another measurement.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Address(String);

impl Address {
    /// Returns the address as it may be shown and stored.
    pub fn public(&self) -> &str {
        &self.0
    }

    /// Returns the URL to connect to. It is parsed before the secrets are put in, so that none of
    /// them can lead to another server than the one that the spec names.
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
        let Some(host) = url.host_str() else { return Err(wrong()) };
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

    /// Returns a word that does not occur in the address.
    fn mark(&self) -> String {
        let mut mark = "xsecret".to_owned();
        while self.0.to_ascii_lowercase().contains(&mark) {
            mark.push('x');
        }
        mark
    }
}

/// Resolves the references in an address, except those to secrets. Values before the `@` are
/// percent-encoded, as they could otherwise lead to another server.
pub(super) fn resolved(text: &str, env: &Env<'_>) -> Result<String, ReferenceError> {
    let pieces = pieces(text)?;
    // The same with a sign in place of each reference, whatever is written in them.
    let part = |piece: &Piece<'_>| match piece {
        Piece::Text(text) => (*text).to_owned(),
        Piece::Env(_) => '\0'.to_string(),
    };
    let skeleton: String = pieces.iter().map(part).collect();
    let start = skeleton.find("://").map_or(0, |at| at + 3);
    let (_, authority) = skeleton.split_at(start);
    let authority = authority.split_once(['/', '?', '#', '\\']).map_or(authority, |(it, _)| it);
    let user_info = start..authority.rfind('@').map_or(start, |at| start + at);
    let both_in_one = skeleton.get(user_info.clone()) == Some("\0");
    let (mut out, mut at) = (String::new(), 0);
    for piece in &pieces {
        let length = part(piece).len();
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Env(reference) => {
                let value = resolve_public(&reference.to_string(), env)?;
                if !user_info.contains(&at) || value.contains("${") {
                    out.push_str(&value);
                } else if let Some((user, password)) = value.split_once(':').filter(|_| both_in_one)
                {
                    out.extend([&encoded(user), ":", &encoded(password)]);
                } else {
                    out.push_str(&encoded(&value));
                }
            }
        }
        at += length;
    }
    Ok(out)
}

/// Percent-encodes a value for an address, unless it is encoded already.
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
    fn no_value_before_the_at_sign_leads_to_another_host() {
        let of = |text: &str, value: &str| {
            let env = |name: &str| (name != "UNSET").then(|| value.to_owned());
            resolved(text, &env).unwrap()
        };
        for (text, value, expected) in [
            ("http://${env:WHO}:x@good/v1", "me@evil/", "http://me%40evil%2F:x@good/v1"),
            ("http://${env:WHO}@good/v1", "me:p@ss/", "http://me:p%40ss%2F@good/v1"),
            ("http://a${env:WHO}@good/v1", "b:c", "http://ab%3Ac@good/v1"),
            ("http://${env:WHO}:${env:API_KEY}@good", "a b", "http://a%20b:${env:API_KEY}@good"),
            ("http://${env:UNSET:-me@x}@good", "", "http://me%40x@good"),
            ("http://${env:HOST}/v1", "good:80", "http://good:80/v1"),
            ("${env:URL}/v1", "http://me@good", "http://me@good/v1"),
            ("http://good/${env:DIR}/a@b", "x/y", "http://good/x/y/a@b"),
            ("http://good?x=${env:DIR}@b", "x/y", "http://good?x=x/y@b"),
        ] {
            assert_eq!(of(text, value), expected, "{text}");
        }
    }

    #[test]
    fn both_in_one_variable_and_secrets_further_on() {
        let url = revealed("http://${env:AUTH}@good/", "me:p@ss:word").unwrap();
        assert_eq!((url.username(), url.password()), ("me", Some("p%40ss%3Aword")));
        let url = revealed("http://good/${env:TOKEN}/v1?key=${env:API_KEY}", "a/b&c").unwrap();
        assert_eq!(url.as_str(), "http://good/a%2Fb%26c/v1?key=a%2Fb%26c");
    }
}
