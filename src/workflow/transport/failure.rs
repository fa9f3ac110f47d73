//! Classification of errors on the wire.

use super::connect::NoConnection;
use super::connection::SendError;
use crate::measure::{Failure, FailureKind};
use rustls::CertificateError;
use std::error::Error;
use std::io;

/// Converts an error to a failure; `at` is the server's host and port.
pub(super) fn of(error: &SendError, at: &str) -> Failure {
    match error {
        SendError::Connect(error) => {
            let kind = match error {
                NoConnection::Name(_) => FailureKind::Dns,
                NoConnection::Tls(_) => FailureKind::Tls,
                _ => FailureKind::Connect,
            };
            let hint = if let NoConnection::Tls(error) = error { tls_hint(error) } else { "" };
            Failure::new(kind, format!("{at}: {error}{hint}"))
        }
        SendError::CutOff => Failure::new(
            FailureKind::Closed,
            "the server ended the stream before its answer was complete".to_owned(),
        ),
        SendError::Http(error) if error.is_parse_too_large() => {
            let message = format!(
                "{at} answers with more headers than sizer reads, or an impossible Content-Length"
            );
            Failure::new(FailureKind::TooLarge, message)
        }
        SendError::Http(error) if error.is_parse() => {
            let message = format!(
                "{at} does not answer in HTTP ({}); use https:// if it speaks TLS",
                innermost(error)
            );
            Failure::new(kind_of(error), message)
        }
        SendError::Http(error) => {
            let kind = kind_of(error);
            let message = match kind {
                FailureKind::Closed => {
                    "the server closed the connection before its answer was complete".to_owned()
                }
                FailureKind::Reset => format!("the connection broke: {}", innermost(error)),
                _ => format!("the answer is not valid HTTP: {}", innermost(error)),
            };
            Failure::new(kind, message)
        }
    }
}

/// What the check of certificates says of one of an authority that a server shows as its own.
const AS_ITS_OWN: &str = "CaUsedAsEndEntity";

/// Advice for a failed TLS handshake.
fn tls_hint(error: &io::Error) -> &'static str {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidMessage(_)) => {
            "; the server speaks plain HTTP at this port: use http:// in the address"
        }
        Some(rustls::Error::InvalidCertificate(error))
            if error.to_string().contains(AS_ITS_OWN) =>
        {
            "; the certificate in `connection: {ca: …}` is one of a certificate authority, and the server shows it as its \
             own: create one without `CA:TRUE` (`openssl req -x509 -addext basicConstraints=CA:FALSE …`), or accept \
             any certificate with `insecure: true`"
        }
        Some(rustls::Error::InvalidCertificate(
            CertificateError::ExpiredContext { .. } | CertificateError::Expired,
        )) => {
            "; the certificate has expired: renew it, or accept any certificate with `insecure: true`"
        }
        Some(rustls::Error::InvalidCertificate(_)) => {
            "; name its certificate authority with `connection: {ca: file.pem}`, or accept any certificate with \
             `insecure: true`"
        }
        _ => "",
    }
}

/// Returns true if a request without an answer cannot have been read in full: it never left, the connection
/// closed before all of it had left, or the peer itself says that it did not begin to process it.
pub(super) fn was_not_read(error: &hyper::Error) -> bool {
    if error.is_canceled() {
        return true;
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            return error.is_remote()
                && (error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM));
        }
        cause = error.source();
    }
    // A reset proves nothing, since a server may close this way after it has processed the request.
    io_error(error).is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Returns true if the peer ended the connection without an answer.
pub(super) fn broke_off(error: &SendError) -> bool {
    let SendError::Http(error) = error else { return false };
    matches!(kind_of(error), FailureKind::Closed | FailureKind::Reset)
}

fn kind_of(error: &hyper::Error) -> FailureKind {
    let io = io_error(error).map(io::Error::kind);
    // The latter two are how wrong framing of a body is reported.
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

/// Message of the innermost cause, which says most.
fn innermost(error: &hyper::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
