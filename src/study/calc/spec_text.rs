//! A configuration and parameters of the reference as the text of a spec.

use super::{CalcError, CalcOptions};
use crate::bounded::read_file;
use crate::nat::{ImportedSections, Sources, import};
use crate::redact::{is_plain_secret, query_holds_a_secret};
use crate::sizing::MethodName;
use crate::spec::{Parts, Spec, process_env};
use crate::study::files::read_bounded;
use crate::workflow::nat::dataset_items;
use serde_json::{Map, Value, json};
use std::io::ErrorKind::AlreadyExists;
use std::io::Write as _;
use std::path::Path;

/// The reports of a calculation: the reference's file, and its plots unless they are not wanted.
pub(super) fn reports(plots: bool) -> Vec<&'static str> {
    let plots = if plots {
        &["concurrency_vs_p95_simple.png", "concurrency_vs_p95_analysis.png"][..]
    } else {
        &[]
    };
    [&["calc_runner_output.json"], plots].concat()
}

/// The spec for a calculation, to lie in the folder `base`, or in none; reports go to `out`. With
/// it what was changed on the way, in sentences.
pub(super) fn calc_spec(
    options: &CalcOptions,
    base: Option<&Path>,
    out: &Path,
) -> Result<(String, Vec<String>), CalcError> {
    options.check()?;
    let config = options.config_file.as_deref();
    let config = config.ok_or_else(|| {
        CalcError::Parameters("--config_file is missing: it names the dataset".to_owned())
    })?;
    let folder = base.map_or_else(|| out.to_owned(), |base| base.join(out));
    let python = options.python.as_deref().map(Path::new);
    let imported = read(config, &folder, python)?;
    let endpoint = options.endpoint.as_deref();
    let mut workflow = match &options.python {
        None if options.hosts.is_none() => workflow(config, &imported, endpoint, base)?,
        python => hosted(config, python.as_deref(), base),
    };
    if let Some(hosts) = options.hosts {
        workflow["hosts"] = json!(hosts);
    }
    workflow["timeout"] = format!("{}s", options.endpoint_timeout).into();
    let mut spec = base_spec(config, &imported, workflow, base)?;
    if options.test_gpu_count > 0 {
        spec.insert("test".into(), json!({ "gpu_count": options.test_gpu_count }));
    }
    let mut levels = options.concurrencies.clone();
    levels.sort_unstable();
    // Every run of a burst is measured: what the reference does.
    let mut concurrency = json!({ "levels": levels, "mode": "burst" });
    if options.num_passes > 0 {
        concurrency["passes"] = options.num_passes.into();
    }
    spec.insert("concurrency".into(), concurrency);
    let mut targets = Map::new();
    if options.target_users > 0 {
        targets.insert("users".into(), options.target_users.into());
    }
    for (key, seconds) in [
        ("workflow_runtime", options.target_workflow_runtime),
        ("llm_latency", options.target_llm_latency),
    ] {
        if seconds > 0.0 {
            targets.insert(key.into(), seconds.into());
        }
    }
    if !targets.is_empty() {
        spec.insert("targets".into(), targets.into());
    }
    spec.insert("estimate".into(), json!({ "method": options.method.key() }));
    let mut all_reports = vec!["summary.md", "levels.csv", "result.json"];
    all_reports.extend(reports(options.plots));
    spec.insert("outputs".into(), json!({ "dir": out, "reports": all_reports }));
    let text = with_server(&to_yaml(&spec), &spec["workflow"]);
    Ok((checked(text, config)?, imported.notes))
}

/// The spec for a configuration alone: its dataset and its workflow, with a plan to begin with.
pub fn imported_spec(
    config: &Path,
    endpoint: Option<&str>,
    base: &Path,
) -> Result<(String, Vec<String>), CalcError> {
    let imported = read(config, base, None)?;
    let workflow = workflow(config, &imported, endpoint, Some(base))?;
    let mut spec = base_spec(config, &imported, workflow, Some(base))?;
    spec.insert(
        "concurrency".into(),
        json!({ "levels": (1..=10).collect::<Vec<u32>>(), "mode": "burst" }),
    );
    spec.insert("estimate".into(), json!({ "method": MethodName::Linear.key() }));
    let text = with_server(&to_yaml(&spec), &spec["workflow"]);
    Ok((checked(text, config)?, imported.notes))
}

/// The spec to write for a calculation into the folder `base`: its reports go where those of the
/// calculation would.
pub fn emitted_spec(
    options: &CalcOptions,
    base: &Path,
) -> Result<(String, Vec<String>), CalcError> {
    let out = options.output_dir.as_deref().map(|dir| seen_from(Some(base), dir));
    let out = out.map(|dir| if dir.is_empty() { ".".to_owned() } else { dir });
    calc_spec(options, Some(base), Path::new(out.as_deref().unwrap_or("out")))
}

/// A spec that is refused is not written: what it was made of is named instead. What variables hold that
/// are not set now is not known.
fn checked(text: String, config: &Path) -> Result<String, CalcError> {
    let unset = text
        .split("${env:")
        .skip(1)
        .any(|rest| rest.split_once('}').is_none_or(|(name, _)| process_env(name).is_none()));
    let read = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
    let parts =
        Parts { project: None, profile: None, overrides: &[], env: &process_env, read: &read };
    match Spec::parse(&text, Path::new("spec.yml"), &parts) {
        Err(error) if !unset => Err(CalcError::Parameters(format!(
            "{}: its spec would be refused: {}",
            config.display(),
            error.message()
        ))),
        _ => Ok(text),
    }
}

/// Reads a configuration; the items of a dataset that the reference's own code has to read go to a file in `folder`.
fn read(
    config: &Path,
    folder: &Path,
    python: Option<&Path>,
) -> Result<ImportedSections, CalcError> {
    let exists = |path: &str| Path::new(path).is_file();
    let items = || {
        let items = dataset_items(config, python).map_err(|failure| failure.message)?;
        let name = config.file_stem().unwrap_or(config.as_os_str()).to_string_lossy();
        let file = folder.join(format!("{name}.items.jsonl"));
        keep_items(&file, &items).map_err(|error| {
            format!("its items cannot be written to {}: {error}", file.display())
        })?;
        Ok(file.to_string_lossy().into_owned())
    };
    let sources = Sources { env: &process_env, read: &read_bounded, exists: &exists };
    Ok(import(config, &sources, &items)?)
}

/// Writes items to a file, unless it holds them already; what else it holds may be someone's own.
fn keep_items(file: &Path, items: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    match std::fs::File::create_new(file) {
        Ok(mut new) => new.write_all(items.as_bytes()),
        Err(error) if error.kind() == AlreadyExists => {
            let same = read_file(file, items.len() as u64).is_ok_and(|it| it == items.as_bytes());
            if same {
                Ok(())
            } else {
                Err(std::io::Error::new(
                    AlreadyExists,
                    "it exists with other content; remove it first",
                ))
            }
        }
        Err(error) => Err(error),
    }
}

/// The workflow: of a server, as the configuration says it, or else run by the reference itself.
fn workflow(
    config: &Path,
    imported: &ImportedSections,
    endpoint: Option<&str>,
    base: Option<&Path>,
) -> Result<Value, CalcError> {
    match (endpoint, &imported.workflow) {
        (Some(endpoint), _) => Ok(json!({ "type": "nat", "base_url": endpoint })),
        (None, Ok(workflow)) => Ok(workflow.clone()),
        (None, Err(_)) if imported.is_for_reference => Ok(hosted(config, None, base)),
        (None, Err(reason)) => Err(CalcError::Parameters(reason.clone())),
    }
}

/// The configuration's workflow, run by the reference in the folder that is the working directory now, as it would.
fn hosted(config: &Path, python: Option<&str>, base: Option<&Path>) -> Value {
    let mut workflow = json!({ "type": "nat", "config": seen_from(base, config) });
    let folder = seen_from(base, Path::new("."));
    if !folder.is_empty() {
        workflow["cwd"] = folder.into();
    }
    if let Some(python) = python {
        // A mere name is looked up on the PATH.
        let is_path = python.contains('/');
        let python = if is_path { seen_from(base, Path::new(python)) } else { python.to_owned() };
        workflow["python"] = python.into();
    }
    workflow
}

/// The text of a spec with the other way to measure a workflow that the reference runs, as a comment.
fn with_server(text: &str, workflow: &Value) -> String {
    let Some(config) = workflow["config"].as_str() else { return text.to_owned() };
    let mut serve = json!({ "run": ["nat", "serve", "--config_file", config, "--port", "8000"] });
    if let Some(folder) = workflow.get("cwd") {
        serve["cwd"] = folder.clone();
    }
    let comment = format!(
        "  # In place of `config` and what belongs to it, the reference's own server, which works on 8 runs at a time:\n  \
         # base_url: http://localhost:8000\n  # serve: {serve}\n"
    );
    let mut out = String::new();
    let mut within = false;
    for line in text.split_inclusive('\n') {
        if within && !line.starts_with(' ') {
            out.push_str(&comment);
            within = false;
        }
        within |= line.starts_with("workflow:");
        out.push_str(line);
    }
    if within {
        out.push_str(&comment);
    }
    out
}

fn base_spec(
    config: &Path,
    imported: &ImportedSections,
    workflow: Value,
    base: Option<&Path>,
) -> Result<Map<String, Value>, CalcError> {
    let mut dataset = imported.dataset.clone();
    let Some(path) = dataset["path"].as_str().map(str::to_owned) else {
        let message = format!("{}: its dataset has no path", config.display());
        return Err(CalcError::Parameters(message));
    };
    if !(path.starts_with("http://") || path.starts_with("https://") || path.contains("${")) {
        if !Path::new(&path).is_file() {
            return Err(CalcError::Parameters(format!(
                "{}: eval.general.dataset.file_path: there is no file {path} (relative paths are relative to the \
                 working directory)",
                config.display()
            )));
        }
        dataset["path"] = seen_from(base, Path::new(&path)).into();
    }
    let name = config.file_stem().unwrap_or(config.as_os_str()).to_string_lossy().into_owned();
    for (section, value) in [("workflow", &workflow), ("dataset", &dataset)] {
        if let Some(path) = plain_secret(section, section, value) {
            return Err(CalcError::Parameters(format!(
                "{}: {path} of the spec would hold a secret in plain text, which is never copied: put it into an \
                 environment variable and write ${{NAME}} in the configuration",
                config.display()
            )));
        }
    }
    let mut spec = Map::new();
    spec.insert("version".into(), 1.into());
    spec.insert("name".into(), name.into());
    spec.insert("dataset".into(), dataset);
    spec.insert("workflow".into(), workflow);
    Ok(spec)
}

/// Returns the path of a secret in plain text, except in texts for a model.
fn plain_secret(path: &str, key: &str, value: &Value) -> Option<String> {
    match value {
        Value::String(text) => {
            let is_url_secret = text.contains("://") && query_holds_a_secret(text);
            (is_plain_secret(key, text) || is_url_secret).then(|| path.to_owned())
        }
        Value::Array(values) => values.iter().find_map(|value| plain_secret(path, key, value)),
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| *key != "system")
            .find_map(|(key, value)| plain_secret(&format!("{path}.{key}"), key, value)),
        _ => None,
    }
}

/// A path as seen from a folder, or from anywhere.
fn seen_from(base: Option<&Path>, path: &Path) -> String {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let path = absolute(path);
    let relative = base.and_then(|base| pathdiff::diff_paths(&path, absolute(base)));
    relative.unwrap_or(path).to_string_lossy().into_owned()
}

/// The sections in the order in which people read them.
#[expect(clippy::expect_used, reason = "all keys are names, and all values were JSON before")]
fn to_yaml(spec: &Map<String, Value>) -> String {
    const ORDER: [&str; 9] = [
        "version",
        "name",
        "dataset",
        "workflow",
        "test",
        "concurrency",
        "targets",
        "estimate",
        "outputs",
    ];
    let sections = ORDER.iter().filter_map(|key| Some((*key, spec.get(*key)?)));
    let ordered: indexmap::IndexMap<&str, &Value> = sections.collect();
    serde_yaml::to_string(&ordered).expect("a map of JSON values")
}
