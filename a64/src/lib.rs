//! One A64 instruction: what it reads, writes, loads and stores, where execution goes
//! behind it, and its text.
//!
//! - [`decode`]: a word becomes an instruction, as far as SP, constants and control flow
//!   are concerned; what the decoder does not know, it says.
//! - [`effect`]: what an instruction does to the values of registers.
//! - [`syntax`]: the listing of a word in Go's assembler syntax.
//! - [`DecodeCache`]: decoded words, remembered.
//!
//! This crate knows one word at a time and nothing of functions, rows or rules. It shares
//! nothing with the lowering, which makes words: a mistake there cannot hide here.

mod cache;
pub mod decode;
pub mod effect;
mod parts;
pub mod semantics;
pub mod syntax;

pub use cache::{DecodeCache, Decoded};
pub use effect::{SpEffect, sp_effect};
pub use parts::{Core, May, Must, Parts};
pub use semantics::{Base, Semantics, may_write, semantics};
