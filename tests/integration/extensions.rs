//! Things that a program adds to those that a spec can name, with those of `examples/extend`.

#[path = "../../examples/extend/src/chord.rs"]
mod chord;
#[path = "../../examples/extend/src/counting.rs"]
mod counting;
#[path = "../../examples/extend/src/echo.rs"]
mod echo;
#[path = "../../examples/extend/src/levels_txt.rs"]
mod levels_txt;

use chord::Chord;
use counting::Counting;
use echo::EchoSpec;
use levels_txt::LevelsTxt;
use sizer::errors::ExtensionError;
use sizer::sections::Override;
use sizer::{
    Checked, Executor, Extensions, ReadOptions, RunOptions, Spec, SpecError, SpecSet, Study,
};
use std::path::Path;
use std::sync::Arc;

const SPEC: &str = "version: 1
name: extended
dataset: {path: questions.jsonl}
workflow:
  type: echo
  per_letter: 1ms
  mouths: 2
test: {gpu_count: 1}
concurrency: {levels: [1, 2]}
targets: {users: 20, workflow_runtime: 200ms}
estimate: {method: chord}
outputs: {reports: [levels.txt]}
";

/// All extensions, with the versions of the method and of the report.
fn extensions(method: u32, report: u32) -> Extensions {
    let kind = Extensions::default().with_workflow::<EchoSpec>().unwrap();
    let method = kind.with_method("chord", method, Chord).unwrap();
    method.with_report("levels.txt", report, LevelsTxt).unwrap()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("spec.yml"), SPEC).unwrap();
    let questions = "{\"id\": 1, \"question\": \"Who?\"}\n{\"id\": 2, \"question\": \"Me?\"}\n";
    std::fs::write(folder.path().join("questions.jsonl"), questions).unwrap();
    folder
}

fn read(
    folder: &Path,
    extensions: Extensions,
    set: Option<&str>,
) -> Result<Checked<Spec>, SpecError> {
    let overrides = set.map(|set| Override::parse(set).unwrap()).into_iter().collect();
    let options = ReadOptions { profile: None, overrides, extensions: Arc::new(extensions) };
    SpecSet::from_path_with(folder.join("spec.yml"), &options)?.single()
}

/// The stages that ran, and the number of levels that the executor was given.
fn ran(folder: &Path, extensions: Extensions, set: Option<&str>) -> (Vec<String>, usize) {
    let counting = Arc::new(Counting::default());
    let executor: Arc<dyn Executor> = Arc::<Counting>::clone(&counting);
    let spec = read(folder, extensions, set).unwrap();
    let study = Study::open(spec).unwrap().with_executor(&executor);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // A process that another test starts holds the lock until it has become its program.
    let options = RunOptions { wait: true, ..RunOptions::default() };
    let mut outcome = runtime.block_on(study.run(options)).unwrap();
    let (_, outcome) = outcome.branches.remove(0);
    let stages = outcome.stages.iter().filter(|stage| stage.ran.is_some());
    let mut stages: Vec<String> = stages.map(|stage| stage.id.to_string()).collect();
    stages.sort();
    (stages, counting.levels())
}

#[test]
fn another_version_makes_again_what_it_made() {
    let folder = folder();
    let folder = folder.path();
    let (stages, levels) = ran(folder, extensions(1, 1), None);
    assert_eq!((stages.len(), levels), (9, 2), "{stages:?}");
    assert_eq!(ran(folder, extensions(1, 1), None), (Vec::new(), 0));
    let report = std::fs::read_to_string(folder.join("out/levels.txt")).unwrap();
    assert!(report.starts_with("1 in flight: "), "{report}");

    let estimated = ["estimate", "fit"].map(str::to_owned).to_vec();
    assert_eq!(ran(folder, extensions(2, 1), None), (estimated, 0));
    let rendered = vec!["render@levels.txt".to_owned()];
    assert_eq!(ran(folder, extensions(2, 2), None), (rendered, 0));
    let (stages, levels) = ran(folder, extensions(2, 2), Some("workflow.mouths=1"));
    assert!(stages.contains(&"sweep@2".to_owned()) && levels == 2, "{stages:?}");
}

/// What a spec names is known where it is read, and an adaptive sweep asks the added method.
#[test]
fn an_adaptive_sweep_asks_an_added_method() {
    let folder = folder();
    let set = Some("concurrency={levels: adaptive, max: 4, budget: 40}");
    let (stages, levels) = ran(folder.path(), extensions(1, 1), set);
    assert!(levels >= 2, "{stages:?}");
}

#[test]
fn a_misspelt_name_is_told_with_what_is_known() {
    let folder = folder();
    for (set, position, message) in [
        ("workflow.type=ecoh", "workflow.type", "did you mean `echo`?"),
        ("workflow.type=opemai", "workflow.type", "did you mean `openai`?"),
        ("workflow.mouth=2", "workflow", "did you mean `mouths`?"),
        ("workflow.mouths=many", "workflow.mouths", "expected a whole number"),
        ("workflow.mouths=0", "workflow.mouths", "an echo has at least 1 mouth"),
        ("estimate.method=cord", "estimate.method", "did you mean `chord`?"),
        ("estimate.method=linaer", "estimate.method", "did you mean `linear`?"),
        ("outputs.reports.0=levels.tx", "outputs.reports.0", "did you mean `levels.txt`?"),
    ] {
        let error = read(folder.path(), extensions(1, 1), Some(set)).unwrap_err().render(false);
        assert!(error.contains(position) && error.contains(message), "{set}: {error}");
    }
}

#[test]
fn names_are_known_only_where_they_were_added() {
    let folder = folder();
    let error = read(folder.path(), Extensions::default(), None).unwrap_err();
    assert_eq!(error.message(), "workflow.type: `echo` is not known here");
    let spec = read(folder.path(), extensions(1, 1), None).unwrap().into_inner();
    let error = spec.with_extensions(Extensions::default()).checked().unwrap_err();
    assert_eq!(error.message(), "estimate.method: `chord` is not known here");
    let schema = extensions(1, 1).json_schema().to_string();
    for name in ["\"echo\"", "\"chord\"", "\"levels.txt\""] {
        assert!(schema.contains(name), "{name}");
        assert!(!Extensions::default().json_schema().to_string().contains(name), "{name}");
    }
}

#[test]
fn a_name_is_added_once() {
    let taken = |added: Result<Extensions, ExtensionError>| added.unwrap_err().to_string();
    let all = || extensions(1, 1);
    assert_eq!(taken(all().with_workflow::<EchoSpec>()), "there is already a workflow kind `echo`");
    assert_eq!(taken(all().with_method("linear", 1, Chord)), "there is already a method `linear`");
    assert_eq!(
        taken(all().with_report("summary.md", 1, LevelsTxt)),
        "there is already a report `summary.md`"
    );
    assert!(
        taken(all().with_method("A chord", 1, Chord)).contains("is not a valid name for a method")
    );
}
