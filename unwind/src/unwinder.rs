//! One step of Go's unwinder at the frame that was interrupted: which word it
//! takes for the return address, and what happens when that is none.
//!
//! Read in `runtime/traceback.go`: `gentraceback` of go1.19.8; `resolveInternal`,
//! `next` and `finishInternal` of go1.21.13, go1.22.10, go1.23.9, go1.24.3,
//! go1.24.11, go1.25.5, go1.26.0 and go1.27.3.

use crate::{Depth, FuncFlags, Release};

/// How a thread came to stand at the boundary that is unwound from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Stopped {
    /// A profiler's signal stopped it: pc, SP and LR are those of the thread.
    Signal,
    /// The goroutine was preempted: the frame lies behind an injected call
    /// ([`crate::InjectedCall`]), at the boundary where it resumes.
    Preempted,
}

/// Where the unwinder finds the return address of an interrupted function.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ReturnAddress {
    /// In LR as the signal found it. (If LR is 0: in the word at SP.)
    Register,
    /// In the word at SP.
    WordAtSp,
    /// In the LR that the injected call pushed. (If that is 0: in the word at SP.)
    PushedWord,
    /// Nowhere: the walk ends here, and is complete.
    EndOfStack,
    /// Nowhere: the walk ends here, incomplete, without a complaint.
    Stop,
    /// The program is ended: `traceback: unexpected SPWRITE function`.
    Throw,
}

impl ReturnAddress {
    /// Where it looks at a boundary that declares this depth: that of the
    /// boundary where the goroutine resumes, if it was preempted.
    ///
    /// `TOPFRAME` is asked for first, then `SPWRITE`. A garbage collector's walk
    /// does not bear `SPWRITE` but in the innermost frame, which behind an
    /// injected call the interrupted function is not. A depth below zero is not
    /// zero: behind an injected call the word at SP is read for it, and LR
    /// elsewhere (`frame.sp < frame.fp`).
    #[must_use]
    pub const fn of(declared: Depth, stopped: Stopped, flags: FuncFlags) -> Self {
        if flags.contains(FuncFlags::TOP_FRAME) {
            return Self::EndOfStack;
        }
        let marked = flags.contains(FuncFlags::SP_WRITE);
        match stopped {
            Stopped::Signal if marked => Self::Stop,
            Stopped::Signal if declared.0 > 0 => Self::WordAtSp,
            Stopped::Signal => Self::Register,
            Stopped::Preempted if marked => Self::Throw,
            Stopped::Preempted if declared.0 == 0 => Self::PushedWord,
            Stopped::Preempted => Self::WordAtSp,
        }
    }
}

/// A word that was taken for a return address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mistaken {
    /// Zero, as most unused stack is.
    Zero,
    /// Anything else that is no address in Go's code. (An address in it leads on,
    /// into the frame of a function that is not there.)
    NotCode,
    /// The boundary that is unwound from, where no frame is declared: the next frame would
    /// be the same one.
    Itself,
}

/// How the program ends when the garbage collector's walk meets such a word; a profiler's
/// walk ends it by [`Crash::Stuck`] alone, and stops at the others without a complaint.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Crash {
    /// `fatal error: traceback did not unwind completely`: zero ends the walk,
    /// and `finishInternal` finds that it is not at the top of the stack.
    Incomplete,
    /// `SIGSEGV: segmentation violation`, at this address: `next` reads
    /// `gp.m.incgo` before it complains, and the M of a goroutine that is
    /// preempted is nil. The address is the offset of `incgo` in `m`.
    Fault(u16),
    /// `runtime: g N: unexpected return pc for F called from 0x...`, then
    /// `fatal error: unknown caller pc`.
    UnknownCaller,
    /// `runtime: traceback stuck. pc=0x... sp=0x...`, then `fatal error: traceback stuck`:
    /// the next frame is identical to this one, so that the walk would not end.
    Stuck,
}

impl Crash {
    /// The end in `release`; in the newest for none.
    ///
    /// go1.19 takes zero for any other word. From go1.21 on zero ends the walk.
    /// go1.27 asks whether the M is nil. All of them compare the return address with the pc
    /// of the frame, and the frame's bounds with each other, and throw if both are the same:
    /// `gentraceback` of go1.19.8, `next` of the others; whoever walks, a profiler's signal
    /// included (golang/go#62086, golang/go#80771). That was seen in programs built by
    /// go1.24.3, go1.26.6 and go1.27.3. The offset of `incgo` is that of the
    /// debug information of programs built by each of the nine releases.
    ///
    /// All of these were seen in programs that loop over a function with a large
    /// frame while another goroutine collects garbage, under `qemu-aarch64
    /// -singlestep` 7.2, within a minute:
    ///
    /// | built by | frame | word | what was seen |
    /// | --- | --- | --- | --- |
    /// | go1.19.8 | 65616, non-leaf | zero | `called from 0x0`, `unknown caller pc` |
    /// | go1.19.8 | 65616, non-leaf | other | `unknown caller pc` |
    /// | go1.21.13, go1.24.3 | 65616, non-leaf | zero | `traceback did not unwind completely` |
    /// | go1.21.13, go1.24.3 | 65616, non-leaf | other | `SIGSEGV`; in go1.24.3 with `addr=0x118` |
    /// | go1.25.5 | 131088, leaf | zero | `traceback did not unwind completely` |
    /// | go1.25.5 | 131088, leaf | other | `SIGSEGV`, `addr=0x110` |
    /// | go1.26.0 | 131088, leaf | other | `SIGSEGV`, `addr=0x118` |
    /// | go1.27.3 | 131088, leaf | zero | `traceback did not unwind completely` |
    /// | go1.27.3 | 131088, leaf | other | `unexpected return pc`, `unknown caller pc` |
    #[must_use]
    pub fn of(word: Mistaken, release: Option<Release>) -> Self {
        match (word, release) {
            (Mistaken::Itself, _) => Self::Stuck,
            (_, Some(release)) if release < Release(21) => Self::UnknownCaller,
            (Mistaken::Zero, _) => Self::Incomplete,
            (Mistaken::NotCode, None) => Self::UnknownCaller,
            (Mistaken::NotCode, Some(release)) if release >= Release(27) => Self::UnknownCaller,
            (Mistaken::NotCode, Some(Release(25))) => Self::Fault(0x110),
            (Mistaken::NotCode, Some(_)) => Self::Fault(0x118),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Expectations: the conditions on `frame.lr` in `resolveInternal` and, behind
    // an injected call, in `next` (runtime/traceback.go, go1.21.13 to go1.27.3).
    #[test]
    fn where_the_return_address_is_looked_for() {
        let of = |depth, stopped, flags| ReturnAddress::of(Depth(depth), stopped, flags);
        let none = FuncFlags(0);
        for (depth, by_signal, preempted) in [
            (0, ReturnAddress::Register, ReturnAddress::PushedWord),
            (16, ReturnAddress::WordAtSp, ReturnAddress::WordAtSp),
            (65616, ReturnAddress::WordAtSp, ReturnAddress::WordAtSp),
            (-16, ReturnAddress::Register, ReturnAddress::WordAtSp),
        ] {
            assert_eq!(of(depth, Stopped::Signal, none), by_signal, "{depth}");
            assert_eq!(of(depth, Stopped::Preempted, none), preempted, "{depth}");
            let write = FuncFlags::SP_WRITE;
            assert_eq!(of(depth, Stopped::Signal, write), ReturnAddress::Stop);
            assert_eq!(of(depth, Stopped::Preempted, write), ReturnAddress::Throw);
            let top = FuncFlags(FuncFlags::TOP_FRAME.0 | write.0);
            for stopped in [Stopped::Signal, Stopped::Preempted] {
                assert_eq!(of(depth, stopped, top), ReturnAddress::EndOfStack);
            }
        }
    }

    // Expectations: what the programs of the table above printed; for go1.22.10,
    // go1.23.9 and go1.24.11 the same source lines, and `incgo` at offset 280 of
    // `m` in their debug information.
    #[test]
    fn how_the_crash_looks_by_release() {
        for (minor, zero, other) in [
            (19, Crash::UnknownCaller, Crash::UnknownCaller),
            (21, Crash::Incomplete, Crash::Fault(280)),
            (22, Crash::Incomplete, Crash::Fault(280)),
            (23, Crash::Incomplete, Crash::Fault(280)),
            (24, Crash::Incomplete, Crash::Fault(280)),
            (25, Crash::Incomplete, Crash::Fault(272)),
            (26, Crash::Incomplete, Crash::Fault(280)),
            (27, Crash::Incomplete, Crash::UnknownCaller),
        ] {
            let release = Some(Release(minor));
            assert_eq!(Crash::of(Mistaken::Zero, release), zero, "go1.{minor}");
            assert_eq!(Crash::of(Mistaken::NotCode, release), other, "go1.{minor}");
            // `frame.pc == frame.lr && frame.sp == frame.fp` in each of them.
            assert_eq!(Crash::of(Mistaken::Itself, release), Crash::Stuck, "go1.{minor}");
        }
    }
}
