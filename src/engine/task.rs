//! A stage at work, and what it makes.

use crate::store::Content;
use serde_json::Value;

/// A stage with the slice of the settings that it reads. Its key hashes the very value that it runs on.
pub(crate) trait Task: Send + Sync + 'static {
    /// Version of the stage's behaviour and of its artifact's form.
    fn version(&self) -> u32;

    /// Its slice as the key hashes it.
    fn reads(&self) -> Value;
}

/// The product of a stage.
pub(crate) struct Product<E> {
    /// The artifact.
    pub content: Content,
    /// Set if the artifact is kept, and yet the next run makes another.
    pub cut_short: Option<CutShort<E>>,
}

/// The end of a stage before its time. What it made is kept under a key of its own.
pub(crate) struct CutShort<E> {
    /// The reason, for the manifest.
    pub why: String,
    /// The way in which the run goes on.
    pub then: Continuation<E>,
}

/// The way in which a run goes on after a stage that ended before its time.
pub(crate) enum Continuation<E> {
    /// The run ends with this error.
    Stop(E),
    /// Other stages build on what there is, and the user is told this.
    GoOn(String),
}
