//! Runs [`midframe_fuzz::scan`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| midframe_fuzz::scan(data));
