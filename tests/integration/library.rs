//! Sizer as a library: specs made in code, workflows of one's own.

use sizer::kinds::CustomSpec;
use sizer::pipeline::{Grid, Invocation};
use sizer::sections::{Levels, Limit, Seconds, Targets, WindowSpec};
use sizer::{
    BoxFuture, Checked, Clock, Failure, FailureKind, Item, LlmCall, Load, Outcome, Pipeline,
    PipelineError, ReadOptions, Run, RunOptions, Spec, SpecSet, Study, Workflow,
};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Takes as long as its settings say, and counts what is asked of it.
#[derive(Default)]
struct Own {
    checks: AtomicUsize,
    prepared: AtomicUsize,
    runs: AtomicUsize,
    closed: AtomicUsize,
    broken: bool,
}

impl Workflow for Own {
    fn check(&self) -> BoxFuture<'_, Result<(), Failure>> {
        self.checks.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(Ok(())))
    }

    fn prepare<'a>(&'a self, concurrency: u32, items: &'a [Item]) -> BoxFuture<'a, ()> {
        assert_eq!(items.len(), 2);
        self.prepared.fetch_add(concurrency as usize, Ordering::SeqCst);
        Box::pin(std::future::ready(()))
    }

    fn run<'a>(&'a self, item: &'a Item, clock: Clock) -> BoxFuture<'a, Run> {
        Box::pin(async move {
            self.runs.fetch_add(1, Ordering::SeqCst);
            let start = clock.now();
            tokio::time::sleep(std::time::Duration::from_millis(3)).await;
            let end = clock.now();
            let call = LlmCall { start, end, ..LlmCall::default() };
            let failed = Failure::new(FailureKind::WorkflowError, "out of order");
            let outcome = if self.broken { Outcome::Failed(failed) } else { Outcome::Ok };
            Run {
                id: item.id.clone(),
                start,
                end,
                outcome,
                llm_calls: vec![call],
                ..Run::default()
            }
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.closed.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(()))
    }
}

fn spec(folder: &Path, setting: u32) -> Checked<Spec> {
    std::fs::write(
        folder.join("questions.jsonl"),
        "{\"id\": 1, \"question\": \"a\"}\n{\"id\": 2, \"question\": \"b\"}\n",
    )
    .unwrap();
    let mut own = CustomSpec::of("own");
    own.settings.insert("size".to_owned(), setting.into());
    let mut spec = Spec::new("own", own, folder.join("own.yml"));
    spec.dataset.path = "questions.jsonl".into();
    spec.test.gpu_count = Some(2);
    spec.concurrency.levels = Levels::List(vec![1, 2]);
    spec.concurrency.window = WindowSpec::Passes(3);
    spec.targets = Targets {
        users: Some(10),
        workflow_runtime: Seconds::new(1.0).map(Limit::on_p95),
        ..Targets::default()
    }
    .into();
    spec.checked().unwrap()
}

/// Refuses to be compiled with a run that has to stay on its thread.
fn can_be_spawned(_: &impl Send) {}

fn run(spec: Checked<Spec>, own: &Arc<Own>) -> sizer::pipeline::Outcome {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let workflow: Arc<dyn Workflow> = Arc::<Own>::clone(own);
    let pipeline = Pipeline::open(spec).unwrap().with_workflow(workflow);
    let run = pipeline.run(RunOptions::default());
    can_be_spawned(&run);
    runtime.block_on(run).unwrap()
}

#[test]
fn a_workflow_of_ones_own_is_measured_and_cached_by_its_settings() {
    let folder = tempfile::tempdir().unwrap();
    let own = Arc::new(Own::default());
    let count = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
    let outcome = run(spec(folder.path(), 1), &own);
    let result = outcome.result.unwrap();
    assert_eq!(result.levels.len(), 2);
    for level in &result.levels {
        assert_eq!((level.failed, level.measured), (0, 3 * u64::from(level.concurrency)));
        assert!(level.workflow_runtime.as_ref().unwrap().mean >= 0.003);
    }
    assert!(result.gpus.grade.is_some());
    assert_eq!((count(&own.checks), count(&own.prepared), count(&own.closed)), (1, 3, 1));
    let runs = count(&own.runs);
    assert!(runs >= 9);
    // The same settings are the same measurement, others are not.
    assert_eq!(run(spec(folder.path(), 1), &own).stages_run(), 0);
    assert_eq!((count(&own.runs), count(&own.checks)), (runs, 1));
    assert!(run(spec(folder.path(), 2), &own).stages_run() > 0);
    assert!(count(&own.runs) > runs);
}

#[test]
fn failures_of_ones_own_are_failures() {
    let folder = tempfile::tempdir().unwrap();
    let own = Arc::new(Own { broken: true, ..Own::default() });
    let result = run(spec(folder.path(), 1), &own).result.unwrap();
    assert!(
        result.levels.iter().all(|level| level.interrupted && level.workflow_runtime.is_none())
    );
    assert_eq!(result.levels[0].failures[0].first_message, "out of order");
    assert_eq!(own.closed.load(Ordering::SeqCst), 1);
}

#[test]
fn a_spec_made_in_code_is_checked_as_one_from_a_file_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = spec(folder.path(), 1).into_inner();
    wrong.concurrency.levels = Levels::List(vec![1, 0]);
    let error = wrong.checked().unwrap_err().to_string();
    assert!(error.contains("own.yml") && error.contains("a level is at least 1"), "{error}");
    // Without the workflow itself, the error says what is missing.
    let pipeline = Pipeline::open(spec(folder.path(), 1)).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let error: PipelineError =
        runtime.block_on(pipeline.run(RunOptions::default())).map(drop).unwrap_err();
    assert!(error.to_string().contains("Pipeline::with_workflow"), "{error}");
}

#[test]
fn a_spec_in_memory_is_read_as_if_a_file_held_it() {
    let project = crate::support::Sizer::new()
        .file("shared.yml", "dataset: {path: questions.jsonl}\n")
        .file("sizer.toml", "[defaults.targets]\nusers = 40\nworkflow_runtime = \"1s\"\n");
    let text = "version: 1\nname: memory\ninclude: [shared.yml]\ntest: {gpu_count: 2}\n\
                workflow: {type: simulator, engine: {base: 1ms}, output_tokens: 2}\n\
                concurrency: {levels: [1, 2, 4], passes: 5}\nprofiles: {few: {targets: {users: 4}}}\n";
    let file = project.path("not-there.yml");
    let read = |profile: Option<&str>| {
        let options = ReadOptions { profile: profile.map(str::to_owned), ..ReadOptions::default() };
        SpecSet::from_text_with(text, &file, &options).unwrap()
    };
    assert_eq!(read(None).single().unwrap().targets.main().users, Some(40));
    let study = Study::open(read(Some("few"))).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let asked = Invocation::new("run", Some("few"), &["workflow.api_key=canary".into()]);
    assert!(asked.set.is_empty() && asked.profile.as_deref() == Some("few"));
    let outcome = runtime.block_on(study.run(RunOptions { asked, ..RunOptions::default() }));
    let result = outcome.unwrap().branches.remove(0).1.result.unwrap();
    assert_eq!(result.estimates[0].load, Some(Load::Users { users: 4, think: 0.0 }));
    assert!(!file.exists() && project.path("sizer.lock").is_file());
    let written = std::fs::read_to_string(project.path("out/result.json")).unwrap();
    assert_eq!(result.to_json().unwrap(), written);
    // What was measured answers a grid in the process, too.
    let grid = Grid { users: vec![10, 20], ..Grid::default() };
    let found = runtime.block_on(study.what_if(&grid, RunOptions::default())).unwrap();
    assert_eq!(found.cases.iter().map(|case| case.users).collect::<Vec<_>>(), [Some(10), Some(20)]);
    let error = SpecSet::from_text_with("version: 1\nnam: x\n", &file, &ReadOptions::default());
    assert!(error.unwrap_err().to_string().contains("not-there.yml:2:1"));
}
