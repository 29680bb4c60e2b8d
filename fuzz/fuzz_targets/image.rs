//! Runs [`midframe_fuzz::image`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| midframe_fuzz::image(data));
