//! Runs [`midframe_fuzz::checker`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| midframe_fuzz::checker(data));
