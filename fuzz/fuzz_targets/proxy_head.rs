//! Heads of requests to the recording proxy: nothing that is let through leads out of its server.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sizer::internal::fuzzing::proxy_head(data));
