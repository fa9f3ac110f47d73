//! HTTP client shared by the HTTP workflows: a server with everything that a request to it needs, and a kind
//! of failure for each thing that can go wrong.
//!
//! Requests go through `hyper` itself. A load generator must not cost more than what it measures, and has to
//! see each piece of an answer when it arrives.

mod connect;
mod connection;
mod endpoint;
mod failure;
mod passed_answer;
mod posted_answer;
mod reading;
mod record;
mod send;
mod tls;
mod trail;

pub(super) use endpoint::{Access, Endpoint, Target, split_url};
pub(super) use passed_answer::PassedAnswer;
pub(super) use posted_answer::PostedAnswer;
pub(super) use reading::Progress;
pub(super) use record::{Answer, Notes};
