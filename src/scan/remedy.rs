//! What would mend a finding: the releases of Go that no longer make such code,
//! and whether building again with one of them is enough.
//!
//! A finding is sorted by the instructions around its boundary. What each cause
//! goes back to, and since when it is gone, was measured:
//! - the pop of a large frame, golang/go#73259: RFC 0003, and the policies of
//!   `lowering`, which are held against the toolchains;
//! - R29 behind SP in a leaf, golang/go#63830: the same;
//! - `zeroRange` (`cmd/compile/internal/arm64/ggen.go`), which calls DUFFZERO in a
//!   prologue: it does up to go1.25.5, and in go1.26.0 there is no DUFFZERO;
//! - R27 as the second register of a pair (`isUnsafePoint`,
//!   `cmd/internal/obj/arm64/asm7.go`): not looked at by go1.19.8, looked at by
//!   go1.21.13, go1.22.10 and go1.23.9.

use a64::decode::{Access, Arith, Data, Flags, Inst, Mode, Reg, Width, decode};
use image::{Function, Image};
use lowering::policy::{LargePop, LeafPop};
use lowering::{Frame, FrameSize, Kind, Policy, lower};
use unwind::{Depth, FuncFlags, Pc, Release, Word};
use verifier::{Checker, Report, Rule, Verdict, Violation};

/// The newest release that was looked at.
pub const NEWEST: &str = "go1.27.3";

/// Where a broken rule comes from, as far as that decides what mends it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The assembler pops the large frame of a function that is no leaf by two
    /// additions.
    LargePop,
    /// It pops the large frame of a leaf by two additions.
    LeafPop,
    /// It moves SP before R29 in the epilogue of a leaf.
    LeafOrder,
    /// It computes R29 by two additions in the epilogue of a leaf.
    LeafFramePointer,
    /// The compiler calls DUFFZERO in a prologue: the frame that is made for it
    /// lies below SP.
    DuffZeroFrame,
    /// The same: its return address is in R27.
    DuffZeroReturn,
    /// The function is written in assembly.
    Assembly,
    /// None of these.
    Unknown,
}

/// What would mend a finding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Remedy {
    /// What the finding goes back to.
    pub cause: Cause,
    /// Whether building with one of the releases of [`Remedy::fixed_in`] is enough.
    pub rebuild_is_enough: bool,
}

impl Remedy {
    /// The releases that mend the cause: each is the first of its minor version
    /// that is known to, and so does whatever is newer than the last. Empty if no
    /// release up to [`NEWEST`] is known to.
    #[must_use]
    pub const fn fixed_in(self) -> &'static [&'static str] {
        match self.cause {
            Cause::LargePop => &["go1.23.12", "go1.24.6", "go1.25.0"],
            Cause::LeafOrder => &["go1.21.13", "go1.22.0"],
            Cause::DuffZeroFrame => &["go1.26.0"],
            Cause::DuffZeroReturn => &["go1.21.13", "go1.22.10"],
            Cause::LeafPop | Cause::LeafFramePointer | Cause::Assembly | Cause::Unknown => &[],
        }
    }

    /// The same in a sentence.
    #[must_use]
    pub fn sentence(self) -> String {
        match (self.cause, self.fixed_in().join(", ")) {
            (Cause::LeafPop | Cause::LeafFramePointer, _) => format!(
                "Not fixed for leaf functions by any release up to {NEWEST}: a rebuild is not enough."
            ),
            (Cause::Assembly, _) => {
                "Written in assembly, which no release of the compiler changes: a rebuild is not \
                 enough, the code has to be changed."
                    .to_owned()
            }
            (Cause::Unknown, _) => format!("No release up to {NEWEST} is known to fix it."),
            (_, releases) if self.rebuild_is_enough => {
                format!("Fixed in {releases} and later: a rebuild with such a release is enough.")
            }
            (_, releases) => format!(
                "Fixed in {releases} and later, but a leaf with this frame is wrong in them in \
                 another way: a rebuild is not enough."
            ),
        }
    }
}

/// A violation with all that a remedy depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) image: &'a Image<'a>,
    pub(super) function: &'a Function<'a>,
    pub(super) violation: &'a Violation,
    pub(super) frame_size: Depth,
    pub(super) leaf: bool,
}

/// What would mend a violation.
pub(super) fn remedy(place: &Place<'_>) -> Remedy {
    let cause = place.cause().unwrap_or(match place.function.flags.contains(FuncFlags::ASM) {
        true => Cause::Assembly,
        false => Cause::Unknown,
    });
    let rebuild_is_enough = match cause {
        Cause::LargePop | Cause::DuffZeroFrame | Cause::DuffZeroReturn => true,
        Cause::LeafOrder => is_right_in_newest(place.frame_size),
        _ => false,
    };
    Remedy { cause, rebuild_is_enough }
}

impl Place<'_> {
    /// The cause, if the code is one that the table above knows, and the image is
    /// not of a release that is said to make it no longer.
    fn cause(&self) -> Option<Cause> {
        let policy = self.image.go_version().and_then(|version| Policy::resolve(version).ok());
        match self.violation.rule {
            Rule::SpRow if self.pops_in_two_steps() => {
                if self.leaf {
                    return Some(Cause::LeafPop);
                }
                let mended = policy.is_some_and(|policy| policy.large_pop != LargePop::Constant);
                (self.inst(2) == LDP_PAIR && !mended).then_some(Cause::LargePop)
            }
            Rule::FramePointer if self.leaf && self.pops_sp_first() => {
                let late = |policy: &Policy| policy.leaf_pop == LeafPop::StackPointerFirst;
                policy.is_none_or(late).then_some(Cause::LeafOrder)
            }
            Rule::FramePointer if self.leaf && self.computes_r29_in_two_steps() => {
                Some(Cause::LeafFramePointer)
            }
            Rule::FramePointer if self.calls_duffzero() => Some(Cause::DuffZeroFrame),
            // Only releases that nobody else looked at in between are claimed.
            Rule::Restart if self.takes_the_return_address_of_duffzero() => {
                let before = |release| release <= Release(21);
                self.image.release().is_none_or(before).then_some(Cause::DuffZeroReturn)
            }
            _ => None,
        }
    }

    /// The instruction so many before the boundary.
    fn inst(&self, back: u32) -> Inst {
        let at = self.violation.at.0.checked_sub(back);
        let word = at.and_then(|at| self.function.code.get(at as usize));
        word.map_or(Inst::Unknown, |&word| decode(word))
    }

    /// Between `ADD $low, RSP, RSP` and `ADD $high, RSP, RSP`, which together are
    /// the frame.
    fn pops_in_two_steps(&self) -> bool {
        let added = [1, 0].map(|back| added(self.inst(back), Reg::SP, Reg::SP));
        let [Some(low), Some(high)] = added else { return false };
        self.frame_size == Depth(i64::from(low) + i64::from(high))
            && self.violation.actual == Depth(i64::from(high))
    }

    /// At `SUB $8, RSP, R29`, or before an addition to SP that it follows.
    fn pops_sp_first(&self) -> bool {
        let restores = |inst| inst == SUB_8_R29;
        let pops = |back| added(self.inst(back), Reg::SP, Reg::SP).is_some();
        let next = self.function.code.get(self.violation.at.0 as usize + 1).map(|&w| decode(w));
        restores(self.inst(0)) && pops(1) || pops(0) && pops(1) && next.is_some_and(restores)
    }

    /// Between `ADD $low, RSP, R29` and `ADD $high, R29, R29`.
    fn computes_r29_in_two_steps(&self) -> bool {
        added(self.inst(1), Reg::FP, Reg::SP).is_some()
            && added(self.inst(0), Reg::FP, Reg::FP).is_some()
    }

    /// At the call of DUFFZERO with its frame below SP, or behind it.
    fn calls_duffzero(&self) -> bool {
        (0..2).any(|back| {
            let Inst::Call { offset } = self.inst(back) else { return false };
            let at = u64::from(self.violation.at.0.saturating_sub(back)) * Word::BYTES;
            let from = self.function.entry.0.wrapping_add(at);
            self.inst(back + 1) == SUB_24_R29
                && self.inst(back + 2) == STP_R29_R27
                && is_duffzero(self.image, Pc(from.wrapping_add_signed(offset)))
        })
    }

    /// At the store of the return address that the ADR before it made.
    fn takes_the_return_address_of_duffzero(&self) -> bool {
        matches!(self.inst(1), Inst::Adr { rd: Reg::TMP, .. }) && self.inst(0) == STP_R29_R27
    }
}

/// `LDP -8(RSP), (R29, R30)`: an epilogue that is no leaf's.
const LDP_PAIR: Inst = pair(Access::Load, Reg::LR, -8);

/// `STP (R29, R27), -24(RSP)`
const STP_R29_R27: Inst = pair(Access::Store, Reg::TMP, -24);

/// `SUB $8, RSP, R29`
const SUB_8_R29: Inst = add(Arith::Sub, Reg::FP, Reg::SP, 8);

/// `SUB $24, RSP, R29`
const SUB_24_R29: Inst = add(Arith::Sub, Reg::FP, Reg::SP, 24);

const fn pair(access: Access, rt2: Reg, offset: i32) -> Inst {
    let (rt, rn, mode) = (Reg::FP, Reg::SP, Mode::Offset);
    Inst::Pair { access, data: Data::X, rt, rt2, rn, offset, mode }
}

const fn add(op: Arith, rd: Reg, rn: Reg, imm: u32) -> Inst {
    Inst::ArithImm { op, flags: Flags::Keep, width: Width::X, rd, rn, imm }
}

/// What `ADD $n, rn, rd` adds.
fn added(inst: Inst, rd: Reg, rn: Reg) -> Option<u32> {
    match inst {
        Inst::ArithImm { imm, .. } if inst == add(Arith::Add, rd, rn, imm) => Some(imm),
        _ => None,
    }
}

/// Whether the function at an address is `runtime.duffzero`. Functions are in the
/// order of their addresses.
fn is_duffzero(image: &Image<'_>, target: Pc) -> bool {
    let (mut first, mut behind) = (0, image.function_count());
    while first < behind {
        let middle = first + (behind - first) / 2;
        match image.function(middle) {
            Ok(function) if function.entry <= target => first = middle + 1,
            Ok(_) => behind = middle,
            Err(_) => return false,
        }
    }
    let found = first.checked_sub(1).and_then(|index| image.function(index).ok());
    found.is_some_and(|function| function.name() == b"runtime.duffzero")
}

/// Whether a leaf with this frame keeps the rules about R29 and SP as the newest
/// release lowers it.
fn is_right_in_newest(frame: Depth) -> bool {
    let size = u64::try_from(frame.0).ok().and_then(|bytes| FrameSize::new(bytes).ok());
    let (Some(size), Some(policy)) = (size, Policy::released().last()) else { return false };
    let frame = Frame::new(size, Kind::Leaf);
    let mut report = Report::new();
    crate::prove::verify(&lower(&frame, policy), frame.os, &mut Checker::new(), &mut report);
    report.verdict() == Verdict::Proved
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed_in(cause: Cause) -> &'static [&'static str] {
        Remedy { cause, rebuild_is_enough: true }.fixed_in()
    }

    /// What a release does is what its policy does, which `tests/toolchains.rs` holds
    /// against the toolchain.
    fn policy(release: &str) -> &'static Policy {
        Policy::resolve(release).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn the_releases_are_the_first_of_their_minor_version() {
        for release in fixed_in(Cause::LargePop) {
            assert_eq!(policy(release).large_pop, LargePop::Register, "{release}");
        }
        for before in ["go1.22.10", "go1.23.11", "go1.24.5"] {
            assert_eq!(policy(before).large_pop, LargePop::Constant, "{before}");
        }
        for release in fixed_in(Cause::LeafOrder) {
            assert_eq!(policy(release).leaf_pop, LeafPop::FramePointerFirst, "{release}");
        }
        assert_eq!(policy("go1.21.3").leaf_pop, LeafPop::StackPointerFirst);
        assert_eq!(policy(NEWEST), Policy::released().last().unwrap_or_else(|| panic!("none")));
    }

    // RFC 0003: the smallest frame of a leaf that go1.27.3 refutes has 65,552 bytes;
    // from 2^24 bytes on R29 takes a restartable sequence.
    #[test]
    fn leaves_that_a_rebuild_mends() {
        for (frame, right) in
            [(16, true), (4112, true), (65_536, true), (65_552, false), (131_088, false)]
        {
            assert_eq!(is_right_in_newest(Depth(frame)), right, "{frame}");
        }
        assert!(!is_right_in_newest(Depth(-16)) && !is_right_in_newest(Depth(8)));
    }

    // `llvm-mc -triple=aarch64 -show-encoding`.
    #[test]
    fn the_instructions_are_those_that_are_meant() {
        for (word, inst) in [
            (0xa97f_fbfd, LDP_PAIR),
            (0xa93e_effd, STP_R29_R27),
            (0xd100_23fd, SUB_8_R29),
            (0xd100_63fd, SUB_24_R29),
        ] {
            assert_eq!(decode(Word::new(word)), inst, "{word:#010x}");
        }
    }
}
