//! Streams of `/generate/full`: no panic, and the same result wherever chunks are cut.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sizer::internal::fuzzing::nat_stream(data));
