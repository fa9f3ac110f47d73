//! Execution with one process per run.

use super::process::{Process, exit, with_last_words};
use super::program::Program;
use super::tail::Tail;
use crate::measure::{Failure, FailureKind, Item, Outcome, Run};
use crate::workflow::Clock;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// Runs a program for an item. The time includes starting it, as it does for a user who calls it.
pub(in crate::workflow) async fn run(
    program: &Program,
    item: &Item,
    variables: &[(String, String)],
    timeout: Duration,
    clock: Clock,
) -> Run {
    let command = program.command(item, variables);
    let input = serde_json::to_vec(&item.to_fields());
    let start = clock.now();
    let exchange = async {
        let input = input.map_err(|error| {
            let message = format!("the item cannot be written as JSON: {error}");
            (Failure::new(FailureKind::Template, message), start)
        })?;
        let mut command = command.map_err(|failure| (failure, start))?;
        let mut process = Process::start(&mut command).map_err(|failure| (failure, clock.now()))?;
        let printed = Arc::<Tail>::default();
        let mut printing = Tail::listen(&printed, process.stdout());
        let mut stdin = process.stdin();
        let feed = async {
            if let Some(stdin) = &mut stdin {
                // A program need not read its input.
                let _ = stdin.write_all(&input).await;
            }
            drop(stdin);
            std::future::pending::<()>().await;
        };
        let ended = async {
            tokio::select! {
                biased;
                status = process.wait() => status,
                () = feed => Err(std::io::ErrorKind::Other.into()),
            }
        };
        let ended = tokio::time::timeout(timeout, ended).await;
        let end = clock.now();
        let failure = match ended {
            Ok(Ok(status)) if status.success() => None,
            Ok(Ok(status)) => {
                let mut evidence = process.evidence(program.redactor()).await;
                if evidence.is_empty() {
                    printing.last_words().await;
                    evidence = printed.text(program.redactor());
                }
                Some(exit(status, &evidence))
            }
            Ok(Err(error)) => Some(Failure::new(FailureKind::Exit, error.to_string())),
            Err(_) => {
                process.stop().await;
                let evidence = process.evidence(program.redactor()).await;
                let seconds = timeout.as_secs_f64();
                let message =
                    with_last_words(&format!("not finished within {seconds} s"), &evidence);
                Some(Failure::new(FailureKind::Timeout, message))
            }
        };
        // Children that outlive their parent are not part of the run.
        process.kill();
        match failure {
            None => Ok(end),
            Some(failure) => Err((failure, end)),
        }
    };
    let (outcome, end) = match exchange.await {
        Ok(end) => (Outcome::Ok, end),
        Err((failure, end)) => (Outcome::Failed(failure), end),
    };
    Run { id: item.id.clone(), start, end, outcome, ..Run::default() }
}
