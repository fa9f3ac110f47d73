//! Adaptive levels are evidence: whatever was measured for an earlier question answers the next one.

use crate::support::{Ended, SimulatorProcess, Sizer};
use std::collections::BTreeMap;

/// 13 ms alone, eight slots and a queue behind them: from 8 on in proportion, 100 ms at about 60.
const SERVER: [&str; 4] =
    ["engine.base=2ms", "engine.per_sequence=60us", "engine.max_batch=8", "output_tokens=5"];

fn workflow(simulator: &SimulatorProcess) -> String {
    format!("{{type: openai, base_url: \"http://{}/v1\", model: m}}", simulator.address)
}

fn rest(concurrency: &str, limit: &str) -> String {
    format!(
        "concurrency: {{{concurrency}}}\ntest: {{gpu_count: 8}}\n\
         targets: {{users: 100, workflow_runtime: {limit}}}"
    )
}

fn project(simulator: &SimulatorProcess, concurrency: &str, limit: &str) -> Sizer {
    Sizer::new().workflow(&workflow(simulator), &rest(concurrency, limit))
}

/// The digests of the recordings that a lock file names, by stage.
fn recordings(project: &Sizer) -> BTreeMap<String, String> {
    let lock: toml::Table = project.read("sizer.lock").parse().unwrap();
    let stages = lock["specs"]["spec.yml"].as_table().unwrap();
    let sweeps = stages.iter().filter(|(stage, _)| stage.starts_with("sweep@"));
    sweeps.map(|(stage, it)| (stage.clone(), it["digest"].as_str().unwrap().to_owned())).collect()
}

/// Recordings that are other ones, or new.
fn measured(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> usize {
    assert!(before.keys().all(|stage| now.contains_key(stage)), "{before:?} → {now:?}");
    now.iter().filter(|(stage, digest)| before.get(*stage) != Some(digest)).count()
}

#[track_caller]
fn answered(ended: &Ended) {
    assert!(matches!(ended.code, Some(0 | 3)), "{ended:#?}");
}

fn set<'a>(command: &'a str, changes: &[&'a str]) -> Vec<&'a str> {
    let changes = changes.iter().flat_map(|change| ["--set", change]);
    [command, "spec.yml", "--quiet"].into_iter().chain(changes).collect()
}

#[test]
fn other_limits_are_answered_from_what_is_there() {
    let simulator = SimulatorProcess::start(&SERVER);
    let project = project(&simulator, "levels: adaptive, max: 128, budget: 300", "100ms");
    answered(&project.run(&set("run", &[])));
    let limits = [15, 20, 30, 45, 60, 80, 95, 105, 150, 5]
        .map(|limit| format!("targets.workflow_runtime={limit}ms"));
    let (asked, first) = (simulator.metric("requests_total"), recordings(&project));
    for limit in &limits {
        answered(&project.run(&set("estimate", &[limit])));
    }
    let what_if = project.run(&["what-if", "spec.yml", "--set", &limits[3]]);
    // On a machine that others disturb, the levels may settle nothing.
    let settled = !what_if.stdout.contains("unsettled");
    assert_eq!(what_if.code, Some(i32::from(!settled)), "{what_if:#?}");
    assert_eq!((simulator.metric("requests_total"), &recordings(&project)), (asked, &first));
    let mut all = 0;
    for limit in &limits {
        let before = recordings(&project);
        answered(&project.run(&set("run", &[limit])));
        let new = measured(&before, &recordings(&project));
        // The one that is compared, and those around the crossing.
        assert!(new <= 7, "{limit}: {new}");
        all += new;
        let asked = simulator.metric("requests_total");
        let again = project.run(&["run", "spec.yml", "--set", limit]);
        assert!(again.stderr.contains("0 stages run"), "{limit}: {again:#?}");
        assert_eq!(simulator.metric("requests_total"), asked);
    }
    assert!(all <= 30, "{all} levels for ten limits");
}

#[test]
fn a_little_more_budget_sets_nothing_aside() {
    let simulator = SimulatorProcess::start(&SERVER);
    let project = project(&simulator, "levels: adaptive, max: 128, budget: 1s", "60ms");
    answered(&project.run(&set("run", &[])));
    let mut before = recordings(&project);
    for budget in ["1050ms", "950ms"] {
        let budget = format!("concurrency.budget={budget}");
        answered(&project.run(&set("estimate", &[&budget])));
        answered(&project.run(&set("run", &[&budget])));
        let now = recordings(&project);
        let kept = before.iter().all(|(stage, digest)| now.get(stage) == Some(digest));
        assert!(kept && measured(&before, &now) <= 1, "{before:?} → {now:?}");
        before = now;
    }
}

const LISTED: &str = "levels: [1, 2, 4, 8, 16, 32, 64], passes: 4";

#[test]
fn levels_of_a_list_count_and_are_not_collected() {
    let simulator = SimulatorProcess::start(&SERVER);
    let project = project(&simulator, LISTED, "60ms");
    answered(&project.run(&set("run", &[])));
    let (asked, before) = (simulator.metric("requests_total"), recordings(&project));
    let adaptive = rest("levels: adaptive, max: 128, budget: 600", "60ms");
    let project = project.workflow(&workflow(&simulator), &adaptive);
    let estimate = project.run(&["estimate", "spec.yml"]);
    answered(&estimate);
    assert!(estimate.stderr.contains("nothing is measured offline"), "{estimate:#?}");
    assert_eq!((simulator.metric("requests_total"), recordings(&project)), (asked, before.clone()));
    answered(&project.run(&set("run", &[])));
    let now = recordings(&project);
    assert!((1..=6).contains(&measured(&before, &now)), "{before:?} → {now:?}");
    let kept = before.iter().filter(|(stage, digest)| now.get(*stage) == Some(digest)).count();
    assert!(kept >= before.len() - 1, "{before:?} → {now:?}");
    // What is only a recording of an earlier list is evidence, not garbage.
    project.run(&["gc", "spec.yml", "--keep-last", "0"]).success();
    let asked = simulator.metric("requests_total");
    answered(&project.run(&set("run", &[])));
    assert_eq!((simulator.metric("requests_total"), recordings(&project)), (asked, now));
    project.run(&["status", "spec.yml"]).success().stdout("sweep@2             current");
}

#[test]
fn a_budget_that_other_levels_have_spent_is_said_to_be() {
    let simulator = SimulatorProcess::start(&SERVER);
    let project = project(&simulator, LISTED, "60ms");
    answered(&project.run(&set("run", &[])));
    let asked = simulator.metric("requests_total");
    let adaptive = rest("levels: adaptive, max: 128, budget: 20", "60ms");
    let project = project.workflow(&workflow(&simulator), &adaptive);
    let idle = project.run(&["run", "spec.yml"]);
    answered(&idle);
    assert_eq!(simulator.metric("requests_total"), asked);
    assert!(idle.stderr.contains("no level is measured: the existing ones, 1, 2, 4,"), "{idle:#?}");
    assert!(idle.stderr.contains("as a budget of 20 runs would"), "{idle:#?}");
}

#[test]
fn another_load_is_another_measurement() {
    let simulator = SimulatorProcess::start(&SERVER);
    let project = project(&simulator, "levels: [1, 2, 4], passes: 4", "60ms");
    answered(&project.run(&set("run", &[])));
    let adaptive = rest("levels: adaptive, max: 4, budget: 200", "60ms");
    let project = project.workflow(&workflow(&simulator), &adaptive);
    for other in
        ["concurrency.seed=5", "concurrency.mode=burst", "concurrency.warmup=2", "workflow.model=n"]
    {
        let refused = project.run(&set("estimate", &[other])).code(1);
        refused.stderr("nothing is measured here");
    }
    answered(&project.run(&set("estimate", &["concurrency.max=8"])));
}

#[test]
fn about_as_many_runs_are_kept_and_fewer_measured_again() {
    let simulator = SimulatorProcess::start(&SERVER);
    let project = project(&simulator, "levels: adaptive, max: 4, runs: 40", "10s");
    answered(&project.run(&set("run", &[])));
    let before = recordings(&project);
    assert_eq!(before.len(), 3);
    for runs in ["concurrency.runs=44", "concurrency.runs=39", "concurrency.runs=10"] {
        answered(&project.run(&set("run", &[runs])));
        assert_eq!(recordings(&project), before, "{runs}");
    }
    let more = ["run", "spec.yml", "--dry-run", "--set", "concurrency.runs=46"];
    project.run(&more).success().stdout("run     measured with fewer runs than wanted");
    let status = project.run(&["status", "spec.yml", "--set", "concurrency.runs=46"]).success();
    status.stdout("stale: measured with fewer runs than wanted");
    answered(&project.run(&set("run", &["concurrency.runs=46"])));
    let now = recordings(&project);
    assert_eq!((measured(&before, &now), now.len()), (3, 3));
    // Those are there for the first plan too.
    answered(&project.run(&set("run", &[])));
    assert_eq!(recordings(&project), now);
    // Branches of a matrix share levels; one that wants more of them measures them again.
    let asked = simulator.metric("requests_total");
    let matrix = format!(
        "{}\nmatrix: {{concurrency.runs: [40, 60]}}",
        rest("levels: adaptive, max: 2", "10s")
    );
    let project = project.workflow(&workflow(&simulator), &matrix);
    answered(&project.run(&set("run", &[])));
    let more = simulator.metric("requests_total");
    assert!(more >= asked + 120, "{asked} → {more}");
    answered(&project.run(&set("run", &[])));
    assert_eq!(simulator.metric("requests_total"), more);
}

#[test]
fn a_rig_that_has_changed_is_noticed() {
    // Long enough for a busy machine to make no difference that counts.
    let rig = |base: u32| {
        [
            format!("engine.base={base}ms"),
            "engine.per_sequence=0ms".to_owned(),
            "output_tokens=1".to_owned(),
        ]
    };
    let start = |port, base| {
        let settings = rig(base);
        SimulatorProcess::start_on(port, &settings.each_ref().map(String::as_str))
    };
    for (base, told) in [(200, false), (300, true)] {
        let simulator = start(0, 200);
        let port = simulator.address.port();
        // The server takes all at once: nothing is crossed, and there is more to learn higher up.
        let project = project(&simulator, "levels: adaptive, start: 2, max: 4, budget: 60", "10s");
        answered(&project.run(&set("run", &[])));
        drop(simulator);
        let _again = start(port, base);
        let before = recordings(&project);
        let changes = ["targets.workflow_runtime=9s", "concurrency.max=8"];
        answered(&project.run(&set("run", &changes)));
        // The highest level once more, and the one above it.
        assert_eq!(measured(&before, &recordings(&project)), 2);
        let result = project.result();
        let level = &result["levels"][1];
        let mean = level["before"]["mean"].as_f64().unwrap_or_else(|| panic!("{level:#}"));
        assert!(level["before"]["runs"].as_u64() > Some(4) && mean >= 0.2, "{level:#}");
        let notes = result["notes"].to_string();
        assert_eq!(
            notes.contains("Concurrency 4 was measured twice: 0."),
            told,
            "{level:#}{notes}"
        );
        assert_eq!(notes.contains("s on average before, 0."), told, "{notes}");
        let done = project.run(&[&["run", "spec.yml"][..], &set("", &changes)[3..]].concat());
        assert!(done.stderr.contains("0 stages run"), "{done:#?}");
        if !told {
            continue;
        }
        // Who measures everything again has one rig.
        let force = [&set("run", &changes)[..], &["--force", "sweep"]].concat();
        answered(&project.run(&force));
        assert!(!project.read("out/result.json").contains("measured twice"));
    }
}

#[test]
fn offline_a_list_does_without_what_was_never_measured() {
    let simulator = SimulatorProcess::start(&SERVER);
    let project = project(&simulator, "levels: [1, 2, 4], passes: 4", "60ms");
    answered(&project.run(&set("run", &[])));
    let (asked, lock) = (simulator.metric("requests_total"), project.read("sizer.lock"));
    let more = "concurrency.levels=[1, 2, 4, 16, 32]";
    for command in [&["estimate"][..], &["render"], &["run", "--offline"]] {
        let ended = project.run(&[command, &["spec.yml", "--set", more]].concat());
        answered(&ended);
        let notice = "level 16 was never measured: the estimate rests on 1, 2, 4";
        assert!(ended.stderr.contains(notice), "{ended:#?}");
    }
    let grid = project.run(&["what-if", "spec.yml", "--users", "5", "--set", more]);
    assert!(grid.stdout.contains("| 5 users"), "{grid:#?}");
    grid.stderr("level 32 was never measured");
    assert_eq!((simulator.metric("requests_total"), project.read("sizer.lock")), (asked, lock));
    let named = ["run", "spec.yml", "--offline", "--until", "sweep@16", "--set", more];
    project.run(&named).code(1).stderr("sweep@16 is not in the store (never ran)");
    let none = ["run", "spec.yml", "--offline", "--set", "concurrency.levels=[16, 32]"];
    project.run(&none).code(1).stderr("sweep@16 is not in the store (never ran)");
}
