//! The steps of a workflow within a run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Sort of a step, as the workflow reports it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StepKind {
    /// A call of an LLM.
    Llm,
    /// A call of a tool.
    Tool,
    /// A search in a store of documents.
    Retriever,
    /// A function of the workflow, or a node of its graph.
    Function,
    /// The whole workflow.
    Workflow,
    /// A task of an agent.
    Task,
    /// Anything else.
    Other,
}

impl StepKind {
    /// Returns the name in recordings and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Llm => "llm",
            Self::Tool => "tool",
            Self::Retriever => "retriever",
            Self::Function => "function",
            Self::Workflow => "workflow",
            Self::Task => "task",
            Self::Other => "other",
        }
    }

    /// Returns the kind of a name; one that a later version wrote is another kind.
    pub fn named(name: &str) -> Self {
        let known =
            [Self::Llm, Self::Tool, Self::Retriever, Self::Function, Self::Workflow, Self::Task];
        known.into_iter().find(|kind| kind.name() == name).unwrap_or(Self::Other)
    }
}

impl Step {
    /// Longest name that is kept, in bytes.
    pub(crate) const LONGEST_NAME: usize = 100;
}

/// A step of a workflow within a run: a call of an LLM or of a tool, a function, or a group of such steps.
///
/// Times are seconds since the run began, by the clock of the server, whose first step falls on that beginning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Its kind.
    pub kind: StepKind,
    /// Its name, as the workflow reports it.
    pub name: String,
    /// Start of the step.
    pub start: f64,
    /// End of the step.
    pub end: f64,
    /// Position, among the steps of the run, of the step that it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<u32>,
}
