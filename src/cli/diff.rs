//! `sizer diff`.

use super::diagnose::{CliError, print, print_json};
use super::output_args::Format;
use super::plan::in_branch;
use super::spec_args::SpecArgs;
use super::{Additions, End};
use crate::sizing::Fit;
use crate::spec::{Parts, Spec, SpecSet, process_env};
use crate::store::{LockFile, LockState, RunRecord};
use crate::study::{Changes, FigureChange, FitChange, LevelChange, Side};
use comfy_table::{Table, presets};
use std::path::Path;
use std::process::Command;

/// Compare two states of a spec: what changed in it, its levels, its fit and its GPU count
///
/// A state is a run's name from `sizer history`, a git revision (its spec and sizer.lock), or the
/// path of a lock file. Levels whose metrics are not in this store are listed, not guessed.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    spec: SpecArgs,
    /// The first state
    before: String,
    /// The second state; without it, the current spec and sizer.lock
    now: Option<String>,
    /// What to print on stdout
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(args: &Args, additions: &Additions) -> Result<End, CliError> {
    let archive = args.spec.archive(additions)?;
    let history = archive.history()?;
    let run = |name: &str| history.iter().find(|record| record.id == name);
    let runs = [Some(args.before.as_str()), args.now.as_deref()].map(|name| name.and_then(run));
    // A run is of one branch: then that branch alone is compared.
    let of_run = runs.iter().flatten().next().map(|record| &record.spec);
    let mut all = Vec::new();
    for spec in archive.specs() {
        if of_run.is_some_and(|of_run| *of_run != spec.key_name()) {
            continue;
        }
        let side = |name: &str, run: Option<&RunRecord>| match run {
            Some(record) => Ok(Side::Run(Box::new(record.clone()))),
            None => side(args, additions, spec, name),
        };
        let before = side(&args.before, runs[0])?;
        let now = match &args.now {
            Some(now) => side(now, runs[1])?,
            None => Side::Locked {
                name: "now".to_owned(),
                lock: readable("now", LockFile::beside(spec.base_dir(), &spec.key_name()))?,
                spec: Box::new(Spec::clone(spec)),
                same: true,
            },
        };
        all.push((in_branch("", spec.branch()), Changes::of(spec, before, now)?));
    }
    match args.format {
        Format::Text => {
            let text: String = all.iter().map(|(label, changes)| text(label, changes)).collect();
            print(&text)?;
        }
        Format::Json => match all.as_slice() {
            [(_, one)] => print_json(one)?,
            several => {
                let changes: Vec<&Changes> = several.iter().map(|(_, changes)| changes).collect();
                print_json(&changes)?;
            }
        },
    }
    Ok(End::Done)
}

/// Resolves a name that is not a run: a lock file, or a git revision.
fn side(args: &Args, additions: &Additions, spec: &Spec, name: &str) -> Result<Side, CliError> {
    if Path::new(name).is_file() {
        let lock = readable(name, LockFile::from_file(Path::new(name), &spec.key_name()))?;
        return Ok(Side::Locked {
            name: name.to_owned(),
            lock,
            spec: Box::new(spec.clone()),
            same: false,
        });
    }
    let unknown = || {
        CliError::Usage(format!(
            "`{name}` is not a run of this spec, a file or a git revision; `sizer history` lists the runs"
        ))
    };
    let file = spec.file().and_then(Path::file_name).ok_or_else(unknown)?.to_string_lossy();
    let text = git_show(spec.base_dir(), name, &file).ok_or_else(unknown)?;
    // A revision without a lock file is one where nothing was measured.
    let lock = git_show(spec.base_dir(), name, "sizer.lock");
    let dir = spec.base_dir().to_owned();
    let read = |path: &Path| {
        let beside = path.strip_prefix(&dir).unwrap_or(path).to_string_lossy().into_owned();
        git_show(&dir, name, &beside).ok_or_else(|| std::io::ErrorKind::NotFound.into())
    };
    let options = args.spec.options(additions)?;
    // The project's defaults of that revision: beside the spec or above it.
    let above = (0..10).map(|up| format!("{}sizer.toml", "../".repeat(up)));
    let project = above.into_iter().find_map(|file| git_show(&dir, name, &file));
    let parts = Parts {
        project: project.map(|text| (format!("{name}:sizer.toml").into(), text)),
        profile: options.profile.as_deref(),
        overrides: &options.overrides,
        env: &process_env,
        read: &read,
    };
    let path = spec.file().unwrap_or(Path::new("spec.yml"));
    let specs = SpecSet::parse_with(&text, path, &parts, &options.extensions)?.into_specs();
    let then = specs.into_iter().find(|then| then.branch() == spec.branch()).ok_or_else(unknown)?;
    let lock =
        readable(name, LockFile::from_text(lock.as_deref().unwrap_or(""), &then.key_name()))?;
    Ok(Side::Locked { name: name.to_owned(), lock, spec: Box::new(then.into_inner()), same: true })
}

/// Returns a lock file that could be read; from an unreadable one, all levels would seem new.
fn readable(name: &str, lock: LockFile) -> Result<LockFile, CliError> {
    match lock.state() {
        LockState::Sound | LockState::Conflicted => Ok(lock),
        LockState::Unreadable(why) | LockState::Refused(why) => {
            Err(CliError::Usage(format!("the lock file of {name} cannot be read: {why}")))
        }
    }
}

/// Returns a file beside the spec as of a git revision; `None` if git does not have it.
fn git_show(dir: &Path, revision: &str, file: &str) -> Option<String> {
    // A revision that begins with a dash would be taken for an option.
    if revision.starts_with('-') {
        return None;
    }
    let output = Command::new("git")
        .arg("-C")
        .arg(dir)
        .args(["show", &format!("{revision}:./{file}")])
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn text(label: &str, changes: &Changes) -> String {
    let incomplete = changes.spec_incomplete.join(" and ");
    let incomplete = match incomplete.as_str() {
        "" => String::new(),
        sides => {
            format!("  the spec of {sides} is no longer in the store; the remaining parts of it:\n")
        }
    };
    let spec = match changes.spec.as_slice() {
        [] => "  no difference".to_owned(),
        changes => changes.iter().map(|it| format!("  {it}")).collect::<Vec<_>>().join("\n"),
    };
    let fits = changes.fits.iter().map(|change| {
        let FitChange { metric, quantile, before, now } = change;
        format!(
            "Fit of the {quantile} {metric}: {} → {}\n",
            fit(before.as_ref()),
            fit(now.as_ref())
        )
    });
    let fits: String = fits.collect();
    let gpus = |gpus: Option<u64>| gpus.map_or_else(|| "none".to_owned(), |it| it.to_string());
    format!(
        "{label}{} → {}\n\nSpec:\n{incomplete}{spec}\n\n{}\n{fits}GPUs: {} → {}\n",
        changes.before,
        changes.now,
        figures(&changes.levels),
        gpus(changes.gpus.0),
        gpus(changes.gpus.1)
    )
}

/// The levels, in a table for each of their figures.
fn figures(levels: &[LevelChange]) -> String {
    // All levels have the same figures; without a level there is none to show.
    let count = levels.first().map_or(0, |level| level.figures.len());
    let table_of = |index: usize| {
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        for level in levels {
            let Some(FigureChange { target, quantile, before, now }) = level.figures.get(index)
            else {
                continue;
            };
            let figure = format!("{quantile} {target} ({}) before", target.unit());
            table.set_header(["Concurrency", &figure, "now", "Change", ""]);
            let shown =
                |value: &Option<f64>| value.map_or_else(String::new, |value| format!("{value:.4}"));
            let change = match (before, now) {
                (Some(before), Some(now)) if *before > 0.0 => {
                    format!("{:+.1} %", (now / before - 1.0) * 100.0)
                }
                _ => String::new(),
            };
            table.add_row([
                level.concurrency.to_string(),
                shown(before),
                shown(now),
                change,
                level.note.to_owned(),
            ]);
        }
        format!("{table}\n\n")
    };
    (0..count).map(table_of).collect()
}

fn fit(fit: Option<&Fit>) -> String {
    match fit {
        Some(fit) => {
            format!("{:.4} s + {:.4} s × c (R² {:.3})", fit.intercept, fit.slope, fit.r_squared)
        }
        None => "none".to_owned(),
    }
}
