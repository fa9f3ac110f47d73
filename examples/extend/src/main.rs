//! The `sizer` command with four additions: a workflow kind, a method of estimation, a report and an executor, each in
//! a file of its own. `spec.yml` uses them all.
//!
//! `cargo run --manifest-path examples/extend/Cargo.toml -- run examples/extend/spec.yml`

mod chord;
mod counting;
mod echo;
mod levels_txt;

use chord::Chord;
use counting::Counting;
use echo::EchoSpec;
use levels_txt::LevelsTxt;
use sizer::cli::{Additions, main_with};
use sizer::errors::ExtensionError;
use sizer::{Executor, Extensions};
use std::process::ExitCode;
use std::sync::Arc;

/// The method and the report with the version of what they do: raise it with a change, and what they made is made again.
fn extensions() -> Result<Extensions, ExtensionError> {
    Extensions::default().with_workflow::<EchoSpec>()?.with_method("chord", 1, Chord)?.with_report(
        "levels.txt",
        1,
        LevelsTxt,
    )
}

fn main() -> Result<ExitCode, ExtensionError> {
    let counting = Arc::new(Counting::default());
    let executor: Arc<dyn Executor> = counting.clone();
    let code = main_with(Additions::from(extensions()?).with_executor(executor));
    if counting.levels() > 0 {
        eprintln!("levels that the executor was given: {}", counting.levels());
    }
    Ok(code)
}
