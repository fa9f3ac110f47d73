//! Workflows of NeMo Agent Toolkit, at `POST /generate/full`: of a server, or of hosts that sizer starts.
//!
//! `client` measures either; `steps` reads the stream and `step_log` keeps its steps, `prompts` compares the
//! prompts of their LLM calls. `hosted` starts host processes for a configuration and deals out the runs among
//! them; `host` is one of them, whose program is `host.py`, and `toolkit` finds the Python that can run it. `items` has
//! the same Python read a dataset that is code, by `items.py`.

mod call;
mod client;
mod config;
mod host;
mod host_count;
mod hosted;
mod items;
mod kind;
mod prompts;
mod step_log;
mod steps;
mod toolkit;

pub use client::Nat;
pub use config::NatSpec;
pub use host_count::HostCount;
pub use items::dataset_items;

#[cfg(fuzzing)]
use super::lines::Lines;
#[cfg(fuzzing)]
use crate::measure::Failure;
#[cfg(fuzzing)]
use steps::Steps;

/// Calls reported by a body that is cut into chunks of this length.
#[cfg(fuzzing)]
pub(super) fn read_stream(body: &[u8], piece: usize) -> Result<String, Failure> {
    let (mut lines, mut steps) = (Lines::default(), Steps::default());
    for chunk in body.chunks(piece) {
        lines.feed(chunk, |line| steps.line(line))?;
    }
    lines.finish(|line| steps.line(line))?;
    steps.finish(0.0..1.0).map(|done| format!("{done:?}"))
}
