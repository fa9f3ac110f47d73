//! Reading of an answer, up to the end of its body or the end that its protocol defines.

use super::PostedAnswer;
use crate::measure::{Failure, FailureKind};
use crate::workflow::budget::BudgetShare;
use futures_util::FutureExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Maximum size of a body in bytes.
const LARGEST_BODY: usize = 64 << 20;
/// Time that a complete answer waits for the protocol's end marker, or for more of itself.
const LAST_WORD: Duration = Duration::from_secs(1);
/// Time within which the body of a finished answer must end for its connection to be reused.
const LINGER: Duration = Duration::from_secs(2);
/// Time within which a body must end so as not to count as late.
const LATE: Duration = Duration::from_millis(250);

/// Progress of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::workflow) enum Progress {
    /// More of the answer is to come.
    Open,
    /// The answer is complete, but the protocol's end marker, which is optional, has not arrived.
    Complete {
        /// Number of parts that it has so far, without comments and repetitions.
        parts: usize,
    },
    /// Nothing more of the answer can follow.
    Over,
}

impl PostedAnswer<'_> {
    /// Reads the body piece by piece to its end. What has been read is charged to the budget for all bodies
    /// until then.
    pub async fn each_chunk(
        self,
        mut each: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut held = BudgetShare::default();
        let each = |chunk: &[u8]| {
            held.more(chunk.len())?;
            each(chunk).map(|()| Progress::Open)
        };
        self.until_over(each).await
    }

    /// Reads the body piece by piece until the answer in it has ended. Errors after the answer is complete
    /// are ignored.
    pub async fn until_over(
        mut self,
        mut each: impl FnMut(&[u8]) -> Result<Progress, Failure>,
    ) -> Result<(), Failure> {
        let (mut size, mut progress) = (0_usize, Progress::Open);
        let mut deadline = None;
        loop {
            let chunk = self.answering.chunk(&self.endpoint.connections);
            let chunk = match deadline {
                None => chunk.await,
                Some(deadline) => match tokio::time::timeout_at(deadline, chunk).await {
                    Ok(chunk) => chunk,
                    Err(_) => break,
                },
            };
            let chunk = match chunk {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok(()),
                Err(_) if progress != Progress::Open => return Ok(()),
                Err(error) => {
                    let failure = self.endpoint.failure(&error);
                    self.answering.trail.failed(&failure);
                    return Err(failure);
                }
            };
            size += chunk.len();
            if size > LARGEST_BODY {
                let message = format!("the answer is larger than {} MiB", LARGEST_BODY >> 20);
                return Err(Failure::new(FailureKind::TooLarge, message));
            }
            let before = std::mem::replace(&mut progress, each(&chunk)?);
            match progress {
                Progress::Open => deadline = None,
                Progress::Over => break,
                // What brings nothing of the answer, such as signs of life, buys no time.
                Progress::Complete { .. } if progress == before => {
                    if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                        break;
                    }
                }
                Progress::Complete { .. } => deadline = Some(Instant::now() + LAST_WORD),
            }
        }
        self.leave();
        Ok(())
    }

    /// Leaves a body whose answer has ended. If it ends soon, its connection is reused.
    fn leave(mut self) {
        let home = Arc::clone(&self.endpoint.connections);
        if let Some(Ok(None) | Err(_)) = self.answering.chunk(&home).now_or_never() {
            return;
        }
        let mut answering = self.answering;
        // What arrives now is not part of the answer.
        drop(std::mem::take(&mut answering.trail));
        tokio::spawn(async move {
            let rest = async { while let Ok(Some(_)) = answering.chunk(&home).await {} };
            let in_time = tokio::time::timeout(LATE, rest).await;
            if in_time.is_err() {
                home.noted_late();
                let rest = async { while let Ok(Some(_)) = answering.chunk(&home).await {} };
                let _ = tokio::time::timeout(LINGER, rest).await;
            }
        });
    }
}
