//! The reference calculator's files: its metrics and its configuration.
#![no_main]

use sizer::nat::{CalcOutput, import};

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(output) = serde_json::from_str::<CalcOutput>(text) {
        for (concurrency, data) in &output.calc_data {
            data.sizing_metrics.level(*concurrency);
        }
    }
    let _ = import(text, "config.yml", &|_| None, &|_| false);
});
