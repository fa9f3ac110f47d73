//! The reference's chat completion as a workflow of a spec: the LLM and the settings of its
//! requests.

use super::provider::{NoProvider, Provider};
use super::typed::typed;
use super::variables::Env;
use crate::redact::names_a_secret;
use serde_json::{Map, Value};

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
        Some("chat_completion") => llm_of(config)
            .is_some_and(|(_, llm)| matches!(Provider::of(llm), Err(NoProvider::OtherProtocol(_)))),
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

/// Explains why the workflow has no LLM.
fn no_llm(config: &Value) -> String {
    let llms: Vec<&str> =
        config["llms"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    match (llms.as_slice(), config["workflow"]["llm_name"].as_str()) {
        ([], _) => "the configuration has no `llms`; add the one that the workflow asks".to_owned(),
        (_, None) => {
            format!("the workflow has no `llm_name`; add it: one of {}", llms.join(", "))
        }
        (_, Some(name)) if llms.contains(&name) => {
            format!("`llms.{name}` is no section with settings; correct it")
        }
        (_, Some(name)) => format!(
            "the workflow's `llm_name` is `{name}`, and `llms` has {}; correct it",
            llms.join(", ")
        ),
    }
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
        return Err(format!("{}, or {SERVE}", no_llm(config)));
    };
    if section["llm_name"].is_null() {
        notes.push(format!(
            "the workflow has no llm_name, which the reference refuses; `{name}`, the only LLM, is used"
        ));
    }
    let provider = Provider::of(llm).map_err(|no| match no {
        NoProvider::OtherProtocol(kind) => {
            format!("sizer cannot call an LLM of the type `{kind}` itself; {SERVE}")
        }
        NoProvider::NoModel => format!("the LLM has no model_name; add it, or {SERVE}"),
    })?;
    let mut out = Map::new();
    out.insert("type".into(), "openai".into());
    out.insert("base_url".into(), provider.base_url.as_str().into());
    out.insert("model".into(), provider.model.as_str().into());
    let key = key_of(llm, &provider, env, notes);
    let left_out = settings(llm, provider.settings, env, &mut out)
        .map_err(|(key, wrong)| format!("llms.{name}.{key}: {wrong}"))?;
    if let Some(key) = key {
        match provider.key_header {
            None => drop(out.insert("api_key".into(), key.into())),
            Some(header) => {
                let headers = out.entry("headers").or_insert_with(|| Map::new().into());
                headers[header] = key.into();
            }
        }
    }
    if llm.get("_type").is_some_and(|kind| kind == "nim") && !out.contains_key("max_tokens") {
        out.insert("max_tokens".into(), NIM_MAX_TOKENS.into());
        notes.push(format!("max_tokens is {NIM_MAX_TOKENS}, the reference's default for a NIM"));
    }
    if !left_out.is_empty() {
        notes.push(format!(
            "not carried over from llms.{name}: {}; check whether the load depends on them",
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

/// Returns true if a text only stands where a client insists on an API key.
fn is_placeholder(key: &str) -> bool {
    const PARTS: [&str; 9] = [
        "notneeded",
        "notrequired",
        "notused",
        "unused",
        "nokey",
        "dummy",
        "placeholder",
        "fake",
        "yourapikey",
    ];
    const WHOLE: [&str; 12] = [
        "empty", "none", "null", "na", "test", "key", "apikey", "token", "local", "ollama",
        "lmstudio", "vllm",
    ];
    let letters = |it: &char| it.is_ascii_alphanumeric();
    let plain: String = key.chars().filter(letters).collect::<String>().to_ascii_lowercase();
    let rest = plain.strip_prefix("sk").unwrap_or(&plain);
    PARTS.iter().any(|part| plain.contains(part))
        || WHOLE.contains(&plain.as_str())
        || rest.chars().all(|it| matches!(it, 'x' | '0'))
}

/// Returns the reference to the API key, if the LLM takes one.
fn key_of(
    llm: &Map<String, Value>,
    provider: &Provider,
    env: &Env<'_>,
    notes: &mut Vec<String>,
) -> Option<String> {
    let variable = provider.key_variable;
    let key = llm.get("api_key").and_then(Value::as_str).filter(|it| !it.trim().is_empty());
    match key {
        Some(key) if key.contains("${env:") => Some(key.to_owned()),
        Some(key) if !provider.takes_key && is_placeholder(key) => {
            notes.push(
                "the API key in the configuration is a placeholder, so no key is sent".to_owned(),
            );
            None
        }
        Some(_) => {
            notes.push(format!(
                "the configuration holds the API key in plain text, so it was not copied: set {variable}"
            ));
            Some(format!("${{env:{variable}}}"))
        }
        None => {
            (provider.takes_key || env(variable).is_some()).then(|| format!("${{env:{variable}}}"))
        }
    }
}

/// Converts the settings of a request, except those that are `taken` already, and returns the names
/// of those left out; fails with the invalid key and the reason.
fn settings(
    llm: &Map<String, Value>,
    taken: &[&str],
    env: &Env<'_>,
    out: &mut Map<String, Value>,
) -> Result<Vec<String>, (String, String)> {
    const DONE: [&str; 5] = ["_type", "model_name", "model", "base_url", "api_key"];
    let mut body = Map::new();
    let mut headers = Map::new();
    let mut left_out = Vec::new();
    let given = llm.iter().filter(|(key, value)| {
        let key = key.as_str();
        !DONE.contains(&key) && !taken.contains(&key) && !value.is_null()
    });
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn converted(llm: &Value) -> (Value, Vec<String>) {
        let config = json!({"llms": {"one": llm}, "workflow": {"_type": "chat_completion"}});
        let mut notes = Vec::new();
        let made = workflow(&config, &|_: &str| None, &mut notes);
        (made.expect("a workflow"), notes)
    }

    #[test]
    fn a_key_that_is_a_placeholder_is_not_demanded() {
        for key in ["EMPTY", "not-needed", "sk-no-key-required", "dummy_key", "sk-xxxx", "xxx"] {
            let llm = json!({"_type": "openai", "model_name": "m", "base_url": "http://h/v1", "api_key": key});
            let (made, notes) = converted(&llm);
            assert_eq!(made.get("api_key"), None, "{key}");
            assert!(notes.iter().any(|note| note.contains("placeholder")), "{key}: {notes:?}");
        }
        for (key, url) in [("sk-live-4f9a8b7c6d5e", Some("http://h/v1")), ("EMPTY", None)] {
            let llm =
                json!({"_type": "openai", "model_name": "m", "base_url": url, "api_key": key});
            let (made, notes) = converted(&llm);
            assert_eq!(made["api_key"], "${env:OPENAI_API_KEY}", "{key}");
            assert!(!notes.concat().contains(key), "{notes:?}");
        }
    }

    #[test]
    fn the_key_of_azure_is_a_header_beside_the_others() {
        let (made, notes) = converted(&json!({
            "_type": "azure_openai", "azure_endpoint": "https://a.example", "azure_deployment": "gpt",
            "api_version": "2024-10-21", "temperature": 0.5, "default_headers": {"X-Team": "search"},
        }));
        let address = "https://a.example/openai/deployments/gpt?api-version=2024-10-21";
        assert_eq!(
            made,
            json!({
                "type": "openai", "base_url": address, "model": "gpt", "temperature": 0.5, "stream": false,
                "headers": {"X-Team": "search", "api-key": "${env:AZURE_OPENAI_API_KEY}"},
            })
        );
        let [unnamed] = notes.as_slice() else { panic!("{notes:?}") };
        assert!(unnamed.starts_with("the workflow has no llm_name"), "{unnamed}");
    }

    #[test]
    fn an_llm_of_another_protocol_is_left_to_the_reference() {
        let config =
            |llm: Value| json!({"llms": {"one": llm}, "workflow": {"_type": "chat_completion"}});
        assert!(is_for_reference(&config(json!({"_type": "aws_bedrock", "model_name": "m"}))));
        assert!(!is_for_reference(&config(json!({"_type": "azure_openai", "model_name": "m"}))));
    }
}
