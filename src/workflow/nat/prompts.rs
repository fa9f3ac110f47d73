//! How much of each prompt an earlier prompt of the run began with.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Length of the blocks, in bytes, in which prompts are compared: some 16 tokens, as servers keep them in their caches.
const BLOCK: usize = 64;
/// Most blocks of a run that are remembered: prompts of a MiB together.
const MOST_BLOCKS: usize = 16_384;

/// Prompts of a run, by the hash of everything up to the end of each block.
#[derive(Debug, Default)]
pub(super) struct Prompts {
    blocks: HashSet<u64>,
    any: bool,
}

impl Prompts {
    /// Takes a prompt. Returns the share of it, 0 to 1, that an earlier one began with as well, to a block; `None` of the
    /// first prompt.
    pub fn shared(&mut self, prompt: &[u8]) -> Option<f64> {
        let is_first = !std::mem::replace(&mut self.any, true);
        let mut hasher = DefaultHasher::new();
        let (mut shared, mut is_same) = (0, true);
        for block in prompt.chunks_exact(BLOCK) {
            block.hash(&mut hasher);
            let until_here = hasher.finish();
            is_same = is_same && self.blocks.contains(&until_here);
            if is_same {
                shared += BLOCK;
            } else if self.blocks.len() < MOST_BLOCKS {
                self.blocks.insert(until_here);
            } else {
                break;
            }
        }
        (!is_first).then(|| shared as f64 / prompt.len().max(1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_prompt_began_with_is_shared() {
        let mut prompts = Prompts::default();
        let text = |length: usize, last: &str| "abcdefgh".repeat(length / 8) + last;
        assert_eq!(prompts.shared(text(640, "").as_bytes()), None, "the first");
        assert_eq!(prompts.shared(text(640, &text(640, "")).as_bytes()), Some(0.5));
        assert_eq!(prompts.shared(format!("x{}", text(640, "")).as_bytes()), Some(0.0));
        // One before the last counts as well.
        assert_eq!(prompts.shared(text(1280, "").as_bytes()), Some(1.0));
        assert_eq!(prompts.shared(b""), Some(0.0));
    }

    #[test]
    fn prompts_without_end_are_forgotten() {
        let mut prompts = Prompts::default();
        for number in 0..50_u32 {
            prompts.shared(number.to_string().repeat(100_000).as_bytes());
        }
        assert_eq!(prompts.blocks.len(), MOST_BLOCKS);
    }
}
