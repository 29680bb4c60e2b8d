//! Why nothing is decided.

use super::{Observer, Observers};
use core::fmt;

/// Why the verifier cannot decide a function.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// A word that the decoder does not know.
    UnknownInstruction,
    /// SP is written with a value that is not followed.
    UntrackedStackPointer,
    /// A jump through a register, inside a frame, to where is not known.
    IndirectJump,
    /// A jump to another function, or a return, with a frame still open.
    JumpOutOfFrame,
    /// A boundary that can be reached has no row.
    NoRow,
    /// Execution runs past the end of the function.
    RunsPastEnd,
    /// Execution goes on from a boundary whose row is wrong, which not every
    /// observer sees: what follows is not known for the others.
    BehindBrokenRow,
    /// The return address is in a place that is not followed, if anywhere.
    UntrackedReturnAddress,
    /// R29 has a value that is not followed.
    UntrackedFramePointer,
    /// A goroutine resumes where it is not known whether that gives the same
    /// state.
    UntrackedResumption,
    /// R27 is read, and not known to be written before.
    UntrackedTemporary,
    /// A BRK: compiled code contains none.
    Breakpoint,
    /// Paths meet at an instruction with SP at different depths.
    DifferentDepths,
    /// An instruction is reached in more states than are followed.
    TooManyStates,
    /// A store goes to an address that is not followed, and may replace a saved word.
    UntrackedStore,
    /// A register or a word that the caller relies on has a value that is not followed.
    UntrackedCallee,
    /// Code behind a write of SP in a function that is marked `SPWRITE`: unwinders are ready for
    /// that, and what the function leaves its caller is not known.
    BehindSpWrite,
    /// A function that is marked `SPWRITE` calls another one: precise unwinding through
    /// it throws (`runtime/traceback.go`, `next`).
    SpWriteCall,
}

impl Reason {
    /// To whom nothing is proved for this reason.
    ///
    /// A store that may replace a saved word, and a word that the caller relies on,
    /// concern all of them: the function itself returns by the saved words, and the
    /// caller's are unwound too.
    #[must_use]
    pub const fn observers(self) -> Observers {
        let none = Observers::NONE;
        match self {
            Self::UntrackedReturnAddress => {
                none.with(Observer::AsyncPreemption).with(Observer::Profiler)
            }
            Self::UntrackedFramePointer => none.with(Observer::FramePointer),
            Self::BehindSpWrite => none.with(Observer::Everybody).with(Observer::FramePointer),
            Self::UntrackedResumption | Self::UntrackedTemporary | Self::SpWriteCall => {
                none.with(Observer::AsyncPreemption)
            }
            Self::UnknownInstruction
            | Self::UntrackedStackPointer
            | Self::IndirectJump
            | Self::JumpOutOfFrame
            | Self::NoRow
            | Self::RunsPastEnd
            | Self::BehindBrokenRow
            | Self::Breakpoint
            | Self::DifferentDepths
            | Self::TooManyStates
            | Self::UntrackedStore
            | Self::UntrackedCallee => Observers::ALL,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownInstruction => "an instruction that the decoder does not know",
            Self::UntrackedStackPointer => "SP is written with a value that is not followed",
            Self::IndirectJump => "a jump through a register to an unknown place in the frame",
            Self::JumpOutOfFrame => "a jump to another function with the frame still open",
            Self::NoRow => "a boundary without a row",
            Self::RunsPastEnd => "execution runs past the end of the function",
            Self::BehindBrokenRow => "code behind a row that is wrong for some observers",
            Self::UntrackedReturnAddress => "the return address is not followed",
            Self::UntrackedFramePointer => "R29 is written with a value that is not followed",
            Self::UntrackedResumption => "a resumption whose effect is not followed",
            Self::UntrackedTemporary => "R27 is read with a value that is not followed",
            Self::Breakpoint => "a breakpoint (BRK), which compiled code does not contain",
            Self::DifferentDepths => "paths meet with SP at different depths",
            Self::TooManyStates => "more states than are followed",
            Self::UntrackedStore => "a store that may replace a saved word",
            Self::UntrackedCallee => "a register or word that the caller relies on is not followed",
            Self::BehindSpWrite => "code behind a write of SP that the function declares",
            Self::SpWriteCall => "a function marked SPWRITE calls another one",
        })
    }
}
