//! Errors of commands, and output to the terminal.

use crate::load::{ForeignError, WorkerError};
use crate::measure::MergeError;
use crate::redact::{Redactor, printable, secrets_among};
use crate::spec::SpecError;
use crate::study::{CalcError, Cause, PipelineError};
use std::ffi::OsString;
use std::io::Write;
use std::sync::OnceLock;

/// Reason why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    #[error("{0}")]
    Spec(#[from] SpecError),
    #[error("{0}")]
    Pipeline(#[from] PipelineError),
    #[error("{0}")]
    Calc(#[source] CalcError),
    #[error("{0}")]
    Worker(#[from] WorkerError),
    #[error("{0}")]
    Shares(#[from] ForeignError),
    #[error("{0}")]
    Merge(#[from] MergeError),
    /// The command line does not make sense here.
    #[error("{0}")]
    Usage(String),
    /// A system call failed.
    #[error("{what}: {error}")]
    System {
        what: String,
        #[source]
        error: Cause,
    },
}

impl From<CalcError> for CliError {
    fn from(error: CalcError) -> Self {
        match error {
            CalcError::Pipeline(error) => Self::Pipeline(error),
            other => Self::Calc(other),
        }
    }
}

impl CliError {
    /// Creates an error from the failed action and the system's reason.
    pub fn system(what: impl Into<String>, error: impl Into<Cause>) -> Self {
        Self::System { what: what.into(), error: error.into() }
    }
}

/// Makes a text safe to print: control characters are escaped, and possible secrets from the
/// command line are masked.
pub(super) fn shown(text: &str) -> String {
    let redactor = Redactor::default();
    for secret in secrets_typed() {
        redactor.add(&secret);
    }
    printable(&redactor.text(text.to_owned())).into_owned()
}

/// The arguments of the command line; the first one counts, as a process has one.
static TYPED: OnceLock<Vec<String>> = OnceLock::new();

/// Remembers the command line that was typed, which begins with the name of the command.
pub(super) fn remember_typed(line: &[OsString]) {
    TYPED.get_or_init(|| line.iter().skip(1).map(|it| it.to_string_lossy().into_owned()).collect());
}

/// Returns the arguments on the command line that may be secrets.
pub(super) fn secrets_typed() -> Vec<String> {
    let arguments = TYPED.get().map_or(&[][..], Vec::as_slice);
    secrets_among(arguments).into_iter().map(str::to_owned).collect()
}

/// Writes a line to stderr, with control characters escaped.
pub(super) fn tell(line: &str) {
    // Nothing is left to do where stderr itself is gone, as it is with a terminal that was closed.
    let _ = writeln!(std::io::stderr(), "{}", shown(line));
}

/// Writes to stdout, with control characters escaped; a reader that closes the pipe early
/// (`| head`) is no error.
pub(super) fn print(text: &str) -> Result<(), CliError> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(printable(text).as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CliError::system("stdout cannot be written", error))
        }
        _ => Ok(()),
    }
}

/// Writes a value to stdout as indented JSON.
pub(super) fn print_json(value: &impl serde::Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value);
    print(
        &(text.map_err(|error| CliError::system("the output cannot be written as JSON", error))?
            + "\n"),
    )
}

/// Creates the async runtime for verbs that use the network.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    // One core is served best by one thread: it saves handing tasks over, a twentieth of the load's cost.
    let alone = std::thread::available_parallelism().is_ok_and(|cores| cores.get() == 1);
    let mut builder = if alone {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    let runtime = builder.enable_all().build();
    runtime.map_err(|error| CliError::system("the async runtime cannot start", error))
}
