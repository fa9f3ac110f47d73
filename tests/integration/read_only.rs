//! A store that nobody may write to: a share, an archive of a build.

use crate::support::Sizer;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

/// Whoever may do anything has to become somebody else to be refused.
fn as_nobody(dir: &Path, args: &[&str]) -> Output {
    let binary = env!("CARGO_BIN_EXE_sizer");
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--", binary]);
        command
    } else {
        Command::new(binary)
    };
    command.current_dir(dir).args(args).output().unwrap()
}

fn set_modes(dir: &Path, folders: u32, files: u32) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            set_modes(&path, folders, files);
        } else {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(files)).unwrap();
        }
    }
    std::fs::set_permissions(dir, PermissionsExt::from_mode(folders)).unwrap();
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn what_asks_no_server_needs_no_right_to_write() {
    let project = Sizer::new().workflow(
        "{type: simulator, engine: {base: 1ms, per_sequence: 100us}, output_tokens: 3}",
        "test: {gpu_count: 8}\nconcurrency: {levels: [1, 2], runs: 6}\ntargets: {users: 10, workflow_runtime: 1s}\n\
         estimate: {method: linear}",
    );
    // Whether so few runs give an answer is no matter here.
    project.run(&["run", "spec.yml"]);
    assert!(project.path("out/summary.md").is_file());
    let dir = project.path("");
    set_modes(&dir, 0o555, 0o444);
    let before = project.files();
    let another = ["--set", "targets.users=77"];
    let mut said = Vec::new();
    for (args, more) in [
        (&["status", "spec.yml"][..], &[][..]),
        (&["estimate", "spec.yml"], &[]),
        // What has to be made for it is kept for this process alone.
        (&["estimate", "spec.yml"], &another),
        (&["estimate", "spec.yml", "--format", "json"], &["--set", "estimate.method=robust"]),
        (&["what-if", "spec.yml", "--users", "5,10"], &[]),
        (&["render", "spec.yml"], &[]),
        (&["run", "spec.yml", "--offline"], &[]),
        (&["gc", "spec.yml", "--dry-run"], &["--keep-last", "1"]),
        (&["plan", "spec.yml"], &[]),
        (&["show", "spec.yml", "estimate"], &[]),
        (&["history", "spec.yml"], &[]),
    ] {
        let output = as_nobody(&dir, &[args, more].concat());
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(!err.contains("error") && !out.is_empty(), "{args:?} {more:?}: {out}{err}");
        assert!(matches!(output.status.code(), Some(0 | 1)), "{args:?} {more:?}: {out}{err}");
        said.push(out);
    }
    assert!(said[2].contains("77 users"), "{}", said[2]);
    // What does write says so.
    let output = as_nobody(&dir, &["run", "spec.yml"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stderr).contains("ermission denied"), "{output:?}");
    assert_eq!(project.files(), before);
    set_modes(&dir, 0o755, 0o644);
}
