//! Sizing: from level metrics to a GPU count, through fits, capacities and estimates.
//!
//! # Concepts
//!
//! - A [`Question`] is what is asked: [`Target`]s (a limit on a quantile of a metric), [`Load`]s
//!   (users or a rate), the [`Rig`] that was measured, and a [`Margin`].
//! - [`MeasuredSweep`] holds the levels of a sweep and their runs ([`ObservedLevel`]); [`Fits`] are the
//!   straight lines through the levels.
//! - An [`Estimator`] is a method of estimation: it makes a [`Model`] of the [`Evidence`], and the
//!   model answers whatever is asked. `estimators` lists them all by [`MethodName`]; a program can add
//!   more ([`AddedMethod`]).
//! - [`PooledModel`] is the model of `monotone`: a mean curve in the shape of a closed loop (`curve`),
//!   times a tail pooled over the levels around the answer (`tails`), resampled for intervals.
//! - A capacity ([`CapacityPoint`]) is the load that a rig carries within a limit; an [`Estimate`] turns
//!   it into an [`Answer`], at best a number of GPUs, and [`Doubt`]s into a [`Grade`]: solid, fair,
//!   weak or unsettled.
//! - [`AdmissionLimit`] is how many runs a server works on at a time, as its own times tell it.
//! - A [`Finding`] is worth saying about a sweep or an estimate; [`crate::report`] has the words.
//!
//! # Flow
//!
//! [`MeasuredSweep`] is the front door: [`MeasuredSweep::prepare`] makes the model, [`PreparedModel::answer`] asks it
//! for the estimate of every target with every load and combines them into a recommendation, and
//! [`PreparedModel::assess`] adds the diagnosis and the notes. Each estimate is checked against the levels:
//! `verdict` bounds the capacity by what single levels prove, `misfit`, `repeats` and `tails` look for
//! levels that disagree, and `estimate::refit` leaves one out. [`Search::next`] decides which level an
//! adaptive sweep measures next, from where the model of the levels so far says that the targets are
//! crossed.
//!
//! Pure: no clock, no files, seeded randomness. The stages of [`crate::study`] call it, and
//! [`crate::report`] shows the result. Formulas name their source; times are seconds, shares 0 to 1.

mod adaptive;
mod added;
mod admission;
mod advice;
mod alike_calls;
mod assess;
mod bottleneck;
mod capacity_samples;
mod composed;
mod crossing;
mod curve;
mod diagnose;
mod drift;
mod estimate;
mod estimator;
mod estimators;
mod evidence;
mod expected_runtime;
mod finding;
pub mod fit;
mod fits;
mod flow;
mod grade;
mod means;
mod measured_sweep;
mod method;
mod method_name;
mod misfit;
mod nnls;
mod observed;
mod pooled;
mod prepared_model;
mod question;
mod remembered;
mod repeats;
mod rough;
mod search;
mod slow_level;
mod step_at_level;
mod tails;
mod target;
mod unfinished;
mod verdict;
mod wish;

pub use adaptive::{AdaptivePlan, NextLevel, SweepBudget, next_level};
pub use added::AddedMethod;
pub use admission::{AdmissionLimit, HeldBack};
pub use advice::Plan;
pub use assess::{Alternative, Assessment, LevelComparison, PerMetric};
#[cfg(test)]
pub(crate) use capacity_samples::CapacityRange;
pub use capacity_samples::{CapacityPoint, CapacitySamples, Certainty};
pub use diagnose::Diagnosis;
pub use estimate::{
    Answer, Capacity, CrossCheck, CurvePoint, Estimate, GpuCount, ProvenBounds, Recommendation,
    Sum, TargetQuestion, recommend,
};
pub use estimator::{Estimator, Model, NoModel};
pub use evidence::Evidence;
pub use expected_runtime::ExpectedRuntime;
pub use finding::{Finding, Remedy};
pub use fit::{Fit, NoCapacity, NoFit, Point};
pub use fits::{FitOptions, Fits, NamedFit};
pub use grade::{Doubt, Grade};
pub use measured_sweep::MeasuredSweep;
pub use method::MethodName;
pub use method_name::AddedName;
pub use observed::{ObservedLevel, ObservedRun};
pub use pooled::PooledModel;
pub use prepared_model::PreparedModel;
pub use question::Question;
pub use rough::rough_gpus;
pub use search::{RemeasureReason, Search, Step, WindowSize};
pub use slow_level::SlowLevel;
pub use step_at_level::StepAtLevel;
pub use target::{Load, Margin, Rig, Target};
