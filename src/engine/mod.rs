//! The engine: plans and runs stages, whatever they make.
//!
//! # Concepts
//!
//! - A [`Graph`] has stages and what each of them needs. Its order is topological; of independent stages, the one
//!   that was added first comes first.
//! - A stage is known by its name ([`Id`]). A `Host` knows everything else about it: what it reads (`Task`), and what
//!   it does. The engine knows nothing of either.
//! - A stage's key hashes its version, what it reads, and the digests of its inputs. `look_up` says whether the store
//!   has a sound artifact under that key, and if not, why not ([`Reason`]).
//! - A [`Selection`] says which stages may run. `plan` says which would, `status` how they stand to the lock file.
//! - `Resources` are what stages need for themselves while they run, such as `cpu` and `rig(name)`. A graph can also
//!   hold some from its beginning to the last stage that needs them.
//! - A graph can grow (`Grow`): after each stage, its host may add others.
//!
//! # Flow
//!
//! A `Run` goes through one graph. It takes the first stage that is ready, looks it up, waits for its resources, makes
//! sure that no other graph of the run is making the same artifact (`SingleFlight`), runs it, and keeps its artifact
//! before the next one begins. Stages that only compute get a thread each, so those of several graphs run in
//! parallel. A stage waits for resources before it takes the right to make an artifact, never the other way round:
//! so no two stages wait for one another.

mod cache_lookup;
mod difference;
mod graph;
mod grow;
mod host;
mod id;
mod outcome;
mod owed;
mod plan;
mod previous;
mod progress;
mod ready;
mod reason;
mod resolved_selection;
mod resources;
mod run;
mod run_log;
mod selection;
mod single_flight;
mod state;
mod status;
mod task;
#[cfg(test)]
mod tests;

pub(crate) use cache_lookup::{CacheLookup, look_up};
pub(crate) use difference::differences;
pub(crate) use graph::Addition;
pub use graph::Graph;
pub(crate) use grow::{Grow, Growth};
pub(crate) use host::{Host, Runner, Substitute};
pub use id::Id;
pub use outcome::StageOutcome;
pub(crate) use owed::note_forced;
pub(crate) use plan::plan;
pub use plan::{Plan, PlannedStage, Status};
pub(crate) use previous::Previous;
pub(crate) use progress::Progress;
pub use reason::Reason;
pub(crate) use resolved_selection::ResolvedSelection;
pub(crate) use resources::{Claim, Lease, Resources};
pub(crate) use run::{Run, Settings, SharedRun};
pub(crate) use run_log::{LoggedRun, RunLog};
pub(crate) use selection::UnknownStage;
pub use selection::{Pattern, Selection};
pub(crate) use single_flight::SingleFlight;
pub use state::{StageStatus, State};
pub(crate) use status::status;
pub(crate) use task::{Continuation, CutShort, Product, Task};
