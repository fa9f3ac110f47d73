//! Compilation of a spec's steps into steps that can be played.

use super::config::{ChainSpec, HttpCall, LlmStep, Step as StepSpec, ToolStep};
use super::step::{LlmRequest, Prompt, Request, Server, Step};
use crate::language::{Address, Vault};
use crate::workflow::local::Program;
use crate::workflow::openai::dialect::Dialect;
use crate::workflow::openai::request::STREAM_OPTIONS;
use crate::workflow::template::Template;
use crate::workflow::transport::{Access, Endpoint, split_url};
use crate::workflow::{ConnectError, ConnectionSpec, Headers, ProgramSpec, Variables};
use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use std::path::Path;
use std::sync::Arc;

type Servers = IndexMap<String, Arc<Server>>;

/// Prepares the servers and steps of a chain.
pub(super) fn build(
    spec: &ChainSpec,
    base_dir: &Path,
    vault: &Vault<'_>,
) -> Result<(Servers, Vec<Step>), ConnectError> {
    let mut servers = Servers::new();
    for (name, server) in spec.llm.servers() {
        let access = Access {
            address: &server.url,
            api_key: server.api_key.as_ref(),
            headers: &server.headers,
            timeout: spec.timeout,
            connection: &spec.llm.connection,
            base_dir,
        };
        let endpoint = Endpoint::new(&access, vault)?;
        let (completions, models) =
            (endpoint.target("/chat/completions")?, endpoint.target("/models")?);
        let dialect = Dialect::default();
        let server = Server { name: name.clone(), endpoint, completions, models, dialect };
        servers.insert(name, Arc::new(server));
    }
    let mut builder = Builder { spec, servers: &servers, base_dir, vault, count: 0 };
    let steps = builder.steps(&spec.steps, "workflow.steps")?;
    Ok((servers, steps))
}

struct Builder<'a> {
    spec: &'a ChainSpec,
    servers: &'a Servers,
    base_dir: &'a Path,
    vault: &'a Vault<'a>,
    count: u64,
}

impl Builder<'_> {
    fn steps(&mut self, steps: &[StepSpec], at: &str) -> Result<Vec<Step>, ConnectError> {
        let each = steps.iter().enumerate();
        each.map(|(index, step)| self.step(step, &format!("{at}.{index}"))).collect()
    }

    fn lists<'s>(
        &mut self,
        lists: impl Iterator<Item = &'s Vec<StepSpec>>,
        at: &str,
    ) -> Result<Vec<Vec<Step>>, ConnectError> {
        lists
            .enumerate()
            .map(|(index, steps)| self.steps(steps, &format!("{at}.{index}")))
            .collect()
    }

    fn step(&mut self, step: &StepSpec, at: &str) -> Result<Step, ConnectError> {
        self.count += 1;
        let number = self.count;
        Ok(match step {
            StepSpec::Llm(step) => {
                Step::Llm(Box::new(self.ask(step, number, &format!("{at}.llm"))?))
            }
            StepSpec::Tool(tool) => self.tool(tool, number, &format!("{at}.tool"))?,
            StepSpec::Repeat(repeat) => Step::Repeat {
                number,
                times: repeat.times.clone(),
                steps: self.steps(&repeat.steps, &format!("{at}.repeat.steps"))?,
            },
            StepSpec::Parallel(lists) => {
                Step::Parallel(self.lists(lists.iter(), &format!("{at}.parallel"))?)
            }
            StepSpec::When(when) => Step::When {
                condition: Template::condition(&format!("{at}.when.if"), &when.condition)?,
                steps: self.steps(&when.steps, &format!("{at}.when.steps"))?,
                otherwise: self.steps(&when.otherwise, &format!("{at}.when.else"))?,
            },
            StepSpec::Choose(choices) => {
                let lists = choices.iter().map(|choice| &choice.steps);
                let lists = self.lists(lists, &format!("{at}.choose"))?;
                let weights = choices.iter().map(|choice| u64::from(choice.weight));
                Step::Choose(weights.zip(lists).collect())
            }
        })
    }

    fn ask(&self, step: &LlmStep, number: u64, at: &str) -> Result<LlmRequest, ConnectError> {
        let server = match &step.upstream {
            Some(name) => self.servers.get(name),
            None => self.servers.values().next(),
        };
        let server = server.cloned();
        let missing = |what: &str| ConnectError::Client(format!("{at}: no {what} is named"));
        let model = step.model.as_ref().or(self.spec.model.as_ref());
        let model = model.cloned().ok_or_else(|| missing("model"))?;
        let stream = step.stream.unwrap_or(self.spec.stream);
        let mut body = step.extra_body.clone();
        body.insert("model".to_owned(), model.as_str().into());
        body.insert("stream".to_owned(), stream.into());
        if stream && !body.contains_key(STREAM_OPTIONS) {
            body.insert(STREAM_OPTIONS.to_owned(), json!({ "include_usage": true }));
        }
        Ok(LlmRequest {
            number,
            server: server.ok_or_else(|| missing("server"))?,
            body,
            model,
            stream,
            prompt: prompt(step, at)?,
            max_tokens: step.max_tokens.clone(),
            output: step.output.clone(),
        })
    }

    fn tool(&self, tool: &ToolStep, number: u64, at: &str) -> Result<Step, ConnectError> {
        let output = tool.output.clone();
        if let Some(seconds) = &tool.sleep {
            return Ok(Step::Sleep { number, seconds: seconds.clone() });
        }
        if let Some(http) = &tool.http {
            let request = Box::new(self.request(http, &format!("{at}.http"))?);
            return Ok(Step::Http { request, output });
        }
        let named = ProgramSpec {
            at: &format!("{at}.command"),
            run: &tool.command,
            shell: false,
            env: &Variables::new(),
            cwd: None,
            files: &[],
        };
        let program = Program::new(&named, self.base_dir, self.vault)?;
        Ok(Step::Command { program: Box::new(program), output })
    }

    fn request(&self, http: &HttpCall, at: &str) -> Result<Request, ConnectError> {
        let (server, path) = split_url(http.url.public());
        let access = Access {
            address: &Address::from(server.to_owned()),
            api_key: None,
            headers: &http.headers,
            timeout: self.spec.timeout,
            connection: &ConnectionSpec::default(),
            base_dir: self.base_dir,
        };
        let method = Method::from_bytes(http.method.to_ascii_uppercase().as_bytes());
        let body = http.body.as_ref().map(|body| Template::new(&format!("{at}.body"), body));
        Ok(Request {
            endpoint: Endpoint::new(&access, self.vault)?,
            method: method
                .map_err(|error| ConnectError::Client(format!("{at}.method: {error}")))?,
            path: Template::new(&format!("{at}.url"), path)?,
            headers: content_type(&http.headers),
            body: body.transpose()?,
        })
    }
}

/// Returns a JSON content type unless the spec sets one.
fn content_type(headers: &Headers) -> HeaderMap {
    let said = headers.keys().any(|name| name.eq_ignore_ascii_case(CONTENT_TYPE.as_str()));
    let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
    HeaderMap::from_iter((!said).then_some(json))
}

fn prompt(step: &LlmStep, at: &str) -> Result<Prompt, ConnectError> {
    if let Some(tokens) = &step.prompt_tokens {
        return Ok(Prompt::Filler(tokens.clone()));
    }
    let template = |key: &str, text: &str| Template::new(&format!("{at}.{key}"), text);
    if !step.messages.is_empty() {
        let each = step.messages.iter().enumerate();
        let each = each.map(|(index, message)| {
            let key = format!("messages.{index}.content");
            Ok((message.role.clone(), template(&key, &message.content)?))
        });
        return Ok(Prompt::Messages(each.collect::<Result<_, ConnectError>>()?));
    }
    let mut messages = Vec::new();
    if let Some(system) = &step.system {
        messages.push(("system".to_owned(), template("system", system)?));
    }
    let question = step.prompt.as_deref().unwrap_or("{{ item.input }}");
    messages.push(("user".to_owned(), template("prompt", question)?));
    Ok(Prompt::Messages(messages))
}

/// Builds a chat message.
pub(super) fn message(role: &str, content: String) -> Value {
    let mut message = Map::new();
    message.insert("role".to_owned(), role.into());
    message.insert("content".to_owned(), content.into());
    message.into()
}
