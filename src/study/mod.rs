//! The pipeline: plans and runs the stages of a spec, or of a matrix of specs.
//!
//! # Concepts
//!
//! - A [`Pipeline`] is a spec with the [`Graph`] of its stages. A [`Study`] has the pipelines of all branches
//!   of a matrix, which share one store; branches on the same test rig run one after the other.
//! - A stage ([`StageId`]; one file each in `stages`) is a function of its slice of the spec and of the
//!   artifacts of other stages. Its key hashes both, and its artifact is kept in [`crate::store`] under that key.
//! - A [`Selection`] says which stages may run. A [`Plan`] says which would, with a [`Reason`] for each.
//!
//! # Flow
//!
//! [`Pipeline::run`] takes the store, goes through the graph and looks each stage up by its key (`keys`). A
//! stage without an intact artifact runs (`running`), and its artifact is on disk before the next one begins.
//! The levels of an adaptive sweep are chosen on the way (`explore`), from those measured so far. At the end
//! come the lock file and the reports (`finish`) and a record of the run (`diary`). [`Observer`] watches,
//! [`CancellationToken`] stops; both are in [`RunOptions`].
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
mod branches;
mod calc;
mod cancel;
mod check;
mod chosen;
mod compare;
mod context;
mod diary;
mod error;
mod execute;
mod explore;
mod files;
mod finish;
mod forced;
mod graph;
mod graph_level;
mod keep;
mod keys;
mod known;
mod made;
mod observer;
mod outcome;
mod outputs;
mod plan;
mod prepared;
mod reason;
mod rigs;
mod run_options;
mod running;
mod search;
mod select;
mod services;
mod slices;
mod spec_files;
mod stage_id;
mod stages;
mod status;
mod trace;
mod what_if;

pub use branches::{ByBranch, MissingBranch, Study, StudyOutcome};
pub use calc::{CalcError, CalcOptions, CalcOutcome, emitted_spec, imported_spec};
pub use cancel::CancellationToken;
pub use check::Checked;
pub use compare::{Changes, LevelChange, Side};
pub use error::{Cause, PipelineError};
pub use graph::Graph;
pub use observer::{Observer, Silent};
pub use outcome::{Outcome, StageReport};
pub use plan::{Plan, PlannedStage, Status};
pub use prepared::Pipeline;
pub use reason::Reason;
pub use run_options::RunOptions;
pub use select::{Pattern, Selection};
pub use stage_id::StageId;
pub use status::{StageStatus, State};
pub use trace::{TraceOptions, Traced};
pub use what_if::Grid;
