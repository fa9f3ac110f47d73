//! A sweep with all of its levels.

use super::case::Case;
use sizer::results::sentence;

/// Prints it.
pub fn print(case: &Case) {
    let Case { scenario, .. } = case;
    println!("{} ({}, {}): {}", scenario.seed, case.kind, case.plan, case.disturbance.in_words());
    println!(
        "  limit {:.2} s; {} users on rigs of {} × {} GPUs",
        scenario.limit, scenario.users, scenario.rig_replicas, scenario.gpus_per_replica
    );
    for level in &case.levels {
        let (mean, p95) =
            level.workflow_runtime.map_or((f64::NAN, f64::NAN), |it| (it.mean, it.p95));
        println!(
            "  {:>5} × {:<5} mean {mean:.2} s, p95 {p95:.2} s{}",
            level.concurrency,
            level.measured,
            if level.failed > 0 { format!(", {} failed", level.failed) } else { String::new() }
        );
    }
    let without = case.truth_without_failures;
    let without = without.map_or(String::new(), |gpus| format!(" ({gpus} without failures)"));
    println!(
        "  truth: {} in flight{}, {} GPUs{without}",
        case.capacity,
        case.disturbance.takes().map_or(String::new(), |most| format!(", {most} taken")),
        case.truth
    );
    let estimate = case.estimate.as_ref();
    let capacity = estimate.and_then(|it| it.answer.capacity()).map_or("none".to_owned(), |it| {
        format!("{:.1} ({} to {})", it.point.unwrap_or(f64::NAN), end(it.low), end(it.high))
    });
    match estimate.and_then(|it| it.answer.gpus()) {
        Some(it) => println!(
            "  found: {capacity} in flight, {} GPUs ({} to {}), recommended {}, {}, {:+.0} %\n  {}\n",
            it.point.unwrap_or(f64::NAN),
            end(it.low),
            end(it.high),
            it.recommended.map_or("nothing".to_owned(), |gpus| gpus.to_string()),
            estimate.and_then(|it| it.grade).map_or("unsettled".to_owned(), |it| it.to_string()),
            100.0 * (it.point.unwrap_or(f64::NAN) / case.truth - 1.0),
            estimate.map_or(String::new(), |it| {
                it.doubts.iter().map(sentence).collect::<Vec<_>>().join("\n  ")
            })
        ),
        None => println!(
            "  found: {capacity} in flight, no answer: {}\n",
            estimate.and_then(|it| it.answer.reason()).map_or("nothing said".to_owned(), sentence)
        ),
    }
}

/// An end of an interval.
fn end(of: Option<f64>) -> String {
    of.map_or("open".to_owned(), |of| format!("{of:.1}"))
}
