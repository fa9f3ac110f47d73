//! Runs on their way into a recording. A level of millions is written while it is under way: of its runs
//! no more are held than two pieces.

use super::LoadError;
use super::recording::{Pieces, to_parquet};
use super::reorder_buffer::ReorderBuffer;
use crate::measure::{Recording, RecordingMeta, Run};
use parquet::errors::ParquetError;
use std::fs::File;
use std::io::BufWriter;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Runs of a piece: some 7 MB.
const PIECE: usize = 16_384;
/// LLM calls and steps of the runs that are held: some 150 MB.
const MOST_PARTS: usize = 1 << 20;

/// Takes the runs of a level as they end, and records them in the order in which they began. In a level of
/// many pieces, one that ends two pieces after it began stands where it ended.
pub struct Recorder {
    held: Mutex<RecorderState>,
    piece: usize,
}

struct RecorderState {
    runs: ReorderBuffer,
    /// Number of LLM calls and steps of these runs.
    parts: usize,
    sink: Sink,
}

/// Destination of runs that are too many to be held.
enum Sink {
    /// They are held all the same.
    Nowhere,
    /// Into a file that is not begun yet.
    File(File),
    /// Into a file, from a thread of its own: packing them takes time that the load must not lose.
    Writing { pieces: Sender<Vec<Run>>, thread: JoinHandle<Result<Pieces<Target>, ParquetError>> },
}

type Target = BufWriter<File>;

impl Recorder {
    /// Holds all runs, however many they are.
    pub fn in_memory() -> Self {
        Self::with(Sink::Nowhere, PIECE)
    }

    /// Writes them to a file, which is empty, where they are many.
    pub fn to_file(file: File) -> Self {
        Self::with(Sink::File(file), PIECE)
    }

    fn with(sink: Sink, piece: usize) -> Self {
        Self {
            held: Mutex::new(RecorderState { runs: ReorderBuffer::default(), parts: 0, sink }),
            piece,
        }
    }

    /// Takes a run that has ended. `false` where it cannot be written: then no more are wanted.
    pub(super) fn add(&self, index: usize, run: Run) -> bool {
        let mut held = self.held();
        held.parts = held.parts.saturating_add(parts(&run));
        held.runs.add(index, run);
        let count = held.runs.len();
        let is_little = count < 2 * self.piece && held.parts < MOST_PARTS;
        if is_little || matches!(held.sink, Sink::Nowhere) {
            return true;
        }
        let piece = held.runs.take((count / 2).clamp(1, self.piece));
        held.parts = held.parts.saturating_sub(piece.iter().map(parts).sum());
        held.sink.send(piece)
    }

    /// All that was taken, with what was noted besides.
    pub(super) fn recorded(&self, around: RecordingMeta) -> RecordedLevel {
        let mut held = self.held();
        let (runs, sink) =
            (std::mem::take(&mut held.runs), std::mem::replace(&mut held.sink, Sink::Nowhere));
        RecordedLevel { runs, sink, around }
    }

    fn held(&self) -> MutexGuard<'_, RecorderState> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the number of LLM calls and steps of a run.
fn parts(run: &Run) -> usize {
    run.llm_calls.len().saturating_add(run.steps.len())
}

impl Sink {
    /// Hands a piece to the thread, which is started for the first.
    fn send(&mut self, piece: Vec<Run>) -> bool {
        *self = match std::mem::replace(self, Self::Nowhere) {
            Self::File(file) => {
                let (pieces, receiver) = mpsc::channel();
                Self::Writing { pieces, thread: std::thread::spawn(move || write(file, &receiver)) }
            }
            other => other,
        };
        matches!(self, Self::Writing { pieces, .. } if pieces.send(piece).is_ok())
    }
}

fn write(file: File, pieces: &Receiver<Vec<Run>>) -> Result<Pieces<Target>, ParquetError> {
    let mut to = Pieces::begin(BufWriter::new(file))?;
    for piece in pieces {
        to.write(&piece)?;
    }
    Ok(to)
}

/// A level that is over.
pub struct RecordedLevel {
    runs: ReorderBuffer,
    sink: Sink,
    /// Facts about the level, besides its runs.
    pub around: RecordingMeta,
}

impl RecordedLevel {
    /// The recording of a level whose runs were all held.
    pub fn into_recording(self) -> Recording {
        Recording { runs: self.runs.into_runs(), around: self.around }
    }

    /// Ends the recording: as a whole file in memory, or `None` where it is in the file that the recorder
    /// was given.
    pub fn finish(self) -> Result<Option<Vec<u8>>, LoadError> {
        let Self { runs, mut sink, around } = self;
        let failed = |error: ParquetError| LoadError::Unwritten(error.into());
        if !matches!(sink, Sink::Writing { .. }) {
            let held = Self { runs, sink, around };
            return to_parquet(&held.into_recording()).map(Some).map_err(failed);
        }
        sink.send(runs.into_runs());
        let Sink::Writing { pieces, thread } = sink else { return Ok(None) };
        drop(pieces);
        let stopped = |_| LoadError::NoRecorder;
        let pieces = thread.join().map_err(stopped)?.map_err(failed)?;
        let file = pieces.end(&around).map_err(failed)?;
        file.into_inner().map_err(|error| LoadError::Unwritten(error.into_error().into()))?;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::from_parquet;
    use super::*;
    use std::io::{Read, Seek};

    fn run(index: usize) -> Run {
        Run { id: index.to_string(), start: index as f64, ..Run::default() }
    }

    fn ids(bytes: Vec<u8>) -> Vec<usize> {
        from_parquet(bytes).unwrap().runs.iter().map(|run| run.id.parse().unwrap()).collect()
    }

    fn written(order: impl Iterator<Item = usize>, piece: usize) -> (Vec<u8>, usize) {
        let mut file = tempfile::tempfile().unwrap();
        let recorder = Recorder::with(Sink::File(file.try_clone().unwrap()), piece);
        let mut most = 0;
        for index in order {
            assert!(recorder.add(index, run(index)));
            most = most.max(recorder.held().runs.len());
        }
        let around = RecordingMeta { concurrency: Some(7), ..RecordingMeta::default() };
        if let Some(bytes) = recorder.recorded(around).finish().unwrap() {
            return (bytes, most);
        }
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        (bytes, most)
    }

    #[test]
    fn many_runs_are_written_while_they_come_and_none_is_lost() {
        // Each pair ends the other way round.
        let (bytes, most) = written((0..1000).map(|index| index ^ 1), 10);
        assert_eq!(most, 19, "of a thousand");
        assert_eq!(from_parquet(bytes.clone()).unwrap().around.concurrency, Some(7));
        assert_eq!(ids(bytes), (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn a_run_that_takes_long_stands_where_it_ended() {
        let (bytes, most) = written((1..100).chain([0]), 10);
        let ids = ids(bytes);
        assert!(most <= 20 && ids.contains(&0) && ids.len() == 100, "{ids:?}");
        let others: Vec<usize> = ids.into_iter().filter(|id| *id > 0).collect();
        assert_eq!(others, (1..100).collect::<Vec<_>>());
    }

    #[test]
    fn few_runs_are_the_same_file_as_ever() {
        let (bytes, _) = written((0..19).rev(), 10);
        let around = RecordingMeta { concurrency: Some(7), ..RecordingMeta::default() };
        let recording = Recording { runs: (0..19).map(run).collect(), around };
        assert_eq!(bytes, to_parquet(&recording).unwrap());
    }

    #[test]
    fn what_cannot_be_written_is_an_error_and_ends_the_level() {
        let file = File::open("/dev/null").unwrap();
        let recorder = Recorder::with(Sink::File(file), 1000);
        // Sooner or later the one that writes has noticed.
        let wanted = (0..10_000_000).take_while(|&index| recorder.add(index, run(index))).count();
        assert!(wanted < 10_000_000);
        let error = recorder.recorded(RecordingMeta::default()).finish().unwrap_err();
        assert!(matches!(error, LoadError::Unwritten(_)), "{error}");
    }
}
