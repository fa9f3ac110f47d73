//! Checks on a spec that types cannot express, each failing with an error at its position.

mod checker;
mod load;
mod plain_secrets;
mod recorded;

use checker::SpecChecker;

use super::{Checked, Spec, Targets, redact};
use crate::language::{Check, Node, Source, SpecError, suggestion};
use crate::measure::{Direction, Metric, Span};
use crate::sizing::MethodName;
use std::sync::Arc;

const MOST_GPUS: u32 = 100_000_000;
/// Most users: more than there are people, and still counted exactly.
const MOST_USERS: u64 = 10_000_000_000;
const MOST_PER_SECOND: f64 = 1e9;

impl Spec {
    /// Checks the spec, by the same checks as those of a spec that is read from a file.
    pub fn checked(self) -> Result<Checked<Self>, SpecError> {
        let tree = self.origin.as_ref().map(|origin| Arc::clone(&origin.tree));
        let tree = tree.unwrap_or_else(|| Arc::new(Node::nothing(Source::default())));
        SpecChecker::new(&self, &tree).all(&tree)?;
        Ok(Checked::passed(self))
    }
}

impl SpecChecker<'_> {
    fn all(&self, tree: &Node) -> Check {
        self.ensure(
            !self.spec.name.trim().is_empty(),
            "name",
            "the name is empty",
            "give it a name",
        )?;
        self.recorded()?;
        self.dataset()?;
        self.spec.workflow.check(&self.checker)?;
        self.use_of_item()?;
        self.test()?;
        self.levels()?;
        self.targets()?;
        let method = self.spec.estimate.method;
        let is_known = MethodName::ALL.contains(&method) || self.spec.added_method().is_some();
        self.ensure(
            is_known,
            "estimate.method",
            &format!("`{method}` is not known here"),
            "add it with `Spec::with_extensions`",
        )?;
        let r_squared = self.spec.estimate.min_r_squared;
        self.ensure(
            (0.0..=1.0).contains(&r_squared),
            "estimate.min_r_squared",
            "R² lies between 0 and 1",
            "0.7 is the default",
        )?;
        let confidence = self.spec.estimate.confidence;
        self.ensure(
            (0.5..1.0).contains(&confidence),
            "estimate.confidence",
            "a confidence lies between 0.5 and 1",
            "0.9 is the default",
        )?;
        self.ensure(
            (0.0..=10.0).contains(&self.spec.estimate.headroom.get()),
            "estimate.headroom",
            "headroom is a share of the need, such as 10%",
            "leave it out for none",
        )?;
        self.outputs()?;
        self.plain_secrets(tree)
    }

    fn dataset(&self) -> Check {
        if !self.spec.workflow.needs_dataset() && !self.spec.dataset.is_given() {
            return Ok(());
        }
        self.ensure(
            self.spec.dataset.is_given(),
            "dataset",
            "there is no dataset",
            "add `dataset: {path: questions.jsonl}`",
        )?;
        self.spec.dataset.validate(&self.checker)
    }

    /// Fails if the workflow takes something from items that are not there.
    fn use_of_item(&self) -> Check {
        let used = self.spec.workflow.use_of_item();
        let Some(path) = used.filter(|_| !self.spec.dataset.is_given()) else { return Ok(()) };
        let message = "a template here uses the item, but there is no dataset";
        let help = "add `dataset: {path: questions.jsonl}`, or leave `item` out";
        Err(self.error(&path, message).help(help))
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
            "a price cannot be negative or infinite",
            "leave it out if it is unknown",
        )?;
        if let Some(scrape) = &test.scrape {
            self.checker.address("test.scrape.url", scrape.url.public())?;
        }
        let Some(gpu_count) = test.gpu_count else { return Ok(()) };
        self.ensure(
            (1..=MOST_GPUS).contains(&gpu_count),
            "test.gpu_count",
            "the test rig has at least 1 GPU",
            "leave it out if you only want to measure",
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

    fn targets(&self) -> Check {
        let mut sets = self.spec.targets.with_paths();
        self.ensure(
            self.spec.targets.with_paths().count() > 0,
            "targets",
            "the list is empty",
            "leave it out if you only want to measure",
        )?;
        sets.try_for_each(|(at, targets)| self.target_set(&at, targets))
    }

    fn target_set(&self, at: &str, targets: &Targets) -> Check {
        let path = |key: &str| format!("{at}.{key}");
        self.ensure(
            targets.users.is_none_or(|users| users > 0),
            &path("users"),
            "there must be at least 1",
            "leave it out if you only want to measure",
        )?;
        self.ensure(
            targets.users.is_none_or(|users| users <= MOST_USERS),
            &path("users"),
            &format!("at most {MOST_USERS} users can be asked for"),
            "give the number of people who are served at the same time",
        )?;
        self.ensure(
            targets.request_rate.is_none_or(|rate| rate.is_finite() && rate > 0.0),
            &path("request_rate"),
            "it must be above 0",
            "it counts runs per second",
        )?;
        self.ensure(
            targets.request_rate.is_none_or(|rate| rate <= MOST_PER_SECOND),
            &path("request_rate"),
            &format!("at most {MOST_PER_SECOND} runs per second can be asked for"),
            "it counts runs per second",
        )?;
        self.ensure(
            targets.think_time.is_none() || targets.users.is_some(),
            &path("think_time"),
            "`think_time` needs `users`",
            "set `users` as well, or `request_rate` alone",
        )?;
        let in_flight = !self.spec.concurrency.counts_users();
        for (key, set) in [
            ("think_time", targets.think_time.is_some()),
            ("request_rate", targets.request_rate.is_some()),
        ] {
            self.ensure(
                in_flight || !set,
                &path(key),
                "the levels of this sweep count users, not runs in flight",
                "leave it out, or measure without `concurrency.think_time` and `concurrency.rate`",
            )?;
        }
        for metric in Metric::ALL {
            let path = path(metric.key());
            let Some(limits) = targets.limits(metric) else { continue };
            let help = "leave it out to set no target";
            let unlimited = match metric.direction() {
                Direction::Lower => "a limit on a time must be above 0",
                Direction::Higher => {
                    "a rate that every call reaches is not a target: it must be above 0"
                }
            };
            self.ensure(!limits.is_empty(), &path, "no quantile is given", help)?;
            self.ensure(
                metric.span() == Span::Whole || self.spec.workflow.streams(),
                &path,
                &format!("without `workflow.stream`, nothing shows the {metric}"),
                "set `workflow.stream: true`, or leave this target out",
            )?;
            for (_, limit) in limits {
                self.ensure(limit > 0.0 && limit.is_normal(), &path, unlimited, help)?;
            }
        }
        Ok(())
    }

    fn outputs(&self) -> Check {
        let (reports, extensions) = (&self.spec.outputs.reports, self.spec.extensions());
        for (index, report) in reports.iter().enumerate() {
            let path = format!("outputs.reports.{index}");
            let name = &report.name;
            let plain =
                !name.is_empty() && !name.contains(['/', '\\', '\0']) && !name.starts_with('.');
            self.ensure(
                plain,
                &path,
                "a report's name must be a plain file name",
                "set `outputs.dir` for the folder",
            )?;
            let repeated = reports.iter().take(index).any(|earlier| earlier.name == *name);
            self.ensure(
                !repeated,
                &path,
                &format!("the report {name} is given twice"),
                "keep one",
            )?;
            if report.template.is_none() && !extensions.report_names().any(|it| it == name) {
                let error =
                    self.error(&path, &format!("`{}` is not a built-in report", redact(name)));
                let known: Vec<&str> = extensions.report_names().collect();
                let nearest = suggestion(name, &known);
                return Err(error.help(format!("{nearest} Other reports need a `template`")));
            }
        }
        Ok(())
    }
}
