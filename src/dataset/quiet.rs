//! Library calls that may panic on a damaged file: the panic becomes a result and prints nothing.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs work on this thread; `None` if it panics, without printing the library's message and a
/// backtrace.
pub(crate) fn without_panic<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = take_hook();
        set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
    let before = QUIET.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    QUIET.set(before);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::without_panic;

    #[test]
    fn a_panic_is_no_answer() {
        assert_eq!(without_panic(|| 7), Some(7));
        assert_eq!(without_panic(|| vec![1_u8].swap_remove(usize::MAX)), None);
        assert_eq!(without_panic(|| without_panic(|| 7)), Some(Some(7)));
    }
}
