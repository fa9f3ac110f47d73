//! Metrics that targets can be set on: one table of all that is to be known of each.

use super::{CallColumn, LevelMetrics, Summary};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Lists the metrics, in the order in which they are reported, to a macro that makes an item of
/// them. A row has the description of the metric, its name in code, its key in specs and results,
/// its name in texts, the column of LLM calls behind it (none if it is timed per run), the span of
/// time that it covers, the summary of a level, and the description of a limit.
macro_rules! each_metric {
    ($make:ident) => {
        $make! {
            /// End-to-end time of a run as the user sees it.
            WorkflowRuntime, workflow_runtime, "workflow runtime", None, Span::Whole,
            |level| &level.workflow_runtime,
            /// Longest acceptable end-to-end time of a run.
            ;
            /// Time of one LLM call.
            LlmLatency, llm_latency, "LLM latency", Some(CallColumn::Latency), Span::Whole,
            |level| &level.llm_latency,
            /// Longest acceptable time of an LLM call.
            ;
            /// Time from the start of an LLM call to its first token; only of streamed answers.
            Ttft, ttft, "time to first token", Some(CallColumn::Ttft), Span::FirstToken,
            |level| &level.ttft,
            /// Longest acceptable time to the first token of an LLM call.
            ;
            /// Mean time between the tokens of an LLM call; only of streamed answers.
            Itl, itl, "inter-token latency", Some(CallColumn::ItlMean), Span::Token,
            |level| &level.itl,
            /// Longest acceptable mean time between the tokens of an LLM call.
            ;
        }
    };
}
pub(crate) use each_metric;

macro_rules! metric {
    ($(
        $(#[$about:meta])*
        $name:ident, $key:ident, $words:literal, $column:expr, $span:expr,
        |$level:ident| $summary:expr,
        $(#[$limit:meta])* ;
    )+) => {
        /// A time that is measured per run or per LLM call and that a target can limit.
        #[derive(
            Clone,
            Copy,
            Debug,
            PartialEq,
            Eq,
            PartialOrd,
            Ord,
            Hash,
            Serialize,
            Deserialize,
            schemars::JsonSchema,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum Metric {
            $($(#[$about])* $name,)+
        }

        impl Metric {
            /// Number of metrics.
            pub const COUNT: usize = [$($words),+].len();
            /// All metrics, in the order in which they are reported.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$name),+];

            /// Returns the key of this metric in specs and results.
            pub fn key(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($key),)+
                }
            }

            /// Returns the column of LLM calls behind this metric; `None` for metrics that are timed
            /// per run.
            pub fn call_column(self) -> Option<CallColumn> {
                match self {
                    $(Self::$name => $column,)+
                }
            }

            /// Returns the span of time that this metric covers.
            pub fn span(self) -> Span {
                match self {
                    $(Self::$name => $span,)+
                }
            }
        }

        impl fmt::Display for Metric {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$name => $words,)+
                })
            }
        }

        impl LevelMetrics {
            /// Returns the summary of one metric; `None` if it was not measured.
            pub fn metric(&self, metric: Metric) -> Option<&Summary> {
                match metric {
                    $(Metric::$name => {
                        let $level = self;
                        $summary.as_ref()
                    })+
                }
            }
        }
    };
}

each_metric!(metric);

impl Metric {
    /// The two metrics of every workflow with LLM calls, which are also those of the reference
    /// calculator.
    pub const MAIN: [Self; 2] = [Self::WorkflowRuntime, Self::LlmLatency];
}

/// Span of time that a metric covers, which determines how it responds to load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// A whole run or a whole LLM call.
    Whole,
    /// An LLM call up to its first token, with all of its wait behind others.
    FirstToken,
    /// An LLM call from one token to the next.
    Token,
}
