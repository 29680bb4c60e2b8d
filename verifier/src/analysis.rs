//! The one analysis that all rules share: what SP, the registers and the words of the stack
//! hold at each boundary, forwards from the entry to a fixpoint.
//!
//! # Claim
//! What it says of a boundary holds in every execution that comes there from the entry and
//! obeys the assumptions that the rules state. It knows nothing of rows: what is actual
//! never depends on what is declared.
//!
//! # State
//! A *value* is one of ([`value::Kind`])
//!
//! ```text
//! v ::= n               a number, or an address of the image
//!     | CFA + n         a place of the stack
//!     | near            a place of the stack on one path at least, where is not known
//!     | entry(Xr)       what the caller had in Xr: entry(X30) is the return address
//!     | word(CFA + n)   what the caller had in that word
//!     | loaded          from memory or from a callee: no entry(X28..X30) is in it unless one
//!                       has escaped
//!     | other           something else for sure, on one path at least
//!     | unknown
//! ```
//!
//! The state at a boundary is (SP, X0..X30, words, escaped): a value for each register, one
//! for each word of the stack that has been stored to (what is not listed holds nothing that
//! matters), what became of the caller's words at CFA-8 and CFA, and whether an
//! entry(X28..X30) has been stored, passed or moved to where it is not followed.
//!
//! # Meet
//! Where paths come together with SP at different depths, each depth goes on by itself: a
//! block has a variant for each (at most four). In one variant
//!
//! ```text
//! v ∧ v       = v
//! v ∧ CFA + n = near
//! v ∧ other   = other       it is broken on one path, so it is broken
//! v ∧ unknown = unknown
//! v ∧ loaded  = loaded
//! v ∧ w       = other       two values that are known and differ
//! escaped     = escaped on one of the paths
//! ```
//!
//! In compiled code only SP, LR, R29, R28 and the words go on into another block: `asm7.go`
//! and `obj7.go` keep nothing that the rules are about in other registers across branches.
//! In assembly all registers do.
//!
//! # Transfer
//! Moves, additions of constants, addresses and loads and stores at known places of the stack
//! are followed exactly. What an operation that is not followed makes of an entry(X28..X30)
//! or of what is unknown is unknown, and of anything else it is other. A call leaves SP, R29
//! and R28 as they were (rule `callee` holds every function to that), the address behind it in
//! LR, and in the other registers what is loaded; what lies below SP - 8 is gone. A store to a
//! known place replaces what is there; one through SP or R29 to a place that is not known
//! makes all words unknown. What an instruction may do and what it does for sure are told
//! apart by the machine's description (`a64`), and only the latter makes a value other.
//!
//! # Direction of error
//! Rules are refuted by what is known to be something else on a path, and undecided by what
//! is unknown. Every path of the control-flow graph counts as one that can be taken.
//!
//! # Assumptions
//! - Stores through registers that do not hold a known place of the stack do not touch the
//!   words that are followed; nor, in compiled code, do those through other registers than SP
//!   and R29, unless they store LR or R29, and those with an index through other registers than
//!   R29: `golang.org/x/crypto/blake2b` stores what it computed in LR into an array so.
//! - A call of morestack, made outside of a frame with the return address in R3, comes back
//!   with that in LR (`runtime/asm_arm64.s`).
//! - A panic that is recovered goes on at the given entry, with SP and R29 as they were at
//!   the call that did not return (`runtime/panic.go`, `recovery`).
//! - Those of [`crate::rules::sp_row`] on where execution does not go.
//!
//! # Cost
//! One step for each instruction and variant, and again where less is known than before: a
//! few times at most. No allocation once a [`crate::Checker`] has seen its longest function.

mod access;
mod engine;
mod exit;
mod flow;
mod judge;
mod resume;
pub(crate) mod state;
pub(crate) mod value;
pub(crate) mod words;

pub(crate) use engine::{Analysis, Entered, Scratch};
pub(crate) use flow::MAX_PADDING;
pub(crate) use resume::RESTART_REACH;
