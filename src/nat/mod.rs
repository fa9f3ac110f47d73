//! The files of the reference calculator, NeMo Agent Toolkit's `nat sizing calc`: its metrics in
//! and out, its configuration in. Pure conversion, checked against version 1.9.0.

mod calc_output;
mod config;
mod error;
mod llm;
mod load;
mod typed;
mod variables;

pub use calc_output::{
    CalcAlerts, CalcData, CalcOutput, FitResults, GpuEstimates, ItemMetrics, LinearFit,
    MetricsAlerts, SizingMetrics,
};
pub use config::{Imported, import};
pub use error::ImportError;
pub use load::Sources;
