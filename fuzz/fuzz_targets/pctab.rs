//! Runs [`midframe_fuzz::pctab`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| midframe_fuzz::pctab(data));
