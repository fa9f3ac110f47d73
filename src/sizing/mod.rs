//! From level metrics to a GPU count: fits, capacities, estimates. Pure.

mod adaptive;
mod assess;
mod estimate;
pub mod fit;
mod rough;
mod target;

pub use adaptive::{AdaptivePlan, NextLevel, Spend, next_level};
pub use assess::{
    Assessment, FitOptions, Fits, LevelAgainstTargets, NamedFit, PerMetric, Question, assess,
};
pub use estimate::{Capacity, Estimate, GpuCount, Recommendation, estimate, recommend};
pub use fit::{Fit, MethodName, NoFit, Point};
pub use rough::rough_gpus;
pub use target::{Rig, Target};
