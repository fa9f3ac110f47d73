//! Studies: the stages of a spec, or of a matrix of specs, as the [engine](crate::engine) runs them.
//!
//! # Concepts
//!
//! - A [`Pipeline`] is a spec with the [`Graph`] of its stages. A [`Study`] has the pipelines of all branches
//!   of a matrix, which share one store; branches on the same test rig are measured one after the other.
//! - A stage ([`StageId`]; one file each in `stages`) is a function of its slice of the spec and of the
//!   artifacts of other stages. Its key hashes both, and its artifact is kept in [`crate::store`] under that key.
//! - A [`Selection`] says which stages may run. A [`Plan`] says which would, with a [`Reason`] for each.
//! - An [`Archive`] is what the store beside a spec has of past runs.
//!
//! # Flow
//!
//! [`Pipeline::open`] finds out which levels there are. [`Pipeline::run`] takes the store (`execute`) and hands the
//! graph to the engine, which asks `host` what each stage reads, needs and does. The levels of an adaptive sweep join
//! the graph on the way (`explore`), each chosen from those measured so far. At the end come the lock file and the
//! reports (`finish`) and a record of the run (`record`). [`Observer`] watches, [`CancellationToken`] stops; both are
//! in [`RunOptions`].
//!
//! # Artifacts
//!
//! | stage | reads | artifact |
//! |---|---|---|
//! | `expand` | the dataset, or foreign recordings | JSON lines: [`Row`](crate::measure::Row)s, or runs with their level |
//! | `sweep@c` | the items; contacts the server | Parquet: the runs of level `c` |
//! | `level@c` | these runs | JSON: [`LevelMetrics`](crate::measure::LevelMetrics) |
//! | `fit` | all level metrics | JSON: [`Fits`](crate::sizing::Fits) |
//! | `estimate` | metrics, fits, runs | JSON: [`Assessment`](crate::sizing::Assessment) |
//! | `result` | all of the above; of the runs, only the digests | JSON: [`SizingResult`](crate::report::SizingResult) |
//! | `render@name` | the result, and the runs if the report needs them | the report |

mod adaptive;
mod archive;
mod branches;
mod calc;
mod cancel;
mod check;
mod compare;
mod content;
mod context;
mod error;
mod execute;
mod explorer;
mod file_digests;
mod files;
mod finish;
mod graph;
mod graph_level;
mod host;
mod inspect;
mod known_levels;
mod measurement;
mod observer;
mod outcome;
mod outputs;
mod pipeline;
mod plan;
mod producer;
mod reason;
mod record;
mod rigs;
mod run_options;
mod search;
mod services;
mod slices;
mod spec_files;
mod stage_id;
mod stages;
mod state;
mod trace;
mod what_if;

pub use crate::engine::{Pattern, Selection};
pub use archive::Archive;
pub use branches::{BranchStages, MissingBranch, Study, StudyOutcome};
pub use calc::{CalcError, CalcFormat, CalcOptions, CalcOutcome, emitted_spec, imported_spec};
pub use cancel::CancellationToken;
pub use check::CheckSummary;
pub use compare::{Changes, FigureChange, FitChange, LevelChange, Side};
pub use error::{Cause, PipelineError};
pub use observer::{Observer, SilentObserver};
pub use outcome::{Outcome, StageOutcome};
pub use pipeline::Pipeline;
pub use plan::{Plan, PlannedStage, Status};
pub use reason::{Reason, RemeasureReason};
pub use run_options::RunOptions;
pub use stage_id::StageId;
pub use state::{StageStatus, State};
pub use trace::TraceOptions;
pub use what_if::Grid;
