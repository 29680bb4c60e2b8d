//! Runs [`midframe_fuzz::decode`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| midframe_fuzz::decode(data));
