//! The reference's chat completion as a workflow of a spec: the LLM and the settings of its
//! requests.

use super::typed::typed;
use super::variables::Env;
use crate::redact::names_a_secret;
use serde_json::{Map, Value};

/// LLM providers that speak the chat completions protocol, with their public address and the
/// variable that holds the API key.
const PROVIDERS: [(&str, &str, &str); 2] = [
    ("openai", "https://api.openai.com/v1", "OPENAI_API_KEY"),
    ("nim", "https://integrate.api.nvidia.com/v1", "NVIDIA_API_KEY"),
];
/// Default of `max_tokens` that the reference sends to a NIM.
const NIM_MAX_TOKENS: u64 = 300;
/// Settings that are copied into the request body unchanged.
const BODY: [&str; 20] = [
    "top_p",
    "seed",
    "max_completion_tokens",
    "stop",
    "n",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "top_k",
    "min_p",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "response_format",
    "reasoning_effort",
    "service_tier",
    "parallel_tool_calls",
    "metadata",
    "user",
    "verbosity",
];

/// Returns true if a workflow is none that sizer can carry out itself: of another type, or with an LLM of another type.
pub(super) fn is_for_reference(config: &Value) -> bool {
    match config["workflow"]["_type"].as_str() {
        None | Some("") => false,
        Some("chat_completion") => llm_of(config).is_some_and(|(_, llm)| {
            let provider = llm.get("_type").and_then(Value::as_str).unwrap_or("");
            !PROVIDERS.iter().any(|(name, ..)| *name == provider)
        }),
        Some(_) => true,
    }
}

/// Returns the LLM of the workflow with its name: the one that it names, or the only one.
fn llm_of(config: &Value) -> Option<(&str, &Map<String, Value>)> {
    let llms = config["llms"].as_object()?;
    let name = config["workflow"]["llm_name"].as_str();
    let name = name.or_else(|| llms.keys().next().filter(|_| llms.len() == 1).map(String::as_str));
    name.and_then(|name| Some((name, llms.get(name)?.as_object()?)))
}

/// Converts the workflow; fails with the reason why it cannot be run from here.
pub(super) fn workflow(
    config: &Value,
    env: &Env<'_>,
    notes: &mut Vec<String>,
) -> Result<Value, String> {
    const SERVE: &str =
        "start it yourself (nat serve --config_file …) and name its address with --endpoint";
    let section = &config["workflow"];
    let kind = section["_type"].as_str().unwrap_or("");
    if kind != "chat_completion" {
        let what = if kind.is_empty() {
            "the configuration names no workflow".to_owned()
        } else {
            format!("the workflow `{kind}` runs only inside the reference's own framework")
        };
        return Err(format!("{what}; {SERVE}"));
    }
    let Some((name, llm)) = llm_of(config) else {
        return Err(format!(
            "the workflow's `llm_name` is not among `llms`; correct it, or {SERVE}"
        ));
    };
    let text = |key: &str| llm.get(key).and_then(Value::as_str).filter(|it| !it.trim().is_empty());
    let provider = text("_type").unwrap_or("");
    let known = PROVIDERS.iter().find(|(name, ..)| *name == provider);
    let Some((_, public_url, key_variable)) = known else {
        return Err(format!("the LLM type `{provider}` is not known to sizer; {SERVE}"));
    };
    let Some(model) = text("model_name").or_else(|| text("model")) else {
        return Err(format!("the LLM has no model_name; add it, or {SERVE}"));
    };
    let url = text("base_url");
    let mut out = Map::new();
    out.insert("type".into(), "openai".into());
    out.insert("base_url".into(), url.unwrap_or(public_url).into());
    out.insert("model".into(), model.into());
    match text("api_key") {
        Some(key) if key.contains("${env:") => drop(out.insert("api_key".into(), key.into())),
        Some(_) => {
            out.insert("api_key".into(), format!("${{env:{key_variable}}}").into());
            notes.push(format!(
                "the API key stands in the configuration in plain text and was not copied: set {key_variable}"
            ));
        }
        None if url.is_none() || env(key_variable).is_some() => {
            out.insert("api_key".into(), format!("${{env:{key_variable}}}").into());
        }
        None => {}
    }
    let left_out = settings(llm, env, &mut out)
        .map_err(|(key, wrong)| format!("llms.{name}.{key}: {wrong}"))?;
    if provider == "nim" && !out.contains_key("max_tokens") {
        out.insert("max_tokens".into(), NIM_MAX_TOKENS.into());
        notes.push(format!("max_tokens is {NIM_MAX_TOKENS}, the reference's default for a NIM"));
    }
    if !left_out.is_empty() {
        notes.push(format!(
            "not carried over from llms.{name}: {}; see whether the load depends on it",
            left_out.join(", ")
        ));
    }
    if let Some(system) = section["system_prompt"].as_str().filter(|it| !it.is_empty()) {
        out.insert("system".into(), system.into());
    }
    // The reference's chat completion waits for the whole answer.
    out.insert("stream".into(), false.into());
    Ok(Value::Object(out))
}

/// Converts the settings of a request and returns the names of those left out; fails with the
/// invalid key and the reason.
fn settings(
    llm: &Map<String, Value>,
    env: &Env<'_>,
    out: &mut Map<String, Value>,
) -> Result<Vec<String>, (String, String)> {
    const DONE: [&str; 5] = ["_type", "model_name", "model", "base_url", "api_key"];
    let mut body = Map::new();
    let mut headers = Map::new();
    let mut left_out = Vec::new();
    let given = llm.iter().filter(|(key, value)| !DONE.contains(&key.as_str()) && !value.is_null());
    for (key, value) in given {
        let value = &typed(key, value, env).map_err(|wrong| (key.clone(), wrong))?;
        match (key.as_str(), value) {
            ("temperature" | "max_tokens", _) => drop(out.insert(key.clone(), value.clone())),
            ("request_timeout" | "timeout", Value::Number(seconds)) => {
                out.insert("timeout".into(), format!("{seconds}s").into());
            }
            ("extra_body" | "model_kwargs", Value::Object(extra)) => body.extend(extra.clone()),
            ("default_headers" | "extra_headers", Value::Object(extra)) => {
                for (name, value) in extra {
                    let is_plain = value
                        .as_str()
                        .is_some_and(|text| text.starts_with("${env:") || !names_a_secret(name));
                    if is_plain {
                        headers.insert(name.clone(), value.clone());
                    } else {
                        left_out.push(format!("{key}.{name}"));
                    }
                }
            }
            (known, _) if BODY.contains(&known) => drop(body.insert(key.clone(), value.clone())),
            _ => left_out.push(key.clone()),
        }
    }
    for (key, map) in [("extra_body", body), ("headers", headers)] {
        if !map.is_empty() {
            out.insert(key.into(), Value::Object(map));
        }
    }
    Ok(left_out)
}
