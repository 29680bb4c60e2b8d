//! Chores of the repository, shared by `cargo xtask` and by the tests against
//! real toolchains: installing Go toolchains, having them assemble frames, and
//! recording what they emit.

pub mod assembly;
pub mod browser;
pub mod cases;
pub mod corpus;
pub mod cross;
mod debian;
pub mod decoder;
pub mod evidence;
pub mod findings;
pub mod hostile;
pub mod packages;
pub mod programs;
pub mod semantics;
pub mod survey;
pub mod toolchain;
pub mod truth;
