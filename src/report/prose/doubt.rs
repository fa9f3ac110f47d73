//! Wording of doubts: the problem, and the remedy.

use super::digits::three;
use super::figure::{figure, fixed, plural};
use crate::measure::{Metric, Scope};
use crate::sizing::{Doubt, Remedy};

/// Formats a load, without a zero decimal.
fn load(concurrency: f64) -> String {
    let shown = format!("{concurrency:.1}");
    shown.strip_suffix(".0").map(str::to_owned).unwrap_or(shown)
}

/// Describes a doubt as a sentence without its full stop.
#[expect(
    clippy::too_many_lines,
    reason = "one sentence for each doubt, and no more logic than that"
)]
pub(super) fn doubt_words(metric: Metric, doubt: &Doubt, remedy: &Remedy) -> String {
    let add = || added(remedy);
    let again = if remedy.recorded { " in a new recording" } else { "" };
    let unit = if remedy.counts_users { "users" } else { "runs in flight" };
    match doubt {
        Doubt::Wide(ratio) => format!(
            "the ends of the interval are a factor of {ratio:.2} apart: more runs near the limit would narrow it"
        ),
        Doubt::NoEnd { carried, highest, failed: Some(failed) } => format!(
            "no measurement shows where the limit is reached: the rig carries at least {} {}, and at every level \
             above {}, from {} on, runs failed: see what failed, and {}",
            load(*carried),
            unit,
            load(*highest),
            load(*failed),
            add()
        ),
        Doubt::NoEnd { carried, highest, failed: None } => format!(
            "no measurement shows where the limit is reached: the rig carries at least {} {}, and no level above {} \
             was measured; {}",
            load(*carried),
            unit,
            load(*highest),
            add()
        ),
        Doubt::NearlyAlone => {
            "the limit is so close to the time of a lone run that perhaps no number of GPUs meets it: measure more \
             runs at the lowest level, or loosen the limit"
                .to_owned()
        }
        Doubt::SharedReplicas { replicas, carried: (low, high) } => format!(
            "a lone run meets the limit, so a rig of {replicas} replicas should carry at least {replicas} runs, one \
             on each, but the levels suggest {} to {}. If several of its GPUs serve one copy of the model (tensor \
             parallelism), set `test.gpus_per_replica` to that number of GPUs; its default is 1. Otherwise the \
             bottleneck is something that they share, or an uneven load balancer",
            load(*low),
            load(*high)
        ),
        Doubt::FewLevelsNear(capacity) => format!(
            "fewer than two usable levels lie near concurrency {}; {}",
            load(*capacity),
            add()
        ),
        Doubt::Falls { low, high } => format!(
            "{} with load: {} on average at concurrency {}, {} at {}; something else slowed down the former or sped \
             up the latter, so measure both again{}",
            if metric.is_rate() { format!("{metric} rises") } else { "time falls".to_owned() },
            fixed(metric, low.1, 3),
            load(low.0),
            fixed(metric, high.1, 3),
            load(high.0),
            again
        ),
        Doubt::Contradiction { missed, met } => format!(
            "concurrency {} missed the limit though {} met it: one of them was disturbed, so measure both again{}",
            load(*missed),
            load(*met),
            again
        ),
        Doubt::CurveAgainstLevels { .. } => format!(
            "the curve through all levels contradicts what the levels around the limit showed; {}",
            add()
        ),
        Doubt::LeftOut(level) => format!(
            "concurrency {} was left out, since it disagrees with the other levels: measure it again{}",
            load(*level),
            again
        ),
        Doubt::RestsOn { level, without } => format!(
            "the answer rests on concurrency {} alone: without it the estimated capacity would be {}; {}",
            load(*level),
            load(*without),
            add()
        ),
        Doubt::Unlike { levels, furthest, fastest, slowest, repetitions, .. } => {
            let named: Vec<String> = levels.iter().copied().map(load).collect();
            let parts = match (*repetitions, named.len()) {
                (true, 1) => "its repetitions",
                (true, _) => "their repetitions",
                (false, 1) => "its earlier and its later half",
                (false, _) => "their earlier and their later halves",
            };
            let at = if named.len() > 1 { format!(" at {}", load(*furthest)) } else { String::new() };
            format!(
                "concurrency {} was not the same throughout: {parts} differ by more than chance, {} and {}{at}; \
                 find out what changed, and measure again{}",
                named.join(", "),
                figure(metric, *fastest),
                figure(metric, *slowest),
                again
            )
        }
        Doubt::Extrapolated { measured: (lowest, highest), point } => {
            let where_to = if point > highest {
                format!("above all measured levels (the highest is {})", load(*highest))
            } else {
                format!("below all measured levels (the lowest is {})", load(*lowest))
            };
            format!(
                "the answer, {}, lies {where_to}, where nothing was measured; {}",
                load(*point),
                add()
            )
        }
        Doubt::Steps { width, carried, shown: false, .. } => format!(
            "the levels would also fit steps of {} {}, as of a server that pads its batches, and then the rig \
             carries only {}; {}",
            load(*width),
            unit,
            load(*carried),
            add()
        ),
        Doubt::Steps { width, carried, .. } => format!(
            "time grows in steps of about {} {}, as of a server that pads its batches: the answer is the end of the \
             step at {}; {}",
            load(*width),
            unit,
            load(*carried),
            add()
        ),
        Doubt::Between { below, above, .. } => format!(
            "between concurrency {} and {}, where the answer lies, nothing was measured; {}",
            load(*below),
            load(*above),
            add()
        ),
        Doubt::Tail { share, allowed, carried, .. } => format!(
            "{:.1} % of the runs around the answer exceed the estimated quantile, which {:.0} % should: levels \
             further away have a different tail; by the runs near the answer alone, the rig carries {}; {}",
            share * 100.0,
            allowed * 100.0,
            load(*carried),
            add()
        ),
        Doubt::FewRuns { runs, needed } => format!(
            "the answer rests on about {runs:.0} runs around it, but bounding that quantile takes {needed}"
        ),
        Doubt::BorrowedTail { at, near, needed } => format!(
            "the answer rests on slow {runs} at other loads: near it, {near:.0} were measured, but bounding that \
             quantile takes {needed}; measure {:.0} more near concurrency {}: {}",
            (*needed as f64 - near).ceil(),
            load(*at),
            add(),
            runs = plural(metric.scope())
        ),
        Doubt::Cut { seconds, share } if metric.is_rate() => format!(
            "up to {:.0} % of a level's calls are within 0.2 % of {}, as if something kept them from being slower, \
             so their real speed is unknown",
            share * 100.0,
            figure(metric, *seconds)
        ),
        Doubt::Cut { seconds, share } => format!(
            "for up to {:.0} % of a level's {}, the {metric} is within 0.2 % of {} s, as if cut off there, so their real \
             times are unknown: record those as failed, or measure with a longer timeout",
            share * 100.0,
            plural(metric.scope()),
            three(*seconds)
        ),
        Doubt::GivenUp { seconds, share } => format!(
            "up to {:.0} % of a level's runs timed out after {} s, within the limit, so their real times are \
             unknown: measure with a timeout above the limit",
            share * 100.0,
            three(*seconds)
        ),
        Doubt::Clusters { episodes } => format!(
            "slow {} come in clusters, as when the server pauses: those around the answer are worth about {:.0} \
             independent ones; measure each level for long enough to see many such episodes",
            plural(metric.scope()),
            episodes.max(1.0)
        ),
        Doubt::SlowAtTimes { levels } => {
            let listed: Vec<String> = levels.iter().copied().map(load).collect();
            format!(
                "something slowed the rig at concurrency {}, and may have missed the levels that the answer rests on: if it \
                 comes back in service, the rig carries less; find out what it was, or measure each level for longer",
                listed.join(", ")
            )
        }
        Doubt::Unsteady => {
            "the levels around the answer are bursts of fewer than three waves, so the load was never steady there: \
             measure more passes"
                .to_owned()
        }
        Doubt::Jumps { at, from, to } => format!(
            "the limited {} from {} to {} around concurrency {}: some {} are far slower \
             than the rest, and their share decides; {}",
            if metric.is_rate() { format!("{metric} drops") } else { "time jumps".to_owned() },
            fixed(metric, *from, 3),
            if to.is_finite() { fixed(metric, *to, 3) } else { "that of failed runs".to_owned() },
            load(*at),
            if metric.is_rate() { plural(metric.scope()) } else { "runs" },
            add()
        ),
        Doubt::Uneven(by) => format!(
            "levels differ by about {:.0} % beyond the noise of their runs: the rig changed between them, or its times do not follow the curve",
            (by.exp() - 1.0) * 100.0
        ),
        Doubt::Failed { levels, share, tolerable } => {
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
            let bound = match levels.as_slice() {
                [_] => "that level bounds the answer and is",
                _ => "those levels bound the answer and are",
            };
            format!(
                "runs failed at concurrency {}: {bound} left out of every fit{tolerate}",
                levels.join(", ")
            )
        }
        Doubt::Tolerated { share, allowed, .. } if share > allowed => format!(
            "{:.0} % of the runs around the answer failed, which is tolerated, and the times are those of the \
             others: more than {:.0} % of all runs miss the limit at any number of GPUs; see what failed",
            share * 100.0,
            allowed * 100.0
        ),
        Doubt::Tolerated { share, carried, .. } => format!(
            "{:.1} % of the runs around the answer failed, which is tolerated, and the times are those of the \
             others: if failures count as over the limit, the rig carries {} (estimate.count_failures: as_over_limit)",
            share * 100.0,
            load(*carried)
        ),
        Doubt::Unfinished { levels } => {
            let levels: Vec<String> = levels.iter().copied().map(load).collect();
            format!(
                "the runs that were in flight at the end of concurrency {} are missing, so slow runs are \
                 under-represented: record until the last run has ended, or leave out those that began late",
                levels.join(", ")
            )
        }
        Doubt::Refused { at, carried, gone } => {
            let what = if *gone { "stopped answering" } else { "refused runs" };
            let rest = match carried {
                Some(carried) if at - carried < 1.5 => {
                    format!("accepted all at {}: the limit is the server's", load(*carried))
                }
                Some(carried) => format!(
                    "accepted all at {}: the limit is the server's, between those levels; {}",
                    load(*carried),
                    add()
                ),
                None => "accepted all at no lower level".to_owned(),
            };
            format!("the server {what} at concurrency {}, and {rest}", load(*at))
        }
        Doubt::ClientLimited(level) => format!(
            "the client itself was too busy at concurrency {}: generate the load on a machine with more spare cores",
            load(*level)
        ),
        Doubt::HostLimited(level) => format!(
            "the host of the workflow, not the LLM, is the limit at concurrency {}: measure with more hosts (workflow.hosts), \
             or on a machine with more cores",
            load(*level)
        ),
        Doubt::Admission { admitted } => admission(metric, *admitted),
        Doubt::NoInterval => {
            "a straight line gives no interval, so its error is unknown".to_owned()
        }
        Doubt::MethodsDisagree { low, high, .. } => {
            let (low, high) = (load(*low), load(*high));
            let range = if low == high { format!("about {low}") } else { format!("{low} to {high}") };
            format!(
                "the method `monotone` gives {range} {unit} from the same levels: add levels around the answer, or use \
                 that method"
            )
        }
        Doubt::LineAgainstLevels { at_least, below } => {
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

/// Describes how to get the levels that would settle a doubt.
fn added(remedy: &Remedy) -> String {
    let new: Vec<u32> = remedy.add.iter().copied().collect();
    match (new.as_slice(), remedy.recorded) {
        ([], recorded) => {
            let again: Vec<u32> = remedy.again.iter().copied().collect();
            let verb = if recorded { "record" } else { "measure" };
            format!("{verb} more runs at concurrency {}", list(&again))
        }
        (_, true) => format!("record runs at concurrency {} as well", list(&new)),
        ([one], false) => format!("add level {one}"),
        (_, false) => format!("add levels {}", list(&new)),
    }
}

fn list(levels: &[u32]) -> String {
    levels.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

fn admission(metric: Metric, admitted: f64) -> String {
    let remedy = "raise that limit and measure again";
    match metric.scope() {
        Scope::Run => format!(
            "the limit found is the server's admission limit of about {admitted:.0} runs at a time, not the LLM's: \
             {remedy}"
        ),
        Scope::Call => format!(
            "the LLM never had more than about {admitted:.0} runs to serve at a time, since the server admits no \
             more, so how it behaves under more load is unknown: {remedy}"
        ),
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_that_count_users_are_said_in_users() {
        let said = |counts_users| {
            let doubt = Doubt::NoEnd { carried: 8.0, highest: 8.0, failed: None };
            doubt_words(
                Metric::WorkflowRuntime,
                &doubt,
                &Remedy { counts_users, ..Remedy::default() },
            )
        };
        assert!(said(true).contains("carries at least 8 users"), "{}", said(true));
        assert!(said(false).contains("carries at least 8 runs in flight"), "{}", said(false));
    }

    #[test]
    fn a_remedy_says_how_to_get_the_levels() {
        let said = |recorded, add: &[u32], again: &[u32]| {
            let (add, again) = (add.iter().copied().collect(), again.iter().copied().collect());
            added(&Remedy { recorded, add, again, counts_users: false })
        };
        assert_eq!(said(false, &[6], &[]), "add level 6");
        assert_eq!(said(false, &[12, 16], &[]), "add levels 12 and 16");
        assert_eq!(said(true, &[12, 16], &[]), "record runs at concurrency 12 and 16 as well");
        assert_eq!(said(false, &[], &[8]), "measure more runs at concurrency 8");
        assert_eq!(said(true, &[], &[8]), "record more runs at concurrency 8");
    }
}
