//! What a scenario really needs, by simulating whole clusters.

use super::Scenario;
use super::scenario::Script;
use sizer::Quantile;
use sizer::internal::{Cluster, quantile_of_sorted};
use sizer::kinds::Engine;
use std::collections::{BTreeMap, BinaryHeap};

impl Scenario {
    /// The p95 runtime of so many users on so many replicas, with no load generator in between.
    pub fn p95(&self, replicas: u32, users: u32) -> f64 {
        let engine = Engine { replicas, ..self.engine.clone() };
        let mut cluster = Cluster::new(&engine, self.seed ^ 0x0074_7275_7468);
        // When a run's next call begins: time, run, call; the earliest first.
        let mut due: BinaryHeap<std::cmp::Reverse<(Time, u64, usize)>> = BinaryHeap::new();
        let mut open: BTreeMap<u64, (f64, Script)> = BTreeMap::new();
        // Runs of other seeds than those of the sweep.
        let mut next_id = 1 << 40;
        let mut begin = |at: f64, due: &mut BinaryHeap<_>, open: &mut BTreeMap<u64, _>| {
            due.push(std::cmp::Reverse((Time(at), next_id, 0)));
            open.insert(next_id, (at, self.script(next_id)));
            next_id += 1;
        };
        for user in 0..users {
            begin(f64::from(user) * 1e-3, &mut due, &mut open);
        }
        let warm_up = (users as usize * 3).max(self.truth_runs / 4);
        let mut times = Vec::new();
        while times.len() < warm_up + self.truth_runs.max(users as usize * 4) {
            let next = due.peek().map_or(f64::INFINITY, |std::cmp::Reverse((at, ..))| at.0);
            let step = cluster.next_step_end().unwrap_or(f64::INFINITY);
            let mut ended = Vec::new();
            cluster.advance(next.min(step), |token| {
                if token.last {
                    ended.push((token.id, token.at));
                }
            });
            for (id, at) in ended {
                let (run, call) = (id / 16, (id % 16) as usize);
                let Some((_, script)) = open.get(&run) else { continue };
                let pause = script.0.get(call).map_or(0.0, |(_, pause)| *pause);
                // The end of the last call's pause is the end of the run.
                due.push(std::cmp::Reverse((Time(at + pause), run, call + 1)));
            }
            if next <= step {
                let Some(std::cmp::Reverse((at, run, call))) = due.pop() else { break };
                let sequence = open.get(&run).and_then(|(_, script)| script.0.get(call));
                if let Some((sequence, _)) = sequence {
                    cluster.submit(at.0, *sequence);
                } else if let Some((start, _)) = open.remove(&run) {
                    times.push(at.0 - start);
                    begin(at.0, &mut due, &mut open);
                }
            }
        }
        let mut measured = times.split_off(warm_up);
        measured.sort_by(f64::total_cmp);
        quantile_of_sorted(&measured, Quantile::P95.share()).unwrap_or(f64::INFINITY)
    }

    /// The fewest replicas that keep the users within the limit, looked for above the first of two
    /// numbers and up to the second before all others; `None` where that is a matter of chance, the
    /// limit being no longer than runs take on an idle cluster.
    pub fn truth(&self, (mut low, mut high): (u32, u32)) -> Option<u32> {
        let met = |replicas| self.p95(replicas, self.users) <= self.limit;
        if met(high) {
            while low > 0 && met(low) {
                (low, high) = (low / 2, low);
            }
        } else {
            loop {
                (low, high) = (high, high * 2);
                if high > 2 * self.users {
                    return None;
                }
                if met(high) {
                    break;
                }
            }
        }
        while high - low > 1 {
            let middle = u32::midpoint(low, high);
            if met(middle) { high = middle } else { low = middle }
        }
        Some(high)
    }
}

/// A time that can be ordered.
#[derive(Clone, Copy, PartialEq)]
struct Time(f64);

impl Eq for Time {}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Time {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}
