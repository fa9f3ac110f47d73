//! Signals that end a run cleanly: Ctrl-C, `kill`, a terminal that closes.

use crate::study::CancellationToken;
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::signal::unix::{Signal, SignalKind, signal};

const INTERRUPT: u8 = 2;

/// The first signal received; 0 if none was.
static FIRST: AtomicU8 = AtomicU8::new(0);

/// Returns the exit code of a run that was stopped by a signal, by the convention of shells.
pub(super) fn exit_code() -> u8 {
    const BY_SIGNAL: u8 = 128;
    match FIRST.load(Ordering::Relaxed) {
        0 => BY_SIGNAL + INTERRUPT,
        signal => BY_SIGNAL.saturating_add(signal),
    }
}

/// Returns true if the first signal was Ctrl-C, or none was received.
pub(super) fn is_interrupted() -> bool {
    matches!(FIRST.load(Ordering::Relaxed), 0 | INTERRUPT)
}

/// Cancels a run at the first signal, and exits the process at the second; the guard then ends
/// whatever the run started. Signals are handled from the moment it returns. A file that grows beyond the
/// limit of `ulimit -f` is an error of its writer, and no longer ends the process without a word.
pub(super) fn cancel_on_signal(cancel: &CancellationToken) {
    // The handler stays when its listener is dropped.
    drop(signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())));
    let kinds = [
        Some(SignalKind::interrupt()),
        Some(SignalKind::terminate()),
        // `nohup` wants it to go on.
        (!ignores_hangup()).then(SignalKind::hangup),
    ];
    for kind in kinds.into_iter().flatten() {
        let Ok(number) = u8::try_from(kind.as_raw_value()) else { continue };
        // It fails only where the system is out of everything; then the signal kills, as it always did.
        if let Ok(signal) = signal(kind) {
            tokio::spawn(obey(signal, number, cancel.clone()));
        }
    }
}

async fn obey(mut signal: Signal, number: u8, cancel: CancellationToken) {
    while signal.recv().await.is_some() {
        let first = FIRST.compare_exchange(0, number, Ordering::Relaxed, Ordering::Relaxed);
        if first.is_err() {
            std::process::exit(exit_code().into());
        }
        cancel.cancel();
    }
}

/// Returns true if the parent process made this one ignore SIGHUP, as `nohup` does.
fn ignores_hangup() -> bool {
    const HANGUP: u64 = 1;
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return false };
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & HANGUP != 0)
}
