//! Process together with everything it starts: one group, ended as a whole.

use super::guard;
use super::tail::{Listener, Log, Tail};
use super::usage;
use crate::measure::{CpuTime, Failure, FailureKind};
use crate::redact::Redactor;
use rustix::process::{Pid, Signal, kill_process_group};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tracing::debug;

/// Time that a process gets to exit once it is asked to.
const GRACE: Duration = Duration::from_secs(2);

/// Process that leads a group of its own. Dropping it kills the whole group.
pub(in crate::workflow) struct Process {
    child: Child,
    group: Group,
    said: Arc<Tail>,
    listening: Listener,
    /// True once its end has been observed.
    is_over: bool,
}

/// Process group.
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(leader) = self.0 {
            // Fails if nobody is left, which is the goal.
            let _ = kill_process_group(leader, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(leader) = self.group.0.filter(|_| !self.is_over) {
            debug!("process {} is killed with its group", leader.as_raw_nonzero());
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        if let Some(leader) = self.0 {
            guard::forget_group(leader);
        }
    }
}

impl Process {
    /// Starts a command with piped streams and keeps what it writes to stderr as evidence.
    pub fn start(command: &mut Command) -> Result<Self, Failure> {
        let mut process = Self::start_unheard(command)?;
        let stderr = process.stderr();
        process.listening = Tail::listen(&process.said, stderr);
        Ok(process)
    }

    /// Starts a command as [`start`](Self::start) does, and logs what it writes to stderr as well.
    pub fn start_logged(
        command: &mut Command,
        name: &str,
        redactor: &Redactor,
    ) -> Result<Self, Failure> {
        let mut process = Self::start_unheard(command)?;
        let id = process.group.0.map_or(0, |leader| leader.as_raw_nonzero().get());
        let log = Log::named(format!("{name} {id}"), redactor.clone());
        let stderr = process.stderr();
        process.listening = Tail::listen_and_write(&process.said, stderr, Some(log));
        Ok(process)
    }

    /// Starts a command with piped streams, all of which are left to the caller.
    pub fn start_unheard(command: &mut Command) -> Result<Self, Failure> {
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        command.process_group(0);
        command.kill_on_drop(true);
        let child = command.spawn().map_err(|error| {
            Failure::new(FailureKind::Spawn, format!("`{program}` cannot be started: {error}"))
        })?;
        let leader = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(leader) = leader {
            guard::watch_group(leader);
            debug!("process {} started: `{program}`", leader.as_raw_nonzero());
        }
        let (said, listening) = (Arc::default(), Listener::none());
        Ok(Self { child, group: Group(leader), said, listening, is_over: false })
    }

    /// Takes its standard input; `None` after the first call.
    pub fn stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Takes its standard output; `None` after the first call.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Takes its standard error; `None` after the first call.
    pub fn stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// Waits until it exits.
    pub async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        let ended = self.child.wait().await;
        if let Ok(status) = &ended {
            self.note_end(*status);
        }
        ended
    }

    fn note_end(&mut self, status: ExitStatus) {
        if let Some(leader) = self.group.0.filter(|_| !self.is_over) {
            self.is_over = true;
            debug!("process {} ended: {status}", leader.as_raw_nonzero());
        }
    }

    /// Returns its exit status if it has exited.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let ended = self.child.try_wait().ok().flatten();
        if let Some(status) = ended {
            self.note_end(status);
        }
        ended
    }

    /// Returns the recent output on stderr, waiting briefly for the rest of it.
    pub async fn evidence(&mut self, redactor: &Redactor) -> String {
        self.listening.last_words().await;
        self.said.text(redactor)
    }

    /// CPU time of it so far; `None` if nothing tells.
    pub fn cpu_time(&self) -> Option<CpuTime> {
        self.group.0.and_then(usage::cpu_time)
    }

    /// Output on stderr so far.
    pub(super) fn said(&self) -> &Arc<Tail> {
        &self.said
    }

    /// Kills whatever is left of the group.
    pub fn kill(&mut self) {
        self.group.signal(Signal::KILL);
    }

    /// Asks the group to exit, and kills whatever does not.
    pub async fn stop(&mut self) {
        self.group.signal(Signal::TERM);
        let _ = tokio::time::timeout(GRACE, self.wait()).await;
        self.kill();
        // After the kill, only the exit status is left to collect.
        let _ = tokio::time::timeout(GRACE, self.wait()).await;
    }

    /// Gives it time to exit on its own, as it does once its input ends, then stops it.
    pub async fn finish(mut self) {
        if tokio::time::timeout(GRACE, self.wait()).await.is_err() {
            self.stop().await;
        }
        self.kill();
    }
}

/// Adds the last output on stderr to a message, if there is any.
pub(super) fn with_last_words(message: &str, evidence: &str) -> String {
    if evidence.is_empty() {
        format!("{message}, and nothing on stderr")
    } else {
        format!("{message}; on stderr: {evidence}")
    }
}

/// Builds the failure of a non-zero exit, quoting what was said before it.
pub(in crate::workflow) fn exit(status: ExitStatus, evidence: &str) -> Failure {
    let evidence = if evidence.is_empty() { "it wrote nothing to stderr" } else { evidence };
    Failure::new(FailureKind::Exit, format!("{status}: {evidence}"))
}
