//! Sizing something that sizer knows nothing of: a type of one's own as the workflow, a spec made in code.
//!
//! `cargo run --release --example own_workflow`
//!
//! The workflow here is a desk with a few clerks: a customer waits until one is free. Whatever can be
//! called from Rust can stand in its place: a client library, a model in this process, a queue.

use sizer::kinds::CustomSpec;
use sizer::sections::{Levels, Limit, Seconds, Targets, WindowSpec};
use sizer::{BoxFuture, Clock, Failure, Item, LlmCall, Pipeline, Run, RunOptions, Spec, Workflow};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// A desk with so many clerks, each of whom takes as long as a question is.
struct Desk {
    clerks: Semaphore,
    per_letter: Duration,
}

impl Workflow for Desk {
    /// Asked once before the sweep.
    fn check(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// One run. A failure would be `outcome: Outcome::Failed(...)`; its times are then never counted.
    fn run<'a>(&'a self, item: &'a Item, clock: Clock) -> BoxFuture<'a, Run> {
        Box::pin(async move {
            let start = clock.now();
            // Closed only when the desk is gone.
            let clerk = self.clerks.acquire().await;
            let served = clock.now();
            let letters = u32::try_from(item.input.len()).unwrap_or(u32::MAX);
            tokio::time::sleep(self.per_letter.saturating_mul(letters)).await;
            drop(clerk);
            let end = clock.now();
            // What a model would do within the run; the limit on the LLM latency is held against it.
            let call = LlmCall { start: served, end, ..LlmCall::default() };
            Run { id: item.id.clone(), start, end, llm_calls: vec![call], ..Run::default() }
        })
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let clerks = 4;
    // What is measured is kept beside the spec; here, in a folder that goes away.
    let folder = tempfile::tempdir()?;
    std::fs::write(
        folder.path().join("questions.jsonl"),
        "{\"id\": 1, \"question\": \"Where do I sign?\"}\n{\"id\": 2, \"question\": \"Is this the right queue?\"}\n",
    )?;

    // The settings are what makes another measurement of it: with five clerks, all levels are measured again.
    let mut workflow = CustomSpec::of("desk");
    workflow.settings.insert("clerks".to_owned(), clerks.into());
    let mut spec = Spec::new("desk", workflow, folder.path().join("desk.yml"));
    spec.dataset.path = "questions.jsonl".into();
    // One desk is what can be added; a "GPU" is a desk.
    spec.test.gpu_count = Some(1);
    spec.concurrency.levels = Levels::List(vec![1, 2, 4, 8, 16]);
    spec.concurrency.window = WindowSpec::Passes(5);
    spec.targets = Targets {
        users: Some(100),
        workflow_runtime: Seconds::new(0.1).map(Limit::on_p95),
        ..Targets::default()
    }
    .into();
    let spec = spec.checked()?;

    let clerks = Semaphore::new(clerks);
    let desk = Arc::new(Desk { clerks, per_letter: Duration::from_millis(1) });
    let runtime = tokio::runtime::Runtime::new()?;
    let pipeline = Pipeline::open(spec)?.with_workflow(desk);
    let outcome = runtime.block_on(pipeline.run(RunOptions::default()))?;

    let result = outcome.result.ok_or("nothing was selected that gives a result")?;
    for level in &result.levels {
        let p95 = level.workflow_runtime.as_ref().map_or(f64::NAN, |runtime| runtime.p95);
        println!(
            "{:2} in flight: p95 {p95:.3} s, {:.1} runs per second",
            level.concurrency, level.throughput
        );
    }
    for estimate in &result.estimates {
        println!("{:?}: {:?}", estimate.target, estimate.answer.gpus());
    }
    println!("desks for 100 customers at once: {:?}", result.gpus.recommended);
    for note in &result.notes {
        println!("note: {note}");
    }
    Ok(())
}
