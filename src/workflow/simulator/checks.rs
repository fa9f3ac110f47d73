//! Checks of a simulator.

use super::config::{Length, SimulatorSpec};
use crate::language::{Check, Checker};

/// Most replicas: each is held in memory, and looked at for every request.
const MOST_REPLICAS: u32 = 10_000;

/// Checks what types cannot express.
pub(super) fn check(simulator: &SimulatorSpec, checker: &Checker<'_>) -> Check {
    let engine = &simulator.engine;
    let at = |key: &str| format!("workflow.engine.{key}");
    checker.ensure(
        (1..=MOST_REPLICAS).contains(&engine.replicas),
        &at("replicas"),
        "between 1 and 10000 replicas",
        "1 is the default",
    )?;
    checker.ensure(
        engine.max_batch > 0,
        &at("max_batch"),
        "there must be at least 1",
        "16 is the default",
    )?;
    let step = engine.base.get() + engine.per_sequence.get();
    checker.ensure(step > 0.0, &at("base"), "a step must take time", "4ms is the default")?;
    checker.ensure(
        (0.0..=2.0).contains(&engine.jitter),
        &at("jitter"),
        "jitter lies between 0 and 2",
        "0 is the default",
    )?;
    let calls = simulator.agent.calls;
    checker.ensure(
        calls > 0,
        "workflow.agent.calls",
        "an agent makes at least 1 call",
        "2 is the default",
    )?;
    let lengths = [
        ("output_tokens", Some(&simulator.output_tokens)),
        ("prompt_tokens", simulator.prompt_tokens.as_ref()),
    ];
    for (key, length) in lengths {
        let fits = |length: &Length| {
            (1.0..=1e6).contains(&length.median) && (0.0..=3.0).contains(&length.sigma)
        };
        checker.ensure(
            length.is_none_or(fits),
            &format!("workflow.{key}"),
            "a median lies between 1 and 1000000 tokens, a sigma between 0 and 3",
            "write a number, or {median: 200, sigma: 0.4}",
        )?;
    }
    for (index, fault) in simulator.faults.iter().enumerate() {
        checker.ensure(
            (0.0..=1.0).contains(&fault.share),
            &format!("workflow.faults.{index}.share"),
            "a share lies between 0 and 1",
            "1 is the default",
        )?;
    }
    Ok(())
}
