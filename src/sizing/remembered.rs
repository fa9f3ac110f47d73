//! Memory of what was computed.

use std::cell::RefCell;
use std::collections::VecDeque;

/// Most values that are kept. A grid of questions has fewer limits, and each may come with any number of loads.
const MOST: usize = 64;

/// Values that were computed last, each with what it was computed from.
pub(super) struct Remembered<K, V>(RefCell<VecDeque<(K, V)>>);

impl<K, V> Default for Remembered<K, V> {
    fn default() -> Self {
        Self(RefCell::new(VecDeque::new()))
    }
}

impl<K: PartialEq, V: Clone> Remembered<K, V> {
    /// Returns the value of a key, which is computed unless it is remembered.
    pub fn or_make(&self, key: K, make: impl FnOnce() -> V) -> V {
        let known = self.0.borrow().iter().find(|(of, _)| *of == key).map(|(_, it)| it.clone());
        known.unwrap_or_else(|| {
            let value = make();
            let mut kept = self.0.borrow_mut();
            if kept.len() == MOST {
                kept.pop_front();
            }
            kept.push_back((key, value.clone()));
            value
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_value_is_made_once_and_the_oldest_goes() {
        let (remembered, made) = (Remembered::default(), Cell::new(0));
        let of = |key: usize| {
            remembered.or_make(key, || {
                made.set(made.get() + 1);
                10 * key
            })
        };
        assert_eq!([1, 2, 1, 2].map(of), [10, 20, 10, 20]);
        assert_eq!(made.get(), 2);
        (3..=MOST + 1).for_each(|key| assert_eq!(of(key), 10 * key));
        assert_eq!(([2, 1].map(of), made.get()), ([20, 10], MOST + 2));
    }
}
