//! Datasets in text: the first byte picks the format, the rest is the file.
#![no_main]

mod common;

const FORMATS: [&str; 3] = ["json", "jsonl", "csv"];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((first, content)) = data.split_first() else { return };
    let format = FORMATS[usize::from(*first) % FORMATS.len()];
    common::read_dataset(format, content);
});
