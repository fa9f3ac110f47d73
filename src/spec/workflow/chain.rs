//! `type: chain`.

use super::{Headers, LlmSpec, default_timeout, yes};
use crate::spec::{Address, Seconds, Secret};
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;

/// The shape of an agent's load: LLM calls and tools, one after the other or side by side.
///
/// Texts are minijinja templates over the item (`{{ item.input }}`), earlier outputs (`{{ outputs.NAME }}`)
/// and, within `repeat`, the number of the round (`{{ round }}`, from 0).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChainSpec {
    /// The LLM servers.
    pub llm: LlmSpec,
    /// The model to ask, where a step names no other.
    #[serde(default)]
    pub model: Option<String>,
    /// Whether answers are streamed, where a step says nothing else.
    #[serde(default = "yes")]
    pub stream: bool,
    /// What a run does.
    pub steps: Vec<Step>,
    /// Seed of all its randomness.
    #[serde(default)]
    pub seed: u64,
    /// Longest time that a run may take.
    #[serde(default = "default_timeout")]
    pub timeout: Seconds,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Ask a model; a timed LLM call.
    Llm(Box<LlmStep>),
    /// Use a tool: wait, run a command, or ask a service.
    Tool(Box<ToolStep>),
    /// Do steps several times.
    Repeat(RepeatStep),
    /// Do several lists of steps at the same time.
    Parallel(Vec<Vec<Step>>),
    /// Do steps if something holds.
    When(WhenStep),
    /// Do one of several lists of steps.
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
    /// What the user says; by default the item's question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// A system message before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// A whole conversation, in place of the two.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Message>,
    /// The length of a prompt made of filler words, about so many tokens, in place of all that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<Draw>,
    /// Longest answer, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<Draw>,
    /// The model, where it is not that of the chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Which of several servers is asked; without it, the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// Whether the answer is streamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// Further keys of the request's body, as the server knows them.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub extra_body: serde_json::Map<String, serde_json::Value>,
    /// The name under which later steps find the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

/// A message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// `system`, `user`, `assistant` or `tool`.
    pub role: String,
    /// What is said.
    pub content: String,
}

/// Something that a tool does; one of `sleep`, `command` and `http`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolStep {
    /// Wait, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sleep: Option<Draw>,
    /// Run a program; what it prints is its output.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Ask a service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpCall>,
    /// The name under which later steps find the output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

/// A request to a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpCall {
    /// Where it goes; path and query are templates.
    pub url: Address,
    /// The request's method.
    #[serde(default = "get")]
    pub method: String,
    /// Its headers.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub headers: Headers,
    /// Its body, a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

fn get() -> String {
    "GET".to_owned()
}

/// Steps that are done several times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepeatStep {
    /// How often, rounded.
    pub times: Draw,
    /// What.
    pub steps: Vec<Step>,
}

/// Steps that are done if something holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhenStep {
    /// An expression, such as `'"search" in outputs.plan'` or `item.topic == "sums"`.
    #[serde(rename = "if")]
    pub condition: String,
    /// What is done where it holds.
    pub steps: Vec<Step>,
    /// What is done where it does not.
    #[serde(default, rename = "else", skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<Step>,
}

/// One of several lists of steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// How often it is chosen, against the others.
    pub weight: u32,
    /// What is done then.
    pub steps: Vec<Step>,
}

/// A number that can differ from run to run: a plain one, `{median: 0.2, sigma: 0.5}` (log-normal),
/// `{from: 0.1, to: 0.3}`, or `{values: [0.1, 0.25, 0.1]}`. Times are in seconds, or texts such as
/// `200ms`.
///
/// Runs go through `values` in turn, all lists in step: what was recorded together stays together.
#[derive(Clone, Debug, PartialEq)]
pub enum Draw {
    /// Always the same.
    Same(f64),
    /// Log-normal.
    LogNormal {
        /// The median.
        median: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// Uniform.
    Uniform {
        /// The smallest.
        from: f64,
        /// The largest.
        to: f64,
    },
    /// One of these.
    Values {
        /// In the order of the runs.
        values: Vec<f64>,
    },
}

/// The secrets in the headers of tools, with their paths in the spec.
pub(super) fn secrets<'a>(steps: &'a [Step], at: &str) -> Vec<(String, &'a Secret)> {
    let mut found = Vec::new();
    each_step(steps, at, &mut |at, step| {
        if let Step::Tool(tool) = step
            && let Some(http) = &tool.http
        {
            found.extend(super::of_access(&format!("{at}.tool.http"), None, &http.headers));
        }
    });
    found
}

/// Visits all steps, with their paths in the spec.
pub(in crate::spec) fn each_step<'a>(
    steps: &'a [Step],
    at: &str,
    each: &mut dyn FnMut(&str, &'a Step),
) {
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

impl Draw {
    /// All numbers that it is made of.
    pub fn numbers(&self) -> Vec<f64> {
        match self {
            Self::Same(value) => vec![*value],
            Self::LogNormal { median, sigma } => vec![*median, *sigma],
            Self::Uniform { from, to } => vec![*from, *to],
            Self::Values { values } => values.clone(),
        }
    }
}

/// A number, or a duration in seconds.
struct Amount(f64);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor).map(Self)
    }
}

struct AmountVisitor;

impl de::Visitor<'_> for AmountVisitor {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a time such as 200ms")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<f64, E> {
        text.parse().map(Seconds::get).map_err(E::custom)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DrawMap {
    #[serde(default)]
    median: Option<Amount>,
    #[serde(default)]
    sigma: Option<f64>,
    #[serde(default)]
    from: Option<Amount>,
    #[serde(default)]
    to: Option<Amount>,
    #[serde(default)]
    values: Option<Vec<Amount>>,
}

impl<'de> Deserialize<'de> for Draw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DrawVisitor)
    }
}

struct DrawVisitor;

impl<'de> de::Visitor<'de> for DrawVisitor {
    type Value = Draw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a number, {median: 0.2, sigma: 0.5}, {from: 0.1, to: 0.3} or {values: [0.1, 0.3]}",
        )
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Draw, E> {
        Ok(Draw::Same(value as f64))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Draw, E> {
        Ok(Draw::Same(value))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Draw, E> {
        AmountVisitor.visit_str(text).map(Draw::Same)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, access: A) -> Result<Draw, A::Error> {
        let map = DrawMap::deserialize(de::value::MapAccessDeserializer::new(access))?;
        match map {
            DrawMap { median: Some(Amount(median)), sigma, from: None, to: None, values: None } => {
                Ok(Draw::LogNormal { median, sigma: sigma.unwrap_or_default() })
            }
            DrawMap {
                median: None,
                sigma: None,
                from: Some(Amount(from)),
                to: Some(Amount(to)),
                values: None,
            } => Ok(Draw::Uniform { from, to }),
            DrawMap { median: None, sigma: None, from: None, to: None, values: Some(values) } => {
                Ok(Draw::Values { values: values.into_iter().map(|Amount(value)| value).collect() })
            }
            _ => Err(de::Error::custom(
                "this is neither {median, sigma} nor {from, to} nor {values}",
            )),
        }
    }
}

/// A number as people write it.
struct Short(f64);

impl Serialize for Short {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const EXACT: f64 = 1e15;
        if self.0.fract() == 0.0 && self.0.abs() < EXACT {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
            return serializer.serialize_i64(self.0 as i64);
        }
        serializer.serialize_f64(self.0)
    }
}

impl Serialize for Draw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pair = |serializer: S, pair: [(&str, f64); 2]| {
            serializer.collect_map(pair.map(|(key, value)| (key, Short(value))))
        };
        match self {
            Self::Same(value) => Short(*value).serialize(serializer),
            Self::LogNormal { median, sigma } => {
                pair(serializer, [("median", *median), ("sigma", *sigma)])
            }
            Self::Uniform { from, to } => pair(serializer, [("from", *from), ("to", *to)]),
            Self::Values { values } => {
                let values: Vec<Short> = values.iter().copied().map(Short).collect();
                serializer.collect_map([("values", serde_yaml::FlowSeq(values))])
            }
        }
    }
}

impl JsonSchema for Draw {
    fn schema_name() -> Cow<'static, str> {
        "Draw".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let amount = serde_json::json!({ "type": ["number", "string"] });
        schemars::json_schema!({
            "description": "A number that can differ from run to run",
            "anyOf": [
                amount,
                { "type": "object", "required": ["median"], "additionalProperties": false,
                  "properties": { "median": amount, "sigma": { "type": "number", "minimum": 0 } } },
                { "type": "object", "required": ["from", "to"], "additionalProperties": false,
                  "properties": { "from": amount, "to": amount } },
                { "type": "object", "required": ["values"], "additionalProperties": false,
                  "properties": { "values": { "type": "array", "items": amount, "minItems": 1 } } },
            ],
        })
    }
}
