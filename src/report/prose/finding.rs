//! Wording of findings.

use super::bottleneck::bottleneck;
use super::digits::three;
use super::doubt::doubt_words;
use super::figure::fixed;
use super::reason::{all_failed, idle, no_capacity, not_set, other_form, out_of_reach};
use crate::measure::Metric;
use crate::sizing::{AdmissionLimit, Finding, HeldBack, SlowLevel};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Quantile, StepKind};
    use crate::sizing::{Doubt, NoCapacity, NoFit, Remedy, StepAtLevel};

    fn slowest(
        kind: StepKind,
        name: &str,
        lowest: Option<(u32, f64, f64)>,
        highest: (u32, f64, f64),
    ) -> Finding {
        let at = |(level, share, time)| StepAtLevel { level, share, time };
        let name = name.to_owned();
        Finding::Bottleneck { kind, name, lowest: lowest.map(at), highest: at(highest) }
    }

    #[test]
    fn every_finding_has_its_words() {
        let (metric, quantile) = (Metric::LlmLatency, Quantile::P95);
        let falling = NoCapacity::SlopeNotPositive { slope: -0.01 };
        let too_low = NoCapacity::LimitAtOrBelowIntercept { limit: 2.0, intercept: 3.0 };
        let slow = SlowLevel { concurrency: 8, mean: 3.2, expected: 2.0 };
        let findings = [
            Finding::Interrupted { levels: vec![64] },
            Finding::Interrupted { levels: vec![64, 128] },
            Finding::ServerGone { level: 64, failure: "connection refused".to_owned() },
            Finding::ClientLimited { levels: vec![32, 64] },
            Finding::HostLimited { levels: vec![16], processes: 1, starved: false },
            Finding::HostLimited { levels: vec![16, 32], processes: 4, starved: true },
            Finding::Admission { limit: limited(&[16]) },
            Finding::Admission { limit: limited(&[16, 32]) },
            Finding::Reconnected { requests: 3 },
            Finding::FailedCalls { calls: 2 },
            Finding::ScrapeIncomplete { level: 4, error: "HTTP 500".to_owned() },
            Finding::FewLevels { usable: 4 },
            Finding::ByTokens { runs: 1234 },
            Finding::NoTarget,
            Finding::Saturated { throughput: 8.0, knee: Some(16.2) },
            Finding::Saturated { throughput: 8.0, knee: None },
            Finding::ThroughputFalls { best: (20, 10.75), highest: (32, 1.918) },
            Finding::NotSaturated { highest: 32 },
            slowest(StepKind::Llm, "meta/llama", Some((1, 0.42, 0.512)), (32, 0.814, 3.2256)),
            slowest(StepKind::Tool, "a`b", Some((1, 0.0, 0.0)), (8, 0.5, 0.25)),
            slowest(StepKind::Workflow, "<workflow>", None, (4, 0.005, 0.0012)),
            slowest(StepKind::Function, "", Some((1, 0.9, 4.0)), (4, 0.8, 4.0)),
            Finding::Slow { level: slow, left_out: true, recorded: false },
            Finding::Slow { level: slow, left_out: false, recorded: true },
            Finding::Drifted { level: 32, before: 1.42, now: 12.34 },
            Finding::Enclosed { metric, quantile, capacity: 23.18, below: 16, above: 32 },
            Finding::RunsToHalve { level: 23.0, runs: 480.0 },
            Finding::AlikeReplicas { measured: 1 },
            Finding::AlikeReplicas { measured: 2 },
            Finding::RobustLine { metric, outliers: vec![8, 16], gpus: 41.26 },
            Finding::SaturationLeftOut {
                metric,
                levels: vec![64],
                line: 61.02,
                monotone: Some(40.0),
            },
            Finding::SaturationLeftOut {
                metric,
                levels: vec![48, 64],
                line: 61.02,
                monotone: None,
            },
            Finding::TwoPointLine { metric, levels: [1, 2] },
            Finding::FewRuns { enough: 59, levels: vec![1, 2], least: 8, most: 8 },
            Finding::FewRuns { enough: 59, levels: vec![1, 2], least: 8, most: 16 },
            Finding::NoFit { metric, reason: NoFit::TooFewLevels { usable: 1 } },
            Finding::EmptyQuestions { rows: 1 },
            Finding::EmptyQuestions { rows: 12 },
            Finding::Programs { persistent: true },
            Finding::Programs { persistent: false },
            Finding::OtherForm { request_rate: Some(2.0), concurrent: None, gpus: 12.0 },
            Finding::OtherForm { request_rate: None, concurrent: Some(41.0), gpus: 1.0 },
            Finding::AllFailed { most: 0.031, tolerable: true },
            Finding::AllFailed { most: 0.5, tolerable: false },
            Finding::Unfitted { reason: NoFit::NotMeasured { metric: metric.to_string() } },
            Finding::Unfitted { reason: NoFit::PoorFit { r_squared: 0.41, minimum: 0.7 } },
            Finding::NoCapacity { reason: falling.clone(), met: None },
            Finding::NoCapacity { reason: falling, met: Some(4) },
            Finding::NoCapacity { reason: too_low, met: None },
            Finding::OutOfReach { quantile, concurrency: 1, seconds: 14.2, measured: true },
            Finding::OutOfReach { quantile, concurrency: 1, seconds: 14.2, measured: false },
            Finding::NotSet { load: true, gpu_count: true },
            Finding::NotSet { load: true, gpu_count: false },
            Finding::NotSet { load: false, gpu_count: true },
            Finding::NothingTimed,
            Finding::NoRoomForChance,
            Finding::Idle { levels: vec![1, 8], spent: Some((812.0, 800.0)), seconds: false },
            Finding::Idle { levels: vec![1, 8], spent: Some((60.0, 50.0)), seconds: true },
            Finding::Idle { levels: vec![1, 8], spent: None, seconds: false },
            Finding::InWords("as it stands".to_owned()),
        ];
        let of = |finding: &Finding| {
            let text = serde_json::to_string(finding).unwrap();
            assert_eq!(serde_json::from_str::<Finding>(&text).unwrap(), *finding);
            sentence(finding)
        };
        let words: Vec<String> = findings.iter().map(of).collect();
        insta::assert_snapshot!(words.join("\n"));
    }

    #[test]
    fn findings_about_a_rate_have_its_figures() {
        let (metric, quantile) = (Metric::TokensPerSecond, Quantile::P95);
        let of = |finding: &Finding| sentence_of(metric, finding);
        let doubt = |doubt| of(&Finding::Doubt { doubt, remedy: Remedy::default() });
        let too_low = NoCapacity::LimitAtOrBelowIntercept { limit: 0.02, intercept: 0.04 };
        for (words, part) in [
            (
                sentence(&Finding::Enclosed {
                    metric,
                    quantile,
                    capacity: 9.0,
                    below: 8,
                    above: 16,
                }),
                "The p05 output speed target is met up to concurrency 9.0",
            ),
            (
                of(&Finding::OutOfReach {
                    quantile,
                    concurrency: 1,
                    seconds: 0.05,
                    measured: true,
                }),
                "the p05 is only 20.0 tokens/s. It takes a faster model, a faster GPU, or a target below that",
            ),
            (
                of(&Finding::OutOfReach {
                    quantile,
                    concurrency: 1,
                    seconds: 0.05,
                    measured: false,
                }),
                "the p05 would, judging by the measured levels, only be 20.0 tokens/s.",
            ),
            (
                of(&Finding::NoCapacity { reason: too_low, met: None }),
                "the target of 50.0 tokens/s is at or above the 25.0 tokens/s that the fit gives at no load",
            ),
            (
                of(&Finding::NoCapacity {
                    reason: NoCapacity::SlopeNotPositive { slope: -0.01 },
                    met: None,
                }),
                "for the inter-token latency, the fitted slope is not positive",
            ),
            (
                sentence(&Finding::RobustLine { metric, outliers: vec![8], gpus: 4.0 }),
                "The inter-token latency lies on a line",
            ),
            (
                doubt(Doubt::Falls { low: (4.0, 0.04), high: (8.0, 0.02) }),
                "output speed rises with load: 25.0 tokens/s on average at concurrency 4, 50.0 tokens/s at 8",
            ),
            (
                doubt(Doubt::Jumps { at: 12.0, from: 0.01, to: 0.05 }),
                "the limited output speed drops from 100 tokens/s to 20.0 tokens/s around concurrency 12: some calls",
            ),
            (doubt(Doubt::Admission { admitted: 8.0 }), "the LLM never had more than about 8 runs"),
            (doubt(unlike(&[8.0], false)), "0.667 tokens/s and 0.444 tokens/s"),
            (
                doubt(Doubt::Cut { seconds: 0.05, share: 0.07 }),
                "calls are within 0.2 % of 20.0 tokens/s",
            ),
        ] {
            assert!(words.contains(part), "{words}");
        }
    }

    #[test]
    fn every_doubt_has_its_words() {
        let doubts = [
            Doubt::Wide(2.1),
            Doubt::NoEnd { carried: 8.0, highest: 8.0, failed: None },
            Doubt::NoEnd { carried: 8.0, highest: 8.0, failed: Some(16.0) },
            Doubt::NearlyAlone,
            Doubt::SharedReplicas { replicas: 8.0, carried: (4.0, 6.5) },
            Doubt::FewLevelsNear(12.3),
            Doubt::Falls { low: (4.0, 3.0), high: (8.0, 2.0) },
            Doubt::Contradiction { missed: 8.0, met: 16.0 },
            Doubt::CurveAgainstLevels { at: 12.0 },
            unlike(&[8.0], true),
            unlike(&[8.0, 16.0], true),
            unlike(&[8.0], false),
            unlike(&[8.0, 16.0], false),
            Doubt::MethodsDisagree { low: 12.0, high: 14.5, far: true },
            Doubt::Tail { at: 12.0, share: 0.08, allowed: 0.05, carried: 10.0, by: 1.2 },
            Doubt::LeftOut(8.0),
            Doubt::RestsOn { level: 8.0, without: 21.5 },
            Doubt::Extrapolated { measured: (2.0, 8.0), point: 12.0 },
            Doubt::Extrapolated { measured: (2.0, 8.0), point: 1.5 },
            Doubt::Steps { width: 8.0, carried: 8.0, by: 1.3, shown: false },
            Doubt::Steps { width: 8.0, carried: 8.0, by: 1.3, shown: true },
            Doubt::Between { below: 8.0, above: 32.0, far: true },
            Doubt::FewRuns { runs: 31.4, needed: 59 },
            Doubt::GivenUp { seconds: 5.0, share: 0.13 },
            Doubt::BorrowedTail { at: 22.04, near: 100.0, needed: 299 },
            Doubt::Cut { seconds: 30.0, share: 0.07 },
            Doubt::Clusters { episodes: 4.2 },
            Doubt::Unsteady,
            Doubt::Uneven(0.14),
            Doubt::Jumps { at: 12.0, from: 1.0, to: 4.0 },
            Doubt::Failed { levels: vec![16.0, 32.0], share: 0.013, tolerable: true },
            Doubt::Failed { levels: vec![16.0], share: 0.5, tolerable: false },
            Doubt::Tolerated { share: 0.08, allowed: 0.05, carried: 9.0, by: f64::INFINITY },
            Doubt::Tolerated { share: 0.02, allowed: 0.05, carried: 9.0, by: 1.2 },
            Doubt::Unfinished { levels: vec![8.0, 16.0] },
            Doubt::Refused { at: 32.0, carried: None, gone: false },
            Doubt::Refused { at: 32.0, carried: Some(31.0), gone: false },
            Doubt::Refused { at: 32.0, carried: Some(16.0), gone: true },
            Doubt::ClientLimited(32.0),
            Doubt::HostLimited(32.0),
            Doubt::Admission { admitted: 7.96 },
            Doubt::NoInterval,
            Doubt::LineAgainstLevels { at_least: Some(8.0), below: Some(16.0) },
            Doubt::LineAgainstLevels { at_least: Some(8.0), below: None },
            Doubt::LineAgainstLevels { at_least: None, below: Some(16.0) },
            Doubt::LineAgainstLevels { at_least: None, below: None },
        ];
        let remedy = Remedy { add: [12, 16].into(), ..Remedy::default() };
        let of = |doubt: &Doubt| {
            let finding = Finding::Doubt { doubt: doubt.clone(), remedy: remedy.clone() };
            let text = serde_json::to_string(&finding).unwrap();
            assert_eq!(serde_json::from_str::<Finding>(&text).unwrap(), finding);
            sentence(&finding)
        };
        let words: Vec<String> = doubts.iter().map(of).collect();
        insta::assert_snapshot!(words.join("\n"));
    }

    fn limited(levels: &[u32]) -> AdmissionLimit {
        let levels = levels.iter().map(|level| {
            serde_json::json!({
                "concurrency": level, "in_flight": level, "admitted": 7.96, "waiting": f64::from(*level) / 8.0 - 1.0,
            })
        });
        let levels: Vec<_> = levels.collect();
        serde_json::from_value(serde_json::json!({ "admitted": 7.96, "levels": levels })).unwrap()
    }

    fn unlike(levels: &[f64], repetitions: bool) -> Doubt {
        let (levels, near) = (levels.to_vec(), true);
        Doubt::Unlike { levels, furthest: 8.0, fastest: 1.5, slowest: 2.25, repetitions, near }
    }
}
