//! Work beside the interpreter: on a thread of its own, while the caller's waits.

use crate::errors::failed;
use crate::events::Events;
use pyo3::prelude::*;
use pyo3::types::PyAny;
use sizer::pipeline::{CancellationToken, Observer};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::{self, available_parallelism};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// Time between two looks for signals, events and the wish to stop.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The caller's part in a piece of work.
pub struct Caller<'py> {
    /// Called with each event.
    listener: Bound<'py, PyAny>,
    /// Something with `is_set()`, such as a `threading.Event`: the wish to stop.
    cancel: Option<Bound<'py, PyAny>>,
}

impl<'py> Caller<'py> {
    /// A caller with their listener, and with their wish to stop if they have one.
    pub fn new(listener: Bound<'py, PyAny>, cancel: Option<Bound<'py, PyAny>>) -> Self {
        Self { listener, cancel }
    }

    /// Does work, and waits for it. An exception of the listener, and one that a signal raises, stops the work and is
    /// raised once it has ended, so that nothing goes on behind the caller's back.
    pub fn wait_for<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Runtime, Arc<dyn Observer>, CancellationToken) -> T + Send + 'static,
    ) -> PyResult<T> {
        let py = self.listener.py();
        let events = Arc::new(Events::default());
        let (watch, cancel) = (Arc::new(events.watch(None)), CancellationToken::new());
        let token = cancel.clone();
        let (sender, mut receiver) = channel();
        let begun = thread::Builder::new().name("sizer".to_owned()).spawn(move || {
            let outcome = runtime().map(|runtime| work(&runtime, watch, token));
            // Somebody receives it: whoever began this waits.
            let _ = sender.send(outcome);
        });
        let thread = begun.map_err(|error| failed(py, format!("no thread can start: {error}")))?;
        let mut raised = None;
        let outcome = loop {
            let receiver = &mut receiver;
            match py.detach(move || receiver.recv_timeout(LOOK_AGAIN)) {
                Ok(outcome) => break Some(outcome),
                Err(RecvTimeoutError::Disconnected) => break None,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if raised.is_none() {
                raised = self.look(&events, &cancel).err();
                if raised.is_some() {
                    cancel.cancel();
                }
            }
        };
        // The runtime is gone with the thread, and its processes with the runtime.
        let ended = py.detach(|| thread.join());
        if let Some(raised) = raised {
            return Err(raised);
        }
        let Some(outcome) = outcome.filter(|_| ended.is_ok()) else {
            return Err(failed(py, "sizer has a defect: its work ended in a panic".to_owned()));
        };
        let outcome =
            outcome.map_err(|error| failed(py, format!("the async runtime cannot start: {error}")));
        events.tell(py, &self.listener)?;
        outcome
    }

    fn look(&self, events: &Events, cancel: &CancellationToken) -> PyResult<()> {
        let py = self.listener.py();
        py.check_signals()?;
        events.tell(py, &self.listener)?;
        if let Some(wish) = &self.cancel
            && wish.call_method0("is_set")?.is_truthy()?
        {
            cancel.cancel();
        }
        Ok(())
    }
}

/// The async runtime of a piece of work: one core is served best by one thread.
fn runtime() -> std::io::Result<Runtime> {
    let alone = available_parallelism().is_ok_and(|cores| cores == NonZeroUsize::MIN);
    let mut builder =
        if alone { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    builder.enable_all().build()
}
