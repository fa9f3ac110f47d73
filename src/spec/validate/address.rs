//! Checks of addresses, and of the secrets that open them.

use super::checker::{Check, Checker};
use crate::spec::{Secret, names_a_secret, query_holds_a_secret, url_password};

impl Checker<'_> {
    pub(super) fn fixed_host(&self, path: &str, url: &str) -> Check {
        let host = url.split_once("://").map_or(url, |(_, rest)| rest);
        let host = host.split_once(['/', '?']).map_or(host, |(host, _)| host);
        self.ensure(
            !host.contains("{{") && !host.contains("{%"),
            path,
            "one workflow is one server: only path and query can differ from item to item",
            "write the host as it is; `matrix` measures several servers",
        )
    }

    pub(super) fn address(&self, path: &str, address: &str) -> Check {
        let http = address.starts_with("http://") || address.starts_with("https://");
        self.ensure(http, path, "this is not an HTTP address", "write it as http://host:port/v1")?;
        let literal = url_password(address).is_some_and(|password| !password.starts_with("${env:"));
        self.ensure(
            !literal,
            path,
            "the address holds a password",
            "give it by reference: http://user:${env:PASSWORD}@host/v1",
        )?;
        self.ensure(
            !query_holds_a_secret(address),
            path,
            "the query of the address holds a secret in plain text",
            "give it by reference, such as ?token=${env:API_TOKEN}, or send it in a header",
        )
    }

    pub(super) fn secret(&self, path: &str, secret: &Secret) -> Check {
        let name = path.rsplit('.').next().unwrap_or(path);
        let by_reference = secret.is_reference() && !secret.has_default();
        let allowed = by_reference || !names_a_secret(name);
        self.ensure(
            allowed,
            path,
            "a secret stands here in plain text",
            "put it into an environment variable and write ${env:NAME}",
        )
    }
}
