//! Wording of findings.

use super::bottleneck::bottleneck;
use super::digits::three;
use super::doubt::doubt_words;
use super::figure::fixed;
use super::reason::{all_failed, idle, no_capacity, not_set, other_form, out_of_reach};
use crate::measure::Metric;
use crate::sizing::{AdmissionLimit, Finding, HeldBack, SlowLevel};
use std::collections::BTreeSet;

/// Describes a finding in a sentence or two. Doubts and reasons have no full stop, since they are
/// parts of a longer one.
pub fn sentence(finding: &Finding) -> String {
    sentence_of(Metric::WorkflowRuntime, finding)
}

/// Describes a finding about the estimate of a metric, with the figures of that metric.
pub fn sentence_of(metric: Metric, finding: &Finding) -> String {
    match finding {
        Finding::Interrupted { levels } => format!(
            "Runs failed at concurrency {}: {} left out of every fit.",
            list(levels),
            if levels.len() == 1 { "that level is" } else { "those levels are" }
        ),
        Finding::ServerGone { level, failure } => format!(
            "The server stopped answering at concurrency {level} ({failure}). What was measured until then bounds the \
             estimate; the next run measures that level again."
        ),
        Finding::ClientLimited { levels } => format!(
            "The client itself was too busy at concurrency {}: the times may reflect this machine rather than the \
             server. Generate the load on a machine with more spare cores.",
            list(levels)
        ),
        Finding::HostLimited { levels, processes, starved } => {
            host_limited(levels, *processes, *starved)
        }
        Finding::Admission { limit } => admission(limit),
        Finding::Reconnected { requests } => format!(
            "{requests} requests were sent on a kept-alive connection that the server had already closed, and were \
             sent again on a new one; that is part of their time."
        ),
        Finding::FailedCalls { calls } => format!(
            "{calls} LLM calls failed within runs. The time of a run includes failed calls that it retried; the LLM \
             latency includes none."
        ),
        Finding::ScrapeIncomplete { level, error } => format!(
            "Some of the server's own metrics are missing, first at concurrency {level}: {error}."
        ),
        Finding::FewLevels { usable } => format!(
            "The fits rest on {usable} levels; ten or more, spread over a wide range, would make them more reliable."
        ),
        Finding::ByTokens { runs } => format!(
            "Runtimes are estimated from token counts: the tokens that the calls of {runs} runs had to process are \
             pooled over all levels, and each level contributes how long they take there."
        ),
        Finding::NoTarget => no_target(),
        Finding::Saturated { throughput, knee } => saturated(*throughput, *knee),
        Finding::ThroughputFalls { best, highest } => throughput_falls(*best, *highest),
        Finding::Bottleneck { kind, name, lowest, highest } => {
            bottleneck(*kind, name, *lowest, *highest)
        }
        Finding::NotSaturated { highest } => {
            format!("No saturation was seen up to concurrency {highest}: throughput was still growing.")
        }
        Finding::Slow { level, left_out, recorded } => slow(level, *left_out, *recorded),
        Finding::Drifted { level, before, now } => drifted(*level, *before, *now),
        Finding::Enclosed { metric, quantile, capacity, below, above } => format!(
            "The {} {metric} target is met up to concurrency {capacity:.1}, inside the measured range (between \
             {below} and {above}).",
            metric.quantile(*quantile)
        ),
        Finding::RunsToHalve { level, runs } => format!(
            "About {runs:.0} more runs at concurrency {level:.0} would halve the interval of that capacity."
        ),
        Finding::ShortLevels { levels, longest } => short_levels(levels, *longest),
        Finding::AlikeReplicas { measured } => format!(
            "Assumption: further replicas are like the {} measured, a load balancer spreads the load as evenly as on \
             the test rig, and everything else (network, tools, retrieval) grows with the number of replicas.",
            if *measured == 1 { "one".to_owned() } else { measured.to_string() }
        ),
        Finding::RobustLine { metric, outliers, gpus } => robust_line(*metric, outliers, *gpus),
        Finding::SaturationLeftOut { metric, levels, line, monotone } => {
            saturation_left_out(*metric, levels, *line, *monotone)
        }
        Finding::TwoPointLine { metric, levels: [lower, higher] } => format!(
            "Only concurrency {lower} and {higher} are left for the line through the {}: any two points lie on a \
             line, so its R² of 1 is meaningless. Measure more levels.",
            metric.time_behind()
        ),
        Finding::FewRuns { enough, levels, least, most } => few_runs(*enough, levels, *least, *most),
        Finding::NoFit { metric, reason } => format!("No fit of the {metric}: {reason}."),
        Finding::EmptyQuestions { rows } => empty_questions(*rows),
        Finding::Programs { persistent } => programs(*persistent).to_owned(),
        Finding::Doubt { doubt, remedy } => doubt_words(metric, doubt, remedy),
        Finding::OtherForm { request_rate, concurrent, gpus } => {
            other_form(*request_rate, *concurrent, *gpus)
        }
        Finding::AllFailed { most, tolerable } => all_failed(*most, *tolerable),
        Finding::Unfitted { reason } => reason.to_string(),
        Finding::NoCapacity { reason, met } => no_capacity(metric, reason, *met),
        Finding::OutOfReach { quantile, concurrency, seconds, measured } => {
            let figure = fixed(metric, *seconds, 3);
            out_of_reach(metric, *quantile, *concurrency, &figure, *measured)
        }
        Finding::NotSet { load, gpu_count } => not_set(*load, *gpu_count),
        Finding::NothingTimed => {
            "no run was timed, so the number of runs in flight is unknown".to_owned()
        }
        Finding::NoRoomForChance => {
            "the number of runs in flight fluctuates, and the runs that are slow at any load leave no room for that, \
             so perhaps no number of GPUs meets the limit: loosen it, or limit a lower quantile"
                .to_owned()
        }
        Finding::Idle { levels, spent, seconds } => idle(&list(levels), *spent, *seconds),
        Finding::InWords(words) => words.clone(),
    }
}

fn no_target() -> String {
    // A limit on a rate is one on a time in another unit.
    let is_other = |metric: &Metric| *metric != Metric::WorkflowRuntime && !metric.is_rate();
    let others: Vec<&str> = Metric::ALL.into_iter().filter(is_other).map(Metric::key).collect();
    let first = Metric::WorkflowRuntime.key();
    format!(
        "No target is set, so there is no estimate: set targets.{first} (or {}), with targets.users and \
         test.gpu_count.",
        others.join(", ")
    )
}

fn throughput_falls(best: (u32, f64), highest: (u32, f64)) -> String {
    format!(
        "Throughput falls as the load rises: {} runs per second at concurrency {}, {} at {}. A rig that loses \
         throughput when it is overloaded needs a limit on the load that reaches it.",
        three(best.1),
        best.0,
        three(highest.1),
        highest.0
    )
}

fn short_levels(levels: &BTreeSet<u32>, longest: f64) -> String {
    let listed: Vec<String> = levels.iter().map(u32::to_string).collect();
    format!(
        "The levels around the answer (concurrency {}) lasted up to {} s: what sets in later, such as throttling, or \
         happens less often, such as pauses of the server, is not in these figures. Levels of a minute or more would \
         show it.",
        listed.join(", "),
        three(longest)
    )
}

fn saturated(throughput: f64, knee: Option<f64>) -> String {
    let saturates = format!("The test rig saturates at about {throughput:.3} runs per second");
    match knee {
        Some(knee) => format!(
            "{saturates}; the knee, where it would reach that if no run had to wait, is near concurrency {knee:.0}: \
             well above it, more load adds waiting rather than throughput."
        ),
        None => format!("{saturates}."),
    }
}

fn slow(level: &SlowLevel, left_out: bool, recorded: bool) -> String {
    let SlowLevel { concurrency, mean, expected } = level;
    let kept = if left_out {
        "An estimate leaves it out, since it contradicts the others"
    } else {
        "Its runs are kept, since this may happen again"
    };
    let source = if recorded { " in a new recording" } else { "" };
    format!(
        "Concurrency {concurrency} was slower than its load explains: {mean:.3} s on average, where the other levels \
         suggest {expected:.3} s. {kept}; if something else used the rig, measure it again{source}."
    )
}

fn drifted(level: u32, before: f64, now: f64) -> String {
    let (before, now) = (three(before), three(now));
    format!(
        "Concurrency {level} was measured twice: {before} s on average before, {now} s now. The rig has changed in \
         between, so levels from before and after cannot be combined. If the change is permanent, measure all levels \
         again with --force sweep; if something else used the rig at the time, measure this one again with --force \
         sweep@{level}."
    )
}

fn host_limited(levels: &[u32], processes: u32, starved: bool) -> String {
    let hosts = if processes == 1 {
        "The host that runs the workflow was".to_owned()
    } else {
        format!("The {processes} hosts that run the workflow were")
    };
    let remedy = if starved {
        "This machine had no free core for it: measure again on one with more cores or less other work."
    } else {
        "Measure again with more hosts (workflow.hosts, --nat-hosts; `auto` adds hosts up to the number of cores)."
    };
    format!(
        "{hosts} busy all the time at concurrency {}: the host, not the LLM, is the limit there. {remedy}",
        list(levels)
    )
}

fn admission(limit: &AdmissionLimit) -> String {
    let Some((highest, lower)) = limit.levels.split_last() else {
        return format!("The server works on about {:.0} runs at a time.", limit.admitted);
    };
    let HeldBack { concurrency, in_flight, admitted, waiting, .. } = highest;
    let lower: Vec<u32> = lower.iter().map(|level| level.concurrency).collect();
    let also = if lower.is_empty() {
        String::new()
    } else {
        format!(" It is the same at concurrency {}.", list(&lower))
    };
    format!(
        "At concurrency {concurrency}, the server works on about {admitted:.0} of {in_flight:.0} runs at a time; the \
         rest of the runtime, {} s on average, is waiting to be admitted.{also} That limit is the server's own, and \
         says nothing about what the LLM carries.",
        three(*waiting)
    )
}

fn robust_line(metric: Metric, outliers: &[u32], gpus: f64) -> String {
    // It is the time behind a rate that lies on a line.
    let metric = metric.time_behind();
    format!(
        "The {metric} lies on a line except at concurrency {}: the method `robust`, a line that resists outliers, \
         gives {gpus:.1} GPUs. Measure that level again before you rely on it.",
        list(outliers)
    )
}

fn saturation_left_out(metric: Metric, levels: &[u32], line: f64, monotone: Option<f64>) -> String {
    let other = monotone.map_or("has no answer".to_owned(), |carried| format!("says {carried:.1}"));
    let (outliers, highest) = match levels {
        [_] => ("as an outlier", "it is the highest and lies"),
        _ => ("as outliers", "they are the highest and lie"),
    };
    format!(
        "The line through the {} leaves out concurrency {} {outliers}, but {highest} above the line: there the rig \
         saturates. By the line, the rig carries {line:.1}; the method `monotone`, which follows the levels, {other}.",
        metric.time_behind(),
        list(levels),
    )
}

fn few_runs(enough: u64, levels: &[u32], least: u64, most: u64) -> String {
    let there_were =
        if least == most { format!("{least}") } else { format!("between {least} and {most}") };
    format!(
        "Fewer than {enough} runs cannot bound a p95: at concurrency {} there were {there_were}, and the p95s shown \
         for them are close to the longest run.",
        list(levels)
    )
}

fn empty_questions(rows: usize) -> String {
    let rows = if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
    let were = if rows == "1 row" { "was" } else { "were" };
    format!("{rows} of the dataset had an empty question and {were} left out.")
}

fn programs(persistent: bool) -> &'static str {
    if persistent {
        "Worker processes were started and had answered once before each level: runtimes leave out starting the program."
    } else {
        "Every run was a process of its own: runtimes include starting the program."
    }
}

fn list(levels: &[u32]) -> String {
    levels.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
