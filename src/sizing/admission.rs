//! Limit on the runs that a server works on at a time, as its own times tell it.
//!
//! By Little's law (1961), throughput times the mean runtime at the client is the number of runs in flight, and
//! throughput times the mean runtime at the server the number of those that it works on. The others wait to be admitted.

use crate::measure::{HostHealth, LevelMetrics};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Fewest runs that wait on average where a limit is seen.
const WAITING: f64 = 0.75;
/// Smallest share of a run's time that it then waits.
const SHARE: f64 = 0.1;
/// Ratio of the runs worked on at two levels within which both show the same limit.
const SAME: f64 = 1.25;
/// Smallest share of a level's runs whose time at the server is known.
const KNOWN: f64 = 0.9;

/// Limit on the runs that a server works on at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct AdmissionLimit {
    /// Runs that it works on at a time.
    pub admitted: f64,
    /// Levels at which runs wait to be admitted, ascending.
    pub levels: Vec<HeldBack>,
}

/// A level at which runs wait to be admitted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct HeldBack {
    /// The level.
    pub concurrency: u32,
    /// Mean number of runs in flight at the client.
    pub in_flight: f64,
    /// Mean number of those that the server works on.
    pub admitted: f64,
    /// Mean time for which a run waits, in seconds.
    pub waiting: f64,
}

/// A level as both sides see it, in seconds on average.
struct Sides {
    level: HeldBack,
    client: f64,
    /// Time of a run that is not the server's.
    elsewhere: f64,
    throughput: f64,
}

impl AdmissionLimit {
    /// Finds the limit; `None` if the server tells no times, or nothing waits that clearly.
    pub(super) fn of(levels: &[LevelMetrics]) -> Option<Self> {
        let mut sides: Vec<Sides> = levels.iter().filter_map(Sides::of).collect();
        sides.sort_by_key(|it| it.level.concurrency);
        // Connections and whatever surrounds the server's steps take their time at any load.
        let always = match sides.as_slice() {
            [first, _, ..] => first.elsewhere,
            _ => 0.0,
        };
        let (held, free): (Vec<Sides>, Vec<Sides>) =
            sides.into_iter().partition(|it| it.waits(always));
        let levels: Vec<HeldBack> = held
            .into_iter()
            .map(|it| HeldBack { waiting: it.elsewhere - always, ..it.level })
            .collect();
        let admitted = || levels.iter().map(|level| level.admitted);
        let (least, most) = (admitted().reduce(f64::min)?, admitted().reduce(f64::max)?);
        // A server that works on more runs elsewhere is not limited, but slow to begin.
        let elsewhere = free.iter().map(|it| it.level.admitted).fold(most, f64::max);
        if elsewhere > SAME * least {
            return None;
        }
        Some(Self { admitted: admitted().sum::<f64>() / levels.len() as f64, levels })
    }

    /// Returns true if it, and not what the server calls, decides at this load; a straight line goes through all
    /// levels, and so through those at which it does.
    pub(super) fn decides(&self, load: f64, by_line: bool) -> bool {
        /// Share of the limit from which fluctuations make runs wait.
        const NEAR: f64 = 0.9;
        by_line || load > NEAR * self.admitted
    }
}

impl Sides {
    fn of(level: &LevelMetrics) -> Option<Self> {
        // What a busy machine or host takes to begin is no limit of the server.
        if level.interrupted || level.client_limited {
            return None;
        }
        // A process that computes lets runs wait before it begins them, without any limit.
        if level.host.is_some_and(HostHealth::is_at_work) {
            return None;
        }
        let (client, server) = (level.workflow_runtime?, level.server_runtime?);
        if (server.count as f64) < KNOWN * client.count as f64 {
            return None;
        }
        let throughput = level.throughput;
        Some(Self {
            level: HeldBack {
                concurrency: level.concurrency,
                in_flight: throughput * client.mean,
                admitted: throughput * server.mean,
                waiting: 0.0,
            },
            client: client.mean,
            elsewhere: client.mean - server.mean,
            throughput,
        })
    }

    fn waits(&self, always: f64) -> bool {
        let waiting = self.elsewhere - always;
        waiting > SHARE * self.client && waiting * self.throughput > WAITING
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{ClientHealth, CpuTime, Recording, RecordingMeta, Run};

    /// A closed loop of four runs for each user: `server` seconds at the server and `elsewhere` seconds around that.
    fn level(concurrency: u32, server: f64, elsewhere: f64) -> LevelMetrics {
        let runtime = server + elsewhere;
        let run = |index: u32| {
            let start = f64::from(index / concurrency) * runtime;
            Run { start, end: start + runtime, server_runtime: Some(server), ..Run::default() }
        };
        let runs = (0..4 * concurrency).map(run).collect();
        LevelMetrics::of(concurrency, &Recording { runs, ..Recording::default() }, 0.0)
    }

    /// A host that computes begins runs late, whatever their number.
    #[test]
    fn a_host_at_work_has_no_limit_of_its_own() {
        let busy = |share: f64| {
            [level(1, 0.5, 0.01), level(8, 0.95, 0.02), level(16, 0.95, 0.96)].map(|level| {
                let host = HostHealth::between(
                    &[CpuTime::default()],
                    &[CpuTime { used: share, waited: 0.0 }],
                    1.0,
                );
                LevelMetrics { host, ..level }
            })
        };
        assert!(AdmissionLimit::of(&busy(0.1)).is_some());
        assert_eq!(AdmissionLimit::of(&busy(0.6)), None);
    }

    #[test]
    fn what_the_client_waits_for_beyond_the_server_is_admission() {
        // Eight at a time: 0.95 s of the server's, and as much again of waiting for it where there are sixteen.
        let levels = vec![
            level(1, 0.5, 0.01),
            level(4, 0.7, 0.01),
            level(8, 0.95, 0.02),
            level(16, 0.95, 0.96),
            level(32, 0.95, 2.86),
        ];
        let limit = AdmissionLimit::of(&levels).unwrap();
        assert!((limit.admitted - 7.97).abs() < 0.05, "{limit:?}");
        let [sixteen, thirty_two] = limit.levels.as_slice() else { panic!("{limit:?}") };
        assert_eq!((sixteen.concurrency, thirty_two.concurrency), (16, 32));
        assert!((sixteen.in_flight - 16.0).abs() < 0.01 && (sixteen.waiting - 0.95).abs() < 0.01);
        assert!(
            limit.decides(7.5, false) && !limit.decides(6.0, false) && limit.decides(6.0, true)
        );
        // One level is enough where it is that clear.
        assert!(AdmissionLimit::of(&levels[3..4]).is_some());
    }

    #[test]
    fn what_is_always_there_or_grows_with_the_load_is_none() {
        for (levels, why) in [
            (vec![level(1, 0.5, 0.2), level(8, 0.9, 0.25), level(16, 1.2, 0.25)], "always there"),
            (vec![level(1, 0.5, 0.0), level(2, 0.5, 0.01), level(4, 0.5, 0.02)], "noise"),
            (
                vec![level(1, 0.5, 0.0), level(16, 0.8, 0.3), level(32, 1.2, 0.6)],
                "it works on more",
            ),
            (
                vec![level(1, 0.5, 0.0), level(12, 0.9, 0.0), level(16, 0.9, 0.9)],
                "it had more before",
            ),
        ] {
            assert_eq!(AdmissionLimit::of(&levels), None, "{why}");
        }
        let mut busy = [level(1, 0.5, 0.0), level(16, 0.9, 0.9)];
        assert!(AdmissionLimit::of(&busy).is_some());
        busy[1].client_limited = true;
        assert_eq!(AdmissionLimit::of(&busy), None, "the client was too busy");
        let untold = Recording {
            runs: vec![Run { end: 1.0, ..Run::default() }; 8],
            around: RecordingMeta {
                client: Some(ClientHealth::default()),
                ..RecordingMeta::default()
            },
        };
        assert_eq!(AdmissionLimit::of(&[LevelMetrics::of(8, &untold, 0.0)]), None);
    }
}
