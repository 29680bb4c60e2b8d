//! Black-box tests of the command: the built binary, its arguments, its
//! streams and its exit status, held against the contract in README.md.
//!
//! What a test expects comes from the golang/go#73259 report, from Go's own
//! assemblers (`assembler`) or from counting by hand; never from midframe.

mod action;
mod assembler;
mod baseline;
mod budget;
mod color;
mod conform;
mod explain;
mod fixtures;
mod hostile;
mod html;
mod lower;
mod markdown;
mod policies;
mod prove;
mod review;
mod sarif;
mod scan;
mod scan_flags;
mod scan_inputs;
mod scan_releases;
mod scan_reports;
mod schema;
mod schemas;
mod severity;
mod shell;
mod snapshot;
mod streams;
mod support;
mod terminal;
mod usage;
