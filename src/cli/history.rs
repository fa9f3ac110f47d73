//! `sizer history`.

use super::diagnose::{CliError, print, print_json};
use super::output_args::Format;
use super::spec_args::SpecArgs;
use super::{Additions, End};
use crate::store::{Exit, RunRecord};
use comfy_table::{Table, presets};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// List past runs of a spec and their results, oldest first
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    spec: SpecArgs,
    /// What to print on stdout
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(args: &Args, additions: &Additions) -> Result<End, CliError> {
    let records = args.spec.archive(additions)?.history()?;
    match args.format {
        Format::Text if records.is_empty() => print("no run of this spec is recorded here\n")?,
        Format::Text => print(&format!("{}\n", table(&records)))?,
        Format::Json => print_json(&records)?,
    }
    Ok(End::Done)
}

fn table(records: &[RunRecord]) -> Table {
    const SHOWN: usize = 12;
    // A calendar ends with the year 9999.
    const LAST: f64 = 253_402_300_799.0;
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header([
        "Run",
        "When (UTC)",
        "Who",
        "Asked",
        "Spec",
        "Stages run",
        "Took",
        "GPUs",
        "Ended",
    ]);
    for record in records {
        let when = Duration::try_from_secs_f64(record.started.min(LAST)).ok();
        let when = when.and_then(|since| UNIX_EPOCH.checked_add(since));
        // Of a record that somebody changed.
        let when = when.map_or_else(|| "?".to_owned(), date);
        let exit = match &record.exit {
            Exit::Done => "done".to_owned(),
            Exit::Cancelled => "stopped".to_owned(),
            Exit::Failed { error } => format!("failed: {error}"),
        };
        table.add_row([
            record.id.clone(),
            when,
            format!("{}@{}", record.user, record.host),
            record.asked.as_ref().map_or_else(String::new, ToString::to_string),
            record.spec_digest.chars().take(SHOWN).collect(),
            record.ran.to_string(),
            format!("{:.1} s", record.duration),
            record.gpus.map_or_else(String::new, |gpus| gpus.to_string()),
            exit,
        ]);
    }
    table
}

fn date(when: SystemTime) -> String {
    humantime::format_rfc3339_seconds(when).to_string().replace('T', " ").replace('Z', "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_record_of_a_time_that_no_calendar_has_is_shown() {
        for (started, expected) in
            [(0.0, "1970-01-01 00:00:00"), (1e18, "9999-12-31 23:59:59"), (-1.0, "?")]
        {
            let record = RunRecord {
                id: "a".to_owned(),
                spec: "spec.yml".to_owned(),
                spec_digest: "d".to_owned(),
                started,
                duration: 1.0,
                user: "u".to_owned(),
                host: "h".to_owned(),
                tool: "1".to_owned(),
                exit: Exit::Done,
                ran: 1,
                gpus: None,
                keys: BTreeMap::new(),
                digests: BTreeMap::new(),
                asked: None,
                reads: None,
            };
            let shown = table(&[record]).to_string();
            assert!(shown.contains(expected), "{shown}");
        }
    }
}
