//! What several targets need: a file to read, and a spec that names it.

#![allow(dead_code, reason = "no target needs all of it")]

use sizer::Spec;
use sizer::internal::RequiredFields;
use sizer::runs::Fields;
use sizer::sections::Parts;
use std::path::{Path, PathBuf};

/// A file of this process with that content.
pub fn file(name: &str, content: &[u8]) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("sizer-fuzz-{}", std::process::id()));
    let path = dir.join(name);
    let folder = path.parent().unwrap();
    std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, content)).unwrap();
    path
}

/// A spec by its text.
pub fn spec(text: &str) -> Spec {
    let (env, read) = (|_: &str| None, |_: &Path| Err(std::io::ErrorKind::NotFound.into()));
    let parts = Parts { project: None, profile: None, overrides: &[], env: &env, read: &read };
    Spec::parse(text, Path::new("s.yml"), &parts).unwrap().into_inner()
}

/// Reads a dataset to its end.
pub fn read_dataset(format: &str, content: &[u8]) {
    let spec = spec(&format!(
        "version: 1\nname: n\ndataset: {{path: d, format: {format}}}\nworkflow: {{type: simulator}}\n\
         concurrency: {{levels: [1]}}\n"
    ));
    let needs = RequiredFields { fields: Fields::All, instead_of_question: Some("messages") };
    let path = file("dataset", content);
    if let Err(error) = sizer::internal::for_each_row(&spec.dataset, &needs, &path, &mut |_| Ok(()))
    {
        drop(error.to_string());
    }
}
