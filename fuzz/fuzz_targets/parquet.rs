//! Parquet files: as a dataset, and as a level's runs as the store has them.
#![no_main]

mod common;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    common::read_dataset("parquet", data);
    let _ = sizer::internal::from_parquet(data.to_vec());
});
