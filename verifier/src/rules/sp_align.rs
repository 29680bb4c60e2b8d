//! Rule `sp-align`: SP is a multiple of 16.
//!
//! # Claim
//! At every boundary that is reached and where a call can be injected SP is a multiple
//! of 16.
//!
//! # Abstract state
//! The depth of SP below the CFA, which is a multiple of 16 itself.
//!
//! # Transfer
//! That of [`super::sp_row`].
//!
//! # Observers
//! Preemption: the call that it injects stores through SP, and so does
//! `asyncPreempt`, which traps while SP is misaligned (Arm ARM, D1.3.10.2, with
//! SCTLR_EL1.SA0 as Linux sets it). A profiler only reads, at depths that its rows
//! give.
//!
//! # Direction of error
//! A depth that is not followed makes the function undecided.
//!
//! # Assumptions
//! The caller keeps the rule too (AAPCS64, 6.4.5.1).
//!
//! # Cost
//! A test at each write of SP.
//!
//! # Not checked
//! That the function itself uses SP as a base only while it is aligned: the
//! machine checks that.

use unwind::Depth;

/// The alignment of SP, in bytes.
const ALIGNMENT: i64 = 16;

pub(crate) const fn holds(depth: Depth) -> bool {
    depth.0 % ALIGNMENT == 0
}
