//! What the command is made of: settings resolved from arguments, the work, and
//! the reports on it. The libraries that do the proving are the crates `unwind`,
//! `lowering`, `verifier` and `image`; ARCHITECTURE.md is the map.
//!
//! The flow is the same for each subcommand: [`cli`] parses the arguments,
//! [`settings`] resolves them against the world, the subcommand's own module
//! does the work and returns data, [`report`] writes the data as text or JSON,
//! and [`run`] turns the outcome into an exit status.

pub mod baseline;
pub mod budget;
pub mod cli;
pub mod conform;
pub mod examples;
pub mod explain;
pub mod inputs;
pub mod lower;
pub mod map;
pub mod progress;
pub mod prove;
pub mod report;
pub mod review;
pub mod run;
pub mod scan;
pub mod settings;
pub mod snapshot;
pub mod surroundings;
