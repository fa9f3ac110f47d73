//! What goes wrong in one sweep.

use super::kind::Kind;
use super::rigs::Trouble;
use super::rigs::scenario::between;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use sizer::{Failure, FailureKind};

/// Spread of the speed between levels, as a logarithm.
const SPREAD: f64 = 0.08;
/// Share of the runs that fail above a load.
const FAILING: f64 = 0.01;

/// What goes wrong; by default nothing.
#[derive(Clone, Debug, Default)]
pub struct Disturbance {
    seed: u64,
    limit: f64,
    /// How many times slower the level that is measured first is.
    slow_first: Option<f64>,
    /// A level, by its place in the sweep, and the share of the rig that it has.
    busy: Option<(usize, f64)>,
    /// Spread of the speed between levels, as a logarithm.
    spread: Option<f64>,
    stall: Option<Stall>,
    failing: Option<Failing>,
    full: Option<Full>,
}

#[derive(Clone, Debug)]
struct Stall {
    level: usize,
    /// After what share of the level's runs have begun.
    after: f64,
    /// How long, as a share of the level's time with it.
    share: f64,
    /// And in seconds.
    seconds: f64,
}

#[derive(Clone, Debug)]
struct Failing {
    above: u32,
    /// Whether they take their whole time first.
    late: bool,
}

#[derive(Clone, Debug)]
struct Full {
    above: u32,
    kind: FailureKind,
}

/// What a disturbance is drawn for.
pub struct Rig {
    /// The target's limit in seconds.
    pub limit: f64,
    /// What it carries within the limit, in runs in flight.
    pub capacity: u32,
    /// About how many levels are measured.
    pub levels: usize,
}

impl Disturbance {
    /// A disturbance of some kinds.
    pub fn random(kinds: &[Kind], rig: &Rig, seed: u64) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut drawn = Self { seed, limit: rig.limit, ..Self::default() };
        for kind in kinds {
            drawn.add(*kind, rig, &mut rng);
        }
        drawn
    }

    fn add(&mut self, kind: Kind, rig: &Rig, rng: &mut Xoshiro256PlusPlus) {
        let load = |rng: &mut Xoshiro256PlusPlus| {
            let load = f64::from(rig.capacity) * between(rng, 0.3, 1.5);
            load.round().max(1.0).to_string().parse().unwrap_or(1)
        };
        match kind {
            Kind::Clean | Kind::Bursts | Kind::Two => {}
            Kind::StalledLevel => {
                let level = rng.random_range(0..rig.levels);
                let after = rng.random_range(0.2..0.9);
                let stall = |share, seconds| Some(Stall { level, after, share, seconds });
                match rng.random_range(0..3) {
                    0 => self.stall = stall(rng.random_range(0.05..0.3), 0.0),
                    1 => self.stall = stall(0.0, rig.limit * between(rng, 2.0, 10.0)),
                    _ => self.busy = Some((level, 1.0 - rng.random_range(0.3..0.7))),
                }
            }
            Kind::Failures => {
                self.failing = Some(Failing { above: load(rng), late: rng.random_bool(0.5) });
            }
            Kind::Refusals => {
                use FailureKind::{Connect, HttpStatus, RateLimited};
                let kind = [RateLimited, HttpStatus, Connect][rng.random_range(0..3)];
                self.full = Some(Full { above: load(rng), kind });
            }
            Kind::SlowFirst => self.slow_first = Some(between(rng, 1.5, 4.0)),
            Kind::Speeds => self.spread = Some(SPREAD),
        }
    }

    /// Runs in flight that the rig takes, where it refuses further ones.
    pub fn takes(&self) -> Option<u32> {
        self.full.as_ref().map(|full| full.above)
    }

    /// Runs in flight above which some fail, where some do.
    pub fn fails_above(&self) -> Option<u32> {
        self.failing.as_ref().map(|failing| failing.above)
    }

    /// What it is, in words.
    pub fn in_words(&self) -> String {
        let mut words = Vec::new();
        if let Some(slower) = self.slow_first {
            words.push(format!("the first level {slower:.1} times slower"));
        }
        if let Some((level, left)) = self.busy {
            words.push(format!("level {} has {:.0} % of the rig", level + 1, 100.0 * left));
        }
        if self.spread.is_some() {
            words.push("each level at its own speed".to_owned());
        }
        if let Some(Stall { level, after, share, seconds }) = self.stall {
            let after = format!("after {:.0} % of level {}", 100.0 * after, level + 1);
            words.push(if share > 0.0 {
                format!("a stall of {:.0} % of its time {after}", 100.0 * share)
            } else {
                format!("a stall of {:.1} limits {after}", seconds / self.limit)
            });
        }
        if let Some(Failing { above, late }) = self.failing {
            let when = if late { "after their whole time" } else { "at once" };
            words.push(format!("one in a hundred fails {when} above {above} in flight"));
        }
        if let Some(Full { above, kind }) = &self.full {
            words.push(format!("refuses ({kind}) more than {above} in flight"));
        }
        if words.is_empty() { "nothing wrong".to_owned() } else { words.join(", ") }
    }

    fn drawn_for(&self, what: u64) -> Xoshiro256PlusPlus {
        Xoshiro256PlusPlus::seed_from_u64(self.seed ^ what.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn failure(&self, run: u64, in_flight: u32, late: bool) -> Option<Failure> {
        let failing = self.failing.as_ref().filter(|it| it.late == late && in_flight > it.above)?;
        let fails = self.drawn_for(run + 1).random_bool(FAILING);
        let message = || format!("fails above {} runs in flight", failing.above);
        fails.then(|| Failure::new(FailureKind::WorkflowError, message()))
    }
}

impl Trouble for Disturbance {
    fn speed(&self, level: usize) -> f64 {
        let first = self.slow_first.filter(|_| level == 0).map_or(1.0, |slower| 1.0 / slower);
        let left = self.busy.filter(|(busy, _)| *busy == level).map_or(1.0, |(_, left)| left);
        let own = self.spread.map_or(1.0, |spread| {
            let normal: f64 = StandardNormal.sample(&mut self.drawn_for(u64::MAX - level as u64));
            (spread * normal).exp()
        });
        first * left * own
    }

    fn stall(&self, level: usize, begun: usize, planned: usize, elapsed: f64) -> Option<f64> {
        let stall = self.stall.as_ref().filter(|stall| stall.level == level)?;
        let so_far = |begun: usize| begun as f64 >= stall.after * planned as f64;
        // The first run of which that is so, and no other.
        if !so_far(begun) || so_far(begun - 1) {
            return None;
        }
        // What the level will have taken by this time; the first wave has taken none as it begins.
        let level_time = elapsed.max(self.limit / 2.0) / stall.after;
        Some(stall.seconds + level_time * stall.share / (1.0 - stall.share))
    }

    fn refuses(&self, run: u64, in_flight: u32) -> Option<Failure> {
        let full = self.full.as_ref().filter(|full| in_flight > full.above);
        let refused = full.map(|full| Failure::new(full.kind, "the server is full"));
        refused.or_else(|| self.failure(run, in_flight, false))
    }

    fn spoils(&self, run: u64, in_flight: u32) -> Option<Failure> {
        self.failure(run, in_flight, true)
    }
}
