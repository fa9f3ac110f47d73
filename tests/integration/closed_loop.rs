//! Recordings of users who each wait for their own run, with times drawn by chance.

use crate::answers::HEADER;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use std::fmt::Write as _;

/// Runs of a level: those of the warm-up and of the cool-down for each user, and those that are measured.
#[derive(Clone, Copy)]
pub(crate) struct Runs {
    pub warm_up: u32,
    pub measured: u32,
    pub cool_down: u32,
}

/// A run that begins at a second of its level.
pub(crate) struct Began<'a> {
    pub concurrency: u32,
    pub at: f64,
    pub rng: &'a mut Xoshiro256PlusPlus,
}

/// Records levels; `run` returns the seconds that a run takes, and what it failed with, if it did.
pub(crate) fn closed_loop(
    levels: &[u32],
    Runs { warm_up, measured, cool_down }: Runs,
    seed: u64,
    mut run: impl FnMut(Began<'_>) -> (f64, &'static str),
) -> String {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut text = HEADER.to_owned();
    for &concurrency in levels {
        let mut free: Vec<f64> = (0..concurrency).map(|user| f64::from(user) * 1e-3).collect();
        let first = warm_up * concurrency;
        for index in 0..first + measured + cool_down * concurrency {
            let at = free.iter_mut().min_by(|a, b| a.total_cmp(b)).unwrap();
            let (seconds, error) = run(Began { concurrency, at: *at, rng: &mut rng });
            let phase = if index < first {
                "warm_up"
            } else if index < first + measured {
                "measured"
            } else {
                "cool_down"
            };
            let end = *at + seconds;
            let _ = writeln!(text, "{concurrency},{at:.4},{end:.4},{phase},{error}");
            *at = end;
        }
    }
    text
}
