//! Merging of the recordings of a level's shares into the recording of the level.

use super::recording::{ClientHealth, MachineHealth, Part, Recording, RecordingMeta};
use super::{Run, ServerMetrics};

/// Reason why recordings are not those of one level. Recordings go by the names that the caller
/// gave them.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// No recording at all.
    #[error("there is no recording to merge")]
    Nothing,
    /// A recording that does not name its share.
    #[error(
        "{0} does not say which share of a level it is: only recordings of workers can be merged"
    )]
    NoShare(String),
    /// Shares of different levels.
    #[error("{first} is of {}, and {other} of {}", level(.levels.0), level(.levels.1))]
    Level {
        /// Name of the first.
        first: String,
        /// Name of another one.
        other: String,
        /// Levels of both.
        levels: (Option<u32>, Option<u32>),
    },
    /// Shares of different plans, even if they differ only in a seed.
    #[error("{first} and {other} are shares of different plans")]
    Plan {
        /// Name of the first.
        first: String,
        /// Name of another one.
        other: String,
    },
    /// Shares of a level divided in different ways.
    #[error("{first} is one of {} shares, and {other} one of {}", .sizes.0, .sizes.1)]
    Size {
        /// Name of the first.
        first: String,
        /// Name of another one.
        other: String,
        /// Number of shares according to both.
        sizes: (u32, u32),
    },
    /// The same share twice.
    #[error("share {index} of {of} is given twice: {first} and {other}")]
    Twice {
        /// Index of the share, from 0.
        index: u32,
        /// Number of shares.
        of: u32,
        /// Name of the first.
        first: String,
        /// Name of the second.
        other: String,
    },
    /// A missing share.
    #[error("share {index} of {of} is missing")]
    Missing {
        /// Index of the share, from 0.
        index: u32,
        /// Number of shares.
        of: u32,
    },
}

fn level(level: Option<u32>) -> String {
    level.map_or_else(|| "a level without a number".to_owned(), |level| format!("level {level}"))
}

/// A recording with its name and the share that it is.
struct Share {
    name: String,
    part: Part,
    recording: Recording,
}

impl Recording {
    /// Merges the recordings of all shares of a level, in any order, each with a name for messages.
    /// The runs keep their ids and are in the order in which they began, by the clocks of their
    /// machines; the client's health is the worst of all machines, and that of each is kept.
    ///
    /// # Errors
    ///
    /// Fails unless they are all the shares of one plan, each once.
    pub fn merge(recordings: Vec<(String, Self)>) -> Result<Self, MergeError> {
        let mut shares = Vec::with_capacity(recordings.len());
        for (name, mut recording) in recordings {
            let part = recording.around.part.take().filter(|part| part.index < part.of);
            let Some(part) = part else { return Err(MergeError::NoShare(name)) };
            shares.push(Share { name, part, recording });
        }
        shares.sort_by_key(|share| share.part.index);
        agree(&shares)?;
        let origin = shares.iter().map(|share| share.part.began).fold(f64::INFINITY, f64::min);
        let mut merged = Self::default();
        for Share { part, recording, .. } in shares {
            let later = part.began - origin;
            merged.runs.extend(recording.runs.into_iter().map(|run| shifted(run, later)));
            merged.around.add(part, recording.around, later);
        }
        merged.runs.sort_by(|a, b| a.start.total_cmp(&b.start));
        for series in merged.around.scraped.values_mut() {
            series.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        }
        Ok(merged)
    }
}

/// Fails unless the shares, sorted by index, are those of one level.
fn agree(shares: &[Share]) -> Result<(), MergeError> {
    let Some(one) = shares.first() else { return Err(MergeError::Nothing) };
    let of = one.part.of;
    for share in shares {
        let names = || (one.name.clone(), share.name.clone());
        let levels = (one.recording.around.concurrency, share.recording.around.concurrency);
        if levels.0 != levels.1 {
            let (first, other) = names();
            return Err(MergeError::Level { first, other, levels });
        }
        let sizes = (of, share.part.of);
        if sizes.0 != sizes.1 {
            let (first, other) = names();
            return Err(MergeError::Size { first, other, sizes });
        }
        if share.part.plan != one.part.plan {
            let (first, other) = names();
            return Err(MergeError::Plan { first, other });
        }
    }
    for (one, next) in shares.iter().zip(shares.iter().skip(1)) {
        if one.part.index == next.part.index {
            let (first, other) = (one.name.clone(), next.name.clone());
            return Err(MergeError::Twice { index: one.part.index, of, first, other });
        }
    }
    // They are sorted and different, so the first that is not in its place shows a gap.
    let mut indices = shares.iter().map(|share| share.part.index);
    let missing = (0..of).find(|index| indices.next() != Some(*index));
    missing.map_or(Ok(()), |index| Err(MergeError::Missing { index, of }))
}

/// Moves a run to a clock that started `later` seconds earlier.
fn shifted(mut run: Run, later: f64) -> Run {
    run.start += later;
    run.end += later;
    for call in &mut run.llm_calls {
        call.start += later;
        call.end += later;
    }
    run
}

impl RecordingMeta {
    /// Adds the facts about a share.
    fn add(&mut self, part: Part, share: Self, later: f64) {
        let Self { concurrency, client, host, scraped, scrape_error, burst, server_gone, .. } =
            share;
        self.concurrency = concurrency;
        if let Some(health) = client {
            self.client = Some(self.client.map_or(health, |client| client.worse(health)));
            let Part { machine, index, .. } = part;
            self.machines.push(MachineHealth { machine, share: index, health });
        }
        self.host = self.host.map_or(host, |known| Some(host.map_or(known, |it| known.worse(it))));
        add_scraped(&mut self.scraped, scraped, later);
        self.scrape_error = self.scrape_error.take().or(scrape_error);
        self.burst = self.burst.or(burst);
        self.server_gone = self.server_gone.take().or(server_gone);
    }
}

fn add_scraped(to: &mut ServerMetrics, from: ServerMetrics, later: f64) {
    for (name, series) in from {
        let series = series.into_iter().map(|(at, value)| (at + later, value));
        to.entry(name).or_default().extend(series);
    }
}

impl ClientHealth {
    /// Returns the worse of two in every respect: if either client limits, so does this.
    fn worse(self, other: Self) -> Self {
        Self {
            cpu_share: self.cpu_share.max(other.cpu_share),
            lag_p95: self.lag_p95.max(other.lag_p95),
            lag_max: self.lag_max.max(other.lag_max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::LlmCall;

    fn share(index: u32, of: u32, began: f64, starts: &[f64]) -> Recording {
        let run = |start: &f64| Run {
            id: format!("{index}:{start}"),
            start: *start,
            end: start + 1.0,
            llm_calls: vec![LlmCall { start: *start, end: start + 0.5, ..LlmCall::default() }],
            ..Run::default()
        };
        let health = f64::from(index + 1);
        let part = Part { plan: "p".into(), index, of, machine: format!("m{index}"), began };
        Recording {
            runs: starts.iter().map(run).collect(),
            around: RecordingMeta {
                concurrency: Some(4),
                client: Some(ClientHealth {
                    cpu_share: 0.1 * health,
                    lag_p95: 0.01 / health,
                    lag_max: 0.02,
                }),
                scraped: [("running".to_owned(), vec![(0.5, health)])].into(),
                part: Some(part),
                ..RecordingMeta::default()
            },
        }
    }

    fn part(of: &mut Recording) -> &mut Part {
        of.around.part.as_mut().unwrap()
    }

    /// Merges recordings that go by r0, r1 and so on.
    fn merge(shares: Vec<Recording>) -> Result<Recording, MergeError> {
        let named = shares.into_iter().enumerate().map(|(n, share)| (format!("r{n}"), share));
        Recording::merge(named.collect())
    }

    #[test]
    fn runs_are_in_the_order_of_their_beginnings_on_one_clock() {
        let merged = merge(vec![share(1, 2, 100.25, &[0.0, 2.0]), share(0, 2, 100.0, &[0.1, 2.1])]);
        let merged = merged.unwrap();
        let runs: Vec<(&str, f64)> =
            merged.runs.iter().map(|run| (run.id.as_str(), run.start)).collect();
        assert_eq!(runs, [("0:0.1", 0.1), ("1:0", 0.25), ("0:2.1", 2.1), ("1:2", 2.25)]);
        let late = &merged.runs[3];
        assert_eq!((late.end, late.llm_calls[0].start, late.llm_calls[0].end), (3.25, 2.25, 2.75));
        let RecordingMeta { concurrency, client, machines, scraped, part, .. } = merged.around;
        assert_eq!((concurrency, part), (Some(4), None));
        let worst = ClientHealth { cpu_share: 0.2, lag_p95: 0.01, lag_max: 0.02 };
        assert_eq!(client, Some(worst));
        let names: Vec<(&str, u32)> =
            machines.iter().map(|it| (it.machine.as_str(), it.share)).collect();
        assert_eq!(names, [("m0", 0), ("m1", 1)]);
        assert_eq!(scraped["running"], [(0.5, 1.0), (0.75, 2.0)]);
    }

    #[test]
    fn what_is_not_one_level_is_not_merged() {
        let changed = |change: fn(&mut Recording)| {
            let mut second = share(1, 2, 0.0, &[1.0]);
            change(&mut second);
            merge(vec![share(0, 2, 0.0, &[1.0]), second]).unwrap_err().to_string()
        };
        for (told, expected) in [
            (changed(|it| it.around.concurrency = Some(5)), "r0 is of level 4, and r1 of level 5"),
            (changed(|it| it.around.concurrency = None), "r1 of a level without a number"),
            (changed(|it| it.around.part = None), "r1 does not say which share"),
            (changed(|it| part(it).plan = "q".into()), "r0 and r1 are shares of different plans"),
            (changed(|it| part(it).of = 3), "r0 is one of 2 shares, and r1 one of 3"),
            (changed(|it| part(it).index = 0), "share 0 of 2 is given twice: r0 and r1"),
            (changed(|it| part(it).index = 2), "r1 does not say which share"),
        ] {
            assert!(told.contains(expected), "{told}");
        }
        assert_eq!(merge(Vec::new()), Err(MergeError::Nothing));
        let missing = |index| Err(MergeError::Missing { index, of: 2 });
        assert_eq!(merge(vec![share(1, 2, 0.0, &[])]), missing(0));
        assert_eq!(merge(vec![share(0, 2, 0.0, &[])]), missing(1));
        let whole = share(0, 1, 5.0, &[1.0]);
        assert_eq!(merge(vec![whole.clone()]).unwrap().runs, whole.runs);
    }
}
