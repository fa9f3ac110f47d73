//! Plans of a spec's stages.

use super::reason::RemeasureReason;
use super::stage_id::StageId;
use crate::engine;

/// The status of a stage in a plan.
pub type Status = engine::Status<StageId, RemeasureReason>;

/// One stage of a plan.
pub type PlannedStage = engine::PlannedStage<StageId, RemeasureReason>;

/// The selected stages, in the order in which they would run.
pub type Plan = engine::Plan<StageId, RemeasureReason>;
