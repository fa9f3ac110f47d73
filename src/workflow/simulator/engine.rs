//! Cluster of continuous-batching replicas in virtual time. Pure: time is an argument, and randomness comes
//! from a seed.
//!
//! A replica works in steps. A step takes `base + per_sequence × batch + per_prefill_token × prompt tokens
//! that enter in it`, times a log-normal jitter, and generates one token for every sequence in the batch.
//! Sequences enter between steps, first in, first out, up to `max_batch`.

use super::config::Engine;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand_distr::{Distribution, LogNormal};
use std::collections::VecDeque;

/// Request as the engine sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sequence {
    /// Id chosen by the caller.
    pub id: u64,
    /// Number of tokens to prefill before the first is generated.
    pub prompt_tokens: u32,
    /// Number of tokens to generate; at least one.
    pub output_tokens: u32,
}

/// Generated token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Token {
    /// Id of its sequence.
    pub id: u64,
    /// Virtual time at which it was ready, in seconds.
    pub at: f64,
    /// True if it is the last of its sequence.
    pub last: bool,
}

/// Replicas behind a least-loaded router.
pub struct Cluster {
    replicas: Vec<Replica>,
}

impl Cluster {
    /// Creates an idle cluster.
    pub fn new(engine: &Engine, seed: u64) -> Self {
        let replicas = (0..u64::from(engine.replicas.max(1)))
            .map(|index| {
                Replica::new(engine, seed.wrapping_add(index.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
            })
            .collect();
        Self { replicas }
    }

    /// Adds a sequence at `now` to the replica with the least load. The cluster must have been advanced to
    /// `now`.
    pub fn submit(&mut self, now: f64, sequence: Sequence) {
        if let Some(replica) = self.replicas.iter_mut().min_by_key(|replica| replica.load()) {
            replica.submit(now, sequence);
        }
    }

    /// Removes a sequence whose client went away.
    pub fn cancel(&mut self, id: u64) {
        for replica in &mut self.replicas {
            replica.queue.retain(|waiting| waiting.id != id);
            replica.batch.retain(|active| active.id != id);
        }
    }

    /// Returns the end of the next step, if any is under way.
    pub fn next_step_end(&self) -> Option<f64> {
        self.replicas.iter().filter_map(|replica| replica.step_end).min_by(f64::total_cmp)
    }

    /// Completes all steps that end at or before `to`, and passes their tokens to `emit`: replica by replica,
    /// in order of time within each.
    pub fn advance(&mut self, to: f64, mut emit: impl FnMut(Token)) {
        for replica in &mut self.replicas {
            while let Some(at) = replica.step_end.filter(|at| *at <= to) {
                replica.end_step(at, &mut emit);
            }
        }
    }
}

struct ActiveSequence {
    id: u64,
    remaining: u32,
}

struct Replica {
    engine: Engine,
    jitter: Option<LogNormal<f64>>,
    rng: Xoshiro256PlusPlus,
    queue: VecDeque<Sequence>,
    batch: Vec<ActiveSequence>,
    step_end: Option<f64>,
}

impl Replica {
    fn new(engine: &Engine, seed: u64) -> Self {
        let jitter =
            (engine.jitter > 0.0).then(|| LogNormal::new(0.0, engine.jitter).ok()).flatten();
        Self {
            engine: engine.clone(),
            jitter,
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            queue: VecDeque::new(),
            batch: Vec::new(),
            step_end: None,
        }
    }

    fn load(&self) -> usize {
        self.queue.len() + self.batch.len()
    }

    fn submit(&mut self, now: f64, sequence: Sequence) {
        self.queue.push_back(sequence);
        if self.step_end.is_none() {
            self.begin_step(now);
        }
    }

    fn begin_step(&mut self, now: f64) {
        let mut prefill = 0.0;
        while self.batch.len() < self.engine.max_batch as usize {
            let Some(next) = self.queue.pop_front() else { break };
            prefill += f64::from(next.prompt_tokens);
            self.batch.push(ActiveSequence { id: next.id, remaining: next.output_tokens.max(1) });
        }
        if self.batch.is_empty() {
            self.step_end = None;
            return;
        }
        let engine = &self.engine;
        let time = engine.base.get()
            + engine.per_sequence.get() * self.batch.len() as f64
            + engine.per_prefill_token.get() * prefill;
        let factor = self.jitter.map_or(1.0, |jitter| jitter.sample(&mut self.rng));
        self.step_end = Some(now + time * factor);
    }

    fn end_step(&mut self, at: f64, emit: &mut impl FnMut(Token)) {
        for active in &mut self.batch {
            active.remaining -= 1;
            emit(Token { id: active.id, at, last: active.remaining == 0 });
        }
        self.batch.retain(|active| active.remaining > 0);
        self.begin_step(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Seconds;

    fn engine(replicas: u32, max_batch: u32) -> Engine {
        let seconds = |value| Seconds::new(value).unwrap();
        Engine {
            replicas,
            max_batch,
            base: seconds(0.010),
            per_sequence: seconds(0.002),
            per_prefill_token: seconds(0.0001),
            jitter: 0.0,
        }
    }

    /// End times of sequences that are all submitted at 0.
    fn ends(engine: &Engine, sequences: u64, output_tokens: u32) -> Vec<f64> {
        let mut cluster = Cluster::new(engine, 1);
        for id in 0..sequences {
            cluster.submit(0.0, Sequence { id, prompt_tokens: 100, output_tokens });
        }
        let mut ends = vec![0.0; usize::try_from(sequences).unwrap()];
        cluster.advance(1e9, |token| {
            if token.last {
                ends[usize::try_from(token.id).unwrap()] = token.at;
            }
        });
        ends
    }

    #[test]
    fn one_sequence_takes_its_closed_form() {
        // One prefill step of 10 + 2 + 10 ms, then nine of 12 ms.
        let end = ends(&engine(1, 8), 1, 10)[0];
        assert!((end - (0.022 + 9.0 * 0.012)).abs() < 1e-12, "{end}");
    }

    #[test]
    fn a_full_batch_queues_first_in_first_out() {
        // The first enters alone at once; the second and third fill the batch of 2 in turn.
        let ends = ends(&engine(1, 1), 3, 2);
        let each = 0.022 + 0.012;
        for (index, end) in ends.iter().enumerate() {
            assert!((end - each * (index as f64 + 1.0)).abs() < 1e-12, "{index}: {end}");
        }
    }

    #[test]
    fn two_replicas_share_the_load() {
        let one = ends(&engine(1, 4), 8, 5).into_iter().fold(0.0, f64::max);
        let two = ends(&engine(2, 4), 8, 5).into_iter().fold(0.0, f64::max);
        assert!(two < one * 0.6, "{two} against {one}");
    }

    #[test]
    fn jitter_is_seeded_and_has_median_one() {
        let jittery = Engine { jitter: 0.3, ..engine(1, 8) };
        assert_eq!(ends(&jittery, 20, 50), ends(&jittery, 20, 50));
        let mut steps: Vec<f64> = Vec::new();
        let mut cluster = Cluster::new(&jittery, 7);
        cluster.submit(0.0, Sequence { id: 0, prompt_tokens: 0, output_tokens: 2001 });
        let mut before = 0.0;
        cluster.advance(1e9, |token| {
            steps.push(token.at - before);
            before = token.at;
        });
        steps.sort_unstable_by(f64::total_cmp);
        let median = steps[1000];
        assert!((median / 0.012 - 1.0).abs() < 0.03, "{median}");
    }

    #[test]
    fn a_cancelled_sequence_is_gone() {
        let mut cluster = Cluster::new(&engine(1, 1), 1);
        for id in 0..2 {
            cluster.submit(0.0, Sequence { id, prompt_tokens: 0, output_tokens: 3 });
        }
        cluster.cancel(0);
        cluster.cancel(1);
        let mut tokens = 0;
        cluster.advance(1e9, |_| tokens += 1);
        assert_eq!((tokens, cluster.next_step_end()), (0, None));
    }
}
