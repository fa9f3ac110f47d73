//! Compiled steps of a chain.

use super::draw_spec::Draw;
use crate::workflow::local::Program;
use crate::workflow::openai::dialect::Dialect;
use crate::workflow::template::Template;
use crate::workflow::transport::{Endpoint, Target};
use hyper::Method;
use hyper::header::HeaderMap;
use std::sync::Arc;

/// LLM server that steps call.
pub(super) struct Server {
    pub name: String,
    pub endpoint: Endpoint,
    pub completions: Target,
    pub models: Target,
    pub dialect: Dialect,
}

/// Compiled step. `number` is unique within the chain.
pub(super) enum Step {
    Llm(Box<LlmRequest>),
    Sleep {
        number: u64,
        seconds: Draw,
    },
    Command {
        program: Box<Program>,
        output: Option<String>,
    },
    Http {
        request: Box<Request>,
        output: Option<String>,
    },
    Repeat {
        number: u64,
        times: Draw,
        steps: Vec<Step>,
    },
    Parallel(Vec<Vec<Step>>),
    When {
        condition: Template,
        steps: Vec<Step>,
        otherwise: Vec<Step>,
    },
    /// Lists of steps with their weights.
    Choose(Vec<(u64, Vec<Step>)>),
}

/// LLM call.
pub(super) struct LlmRequest {
    pub number: u64,
    pub server: Arc<Server>,
    /// Body of the request, without the parts that differ from run to run.
    pub body: serde_json::Map<String, serde_json::Value>,
    pub model: String,
    pub stream: bool,
    pub prompt: Prompt,
    pub max_tokens: Option<Draw>,
    pub output: Option<String>,
}

/// Prompt of an LLM call.
pub(super) enum Prompt {
    /// Messages, as role and template.
    Messages(Vec<(String, Template)>),
    /// Filler of this many tokens.
    Filler(Draw),
}

/// HTTP request to a service.
pub(super) struct Request {
    pub endpoint: Endpoint,
    pub method: Method,
    pub path: Template,
    pub headers: HeaderMap,
    pub body: Option<Template>,
}

pub(super) fn each_program(steps: &[Step], each: &mut dyn FnMut(&Program)) {
    for step in steps {
        match step {
            Step::Command { program, .. } => each(program),
            Step::Llm(_) | Step::Sleep { .. } | Step::Http { .. } => {}
            Step::Repeat { steps, .. } => each_program(steps, each),
            Step::Parallel(lists) => lists.iter().for_each(|steps| each_program(steps, each)),
            Step::When { steps, otherwise, .. } => {
                each_program(steps, each);
                each_program(otherwise, each);
            }
            Step::Choose(choices) => {
                for (_, steps) in choices {
                    each_program(steps, each);
                }
            }
        }
    }
}
