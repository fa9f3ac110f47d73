//! The engine at work on the stages of a kitchen.

use super::*;
use crate::store::{Digest, Manifest, Store, StoreError};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use tokio_util::sync::CancellationToken;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name(&'static str);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Id for Name {
    fn kind(&self) -> &'static str {
        self.0
    }

    fn matches(pattern: &str, name: &str) -> bool {
        pattern == name
    }
}

#[derive(Debug, thiserror::Error)]
enum TestError {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Stage(&'static str),
    #[error("cancelled")]
    Cancelled,
}

struct Step(Name);

impl Task for Step {
    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> Value {
        json!({ "name": self.0.0 })
    }
}

/// A kitchen: every stage makes its own name. `oven` needs all of the cpu, `bad` fails.
struct Kitchen {
    store: Store,
    cancel: CancellationToken,
    /// Meeting point: whoever chops waits for the others that do.
    choppers: Barrier,
    running: Mutex<BTreeSet<String>>,
    /// Stages that ran beside the oven.
    beside_oven: AtomicUsize,
    told: Mutex<Vec<String>>,
}

impl Host for Kitchen {
    type Id = Name;
    type RemakeReason = ();
    type Task = Step;
    type Error = TestError;

    fn store(&self) -> &Store {
        &self.store
    }

    fn task(&self, id: &Name) -> Result<Step, TestError> {
        Ok(Step(id.clone()))
    }

    fn is_content_with_what_is_there(&self) -> bool {
        false
    }

    fn substitute(&self, _: &Name) -> Option<Substitute<()>> {
        None
    }

    fn can_be_cut_short(&self, _: &Name) -> bool {
        false
    }

    fn explain(&self, _: &Name, _: &Manifest, _: &mut [String]) {}

    fn is_locked(&self, _: &Name) -> bool {
        false
    }

    fn state_of_unlocked(&self, _: &Name, _: &Manifest) -> State<Name, ()> {
        State::Current
    }
}

impl Runner for Kitchen {
    async fn make(
        &self,
        Step(name): &Step,
        _: BTreeMap<Name, Digest>,
    ) -> Result<Product<TestError>, TestError> {
        self.running.lock().unwrap().insert(name.to_string());
        if name.0.starts_with("chop") {
            self.choppers.wait();
        }
        if name.0 == "oven" {
            for _ in 0..20 {
                tokio::task::yield_now().await;
                let others = self.running.lock().unwrap().len() - 1;
                self.beside_oven.fetch_add(others, Ordering::Relaxed);
            }
        }
        self.running.lock().unwrap().remove(name.0);
        if name.0 == "bad" {
            return Err(TestError::Stage("burnt"));
        }
        Ok(Product { content: name.0.as_bytes().to_vec().into(), cut_short: None })
    }

    fn only_computes(&self, id: &Name) -> bool {
        id.0 != "oven"
    }

    fn claim(&self, id: &Name) -> Claim {
        Claim::default().and("cpu", if id.0 == "oven" { usize::MAX } else { 1 })
    }

    fn needs_what_is_held(&self, id: &Name) -> bool {
        id.0 == "oven"
    }

    async fn let_go(&self) {
        self.told.lock().unwrap().push("let go".to_owned());
    }

    fn may_run(&self, _: &Name, _: &Reason<Name, ()>) -> Result<(), TestError> {
        Ok(())
    }

    fn not_selected(&self, _: &Name, _: &Reason<Name, ()>) -> TestError {
        TestError::Stage("not selected")
    }

    fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    fn cancelled<'a>(&self, _: impl Iterator<Item = &'a Name>) -> TestError {
        TestError::Cancelled
    }

    fn is_cancelled(&self, error: &TestError) -> bool {
        matches!(error, TestError::Cancelled)
    }

    fn wants_more(&self, _: &Reason<Name, ()>) -> bool {
        false
    }

    fn word(&self, reason: &Reason<Name, ()>) -> String {
        format!("{reason:?}")
    }

    fn notice(&self, _: &str) {}

    fn stage_started(&self, _: &Name) {}

    fn stage_done(&self, outcome: &StageOutcome<Name, ()>) {
        let what = if outcome.ran.is_some() { "made" } else { "found" };
        self.told.lock().unwrap().push(format!("{} {what}", outcome.id));
    }

    fn stage_failed(&self, id: &Name, error: &TestError) {
        self.told.lock().unwrap().push(format!("{id} failed: {error}"));
    }
}

/// Adds a stage before another one once a third has settled.
struct LateStage(Option<[Name; 3]>);

impl Grow<Kitchen> for LateStage {
    fn grow(
        &mut self,
        progress: &Progress<Name>,
        settled: &Name,
    ) -> Result<Option<Growth<Name>>, TestError> {
        let Some([new, before, _]) = self.0.take_if(|[.., after]| after == settled) else {
            return Ok(None);
        };
        let mut graph = progress.graph.clone();
        graph.add([Addition::reading(new, vec![settled.clone()]).read_by(vec![before])]).unwrap();
        Ok(Some(Growth { graph, again: Vec::new() }))
    }

    fn may_grow(&self) -> bool {
        self.0.is_some()
    }
}

fn graph(stages: &[(&'static str, &[&'static str])]) -> Graph<Name> {
    let mut graph = Graph::empty();
    let additions = stages.iter().map(|(stage, needs)| {
        Addition::reading(Name(stage), needs.iter().copied().map(Name).collect())
    });
    graph.add(additions).unwrap();
    graph
}

/// A folder, and a kitchen in it.
fn kitchen(choppers: usize) -> (tempfile::TempDir, Arc<Kitchen>) {
    let folder = tempfile::tempdir().unwrap();
    let kitchen = Kitchen {
        store: Store::beside(folder.path()),
        cancel: CancellationToken::new(),
        choppers: Barrier::new(choppers),
        running: Mutex::default(),
        beside_oven: AtomicUsize::new(0),
        told: Mutex::default(),
    };
    (folder, Arc::new(kitchen))
}

fn shared() -> SharedRun {
    SharedRun { flights: SingleFlight::default(), resources: Resources::of(&[("cpu", 2)]) }
}

/// Runs a graph, and returns how it ended.
async fn run(
    kitchen: &Arc<Kitchen>,
    shared: &SharedRun,
    place: usize,
    graph: Graph<Name>,
    adds: Option<[Name; 3]>,
) -> Result<(), TestError> {
    let name = format!("graph {place}");
    let previous = Previous::read(kitchen.store.root(), &name, &kitchen.store);
    let chosen = Selection::default().choose(&graph, None);
    let progress = Progress {
        graph,
        chosen,
        manifests: BTreeMap::new(),
        missing: BTreeSet::new(),
        ran: BTreeSet::new(),
    };
    let rig = format!("rig({place})");
    let held = vec![shared.resources.lease(place, Claim::default().and(&rig, 1)).await];
    let settings = Settings {
        shared,
        place,
        name,
        selection: Selection::default(),
        label: None,
        keep_going: true,
        held,
    };
    Run::new(Arc::clone(kitchen), &previous, settings, progress).all(&mut LateStage(adds)).await
}

#[tokio::test]
async fn stages_that_compute_run_beside_one_another_and_each_once() {
    let (_folder, kitchen) = kitchen(2);
    let shared = shared();
    let first = graph(&[("wash", &[]), ("chop a", &["wash"])]);
    let second = graph(&[("wash", &[]), ("chop b", &["wash"])]);
    // Neither is over before both have begun.
    let (first, second) = tokio::join!(
        run(&kitchen, &shared, 0, first, None),
        run(&kitchen, &shared, 1, second, None)
    );
    first.and(second).unwrap();
    let told = kitchen.told.lock().unwrap();
    assert_eq!(told.iter().filter(|line| *line == "wash made").count(), 1, "{told:?}");
    assert_eq!(told.iter().filter(|line| *line == "wash found").count(), 1, "{told:?}");
}

#[tokio::test]
async fn what_needs_all_of_a_resource_runs_alone() {
    let (_folder, kitchen) = kitchen(1);
    let shared = shared();
    let first = graph(&[("oven", &[]), ("serve", &["oven"])]);
    let second = graph(&[("chop a", &[]), ("chop b", &["chop a"]), ("oven", &["chop b"])]);
    let (first, second) = tokio::join!(
        run(&kitchen, &shared, 0, first, None),
        run(&kitchen, &shared, 1, second, None)
    );
    first.and(second).unwrap();
    assert_eq!(kitchen.beside_oven.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_graph_grows_and_what_it_holds_is_given_back_after_the_last_that_needs_it() {
    let (_folder, kitchen) = kitchen(1);
    let shared = shared();
    let mut stages = graph(&[("wash", &[]), ("serve", &[]), ("bill", &["serve"])]);
    // Nothing is served before it is known what is cooked.
    stages.add([Addition::reading(Name("table"), vec![]).following(Name("wash"))]).unwrap();
    let adds = Some([Name("oven"), Name("table"), Name("wash")]);
    run(&kitchen, &shared, 0, stages, adds).await.unwrap();
    let expected = ["wash made", "serve made", "bill made", "oven made", "let go", "table made"];
    assert_eq!(*kitchen.told.lock().unwrap(), expected);
}

#[tokio::test]
async fn what_does_not_need_a_failed_stage_runs() {
    let (_folder, kitchen) = kitchen(1);
    let stages = graph(&[("bad", &[]), ("serve", &["bad"]), ("wash", &[])]);
    let error = run(&kitchen, &shared(), 0, stages, None).await.unwrap_err();
    assert_eq!(error.to_string(), "burnt");
    assert_eq!(*kitchen.told.lock().unwrap(), ["let go", "bad failed: burnt", "wash made"]);
}

#[test]
fn stages_come_after_what_they_need_and_else_as_they_were_added() {
    let mut stages = graph(&[("c", &[]), ("a", &["c"]), ("b", &[])]);
    let names = |stages: &Graph<Name>| -> Vec<String> {
        stages.stages().map(|(id, _)| id.to_string()).collect()
    };
    assert_eq!(names(&stages), ["c", "a", "b"]);
    stages.add([Addition::reading(Name("d"), vec![Name("c")]).read_by(vec![Name("a")])]).unwrap();
    assert_eq!(names(&stages), ["c", "b", "d", "a"]);
    let circle = Addition::reading(Name("e"), vec![Name("a")]).read_by(vec![Name("c")]);
    assert!(stages.add([circle]).is_err());
}
