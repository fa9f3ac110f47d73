//! Pace of one choice among several of a streamed answer.

/// Pieces of one choice that said something; at least one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pace {
    /// Arrival times of the first and the last of them.
    first: f64,
    last: f64,
    pieces: u64,
    /// Size of the first one, in bytes.
    first_bytes: usize,
    /// Arrival time of the finish reason.
    pub ended: Option<f64>,
}

impl Pace {
    /// Starts with the first piece.
    pub fn begin(now: f64, bytes: usize) -> Self {
        Self { first: now, last: now, pieces: 1, first_bytes: bytes, ended: None }
    }

    /// Counts another piece.
    pub fn hear(&mut self, now: f64) {
        self.last = now;
        self.pieces = self.pieces.saturating_add(1);
    }
}

/// Mean time between tokens over several choices, each from its own first token to its own last: a choice that is
/// slower or later than another does not count as a pause of the other. `tokens` are those of all choices if they are
/// counted, and `all_bytes` the size of all pieces if these carry more than one token each. `None` if no choice has
/// two tokens.
pub(super) fn mean_gap(
    paces: &[Pace],
    tokens: Option<u64>,
    all_bytes: Option<usize>,
) -> Option<f64> {
    let pieces: u64 = paces.iter().map(|pace| pace.pieces).sum();
    let total = tokens.unwrap_or(pieces) as f64;
    let at_first = |pace: &Pace| match all_bytes {
        Some(all) if all > 0 => (total * pace.first_bytes as f64 / all as f64).max(1.0),
        _ => 1.0,
    };
    let hidden_last = tokens.is_some_and(|tokens| tokens > pieces);
    let span = |pace: &Pace| {
        let ended = pace.ended.filter(|_| hidden_last).unwrap_or(pace.last);
        ended.max(pace.last) - pace.first
    };
    let spans: Vec<f64> = paces.iter().map(span).filter(|span| *span > 0.0).collect();
    let after = total - paces.iter().map(at_first).sum::<f64>();
    if spans.is_empty() && after < 0.5 {
        return None;
    }
    // No gap is longer than the time in which it lies.
    Some(spans.iter().sum::<f64>() / after.max(spans.len().max(1) as f64))
}
