//! Measurements of other load generators.

use crate::support::Sizer;
use serde_json::Value;
use std::fmt::Write;

const REST: &str = "test: {gpu_count: 8}\ntargets: {users: 100, workflow_runtime: 5s}";

/// Runtimes of `0.5 s + 0.25 s × concurrency`, eight waves of them.
fn runs() -> String {
    let mut lines = String::new();
    for concurrency in [1_u32, 2, 4, 8] {
        let seconds = 0.5 + 0.25 * f64::from(concurrency);
        for index in 0..8 * concurrency {
            let start = f64::from(index / concurrency) * seconds;
            let end = start + seconds;
            let half = seconds / 2.0;
            let _ = writeln!(
                lines,
                "{{\"concurrency\": {concurrency}, \"id\": {index}, \"start\": {start}, \"end\": {end}, \
                 \"llm_latencies\": [{half}, 0.1]}}"
            );
        }
    }
    lines
}

fn spec(path: &str, rest: &str) -> String {
    format!(
        "version: 1\nname: brought\nworkflow: {{type: recorded, path: {path}}}\n{REST}\n{rest}\n"
    )
}

fn p95s(result: &Value) -> Vec<(u64, f64)> {
    let levels = result["levels"].as_array().unwrap().iter();
    let of = |level: &Value| {
        let p95 = level["workflow_runtime"]["p95"].as_f64().unwrap();
        (level["concurrency"].as_u64().unwrap(), (p95 * 1e9).round() / 1e9)
    };
    levels.map(of).collect()
}

#[test]
fn levels_come_from_the_data() {
    let linear = "estimate: {method: linear}";
    let project = Sizer::new().file("runs.jsonl", &runs()).spec(&spec("runs.jsonl", linear));
    project.run(&["validate", "spec.yml"]).success().stdout("120 items, 4 levels");
    project.run(&["run", "spec.yml", "--offline"]).success();
    let result = project.result();
    assert_eq!(p95s(&result), [(1, 0.75), (2, 1.0), (4, 1.5), (8, 2.5)]);
    assert!((result["levels"][3]["throughput"].as_f64().unwrap() - 8.0 / 2.5).abs() < 1e-9);
    assert_eq!(result["levels"][3]["llm_latency"]["count"], 128);
    // (5 − 0.5) / 0.25 = 18 runs on 8 GPUs.
    let point = result["estimates"][0]["gpus"]["point"].as_f64().unwrap();
    assert!((point - 100.0 / 18.0 * 8.0).abs() < 1e-9, "{point}");
    // A changed recording is another measurement.
    let longer = runs().replace("\"end\": 0.75", "\"end\": 0.8");
    std::fs::write(project.path("runs.jsonl"), longer).unwrap();
    project.run(&["plan", "spec.yml"]).success().stdout("recording.content changed");
}

#[test]
fn csv_and_the_files_of_sizer_itself_are_recordings_too() {
    let mut csv = "concurrency,id,start,end,llm_latencies,error\n".to_owned();
    for index in 0..20 {
        let start = index / 2;
        let _ = writeln!(csv, "2,r{index},{start},{},0.5;0.25,", f64::from(start) + 1.0);
    }
    csv.push_str("2,bad,3,3.1,,it broke\n");
    let project = Sizer::new()
        .file("runs.csv", &csv)
        .spec(&spec("runs.csv", "concurrency: {on_failure: {tolerate: 10%}}"));
    project.run(&["run", "spec.yml"]);
    let level = project.result()["levels"][0].clone();
    assert_eq!((level["measured"].as_u64(), level["failed"].as_u64()), (Some(21), Some(1)));
    assert_eq!(level["failures"][0]["kind"], "reported");
    assert_eq!(level["failures"][0]["first_message"], "it broke");
    assert_eq!(level["interrupted"], false);
    assert_eq!(p95s(&project.result()), [(2, 1.0)]);
    // Its own artifact, under another name.
    let object = project.object_of("sweep@2");
    std::fs::copy(object, project.path("own.parquet")).unwrap();
    let project = project.spec(&spec("own.parquet", "concurrency: {on_failure: {tolerate: 10%}}"));
    project.run(&["run", "spec.yml"]);
    assert_eq!(project.result()["levels"][0], level);
}

#[test]
fn mistakes_in_recordings() {
    let of = |name: &str, content: &str, rest: &str| {
        let project = Sizer::new().file(name, content).spec(&spec(name, rest));
        project.run(&["run", "spec.yml"]).stderr
    };
    let good = "{\"concurrency\": 1, \"start\": 0, \"end\": 1}\n";
    insta::assert_snapshot!(
        [
            of("runs.jsonl", &format!("{good}{{\"concurrency\": 1, \"start\": 0}}\n"), ""),
            of("runs.jsonl", &format!("{good}oops\n"), ""),
            of("runs.jsonl", "{\"concurrency\": 1, \"start\": 2, \"end\": 1}\n", ""),
            of("runs.jsonl", "{\"concurrency\": 0, \"start\": 0, \"end\": 1}\n", ""),
            of("runs.jsonl", good, "concurrency: {levels: [1, 7]}"),
            of("runs.jsonl", good, "concurrency: {levels: adaptive}"),
            of("runs.jsonl", good, "dataset: {path: questions.jsonl}"),
            of("runs.txt", good, ""),
            of("runs.csv", "concurrency,start,end\n1,0,x\n", ""),
            of("runs.parquet", "not Parquet", ""),
        ]
        .join("\n")
    );
    let gone = Sizer::new().spec(&spec("gone.jsonl", ""));
    gone.run(&["run", "spec.yml"]).code(2).stderr("the recording gone.jsonl").stderr("spec.yml:3");
    let none = Sizer::new().spec("version: 1\nname: n\nworkflow: {type: simulator}\n");
    none.run(&["validate", "spec.yml"]).code(2).stderr("there is no dataset");
}

#[test]
fn intervals_headroom_and_spares() {
    let project = Sizer::new().file("runs.jsonl", &runs()).spec(&spec("runs.jsonl", ""));
    let gpus = |settings: &[&str]| {
        let mut args = vec!["run", "spec.yml", "--quiet", "--set", "test.gpus_per_replica=4"];
        for setting in settings {
            args.extend(["--set", setting]);
        }
        project.run(&args);
        project.result()["estimates"][0]["gpus"].clone()
    };
    // Whole numbers, some of them written as 48.0.
    let number = |gpus: &Value, key: &str| -> Option<u64> {
        gpus[key].to_string().split('.').next().unwrap().parse().ok()
    };
    let plain = gpus(&[]);
    // Equal runs on a line: 18 are carried on two replicas, so 100 users take 11.1.
    assert_eq!(number(&plain, "point"), Some(48), "{plain:#}");
    assert!(number(&plain, "low") <= Some(48) && Some(48) <= number(&plain, "high"), "{plain:#}");
    let recommended = number(&plain, "recommended").unwrap();
    assert!(recommended >= 48, "{plain:#}");
    assert_eq!(number(&gpus(&["estimate.spares=1"]), "recommended"), Some(recommended + 4));
    let roomy = number(&gpus(&["estimate.headroom=50%"]), "recommended").unwrap();
    assert_eq!(roomy, (recommended * 3).div_ceil(8) * 4, "half as many more, in whole replicas");
    let surer = gpus(&["estimate.confidence=0.99"]);
    assert!(number(&surer, "high") >= number(&plain, "high"), "{surer:#}");
    let mut last = 0;
    for users in (50..1000).step_by(190) {
        let more = number(&gpus(&[&format!("targets.users={users}")]), "recommended").unwrap();
        assert!(more >= last, "more users never need fewer");
        last = more;
    }
}

#[test]
fn a_level_that_failed_far_from_the_answer_changes_no_count() {
    let failed = "{\"concurrency\": 16, \"start\": 0, \"end\": 0.1, \"error\": \"it broke\"}\n";
    let of = |text: &str| {
        let project = Sizer::new().file("runs.jsonl", text).spec(&spec("runs.jsonl", ""));
        project.run(&["run", "spec.yml", "--quiet"]);
        project.result()["estimates"][0]["capacity"].clone()
    };
    assert_eq!(of(&runs()), of(&(runs() + failed)));
}

#[test]
fn a_recording_that_cannot_be_read_is_an_error_of_every_answer() {
    for (content, said) in
        [(None, "cannot be read"), (Some("oops\n"), "runs.jsonl:1"), (Some(""), "no run")]
    {
        let project = Sizer::new().spec(&spec("runs.jsonl", ""));
        if let Some(content) = content {
            std::fs::write(project.path("runs.jsonl"), content).unwrap();
        }
        for verb in ["estimate", "what-if", "run"] {
            let ended = project.run(&[verb, "spec.yml"]);
            assert!(!matches!(ended.code, Some(0)), "{verb} {said}: {ended:#?}");
            assert!(ended.stderr.contains(said), "{verb} {said}: {ended:#?}");
        }
    }
}

#[test]
fn a_copy_of_a_recording_is_no_second_one() {
    let lines = |level: u32| -> String {
        let line = |at| {
            let end = at + level;
            format!("{{\"concurrency\": {level}, \"start\": {at}, \"end\": {end}}}\n")
        };
        (0..20).map(line).collect::<Vec<String>>().concat()
    };
    let spec = "version: 1\nname: t\nworkflow: {type: recorded, path: WHERE}\n";
    for place in ["runs", "runs/*.jsonl"] {
        let project = Sizer::new().spec(&spec.replace("WHERE", place));
        std::fs::create_dir(project.path("runs")).unwrap();
        let project = project.file("runs/a.jsonl", &lines(1)).file("runs/b.jsonl", &lines(2));
        project.run(&["run", "spec.yml"]).success();
        std::os::unix::fs::symlink("a.jsonl", project.path("runs/c.jsonl")).unwrap();
        for verb in ["run", "validate", "estimate"] {
            let refused = project.run(&[verb, "spec.yml"]).code(2);
            refused.stderr("runs/c.jsonl is the same recording as ").stderr("spec.yml:3:");
        }
    }
}
