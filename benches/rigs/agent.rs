//! The agent as a workflow, on a rig that a task of its own plays in virtual time.

use super::{Scenario, Trouble};
use sizer::extend::{LevelPlan, Window};
use sizer::internal::{Cluster, Sequence};
use sizer::kinds::Engine;
use sizer::{BoxFuture, Clock, Failure, Item, LlmCall, Outcome, Run, Workflow};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

/// What the rig is told, each at a time in seconds since the agent started.
enum Message {
    /// A call, and whom to tell of its end.
    Call(f64, Sequence, oneshot::Sender<()>),
    /// A new speed.
    Speed(f64, f64),
    /// Seconds of standing still.
    Stall(f64, f64),
}

impl Message {
    fn at(&self) -> f64 {
        match self {
            Self::Call(at, ..) | Self::Speed(at, _) | Self::Stall(at, _) => *at,
        }
    }
}

/// The agent.
pub struct Agent {
    scenario: Scenario,
    trouble: Arc<dyn Trouble>,
    origin: Instant,
    rig: mpsc::UnboundedSender<Message>,
    runs: AtomicU64,
    in_flight: AtomicU32,
    level: AtomicUsize,
    /// Runs of the level that have begun, and how many there are to be.
    begun: AtomicUsize,
    planned: AtomicUsize,
    /// True if calls report their tokens (`--tokens`).
    reports_tokens: bool,
}

impl Agent {
    /// Starts it and its rig on the runtime that one is in.
    pub fn start(scenario: &Scenario, trouble: Arc<dyn Trouble>) -> Self {
        let (rig, inbox) = mpsc::unbounded_channel();
        let origin = Instant::now();
        let engine = Engine { replicas: scenario.rig_replicas, ..scenario.engine.clone() };
        tokio::spawn(play(Cluster::new(&engine, scenario.seed), inbox, origin));
        Self {
            scenario: scenario.clone(),
            trouble,
            origin,
            rig,
            runs: AtomicU64::new(0),
            in_flight: AtomicU32::new(0),
            level: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            planned: AtomicUsize::new(0),
            reports_tokens: std::env::args().any(|argument| argument == "--tokens"),
        }
    }

    /// Makes ready for a level, by its place in the sweep, while no run is under way.
    pub fn begin_level(&self, level: usize, plan: &LevelPlan) {
        let measured = if let Window::Runs(runs) = plan.workload.window { runs } else { 0 };
        self.level.store(level, Ordering::Relaxed);
        self.begun.store(0, Ordering::Relaxed);
        self.planned.store(plan.workload.warmup + measured, Ordering::Relaxed);
        self.tell(Message::Speed(self.now(), self.trouble.speed(level)));
    }

    fn now(&self) -> f64 {
        self.origin.elapsed().as_secs_f64()
    }

    fn tell(&self, message: Message) {
        let _ = self.rig.send(message);
    }

    /// Makes the calls of a run.
    async fn calls(&self, run: u64, clock: Clock) -> Vec<LlmCall> {
        let mut calls = Vec::new();
        for (sequence, pause) in self.scenario.script(run).0 {
            let (prompt, completion) = (sequence.prompt_tokens, sequence.output_tokens);
            let (done, end) = oneshot::channel();
            let start = clock.now();
            self.tell(Message::Call(self.now(), sequence, done));
            let _ = end.await;
            let counted = |tokens: u32| self.reports_tokens.then(|| u64::from(tokens));
            calls.push(LlmCall {
                start,
                end: clock.now(),
                prompt_tokens: counted(prompt),
                completion_tokens: counted(completion),
                ..LlmCall::default()
            });
            sleep(Duration::from_secs_f64(pause)).await;
        }
        calls
    }

    async fn one(&self, clock: Clock, in_flight: u32) -> (Vec<LlmCall>, Option<Failure>) {
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let begun = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        let (level, planned) =
            (self.level.load(Ordering::Relaxed), self.planned.load(Ordering::Relaxed));
        if let Some(seconds) = self.trouble.stall(level, begun, planned, clock.now()) {
            self.tell(Message::Stall(self.now(), seconds));
        }
        if let Some(failure) = self.trouble.refuses(run, in_flight) {
            return (Vec::new(), Some(failure));
        }
        (self.calls(run, clock).await, self.trouble.spoils(run, in_flight))
    }
}

impl Workflow for Agent {
    fn check(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }

    fn run<'a>(&'a self, item: &'a Item, clock: Clock) -> BoxFuture<'a, Run> {
        Box::pin(async move {
            let start = clock.now();
            let in_flight = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
            let (llm_calls, failure) = self.one(clock, in_flight).await;
            self.in_flight.fetch_sub(1, Ordering::Relaxed);
            let outcome = failure.map_or(Outcome::Ok, Outcome::Failed);
            let id = item.id.clone();
            Run { id, start, end: clock.now(), outcome, llm_calls, ..Run::default() }
        })
    }
}

/// The time of the rig's engine, which may go faster or slower than the client's, or stand still.
struct Warp {
    from: f64,
    engine_from: f64,
    speed: f64,
}

impl Warp {
    fn engine(&self, client: f64) -> f64 {
        self.engine_from + (client - self.from).max(0.0) * self.speed
    }

    fn client(&self, engine: f64) -> f64 {
        self.from + (engine - self.engine_from) / self.speed
    }

    /// Goes on at another speed after standing still for some seconds.
    fn change(&mut self, at: f64, seconds: f64, speed: f64) {
        let standing = (self.from - at).max(0.0);
        *self = Self { from: at + standing + seconds, engine_from: self.engine(at), speed };
    }
}

async fn play(mut cluster: Cluster, mut inbox: mpsc::UnboundedReceiver<Message>, origin: Instant) {
    let mut waiting: BTreeMap<u64, oneshot::Sender<()>> = BTreeMap::new();
    let mut warp = Warp { from: 0.0, engine_from: 0.0, speed: 1.0 };
    loop {
        let step = cluster.next_step_end().map(|at| warp.client(at));
        let step = step.map(|at| origin + Duration::from_secs_f64(at));
        let message = tokio::select! {
            biased;
            message = inbox.recv() => match message {
                Some(message) => Some(message),
                None => return,
            },
            () = sleep_until(step.unwrap_or(origin)), if step.is_some() => None,
        };
        // A paused clock stands still until all have waited: rounding must not leave a step behind.
        let now = warp.engine(origin.elapsed().as_secs_f64());
        let ended = cluster.next_step_end().map_or(now, |at| at.max(now));
        cluster.advance(message.as_ref().map_or(ended, |it| warp.engine(it.at())), |token| {
            if token.last
                && let Some(waiting) = waiting.remove(&token.id)
            {
                let _ = waiting.send(());
            }
        });
        match message {
            Some(Message::Call(at, sequence, done)) => {
                waiting.insert(sequence.id, done);
                cluster.submit(warp.engine(at), sequence);
            }
            // The same speed changes nothing, not even a last digit.
            Some(Message::Speed(at, speed)) if (speed - warp.speed).abs() > 0.0 => {
                warp.change(at, 0.0, speed);
            }
            Some(Message::Stall(at, seconds)) => warp.change(at, seconds, warp.speed),
            Some(Message::Speed(..)) | None => {}
        }
    }
}
