//! The reference's configuration: its `eval` section as a dataset, its workflow as far as its
//! shape is known.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is no YAML.
    #[error("{file} is no YAML: {message}")]
    Syntax {
        /// The file.
        file: String,
        /// What is wrong, with line and column.
        message: String,
    },
    /// A part that is needed is not there or not as expected.
    #[error("{file}: {key}: {message}")]
    Key {
        /// The file.
        file: String,
        /// The dotted path.
        key: String,
        /// What is wrong, and what to do.
        message: String,
    },
}

/// What a configuration says, in the words of a spec.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The spec's `dataset`; a relative path is relative to the working directory, as in the
    /// reference.
    pub dataset: Value,
    /// The spec's `workflow`, or why it cannot be run from here.
    pub workflow: Result<Value, String>,
    /// What was changed on the way, in sentences.
    pub notes: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct Dataset {
    #[serde(rename = "_type")]
    kind: String,
    file_path: Option<String>,
    remote_file_path: Option<String>,
    id_key: Option<String>,
    structure: Structure,
    filter: Option<Filter>,
}

impl Default for Dataset {
    fn default() -> Self {
        Self {
            kind: "json".to_owned(),
            file_path: None,
            remote_file_path: None,
            id_key: None,
            structure: Structure::default(),
            filter: None,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Structure {
    disable: bool,
    question_key: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Filter {
    allowlist: Option<FilterFields>,
    denylist: Option<FilterFields>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FilterFields {
    field: Map<String, Value>,
}

/// Reads a configuration. `env` looks up variables, `exists` says whether a file is there.
pub fn import(
    text: &str,
    file: &str,
    env: &dyn Fn(&str) -> Option<String>,
    exists: &dyn Fn(&str) -> bool,
) -> Result<Imported, ImportError> {
    let mut config: Value = serde_yaml::from_str(text).map_err(|error| ImportError::Syntax {
        file: file.to_owned(),
        message: error.to_string().lines().next().unwrap_or_default().to_owned(),
    })?;
    references(&mut config, env);
    let mut notes = Vec::new();
    Ok(Imported {
        dataset: dataset(&config, file, exists, &mut notes)?,
        workflow: workflow(&config, env, &mut notes),
        notes,
    })
}

/// Rewrites `${NAME}` and `${NAME:-default}`, as the reference knows them, to the spec's own
/// references: a default only where the variable is not set.
fn references(value: &mut Value, env: &dyn Fn(&str) -> Option<String>) {
    match value {
        Value::String(text) => *text = rewrite(text, env),
        Value::Array(items) => items.iter_mut().for_each(|item| references(item, env)),
        Value::Object(map) => map.values_mut().for_each(|value| references(value, env)),
        _ => {}
    }
}

fn rewrite(text: &str, env: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((inside, tail)) = after.split_once('}') else { break };
        out.push_str(before);
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        match default {
            Some(default) if env(name).is_none() => out.push_str(default),
            _ => out.extend(["${env:", name, "}"]),
        }
        rest = tail;
    }
    out + rest
}

fn dataset(
    config: &Value,
    file: &str,
    exists: &dyn Fn(&str) -> bool,
    notes: &mut Vec<String>,
) -> Result<Value, ImportError> {
    const KEY: &str = "eval.general.dataset";
    let wrong = |key: &str, message: String| ImportError::Key {
        file: file.to_owned(),
        key: key.to_owned(),
        message,
    };
    let general = &config["eval"]["general"];
    let section = match &general["dataset"] {
        // A path alone is a dataset in JSON.
        Value::String(path) => json!({ "file_path": path }),
        Value::Object(map) => Value::Object(map.clone()),
        _ => {
            let message = "there is no dataset; name it under eval.general.dataset.file_path";
            return Err(wrong(KEY, message.to_owned()));
        }
    };
    let dataset: Dataset =
        serde_json::from_value(section).map_err(|error| wrong(KEY, error.to_string()))?;
    let format = match dataset.kind.as_str() {
        "json" | "jsonl" | "csv" | "parquet" => dataset.kind.as_str(),
        "xls" => "xlsx",
        other => {
            let message = format!(
                "datasets of the type `{other}` need the reference's own code; write it as json, jsonl, csv, \
                 parquet or xls and name that file"
            );
            return Err(wrong("eval.general.dataset._type", message));
        }
    };
    let remote = dataset.remote_file_path.as_deref();
    let remote = remote.filter(|url| url.starts_with("http://") || url.starts_with("https://"));
    let path = match (&dataset.file_path, remote) {
        (Some(path), None) => path.as_str(),
        (Some(path), Some(_)) if exists(path) => path.as_str(),
        (_, Some(url)) => url,
        (None, None) if dataset.remote_file_path.is_some() => {
            let message = "only HTTP(S) addresses can be downloaded; fetch the file, and name it in file_path";
            return Err(wrong("eval.general.dataset.remote_file_path", message.to_owned()));
        }
        (None, None) => {
            let message = "neither file_path nor remote_file_path is given".to_owned();
            return Err(wrong(KEY, message));
        }
    };
    let mut out = Map::new();
    out.insert("path".into(), path.into());
    out.insert("format".into(), format.into());
    if let Some(key) = dataset.id_key {
        out.insert("id_key".into(), key.into());
    }
    if dataset.structure.disable {
        out.insert("whole_row".into(), true.into());
    } else if let Some(key) = dataset.structure.question_key {
        out.insert("question_key".into(), key.into());
    }
    let filter = dataset.filter.unwrap_or_default();
    let fields = |list: Option<FilterFields>| list.map(|list| list.field).unwrap_or_default();
    let filter: Map<String, Value> =
        [("allow", fields(filter.allowlist)), ("deny", fields(filter.denylist))]
            .into_iter()
            .filter(|(_, fields)| !fields.is_empty())
            .map(|(key, fields)| (key.to_owned(), Value::Object(fields)))
            .collect();
    if !filter.is_empty() {
        out.insert("filter".into(), Value::Object(filter));
    }
    let reps = general.get("reps").or_else(|| config["eval"].get("reps"));
    if reps.and_then(Value::as_u64).is_some_and(|reps| reps > 1) {
        notes.push(
            "eval.general.reps is not used: concurrency.passes says how often a level is filled"
                .into(),
        );
    }
    Ok(Value::Object(out))
}

/// Providers of LLMs that speak the chat completions protocol, with their public address and the
/// variable that holds the key for it.
const PROVIDERS: [(&str, &str, &str); 2] = [
    ("openai", "https://api.openai.com/v1", "OPENAI_API_KEY"),
    ("nim", "https://integrate.api.nvidia.com/v1", "NVIDIA_API_KEY"),
];

fn workflow(
    config: &Value,
    env: &dyn Fn(&str) -> Option<String>,
    notes: &mut Vec<String>,
) -> Result<Value, String> {
    const SERVE: &str =
        "start it yourself (nat serve --config_file …) and name its address with --endpoint";
    let section = &config["workflow"];
    let kind = section["_type"].as_str().unwrap_or_default();
    if kind != "chat_completion" {
        let what = if kind.is_empty() {
            "the configuration names no workflow".to_owned()
        } else {
            format!("the workflow `{kind}` runs only inside the reference's own framework")
        };
        return Err(format!("{what}; {SERVE}"));
    }
    let llms: BTreeMap<String, Value> =
        serde_json::from_value(config["llms"].clone()).unwrap_or_default();
    let llm = match section["llm_name"].as_str() {
        Some(name) => llms.get(name),
        None => llms.values().next().filter(|_| llms.len() == 1),
    };
    let Some(llm) = llm else {
        return Err(format!(
            "the workflow's `llm_name` is not among `llms`; correct it, or {SERVE}"
        ));
    };
    let provider = llm["_type"].as_str().unwrap_or_default();
    let known = PROVIDERS.iter().find(|(name, ..)| *name == provider);
    let Some((_, public_url, key_variable)) = known else {
        return Err(format!("the LLM type `{provider}` is not known to sizer; {SERVE}"));
    };
    let Some(model) = llm.get("model_name").or_else(|| llm.get("model")).and_then(Value::as_str)
    else {
        return Err(format!("the LLM has no model_name; add it, or {SERVE}"));
    };
    let url = llm["base_url"].as_str();
    let mut out = Map::new();
    out.insert("type".into(), "openai".into());
    out.insert("base_url".into(), url.unwrap_or(public_url).into());
    out.insert("model".into(), model.into());
    match llm["api_key"].as_str() {
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
    for key in ["temperature", "max_tokens"] {
        if let Some(value) = llm.get(key).filter(|value| !value.is_null()) {
            out.insert(key.into(), value.clone());
        }
    }
    for key in ["top_p", "seed"] {
        if let Some(value) = llm.get(key).filter(|value| !value.is_null()) {
            let extra = out.entry("extra_body").or_insert_with(|| json!({}));
            extra[key] = value.clone();
        }
    }
    if let Some(system) = section["system_prompt"].as_str() {
        out.insert("system".into(), system.into());
    }
    // The reference's chat completion waits for the whole answer.
    out.insert("stream".into(), false.into());
    Ok(Value::Object(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Imported {
        let env = |name: &str| (name == "SET").then(|| "here".to_owned());
        import(text, "c.yml", &env, &|path| path == "there.json").unwrap()
    }

    #[test]
    fn variables_become_references() {
        let env = |name: &str| (name == "SET").then(|| "here".to_owned());
        for (text, expected) in [
            ("a ${SET} b", "a ${env:SET} b"),
            ("${SET:-x}", "${env:SET}"),
            ("${UNSET:-x}/y", "x/y"),
            ("${UNSET}", "${env:UNSET}"),
            ("${open", "${open"),
        ] {
            assert_eq!(rewrite(text, &env), expected);
        }
    }

    #[test]
    fn the_whole_dataset_section_is_understood() {
        let imported = run("
eval:
  general:
    dataset:
      _type: xls
      file_path: absent.xlsx
      remote_file_path: https://h/data.xlsx
      id_key: nr
      structure: {question_key: ask}
      filter: {allowlist: {field: {topic: [a, 7]}}, denylist: {field: {nr: ['x*']}}}
");
        assert_eq!(
            imported.dataset,
            json!({
                "path": "https://h/data.xlsx", "format": "xlsx", "id_key": "nr", "question_key": "ask",
                "filter": {"allow": {"topic": ["a", 7]}, "deny": {"nr": ["x*"]}},
            })
        );
        assert!(imported.workflow.unwrap_err().contains("--endpoint"));
        let local = run(
            "eval: {general: {dataset: {file_path: there.json, remote_file_path: http://h/x, structure: {disable: true}}}}",
        );
        assert_eq!(
            local.dataset,
            json!({"path": "there.json", "format": "json", "whole_row": true})
        );
    }

    #[test]
    fn a_chat_completion_is_an_openai_workflow() {
        let imported = run("
llms:
  one: {_type: nim, model_name: m, base_url: 'http://${SET}:8000/v1', temperature: 0.0, max_tokens: 9, api_key: nvapi-plain}
workflow: {_type: chat_completion, llm_name: one, system_prompt: Be brief.}
eval: {general: {dataset: d.json}}
");
        assert_eq!(
            imported.workflow.unwrap(),
            json!({
                "type": "openai", "base_url": "http://${env:SET}:8000/v1", "model": "m",
                "api_key": "${env:NVIDIA_API_KEY}", "temperature": 0.0, "max_tokens": 9,
                "system": "Be brief.", "stream": false,
            })
        );
        assert!(imported.notes[0].contains("plain text") && !imported.notes[0].contains("nvapi"));
    }
}
