//! Answers passed on piece by piece, for the proxy.

use super::connection::IncomingAnswer;
use super::{Endpoint, Notes, Target};
use crate::measure::Failure;
use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::header::HeaderMap;
use hyper::{Method, Response};
use std::sync::Arc;

/// Answer on its way.
pub(in crate::workflow) struct PassedAnswer {
    answering: IncomingAnswer,
    endpoint: Arc<Endpoint>,
}

impl Endpoint {
    /// Sends a request on behalf of a client of the proxy. The answer may have any status.
    pub async fn pass(
        self: &Arc<Self>,
        method: &Method,
        target: &Target,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<PassedAnswer, Failure> {
        let posted = self.send(method, target, headers, body, &Notes::default()).await?;
        Ok(PassedAnswer { answering: posted.answering, endpoint: Arc::clone(self) })
    }
}

impl PassedAnswer {
    /// Status and headers.
    pub fn head(&self) -> &Response<Incoming> {
        self.answering.head()
    }

    /// Returns true if nothing more will arrive, known early if the answer declared its length.
    pub fn is_over(&self) -> bool {
        self.answering.head().body().is_end_stream()
    }

    /// Returns the next piece; `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        let chunk = self.answering.chunk(&self.endpoint.connections).await;
        chunk.map_err(|error| self.endpoint.failure(&error))
    }
}
