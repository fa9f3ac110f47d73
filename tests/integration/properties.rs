//! What holds of every estimate, whatever was measured: over seeded random sweeps.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, LogNormal};
use sizer::estimates::{GpuCount, MethodName, Plan};
use sizer::runs::Phase;
use sizer::{
    Certainty, Estimate, Failure, FailureKind, FitOptions, Grade, LevelMetrics, LlmCall, Load,
    Margin, MeasuredSweep, Metric, Outcome, Quantile, Question, Recording, Rig, Run, Target,
};
use std::collections::BTreeMap;

/// A sweep with all that an estimate needs of it.
#[derive(Clone)]
struct Sweep(BTreeMap<u32, Recording>);

fn run(start: f64, end: f64, phase: Phase) -> Run {
    let middle = f64::midpoint(start, end);
    let call = |start, end| LlmCall { start, end, ..LlmCall::default() };
    Run {
        start,
        end,
        llm_calls: vec![call(start, middle), call(middle, start + 0.9 * (end - start))],
        phase,
        ..Run::default()
    }
}

impl Sweep {
    /// Levels of a server with a random knee, in sustained load with log-normal times.
    fn random(seed: u64) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let (idle, knee) = (rng.random_range(0.5..20.0), rng.random_range(2.0..40.0_f64));
        let spread = LogNormal::new(0.0, rng.random_range(0.05..0.8)).unwrap();
        let highest = rng.random_range(3..7);
        let levels = (0..=highest).map(|power| {
            let concurrency = 1_u32 << power;
            let mean = idle * (f64::from(concurrency) / knee).max(1.0);
            let mut runs = Vec::new();
            for user in 0..concurrency {
                let mut at = 0.0;
                for wave in 0..8 {
                    let end = at + mean * spread.sample(&mut rng);
                    let phase = if wave == 0 { Phase::WarmUp } else { Phase::Measured };
                    runs.push(run(
                        at + f64::from(user) * 1e-3,
                        end + f64::from(user) * 1e-3,
                        phase,
                    ));
                    at = end;
                }
            }
            (concurrency, Recording { runs, ..Recording::default() })
        });
        Self(levels.collect())
    }

    /// The same with every time multiplied.
    fn scaled(&self, factor: f64) -> Self {
        let mut scaled = self.clone();
        for run in scaled.0.values_mut().flat_map(|recording| &mut recording.runs) {
            run.start *= factor;
            run.end *= factor;
            for call in &mut run.llm_calls {
                call.start *= factor;
                call.end *= factor;
            }
        }
        scaled
    }

    fn gpus(&self, method: MethodName, ask: Ask) -> Option<GpuCount> {
        self.estimate(method, ask).answer.gpus()
    }

    fn estimate(&self, method: MethodName, ask: Ask) -> Estimate {
        self.estimates(method, ask, vec![ask.load]).remove(0)
    }

    /// Estimates for several loads, by the same model.
    fn estimates(&self, method: MethodName, ask: Ask, loads: Vec<Load>) -> Vec<Estimate> {
        self.answers(method, ask, &[ask.limit], loads)
    }

    /// Estimates for several limits, each with all loads, by the same model.
    fn answers(
        &self,
        method: MethodName,
        ask: Ask,
        limits: &[f64],
        loads: Vec<Load>,
    ) -> Vec<Estimate> {
        let mut measured = MeasuredSweep::default();
        for (concurrency, recording) in &self.0 {
            measured.add(*concurrency, recording, 0.0);
        }
        let options = FitOptions { method, min_r_squared: 0.0, remove_outliers: true };
        let fits = measured.fits(options);
        let of_limit = |limit| Target { metric: ask.metric, quantile: Quantile::P95, limit };
        let question = Question {
            targets: limits.iter().map(|limit| of_limit(*limit)).collect(),
            loads,
            rig: Rig { gpu_count: Some(ask.rig), gpus_per_replica: 2, cost_per_gpu_hour: None },
            margin: Margin::default(),
            certainty: Certainty { confidence: 0.9, resamples: 200, seed: 3 },
            counts_users: false,
            plan: Plan::default(),
        };
        measured.prepare(&fits, false).answer(&question).0
    }
}

#[derive(Clone, Copy)]
struct Ask {
    metric: Metric,
    limit: f64,
    load: Load,
    /// GPUs of the test rig.
    rig: u32,
}

fn users(users: u64) -> Load {
    Load::Users { users, think: 0.0 }
}

/// Sweeps with a limit well above what a lone run takes.
fn each(mut check: impl FnMut(&Sweep, Ask, MethodName)) {
    for seed in 0..12 {
        let sweep = Sweep::random(seed);
        let alone = LevelMetrics::of(1, &sweep.0[&1], 0.0).workflow_runtime.unwrap();
        for method in [MethodName::Monotone, MethodName::Linear, MethodName::Robust] {
            for metric in [Metric::WorkflowRuntime, Metric::LlmLatency] {
                let limit = alone.p99 * 1.7;
                check(&sweep, Ask { metric, limit, load: users(300), rig: 4 }, method);
            }
        }
    }
}

fn no_more(less: Option<GpuCount>, more: Option<GpuCount>, what: &str) {
    let (Some(less), Some(more)) = (less, more) else { return };
    // The best guess of an unsettled answer is no more than that.
    if less.recommended.is_none() || more.recommended.is_none() {
        return;
    }
    if let (Some(fewer), Some(most)) = (less.recommended, more.recommended) {
        assert!(fewer <= most, "{what}: {less:?} {more:?}");
    }
    assert!(less.point.unwrap() <= more.point.unwrap() * (1.0 + 1e-9), "{what}: {less:?} {more:?}");
}

#[test]
fn the_unit_of_time_does_not_matter() {
    each(|sweep, ask, method| {
        let counts = sweep.gpus(method, ask);
        for factor in [1e-3, 3600.7] {
            let scaled = Ask { limit: ask.limit * factor, ..ask };
            let again = sweep.scaled(factor).gpus(method, scaled);
            assert_eq!(counts.is_some(), again.is_some());
            if let (Some(counts), Some(again)) = (counts, again) {
                assert_eq!(counts.recommended, again.recommended, "× {factor}");
                assert!(
                    (counts.point.unwrap() / again.point.unwrap() - 1.0).abs() < 1e-6,
                    "{counts:?} {again:?}"
                );
            }
        }
    });
}

#[test]
fn more_users_never_need_fewer() {
    each(|sweep, ask, method| {
        let thousandths = [10, 12, 50, 300, 301, 2000];
        let users_of = |thousandths: u64| 3 * thousandths / 10;
        let kinds: [&dyn Fn(u64) -> Load; 3] = [
            &|it| users(users_of(it)),
            &|it| Load::Users { users: users_of(it), think: ask.limit },
            &|it| Load::Rate { per_second: it as f64 / ask.limit / 10.0 },
        ];
        let loads = kinds.iter().flat_map(|kind| thousandths.map(kind)).collect();
        let found = sweep.estimates(method, ask, loads);
        assert_eq!(found.len(), kinds.len() * thousandths.len());
        for of_kind in found.chunks(thousandths.len()) {
            for (less, more) in std::iter::zip(of_kind, &of_kind[1..]) {
                no_more(less.answer.gpus(), more.answer.gpus(), "users");
            }
        }
    });
}

#[test]
fn a_looser_target_never_needs_more() {
    each(|sweep, ask, method| {
        let limits = [1.0, 1.05, 1.3, 2.0, 4.0].map(|share| ask.limit * share);
        let found = sweep.answers(method, ask, &limits, vec![ask.load]);
        assert_eq!(found.len(), limits.len());
        for (tighter, looser) in std::iter::zip(&found, &found[1..]) {
            no_more(looser.answer.gpus(), tighter.answer.gpus(), "a looser limit");
        }
    });
}

/// Twice the rig that is as fast at twice the concurrency needs no more GPUs, nor do three of them.
#[test]
fn a_larger_rig_that_is_as_fast_never_raises_it() {
    each(|sweep, ask, method| {
        let on_one = sweep.gpus(method, ask);
        for replicas in [2, 3] {
            let levels = sweep.0.iter().map(|(level, it)| (level * replicas, it.clone()));
            let larger = Sweep(levels.collect());
            let rig = ask.rig * replicas;
            let Some(counts) = larger.gpus(method, Ask { rig, ..ask }) else { continue };
            let Some(on_one) = on_one else { continue };
            // Levels are binned by their logarithm, which may cost one replica of two GPUs.
            if let (Some(counts), Some(on_one)) = (counts.recommended, on_one.recommended) {
                assert!(counts <= on_one + 2, "{counts:?} {on_one:?}");
            }
            assert!(
                counts.point.unwrap() <= on_one.point.unwrap() + 2.0 + 1e-9,
                "{counts:?} {on_one:?}"
            );
        }
    });
}

#[test]
fn levels_that_fail_never_lower_the_count() {
    each(|sweep, ask, method| {
        let mut with = sweep.clone();
        let mut broken = with.0[&4].clone();
        for run in &mut broken.runs {
            run.outcome = Outcome::Failed(Failure::new(FailureKind::HttpStatus, "503"));
        }
        with.0.insert(3, broken.clone());
        with.0.insert(1000, broken);
        let (before, after) = (sweep.gpus(method, ask), with.gpus(method, ask));
        no_more(before, after, "levels that the server refused");
        if method != MethodName::Monotone {
            assert_eq!(before, after, "the reference's line knows nothing of them");
        }
    });
}

#[test]
fn the_same_runs_give_the_same_answer_to_the_bit() {
    each(|sweep, ask, method| assert_eq!(sweep.gpus(method, ask), sweep.gpus(method, ask)));
}

#[test]
fn an_answer_does_not_depend_on_what_else_is_asked() {
    let sweep = Sweep::random(3);
    let alone = LevelMetrics::of(1, &sweep.0[&1], 0.0).workflow_runtime.unwrap().p99;
    let (metric, limit) = (Metric::WorkflowRuntime, 1.7 * alone);
    let loads = [users(300), users(7), Load::Rate { per_second: 3.0 / limit }];
    let limits = [limit, 1.5 * limit, limit];
    for method in [MethodName::Monotone, MethodName::Linear, MethodName::Robust] {
        let ask = Ask { metric, limit, load: loads[0], rig: 4 };
        let together = sweep.answers(method, ask, &limits, loads.to_vec());
        assert_eq!(together.len(), limits.len() * loads.len());
        let of_limit = |limit: f64| loads.map(|load| Ask { limit, load, ..ask });
        for (found, alone) in std::iter::zip(together, limits.into_iter().flat_map(of_limit)) {
            assert_eq!(found, sweep.estimate(method, alone));
        }
    }
}

/// Sweeps of which a level was slower by chance of the seed, up to three times, and more of them.
fn each_disturbed(mut check: impl FnMut(u64, &Sweep, Ask)) {
    for seed in 100..124 {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut sweep = Sweep::random(seed);
        let alone = LevelMetrics::of(1, &sweep.0[&1], 0.0).workflow_runtime.unwrap();
        let level = 1 << rng.random_range(0..sweep.0.len());
        let slower = rng.random_range(1.0..3.0);
        let one = Sweep([(level, sweep.0[&level].clone())].into()).scaled(slower);
        sweep.0.extend(one.0);
        let limit = alone.p99 * rng.random_range(1.2..3.0);
        let ask = Ask { metric: Metric::WorkflowRuntime, limit, load: users(300), rig: 4 };
        check(seed, &sweep, ask);
    }
}

#[test]
fn a_settled_answer_never_contradicts_a_level_with_enough_runs() {
    let mut settled = 0;
    each_disturbed(|seed, sweep, ask| {
        let found = sweep.estimate(MethodName::Monotone, ask);
        let (Some(capacity), Some(grade)) = (found.answer.capacity(), found.grade) else { return };
        if grade == Grade::Unsettled {
            return;
        }
        settled += 1;
        for (level, recording) in &sweep.0 {
            let measured = recording.runs.iter().filter(|run| run.phase == Phase::Measured);
            let times: Vec<f64> = measured.map(Run::runtime).collect();
            let over = times.iter().filter(|time| **time > ask.limit).count();
            if times.len() < 100 || found.left_out.contains(level) {
                continue;
            }
            let at = f64::from(*level);
            let told = || {
                format!("seed {seed}, level {level}, {over} of {} over: {found:#?}", times.len())
            };
            assert!(over > 0 || capacity.high.is_none_or(|high| high >= at * 0.99), "{}", told());
            assert!(
                4 * over < times.len() || capacity.low.is_none_or(|low| low <= at),
                "{}",
                told()
            );
        }
    });
    assert!(settled >= 6, "only {settled} answers were held against levels");
}

#[test]
fn without_a_level_the_answer_stays_or_was_weak() {
    each_disturbed(|seed, sweep, ask| {
        let all = sweep.estimate(MethodName::Monotone, ask);
        for level in sweep.0.keys() {
            let mut fewer = sweep.clone();
            fewer.0.remove(level);
            let without = fewer.estimate(MethodName::Monotone, ask);
            let weak = |it: &Estimate| it.grade.is_none_or(|grade| grade >= Grade::Weak);
            let ends =
                |it: &Estimate| it.answer.capacity().and_then(|it| Some((it.low?, it.high?)));
            let (Some(before), Some(after)) = (ends(&all), ends(&without)) else { continue };
            let apart = before.0 > after.1 * 1.03 || after.0 > before.1 * 1.03;
            assert!(
                !apart || weak(&all) || weak(&without),
                "seed {seed}, {level}: {all:#?} {without:#?}"
            );
        }
    });
}

#[test]
fn failed_runs_never_lower_the_count() {
    each_disturbed(|seed, sweep, ask| {
        let before = sweep.estimate(MethodName::Monotone, ask);
        for (level, failures) in [(1, 1), (4, 2), (8, 1), (8, 30)] {
            let mut failing = sweep.clone();
            let Some(recording) = failing.0.get_mut(&level) else { continue };
            for _ in 0..failures {
                let failure = Failure::new(FailureKind::HttpStatus, "500 Internal Server Error");
                let outcome = Outcome::Failed(failure);
                recording.runs.push(Run { outcome, ..recording.runs[0].clone() });
            }
            let after = failing.estimate(MethodName::Monotone, ask);
            let (Some(less), Some(more)) = (before.answer.gpus(), after.answer.gpus()) else {
                continue;
            };
            let settled =
                before.grade < Some(Grade::Unsettled) && after.grade < Some(Grade::Unsettled);
            let kept = less.point.unwrap() <= more.point.unwrap() * 1.02 + 2.0;
            assert!(
                !settled || !before.left_out.is_empty() || kept,
                "seed {seed}, {level}: {before:#?} {after:#?}"
            );
        }
    });
}
