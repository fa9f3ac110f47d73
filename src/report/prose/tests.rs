//! Every finding and every doubt has its words.

use super::{sentence, sentence_of};
use crate::measure::{Metric, Quantile, StepKind};
use crate::sizing::{
    AdmissionLimit, Doubt, Finding, NoCapacity, NoFit, Remedy, SlowLevel, StepAtLevel,
};

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
        Finding::ShortLevels { levels: [12, 16].into(), longest: 8.27 },
        Finding::ShortLevels { levels: [12].into(), longest: 0.0312 },
        Finding::AlikeReplicas { measured: 1 },
        Finding::AlikeReplicas { measured: 2 },
        Finding::RobustLine { metric, outliers: vec![8, 16], gpus: 41.26 },
        Finding::SaturationLeftOut { metric, levels: vec![64], line: 61.02, monotone: Some(40.0) },
        Finding::SaturationLeftOut { metric, levels: vec![48, 64], line: 61.02, monotone: None },
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
            sentence(&Finding::Enclosed { metric, quantile, capacity: 9.0, below: 8, above: 16 }),
            "The p05 output speed target is met up to concurrency 9.0",
        ),
        (
            of(&Finding::OutOfReach { quantile, concurrency: 1, seconds: 0.05, measured: true }),
            "the p05 is only 20.0 tokens/s. It takes a faster model, a faster GPU, or a target below that",
        ),
        (
            of(&Finding::OutOfReach { quantile, concurrency: 1, seconds: 0.05, measured: false }),
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
        Doubt::SlowAtTimes { levels: vec![2.0, 4.0] },
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
