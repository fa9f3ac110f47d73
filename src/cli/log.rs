//! The log (`--log` or `RUST_LOG`): events as lines on stderr, without secrets, and with control
//! characters escaped.

use super::diagnose::{secrets_typed, tell};
use crate::redact::{Redactor, printable, redact};
use std::error::Error;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::time::Uptime;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Variables that set the log filter without `--log`, in the syntax of `RUST_LOG`.
const VARIABLES: [&str; 2] = ["SIZER_LOG", "RUST_LOG"];
/// Target of this crate's events, which leaves out those of its dependencies.
const OWN: &str = env!("CARGO_CRATE_NAME");

static IS_ON: AtomicBool = AtomicBool::new(false);

/// Verbosity of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogLevel {
    /// Nothing
    Off,
    /// Errors
    Error,
    /// Possible problems
    Warn,
    /// Progress of a run
    Info,
    /// Stages with their keys, requests, processes, and why a command failed
    Debug,
    /// Each piece of an answer
    Trace,
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Off => Self::OFF,
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

/// Starts logging, if requested. Otherwise an event costs one comparison.
pub(super) fn start(level: Option<LogLevel>) {
    let wanted = match level {
        Some(level) => Targets::new().with_target(OWN, level),
        None => match of_environment() {
            Some(targets) => targets,
            None => return,
        },
    };
    if wanted.iter().all(|(_, level)| level == LevelFilter::OFF)
        && wanted.default_level().is_none_or(|level| level == LevelFilter::OFF)
    {
        return;
    }
    let redactor = Redactor::of_process();
    for secret in secrets_typed() {
        redactor.add(&secret);
    }
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_timer(Uptime::default())
        .with_writer(move || Lines(redactor.clone()));
    // Fails only where somebody logs already, who then gets the events.
    let begun = tracing_subscriber::registry().with(lines.with_filter(wanted)).try_init();
    IS_ON.store(begun.is_ok(), Ordering::Relaxed);
}

/// Returns true if lines are logged, which progress bars would garble.
pub(super) fn is_on() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

/// Logs an error together with its causes.
pub(super) fn causes(error: &dyn Error) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let mut last = error.to_string();
    tracing::debug!("failed: {last}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Some errors are nothing but what they come of.
        if text != last {
            tracing::debug!("caused by: {text}");
        }
        last = text;
        cause = error.source();
    }
}

fn of_environment() -> Option<Targets> {
    let (name, text) = VARIABLES.into_iter().find_map(|name| {
        let text = std::env::var(name).ok()?;
        (!text.is_empty()).then_some((name, text))
    })?;
    let targets = text.parse().ok();
    if targets.is_none() {
        // It may be meant for another program.
        tell(&format!(
            "{name} cannot be parsed, so nothing is logged: expected a level, or targets with levels \
             (`sizer=debug,h2=info`)"
        ));
    }
    targets
}

/// Writer of log lines to stderr; each is written whole.
struct Lines(Redactor);

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let safe = safe(&self.0, line);
        // A terminal that is gone stops no run.
        let _ = writeln!(io::stderr(), "{safe}");
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Redacts and escapes a line, so that no text from outside can start another one.
fn safe(redactor: &Redactor, line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = redact(&redactor.bytes(line));
    printable(&line).replace('\r', "\\r").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_no_secret_and_is_one_line() {
        let redactor = Redactor::apart();
        redactor.add("canary-7f3d");
        for (line, expected) in [
            ("GET /v1\n", "GET /v1"),
            ("the key is canary-7f3d\n", "the key is ***"),
            ("a\r\nERROR forged\n", "a\\r\\nERROR forged"),
            ("\u{1b}[2J\u{202e}\n", "\\u001b[2J\\u202e"),
            ("at http://me:word@host/v1\n", "at http://me:***@host/v1"),
            ("api_key: canary\n", "api_key: ***"),
        ] {
            assert_eq!(safe(&redactor, line.as_bytes()), expected);
        }
    }
}
