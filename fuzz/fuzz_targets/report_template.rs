//! Templates of reports, within their bounds.
#![no_main]

use sizer::internal::{UserTemplate, report};
use sizer::{Material, SizingResult};
use std::sync::LazyLock;

static RESULT: LazyLock<SizingResult> =
    LazyLock::new(|| serde_json::from_str(include_str!("parts/result.json")).unwrap());

libfuzzer_sys::fuzz_target!(|text: &str| {
    let template = UserTemplate { path: "t.j2".to_owned(), text: text.to_owned() };
    let material = Material { result: &RESULT, runs: &|_| Ok(Vec::new()) };
    if let Err(error) = report("t.md", Some(template)).unwrap().render(&material) {
        drop(error.to_string());
    }
});
