//! The call that a signal handler injects to preempt a goroutine: what it
//! overwrites, what it leaves alone, and where the goroutine resumes.
//!
//! `sigctxt.pushCall` (`runtime/signal_arm64.go`) makes the interrupted function
//! look as if it had called `asyncPreempt`. SP goes down by 16; LR is stored at
//! the new SP; from go1.21 on R29 is stored below it. LR then holds where the
//! goroutine resumes, and pc is `asyncPreempt` (`runtime/preempt_arm64.s`), which
//! stores LR again at the bottom of a frame of its own, saves the registers there
//! and calls on.
//!
//! ```text
//!   SP       the interrupted function's word at SP     kept
//!   SP - 8   the R29 that the function saved there     kept
//!   SP - 16  LR                                        overwritten: new SP
//!   SP - 24  R29 (from go1.21 on)                      overwritten
//!     ...    asyncPreempt's frame, and what it calls   overwritten
//! ```
//!
//! The word at SP - 8 is padding for 16-byte alignment, and it is what makes
//! Go's place for a frame's R29, below its SP, survive. Before go1.27 that word is
//! in no frame that `adjustframe` knows (`runtime/stack.go`): it goes stale when
//! the stack is moved. A goroutine's stack is not moved while it is preempted
//! asynchronously (`isShrinkStackSafe`), but it is behind an injected `sigpanic`.
//!
//! All registers come back but R27, through which `asyncPreempt` returns. Of vector
//! registers it saves 64 bits before go1.26, whose compiler is the first to use more
//! (`arm64/ssa.go`, `FLDPQ`).
//!
//! Read in go1.19.8, go1.21.13, go1.22.10, go1.23.9, go1.24.3, go1.24.11,
//! go1.25.5, go1.26.0 and go1.27.3.

use crate::Release;

/// How far below the interrupted SP the word begins that is the last to survive
/// an injected call, in bytes: whatever begins lower is lost.
pub const KEPT_BELOW_SP: i64 = 8;

/// By how much an injected call lowers SP, in bytes. The handler stores through
/// another register, but the first instruction of `asyncPreempt` stores through SP:
/// it faults unless SP is aligned to 16 bytes, as the interrupted one has to be.
pub const INJECTED_SP_MOVE: i64 = 16;

/// The register that an injected call does not restore: `asyncPreempt` returns
/// through R27, the assembler's REGTMP (`JMP (R27)`, from go1.25 on `RET (R27)`).
pub const LOST_REGISTER: u8 = 27;

/// Whether an injected call overwrites a part of the word that begins
/// `below_sp` bytes below the interrupted SP. Words at and above SP are kept.
#[must_use]
pub const fn is_lost(below_sp: i64) -> bool {
    below_sp > KEPT_BELOW_SP
}

/// What an injected call pushes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Pushed {
    /// LR as the interrupted function left it.
    Lr,
    /// R29 as the interrupted function left it.
    FramePointer,
}

/// A word that the signal handler writes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Push {
    /// Where the word begins, in bytes below the interrupted SP.
    pub below_sp: i64,
    /// What is written.
    pub value: Pushed,
}

const LR: Push = Push { below_sp: INJECTED_SP_MOVE, value: Pushed::Lr };
const FRAME_POINTER: Push = Push { below_sp: INJECTED_SP_MOVE + 8, value: Pushed::FramePointer };

/// The injected call of a release.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct InjectedCall {
    writes: &'static [Push],
}

impl InjectedCall {
    /// The one of `release`; that of the newest for none: R29 is pushed in go1.21.13 and
    /// not in go1.19.8.
    #[must_use]
    pub fn of(release: Option<Release>) -> Self {
        let pushes_r29 = release.is_none_or(|release| release >= Release(21));
        Self { writes: if pushes_r29 { &[LR, FRAME_POINTER] } else { &[LR] } }
    }

    /// What the signal handler itself writes (`pushCall`), from the top.
    #[must_use]
    pub const fn writes(&self) -> &'static [Push] {
        self.writes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Expectations: `pushCall` in runtime/signal_arm64.go of each release.
    #[test]
    fn what_is_pushed_by_release() {
        let since_21 = &[16, 24][..];
        for (minor, words) in [(19, &[16][..])].into_iter().chain((21..=27).map(|n| (n, since_21)))
        {
            let call = InjectedCall::of(Some(Release(minor)));
            let below: Vec<_> = call.writes().iter().map(|push| push.below_sp).collect();
            assert_eq!(below, words, "go1.{minor}");
            assert_eq!(call.writes().first().map(|push| push.value), Some(Pushed::Lr));
        }
        assert_eq!(InjectedCall::of(None), InjectedCall::of(Some(Release(27))));
    }

    // `sp := c.sp() - 16`: the first store is of the eight bytes from there on.
    #[test]
    fn the_word_below_sp_is_kept_and_no_other() {
        assert!(!is_lost(-8) && !is_lost(0) && !is_lost(8));
        assert!(is_lost(9) && is_lost(16) && is_lost(24) && is_lost(1 << 20));
        for push in InjectedCall::of(None).writes() {
            assert!(is_lost(push.below_sp));
        }
    }
}
