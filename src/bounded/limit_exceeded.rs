//! Reasons for stopping bounded work.

/// Reason why bounded work was stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LimitExceeded {
    /// An expression has too many operators, or a template too many branches.
    #[error("an expression has more than {most} operators (line {line})")]
    Depth {
        /// One-based line on which it begins.
        line: usize,
        /// Limit on operators or branches.
        most: usize,
    },
    /// The work exceeded its time, in seconds.
    #[error("it takes more than {0} s")]
    Time(u64),
    /// The work exceeded its memory, in MiB.
    #[error("it needs more than {0} MiB of memory")]
    Memory(usize),
    /// The system has no thread for it, or the template engine failed.
    #[error("it cannot be evaluated: {0}")]
    Broken(String),
}

impl LimitExceeded {
    /// Describes the work (`what`) together with its excess:
    /// `a row that needs more than 192 MiB of memory`.
    pub fn in_words(&self, what: &str) -> String {
        let why = self.to_string();
        format!("{what} that {}", why.strip_prefix("it ").unwrap_or(&why))
    }
}
