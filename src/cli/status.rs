//! `sizer status`.

use super::diagnose::{CliError, print};
use super::output_args::Format;
use super::plan::in_branch;
use super::spec_args::SpecArgs;
use super::{Additions, End};
use crate::store::LockState;
use crate::study::State;
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

pub(super) fn run(args: &Args, additions: &Additions) -> Result<End, CliError> {
    let study = args.spec.study(additions)?;
    let (lock, branches) = study.status()?;
    let stages: Vec<(String, State)> = branches
        .into_iter()
        .flat_map(|(label, stages)| {
            stages.into_iter().map(move |it| (in_branch(&it.stage, label), it.state))
        })
        .collect();
    let current = stages.iter().filter(|(_, state)| *state == State::Current).count();
    let what_to_do = match lock {
        LockState::Refused(_) => "make it readable",
        _ => "`sizer run` rebuilds it",
    };
    let lock = match lock {
        LockState::Sound => None,
        LockState::Conflicted => Some("sizer.lock has merge conflicts".to_owned()),
        LockState::Unreadable(why) | LockState::Refused(why) => {
            Some(format!("sizer.lock cannot be read: {why}"))
        }
    };
    let text = match args.format {
        Format::Text => {
            let width = stages.iter().map(|(stage, _)| stage.len()).max().unwrap_or(0);
            let mut lines: Vec<String> = Vec::new();
            lines.extend(lock.map(|lock| format!("{lock}; {what_to_do}")));
            lines.extend(stages.iter().map(|(stage, state)| format!("{stage:width$}  {state}")));
            lines.push(format!("{current} of {} stages are current\n", stages.len()));
            lines.join("\n")
        }
        Format::Json => {
            let stages: Vec<serde_json::Value> = stages
                .iter()
                .map(|(stage, state)| json!({ "stage": stage, "state": state.to_string() }))
                .collect();
            format!("{:#}\n", json!({ "lock": lock, "stages": stages }))
        }
    };
    print(&text)?;
    Ok(End::Done)
}
