//! Lock files: whatever was made of one is written in a form that says the same again.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| sizer::internal::fuzzing::lock(text));
