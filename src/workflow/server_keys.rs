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
