//! Plans of a spec's stages.

use super::reason::Again;
use super::stage_id::StageId;
use crate::engine;

/// The status of a stage in a plan.
pub type Status = engine::Status<StageId, Again>;

/// One stage of a plan.
pub type PlannedStage = engine::PlannedStage<StageId, Again>;

/// The selected stages, in the order in which they would run.
pub type Plan = engine::Plan<StageId, Again>;
