//! Specs, templates and what lies in a store, far larger than anybody writes them: one error that names the
//! limit, or an answer without them, within 512 MiB.

use crate::limits::{FAST, REST, validate, within_limits};
use crate::support::Sizer;
use std::fmt::Write;
use std::fs::File;

fn head() -> String {
    format!("version: 1\nname: t\ndataset: {{path: questions.jsonl}}\nworkflow: {FAST}\n{REST}\n")
}

#[test]
fn parts_that_multiply() {
    let item = "\"${vars.big}\"";
    let many = vec![item; 10_000].join(", ");
    let text =
        format!("{}vars: {{big: {}}}\noutputs: {{x: [{many}]}}\n", head(), "x".repeat(500_000));
    validate(
        "a text of 500 kB in 10,000 places",
        &text,
        "with `vars` filled in, the spec takes more than 64 MiB",
    );
    let list = vec!["1"; 5_000].join(", ");
    let places = vec![item; 5_000].join(", ");
    let text = format!("{}vars: {{big: [{list}]}}\noutputs: {{x: [{places}]}}\n", head());
    validate("a list of 5,000 in 5,000 places", &text, "with `vars` filled in");
    let levels: Vec<String> = (1..=10_000).map(|level| level.to_string()).collect();
    let names: Vec<String> = (0..1_000).map(|name| format!("n{name}")).collect();
    let text = head().replace("levels: [1]", &format!("levels: [{}]", levels.join(", ")));
    let text = format!("{text}matrix: {{name: [{}]}}\n", names.join(", "));
    validate("1,000 branches of 10,000 levels", &text, "are larger than 128 MiB together");
}

#[test]
fn includes_that_add_up() {
    let mut project = Sizer::new();
    let names: Vec<String> = (0..6).map(|number| format!("i{number}.yml")).collect();
    for name in &names {
        let mut text = "# many words\n".repeat(70_000);
        writeln!(text, "vars: {{{}: 1}}", name.trim_end_matches(".yml")).unwrap();
        project = project.file(name, &text);
    }
    let args = ["validate", "spec.yml"];
    let project = project.spec(&format!("{}include: [{}]\n", head(), names.join(", ")));
    within_limits(&project, "6 includes of 900 kB", &args, 2, "larger than 4 MiB together");
    let project = project.spec(&format!("{}include: [{}]\n", head(), names[..4].join(", ")));
    within_limits(&project, "4 of them", &args, 0, "");
}

#[test]
fn globs_of_stars() {
    let filter = |stars: usize| {
        let glob = format!("{}b", "*a".repeat(stars));
        head().replace(
            "questions.jsonl}",
            &format!("questions.jsonl, filter: {{allow: {{question: ['{glob}']}}}}}}"),
        )
    };
    validate("a glob of 100,000 stars", &filter(100_000), "a glob has at most 1000 characters");
    validate("a glob of 400 stars", &filter(400), "leaves out all");
}

#[test]
fn a_template_without_an_end() {
    let project = Sizer::new().workflow(FAST, REST);
    project.run(&["run", "spec.yml"]).success();
    let args = ["render", "spec.yml", "--template", "/dev/zero"];
    within_limits(&project, "a template in /dev/zero", &args, 2, "larger than 4 MiB");
}

/// A file that is all hole behind its beginning.
fn sparse(project: &Sizer, name: &str, beginning: &str, length: u64) {
    let path = project.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, beginning).unwrap();
    File::options().write(true).open(path).unwrap().set_len(length).unwrap();
}

#[test]
fn stores_of_gigabytes() {
    let project = Sizer::new().workflow(FAST, REST);
    project.run(&["run", "spec.yml"]).success();
    let runs = std::fs::read_to_string(project.path(".sizer/runs.jsonl")).unwrap();
    sparse(&project, ".sizer/runs.jsonl", &runs, 2 << 30);
    let part = "runs.jsonl is larger than 16 MiB";
    within_limits(&project, "runs.jsonl of 2 GiB, gc", &["gc", "spec.yml"], 1, part);
    for args in [&["history", "spec.yml"][..], &["run", "spec.yml", "--force", "fit"]] {
        within_limits(&project, &format!("runs.jsonl of 2 GiB, {}", args[0]), args, 0, "");
    }
    // What lies before the hole is too far from the end; the run that came last is on a line of its own.
    let shown = project.run(&["history", "spec.yml", "--format", "json"]).success().stdout;
    assert_eq!(shown.matches("spec_digest").count(), 1, "{shown}");
    sparse(&project, ".sizer/latest/spec.yml.json", "{", 2 << 30);
    within_limits(&project, "latest of 2 GiB", &["status", "spec.yml"], 0, "");
    let manifests = std::fs::read_dir(project.path(".sizer/manifests")).unwrap();
    for manifest in manifests {
        let name = manifest.unwrap().file_name().into_string().unwrap();
        let path = format!(".sizer/manifests/{name}");
        let text = std::fs::read_to_string(project.path(&path)).unwrap();
        sparse(&project, &path, &text, 1 << 30);
    }
    within_limits(&project, "manifests of 1 GiB each", &["run", "spec.yml"], 0, "");
}

#[test]
fn lock_files_that_are_none() {
    let project = Sizer::new().workflow(FAST, REST);
    sparse(&project, "sizer.lock", "# a\n", 1 << 30);
    for verb in ["status", "plan", "run"] {
        within_limits(
            &project,
            &format!("sizer.lock of 1 GiB, {verb}"),
            &[verb, "spec.yml"],
            0,
            "",
        );
    }
    std::fs::remove_file(project.path("sizer.lock")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(project.path("sizer.lock")).status();
    assert!(made.unwrap().success());
    for verb in ["status", "plan", "run"] {
        within_limits(
            &project,
            &format!("sizer.lock is a pipe, {verb}"),
            &[verb, "spec.yml"],
            0,
            "",
        );
    }
}
