//! Sizer extended from outside: a workflow kind, a method of estimation, a report and an executor, each in a file of
//! its own, and a spec that uses all four.
//!
//! `cargo run --manifest-path examples/extend/Cargo.toml`

mod chord;
mod counting;
mod echo;
mod levels_txt;

use chord::Chord;
use counting::Counting;
use echo::EchoSpec;
use levels_txt::LevelsTxt;
use sizer::pipeline::Selection;
use sizer::{Executor, Extensions, Pipeline, ReadOptions, RunOptions, SpecSet};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

/// The method and the report with the version of what they do: raise it with a change, and what they made is made again.
fn extensions() -> Result<Extensions, Box<dyn Error>> {
    Ok(Extensions::default()
        .with_workflow::<EchoSpec>()?
        .with_method("chord", 1, Chord)?
        .with_report("levels.txt", 1, LevelsTxt)?)
}

fn ensure(holds: bool, failure: &str) -> Result<(), Box<dyn Error>> {
    if holds { Ok(()) } else { Err(failure.into()) }
}

fn main() -> Result<(), Box<dyn Error>> {
    let spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("spec.yml");
    let options = ReadOptions { extensions: Arc::new(extensions()?), ..ReadOptions::default() };
    let spec = SpecSet::from_path_with(&spec, &options)?.single()?;
    ensure(spec.workflow.of_kind::<EchoSpec>().is_some(), "the workflow is another")?;

    let counting = Arc::new(Counting::default());
    let executor: Arc<dyn Executor> = counting.clone();
    let pipeline = Pipeline::open(spec)?.with_executor(executor);
    // Whatever an earlier run left is made again.
    let selection = Selection { force: Some(Vec::new()), ..Selection::default() };
    let run = RunOptions { selection, ..RunOptions::default() };
    let outcome = tokio::runtime::Runtime::new()?.block_on(pipeline.run(run))?;

    ensure(counting.levels() == 3, "the executor was not given the three levels")?;
    let result = outcome.result.ok_or("there is no result")?;
    ensure(result.estimates.len() == 1, "there is not one estimate")?;
    for estimate in &result.estimates {
        ensure(estimate.method.key() == "chord", "the estimate is of another method")?;
        ensure(estimate.answer.gpus().is_some(), "there is no number of GPUs")?;
    }
    let report = outcome.reports.iter().find(|path| path.ends_with("levels.txt"));
    let report = std::fs::read_to_string(report.ok_or("levels.txt was not written")?)?;
    ensure(report.lines().count() == 3, "levels.txt has not a line per level")?;
    print!("{report}");
    println!("GPUs for 20 users: {:?}", result.gpus.recommended);
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_spec_uses_all_four() {
        super::main().unwrap();
    }
}
