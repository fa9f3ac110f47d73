//! Templates of requests, within their bounds.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| sizer::internal::fuzzing::template(text));
