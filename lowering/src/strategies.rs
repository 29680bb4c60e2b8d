//! Strategies that make frames and policies for property tests, here and in
//! code that builds on this crate.
