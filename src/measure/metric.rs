//! Metrics that targets can be set on: one table of all that is to be known of each.

use super::{CallColumn, LevelMetrics, Quantile, QuantileName, Summary};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Lists the metrics, in the order in which they are reported, to a macro that makes an item of
/// them. A row has the description of the metric, its name in code, its key in specs and results,
/// its name in texts, its unit, the direction in which it is better, the column of LLM calls behind
/// it (none if it is timed per run), the span of time that it covers, the summary of a level, and
/// the description of a limit.
///
/// Models know times only, of which less is better. The row of a rate (`Higher` is better) has the
/// column, span and summary of the time that is its reciprocal, and the attributes of its limit
/// leave it out of a spec that does not set it, so that no key of a stage changes.
macro_rules! each_metric {
    ($make:ident) => {
        $make! {
            /// End-to-end time of a run as the user sees it.
            WorkflowRuntime, workflow_runtime, "workflow runtime", Unit::Seconds, Lower,
            None, Span::Whole,
            |level| &level.workflow_runtime,
            /// Longest acceptable end-to-end time of a run.
            ;
            /// Time of one LLM call.
            LlmLatency, llm_latency, "LLM latency", Unit::Seconds, Lower,
            Some(CallColumn::Latency), Span::Whole,
            |level| &level.llm_latency,
            /// Longest acceptable time of an LLM call.
            ;
            /// Time from the start of an LLM call to its first token; only of streamed answers.
            Ttft, ttft, "time to first token", Unit::Seconds, Lower,
            Some(CallColumn::Ttft), Span::FirstToken,
            |level| &level.ttft,
            /// Longest acceptable time to the first token of an LLM call.
            ;
            /// Mean time between the tokens of an LLM call; only of streamed answers.
            Itl, itl, "inter-token latency", Unit::Seconds, Lower,
            Some(CallColumn::ItlMean), Span::Token,
            |level| &level.itl,
            /// Longest acceptable mean time between the tokens of an LLM call.
            ;
            /// Output tokens per second of an LLM call after its first token, which is the reciprocal
            /// of its mean time between tokens; only of streamed answers.
            TokensPerSecond, tokens_per_second, "output speed", Unit::TokensPerSecond, Higher,
            Some(CallColumn::ItlMean), Span::Token,
            |level| &level.itl,
            /// Lowest acceptable output tokens per second of an LLM call after its first token.
            #[serde(skip_serializing_if = "Option::is_none")]
            ;
        }
    };
}
pub(crate) use each_metric;

macro_rules! metric {
    ($(
        $(#[$about:meta])*
        $name:ident, $key:ident, $words:literal, $unit:expr, $direction:ident,
        $column:expr, $span:expr,
        |$level:ident| $summary:expr,
        $(#[$limit:meta])* ;
    )+) => {
        /// A figure that is measured per run or per LLM call and that a target can limit.
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
        #[non_exhaustive]
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

            /// Returns the unit of its figures.
            pub fn unit(self) -> Unit {
                match self {
                    $(Self::$name => $unit,)+
                }
            }

            /// Returns the direction in which it is better.
            pub fn direction(self) -> Direction {
                match self {
                    $(Self::$name => Direction::$direction,)+
                }
            }

            /// Returns the column of LLM calls behind this metric; `None` for metrics that are timed
            /// per run. That of a rate is the time of which it is the reciprocal.
            pub(crate) fn call_column(self) -> Option<CallColumn> {
                match self {
                    $(Self::$name => $column,)+
                }
            }

            /// Returns the span of time that this metric covers.
            pub(crate) fn span(self) -> Span {
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
            /// Returns the summary of the times behind one metric; `None` if it was not measured.
            /// [`LevelMetrics::figure`] gives the figures of a rate.
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

    /// Returns true for a rate, of which more is better.
    pub fn is_rate(self) -> bool {
        self.direction() == Direction::Higher
    }

    /// Returns the metric of the times behind this one, which is itself unless it is a rate: models
    /// and lines of the two are the same.
    #[must_use]
    pub fn time_behind(self) -> Self {
        let same = |other: &Self| other.call_column() == self.call_column();
        Self::ALL.into_iter().find(same).unwrap_or(self)
    }

    /// Converts a figure of the metric to the time behind it in seconds.
    pub fn to_seconds(self, figure: f64) -> f64 {
        match self.direction() {
            Direction::Lower => figure,
            Direction::Higher => figure.recip(),
        }
    }

    /// Converts a time behind the metric, in seconds, to the metric's figure.
    pub fn of_seconds(self, seconds: f64) -> f64 {
        // A reciprocal is its own inverse.
        self.to_seconds(seconds)
    }

    /// Returns the name of a quantile of the times behind the metric: their p95 is the p05 of a
    /// rate, which 95 % of the calls reach.
    pub fn quantile(self, of_times: Quantile) -> QuantileName {
        match self.direction() {
            Direction::Lower => QuantileName::of(of_times),
            Direction::Higher => QuantileName::of_reciprocal(of_times),
        }
    }

    /// Returns the scope of its figures.
    pub fn scope(self) -> Scope {
        if self.call_column().is_some() { Scope::Call } else { Scope::Run }
    }
}

impl LevelMetrics {
    /// Returns a quantile of a metric in its unit: for a rate, the figure that such a share of the
    /// calls reaches.
    pub fn figure(&self, metric: Metric, quantile: Quantile) -> Option<f64> {
        let figure = metric.of_seconds(self.metric(metric)?.at(quantile));
        // Tokens that came at once have no rate.
        Some(figure).filter(|figure| figure.is_finite())
    }
}

/// Unit of a metric's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Tokens per second.
    TokensPerSecond,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seconds => "s",
            Self::TokensPerSecond => "tokens/s",
        })
    }
}

/// Scope of a metric's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One figure for each run.
    Run,
    /// One figure for each LLM call.
    Call,
}

/// Direction in which a metric is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Less is better: a limit is the most that a metric may be.
    Lower,
    /// More is better: a limit is the least that a metric has to reach.
    Higher,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_the_reciprocal_of_a_time() {
        let rate = Metric::TokensPerSecond;
        assert_eq!((rate.time_behind(), rate.is_rate()), (Metric::Itl, true));
        assert!((rate.to_seconds(20.0) - 0.05).abs() < 1e-15);
        assert!((rate.of_seconds(0.05) - 20.0).abs() < 1e-12);
        let names = Quantile::ALL.map(|quantile| rate.quantile(quantile).key());
        assert_eq!(names, ["p50", "p10", "p05", "p01"]);
        for metric in Metric::ALL.into_iter().filter(|it| !it.is_rate()) {
            assert_eq!(metric.time_behind(), metric);
            assert_eq!(
                Quantile::ALL.map(|it| metric.quantile(it).key()),
                Quantile::ALL.map(Quantile::key)
            );
        }
    }
}
