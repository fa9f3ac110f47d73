//! Wording of answers and findings, the same in every report.

mod answer;
mod digits;
mod doubt;
mod finding;
mod reason;

pub(super) use answer::{aim_words, between, estimate_line, recommendation, sum_line};
pub use finding::sentence;
