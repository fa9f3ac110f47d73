//! What types alone cannot say about a spec, each as an error at its place.

use super::concurrency::Levels;
use super::decode::suggestion;
use super::error::SpecError;
use super::tree::Node;
use super::workflow::{Length, SimulatorSpec};
use super::{
    BUILT_IN_REPORTS, Concurrency, Secret, Spec, WorkflowSpec, names_a_secret, redact, url_password,
};
use crate::measure::Metric;

/// Beyond this a level is a slip of the keyboard, not a plan.
const HIGHEST_LEVEL: u32 = 1_000_000;
const MOST_LEVELS: usize = 10_000;
const MOST_PASSES: u32 = 1_000_000;
const MOST_RUNS: u32 = 100_000_000;
const MOST_GPUS: u32 = 100_000_000;

type Check = Result<(), SpecError>;

/// Checks a decoded spec.
pub(super) fn check(spec: &Spec, tree: &Node) -> Check {
    Checker { spec, tree }.all()
}

struct Checker<'a> {
    spec: &'a Spec,
    tree: &'a Node,
}

impl Checker<'_> {
    fn all(&self) -> Check {
        self.ensure(
            !self.spec.name.trim().is_empty(),
            "name",
            "the name is empty",
            "give it a name",
        )?;
        self.dataset()?;
        self.workflow()?;
        self.test()?;
        self.levels()?;
        self.targets()?;
        let r_squared = self.spec.estimate.min_r_squared;
        self.ensure(
            (0.0..=1.0).contains(&r_squared),
            "estimate.min_r_squared",
            "R² lies between 0 and 1",
            "0.7 is the default",
        )?;
        self.outputs()
    }

    fn ensure(&self, holds: bool, path: &str, message: &str, help: &str) -> Check {
        if holds { Ok(()) } else { Err(self.error(path, message).help(help)) }
    }

    fn error(&self, path: &str, message: &str) -> SpecError {
        SpecError::at(&self.tree.place_of(path), format!("{path}: {message}"))
    }

    fn dataset(&self) -> Check {
        self.ensure(
            self.spec.dataset.format().is_some(),
            "dataset.path",
            "the extension does not say which format this is",
            "name it .json, .jsonl, .csv, .parquet or .xlsx, or set `dataset.format`",
        )?;
        let Some(url) = self.spec.dataset.url() else { return Ok(()) };
        self.ensure(
            url_password(url).is_none(),
            "dataset.path",
            "the address holds a password, and it is stored with the spec",
            "download the file, and name that",
        )
    }

    fn workflow(&self) -> Check {
        let workflow = &self.spec.workflow;
        self.ensure(
            workflow.timeout().get() > 0.0,
            "workflow.timeout",
            "no run can end within 0 s",
            "300s is the default",
        )?;
        if let Some(address) = workflow.address() {
            self.address(address.public())?;
        }
        for (path, secret) in workflow.secrets() {
            self.secret(&path, secret)?;
        }
        match workflow {
            WorkflowSpec::Openai(openai) => {
                for key in ["model", "messages", "stream", "stream_options"] {
                    self.ensure(
                        !openai.extra_body.contains_key(key),
                        &format!("workflow.extra_body.{key}"),
                        "sizer itself sets this key",
                        "use the workflow's own key of that name",
                    )?;
                }
                for key in openai.extra_body.keys().filter(|key| names_a_secret(key)) {
                    self.ensure(
                        key.contains("tokens"),
                        &format!("workflow.extra_body.{key}"),
                        "this looks like a secret, and extra_body is stored in artifacts",
                        "send it in a header, by reference",
                    )?;
                }
                Ok(())
            }
            WorkflowSpec::Nat(_) => Ok(()),
            WorkflowSpec::Simulator(simulator) => self.simulator(simulator),
        }
    }

    fn address(&self, address: &str) -> Check {
        let path = "workflow.base_url";
        let http = address.starts_with("http://") || address.starts_with("https://");
        self.ensure(http, path, "this is not an HTTP address", "write it as http://host:port/v1")?;
        let literal = url_password(address).is_some_and(|password| !password.starts_with("${env:"));
        self.ensure(
            !literal,
            path,
            "the address holds a password",
            "give it by reference: http://user:${env:PASSWORD}@host/v1",
        )
    }

    fn secret(&self, path: &str, secret: &Secret) -> Check {
        let name = path.rsplit('.').next().unwrap_or(path);
        let allowed = secret.is_reference() || !names_a_secret(name);
        self.ensure(
            allowed,
            path,
            "a secret stands here in plain text",
            "put it into an environment variable and write ${env:NAME}",
        )
    }

    fn simulator(&self, simulator: &SimulatorSpec) -> Check {
        let engine = &simulator.engine;
        let at = |key: &str| format!("workflow.engine.{key}");
        self.ensure(
            engine.replicas > 0,
            &at("replicas"),
            "there must be at least 1",
            "1 is the default",
        )?;
        self.ensure(
            engine.max_batch > 0,
            &at("max_batch"),
            "there must be at least 1",
            "16 is the default",
        )?;
        let step = engine.base.get() + engine.per_sequence.get();
        self.ensure(step > 0.0, &at("base"), "a step must take time", "4ms is the default")?;
        self.ensure(
            (0.0..=2.0).contains(&engine.jitter),
            &at("jitter"),
            "jitter lies between 0 and 2",
            "0 is the default",
        )?;
        let calls = simulator.agent.calls;
        self.ensure(
            calls > 0,
            "workflow.agent.calls",
            "an agent makes at least 1 call",
            "2 is the default",
        )?;
        let lengths = [
            ("output_tokens", Some(&simulator.output_tokens)),
            ("prompt_tokens", simulator.prompt_tokens.as_ref()),
        ];
        for (key, length) in lengths {
            let fits = |length: &Length| {
                (1.0..=1e6).contains(&length.median) && (0.0..=3.0).contains(&length.sigma)
            };
            self.ensure(
                length.is_none_or(fits),
                &format!("workflow.{key}"),
                "a median lies between 1 and 1000000 tokens, a sigma between 0 and 3",
                "write a number, or {median: 200, sigma: 0.4}",
            )?;
        }
        for (index, fault) in simulator.faults.iter().enumerate() {
            self.ensure(
                (0.0..=1.0).contains(&fault.share),
                &format!("workflow.faults.{index}.share"),
                "a share lies between 0 and 1",
                "1 is the default",
            )?;
        }
        Ok(())
    }

    fn test(&self) -> Check {
        let test = &self.spec.test;
        self.ensure(
            (1..=MOST_GPUS).contains(&test.gpus_per_replica),
            "test.gpus_per_replica",
            "a replica has at least 1 GPU",
            "1 is the default",
        )?;
        self.ensure(
            test.cost_per_gpu_hour.is_none_or(|cost| cost.is_finite() && cost >= 0.0),
            "test.cost_per_gpu_hour",
            "a price is a number that is not negative",
            "leave it out where it is not known",
        )?;
        let Some(gpu_count) = test.gpu_count else { return Ok(()) };
        self.ensure(
            (1..=MOST_GPUS).contains(&gpu_count),
            "test.gpu_count",
            "the test rig has at least 1 GPU",
            "leave it out when only gathering",
        )?;
        self.ensure(
            gpu_count.is_multiple_of(test.gpus_per_replica),
            "test.gpu_count",
            &format!(
                "{gpu_count} GPUs are not a whole number of replicas of {}",
                test.gpus_per_replica
            ),
            "count only the GPUs that served the workflow",
        )
    }

    fn levels(&self) -> Check {
        let concurrency = &self.spec.concurrency;
        let path = "concurrency.levels";
        match &concurrency.levels {
            Levels::List(levels) => {
                for (index, level) in levels.iter().enumerate() {
                    let path = format!("{path}.{index}");
                    self.ensure(
                        *level > 0,
                        &path,
                        "a level is at least 1",
                        "it is the number of runs in flight",
                    )?;
                    let repeated = levels.iter().take(index).any(|earlier| earlier == level);
                    self.ensure(
                        !repeated,
                        &path,
                        &format!("the level {level} is given twice"),
                        "keep one",
                    )?;
                }
            }
            Levels::Range(range) => {
                let at = |key: &str| format!("{path}.{key}");
                self.ensure(range.from > 0, &at("from"), "a level is at least 1", "begin at 1")?;
                self.ensure(
                    range.to >= range.from,
                    &at("to"),
                    "the range ends before it begins",
                    "swap `from` and `to`",
                )?;
                let steps = range.steps as usize;
                self.ensure(
                    (1..=MOST_LEVELS).contains(&steps),
                    &at("steps"),
                    "between 1 and 10000 levels",
                    "ten are a good number",
                )?;
            }
        }
        let values = concurrency.levels.values();
        let count = values.len();
        self.ensure(
            (1..=MOST_LEVELS).contains(&count),
            path,
            "between 1 and 10000 levels",
            "ten are a good number",
        )?;
        let highest = values.last().copied().unwrap_or_default();
        self.ensure(
            highest <= HIGHEST_LEVEL,
            path,
            "a level is at most 1000000",
            "one machine cannot hold more runs",
        )?;
        self.ensure(
            concurrency.passes.is_none_or(|passes| (1..=MOST_PASSES).contains(&passes)),
            "concurrency.passes",
            "between 1 and 1000000 passes",
            "leave it out for one pass over the dataset",
        )?;
        self.load()
    }

    fn load(&self) -> Check {
        let Concurrency { passes, runs, duration, .. } = &self.spec.concurrency;
        let windows = [
            ("passes", passes.is_some()),
            ("runs", runs.is_some()),
            ("duration", duration.is_some()),
        ];
        let given: Vec<&str> = windows.iter().filter(|(_, it)| *it).map(|(key, _)| *key).collect();
        if let [first, second, ..] = given.as_slice() {
            let message = format!("`{first}` and `{second}` both say how long a level is");
            return self.ensure(false, &format!("concurrency.{second}"), &message, "keep one");
        }
        self.ensure(
            runs.is_none_or(|runs| (1..=MOST_RUNS).contains(&runs)),
            "concurrency.runs",
            "between 1 and 100000000 runs",
            "a p95 needs 59 runs or more to be bounded",
        )?;
        self.ensure(
            duration.is_none_or(|duration| duration.get() > 0.0),
            "concurrency.duration",
            "nothing can be measured in 0 s",
            "60s is a good beginning",
        )?;
        let load = &self.spec.concurrency;
        self.ensure(
            load.warmup.is_none_or(|waves| waves <= MOST_PASSES),
            "concurrency.warmup",
            "at most 1000000 waves",
            "one wave is the default",
        )?;
        self.ensure(
            load.think_time.is_none_or(|it| (0.0..=3.0).contains(&it.sigma)),
            "concurrency.think_time",
            "sigma lies between 0 and 3",
            "0 is the default",
        )?;
        let rate = load.arrivals.map(|arrivals| arrivals.per_second);
        self.ensure(
            rate.is_none_or(|rate| rate.is_finite() && rate > 0.0 && rate <= 1e6),
            "concurrency.arrivals.per_second",
            "a rate is above 0, and at most 1000000 per second",
            "it is the rate of one user; a level has as many users as its number says",
        )?;
        let both = load.arrivals.is_some() && load.think_time.is_some();
        self.ensure(
            !both,
            "concurrency.arrivals",
            "in an open loop nobody waits, so there is no think time",
            "keep `arrivals` or `think_time`",
        )?;
        self.ensure(
            (0.0..1.0).contains(&load.on_failure.tolerated()),
            "concurrency.on_failure.tolerate",
            "a share lies between 0% and 100%",
            "1% is a good beginning",
        )
    }

    fn targets(&self) -> Check {
        let targets = &self.spec.targets;
        self.ensure(
            targets.users.is_none_or(|users| users > 0),
            "targets.users",
            "there must be at least 1",
            "leave it out when only gathering",
        )?;
        for metric in Metric::ALL {
            let path = format!("targets.{}", metric.key());
            let Some(limit) = targets.limit(metric) else { continue };
            let help = "leave it out to set no target";
            self.ensure(limit.iter().count() > 0, &path, "no quantile is given", help)?;
            for (_, seconds) in limit.iter() {
                self.ensure(seconds > 0.0, &path, "no time can be 0", help)?;
            }
        }
        Ok(())
    }

    fn outputs(&self) -> Check {
        let reports = &self.spec.outputs.reports;
        for (index, report) in reports.iter().enumerate() {
            let path = format!("outputs.reports.{index}");
            let name = &report.name;
            let plain =
                !name.is_empty() && !name.contains(['/', '\\', '\0']) && !name.starts_with('.');
            self.ensure(
                plain,
                &path,
                "a report's name is a plain file name",
                "set `outputs.dir` for the folder",
            )?;
            let repeated = reports.iter().take(index).any(|earlier| earlier.name == *name);
            self.ensure(
                !repeated,
                &path,
                &format!("the report {name} is given twice"),
                "keep one",
            )?;
            if report.template.is_none() && !BUILT_IN_REPORTS.contains(&name.as_str()) {
                let error =
                    self.error(&path, &format!("`{}` is not a built-in report", redact(name)));
                let nearest = suggestion(name, &BUILT_IN_REPORTS);
                return Err(error.help(format!("{nearest} Other reports need a `template`")));
            }
        }
        Ok(())
    }
}
