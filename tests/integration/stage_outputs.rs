//! What each stage makes of fixed input, held against a digest that stands beside the stage's version: an output
//! that changes under the same version would be taken from stores in which the old one lies.
//!
//! After a version was raised, `UPDATE_STAGE_OUTPUTS=1 cargo test stage_outputs` writes the new digests down. It
//! refuses those of a stage whose version is as before.

use crate::support::Sizer;
use serde_json::{Value, json};
use sizer::internal::store::Digest;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

const FILE: &str = "tests/data/stage_outputs.json";

/// Runs of four levels whose times follow a formula: a server that works on four at a time, calls with tokens and a
/// first one, some failures at the highest level.
fn recording() -> String {
    let mut lines = String::new();
    for concurrency in [1_u32, 2, 4, 8] {
        let waits = f64::from(concurrency.div_ceil(4));
        for index in 0..24 * concurrency {
            let (wave, user) = (index / concurrency, index % concurrency);
            let spread = 1.0 + f64::from((index * 7919) % 97) / 400.0;
            let took = 0.5 * waits * spread;
            let start = f64::from(wave) * 0.6 * waits * 1.25 + f64::from(user) * 1e-3;
            let (first, end) = (start + 0.1 * took, start + took);
            let failed = concurrency == 8 && index % 61 == 60;
            let error = if failed { ", \"error\": \"503 Service Unavailable\"" } else { "" };
            let calls = format!(
                "[{{\"start\": {start}, \"end\": {end}, \"first_token\": {first}, \"prompt_tokens\": 40, \
                 \"completion_tokens\": {}}}]",
                10 + index % 5
            );
            let _ = writeln!(
                lines,
                "{{\"concurrency\": {concurrency}, \"id\": \"q{index}\", \"start\": {start}, \"end\": {end}, \
                 \"llm_calls\": {calls}{error}}}"
            );
        }
    }
    lines
}

const ROWS: &str = "\
{\"id\": 1, \"question\": \"What is 3 x 7?\", \"level\": \"easy\"}
{\"id\": 1, \"question\": \"The same id again\", \"level\": \"hard\"}
{\"id\": 3, \"question\": \"\", \"level\": \"easy\"}
{\"id\": 4, \"question\": \"Straße, 8 × 2?\", \"level\": null}
";

/// What is asked of the recording, one after the other.
const QUESTIONS: [(&str, &str); 4] = [
    (
        "users",
        "targets: {users: 100, workflow_runtime: 900ms, ttft: 120ms, itl: 60ms}\n\
         estimate: {headroom: 20%, spares: 1}",
    ),
    ("rate", "targets: {request_rate: 20, workflow_runtime: {p50: 700ms, p95: 2s}}"),
    ("line", "targets: {users: 100, llm_latency: 900ms}\nestimate: {method: linear}"),
    ("no target", "estimate: {method: robust}"),
];

const REPORTS: &str =
    "outputs: {reports: [summary.md, result.json, levels.csv, calc_runner_output.json]}";

/// The artifacts of all stages of a project: version and a digest of what they say.
fn outputs(project: &Sizer, case: &str, into: &mut BTreeMap<String, (u64, String)>) {
    let manifests = project
        .files()
        .into_iter()
        .filter(|path| path.parent().is_some_and(|folder| folder.ends_with("manifests")));
    for path in manifests {
        let sealed: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let manifest = &sealed["manifest"];
        let stage = manifest["stage"].as_str().unwrap();
        let version = manifest["parts"]["version"].as_u64().unwrap();
        let digest = manifest["digest"].as_str().unwrap();
        let object = project.path(".sizer/objects").join(&digest[..2]).join(&digest[2..]);
        let bytes = std::fs::read(object).unwrap();
        // Of runs in Parquet what is read from them: the bytes are the library's.
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(_) => project.run(&["show", "spec.yml", stage]).success().stdout,
        };
        into.insert(format!("{stage} ({case})"), (version, digest_of(&text)));
    }
}

/// A digest of a text that is the same on every machine: figures are rounded, digests and sizer's own version left out.
fn digest_of(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|it: char| it.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        plain.push_str(before);
        let end = from.find(|it: char| !(it.is_ascii_digit() || ".eE-".contains(it)));
        let (number, after) = from.split_at(end.unwrap_or(from.len()));
        match number.parse::<f64>() {
            Ok(value) if number.contains('.') => drop(write!(plain, "{value:.6e}")),
            _ => plain.push_str(number),
        }
        rest = after;
    }
    plain.push_str(rest);
    let plain = plain.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    let words: Vec<&str> = plain
        .split('"')
        .map(|word| {
            let hexadecimal = word.len() == 64 && word.bytes().all(|it| it.is_ascii_hexdigit());
            if hexadecimal { "DIGEST" } else { word }
        })
        .collect();
    Digest::of(words.join("\"").as_bytes()).as_str()[..16].to_owned()
}

fn found() -> BTreeMap<String, (u64, String)> {
    let mut found = BTreeMap::new();
    let dataset = Sizer::new().file("rows.jsonl", ROWS).spec(
        "version: 1\nname: fixed\ndataset: {path: rows.jsonl}\nworkflow: {type: simulator}\n\
         concurrency: {levels: [1]}\n",
    );
    dataset.run(&["run", "spec.yml", "--only", "expand"]).success();
    outputs(&dataset, "dataset", &mut found);
    for (case, asked) in QUESTIONS {
        let spec = format!(
            "version: 1\nname: fixed\nworkflow: {{type: recorded, path: runs.jsonl}}\n\
             test: {{gpu_count: 4, gpus_per_replica: 2, cost_per_gpu_hour: 2}}\n{asked}\n{REPORTS}\n"
        );
        let project = Sizer::new().file("runs.jsonl", &recording()).spec(&spec);
        let ended = project.run(&["run", "spec.yml", "--quiet"]);
        assert!(matches!(ended.code, Some(0 | 1)), "{case}: {ended:#?}");
        outputs(&project, case, &mut found);
    }
    found
}

/// The case that an output is of, as in `fit (line)`.
fn case(name: &str) -> &str {
    name.split_once(' ').unwrap().1
}

/// The place of a stage in the way from the dataset to the reports.
fn place(name: &str) -> Option<usize> {
    let stage = name.split(['@', ' ']).next().unwrap();
    ["expand", "sweep", "level", "fit", "estimate", "result", "render"]
        .iter()
        .position(|it| *it == stage)
}

#[test]
fn an_output_changes_with_its_version_alone() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|_| "{}".to_owned());
    let kept: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    let mut wrong = Vec::new();
    let mut now = BTreeMap::new();
    let found = found();
    let raised = |name: &str| {
        let before = kept.get(name).and_then(|it| it["version"].as_u64());
        before.is_some_and(|before| found.get(name).is_some_and(|(now, _)| *now > before))
    };
    // What is made of another input may be another output under the same version: its key holds the input.
    let of_another_input = |name: &str| {
        let earlier = |other: &&String| case(other) == case(name) && place(other) < place(name);
        found.keys().filter(earlier).any(|other| raised(other))
    };
    for (name, (version, digest)) in &found {
        let of = json!({ "version": version, "output": digest });
        match kept.get(name) {
            Some(before) if *before == of => {}
            Some(before) if before["version"] == *version && !of_another_input(name) => {
                wrong.push(format!(
                    "{name} makes another output under version {version}: raise the stage's version"
                ));
            }
            _ => wrong.push(format!("{name} is of version {version}, and not written down yet")),
        }
        now.insert(name.clone(), of);
    }
    let gone = kept.keys().filter(|name| !now.contains_key(*name));
    wrong.extend(gone.map(|name| format!("{name} is written down, and no such stage ran")));
    let same_version = wrong.iter().any(|it| it.contains("raise the stage's version"));
    if std::env::var_os("UPDATE_STAGE_OUTPUTS").is_some() && !same_version {
        std::fs::write(&path, serde_json::to_string_pretty(&now).unwrap() + "\n").unwrap();
        return;
    }
    assert!(wrong.is_empty(), "{FILE}: {wrong:#?}");
}
