//! Trusts neither the compiler nor its tables: reads machine words, which
//! [`a64`] describes, and decides, for every instruction boundary that can be
//! reached, whether the row that the table declares there is true.
//!
//! - [`Checker`]: holds each boundary of a function against its row and against
//!   the other [`rules`], each of which states its claim, transfer rules and
//!   assumptions. One analysis of the control-flow graph says what holds at each boundary,
//!   unless a sweep over the words shows that the function is as most are, and proved.
//! - [`Report`]: what was found, as data; [`Verdict`]: what follows.
//! - [`screen`]: words sorted by a look at them, which shows of most that no rule is
//!   concerned with them.
//!
//! This crate does not know how the code was made. In particular it shares no
//! instruction model with the lowering, so that a mistake there cannot hide
//! here.

mod analysis;
mod checker;
mod flow;
mod report;
pub mod rules;
pub mod screen;
mod state;
mod sweep;

pub use checker::{Callee, Checker, Function, Surroundings};
pub use report::{
    Observer, Observers, Reason, Report, Rule, Severity, Undecided, Verdict, Violation,
};
pub use rules::below_sp::SignalStack;
pub use state::{Fp, Lr, Saved, State};
