//! Wording of doubts: the problem, and the remedy.

use super::advice::{Wish, Words};
use super::grade::Doubt;

/// Factor below and above a load within which loads lie around it.
const AROUND: f64 = 1.2;

/// Formats a load, without a zero decimal.
fn load(concurrency: f64) -> String {
    let shown = format!("{concurrency:.1}");
    shown.strip_suffix(".0").map(str::to_owned).unwrap_or(shown)
}

fn around(at: f64) -> [f64; 2] {
    [at / AROUND, at * AROUND]
}

impl Doubt {
    /// Returns the loads that would settle it.
    pub fn wish(&self) -> Wish {
        let loads = match self {
            Self::NoEnd { highest, failed: Some(failed), .. } => {
                // Between what works and what fails, or once more what failed.
                let between = (highest * failed).sqrt();
                vec![if failed - highest > 1.5 { between } else { *failed }]
            }
            Self::NoEnd { highest, .. } => vec![2.0 * highest],
            Self::FewLevelsNear(at)
            | Self::CurveAgainstLevels { at }
            | Self::RestsOn { level: at, .. }
            | Self::Tail { at, .. }
            | Self::Jumps { at, .. } => around(*at).to_vec(),
            Self::Extrapolated { measured: (_, highest), point } => {
                let wanted = if point > highest { AROUND } else { 1.0 };
                vec![*point, (*point * wanted).ceil()]
            }
            Self::Steps { width, carried, shown: false, .. } => {
                vec![*carried + (*width / 4.0).max(1.0), *carried + *width / 2.0]
            }
            Self::Steps { carried, .. } => vec![*carried, *carried + 1.0],
            Self::Between { below, above, .. } => {
                vec![(below * below * above).cbrt(), (below * above * above).cbrt()]
            }
            Self::SharedReplicas { replicas, .. } => vec![*replicas],
            Self::Refused { at, carried: Some(carried), .. } if at - carried >= 1.5 => {
                vec![(at * carried).sqrt()]
            }
            Self::Falls { low, high } => return Wish::Again(vec![low.0, high.0]),
            Self::Contradiction { missed, met } => return Wish::Again(vec![*missed, *met]),
            Self::LeftOut(level) => return Wish::Again(vec![*level]),
            Self::Unlike { levels, .. } => return Wish::Again(levels.clone()),
            _ => return Wish::Nothing,
        };
        Wish::Around(loads)
    }

    /// Describes the doubt as a sentence without its full stop.
    #[expect(
        clippy::too_many_lines,
        reason = "one sentence for each doubt, and no more logic than that"
    )]
    pub fn say(&self, words: &Words<'_>) -> String {
        let wish = self.wish();
        let add = || words.add(&wish);
        let again = words.again();
        match self {
            Self::Wide(ratio) => format!(
                "the ends of the interval are a factor of {ratio:.2} apart: more runs near the limit make it narrower"
            ),
            Self::NoEnd { carried, highest, failed: Some(failed) } => format!(
                "nothing that was measured shows where the limit is reached: at least {} {} are carried, and above {} \
                 runs failed at every level, from {} on: see what failed, and {}",
                load(*carried),
                words.unit(),
                load(*highest),
                load(*failed),
                add()
            ),
            Self::NoEnd { carried, highest, failed: None } => format!(
                "nothing that was measured shows where the limit is reached: at least {} {} are carried, and no level \
                 above {} was measured; {}",
                load(*carried),
                words.unit(),
                load(*highest),
                add()
            ),
            Self::NearlyAlone => {
                "the limit is so close to what a run takes alone that no number of GPUs may meet it: measure more runs \
                 at the lowest level, or loosen the limit"
                    .to_owned()
            }
            Self::SharedReplicas { replicas, carried: (low, high) } => format!(
                "a run alone keeps the limit, so a rig of {replicas} replicas would carry at least {replicas} runs, one on \
                 each, but {} to {} are what the levels make of it. If several of its GPUs serve one copy of the model \
                 (tensor parallelism), set `test.gpus_per_replica` to how many: it is the number of GPUs that serve one \
                 copy, 1 unless it is set. If not, something that they share is the limit, or an uneven load balancer",
                load(*low),
                load(*high)
            ),
            Self::FewLevelsNear(capacity) => format!(
                "fewer than two usable levels lie near concurrency {}; {}",
                load(*capacity),
                add()
            ),
            Self::Falls { low, high } => format!(
                "time falls with load: {:.3} s on average at concurrency {}, {:.3} s at {}; something else slowed the \
                 one or sped up the other, so measure them again{}",
                low.1,
                load(low.0),
                high.1,
                load(high.0),
                again
            ),
            Self::Contradiction { missed, met } => format!(
                "concurrency {} missed the limit though {} met it: one of them was disturbed, so measure both again{}",
                load(*missed),
                load(*met),
                again
            ),
            Self::CurveAgainstLevels { .. } => format!(
                "the curve through all levels contradicts what the levels around the limit showed; {}",
                add()
            ),
            Self::LeftOut(level) => format!(
                "concurrency {} was left out, since it does not agree with the other levels: measure it again{}",
                load(*level),
                again
            ),
            Self::RestsOn { level, without } => format!(
                "the answer rests on concurrency {} alone: without it the rig would be said to carry {}; {}",
                load(*level),
                load(*without),
                add()
            ),
            Self::Unlike { levels, furthest, fastest, slowest, repetitions, .. } => {
                let named: Vec<String> = levels.iter().copied().map(load).collect();
                let parts = match (*repetitions, named.len()) {
                    (true, 1) => "its repetitions",
                    (true, _) => "their repetitions",
                    (false, 1) => "its earlier and its later half",
                    (false, _) => "their earlier and their later halves",
                };
                let at = if named.len() > 1 { format!(" at {}", load(*furthest)) } else { String::new() };
                format!(
                    "concurrency {} was not the same throughout: {parts} differ by more than chance, {} s and {} s{at}; \
                     find out what changed, and measure again{}",
                    named.join(", "),
                    three(*fastest),
                    three(*slowest),
                    again
                )
            }
            Self::Extrapolated { measured: (lowest, highest), point } => {
                let where_to = if point > highest {
                    format!("above all measured levels (the highest is {})", load(*highest))
                } else {
                    format!("below all measured levels (the lowest is {})", load(*lowest))
                };
                format!(
                    "the answer, {}, lies {where_to}, where nothing was seen; {}",
                    load(*point),
                    add()
                )
            }
            Self::Steps { width, carried, shown: false, .. } => format!(
                "the levels would also lie on steps of {} {}, as of a server that pads its batches, and then only {} \
                 are carried; {}",
                load(*width),
                words.unit(),
                load(*carried),
                add()
            ),
            Self::Steps { width, carried, .. } => format!(
                "time grows in steps of about {} {}, as of a server that pads its batches: the answer is the end of the \
                 step at {}; {}",
                load(*width),
                words.unit(),
                load(*carried),
                add()
            ),
            Self::Between { below, above, .. } => format!(
                "between concurrency {} and {}, where the answer lies, nothing was measured; {}",
                load(*below),
                load(*above),
                add()
            ),
            Self::Tail { share, allowed, carried, .. } => format!(
                "{:.1} % of the runs around the answer take longer than the {:.0} % that may: the tail of levels further \
                 off is another; by those runs alone {} are carried; {}",
                share * 100.0,
                allowed * 100.0,
                load(*carried),
                add()
            ),
            Self::FewRuns { runs, needed } => format!(
                "it rests on about {runs:.0} runs around the answer, where {needed} are needed to bound that quantile"
            ),
            Self::Cut { seconds, share } => format!(
                "up to {:.0} % of a level's runs ended at {} s to the thousandth, as if cut off there, so nothing says how \
                 long they take: record those as failed, or measure with a longer timeout",
                share * 100.0,
                three(*seconds)
            ),
            Self::Unsteady => {
                "the levels are bursts of less than three waves, so no load was ever steady: measure more passes"
                    .to_owned()
            }
            Self::Jumps { at, from, to } => format!(
                "the limited time jumps from {from:.3} s to {to:.3} s around concurrency {}: some runs are far slower \
                 than the rest, and their share decides; {}",
                load(*at),
                add()
            ),
            Self::Uneven(by) => format!(
                "levels differ by about {:.0} % beyond the noise of their runs: the rig changed between them, or its times do not follow the curve",
                (by.exp() - 1.0) * 100.0
            ),
            Self::Failed { levels, share, tolerable } => {
                let levels: Vec<String> = levels.iter().copied().map(load).collect();
                let tolerate = if *tolerable {
                    let percent = (share * 100.0).ceil().max(1.0);
                    format!(
                        "; with concurrency.on_failure: {{tolerate: {percent:.0}%}} they would count (at most {:.1} % of \
                         their runs failed)",
                        share * 100.0
                    )
                } else {
                    String::new()
                };
                format!(
                    "runs failed at concurrency {}: those levels bound the answer and are in no fit{tolerate}",
                    levels.join(", ")
                )
            }
            Self::Tolerated { share, allowed, .. } if share > allowed => format!(
                "{:.0} % of the runs around the answer failed, which is tolerated, and the times are those of the others: of \
                 all runs more than {:.0} % miss the limit at any number of GPUs; see what failed",
                share * 100.0,
                allowed * 100.0
            ),
            Self::Tolerated { share, carried, .. } => format!(
                "{:.1} % of the runs around the answer failed, which is tolerated, and the times are those of the others: if \
                 a failure misses the limit as well, {} are carried (estimate.count_failures: as_over_limit)",
                share * 100.0,
                load(*carried)
            ),
            Self::Unfinished { levels } => {
                let levels: Vec<String> = levels.iter().copied().map(load).collect();
                format!(
                    "the runs that were in flight at the end of concurrency {} are missing, so slow ones are too few: record \
                     until the last run has ended, or leave out those that began late",
                    levels.join(", ")
                )
            }
            Self::Refused { at, carried, gone } => {
                let what = if *gone { "stopped answering" } else { "refused runs" };
                let rest = match carried {
                    Some(carried) if at - carried < 1.5 => {
                        format!("took all at {}: the limit is the server's", load(*carried))
                    }
                    Some(carried) => format!(
                        "took all at {}: the limit is the server's, between those levels; {}",
                        load(*carried),
                        add()
                    ),
                    None => "took all at no lower level".to_owned(),
                };
                format!("the server {what} at concurrency {}, and {rest}", load(*at))
            }
            Self::ClientLimited(level) => format!(
                "the client itself was too busy at concurrency {}: load from a machine with more cores to spare",
                load(*level)
            ),
            Self::NoInterval => {
                "a straight line gives no interval: nothing says how far it is off".to_owned()
            }
            Self::MethodsDisagree { low, high, .. } => format!(
                "the method `monotone` makes {} to {} {} of the same levels: add levels around the answer, or use that \
                 method",
                load(*low),
                load(*high),
                words.unit()
            ),
            Self::LineAgainstLevels { at_least, below } => {
                let what = match (at_least, below) {
                    (Some(met), Some(missed)) => {
                        format!("concurrency {} met the limit and {} did not", load(*met), load(*missed))
                    }
                    (Some(met), None) => format!("concurrency {} met the limit", load(*met)),
                    (None, Some(missed)) => format!("concurrency {} missed the limit", load(*missed)),
                    (None, None) => "levels near the limit disagree".to_owned(),
                };
                format!("the line contradicts what was measured: {what}")
            }
        }
    }
}

/// Formats a time in seconds with three significant digits.
pub(super) fn three(seconds: f64) -> String {
    let digits: usize = match seconds {
        time if time >= 100.0 => 0,
        time if time >= 10.0 => 1,
        time if time >= 1.0 => 2,
        time if time >= 0.1 => 3,
        _ => 4,
    };
    format!("{seconds:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sizing::Plan;

    #[test]
    fn levels_that_count_users_are_said_in_users() {
        let said = |counts_users| {
            let words = Words { counts_users, plan: &Plan::default(), levels: &[] };
            Doubt::NoEnd { carried: 8.0, highest: 8.0, failed: None }.say(&words)
        };
        assert!(said(true).contains("at least 8 users are carried"), "{}", said(true));
        assert!(said(false).contains("at least 8 in flight are carried"), "{}", said(false));
    }

    #[test]
    fn three_digits_of_a_time_count() {
        assert_eq!(
            [123.4, 12.34, 1.234, 0.1234, 0.01234].map(three),
            ["123", "12.3", "1.23", "0.123", "0.0123"]
        );
    }
}
