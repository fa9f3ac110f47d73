//! `sizer what-if`.

use super::diagnose::{CliError, print, print_json};
use super::progress::Progress;
use super::run::block_on;
use super::spec_args::{SpecArgs, WaitArgs};
use super::{Additions, End};
use crate::measure::{Direction, Metric, Quantile, each_metric};
use crate::report::WhatIfCase;
use crate::spec::Seconds;
use crate::study::{Grid, PipelineError, RunOptions};
use clap::ValueEnum;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Answer a grid of loads and limits from the existing levels
///
/// Covers every combination of the given values. Values that are not given come from the spec; with none at all, the
/// spec's own sets of targets are answered. Nothing is measured.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    spec: SpecArgs,
    /// Users to serve
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u64).range(1..))]
    users: Vec<u64>,
    /// Runs to serve per second
    #[arg(long, value_name = "RATE", value_delimiter = ',', value_parser = rate)]
    request_rate: Vec<f64>,
    #[command(flatten)]
    limits: Limits,
    /// What to print
    #[arg(long, value_enum, default_value_t = GridFormat::Table)]
    format: GridFormat,
    /// Exit with 1 if an answer is unsettled or has no GPU count
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    waiting: WaitArgs,
}

macro_rules! limits {
    ($(
        $(#[$about:meta])*
        $name:ident, $key:ident, $words:literal, $unit:expr, $direction:ident,
        $column:expr, $span:expr,
        |$level:ident| $summary:expr,
        $(#[$limit:meta])* ;
    )+) => {
        /// Limits, with an option for each metric.
        #[derive(clap::Args)]
        struct Limits {
            $(
                #[arg(
                    long,
                    help = format!("Limits on the {} {}", Metric::$name.quantile(Quantile::P95), $words),
                    value_name = value_name(Metric::$name),
                    value_delimiter = ',',
                    value_parser = |text: &str| limit(Metric::$name, text)
                )]
                $key: Vec<f64>,
            )+
        }

        impl Limits {
            fn by_metric(&self) -> BTreeMap<Metric, Vec<f64>> {
                [$((Metric::$name, self.$key.clone())),+].into()
            }
        }
    };
}

each_metric!(limits);

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GridFormat {
    /// Loads down, limits across, in Markdown
    Table,
    /// One row per combination
    Csv,
    /// For machines
    Json,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| rate.is_finite() && *rate > 0.0);
    rate.ok_or_else(|| "a rate is a number above 0, in runs per second".to_owned())
}

fn value_name(metric: Metric) -> &'static str {
    match metric.direction() {
        Direction::Lower => "TIME",
        Direction::Higher => "RATE",
    }
}

fn limit(metric: Metric, text: &str) -> Result<f64, String> {
    match metric.direction() {
        Direction::Lower => {
            let limit: Seconds = text.parse().map_err(|error| format!("{error}"))?;
            if limit.get() > 0.0 {
                Ok(limit.get())
            } else {
                Err("a limit on a time must be above 0".to_owned())
            }
        }
        Direction::Higher => {
            let rate = text.trim().parse::<f64>().ok();
            let rate = rate.filter(|rate| rate.is_normal() && *rate > 0.0);
            rate.ok_or_else(|| format!("a limit on it is a number above 0, in {}", metric.unit()))
        }
    }
}

pub(super) fn run(args: &Args, additions: &Additions) -> Result<End, CliError> {
    let grid = Grid {
        users: args.users.clone(),
        request_rates: args.request_rate.clone(),
        limits: args.limits.by_metric(),
    };
    let study = args.spec.study(additions)?;
    let found = block_on(async |cancel| {
        let observer = Arc::new(Progress::new(false));
        let (wait, asked) = (args.waiting.wait, args.spec.asked("what-if"));
        let options = RunOptions { observer, cancel, wait, asked, ..RunOptions::default() };
        study.what_if(&grid, options).await
    })??;
    match args.format {
        GridFormat::Table => print(&found.to_text())?,
        GridFormat::Csv => print(&found.to_csv().map_err(PipelineError::from)?)?,
        GridFormat::Json => print_json(&found)?,
    }
    let answered = found.cases.iter().any(WhatIfCase::is_settled);
    let open = args.strict && !found.cases.iter().all(WhatIfCase::is_settled);
    let unreachable = found.cases.iter().any(|case| case.unreachable);
    let complete = found.missing.is_empty();
    Ok(match (answered, unreachable) {
        (true, _) if complete && !open => End::Done,
        (false, true) => End::OutOfReach,
        _ => End::NoAnswer,
    })
}
