//! Run times by tokens: where tokens are not all that there is to it, answers agree with the runs.

use crate::answers::{ONE_GPU, answer, capacity};
use serde_json::Value;
use std::fmt::Write as _;

/// Runs in flight that the limit is set for.
const CARRIED: f64 = 12.0;

/// Answers of 40 tokens and more, exponentially distributed, at 20 ms per token alone and twice that at 32 in
/// flight. The longest tenth is interrupted from 6 in flight on: by half as long again at 12 for a `slower` of 1.
fn seconds(concurrency: f64, share: f64, slower: f64) -> f64 {
    let interrupted = if share > 0.9 { slower * (concurrency - 6.0).max(0.0) / 12.0 } else { 0.0 };
    0.02 * tokens(share) * (1.0 + concurrency / 32.0) * (1.0 + interrupted)
}

/// Tokens of the answer that so large a share is shorter than.
fn tokens(share: f64) -> f64 {
    (40.0 - 60.0 * (1.0 - share).ln()).round()
}

/// A closed loop at some levels with so many runs each, and the answer for what is met up to [`CARRIED`].
fn interrupted(levels: &[u32], runs: u32, slower: f64) -> Value {
    let mut text = "concurrency,start,end,phase,prompt_tokens,completion_tokens\n".to_owned();
    for &concurrency in levels {
        let mut free: Vec<f64> = (0..concurrency).map(|user| f64::from(user) * 1e-3).collect();
        for run in 0..2 * concurrency + runs {
            free.sort_by(f64::total_cmp);
            let spread = |step: f64| ((f64::from(run) + 0.5) * step).fract();
            let share = spread(0.618_033_988_749_894_9);
            let jitter = 0.97 + 0.06 * spread(0.414_213_56);
            let start = free[0];
            let end = start + seconds(f64::from(concurrency), share, slower) * jitter;
            free[0] = end;
            let phase = match run {
                run if run < concurrency => "warm_up",
                run if run < concurrency + runs => "measured",
                _ => "cool_down",
            };
            let _ =
                writeln!(text, "{concurrency},{start:.4},{end:.4},{phase},300,{}", tokens(share));
        }
    }
    let limit = seconds(CARRIED, 0.95, slower);
    answer(&text, &format!("users: 1000, workflow_runtime: {limit:.3}s"), ONE_GPU)
}

fn is_by_tokens(answer: &Value) -> bool {
    answer.to_string().contains("estimated from token counts")
}

#[test]
fn where_runs_contradict_tokens_the_smaller_capacity_is_the_answer() {
    let found = interrupted(&[6, 8, 10, 12, 14, 16, 20], 110, 1.0);
    assert!(is_by_tokens(&found), "{found:#}");
    assert!(capacity(&found, "low") < CARRIED, "{found:#}");
    assert!(capacity(&found, "point") < 1.1 * CARRIED, "{found:#}");
}
