//! Wording of answers and findings, the same in every report.

mod answer;
mod bottleneck;
mod digits;
mod doubt;
mod figure;
mod finding;
mod reason;
#[cfg(test)]
mod tests;

pub(super) use answer::{
    aim_words, between, decider_words, estimate_line, limit_words, recommendation, sum_line,
};
pub(super) use bottleneck::{percent, quoted};
pub use finding::{sentence, sentence_of};
