//! Killed processes, flipped bytes, full disks: at most the level in flight is lost, and nothing
//! damaged is ever used.

use crate::support::{SimulatorProcess, Sizer};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const REST: &str = "test: {gpu_count: 8}
concurrency: {mode: burst, levels: [1, 2, 3], passes: 2}
targets: {users: 100, workflow_runtime: 5s}
estimate: {min_r_squared: 0}";

fn workflow(simulator: &SimulatorProcess) -> String {
    format!("{{type: openai, base_url: \"http://{}/v1\", model: m}}", simulator.address)
}

/// Stages and digests by the manifests in a store; every object is checked on the way.
fn artifacts(project: &Sizer) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for path in project.files() {
        let shown = path.display().to_string();
        if path.extension().is_some_and(|it| it == "tmp") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        if let Some((_, name)) = shown.split_once(".sizer/objects/") {
            let digest = name.replace('/', "");
            assert_eq!(blake3::hash(&bytes).to_hex().as_str(), digest, "{shown} is damaged");
        }
        if shown.contains(".sizer/manifests/") {
            let manifest: Value =
                serde_json::from_slice::<Value>(&bytes).unwrap()["manifest"].clone();
            let stage = manifest["stage"].as_str().unwrap().to_owned();
            let digest = manifest["digest"].as_str().unwrap().to_owned();
            let before = found.insert(stage.clone(), digest);
            assert!(before.is_none() || !stage.starts_with("sweep"), "{stage} was measured twice");
        }
    }
    found
}

/// What the spec alone decides about a result.
fn decided_by_the_spec(result: &Value) -> Value {
    let levels: Vec<Value> = result["levels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|level| {
            serde_json::json!([
                level["concurrency"],
                level["runs"],
                level["failed"],
                level["interrupted"]
            ])
        })
        .collect();
    serde_json::json!([
        result["schema_version"],
        result["spec"],
        levels,
        result["estimates"][0]["limit"]
    ])
}

#[test]
fn fifty_kills_cost_no_finished_level() {
    const KILLS: usize = 50;
    let simulator =
        SimulatorProcess::start(&["engine.base=2ms", "engine.per_sequence=2ms", "output_tokens=5"]);
    let fresh = || Sizer::new().workflow(&workflow(&simulator), REST);
    let whole = fresh();
    let began = Instant::now();
    whole.run(&["run", "spec.yml"]).success();
    // Kills are spread over as long as a run takes here, so that they hit every part of it.
    let longest = u64::try_from(began.elapsed().as_micros()).unwrap();
    let expected = decided_by_the_spec(&whole.result());
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(50);
    let mut project = fresh();
    let (mut kills, mut resumed) = (0, 0);
    while kills < KILLS {
        let before = artifacts(&project);
        let mut child =
            project.command(&["run", "spec.yml", "--quiet"]).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(rng.random_range(0..longest)));
        child.kill().unwrap();
        kills += usize::from(!child.wait().unwrap().success());
        let after = artifacts(&project);
        for (stage, digest) in before.iter().filter(|(stage, _)| stage.starts_with("sweep")) {
            assert_eq!(after.get(stage), Some(digest), "{stage} was finished and made again");
        }
        if before.len() < after.len() && !before.is_empty() {
            resumed += 1;
        }
        if after.contains_key("sweep@3") {
            let ended = project.run(&["run", "spec.yml"]).success();
            assert_eq!(decided_by_the_spec(&project.result()), expected, "{ended:#?}");
            artifacts(&project);
            project = fresh();
        }
    }
    assert!(resumed > 0, "no kill hit a run that had begun");
}

#[test]
fn flipped_bytes_are_noticed_in_every_kind_of_file() {
    let simulator = SimulatorProcess::fast();
    let project = Sizer::new().workflow(&workflow(&simulator), REST);
    project.run(&["run", "spec.yml"]).success();
    let stages = artifacts(&project);
    assert_eq!(stages.len(), 13);
    for stage in ["expand", "sweep@2", "level@2", "fit", "estimate", "result", "render@summary.md"]
    {
        let latest: Value =
            serde_json::from_str(&project.read(".sizer/latest/spec.yml.json")).unwrap();
        let manifest =
            project.path(&format!(".sizer/manifests/{}.json", latest[stage].as_str().unwrap()));
        let sealed: Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
        let digest = sealed["manifest"]["digest"].as_str().unwrap();
        let object = project.path(&format!(".sizer/objects/{}/{}", &digest[..2], &digest[2..]));
        for file in [object, manifest] {
            let bytes = std::fs::read(&file).unwrap();
            for at in [0, bytes.len() / 3, bytes.len() / 2, bytes.len() - 2] {
                let mut flipped = std::fs::read(&file).unwrap();
                flipped[at] ^= 0x10;
                std::fs::write(&file, flipped).unwrap();
                let plan = project.run(&["plan", "spec.yml"]).success();
                let line = plan.stdout.lines().find(|line| line.starts_with(&format!("{stage} ")));
                assert!(line.unwrap().ends_with("artifact damaged"), "{stage} {at}: {plan:#?}");
                project.run(&["run", "spec.yml"]).success();
                project.run(&["plan", "spec.yml"]).success().stdout("0 of 13 stages would run");
                artifacts(&project);
                if !file.is_file() {
                    break;
                }
            }
        }
    }
}

/// A tmpfs that ends with the test.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where this user may not mount.
    fn mount(dir: &TempDir, size: &str) -> Option<Self> {
        let disk = Self(dir.path().to_owned());
        disk.mounted("tmpfs", size).then_some(disk)
    }

    fn mounted(&self, kind: &str, size: &str) -> bool {
        let options =
            if kind == "remount" { format!("remount,size={size}") } else { format!("size={size}") };
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&self.0).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_one_error_and_the_store_stays_sound() {
    let dir = TempDir::new().unwrap();
    let Some(disk) = SmallDisk::mount(&dir, "160k") else {
        eprintln!("not run: this user may not mount a small disk");
        return;
    };
    let simulator =
        SimulatorProcess::start(&["engine.base=1ms", "engine.max_batch=64", "output_tokens=1"]);
    let rest = "concurrency: {mode: burst, levels: [1, 64], passes: 60}";
    let project = Sizer::at(dir).workflow(&workflow(&simulator), rest);
    let ended = project.run(&["run", "spec.yml"]).code(1);
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:#?}");
    let ended = ended.stderr("No space left on device").stderr(".sizer/objects/");
    assert!(!ended.stderr.contains("panicked"));
    let kept = artifacts(&project);
    assert!(kept.contains_key("sweep@1") && !kept.contains_key("sweep@64"), "{kept:?}");
    let leftovers =
        project.files().into_iter().filter(|path| path.extension().is_some_and(|it| it == "tmp"));
    assert_eq!(leftovers.count(), 0);
    assert!(disk.mounted("remount", "16m"));
    let requests = simulator.metric("requests_total");
    project.run(&["run", "spec.yml"]).success();
    assert_eq!(simulator.metric("requests_total") - requests, 64 * 60);
    assert_eq!(artifacts(&project)["sweep@1"], kept["sweep@1"]);
}
