//! `sizer status`.

use super::End;
use super::diagnose::{CliError, print};
use super::run::Format;
use super::spec_args::SpecArgs;
use crate::pipeline::State;
use crate::store::LockState;
use serde_json::json;

/// Compare spec, lock file and store
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    spec: SpecArgs,
    /// What to print on stdout
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(args: &Args) -> Result<End, CliError> {
    let (lock, stages) = args.spec.pipeline()?.status()?;
    let current = stages.iter().filter(|stage| stage.state == State::Current).count();
    let lock = match lock {
        LockState::Sound => None,
        LockState::Conflicted => Some("sizer.lock has merge conflicts".to_owned()),
        LockState::Unreadable(why) => Some(format!("sizer.lock cannot be read: {why}")),
    };
    let text = match args.format {
        Format::Text => {
            let width = stages.iter().map(|it| it.stage.len()).max().unwrap_or_default();
            let mut lines: Vec<String> = Vec::new();
            lines.extend(lock.map(|lock| format!("{lock}; `sizer run` writes it anew")));
            lines.extend(stages.iter().map(|it| format!("{:width$}  {}", it.stage, it.state)));
            lines.push(format!("{current} of {} stages are current\n", stages.len()));
            lines.join("\n")
        }
        Format::Json => {
            let stages: Vec<serde_json::Value> = stages
                .iter()
                .map(|it| json!({ "stage": it.stage, "state": it.state.to_string() }))
                .collect();
            format!("{:#}\n", json!({ "lock": lock, "stages": stages }))
        }
    };
    print(&text)?;
    Ok(End::Done)
}
