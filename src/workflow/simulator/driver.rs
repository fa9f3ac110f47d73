//! Real-time driver of the engine: one task owns the cluster, and requests talk to it through a channel.

use super::config::{Length, SimulatorSpec};
use super::engine::{Cluster, Sequence, Token};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand_distr::{Distribution, LogNormal};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until};

/// Stream of the tokens of one request as they become ready.
pub(super) type Tokens = UnboundedReceiver<Token>;

struct Submission {
    at: f64,
    sequence: Sequence,
    tokens: UnboundedSender<Token>,
}

/// Running engine.
pub(super) struct Driver {
    submissions: UnboundedSender<Submission>,
    origin: Instant,
    origin_epoch: f64,
    dice: Mutex<Dice>,
}

/// Seeded generator of lengths and numbers.
struct Dice {
    rng: Xoshiro256PlusPlus,
    next_id: u64,
    prompt: Option<Length>,
    output: Length,
}

/// Request accepted by the engine.
pub(super) struct AcceptedRequest {
    /// Time of acceptance, in seconds since the driver started.
    pub at: f64,
    pub prompt_tokens: u32,
    /// True if the request's own limit cuts the answer short.
    pub cut: bool,
    pub tokens: Tokens,
}

impl Driver {
    /// Starts the task that drives the engine; it ends when the driver is dropped.
    pub fn start(spec: &SimulatorSpec) -> Self {
        let (submissions, inbox) = unbounded_channel();
        let origin = Instant::now();
        let origin_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0.0, |since_epoch| since_epoch.as_secs_f64());
        tokio::spawn(play(Cluster::new(&spec.engine, spec.seed), inbox, origin));
        let dice = Dice {
            rng: Xoshiro256PlusPlus::seed_from_u64(spec.seed ^ 0x6C65_6E67_7468_7321),
            next_id: 0,
            prompt: spec.prompt_tokens,
            output: spec.output_tokens,
        };
        Self { submissions, origin, origin_epoch, dice: Mutex::new(dice) }
    }

    /// Seconds since the driver started.
    pub fn elapsed(&self) -> f64 {
        self.origin.elapsed().as_secs_f64()
    }

    /// Converts a time of the driver to seconds since the epoch.
    pub fn epoch(&self, at: f64) -> f64 {
        self.origin_epoch + at
    }

    /// Submits a prompt to the engine.
    pub fn submit(&self, prompt: &str, max_tokens: Option<u32>) -> AcceptedRequest {
        let (sequence, cut) = {
            let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
            dice.throw(prompt, max_tokens)
        };
        let (tokens, receiver) = unbounded_channel();
        let at = self.elapsed();
        let prompt_tokens = sequence.prompt_tokens;
        // Fails only while the runtime shuts down, in which case the receiver ends as well.
        let _ = self.submissions.send(Submission { at, sequence, tokens });
        AcceptedRequest { at, prompt_tokens, cut, tokens: receiver }
    }

    /// Random number between 0 and 1.
    pub fn chance(&self) -> f64 {
        use rand::RngExt;
        self.dice.lock().unwrap_or_else(PoisonError::into_inner).rng.random()
    }
}

impl Dice {
    fn throw(&mut self, prompt: &str, max_tokens: Option<u32>) -> (Sequence, bool) {
        let id = self.next_id;
        self.next_id += 1;
        let prompt_tokens = match self.prompt {
            Some(length) => self.length(length),
            None => u32::try_from(prompt.chars().count().div_ceil(4)).unwrap_or(u32::MAX).max(1),
        };
        let wanted = self.length(self.output);
        let output_tokens = wanted.min(max_tokens.unwrap_or(u32::MAX)).max(1);
        (Sequence { id, prompt_tokens, output_tokens }, output_tokens < wanted)
    }

    fn length(&mut self, length: Length) -> u32 {
        let factor =
            LogNormal::new(0.0, length.sigma).map_or(1.0, |spread| spread.sample(&mut self.rng));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and a float-to-int cast saturates"
        )]
        let tokens = (length.median * factor).round() as u32;
        tokens.clamp(1, 1 << 20)
    }
}

async fn play(mut cluster: Cluster, mut inbox: UnboundedReceiver<Submission>, origin: Instant) {
    let mut listeners: HashMap<u64, UnboundedSender<Token>> = HashMap::new();
    loop {
        let step_end = cluster.next_step_end().map(|at| origin + Duration::from_secs_f64(at));
        // Biased towards the channel: what arrived before a step ended must be able to join the next.
        let submission = tokio::select! {
            biased;
            submission = inbox.recv() => match submission {
                Some(submission) => Some(submission),
                None => return,
            },
            () = sleep_until(step_end.unwrap_or(origin)), if step_end.is_some() => None,
        };
        // A submission takes effect at the time it was made, however late this task woke up.
        let to = submission.as_ref().map_or_else(|| origin.elapsed().as_secs_f64(), |it| it.at);
        let mut gone = Vec::new();
        cluster.advance(to, |token| {
            let delivered =
                listeners.get(&token.id).is_some_and(|listener| listener.send(token).is_ok());
            if token.last {
                listeners.remove(&token.id);
            } else if !delivered {
                gone.push(token.id);
            }
        });
        for id in gone {
            listeners.remove(&id);
            cluster.cancel(id);
        }
        if let Some(Submission { at, sequence, tokens }) = submission {
            listeners.insert(sequence.id, tokens);
            cluster.submit(at, sequence);
        }
    }
}
