//! What garbage collection spares: whatever a commit, a lock file or a run still refers to.

use crate::support::{SimulatorProcess, Sizer};
use std::process::Command;

fn project(simulator: &SimulatorProcess) -> Sizer {
    let address = simulator.address;
    let workflow = format!("{{type: openai, base_url: \"http://{address}/v1\", model: m}}");
    Sizer::new()
        .workflow(&workflow, "concurrency: {mode: burst, levels: [1, 2], passes: 2}")
        .file(".gitignore", ".sizer/\nout/\n")
}

fn git(project: &Sizer, args: &[&str]) {
    let who =
        ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"];
    let mut command = Command::new("git");
    let ended = command.args(who).args(args).current_dir(project.path("")).output().unwrap();
    assert!(ended.status.success(), "{args:?}: {ended:?}");
}

fn commit(project: &Sizer, message: &str) {
    git(project, &["add", "-A"]);
    git(project, &["commit", "-qm", message]);
}

#[test]
fn what_a_past_run_measured_stays_though_it_was_forced_since() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    project.run(&["run", "spec.yml"]).success();
    let first = project.object_of("sweep@2");
    project.run(&["run", "spec.yml", "--force", "sweep@2"]).success();
    let second = project.object_of("sweep@2");
    assert!(first != second && first.exists());
    project.run(&["gc", "spec.yml"]).success().stdout("removed 0 files");
    assert!(first.exists());
    let gone = project.run(&["gc", "spec.yml", "--keep-last", "1"]).success();
    gone.stdout("sweep@2: 1 file, ").stdout("only older runs refer to it");
    assert!(!first.exists() && second.exists());
    project.run(&["run", "spec.yml"]).success().stderr("0 stages run");
}

#[test]
fn what_a_commit_names_stays() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    git(&project, &["init", "-q"]);
    project.run(&["run", "spec.yml"]).success();
    let first = project.object_of("sweep@2");
    commit(&project, "first");
    project.run(&["run", "spec.yml", "--force", "sweep@2"]).success();
    let second = project.object_of("sweep@2");
    git(&project, &["checkout", "-qb", "other"]);
    commit(&project, "second");
    project.run(&["run", "spec.yml", "--force", "sweep@2"]).success();
    let third = project.object_of("sweep@2");
    commit(&project, "third");
    // No run on record says anything of them any more.
    std::fs::remove_file(project.path(".sizer/runs.jsonl")).unwrap();
    let gone = project.run(&["gc", "spec.yml"]).success();
    assert!(!gone.stdout.contains("sweep@") && !gone.stdout.contains("level@"), "{gone:#?}");
    assert!(first.exists() && second.exists() && third.exists());
    // Only the tips of `main` and `other` are left.
    let gone = project.run(&["gc", "spec.yml", "--keep-last", "0"]).success();
    gone.stdout("sweep@2: 1 file, ").stdout("only older commits refer to it");
    assert!(first.exists() && !second.exists() && third.exists());
    git(&project, &["checkout", "-q", "main"]);
    assert_eq!(project.object_of("sweep@2"), first);
}

#[test]
fn nothing_goes_where_git_cannot_be_asked() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    git(&project, &["init", "-q"]);
    project.run(&["run", "spec.yml"]).success();
    commit(&project, "first");
    let files = project.files().len();
    let blind =
        project.command(&["gc", "spec.yml", "--keep-last", "0"]).env("PATH", "").output().unwrap();
    assert_eq!(blind.status.code(), Some(1), "{blind:?}");
    assert!(String::from_utf8_lossy(&blind.stderr).contains("git cannot say"), "{blind:?}");
    // The command itself leaves a file of its own: who owned the store.
    assert_eq!(project.files().len(), files);
}

/// A folder that was renamed since, below the top of the repository.
#[test]
fn what_a_commit_names_stays_wherever_its_lock_file_lay() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    git(&project, &["init", "-q"]);
    std::fs::create_dir(project.path("sub")).unwrap();
    for name in ["spec.yml", "questions.jsonl"] {
        std::fs::rename(project.path(name), project.path("sub").join(name)).unwrap();
    }
    project.run(&["run", "sub/spec.yml"]).success();
    commit(&project, "first");
    project.run(&["run", "sub/spec.yml", "--force", "sweep@2"]).success();
    std::fs::remove_file(project.path("sub/.sizer/runs.jsonl")).unwrap();
    std::fs::rename(project.path("sub"), project.path("renamed")).unwrap();
    let gone = project.run(&["gc", "renamed/spec.yml"]).success();
    assert!(!gone.stdout.contains("sweep@"), "{gone:#?}");
}

#[test]
fn nothing_is_removed_where_what_is_in_use_cannot_be_read() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    project.run(&["run", "spec.yml"]).success();
    project.run(&["run", "spec.yml", "--force", "sweep@2"]).success();
    let before = project.files().len();
    // Links to themselves are there, and nobody can open them.
    for name in [".sizer/runs.jsonl", "sizer.lock"] {
        let kept = project.path("kept");
        std::fs::rename(project.path(name), &kept).unwrap();
        std::os::unix::fs::symlink(project.path(name), project.path(name)).unwrap();
        project.run(&["gc", "spec.yml"]).code(1).stderr("nothing is changed");
        std::fs::rename(&kept, project.path(name)).unwrap();
        assert_eq!(project.files().len(), before, "{name}");
    }
    project.run(&["gc", "spec.yml"]).success().stdout("removed 0 files");
}
