//! `type: simulator`.

use crate::language::{Scalar, ScalarOrMap, Seconds, deserialize_scalar_or_map};
use crate::workflow::ConnectionSpec;
use crate::workflow::defaults::{default_timeout, yes};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, de};
use std::borrow::Cow;

/// An embedded LLM server with continuous batching, on a free loopback port: real HTTP, no GPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SimulatorSpec {
    /// Protocol that sizer uses with it.
    #[serde(default)]
    pub protocol: Protocol,
    /// Stream answers (chat completions only).
    #[serde(default = "yes")]
    pub stream: bool,
    /// Longest time that a run may take.
    #[serde(default = "default_timeout")]
    pub timeout: Seconds,
    /// Connection to it.
    #[serde(default)]
    pub connection: ConnectionSpec,
    /// Seed of all its randomness.
    #[serde(default)]
    pub seed: u64,
    /// Simulated hardware.
    #[serde(default)]
    pub engine: Engine,
    /// Prompt lengths, in tokens; by default they follow from the length of the question.
    #[serde(default)]
    pub prompt_tokens: Option<Length>,
    /// Answer lengths, in tokens.
    #[serde(default = "output_tokens")]
    pub output_tokens: Length,
    /// Agent behind `/generate/full`.
    #[serde(default)]
    pub agent: Agent,
    /// Faults to inject.
    #[serde(default)]
    pub faults: Vec<Fault>,
}

impl Default for SimulatorSpec {
    fn default() -> Self {
        Self {
            protocol: Protocol::default(),
            stream: yes(),
            timeout: default_timeout(),
            connection: ConnectionSpec::default(),
            seed: 0,
            engine: Engine::default(),
            prompt_tokens: None,
            output_tokens: output_tokens(),
            agent: Agent::default(),
            faults: Vec::new(),
        }
    }
}

fn output_tokens() -> Length {
    Length { median: 32.0, sigma: 0.0 }
}

/// Protocols over which the simulator can be measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// Chat completions: a run is one LLM call.
    #[default]
    Openai,
    /// `/generate/full` of NeMo Agent Toolkit: a run is an agent with several calls.
    Nat,
}

/// A cluster of continuous-batching replicas. A step of a replica takes
/// `base + per_sequence × batch + per_prefill_token × prompt tokens that enter in it`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Engine {
    /// Replicas behind a least-loaded router.
    pub replicas: u32,
    /// Most sequences in a replica's batch; others queue, first in, first out.
    pub max_batch: u32,
    /// Time of a step, whatever is in it.
    pub base: Seconds,
    /// Time that each sequence in the batch adds to a step.
    pub per_sequence: Seconds,
    /// Time that each prompt token adds to the step in which its sequence enters.
    pub per_prefill_token: Seconds,
    /// Spread of the step time: sigma of a log-normal factor with median 1.
    pub jitter: f64,
}

impl Default for Engine {
    fn default() -> Self {
        const BASE: Seconds = Seconds::fixed(0.004);
        const PER_SEQUENCE: Seconds = Seconds::fixed(0.001);
        const PER_PREFILL_TOKEN: Seconds = Seconds::fixed(0.000_02);
        Self {
            replicas: 1,
            max_batch: 16,
            base: BASE,
            per_sequence: PER_SEQUENCE,
            per_prefill_token: PER_PREFILL_TOKEN,
            jitter: 0.0,
        }
    }
}

/// A log-normal length in tokens: a plain number, or `{median: 200, sigma: 0.4}`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Length {
    /// Median, in tokens.
    pub median: f64,
    /// Standard deviation of the logarithm; 0 makes every length the median.
    pub sigma: f64,
}

/// Agent that the simulator serves on `/generate/full`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Agent {
    /// LLM calls of a run.
    pub calls: u32,
    /// Time that a tool takes between two calls.
    pub tool_time: Seconds,
}

impl Default for Agent {
    fn default() -> Self {
        const TOOL_TIME: Seconds = Seconds::fixed(0.01);
        Self { calls: 2, tool_time: TOOL_TIME }
    }
}

/// Fault that the simulator injects while more than `above` requests are in flight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Kind of the fault.
    pub kind: FaultKind,
    /// Requests in flight up to which there are no faults; 0 makes the fault permanent.
    #[serde(default)]
    pub above: u32,
    /// Share of the requests beyond that which are affected, 0 to 1.
    #[serde(default = "always")]
    pub share: f64,
}

fn always() -> f64 {
    1.0
}

/// Kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// HTTP status 500.
    #[serde(rename = "http_500")]
    Http500,
    /// HTTP status 429 with `Retry-After`.
    #[serde(rename = "http_429")]
    Http429,
    /// The connection breaks in the middle of the answer.
    Drop,
    /// The answer begins and never goes on.
    Stall,
    /// The body ends cleanly before the answer is complete.
    Truncate,
    /// The workflow reports an error in the stream of an answer.
    Error,
}

impl ScalarOrMap for Length {
    const FORMS: &'static str = "a number of tokens, or {median: 200, sigma: 0.4}";

    type Map = Spread;

    fn of_scalar<E: de::Error>(scalar: Scalar<'_>) -> Option<Result<Self, E>> {
        let median = match scalar {
            Scalar::Uint(_) | Scalar::Float(_) => scalar.number()?,
            Scalar::Int(_) | Scalar::Text(_) => return None,
        };
        Some(Ok(Self { median, sigma: 0.0 }))
    }

    fn of_map<E: de::Error>(Spread { median, sigma }: Spread) -> Result<Self, E> {
        Ok(Self { median, sigma })
    }
}

deserialize_scalar_or_map!(Length);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spread {
    /// Median, in tokens.
    median: f64,
    /// Standard deviation of the logarithm.
    #[serde(default)]
    sigma: f64,
}

impl JsonSchema for Length {
    fn schema_name() -> Cow<'static, str> {
        "Length".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let spread = generator.subschema_for::<Spread>();
        schemars::json_schema!({
            "description": "A length in tokens, fixed or log-normal",
            "anyOf": [{ "type": "number", "minimum": 1 }, spread],
        })
    }
}
