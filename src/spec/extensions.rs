//! Things that a program adds to those that a spec can name.

use super::SpecError;
use crate::language::{Env, Node, Value, decode, suggestion};
use crate::redact::redact;
use crate::report::{AddedReport, Report, built_in_reports};
use crate::sizing::{AddedMethod, AddedName, Estimator, MethodName};
use crate::workflow::{AddedKind, KIND_NAMES, Kind, WorkflowSpec};
use std::borrow::Cow;
use std::sync::Arc;

/// Things that a program adds to those that a spec can name: kinds of workflow, methods of estimation and reports.
///
/// A spec that is read with them ([`ReadOptions`](super::ReadOptions)) keeps them, so its pipeline knows them as well.
#[derive(Clone, Debug, Default)]
pub struct Extensions {
    kinds: Vec<AddedKind>,
    methods: Vec<AddedMethod>,
    reports: Vec<AddedReport>,
}

/// Reason why something cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExtensionError {
    /// Something of the same sort has the name already.
    #[error("there is already a {sort} `{name}`")]
    Taken {
        /// Sort of thing.
        sort: &'static str,
        /// Name of both.
        name: String,
    },
    /// The name of a method has characters that it cannot have, or too many.
    #[error(
        "`{0}` is not a valid name for a method: use 1 to 32 lower-case letters, digits, `-` and `_`"
    )]
    MethodName(String),
}

/// Fails if a name is taken.
fn free<'a>(
    sort: &'static str,
    name: &str,
    mut taken: impl Iterator<Item = &'a str>,
) -> Result<(), ExtensionError> {
    if taken.any(|it| it == name) {
        return Err(ExtensionError::Taken { sort, name: name.to_owned() });
    }
    Ok(())
}

impl Extensions {
    /// Adds a kind of workflow. Its keys are part of what a sweep reads: whatever changes its measurements, such as a
    /// version of its client, belongs there.
    pub fn with_workflow<K: Kind>(mut self) -> Result<Self, ExtensionError> {
        free("workflow kind", K::NAME, self.kind_names())?;
        self.kinds.push(AddedKind::of::<K>());
        Ok(self)
    }

    /// Adds a method of estimation. With another version, whatever was estimated is estimated again.
    pub fn with_method(
        mut self,
        name: &str,
        version: u32,
        estimator: impl Estimator + 'static,
    ) -> Result<Self, ExtensionError> {
        free("method", name, self.method_names())?;
        let added = AddedName::new(name).map(MethodName::Added);
        let name = added.ok_or_else(|| ExtensionError::MethodName(name.to_owned()))?;
        self.methods.push(AddedMethod { name, version, estimator: Arc::new(estimator) });
        Ok(self)
    }

    /// Adds a report by its file name. With another version, it is written again.
    pub fn with_report(
        mut self,
        name: &str,
        version: u32,
        report: impl Report + Send + Sync + 'static,
    ) -> Result<Self, ExtensionError> {
        free("report", name, self.report_names())?;
        self.reports.push(AddedReport { name: name.to_owned(), version, report: Arc::new(report) });
        Ok(self)
    }

    pub(super) fn kinds(&self) -> &[AddedKind] {
        &self.kinds
    }

    pub(super) fn methods(&self) -> &[AddedMethod] {
        &self.methods
    }

    pub(super) fn reports(&self) -> &[AddedReport] {
        &self.reports
    }

    /// Returns the names of all reports that need no template.
    pub(super) fn report_names(&self) -> impl Iterator<Item = &str> {
        let added = self.reports.iter().map(|report| report.name.as_str());
        built_in_reports().map(|name| -> &str { name }).chain(added)
    }

    fn kind_names(&self) -> impl Iterator<Item = &str> {
        KIND_NAMES.iter().copied().chain(self.kinds.iter().map(|kind| kind.name()))
    }

    fn method_names(&self) -> impl Iterator<Item = &str> {
        let added = self.methods.iter().map(|method| method.name.key());
        MethodName::ALL.iter().map(MethodName::key).chain(added)
    }

    /// Decodes what a spec says of kinds and methods that were added. The rest is decoded as if there were none, with
    /// something known in their place.
    pub(super) fn decode<'t>(
        &self,
        tree: &'t Node,
        env: &Env<'_>,
    ) -> Result<DecodedExtensions<'t>, SpecError> {
        let mut decoded =
            DecodedExtensions { rest: Cow::Borrowed(tree), workflow: None, method: None };
        if !self.kinds.is_empty()
            && let Some(section) = tree.child("workflow")
            && let Some(name) = named(section, "workflow", "type", env, self.kind_names())?
            && let Some(kind) = self.kinds.iter().find(|kind| kind.name() == name)
        {
            // With its key, which errors name.
            let mut alone = Node { value: Value::Null, place: tree.place.clone() };
            alone.set(&["workflow"], section.clone())?;
            decoded.workflow = Some(kind.decode(&alone, env)?);
            let mut custom = Node { value: Value::Null, place: section.place.clone() };
            for (key, text) in [("type", "custom"), ("name", kind.name())] {
                custom.set(&[key], text_at(section, text))?;
            }
            decoded.rest.to_mut().set(&["workflow"], custom)?;
        }
        if !self.methods.is_empty()
            && let Some(section) = tree.child("estimate")
            && let Some(name) = named(section, "estimate", "method", env, self.method_names())?
            && let Some(method) = self.methods.iter().find(|method| method.name.key() == name)
        {
            decoded.method = Some(method.name);
            let known = text_at(section, MethodName::default().key());
            decoded.rest.to_mut().set(&["estimate", "method"], known)?;
        }
        Ok(decoded)
    }
}

/// Mentions of added kinds and methods in a spec, decoded.
pub(super) struct DecodedExtensions<'t> {
    /// The spec as far as sizer itself can decode it.
    pub rest: Cow<'t, Node>,
    /// The workflow, if it is of a kind that was added.
    pub workflow: Option<WorkflowSpec>,
    /// The method of the estimate, if it was added.
    pub method: Option<MethodName>,
}

fn text_at(node: &Node, text: &str) -> Node {
    Node { value: Value::Str(text.to_owned()), place: node.place.clone() }
}

/// Returns the text of a key of a section, which has to be a known name; `None` if it is missing or no text, which
/// the section's own decoder explains.
fn named<'n>(
    section: &Node,
    path: &str,
    key: &str,
    env: &Env<'_>,
    known: impl Iterator<Item = &'n str>,
) -> Result<Option<String>, SpecError> {
    let Some(node) = section.child(key) else { return Ok(None) };
    let Ok(name) = decode::<String>(node, env) else { return Ok(None) };
    let known: Vec<&str> = known.collect();
    if known.contains(&name.as_str()) {
        return Ok(Some(name));
    }
    let message = format!("{path}.{key}: `{}` is not known here", redact(&name));
    Err(SpecError::at(&node.place, message).help(suggestion(&name, &known)))
}
