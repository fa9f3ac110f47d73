//! A process with all that it starts: one group, ended as one.

use super::guard;
use super::tail::{Listener, Tail};
use crate::measure::{Failure, FailureKind};
use crate::redact::Redactor;
use rustix::process::{Pid, Signal, kill_process_group};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tracing::debug;

/// How long a process may take to end by itself once it is asked to.
const GRACE: Duration = Duration::from_secs(2);

/// A process that leads a group of its own. Dropped, the whole group is killed.
pub(super) struct Process {
    child: Child,
    group: Group,
    said: Arc<Tail>,
    listening: Listener,
    /// Whether its end was seen.
    is_over: bool,
}

/// A process group.
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(leader) = self.0 {
            // It fails where nobody is left, and that is what is wanted.
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
    /// Starts a command whose streams are pipes; what it says on stderr is kept for evidence.
    pub fn start(command: &mut Command) -> Result<Self, Failure> {
        let mut process = Self::start_unheard(command)?;
        let stderr = process.stderr();
        process.listening = Tail::listen(&process.said, stderr);
        Ok(process)
    }

    /// Starts a command whose streams are pipes, all of which are the caller's.
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

    /// Where it reads; at most once.
    pub fn stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Where it prints; at most once.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Where it complains; at most once.
    pub fn stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// Waits for its end.
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

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let ended = self.child.try_wait().ok().flatten();
        if let Some(status) = ended {
            self.note_end(status);
        }
        ended
    }

    /// What it has said on stderr of late, once it is over or will not say more.
    pub async fn evidence(&mut self, redactor: &Redactor) -> String {
        self.listening.last_words().await;
        self.said.text(redactor)
    }

    /// What it has said on stderr until now.
    pub fn said(&self) -> &Arc<Tail> {
        &self.said
    }

    /// Kills whatever is left of the group.
    pub fn kill(&mut self) {
        self.group.signal(Signal::KILL);
    }

    /// Asks the group to end, and kills what does not.
    pub async fn stop(&mut self) {
        self.group.signal(Signal::TERM);
        let _ = tokio::time::timeout(GRACE, self.wait()).await;
        self.kill();
        // Killed, it is only to be collected.
        let _ = tokio::time::timeout(GRACE, self.wait()).await;
    }

    /// Lets it end by itself, as it does when its input ends; then the same.
    pub async fn finish(mut self) {
        if tokio::time::timeout(GRACE, self.wait()).await.is_err() {
            self.stop().await;
        }
        self.kill();
    }
}

/// An exit that is no success, with what was said before it.
pub(super) fn exit(status: ExitStatus, evidence: &str) -> Failure {
    let evidence = if evidence.is_empty() { "it said nothing on stderr" } else { evidence };
    Failure::new(FailureKind::Exit, format!("{status}: {evidence}"))
}
