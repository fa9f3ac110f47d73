//! Specs as Python gives them: a file, the text of one, or a value.

use crate::errors::exception;
use pyo3::prelude::*;
use sizer::pipeline::Invocation;
use sizer::sections::Override;
use sizer::{ReadOptions, SpecError, SpecSet, Study};
use std::path::PathBuf;

/// A spec with a profile and changes.
#[derive(FromPyObject)]
pub struct Source {
    /// The file, or the one that the text is taken to be in.
    path: PathBuf,
    /// The text, if it is not read from the file.
    text: Option<String>,
    /// True if the text is JSON, and no lines of a person's.
    is_value: bool,
    profile: Option<String>,
    /// Changes of keys, as `--set` has them.
    set: Vec<String>,
}

impl Source {
    /// Opens the pipelines of the spec.
    pub fn study(&self, py: Python<'_>) -> PyResult<Study> {
        py.detach(|| {
            let set = self.set.iter().map(|text| Override::parse(text));
            let overrides = set.collect::<Result<_, _>>()?;
            let profile = self.profile.clone();
            let options = ReadOptions { profile, overrides, ..ReadOptions::default() };
            let specs = match &self.text {
                None => SpecSet::from_path_with(&self.path, &options)?,
                Some(text) if self.is_value => {
                    SpecSet::from_text_with(&self.in_lines(text)?, &self.path, &options)?
                }
                Some(text) => SpecSet::from_text_with(text, &self.path, &options)?,
            };
            Study::open(specs)
        })
        .map_err(|error| exception(py, &error))
    }

    /// The command behind a call, for the record of the run.
    pub fn asked(&self, verb: &str) -> Invocation {
        Invocation::new(verb, self.profile.as_deref(), &self.set)
    }

    /// The YAML of a value, with a line for each key, which an error can show.
    fn in_lines(&self, json: &str) -> Result<String, SpecError> {
        let refused = |error: String| {
            SpecError::in_file(
                &self.path.display().to_string(),
                format!("it is not a spec: {error}"),
            )
        };
        let value: serde_json::Value =
            serde_json::from_str(json).map_err(|error| refused(error.to_string()))?;
        serde_yaml::to_string(&value).map_err(|error| refused(error.to_string()))
    }
}
