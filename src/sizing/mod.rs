//! From level metrics to a GPU count: fits, capacities, estimates. Pure.

mod adaptive;
mod advice;
mod assess;
mod carried;
mod curve;
mod diagnose;
mod drift;
mod estimate;
mod evidence;
pub mod fit;
mod fits;
mod flow;
mod grade;
mod known;
mod means;
mod misfit;
mod nnls;
mod observed;
mod pooled;
mod question;
mod repeats;
mod rough;
mod tails;
mod target;
mod unfinished;
mod verdict;
mod wording;

pub use adaptive::{AdaptivePlan, NextLevel, Spend, next_level};
pub use advice::Plan;
pub use assess::{Alternative, Assessment, LevelAgainstTargets, PerMetric, assess};
pub use carried::{Carried, CarriedDraws, CarriedRange, Certainty};
pub use diagnose::{Diagnosis, SlowLevel};
pub use estimate::{
    Asked, Capacity, CrossCheck, CurvePoint, Estimate, GpuCount, Proven, Recommendation, Sum,
    estimate, recommend,
};
pub use evidence::Evidence;
pub use fit::{Fit, MethodName, NoFit, Point};
pub use fits::{FitOptions, Fits, NamedFit};
pub use grade::Grade;
pub use known::{Again, Search, Step, Wanted};
pub use observed::{Observations, ObservedLevel, ObservedRun};
pub use pooled::Pooled;
pub use question::Question;
pub use rough::rough_gpus;
pub use target::{Load, Margin, Rig, Target};
