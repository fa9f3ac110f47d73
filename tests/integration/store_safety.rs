//! Whatever lies in `.sizer`, nothing outside of it is touched; and no output takes the place of an input.

use crate::support::Sizer;
use std::os::unix::fs::symlink;

const FAST: &str = "{type: simulator, engine: {base: 1ms}, output_tokens: 1}";
const REST: &str = "concurrency: {mode: burst, levels: [1], passes: 2}";

fn project() -> Sizer {
    Sizer::new().workflow(FAST, REST)
}

#[test]
fn garbage_is_looked_for_behind_no_link() {
    let project = project();
    let file = |name: &str| project.path(name);
    std::fs::create_dir_all(file(".sizer/objects/cd")).unwrap();
    std::fs::create_dir_all(file("victim/deep")).unwrap();
    // Files that would be artifacts, were they reached through the store.
    let rest = "0".repeat(62);
    for name in ["keys.json", "deep/thesis.tex", &rest, &format!("{}.json", "0".repeat(64))] {
        std::fs::write(file("victim").join(name), "precious").unwrap();
    }
    for link in [".sizer/objects/ab", ".sizer/manifests", ".sizer/latest", ".sizer/downloads"] {
        symlink(file("victim"), file(link)).unwrap();
    }
    symlink(".", file(".sizer/objects/ef")).unwrap();
    symlink(".", file(".sizer/objects/01")).unwrap();
    // What no store writes is not its to remove; what a killed process left is.
    std::fs::write(file(".sizer/objects/cd/notes.txt"), "mine").unwrap();
    std::fs::write(file(".sizer/objects/cd").join(&rest), "garbage").unwrap();
    std::fs::write(file(".sizer/objects/cd/.abc123.tmp"), "half").unwrap();
    let would = project.run(&["gc", "spec.yml", "--dry-run"]).success();
    let files = would.stdout.lines().filter(|line| line.contains(".sizer/")).count();
    assert_eq!(files, 2, "{would:#?}");
    project.run(&["gc", "spec.yml"]).success().stdout("removed 2 files");
    assert_eq!(std::fs::read_dir(file("victim")).unwrap().count(), 4);
    assert!(file("victim/deep/thesis.tex").exists());
    assert!(file(".sizer/objects/cd/notes.txt").exists());
    assert!(!file(".sizer/objects/cd").join(&rest).exists());
    assert!(!file(".sizer/objects/cd/.abc123.tmp").exists());
}

#[test]
fn nothing_is_written_through_a_link() {
    for (link, target) in [
        ("owner", "file"),
        ("runs.jsonl", "file"),
        ("objects", "folder"),
        ("manifests", "folder"),
        ("latest", "folder"),
    ] {
        let project = project().file("file", "precious");
        std::fs::create_dir_all(project.path("folder")).unwrap();
        std::fs::create_dir_all(project.path(".sizer")).unwrap();
        symlink(project.path(target), project.path(".sizer").join(link)).unwrap();
        let ended = project.run(&["run", "spec.yml"]).code(1);
        let ended = ended.stderr(&format!(".sizer/{link} is a link"));
        assert!(ended.stderr.contains("remove the link"), "{ended:#?}");
        assert_eq!(project.read("file"), "precious");
        assert_eq!(std::fs::read_dir(project.path("folder")).unwrap().count(), 0, "{link}");
    }
    // The store as a whole may lie elsewhere, by its owner's will.
    let project = project();
    std::fs::create_dir_all(project.path("large-disk")).unwrap();
    symlink("large-disk", project.path(".sizer")).unwrap();
    project.run(&["run", "spec.yml"]).success();
    project.run(&["run", "spec.yml"]).success().stderr("0 stages run");
}

#[test]
fn pipes_in_the_store_are_not_waited_for() {
    for pipe in ["owner", "runs.jsonl"] {
        let project = project();
        std::fs::create_dir_all(project.path(".sizer")).unwrap();
        let mut made = std::process::Command::new("mkfifo");
        assert!(made.arg(project.path(".sizer").join(pipe)).status().unwrap().success());
        project.run(&["run", "spec.yml"]).code(1).stderr("it is not a regular file");
    }
}

#[test]
fn an_output_takes_the_place_of_no_input() {
    let template = |outputs: &str, name: &str| {
        format!("{REST}\noutputs: {{{outputs}, reports: [{{name: {name}, template: t.j2}}]}}")
    };
    for (outputs, name, what) in [
        ("dir: .", "spec.yml", "over the spec or a part of it"),
        ("dir: link", "spec.yml", "over the spec or a part of it"),
        ("dir: sub/../.", "part.yml", "over the spec or a part of it"),
        // Nothing of it is left in the spec but the values that its variables gave.
        ("dir: .", "vars.yml", "over the spec or a part of it"),
        ("dir: .", "sizer.toml", "over the spec or a part of it"),
        ("dir: .", "questions.jsonl", "over the dataset"),
        ("dir: .", "t.j2", "over a template"),
        ("dir: .", "sizer.lock", "over the lock file"),
        ("dir: sub", "sizer.toml", "where specs look for the defaults of their project"),
        ("dir: .sizer", "owner", "into the store"),
        ("dir: link/.sizer/objects", "x", "into the store"),
    ] {
        let rest = format!("include: [part.yml, vars.yml]\n{}", template(outputs, name));
        let project = Sizer::new()
            .workflow(FAST, &rest)
            .file("part.yml", "estimate: {headroom: 5%}\n")
            .file("vars.yml", "vars: {limit: 5s}\n")
            .file("sizer.toml", "[defaults.test]\ngpu_count = 2\n")
            .file("t.j2", "report");
        symlink(".", project.path("link")).unwrap();
        std::fs::create_dir_all(project.path("sub")).unwrap();
        for verb in ["validate", "run"] {
            let ended = project.run(&[verb, "spec.yml"]).code(2);
            let ended = ended.stderr(&format!("would be written {what}"));
            assert!(ended.stderr.contains("spec.yml:"), "{ended:#?}");
        }
        assert!(project.read("spec.yml").starts_with("version: 1"));
    }
    let project = Sizer::new().workflow(FAST, &template("dir: out", "t.j2")).file("t.j2", "report");
    project.run(&["run", "spec.yml"]).success();
    let project = Sizer::new().workflow(
        "{type: openai, base_url: 'http://127.0.0.1:1/v1', model: m, serve: {run: [cat], log: questions.jsonl}}",
        REST,
    );
    project.run(&["validate", "spec.yml"]).code(2).stderr("workflow.serve.log");
}

#[test]
fn a_torn_record_takes_no_other_with_it() {
    let project = project();
    let count = || project.run(&["history", "spec.yml"]).success().stdout.matches("done").count();
    project.run(&["run", "spec.yml"]).success();
    // Cut off within a character.
    let mut bytes = std::fs::read(project.path(".sizer/runs.jsonl")).unwrap();
    let torn = bytes.get(..200).unwrap().to_vec();
    bytes.extend(torn);
    bytes.extend("ü".bytes().take(1));
    std::fs::write(project.path(".sizer/runs.jsonl"), bytes).unwrap();
    project.run(&["run", "spec.yml", "--force"]).success();
    assert_eq!(count(), 2);
    project.run(&["run", "spec.yml", "--force"]).success();
    assert_eq!(count(), 3);
}

#[test]
fn what_killed_processes_left_is_swept() {
    let project = project();
    project.run(&["run", "spec.yml"]).success();
    let host = std::fs::read_dir(project.path("")).unwrap().count();
    let shelf = std::fs::read_dir(project.path(".sizer/objects")).unwrap().next().unwrap().unwrap();
    std::fs::write(shelf.path().join(".x1y2z3.tmp"), "half").unwrap();
    for folder in [".sizer", ".sizer/latest", ".sizer/manifests"] {
        std::fs::write(project.path(folder).join(".x1y2z3.tmp"), "half").unwrap();
    }
    // As a killed process leaves it.
    std::fs::write(project.path(".sizer/owner"), "4711").unwrap();
    project.run(&["run", "spec.yml"]).success();
    let left =
        project.files().into_iter().filter(|path| path.extension().is_some_and(|it| it == "tmp"));
    assert_eq!(left.collect::<Vec<_>>(), Vec::<std::path::PathBuf>::new());
    assert_eq!(std::fs::read_dir(project.path("")).unwrap().count(), host);
}
