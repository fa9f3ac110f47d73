//! Notes on the behaviour of servers, as sentences.

use super::prose::percent;
use crate::measure::{LevelMetrics, Note};

/// Sentences about all levels together; each observation is mentioned once.
pub(super) fn sentences(levels: &[LevelMetrics]) -> Vec<String> {
    let all = [
        Note::HeldOpen,
        Note::WithoutStreamOptions,
        Note::MaxCompletionTokens,
        Note::StepsLeftOut,
        Note::ImpossibleTimes,
    ];
    let noted = all.into_iter().filter_map(|note| {
        let at = at(levels, |level| level.notes.contains_key(&note))?;
        Some(match note {
            Note::HeldOpen => format!(
                "The server kept responses open after their answers had ended (at {at}): a run ends where its answer \
                 does, and the next one needs another connection."
            ),
            Note::WithoutStreamOptions => format!(
                "The server refuses `stream_options` (at {at}): requests were sent without it, and tokens are \
                 counted only if the server reports them anyway."
            ),
            Note::MaxCompletionTokens => format!(
                "The server refuses `max_tokens` (at {at}): requests used `max_completion_tokens` instead."
            ),
            Note::StepsLeftOut => format!(
                "Some runs reported more than 1,000 steps (at {at}): the figures of steps leave out the rest of theirs."
            ),
            Note::ImpossibleTimes => format!(
                "The server reports steps or LLM calls whose times cannot be (at {at}): they end before they start, or outside \
                 of their run. The figures leave them out; check the clocks of its machines."
            ),
        })
    });
    let many = at(levels, |level| level.tokens_per_chunk.is_some()).map(|at| {
        let most = levels.iter().filter_map(|level| Some(level.tokens_per_chunk?.p50));
        let most = most.fold(0.0, f64::max);
        format!(
            "Chunks of the stream carry more than one token each (up to {most:.1} at {at}): `itl` is the time between \
             tokens, `chunk_gap` that between chunks."
        )
    });
    let cached = at(levels, |level| level.cached_share.is_some()).map(|at| {
        let shares = || levels.iter().filter_map(|level| level.cached_share);
        let (least, most) = (shares().fold(1.0, f64::min), shares().fold(0.0, f64::max));
        format!(
            "The server had prompt tokens in its cache (at {at}): {} to {} of them. Prompts that share less with each \
             other take longer.",
            percent(least),
            percent(most)
        )
    });
    noted.chain(many).chain(cached).collect()
}

/// Lists the levels for which a condition holds, in words.
fn at(levels: &[LevelMetrics], holds: impl Fn(&LevelMetrics) -> bool) -> Option<String> {
    let levels = levels.iter().filter(|level| holds(level));
    let names: Vec<String> = levels.map(|level| level.concurrency.to_string()).collect();
    (!names.is_empty()).then(|| format!("concurrency {}", names.join(", ")))
}
