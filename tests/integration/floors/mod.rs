//! The files of the crate form floors: no arrow points up, and none leads back to where it came from.
//!
//! An arrow is a path in the code, a `use`, or a call of a method that is defined in another file than its type. It
//! leads to the file that defines the item, whatever folder shows it. What tests and fuzzers use does not count, nor
//! what a folder shows of its own files. Of a call on anything but `self`, the type is not known: it counts within
//! a module, where no other method has its name.

mod arrows;
mod circles;
mod methods;
mod modules;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use arrows::{Arrow, arrows};
use circles::circles;
use modules::Sources;

/// The floors from the highest to the lowest. A module uses those of lower floors alone: on one floor, nobody uses
/// anybody.
const FLOORS: [&[&str]; 11] = [
    &["cli"],
    &["study"],
    &["engine"],
    &["store"],
    &["load"],
    &["spec"],
    &["report"],
    &["nat", "workflow", "dataset", "pacing"],
    &["language"],
    &["redact", "bounded", "sizing"],
    &["measure"],
];

/// The arrows of the crate.
static ARROWS: LazyLock<BTreeSet<Arrow>> = LazyLock::new(|| arrows(&sources()));

#[test]
fn every_module_has_a_floor() {
    let on_floors: BTreeSet<&str> = FLOORS.iter().copied().flatten().copied().collect();
    let sources = sources();
    let there: BTreeSet<&str> =
        sources.keys().filter_map(|file| file.split_once('/')).map(|(module, _)| module).collect();
    assert_eq!(there, on_floors);
}

#[test]
fn no_arrow_points_up() {
    let up = upward(&ARROWS);
    assert!(
        up.is_empty(),
        "these files use a module that is not on a floor below theirs:\n{}",
        up.join("\n")
    );
}

#[test]
fn files_form_no_circle() {
    let found = circles(&ARROWS);
    assert!(
        found.is_empty(),
        "{} circles; move what both sides need into a file below them:\n\n{}",
        found.len(),
        found.join("\n\n")
    );
}

/// A default in place of a value that is missing is right only where nothing is the same as none. Each one more is to
/// be looked at.
#[test]
fn defaults_stand_in_for_few_values() {
    const MOST: usize = 53;
    let sources = sources();
    let lines = sources.values().flat_map(|text| text.lines());
    let found = lines.filter(|line| line.contains("unwrap_or_default")).count();
    assert!(
        found <= MOST,
        "`unwrap_or_default` stands in {found} lines of src, and {MOST} are the most"
    );
}

#[test]
fn a_circle_and_an_arrow_that_points_up_are_found() {
    let arrows = arrows_of(&[
        ("lib.rs", "pub mod load; pub mod store;"),
        (
            "load/mod.rs",
            "mod schedule;\npub use schedule::Schedule;\npub use kinds::Kind;\nmod kinds;",
        ),
        ("load/kinds.rs", "use super::Schedule;\npub enum Kind { One(Schedule) }"),
        (
            "load/schedule.rs",
            "pub struct Schedule;\nfn kind() { drop(vec![super::Kind::One]); crate::store::open(); }",
        ),
        ("store/mod.rs", "use crate::load::Kind;\npub fn open() -> Kind { todo!() }"),
    ]);
    assert_eq!(upward(&arrows), ["load/schedule.rs:2: crate::store::open (store/mod.rs)"]);
    let found = circles(&arrows);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        found[0],
        "3 files: load/kinds.rs, load/schedule.rs, store/mod.rs\n  \
         load/kinds.rs:1: super::Schedule (load/schedule.rs)\n  \
         load/schedule.rs:2: super::Kind::One (load/kinds.rs)"
    );
}

#[test]
fn what_only_tests_use_and_what_a_folder_shows_is_no_arrow() {
    let arrows = arrows_of(&[
        ("lib.rs", "pub mod load;"),
        ("load/mod.rs", "pub mod schedule;\npub use schedule::schedule;\npub struct Plan;"),
        (
            "load/schedule.rs",
            "use super::Plan;\npub fn schedule(_: Plan) {}\n#[cfg(test)]\nmod tests { use super::*; }",
        ),
    ]);
    assert_eq!(pairs(&arrows), [("load/schedule.rs", "load/mod.rs")].into());
}

#[test]
fn a_method_that_is_not_where_its_type_is_leads_to_its_own_file() {
    let arrows = arrows_of(&[
        ("lib.rs", "pub mod load;"),
        ("load/mod.rs", "mod plan;\nmod run;\nmod start;"),
        (
            "load/plan.rs",
            "pub struct Plan;\nimpl Plan { fn go(&self) { self.run(); self.check(); } }",
        ),
        (
            "load/run.rs",
            "use super::plan::Plan;\nimpl Plan { pub fn run(&self) {} pub fn begin(&self) {} }",
        ),
        (
            "load/start.rs",
            "pub fn start(plan: &impl Sized) { plan.begin(); plan.run(); }\ntrait Runs { fn run(&self); }",
        ),
    ]);
    let expected = [
        ("load/plan.rs", "load/run.rs"),
        ("load/run.rs", "load/plan.rs"),
        ("load/start.rs", "load/run.rs"),
    ];
    assert_eq!(pairs(&arrows), expected.into());
}

/// What the other tests rest on: arrows of all kinds are seen in the real sources.
#[test]
fn arrows_of_this_crate_are_seen() {
    let seen = pairs(&ARROWS);
    for arrow in [
        // A path through a folder's own list of names,
        ("cli/estimate.rs", "study/run_options.rs"),
        // one in an expression,
        ("workflow/transport/connect.rs", "language/duration.rs"),
        // and a method that is not where its type is.
        ("study/execute.rs", "study/finish.rs"),
    ] {
        assert!(seen.contains(&arrow), "{arrow:?}");
    }
}

fn arrows_of(files: &[(&str, &str)]) -> BTreeSet<Arrow> {
    arrows(&files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect())
}

fn pairs(arrows: &BTreeSet<Arrow>) -> BTreeSet<(&str, &str)> {
    arrows.iter().map(|arrow| (arrow.from.as_str(), arrow.to.as_str())).collect()
}

/// The arrows that lead to another module on the same floor or on a higher one.
fn upward(arrows: &BTreeSet<Arrow>) -> Vec<String> {
    // The root of the crate is above all floors: it shows them and nobody uses it.
    let floor = |file: &str| match file.split_once('/') {
        Some((module, _)) => {
            FLOORS.iter().rev().position(|floor| floor.contains(&module)).map_or(0, |at| at + 1)
        }
        None => FLOORS.len() + 1,
    };
    let module = |file: &str| file.split('/').next().map(str::to_owned);
    arrows
        .iter()
        .filter(|arrow| {
            module(&arrow.from) != module(&arrow.to) && floor(&arrow.from) <= floor(&arrow.to)
        })
        .map(ToString::to_string)
        .collect()
}

fn sources() -> Sources {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Sources::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let below: Vec<String> = path
                    .strip_prefix(&root)
                    .unwrap()
                    .iter()
                    .map(|part| part.to_string_lossy().into_owned())
                    .collect();
                sources.insert(below.join("/"), std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    sources
}
