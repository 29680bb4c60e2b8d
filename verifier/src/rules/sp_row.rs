//! Rule `sp-row`: SP is where the table says.
//!
//! # Claim
//! If a [`crate::Report`] has neither a violation of this rule nor anything
//! undecided, then in every execution that enters the function at its entry, or comes back
//! into it where a panic that was recovered resumes it, and obeys the assumptions below, at every boundary that is reached SP equals the CFA minus the
//! depth declared for that boundary, and where a goroutine may be preempted, also
//! minus the depth declared for the boundary where it would resume.
//!
//! # Abstract state
//! The depth of SP below the CFA, as the analysis finds it from the entry on; no row has a
//! say in it. A block that is reached with several depths is judged with each. SP is computed
//! from other registers as far as those are constants or distances from the CFA.
//!
//! # Transfer
//! An instruction changes the depth by its effect on SP ([`a64::sp_effect`]).
//! Each boundary on the way is compared with its row.
//!
//! # Observers
//! A profiler's signal reads the row of the boundary itself; preemption that of
//! the boundary where the goroutine resumes, unless it is an unsafe point.
//!
//! # Direction of error
//! What is not understood makes the function undecided: a word that the decoder
//! does not know, BRK, a write of SP that is not followed, a jump whose targets are
//! not known, a jump out of the function with the frame still open, a boundary without a row,
//! a block that is reached with more than four depths. Where a goroutine that is preempted
//! resumes at another depth than it stopped with, nothing is known of what follows.
//!
//! # Assumptions
//! - A call goes to the entry of a function, and returns to the instruction
//!   behind it with SP as it was, as [`super::callee`] shows of each; so does a system call.
//! - A panic that is recovered resumes the function with SP as it was at one of the calls
//!   that it makes in a frame (`runtime/panic.go`, `recovery`).
//! - A direct call does not return at all if behind it, after one or more NOPs
//!   that are reached in no other way, the declared depth changes without a write
//!   of SP, or the function ends. Go
//!   marks calls of functions that never return so (`cmd/compile`, `BlockExit`):
//!   the NOP keeps the return address inside the caller's row. A call that is
//!   the last instruction, or has a trap behind it, does not return either; nor, in assembly,
//!   does one of a function that is known never to ([`crate::Callee::NoReturn`]).
//! - Nothing gets to NOPs that a branch goes to if behind them morestack is called, with
//!   no frame declared: go1.16 to go1.18 end a select so, for a result that is none of
//!   its cases.
//! - Unwinders do not read the rows of an assembly function that is marked
//!   `SPWRITE`, where goroutines are not preempted either.
//! - A jump through a register outside of any frame (depth 0) leaves the
//!   function, unless the register is known to be loaded by an index, as from a jump table, or
//!   to hold an address of the function.
//! - Code is not modified while it runs; jump tables are not either.
//!
//! # Cost
//! A comparison for each boundary behind a write of SP or at a change of row.
//!
//! # Not checked
//! That a jump out of the function lands at a boundary with depth 0; functions that
//! are not in the table.
