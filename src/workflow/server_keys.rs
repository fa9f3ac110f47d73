//! Keys that kinds of workflow with one server have in common.

use super::{ConnectionSpec, Headers, ServeSpec};
use crate::language::{Address, Seconds, Secret};

/// Keys of a workflow that asks one server. Each kind has them among its own, by its own names and in its own
/// order.
#[derive(Clone, Copy, Debug)]
pub struct ServerKeys<'a> {
    /// Address of the server, with the name of its key.
    pub address: (&'static str, &'a Address),
    /// Options for connecting to it.
    pub connection: &'a ConnectionSpec,
    /// Bearer token of requests.
    pub api_key: Option<&'a Secret>,
    /// Request headers.
    pub headers: &'a Headers,
    /// Longest time that a run may take.
    pub timeout: Seconds,
    /// Server that is started before the sweep.
    pub serve: Option<&'a ServeSpec>,
}

/// Lists the common keys of a configuration whose fields have the usual names; the address has one of its own.
macro_rules! server_keys {
    ($config:ident.$address:ident) => {
        $crate::workflow::ServerKeys {
            address: (stringify!($address), &$config.$address),
            connection: &$config.connection,
            api_key: $config.api_key.as_ref(),
            headers: &$config.headers,
            timeout: $config.timeout,
            serve: $config.serve.as_ref(),
        }
    };
}
pub(super) use server_keys;
