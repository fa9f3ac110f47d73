//! Work orders: a level's plan with the system under test, as one text that another process can
//! carry out.

use super::{LevelPlan, PlanError};
use crate::bounded::{MOST_VALUES, has_too_many_values};
use crate::redact::redact;
use crate::spec::{Checked, Extensions, Parts, ScrapeSpec, Spec, SpecSet, WorkflowSpec};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::sync::Arc;

/// Version of the format.
const VERSION: u32 = 1;

/// A level, or a share of one, with the system under test. Secrets are references into the
/// environment of the process that carries it out; relative paths are relative to that process's
/// working directory.
#[derive(Clone, Debug)]
pub struct WorkOrder {
    /// The workflow and the scraped endpoint, in a spec of their own, so that they get the checks of any
    /// spec.
    spec: Checked<Spec>,
    /// The load.
    pub plan: LevelPlan,
}

#[derive(Serialize)]
struct OrderDocument<'a> {
    version: u32,
    workflow: &'a WorkflowSpec,
    #[serde(skip_serializing_if = "Option::is_none")]
    scrape: Option<&'a ScrapeSpec>,
    plan: &'a LevelPlan,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderFields {
    #[serde(rename = "version")]
    _version: u32,
    workflow: Value,
    #[serde(default)]
    scrape: Option<Value>,
    plan: LevelPlan,
}

/// The one key that all versions of the format have.
#[derive(Deserialize)]
struct FormatVersion {
    version: u32,
}

impl WorkOrder {
    /// Largest size of a text that is read, in bytes.
    pub const LARGEST: usize = 64 << 20;

    /// Makes an order to load the workflow of a spec.
    ///
    /// # Errors
    ///
    /// Fails if the workflow cannot be written down, or the plan makes no sense.
    pub fn new(of: &Spec, plan: LevelPlan) -> Result<Self, PlanError> {
        let (workflow, scrape) = (json!(of.workflow), of.test.scrape.as_ref());
        let scrape = scrape.map(|scrape| json!(scrape));
        let spec = spec_of(&workflow, scrape.as_ref(), &of.extensions())?;
        // Only what reads as it was written is the same to everybody.
        if spec.workflow != of.workflow || spec.test.scrape != of.test.scrape {
            return Err(PlanError::Ambiguous);
        }
        Self { spec, plan }.checked()
    }

    /// Reads an order of unknown origin.
    ///
    /// # Errors
    ///
    /// Fails if the text is not an order, is too large, or makes no sense.
    pub fn from_json(text: &[u8]) -> Result<Self, PlanError> {
        Self::from_json_with(text, &Arc::default())
    }

    /// Reads an order of unknown origin, whose workflow can be of a kind that was added.
    ///
    /// # Errors
    ///
    /// Fails if the text is not an order, is too large, or makes no sense.
    pub fn from_json_with(text: &[u8], extensions: &Arc<Extensions>) -> Result<Self, PlanError> {
        if text.trim_ascii().is_empty() {
            return Err(PlanError::Nothing);
        }
        if text.len() > Self::LARGEST {
            return Err(PlanError::TooLarge("64 MiB"));
        }
        if has_too_many_values(text) {
            return Err(PlanError::TooManyValues(MOST_VALUES));
        }
        // What it quotes can be anything.
        let wrong = |error: serde_json::Error| PlanError::NotAPlan(redact(&error.to_string()));
        let FormatVersion { version } = serde_json::from_slice(text).map_err(wrong)?;
        if version != VERSION {
            return Err(PlanError::Version { found: version, known: VERSION });
        }
        let OrderFields { workflow, scrape, plan, .. } =
            serde_json::from_slice(text).map_err(wrong)?;
        Self { spec: spec_of(&workflow, scrape.as_ref(), extensions)?, plan }.checked()
    }

    /// Writes the order as text.
    #[expect(clippy::missing_errors_doc, reason = "an order that was made can be written")]
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&self.written())
    }

    /// Returns the digest of the order for the whole level, which all its shares have in common.
    #[expect(clippy::missing_errors_doc, reason = "an order that was made can be written")]
    pub fn digest(&self) -> Result<String, serde_json::Error> {
        let LevelPlan { point, pacing, ramp, seed, workload, segment: _ } = &self.plan;
        let load = (point, pacing, ramp, seed, workload);
        let mut hasher = blake3::Hasher::new();
        serde_json::to_writer(&mut hasher, &(VERSION, &self.spec.workflow, load))?;
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// Returns share `index`, from 0, of `of` shares of the order.
    ///
    /// # Errors
    ///
    /// Fails if there is no such share, or if each would start a server of its own.
    pub fn share(self, index: u32, of: u32) -> Result<Self, PlanError> {
        let plan = self.plan.into_share(index, of)?;
        Self { plan, ..self }.checked()
    }

    /// Returns the workflow with everything that belongs to it.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    fn written(&self) -> OrderDocument<'_> {
        let scrape = self.spec.test.scrape.as_ref();
        OrderDocument { version: VERSION, workflow: &self.spec.workflow, scrape, plan: &self.plan }
    }

    fn checked(self) -> Result<Self, PlanError> {
        self.plan.check()?;
        match self.spec.workflow.own_server() {
            Some(reason) if !self.plan.segment.is_whole() => Err(PlanError::NotShared(reason)),
            _ => Ok(self),
        }
    }
}

/// Makes a spec with nothing but a workflow and a scraped endpoint.
fn spec_of(
    workflow: &Value,
    scrape: Option<&Value>,
    extensions: &Arc<Extensions>,
) -> Result<Checked<Spec>, PlanError> {
    let spec = json!({
        "version": 1,
        "name": "worker",
        "dataset": { "path": "none.jsonl" },
        "workflow": workflow,
        "test": { "scrape": scrape },
        "concurrency": { "levels": [1] },
    });
    let parts = Parts {
        project: None,
        profile: None,
        overrides: &[],
        // What is no secret was looked up when the order was made.
        env: &|_| None,
        read: &|_| Err(ErrorKind::NotFound.into()),
    };
    // Line by line, since errors quote the line that they are about.
    let text = format!("{spec:#}");
    let specs = SpecSet::parse_with(&text, "plan".as_ref(), &parts, extensions);
    specs.and_then(SpecSet::single).map_err(PlanError::Workflow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::LevelSize;
    use crate::measure::Item;
    use crate::pacing::LoadPoint;

    fn spec(workflow: &str) -> Checked<Spec> {
        let text = format!(
            "version: 1\nname: n\ndataset: {{path: d.jsonl}}\nworkflow: {workflow}\n\
             test: {{scrape: {{url: 'http://me:${{env:SCRAPE_PASSWORD}}@h/metrics', every: 2s}}}}\n\
             concurrency: {{levels: [6], passes: 2, think_time: 1.5s, ramp: 3s, seed: 18446744073709551615}}\n"
        );
        let env = |name: &str| (name == "PLACE").then(|| "here".to_owned());
        let read = |_: &std::path::Path| Err(ErrorKind::NotFound.into());
        let parts = Parts { project: None, profile: None, overrides: &[], env: &env, read: &read };
        Spec::parse(&text, "spec.yml".as_ref(), &parts).unwrap()
    }

    fn plan(spec: &Spec) -> LevelPlan {
        let size = LevelSize::of_spec(&spec.concurrency, spec.concurrency.point(6), None);
        assert_eq!(size.items(), Some(18));
        let fields = json!({ "k": 0.1 + 0.2, "a": [1, null] }).as_object().unwrap().clone();
        let item = Item { id: "q\u{2028}".to_owned(), input: "\u{1b} é".to_owned(), fields };
        LevelPlan::of_spec(&spec.concurrency, size, vec![item])
    }

    const WORKFLOWS: [&str; 6] = [
        "{type: openai, base_url: 'http://h/${env:PLACE}', model: m, api_key: '${env:API_KEY}', extra_body: {z: 1, a: {y: [1.5]}}, headers: {x: 'a ${env:X_TOKEN}'}, connection: {ca: ca.pem, proxy: 'http://u:${env:P_PASSWORD}@p'}}",
        "{type: nat, base_url: 'http://h', timeout: 300ms}",
        "{type: http, url: 'http://h/{{ item.id }}', body: \"{{ item.input | tojson }}\\n\", success: {status: [200], pointer: /a, equals: 1}, llm: {upstream: 'http://l/v1'}}",
        "{type: command, run: [sh, '-c', 'echo $X'], env: {OWN: '${env:API_KEY}'}, persistent: true}",
        "{type: chain, model: m, llm: {upstream: 'http://l/v1', api_key: '${env:API_KEY}'}, steps: [{llm: {prompt_tokens: {median: 9, sigma: 0.5}}}, {tool: {sleep: 1s}}]}",
        "{type: simulator, output_tokens: 5, engine: {replicas: 3, base: 1.1ms}, faults: []}",
    ];

    #[test]
    fn an_order_says_the_same_to_whoever_reads_it() {
        for workflow in WORKFLOWS {
            let spec = spec(workflow);
            let order = WorkOrder::new(&spec, plan(&spec)).unwrap();
            let text = order.to_json().unwrap();
            let read = WorkOrder::from_json(text.as_bytes()).unwrap();
            assert_eq!(read.spec.workflow, spec.workflow, "{text}");
            assert_eq!(read.spec.test.scrape, spec.test.scrape);
            assert_eq!(read.plan, order.plan);
            assert_eq!(read.plan.point, LoadPoint::Users(6));
            assert_eq!(read.digest().unwrap(), order.digest().unwrap());
        }
    }

    #[test]
    fn shares_have_the_digest_of_the_whole_and_texts_of_their_own() {
        let spec = spec(WORKFLOWS[0]);
        let order = WorkOrder::new(&spec, plan(&spec)).unwrap();
        let half = order.clone().share(1, 2).unwrap();
        assert_eq!(half.digest().unwrap(), order.digest().unwrap());
        let read = WorkOrder::from_json(half.to_json().unwrap().as_bytes()).unwrap();
        assert_eq!(read.plan.segment, half.plan.segment);
        let mut other = order.clone();
        other.plan.seed = 1;
        assert_ne!(other.digest().unwrap(), order.digest().unwrap());
    }

    #[test]
    fn a_server_that_each_would_start_is_not_shared() {
        for workflow in [WORKFLOWS[5], "{type: http, url: 'http://h', serve: {run: [server]}}"] {
            let spec = spec(workflow);
            let order = WorkOrder::new(&spec, plan(&spec)).unwrap();
            let error = order.share(0, 2).unwrap_err().to_string();
            assert!(error.contains("start the server once"), "{error}");
        }
    }

    #[test]
    fn what_is_no_order_is_refused_with_a_reason() {
        let spec = spec(WORKFLOWS[0]);
        let order = WorkOrder::new(&spec, plan(&spec)).unwrap();
        let text = order.to_json().unwrap();
        let error = |text: &str| WorkOrder::from_json(text.as_bytes()).unwrap_err().to_string();
        for (from, to, expected) in [
            ("\"version\":1", "\"version\":2", "the plan has version 2"),
            ("\"users\":6", "\"users\":0", "a load of 0 is not possible"),
            ("\"users\":6", "\"rate\":6", "use an open loop"),
            ("\"sigma\":0.0", "\"sigma\":-1", "`sigma` lies between 0 and 3"),
            ("\"runs\":12", "\"runs\":0", "`window` has at least one run"),
            ("\"ramp\":3.0", "\"ramp\":1e300", "`ramp` is a time in seconds"),
            ("\"ramp\":3.0", "\"rump\":3.0", "unknown field `rump`"),
            ("${env:API_KEY}", "sk-1234567890abcdef", "api_key"),
            ("here", "${env:HOME}", "the environment variable HOME is not set"),
            ("\"type\":\"openai\"", "\"type\":\"open\"", "did you mean"),
        ] {
            assert!(text.contains(from), "{from} in {text}");
            let told = error(&text.replacen(from, to, 1));
            assert!(told.contains(expected), "{to}: {told}");
            assert!(!told.contains("sk-1234567890abcdef"), "{told}");
        }
        assert!(error(" \n").contains("no plan was given"));
        assert!(error(&text[..text.len() - 2]).contains("this is not a plan"));
        assert!(
            error(&format!("[{}0]", "0,".repeat(1_000_001))).contains("more than 1000000 values")
        );
        assert!(error(&" ".repeat(WorkOrder::LARGEST)).contains("no plan was given"));
        assert!(error(&"1".repeat(WorkOrder::LARGEST + 1)).contains("larger than 64 MiB"));
    }
}
