//! What the HTTP workflows share: one server with everything a request to it needs, and one
//! failure for each thing that goes wrong.
//!
//! Requests go through `hyper` itself: a load generator must not cost more than what it measures,
//! and has to see each piece of an answer when it arrives.

mod connect;
mod connection;
mod endpoint;
mod failure;
mod passing;
mod posted;
mod reading;
mod record;
mod send;
mod tls;
mod trail;

pub(super) use endpoint::{Access, Endpoint, Target, split_url};
pub(super) use passing::Passing;
pub(super) use posted::Posted;
pub(super) use reading::Progress;
pub(super) use record::{Answer, Notes};
