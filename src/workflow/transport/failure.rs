//! What went wrong on the wire, as a failure with its kind.

use super::connect::NoConnection;
use super::connection::SendError;
use crate::measure::{Failure, FailureKind};
use std::error::Error;
use std::io;

/// The failure behind an error; `at` is the server's host and port.
pub(super) fn of(error: &SendError, at: &str) -> Failure {
    match error {
        SendError::Connect(error) => {
            let kind = match error {
                NoConnection::Name(_) => FailureKind::Dns,
                NoConnection::Tls(_) => FailureKind::Tls,
                _ => FailureKind::Connect,
            };
            Failure::new(kind, format!("{at}: {error}"))
        }
        SendError::Http(error) => Failure::new(kind_of(error), innermost(error)),
    }
}

/// Whether the other side ended the connection without an answer.
pub(super) fn broke_off(error: &SendError) -> bool {
    let SendError::Http(error) = error else { return false };
    matches!(kind_of(error), FailureKind::Closed | FailureKind::Reset)
}

fn kind_of(error: &hyper::Error) -> FailureKind {
    let io = io_error(error).map(io::Error::kind);
    // The latter two are how a body is reported whose framing is wrong.
    let malformed = matches!(io, Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput));
    if error.is_parse() || malformed {
        FailureKind::Malformed
    } else if error.is_incomplete_message() || io == Some(io::ErrorKind::UnexpectedEof) {
        FailureKind::Closed
    } else {
        FailureKind::Reset
    }
}

fn io_error(error: &hyper::Error) -> Option<&io::Error> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io);
        }
        cause = error.source();
    }
    None
}

/// The innermost cause says most.
fn innermost(error: &hyper::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
