//! Trusts neither the compiler nor its tables: reads machine words with a
//! decoder of its own and decides, for every instruction boundary that can be
//! reached, whether the row that the table declares there is true.
//!
//! - [`decode`]: a word becomes an instruction, as far as SP, constants and
//!   control flow are concerned; what it does not know, it says.
//! - [`Checker`]: holds each boundary of a function against its row and against
//!   the other [`rules`], each of which states its claim, transfer rules and
//!   assumptions. It walks the control-flow graph, unless a sweep over the words
//!   shows that the function is as most are, and proved.
//! - [`Report`]: what was found, as data; [`Verdict`]: what follows.
//! - [`syntax`]: the listing of a word in Go's assembler syntax.
//!
//! This crate does not know how the code was made. In particular it shares no
//! instruction model with the lowering, so that a mistake there cannot hide
//! here.

mod checker;
pub mod decode;
mod decoded;
mod effect;
mod flow;
mod operands;
mod registers;
mod report;
pub mod rules;
mod state;
mod sweep;
pub mod syntax;
mod value;
mod walk;

pub use checker::{Checker, Function};
pub use effect::{SpEffect, sp_effect};
pub use operands::may_write;
pub use report::{Observer, Observers, Reason, Report, Rule, Undecided, Verdict, Violation};
pub use rules::below_sp::SignalStack;
pub use state::{Fp, Lr, Saved, State};
