//! The reference calculator's files: its metrics and its configuration.
#![no_main]

use sizer::internal::nat::{CalcOutput, Sources, import};
use std::path::Path;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(output) = serde_json::from_str::<CalcOutput>(text) {
        for (concurrency, data) in &output.calc_data {
            data.sizing_metrics.level(*concurrency);
        }
    }
    // A configuration that is based on another finds itself, and has to notice.
    let (env, read, exists) = (|_: &str| None, |_: &Path| Ok(text.to_owned()), |_: &str| false);
    let items = || Err(String::new());
    let sources = Sources { env: &env, read: &read, exists: &exists };
    let _ = import(Path::new("config.yml"), &sources, &items);
});
