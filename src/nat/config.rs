//! The reference's configuration: its `eval` section as a dataset, and its workflow as far as its
//! shape is known.

use super::error::ImportError;
use super::llm::{is_for_reference, workflow};
use super::load::{Sources, load};
use super::typed::switch;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};
use std::path::Path;

/// A configuration converted to sections of a spec.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedSections {
    /// The spec's `dataset`; a relative path is relative to the working directory, as in the
    /// reference.
    pub dataset: Value,
    /// The spec's `workflow`, or the reason why it cannot be run from here.
    pub workflow: Result<Value, String>,
    /// True if the workflow is for the reference itself to run: no change to its settings makes it one of the spec's.
    pub is_for_reference: bool,
    /// Changes made by the conversion, in sentences.
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
    #[serde(deserialize_with = "loose_switch")]
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

/// Deserializes a boolean in any form that YAML or a variable can give it.
fn loose_switch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let wrong = || serde::de::Error::custom("structure.disable is true or false");
    switch(&value).ok_or_else(wrong)
}

/// Has the reference's own code read the dataset of a configuration. Returns the path of a file with its items (lines of
/// JSON with an `id` and a `question`), or the reason why there is none.
pub type ReadItems<'a> = dyn Fn() -> Result<String, String> + 'a;

/// Reads a configuration together with those it is based on, and converts it.
pub fn import(
    path: &Path,
    sources: &Sources<'_>,
    items: &ReadItems<'_>,
) -> Result<ImportedSections, ImportError> {
    let config = load(path, sources)?;
    let file = path.display().to_string();
    let mut notes = Vec::new();
    let imported = ImportedSections {
        dataset: dataset(&config, &file, (sources.exists, items), &mut notes)?,
        workflow: workflow(&config, sources.env, &mut notes),
        is_for_reference: is_for_reference(&config),
        notes,
    };
    let used = [Some(&imported.dataset), imported.workflow.as_ref().ok()];
    let unread = used.into_iter().flatten().find_map(unread_form);
    match unread {
        Some((key, form)) => Err(ImportError::Key {
            file,
            key,
            message: format!(
                "`{form}` is not a form of variable that sizer knows: write ${{NAME}} or ${{NAME:-default}}"
            ),
        }),
        None => Ok(imported),
    }
}

/// Finds text that a spec would take for a reference although it is none, with its key.
fn unread_form(value: &Value) -> Option<(String, String)> {
    let map = value.as_object()?;
    map.iter().find_map(|(key, value)| match value {
        Value::String(text) => {
            let mut forms = text.match_indices("${").filter_map(|(at, _)| text.get(at..));
            let form = forms.find(|form| !form.starts_with("${env:"))?;
            let end = form.find('}').map_or(form.len(), |end| end + 1);
            Some((key.clone(), form.get(..end)?.chars().take(60).collect()))
        }
        other => unread_form(other),
    })
}

fn dataset(
    config: &Value,
    file: &str,
    (exists, items): (&dyn Fn(&str) -> bool, &ReadItems<'_>),
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
    let unused = unknown_keys(&section);
    let dataset: Dataset =
        serde_json::from_value(section).map_err(|error| wrong(KEY, error.to_string()))?;
    let by_reference = |key: &str, what: &str, advice: &str| {
        let path =
            items().map_err(|reason| wrong(key, format!("{what}: {reason}; or {advice}")))?;
        Ok(json!({ "path": path, "format": "jsonl", "id_key": "id", "question_key": "question" }))
    };
    let format = match dataset.kind.as_str() {
        "json" | "jsonl" | "csv" | "parquet" => dataset.kind.as_str(),
        "xls" => "xlsx",
        other => {
            let what = format!("datasets of the type `{other}` need the reference's own code");
            let advice = "write it as json, jsonl, csv, parquet or xls and name that file";
            return by_reference("eval.general.dataset._type", &what, advice);
        }
    };
    let remote = dataset.remote_file_path.as_deref();
    let remote = remote.filter(|url| url.starts_with("http://") || url.starts_with("https://"));
    let path = match (&dataset.file_path, remote) {
        (Some(path), _) if dataset.remote_file_path.is_none() || exists(path) => path.as_str(),
        (_, Some(url)) => url,
        _ if dataset.remote_file_path.is_some() => {
            let what = "this address needs the reference's own code";
            let advice = "fetch the file, and name it in file_path";
            return by_reference("eval.general.dataset.remote_file_path", what, advice);
        }
        _ => {
            let message = "neither file_path nor remote_file_path is given";
            let unused =
                if unused.is_empty() { String::new() } else { format!(", but {unused} is there") };
            return Err(wrong(KEY, format!("{message}{unused}")));
        }
    };
    let mut out = Map::new();
    out.insert("path".into(), path.into());
    out.insert("format".into(), format.into());
    if matches!(format, "csv" | "xlsx") {
        out.insert("conventions".into(), "pandas".into());
    }
    if let Some(key) = dataset.id_key {
        out.insert("id_key".into(), key.into());
    }
    if dataset.structure.disable {
        out.insert("whole_row".into(), true.into());
    } else if let Some(key) = dataset.structure.question_key {
        out.insert("question_key".into(), key.into());
    }
    let filter = dataset.filter.unwrap_or_default();
    let fields = |list: Option<FilterFields>| list.map_or_else(Map::new, |list| list.field);
    let filter: Map<String, Value> =
        [("allow", fields(filter.allowlist)), ("deny", fields(filter.denylist))]
            .into_iter()
            .filter(|(_, fields)| !fields.is_empty())
            .map(|(key, fields)| (key.to_owned(), Value::Object(fields)))
            .collect();
    if !filter.is_empty() {
        out.insert("filter".into(), Value::Object(filter));
    }
    if !unused.is_empty() {
        notes.push(format!("not used, since the dataset has no such key: {unused}"));
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

/// Lists the keys of a dataset of a common type that the reference knows no more than sizer does.
fn unknown_keys(dataset: &Value) -> String {
    const KNOWN: [&str; 7] =
        ["_type", "file_path", "remote_file_path", "s3", "id_key", "structure", "filter"];
    const IN_STRUCTURE: [&str; 6] = [
        "disable",
        "question_key",
        "answer_key",
        "generated_answer_key",
        "trajectory_key",
        "expected_trajectory_key",
    ];
    let keys = |section: &Value, at: &str, known: &[&str]| -> Vec<String> {
        let keys = section.as_object().into_iter().flatten().map(|(key, _)| key);
        keys.filter(|key| !known.contains(&key.as_str())).map(|key| format!("{at}{key}")).collect()
    };
    let mut unknown = keys(dataset, "", &KNOWN);
    unknown.extend(keys(&dataset["structure"], "structure.", &IN_STRUCTURE));
    unknown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> ImportedSections {
        let env = |name: &str| (name == "SET").then(|| "here".to_owned());
        let read = |_: &Path| Ok(text.to_owned());
        let exists = |path: &str| path == "there.json";
        let none = || Err("no toolkit".to_owned());
        import(Path::new("c.yml"), &Sources { env: &env, read: &read, exists: &exists }, &none)
            .unwrap()
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
                "path": "https://h/data.xlsx", "format": "xlsx", "conventions": "pandas", "id_key": "nr", "question_key": "ask",
                "filter": {"allow": {"topic": ["a", 7]}, "deny": {"nr": ["x*"]}},
            })
        );
        assert!(!imported.is_for_reference);
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
