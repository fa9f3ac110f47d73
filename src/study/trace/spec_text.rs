//! The shape of an agent's load as the text of a spec.

use super::shape::Shape;
use crate::spec::Spec;
use crate::study::PipelineError;
use crate::workflow::LlmSpec;
use crate::workflow::chain::Step;
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The comment at the head of the spec.
const HEAD: &str = "# The shape of an agent's load, as `sizer trace` saw it: calls, lengths and pauses, without its tools and
# its data. A model may end an answer before `max_tokens`; where the server knows it (vLLM, SGLang),
# `extra_body: {ignore_eos: true}` in a step makes the answer as long as it was.
";

/// The LLM servers of a spec.
pub(super) fn servers(spec: &Spec) -> Result<LlmSpec, PipelineError> {
    if let Some(llm) = spec.workflow.traced_servers() {
        return Ok(llm);
    }
    let error = spec.error_at("workflow", "the LLM servers behind it are not named");
    Err(error.help("add `llm: {upstream: http://localhost:8000/v1}` to the workflow").into())
}

/// The model of calls that name none: the spec's own, or a word for servers that have but one.
fn asked_model(spec: &Spec) -> String {
    spec.workflow.model().unwrap_or("default").to_owned()
}

/// A part of the text: keys in the order in which people read them, or as they come.
#[derive(Serialize)]
#[serde(untagged)]
enum Part {
    Ordered(IndexMap<&'static str, Part>),
    Plain(Value),
    Steps(Vec<Step>),
}

/// A spec with a chain in place of the workflow, and all else as it was.
pub(super) fn write(spec: &Spec, shape: &Shape) -> Result<String, PipelineError> {
    let llm = servers(spec)?;
    let model = shape.model().unwrap_or_else(|| asked_model(spec));
    let steps = shape.steps(Some(&model), llm.servers().len() == 1);
    let llm = plain(&json!(llm), &json!(LlmSpec::of(String::new().into())));
    let mut workflow: IndexMap<&str, Part> =
        IndexMap::from_iter([("type", Part::Plain("chain".into()))]);
    workflow.insert("llm", Part::Plain(llm));
    workflow.insert("model", Part::Plain(model.into()));
    let mut timeout = json!(spec.workflow.timeout());
    whole(&mut timeout);
    workflow.insert("timeout", Part::Plain(timeout));
    workflow.insert("steps", Part::Steps(steps));
    let canonical = spec.canonical();
    let mut sections: IndexMap<&str, Part> = IndexMap::from_iter([
        ("version", Part::Plain(spec.version.into())),
        ("name", Part::Plain(format!("{} (traced)", spec.name).into())),
        ("workflow", Part::Ordered(workflow)),
    ]);
    for key in ["test", "concurrency", "targets", "estimate", "outputs"] {
        let mut section = canonical.get(key).map_or(Value::Null, |it| plain(it, &defaults(key)));
        whole(&mut section);
        if key == "outputs"
            && let Some(section) = section.as_object_mut()
        {
            // Reports of both specs in one folder would replace each other.
            let dir = format!("{}-traced", spec.outputs.dir.display());
            section.insert("dir".to_owned(), dir.into());
        }
        if let Some(reports) = section.get_mut("reports").and_then(Value::as_array_mut) {
            reports.iter_mut().for_each(by_name);
        }
        if !section.as_object().is_some_and(Map::is_empty) && !section.is_null() {
            sections.insert(key, Part::Plain(section));
        }
    }
    let text = serde_yaml::to_string(&sections).map_err(|error| {
        let wrong = spec.error_at("", format!("the trace cannot be written as YAML: {error}"));
        wrong.because(error)
    })?;
    Ok(format!("{HEAD}{text}"))
}

/// A section that is not in the source text.
fn defaults(key: &str) -> Value {
    match key {
        "test" => json!(crate::spec::TestRig::default()),
        "concurrency" => json!(crate::spec::Concurrency::default()),
        "targets" => json!(crate::spec::TargetSets::default()),
        "estimate" => json!(crate::spec::EstimateSpec::default()),
        _ => json!(crate::spec::Outputs::default()),
    }
}

/// A section without what stands there anyway.
fn plain(section: &Value, defaults: &Value) -> Value {
    let (Value::Object(section), Value::Object(defaults)) = (section, defaults) else {
        return section.clone();
    };
    let said = section
        .iter()
        .filter(|(key, value)| !value.is_null() && defaults.get(*key) != Some(*value));
    Value::Object(said.map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// A built-in report as people name it.
fn by_name(report: &mut Value) {
    if report.get("template").is_some_and(Value::is_null)
        && let Some(name) = report.get("name").cloned()
    {
        *report = name;
    }
}

/// Whole numbers as such.
fn whole(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(whole),
        Value::Object(map) => map.values_mut().for_each(whole),
        Value::Number(number) => {
            let whole = number.as_f64().filter(|it| it.fract() == 0.0 && it.abs() < 1e15);
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
            if let Some(whole) = whole {
                *value = json!(whole as i64);
            }
        }
        _ => {}
    }
}
