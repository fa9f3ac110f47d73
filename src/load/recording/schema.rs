//! The columns that a file can have.

use parquet::file::reader::RowGroupReader;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnPath, SchemaDescriptor};
use std::sync::{Arc, LazyLock};

/// Times are seconds since the level began, those of steps since their run began. `phase` is `warm_up`, `measured` or `cool_down`;
/// `failure_kind` is null where the run succeeded. Columns that are often empty are there only
/// where they say something of a run.
pub const RUNS_SCHEMA: &str = "message runs {
  required binary id (UTF8);
  required binary phase (UTF8);
  required double start;
  required double end;
  optional binary failure_kind (UTF8);
  optional binary failure_message (UTF8);
  optional int32 http_status;
  optional double server_runtime;
  required boolean reconnected;
  required int32 retries;
  required group llm_calls (LIST) {
    repeated group list {
      required group element {
        required double start;
        required double end;
        optional double ttft;
        optional int64 prompt_tokens;
        optional int64 completion_tokens;
        optional double itl_mean;
        optional double itl_p95;
        optional double itl_max;
        optional binary finish_reason (UTF8);
        optional binary model (UTF8);
        optional binary upstream (UTF8);
        optional int32 http_status;
        optional double answer_ttft;
        optional int64 chunks;
        optional double chunk_gap_mean;
        optional double chunk_gap_p95;
        optional double chunk_gap_max;
        optional int64 cached_tokens;
        optional double shared_prefix;
      }
    }
  }
  optional int32 failed_calls;
  optional binary notes (UTF8);
  required group steps (LIST) {
    repeated group list {
      required group element {
        required binary kind (UTF8);
        required binary name (UTF8);
        required double start;
        required double end;
        optional int32 parent;
      }
    }
  }
}";

/// First line of the list of steps, whose columns are there together or not at all.
const STEPS: &str = "  required group steps (LIST) {";

/// Columns that few recordings need.
pub(super) const OFTEN_EMPTY: [Col; 9] = [
    Col::AnswerTtft,
    Col::Chunks,
    Col::ChunkGapMean,
    Col::ChunkGapP95,
    Col::ChunkGapMax,
    Col::CachedTokens,
    Col::SharedPrefix,
    Col::Notes,
    Col::StepName,
];

/// The columns that a file can have, in the order of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Col {
    Id,
    Phase,
    Start,
    End,
    FailureKind,
    FailureMessage,
    HttpStatus,
    ServerRuntime,
    Reconnected,
    Retries,
    CallStart,
    CallEnd,
    Ttft,
    PromptTokens,
    CompletionTokens,
    ItlMean,
    ItlP95,
    ItlMax,
    FinishReason,
    Model,
    Upstream,
    CallStatus,
    AnswerTtft,
    Chunks,
    ChunkGapMean,
    ChunkGapP95,
    ChunkGapMax,
    CachedTokens,
    SharedPrefix,
    FailedCalls,
    Notes,
    StepKind,
    StepName,
    StepStart,
    StepEnd,
    StepParent,
}

/// Key of the facts about the level in the file's own metadata.
pub(super) const AROUND: &str = "sizer.around";

/// The schema of a file that lacks some columns.
pub(super) fn schema_without(columns: &[Col]) -> String {
    let lists = columns.contains(&Col::StepName);
    let columns = columns.iter().filter(|column| **column != Col::StepName);
    let names: Vec<String> = columns.filter_map(|column| column.name()).collect();
    let named =
        |line: &str| line.split_whitespace().nth(2).map(|it| it.trim_end_matches(';').to_owned());
    let stays = |line: &&str| named(line).is_none_or(|name| !names.contains(&name));
    let kept = RUNS_SCHEMA.lines().take_while(|line| !(lists && *line == STEPS));
    let end = lists.then_some("}");
    kept.filter(stays).chain(end).collect::<Vec<_>>().join("\n")
}

/// All columns that a file can have, in the order of [`Col`].
pub(super) static OWN: LazyLock<Option<SchemaDescriptor>> = LazyLock::new(|| {
    let schema = parse_message_type(RUNS_SCHEMA).ok()?;
    Some(SchemaDescriptor::new(Arc::new(schema)))
});

impl Col {
    fn path(self) -> Option<&'static ColumnPath> {
        let own = OWN.as_ref()?;
        own.columns().get(self as usize).map(|column| column.path())
    }

    /// The last part of its path.
    fn name(self) -> Option<String> {
        self.path()?.parts().last().cloned()
    }

    /// Position in a row group. Files have only the columns that they need, and older ones know fewer.
    pub fn position(self, group: &dyn RowGroupReader) -> Option<usize> {
        let path = self.path()?;
        group.metadata().columns().iter().position(|column| column.column_path() == path)
    }
}
