//! The key `llm`: LLM servers behind a workflow, observed by a recording proxy.

use super::ConnectionSpec;
use super::access::{Headers, of_access};
use crate::language::{Address, Check, Checker, Secret};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Name of the only upstream.
const ONLY: &str = "llm";

/// LLM servers behind a workflow. A proxy on a loopback port stands in front of them and records
/// each call of each run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LlmSpec {
    /// Base address of the API, such as `http://localhost:8000/v1`.
    #[serde(default)]
    pub upstream: Option<Address>,
    /// Bearer token for it, by reference: `${env:API_KEY}`. Without one, that of the workflow is
    /// passed on.
    #[serde(default)]
    pub api_key: Option<Secret>,
    /// Headers for it, besides those that the workflow sends.
    #[serde(default)]
    pub headers: Headers,
    /// Environment variables through which a program gets the proxy's address.
    #[serde(default = "openai_base_url")]
    pub env: Vec<String>,
    /// Several servers by name, in place of `upstream`.
    #[serde(default)]
    pub upstreams: IndexMap<String, UpstreamSpec>,
    /// Port of the proxy, for services that sizer does not start; 0 for any free one.
    #[serde(default)]
    pub port: u16,
    /// File for the bodies of all requests and answers, as JSON lines; without it, none are kept.
    #[serde(default)]
    pub bodies: Option<PathBuf>,
    /// Connection to the servers.
    #[serde(default)]
    pub connection: ConnectionSpec,
}

/// One of several LLM servers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSpec {
    /// Base address of the API, such as `http://localhost:8000/v1`.
    pub url: Address,
    /// Bearer token for it, by reference: `${env:API_KEY}`.
    #[serde(default)]
    pub api_key: Option<Secret>,
    /// Headers for it, besides those that the workflow sends.
    #[serde(default)]
    pub headers: Headers,
    /// Environment variables through which a program gets its address at the proxy;
    /// `PLANNER_BASE_URL` by default for a server named `planner`.
    #[serde(default)]
    pub env: Vec<String>,
}

fn openai_base_url() -> Vec<String> {
    vec!["OPENAI_BASE_URL".to_owned()]
}

impl LlmSpec {
    /// Creates a server without a key.
    pub fn of(upstream: Address) -> Self {
        Self { upstream: Some(upstream), env: openai_base_url(), ..Self::default() }
    }

    /// Returns all servers by name; the first of them is the default.
    pub fn servers(&self) -> IndexMap<String, UpstreamSpec> {
        let only = self.upstream.as_ref().map(|url| {
            let (api_key, headers) = (self.api_key.clone(), self.headers.clone());
            let env = self.env.clone();
            (ONLY.to_owned(), UpstreamSpec { url: url.clone(), api_key, headers, env })
        });
        let named = self.upstreams.iter().map(|(name, server)| {
            let mut server = server.clone();
            if server.env.is_empty() {
                let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
                let name: String = name.to_ascii_uppercase().chars().map(plain).collect();
                server.env.push(format!("{name}_BASE_URL"));
            }
            (name.clone(), server)
        });
        only.into_iter().chain(named).collect()
    }

    /// Returns the addresses with their paths in the spec.
    pub(super) fn addresses(&self) -> Vec<(String, &Address)> {
        let only = self.upstream.iter().map(|url| ("workflow.llm.upstream".to_owned(), url));
        let named = self.upstreams.iter();
        only.chain(named.map(|(name, it)| (format!("workflow.llm.upstreams.{name}.url"), &it.url)))
            .collect()
    }

    /// Returns the secrets with their paths in the spec.
    pub(super) fn secrets(&self) -> Vec<(String, &Secret)> {
        let only = ("workflow.llm".to_owned(), self.api_key.as_ref(), &self.headers);
        let named = self.upstreams.iter().map(|(name, it)| {
            (format!("workflow.llm.upstreams.{name}"), it.api_key.as_ref(), &it.headers)
        });
        let all = std::iter::once(only).chain(named);
        all.flat_map(|(at, key, headers)| of_access(&at, key, headers)).collect()
    }

    /// Checks what types cannot express.
    pub(super) fn validate(&self, checker: &Checker<'_>) -> Check {
        let servers = self.servers();
        checker.ensure(
            !servers.is_empty(),
            "workflow.llm",
            "no LLM server is named",
            "add `upstream: http://localhost:8000/v1`",
        )?;
        checker.ensure(
            self.upstream.is_some() || (self.api_key.is_none() && self.headers.is_empty()),
            "workflow.llm",
            "`api_key` and `headers` belong to `upstream`, which is not given",
            "give each of `upstreams` its own",
        )?;
        for (name, server) in &servers {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
            checker.ensure(
                (1..=31).contains(&name.len()) && name.chars().all(plain),
                &format!("workflow.llm.upstreams.{name}"),
                "a server's name has at most 31 letters, digits, `-` and `_`",
                "it is a part of the proxy's address",
            )?;
            let variable = |name: &String| {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            };
            checker.ensure(
                server.env.iter().all(variable),
                "workflow.llm",
                "this is not the name of an environment variable",
                "such as OPENAI_BASE_URL",
            )?;
        }
        Ok(())
    }
}
