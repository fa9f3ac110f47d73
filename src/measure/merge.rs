//! Merging of the recordings of a level's shares into the recording of the level.

use super::recording::{Around, ClientHealth, MachineHealth, Part, Recording};
use super::{Run, Scraped};

/// Reason why recordings are not those of one level.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MergeError {
    /// No recording at all.
    #[error("there is no recording to merge")]
    Nothing,
    /// A recording that does not name its share.
    #[error(
        "a recording does not say which share of a level it is: only those of workers can be merged"
    )]
    NoShare,
    /// Shares of different levels.
    #[error("the recordings are of different levels: {} and {}", level(*.first), level(*.other))]
    Level {
        /// Level of the first.
        first: Option<u32>,
        /// Level of another one.
        other: Option<u32>,
    },
    /// Shares of different plans, even if they differ only in a seed.
    #[error(
        "the recordings are shares of different plans: what {first} measured is not what {other} did"
    )]
    Plan {
        /// Machine of the first.
        first: String,
        /// Machine with another plan.
        other: String,
    },
    /// Shares of a level divided in different ways.
    #[error("the recordings are shares of different sizes: one of {first}, and one of {other}")]
    Size {
        /// Number of shares according to the first.
        first: u32,
        /// Number of shares according to another one.
        other: u32,
    },
    /// The same share twice.
    #[error("share {index} of {of} is there twice")]
    Twice {
        /// Index of the share, from 0.
        index: u32,
        /// Number of shares.
        of: u32,
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
    level.map_or_else(|| "one without a number".to_owned(), |level| level.to_string())
}

impl Recording {
    /// Merges the recordings of all shares of a level, in any order. The runs keep their ids and are
    /// in the order in which they began, by the clocks of their machines; the client's health is
    /// the worst of all machines, and that of each is kept.
    ///
    /// # Errors
    ///
    /// Fails unless they are all the shares of one plan, each once.
    pub fn merge(shares: Vec<Self>) -> Result<Self, MergeError> {
        let mut parts: Vec<(Part, Self)> = Vec::with_capacity(shares.len());
        for mut share in shares {
            let part = share.around.part.take().ok_or(MergeError::NoShare)?;
            parts.push((part, share));
        }
        parts.sort_by_key(|(part, _)| part.index);
        agree(&parts)?;
        let origin = parts.iter().map(|(part, _)| part.began).fold(f64::INFINITY, f64::min);
        let mut merged = Self::default();
        for (part, share) in parts {
            let later = part.began - origin;
            merged.runs.extend(share.runs.into_iter().map(|run| shifted(run, later)));
            merged.around.add(part, share.around, later);
        }
        merged.runs.sort_by(|a, b| a.start.total_cmp(&b.start));
        for series in merged.around.scraped.values_mut() {
            series.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        }
        Ok(merged)
    }
}

/// Fails unless the shares, sorted by index, are those of one level.
fn agree(parts: &[(Part, Recording)]) -> Result<(), MergeError> {
    let Some((first, recording)) = parts.first() else { return Err(MergeError::Nothing) };
    let (level, of) = (recording.around.concurrency, first.of);
    for (part, recording) in parts {
        let other = recording.around.concurrency;
        if other != level {
            return Err(MergeError::Level { first: level, other });
        }
        if part.of != of {
            return Err(MergeError::Size { first: of, other: part.of });
        }
        if part.plan != first.plan {
            let (first, other) = (first.machine.clone(), part.machine.clone());
            return Err(MergeError::Plan { first, other });
        }
    }
    let mut indices = parts.iter().map(|(part, _)| part.index);
    for index in 0..of {
        match indices.next() {
            Some(found) if found == index => {}
            Some(found) if found < index => return Err(MergeError::Twice { index: found, of }),
            _ => return Err(MergeError::Missing { index, of }),
        }
    }
    indices.next().map_or(Ok(()), |index| Err(MergeError::Twice { index, of }))
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

impl Around {
    /// Adds the facts about a share.
    fn add(&mut self, part: Part, share: Self, later: f64) {
        let Self { concurrency, client, scraped, scrape_error, burst, server_gone, .. } = share;
        self.concurrency = concurrency;
        if let Some(health) = client {
            self.client = Some(self.client.map_or(health, |client| client.worse(health)));
            let Part { machine, index, .. } = part;
            self.machines.push(MachineHealth { machine, share: index, health });
        }
        add_scraped(&mut self.scraped, scraped, later);
        self.scrape_error = self.scrape_error.take().or(scrape_error);
        self.burst = self.burst.or(burst);
        self.server_gone = self.server_gone.take().or(server_gone);
    }
}

fn add_scraped(to: &mut Scraped, from: Scraped, later: f64) {
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
            around: Around {
                concurrency: Some(4),
                client: Some(ClientHealth {
                    cpu_share: 0.1 * health,
                    lag_p95: 0.01 / health,
                    lag_max: 0.02,
                }),
                scraped: [("running".to_owned(), vec![(0.5, health)])].into(),
                part: Some(part),
                ..Around::default()
            },
        }
    }

    #[test]
    fn runs_are_in_the_order_of_their_beginnings_on_one_clock() {
        let merged = Recording::merge(vec![
            share(1, 2, 100.25, &[0.0, 2.0]),
            share(0, 2, 100.0, &[0.1, 2.1]),
        ]);
        let merged = merged.unwrap();
        let runs: Vec<(&str, f64)> =
            merged.runs.iter().map(|run| (run.id.as_str(), run.start)).collect();
        assert_eq!(runs, [("0:0.1", 0.1), ("1:0", 0.25), ("0:2.1", 2.1), ("1:2", 2.25)]);
        let late = &merged.runs[3];
        assert_eq!((late.end, late.llm_calls[0].start, late.llm_calls[0].end), (3.25, 2.25, 2.75));
        let Around { concurrency, client, machines, scraped, part, .. } = merged.around;
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
            Recording::merge(vec![share(0, 2, 0.0, &[1.0]), second]).unwrap_err().to_string()
        };
        assert!(changed(|it| it.around.concurrency = Some(5)).contains("levels: 4 and 5"));
        assert!(changed(|it| it.around.part = None).contains("does not say which share"));
        assert!(
            changed(|it| it.around.part.as_mut().unwrap().plan = "q".into())
                .contains("what m0 measured is not what m1 did")
        );
        assert!(changed(|it| it.around.part.as_mut().unwrap().of = 3).contains("different sizes"));
        assert!(
            changed(|it| it.around.part.as_mut().unwrap().index = 0)
                .contains("0 of 2 is there twice")
        );
        assert_eq!(Recording::merge(Vec::new()), Err(MergeError::Nothing));
        let missing = |shares: Vec<Recording>| Recording::merge(shares).unwrap_err();
        assert_eq!(missing(vec![share(1, 2, 0.0, &[])]), MergeError::Missing { index: 0, of: 2 });
        assert_eq!(missing(vec![share(0, 2, 0.0, &[])]), MergeError::Missing { index: 1, of: 2 });
        let whole = share(0, 1, 5.0, &[1.0]);
        assert_eq!(Recording::merge(vec![whole.clone()]).unwrap().runs, whole.runs);
    }
}
