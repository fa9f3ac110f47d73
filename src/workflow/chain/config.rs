//! `type: chain`.

use super::draw_spec::Draw;
use crate::language::{Address, Seconds, Secret};
use crate::workflow::access::of_access;
use crate::workflow::defaults::{default_timeout, yes};
use crate::workflow::{Headers, LlmSpec};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

/// The shape of an agent's load: LLM calls and tools, one after the other or side by side.
///
/// Texts are minijinja templates over the item (`{{ item.input }}`), earlier outputs (`{{ outputs.NAME }}`)
/// and, within `repeat`, the number of the round (`{{ round }}`, from 0).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChainSpec {
    /// The LLM servers.
    pub llm: LlmSpec,
    /// Model to ask, unless a step names another.
    #[serde(default)]
    pub model: Option<String>,
    /// Stream answers, unless a step says otherwise.
    #[serde(default = "yes")]
    pub stream: bool,
    /// Steps of a run.
    pub steps: Vec<Step>,
    /// Seed of all its randomness.
    #[serde(default)]
    pub seed: u64,
    /// Longest time that a run may take.
    #[serde(default = "default_timeout")]
    pub timeout: Seconds,
}

/// One step of a chain.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Ask a model; a timed LLM call.
    Llm(Box<LlmStep>),
    /// Use a tool: wait, run a command, or ask a service.
    Tool(Box<ToolStep>),
    /// Repeat steps.
    Repeat(RepeatStep),
    /// Do several lists of steps at the same time.
    Parallel(Vec<Vec<Step>>),
    /// Do steps if a condition holds.
    When(WhenStep),
    /// Do one of several lists of steps, chosen at random.
    Choose(Vec<Choice>),
}

/// A step as it is written: a map with one key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepMap {
    #[serde(default)]
    llm: Option<Box<LlmStep>>,
    #[serde(default)]
    tool: Option<Box<ToolStep>>,
    #[serde(default)]
    repeat: Option<RepeatStep>,
    #[serde(default)]
    parallel: Option<Vec<Vec<Step>>>,
    #[serde(default)]
    when: Option<WhenStep>,
    #[serde(default)]
    choose: Option<Vec<Choice>>,
}

impl<'de> Deserialize<'de> for Step {
    // By hand: serde's own enums forget positions, and then no error has a line.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = StepMap::deserialize(deserializer)?;
        let mut steps = [
            map.llm.map(Self::Llm),
            map.tool.map(Self::Tool),
            map.repeat.map(Self::Repeat),
            map.parallel.map(Self::Parallel),
            map.when.map(Self::When),
            map.choose.map(Self::Choose),
        ]
        .into_iter()
        .flatten();
        match (steps.next(), steps.next()) {
            (Some(step), None) => Ok(step),
            _ => Err(de::Error::custom(
                "a step is one of llm, tool, repeat, parallel, when and choose",
            )),
        }
    }
}

/// A call of a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LlmStep {
    /// User message; the item's question by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// System message before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// Whole conversation, in place of the two.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Message>,
    /// Approximate length in tokens of a prompt made of filler words, in place of all that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<Draw>,
    /// Longest answer, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<Draw>,
    /// Model, if it is not that of the chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Name of the server to ask, if there are several; the first by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// Stream the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// Further keys of the request's body, as the server knows them.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub extra_body: serde_json::Map<String, serde_json::Value>,
    /// Name under which later steps find the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

/// A message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// `system`, `user`, `assistant` or `tool`.
    pub role: String,
    /// Text of the message.
    pub content: String,
}

/// Action of a tool; one of `sleep`, `command` and `http`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolStep {
    /// Wait, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sleep: Option<Draw>,
    /// Run a program; its output is what it prints.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Ask a service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpCall>,
    /// Name under which later steps find the output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

/// A request to a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpCall {
    /// Address of the request; path and query are templates.
    pub url: Address,
    /// HTTP method.
    #[serde(default = "get")]
    pub method: String,
    /// Request headers.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub headers: Headers,
    /// Request body, a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

fn get() -> String {
    "GET".to_owned()
}

/// Steps that are repeated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepeatStep {
    /// Number of repetitions, rounded.
    pub times: Draw,
    /// Steps of each repetition.
    pub steps: Vec<Step>,
}

/// Steps that are done under a condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhenStep {
    /// Expression to test, such as `'"search" in outputs.plan'` or `item.topic == "sums"`.
    #[serde(rename = "if")]
    pub condition: String,
    /// Steps if it is true.
    pub steps: Vec<Step>,
    /// Steps if it is false.
    #[serde(default, rename = "else", skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<Step>,
}

/// One of several lists of steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Weight of the choice, relative to the others.
    pub weight: u32,
    /// Steps of the choice.
    pub steps: Vec<Step>,
}

/// Returns the secrets in the headers of tools, with their paths in the spec.
pub(super) fn secrets<'a>(steps: &'a [Step], at: &str) -> Vec<(String, &'a Secret)> {
    let mut found = Vec::new();
    each_step(steps, at, &mut |at, step| {
        if let Step::Tool(tool) = step
            && let Some(http) = &tool.http
        {
            found.extend(of_access(&format!("{at}.tool.http"), None, &http.headers));
        }
    });
    found
}

/// Visits all steps, with their paths in the spec.
pub(super) fn each_step<'a>(steps: &'a [Step], at: &str, each: &mut dyn FnMut(&str, &'a Step)) {
    for (index, step) in steps.iter().enumerate() {
        let at = format!("{at}.{index}");
        each(&at, step);
        match step {
            Step::Llm(_) | Step::Tool(_) => {}
            Step::Repeat(repeat) => each_step(&repeat.steps, &format!("{at}.repeat.steps"), each),
            Step::Parallel(branches) => {
                for (branch, steps) in branches.iter().enumerate() {
                    each_step(steps, &format!("{at}.parallel.{branch}"), each);
                }
            }
            Step::When(when) => {
                each_step(&when.steps, &format!("{at}.when.steps"), each);
                each_step(&when.otherwise, &format!("{at}.when.else"), each);
            }
            Step::Choose(choices) => {
                for (choice, it) in choices.iter().enumerate() {
                    each_step(&it.steps, &format!("{at}.choose.{choice}.steps"), each);
                }
            }
        }
    }
}
