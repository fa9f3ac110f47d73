//! The spec as a whole: its sections, and its origin.

use super::{Concurrency, DatasetSpec, EstimateSpec, Extensions, Outputs, TargetSets, TestRig};
use crate::language::{Env, Node, Source, SpecError, Vault, plain_file_name};
use crate::redact::Redactor;
use crate::report::AddedReport;
use crate::sizing::AddedMethod;
use crate::workflow::WorkflowSpec;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Specification of a sizing: what to measure and what to aim for.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Version of the spec format: 1.
    pub version: u32,
    /// Name of this sizing, shown in reports.
    pub name: String,
    /// Questions to ask.
    #[serde(default)]
    pub dataset: DatasetSpec,
    /// System under test.
    pub workflow: WorkflowSpec,
    /// Hardware that served the workflow while it was measured.
    #[serde(default)]
    pub test: TestRig,
    /// Levels of the sweep, and the runs of each.
    #[serde(default)]
    pub concurrency: Concurrency,
    /// Load to serve and limits to meet.
    #[serde(default)]
    pub targets: TargetSets,
    /// Options of the estimate.
    #[serde(default)]
    pub estimate: EstimateSpec,
    /// Reports to write.
    #[serde(default)]
    pub outputs: Outputs,
    /// Origin of the spec; `None` only if it was deserialized on its own.
    #[serde(skip)]
    pub(super) origin: Option<Origin>,
}

/// Origin of a spec: enough to point into it, and to find the files that it names.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub tree: Arc<Node>,
    pub file: PathBuf,
    /// All files that it was composed from, with those of which nothing is left.
    pub files: Arc<BTreeSet<PathBuf>>,
    pub profile: Option<String>,
    pub branch: Option<String>,
    pub extensions: Arc<Extensions>,
}

impl Spec {
    /// Creates a spec in code, with a workflow and the defaults for all else; set its fields, then
    /// call [`Spec::checked`]. `file` need not exist: relative paths are relative to its folder,
    /// which also holds the store, and the store knows the spec by its name.
    ///
    /// ```
    /// use sizer::Spec;
    /// use sizer::kinds::OpenaiSpec;
    /// use sizer::sections::{Address, Levels, Limit, Seconds, Targets, WindowSpec};
    ///
    /// let server = Address::from("http://localhost:8000/v1".to_owned());
    /// let workflow = OpenaiSpec::of(server, "my-model");
    /// let mut spec = Spec::new("calculator", workflow, "calculator.yml");
    /// spec.dataset.path = "questions.jsonl".into();
    /// spec.test.gpu_count = Some(8);
    /// spec.concurrency.levels = Levels::List(vec![1, 2, 4, 8, 16, 32]);
    /// spec.concurrency.window = WindowSpec::Passes(2);
    /// spec.targets = Targets {
    ///     users: Some(100),
    ///     workflow_runtime: Seconds::new(10.0).map(Limit::on_p95),
    ///     ..Targets::default()
    /// }
    /// .into();
    /// let spec = spec.checked()?;
    /// assert_eq!(spec.base_dir(), std::path::Path::new("."));
    /// # Ok::<(), sizer::SpecError>(())
    /// ```
    pub fn new(name: &str, workflow: impl Into<WorkflowSpec>, file: impl Into<PathBuf>) -> Self {
        let file = file.into();
        let source = Source { name: file.display().to_string(), text: String::new() };
        let origin = Origin {
            tree: Arc::new(Node::nothing(source)),
            files: Arc::new(BTreeSet::from([file.clone()])),
            file,
            profile: None,
            branch: None,
            extensions: Arc::default(),
        };
        Self {
            version: 1,
            name: name.to_owned(),
            dataset: DatasetSpec::default(),
            workflow: workflow.into(),
            test: TestRig::default(),
            concurrency: Concurrency::default(),
            targets: TargetSets::default(),
            estimate: EstimateSpec::default(),
            outputs: Outputs::default(),
            origin: Some(origin),
        }
    }

    /// Adds what the spec can name besides what sizer has. A spec that is read with extensions has them already.
    #[must_use]
    pub fn with_extensions(mut self, extensions: Extensions) -> Self {
        if let Some(origin) = &mut self.origin {
            origin.extensions = Arc::new(extensions);
        }
        self
    }

    /// Returns what the spec can name besides what sizer has.
    pub(crate) fn extensions(&self) -> Arc<Extensions> {
        self.origin.as_ref().map_or_else(Arc::default, |origin| Arc::clone(&origin.extensions))
    }

    /// Returns the method of its estimates, if a program added it.
    pub(crate) fn added_method(&self) -> Option<&AddedMethod> {
        let methods = self.origin.as_ref()?.extensions.methods();
        methods.iter().find(|method| method.name == self.estimate.method)
    }

    /// Returns a report that a program added, by its name.
    pub(crate) fn added_report(&self, name: &str) -> Option<&AddedReport> {
        let reports = self.origin.as_ref()?.extensions.reports();
        reports.iter().find(|report| report.name == name)
    }

    /// Returns the combination of a matrix that this spec is.
    pub fn branch(&self) -> Option<&str> {
        self.origin.as_ref()?.branch.as_deref()
    }

    /// Returns the name with the branch, for people.
    pub fn title(&self) -> String {
        match self.branch() {
            Some(branch) => format!("{} [{branch}]", self.name),
            None => self.name.clone(),
        }
    }

    /// Returns the folder for the reports; each branch of a matrix has its own.
    pub fn output_dir(&self) -> PathBuf {
        let dir = self.resolve(&self.outputs.dir);
        match self.branch() {
            Some(branch) => dir.join(plain_file_name(branch)),
            None => dir,
        }
    }

    /// Returns the folder that relative paths are relative to.
    pub fn base_dir(&self) -> &Path {
        let parent = self.file().and_then(Path::parent);
        parent.filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// Returns the name under which lock file and store know this spec: that of its file, with
    /// profile and branch.
    pub fn key_name(&self) -> String {
        let file = self.file().and_then(Path::file_name);
        let file =
            file.map_or_else(|| self.name.clone(), |name| name.to_string_lossy().into_owned());
        let profile = self.origin.as_ref().and_then(|origin| origin.profile.as_ref());
        let profile = profile.map_or_else(String::new, |profile| format!("@{profile}"));
        let branch = self.branch().map_or_else(String::new, |branch| format!("[{branch}]"));
        format!("{file}{profile}{branch}")
    }

    /// Returns the profile that was applied.
    pub fn profile(&self) -> Option<&str> {
        self.origin.as_ref()?.profile.as_deref()
    }

    /// Returns the file that the spec was read from.
    pub fn file(&self) -> Option<&Path> {
        self.origin.as_ref().map(|origin| origin.file.as_path())
    }

    /// Returns all files that the spec was composed from.
    pub fn files(&self) -> Vec<PathBuf> {
        let files = self.origin.iter().flat_map(|origin| origin.files.iter());
        files.filter(|path| path.is_file()).cloned().collect()
    }

    /// Resolves a path of the spec against the working directory.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        let base = self.base_dir();
        if base == Path::new(".") { path.to_owned() } else { base.join(path) }
    }

    /// Creates an error that points at a dotted path of this spec.
    pub fn error_at(&self, path: &str, message: impl Into<String>) -> SpecError {
        match &self.origin {
            Some(origin) => SpecError::at(&origin.tree.place_of(path), message),
            None => SpecError::in_file("spec", message),
        }
    }

    /// Returns the canonical form: defaults filled in, durations in seconds, secrets as references.
    /// Equal for specs that mean the same.
    #[expect(
        clippy::expect_used,
        reason = "all of a spec came from text, and so all keys are names"
    )]
    #[expect(clippy::missing_panics_doc, reason = "it does not happen")]
    pub fn canonical(&self) -> serde_json::Value {
        // Nothing else will do: keys are made of it, and two specs must never be the same by accident.
        let mut value = serde_json::to_value(self).expect("a spec that can be written down");
        value.sort_all_objects();
        value
    }

    /// Checks that every secret which the workflow refers to can be revealed, without keeping any.
    pub fn check_secrets(&self, env: &Env<'_>) -> Result<(), SpecError> {
        let vault = Vault::new(env, &Redactor::default());
        for (path, secret) in self.workflow.secrets() {
            if let Err(error) = secret.reveal(&vault) {
                let wrong = self.error_at(&path, error.to_string()).help(error.help());
                return Err(wrong.because(error));
            }
        }
        let proxies = self.workflow.connections().filter_map(|(at, connection)| {
            Some((format!("{at}.proxy"), connection.proxy.as_ref()?))
        });
        let scraped = self.test.scrape.as_ref();
        let scraped = scraped.map(|scrape| ("test.scrape.url".to_owned(), &scrape.url));
        for (path, address) in self.workflow.addresses().into_iter().chain(proxies).chain(scraped) {
            if let Err(error) = address.reveal(&vault) {
                let wrong = self.error_at(&path, error.to_string()).help(error.help());
                return Err(wrong.because(error));
            }
        }
        Ok(())
    }
}
