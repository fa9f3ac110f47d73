//! Wording of answers and findings, the same in every report.

mod answer;
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
pub use finding::{sentence, sentence_of};
