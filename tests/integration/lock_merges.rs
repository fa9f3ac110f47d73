//! Lock files of two branches, joined by git itself.

use crate::support::Sizer;
use sizer::internal::store::{Digest, LockFile, LockState, LockedStage};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

fn git(dir: &Path, args: &[&str]) -> Output {
    let identity =
        ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"];
    let mut command = Command::new("git");
    command.current_dir(dir).args(identity).args(args);
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap()
}

fn done(dir: &Path, args: &[&str]) {
    let output = git(dir, args);
    assert!(output.status.success(), "git {args:?}: {output:?}");
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

type Stages = BTreeMap<String, LockedStage>;

/// Levels of a sweep: the same level has the same key wherever it is measured, and never the same
/// times.
fn levels(dice: &mut Dice, most: u64) -> Stages {
    let mut stages = Stages::new();
    for _ in 0..dice.below(7) {
        let level = 1 + dice.below(most);
        for kind in ["sweep", "level"] {
            let digest = Digest::of(&dice.below(u64::MAX).to_le_bytes());
            let key = serde_json::from_value(format!("{kind}-{level}").into()).unwrap();
            let locked = LockedStage { key, digest, size: dice.below(20), tool: "1".to_owned() };
            stages.insert(format!("{kind}@{level}"), locked);
        }
    }
    stages
}

fn write(dir: &Path, spec: &str, more: &Stages) {
    let mut lock = LockFile::beside(dir, spec);
    let mut stages = lock.stages().cloned().unwrap_or_default();
    stages.extend(more.clone());
    lock.replace(stages).unwrap();
}

#[test]
fn branches_with_any_levels_merge() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    done(dir, &["init", "-q", "-b", "main", "."]);
    let mut dice = Dice(1);
    for round in 0..25 {
        // Neighbours as often as not.
        let most = [6, 30, 1_000][round % 3];
        let base = format!("base{round}");
        let _ = std::fs::remove_file(dir.join("sizer.lock"));
        for spec in ["a.yml", "b \"q\".yml"] {
            write(dir, spec, &levels(&mut dice, most));
        }
        done(dir, &["add", "-A"]);
        done(dir, &["commit", "-q", "--allow-empty", "-m", &base]);
        done(dir, &["tag", &base]);
        let mut measured: Vec<(String, String, Vec<LockedStage>)> = Vec::new();
        let mut record = |lock: &LockFile, spec: &str| {
            for (stage, locked) in lock.stages().into_iter().flatten() {
                let known = measured.iter_mut().find(|it| it.0 == spec && it.1 == *stage);
                match known {
                    Some(known) => known.2.push(locked.clone()),
                    None => measured.push((spec.to_owned(), stage.clone(), vec![locked.clone()])),
                }
            }
        };
        for branch in ["ours", "theirs"] {
            done(dir, &["checkout", "-q", "-B", branch, &base]);
            for spec in ["a.yml", "b \"q\".yml", &format!("{branch}.yml")] {
                write(dir, spec, &levels(&mut dice, most));
                record(&LockFile::beside(dir, spec), spec);
            }
            done(dir, &["commit", "-q", "--allow-empty", "-am", branch]);
        }
        done(dir, &["merge", "-q", "ours", "-m", "joined"]);
        let text = std::fs::read_to_string(dir.join("sizer.lock")).unwrap();
        for (spec, stage, known) in &measured {
            let lock = LockFile::beside(dir, spec);
            assert!(
                !matches!(lock.state(), LockState::Unreadable(_)),
                "{:?}\n{text}",
                lock.state()
            );
            let found = lock.get(stage).unwrap_or_else(|| panic!("{spec} {stage} in\n{text}"));
            assert!(known.contains(found), "{spec} {stage} is a mixture in\n{text}");
        }
        done(dir, &["checkout", "-q", "main"]);
        done(dir, &["reset", "-q", "--hard", "theirs"]);
    }
}

#[test]
fn branches_that_measured_neighbouring_levels_merge() {
    let project = Sizer::new().spec(
        "version: 1\nname: p\ndataset: {path: questions.jsonl}\nworkflow: {type: simulator, engine: {base: 1ms}, output_tokens: 3}\n\
         concurrency: {levels: [1, 2], runs: 6}\n",
    );
    let dir = project.path("");
    done(&dir, &["init", "-q", "-b", "main", "."]);
    let project =
        project.file(".gitignore", ".sizer\nout\n").file(".gitattributes", "*.png binary");
    project.run(&["run", "spec.yml"]).success();
    assert_eq!(project.read(".gitattributes"), "*.png binary\nsizer.lock merge=union\n");
    done(&dir, &["add", "-A"]);
    done(&dir, &["commit", "-qm", "base"]);
    done(&dir, &["checkout", "-qb", "x"]);
    project.run(&["run", "spec.yml", "--set", "concurrency.levels=[1,2,3]"]).success();
    done(&dir, &["commit", "-qam", "x"]);
    done(&dir, &["checkout", "-q", "main"]);
    project.run(&["run", "spec.yml", "--set", "concurrency.levels=[1,2,5]"]).success();
    done(&dir, &["commit", "-qam", "y"]);
    done(&dir, &["merge", "-q", "x", "-m", "joined"]);
    let all = ["--set", "concurrency.levels=[1,2,3,5]"];
    project.run(&[&["status", "spec.yml"], &all[..]].concat()).success().stdout("sweep@5");
    let joined = project.run(&[&["run", "spec.yml"], &all[..]].concat()).success();
    for level in [1, 2, 3, 5] {
        assert!(project.read("sizer.lock").contains(&format!("\"sweep@{level}\"]")), "{joined:?}");
    }
}

#[test]
fn nothing_is_said_to_git_where_there_is_none() {
    let project = Sizer::new()
        .workflow("{type: simulator, output_tokens: 2}", "concurrency: {levels: [1], runs: 2}");
    project.run(&["run", "spec.yml", "--until", "sweep"]).success();
    assert!(project.path("sizer.lock").is_file() && !project.path(".gitattributes").exists());
}
