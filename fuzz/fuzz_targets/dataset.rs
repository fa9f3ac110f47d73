//! Datasets: the first byte picks the format, the rest is the file.
#![no_main]

use sizer::dataset::Needs;
use sizer::spec::workflow::Fields;
use sizer::spec::{Parts, Spec};
use std::path::Path;

const FORMATS: [&str; 4] = ["json", "jsonl", "csv", "xlsx"];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((first, content)) = data.split_first() else { return };
    let format = FORMATS[usize::from(*first) % FORMATS.len()];
    let text = format!(
        "version: 1\nname: n\ndataset: {{path: d, format: {format}}}\nworkflow: {{type: simulator}}\n\
         concurrency: {{levels: [1]}}\n"
    );
    let (env, read) = (|_: &str| None, |_: &Path| Err(std::io::ErrorKind::NotFound.into()));
    let parts = Parts { project: None, profile: None, overrides: &[], env: &env, read: &read };
    let Ok(spec) = Spec::parse(&text, Path::new("s.yml"), &parts) else { return };
    let needs = Needs { fields: Fields::All, instead_of_question: None };
    let dir = std::env::temp_dir().join(format!("sizer-fuzz-{}", std::process::id()));
    let path = dir.join("d");
    std::fs::create_dir_all(&dir).and_then(|()| std::fs::write(&path, content)).unwrap();
    let _ = sizer::dataset::for_each_row(&spec.dataset, &needs, &path, &mut |_| Ok(()));
});
