//! The command line, one file per verb.
//!
//! # Concepts
//!
//! - A verb is a file with its clap `Args` (their doc comments are the help text) and a `run` that
//!   returns an `End` or a `CliError`.
//! - `end` maps the end of a command to its exit code; `exit` prints an error and derives the exit
//!   code from its innermost cause that has one.
//! - `spec_args`, `selection_args` and `output_args` hold the options that several verbs share.
//! - `diagnose` prints to the terminal with control characters escaped. `log` does so with `tracing`
//!   events, which it redacts as well; `progress` draws the bars.
//!
//! # Flow
//!
//! [`main`] parses the command line, starts the log, and calls the verb; [`main_with`] does so for a
//! program with [`Additions`]. Most verbs read the spec into a [`Study`](crate::study::Study) and ask it for what they print. `run`, `estimate` and
//! `render` pass it to `run::execute`, which runs its stages until they are done or a signal
//! (`signals`) cancels them, prints the result, and returns the end. The guard verb is hidden: it is
//! the second process that ends leftovers of this one.
//!
//! This is the top floor. It depends on all others, and only the binary depends on it.

mod additions;
mod calc;
mod destination;
mod diagnose;
mod diff;
mod end;
mod estimate;
mod exit;
mod gc;
mod graph;
mod history;
mod import;
mod init;
mod log;
mod migrate;
mod numbers;
mod output_args;
mod plan;
mod progress;
mod render;
mod run;
mod schema;
mod selection_args;
mod show;
mod signals;
mod simulate;
mod spec_args;
mod status;
mod trace;
mod validate;
mod what_if;
mod worker;

pub use crate::workflow::local::GuardCommand;
pub use additions::Additions;
pub use exit::{code_of as exit_code, error_text};

use crate::workflow::local::{GUARD_VERB, enable_guard, guard};
use clap::{Parser, Subcommand};
use end::End;
use std::ffi::OsString;
use std::process::ExitCode;

/// How many GPUs does this LLM workflow need to serve N concurrent users within a response-time
/// target?
#[derive(Parser)]
#[command(name = "sizer", version, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 bad input, 3 the target cannot be met, 130 stopped by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP."
)]
struct Cli {
    /// Log to stderr (off, error, warn, info, debug, trace); without it, `SIZER_LOG` or `RUST_LOG`
    /// decides
    #[arg(long, global = true, value_enum, value_name = "LEVEL", hide_possible_values = true)]
    log: Option<log::LogLevel>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Run(run::Args),
    Plan(plan::Args),
    Estimate(estimate::Args),
    WhatIf(what_if::Args),
    Render(render::Args),
    Status(status::Args),
    Show(show::Args),
    History(history::Args),
    Diff(diff::Args),
    Gc(gc::Args),
    Graph(graph::Args),
    Validate(validate::Args),
    Calc(calc::Args),
    Import(import::Args),
    Init(init::Args),
    Migrate(migrate::Args),
    Schema(schema::Args),
    Trace(trace::Args),
    Simulate(simulate::Args),
    #[command(hide = true)]
    Worker(worker::Args),
    /// Wait for a sizer to end, and end what it left
    #[command(name = GUARD_VERB, hide = true)]
    Guard,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    main_with(Additions::default())
}

/// Runs the command line of this process, which adds to it: every verb knows what specs can name, and `worker` carries
/// out plans of the kinds that were added.
pub fn main_with(additions: impl Into<Additions>) -> ExitCode {
    ExitCode::from(main_of(std::env::args_os(), additions))
}

/// Runs a command line in a process of another program, such as an interpreter, and returns its exit code. The line
/// begins with the name of the command. A program whose own executable is not the command names the one that runs
/// the guard first ([`guard_with`]).
pub fn main_of(line: impl IntoIterator<Item = OsString>, additions: impl Into<Additions>) -> u8 {
    let additions = &additions.into();
    enable_guard(GuardCommand::SameProgram);
    let line: Vec<OsString> = line.into_iter().collect();
    diagnose::remember_typed(&line);
    let cli = match Cli::try_parse_from(line) {
        Ok(cli) => cli,
        Err(error) => return exit::refused(&error),
    };
    // The guard is nobody's command, and has nothing to say.
    if !matches!(cli.verb, Verb::Guard) {
        log::start(cli.log);
    }
    let result = match cli.verb {
        Verb::Run(args) => run::run(&args, additions),
        Verb::Plan(args) => plan::run(&args, additions),
        Verb::Estimate(args) => estimate::run(&args, additions),
        Verb::WhatIf(args) => what_if::run(&args, additions),
        Verb::Render(args) => render::run(&args, additions),
        Verb::Status(args) => status::run(&args, additions),
        Verb::Show(args) => show::run(&args, additions),
        Verb::History(args) => history::run(&args, additions),
        Verb::Diff(args) => diff::run(&args, additions),
        Verb::Gc(args) => gc::run(&args, additions),
        Verb::Graph(args) => graph::run(&args, additions),
        Verb::Validate(args) => validate::run(&args, additions),
        Verb::Calc(args) => calc::run(&args),
        Verb::Import(args) => import::run(&args),
        Verb::Init(args) => init::run(&args),
        Verb::Migrate(args) => migrate::run(&args),
        Verb::Schema(args) => schema::run(&args, additions),
        Verb::Trace(args) => trace::run(&args, additions),
        Verb::Simulate(args) => simulate::run(&args, additions),
        Verb::Worker(args) => worker::run(&args, additions),
        Verb::Guard => {
            guard();
            Ok(End::Done)
        }
    };
    match result {
        Ok(end) => end.code(),
        Err(error) => exit::report(&error),
    }
}

/// Names the command that runs the guard, which ends whatever this process started if the process itself is killed.
pub fn guard_with(command: GuardCommand) {
    enable_guard(command);
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_verb_takes_the_log_level() {
        let mut verbs: Vec<Vec<&str>> = [
            "run", "plan", "estimate", "what-if", "render", "status", "history", "gc", "graph",
            "validate", "migrate",
        ]
        .map(|verb| vec![verb, "spec.yml"])
        .into();
        verbs.push(vec!["show", "spec.yml", "fit"]);
        verbs.push(vec!["diff", "spec.yml", "a"]);
        verbs.push(vec!["calc", "--offline_mode"]);
        verbs.push(vec!["import", "nat", "config.yml"]);
        verbs.push(vec!["init"]);
        verbs.push(vec!["schema"]);
        verbs.push(vec!["trace", "spec.yml"]);
        verbs.push(vec!["simulate", "--port", "0", "--request-log", "requests.jsonl"]);
        let mut command = Cli::command();
        command.build();
        command.clone().debug_assert();
        for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
            let name = verb.get_name();
            assert!(name == "help" || verbs.iter().any(|args| args[0] == name), "{name}");
        }
        for args in verbs {
            let log = ["--log", "debug"];
            for line in [[&log, &args[..]].concat(), [&args[..], &log].concat()] {
                let parsed = Cli::try_parse_from(["sizer"].into_iter().chain(line.clone()));
                let level = parsed.map(|cli| cli.log);
                assert!(matches!(level, Ok(Some(log::LogLevel::Debug))), "{line:?}: {level:?}");
            }
        }
    }
}
