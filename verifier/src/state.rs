//! What is known at a boundary: the abstract state that the rules speak of.
//!
//! Each part is a small lattice: what holds on one path and not on the other is
//! lost where they meet, and what is broken on one path is broken. A part changes
//! a few times at most, so that walking a block again when it does is no loop.

use crate::decode::Reg;
use crate::registers::{Kind, Registers, Value};
use unwind::{Depth, KEPT_BELOW_SP};

/// What LR holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lr {
    /// The address that the function returns to.
    Return,
    /// What is not followed.
    Unknown,
    /// Something else.
    Other,
}

/// What R29 holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fp {
    /// What it held at the entry: the caller's frame pointer.
    Caller,
    /// The CFA minus this depth.
    Below(Depth),
    /// What is not followed.
    Unknown,
    /// Something else.
    Other,
}

/// Where in the stack a register of the caller is saved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Saved {
    /// In the eight bytes from the CFA minus this depth on.
    At(Depth),
    /// Perhaps somewhere, perhaps overwritten.
    Unknown,
    /// Nowhere, or overwritten.
    Nowhere,
}

/// What is known at a boundary.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct State {
    /// How deep SP is below the CFA.
    pub depth: Depth,
    /// What LR holds.
    pub lr: Lr,
    /// What R29 holds.
    pub fp: Fp,
    /// Where the return address is saved.
    pub return_at: Saved,
    /// Where the caller's R29 is saved.
    pub caller_at: Saved,
}

/// Whether a rule about the state holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Holding {
    Holds,
    Unknown,
    Broken,
}

/// A place in the stack by its depth, in one word with the two cases of none. No
/// stack is as deep as the two numbers that stand for those.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place(i64);

impl Place {
    pub(crate) const NOWHERE: Self = Self(i64::MIN);
    pub(crate) const UNKNOWN: Self = Self(i64::MIN + 1);

    #[inline(always)]
    pub(crate) const fn at(depth: Depth) -> Self {
        if depth.0 <= Self::UNKNOWN.0 { Self::UNKNOWN } else { Self(depth.0) }
    }

    #[inline(always)]
    pub(crate) const fn depth(self) -> Option<Depth> {
        if self.0 <= Self::UNKNOWN.0 { None } else { Some(Depth(self.0)) }
    }

    /// Whether it is the place at a depth.
    #[inline(always)]
    pub(crate) const fn holds(self, depth: Depth) -> Holding {
        match self {
            Self::UNKNOWN => Holding::Unknown,
            Self(at) if at == depth.0 => Holding::Holds,
            _ => Holding::Broken,
        }
    }

    /// Whether it is deeper than a depth.
    #[inline(always)]
    pub(crate) const fn is_below(self, depth: i64) -> bool {
        self.0 > depth
    }

    fn meet(self, other: Self) -> Self {
        if self == other {
            self
        } else if self == Self::NOWHERE || other == Self::NOWHERE {
            Self::NOWHERE
        } else {
            Self::UNKNOWN
        }
    }

    fn saved(self) -> Saved {
        match (self, self.depth()) {
            (Self::NOWHERE, _) => Saved::Nowhere,
            (_, Some(depth)) => Saved::At(depth),
            (_, None) => Saved::Unknown,
        }
    }
}

/// What the stack holds of the caller's registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Frame {
    /// Where the return address is saved.
    pub(crate) return_at: Place,
    /// Where the caller's R29 is saved.
    pub(crate) caller_at: Place,
}

impl Frame {
    pub(crate) const EMPTY: Self = Self { return_at: Place::NOWHERE, caller_at: Place::NOWHERE };

    /// Whether a saved word lies where an injected call overwrites it while SP is at
    /// a depth.
    #[inline(always)]
    pub(crate) const fn has_words_below(&self, sp: Depth) -> bool {
        let kept = sp.0.saturating_add(KEPT_BELOW_SP);
        self.return_at.is_below(kept) || self.caller_at.is_below(kept)
    }

    /// The frame without what is saved there.
    #[inline(always)]
    pub(crate) fn without_words_below(self, sp: Depth) -> Self {
        let limit = sp.0.saturating_add(KEPT_BELOW_SP);
        let kept = |place: Place| if place.is_below(limit) { Place::NOWHERE } else { place };
        Self { return_at: kept(self.return_at), caller_at: kept(self.caller_at) }
    }
}

/// A [`Known`] by its place among those of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct KnownId(u32);

impl KnownId {
    /// The place of none, in the four bytes that a place takes.
    pub(crate) const NONE: Self = Self(u32::MAX);
}

/// What is known where the blocks of a function start. It is the same for most of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Knowns {
    all: Vec<Known>,
    /// Those that functions which begin alike have there.
    kept: Vec<Known>,
}

/// How many of the last are looked at before the same is added again: more than most
/// functions have.
const LOOKED_AT: usize = 8;

impl Knowns {
    pub(crate) fn clear(&mut self) {
        self.all.clear();
    }

    /// Keeps all, whatever else is put in before they are asked for again.
    pub(crate) fn keep(&mut self) {
        self.kept.clone_from(&self.all);
    }

    /// Goes back to those that were kept.
    pub(crate) fn restore(&mut self) {
        self.all.clone_from(&self.kept);
    }

    #[inline]
    pub(crate) fn get(&self, KnownId(id): KnownId) -> Known {
        self.all.get(id as usize).copied().unwrap_or(Known::NOTHING)
    }

    /// The place of what is known, which may be in there twice.
    pub(crate) fn intern(&mut self, known: Known) -> KnownId {
        let first = self.all.len().saturating_sub(LOOKED_AT);
        let last = self.all.get(first..).unwrap_or_default();
        let place = last.iter().rposition(|other| *other == known);
        let place = place.map_or(self.all.len(), |place| first + place);
        if place == self.all.len() {
            self.all.push(known);
        }
        KnownId(place as u32)
    }
}

/// What is known where a block starts, but for the depth, which the row says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Known {
    lr: Kind,
    fp: Value,
    frame: Frame,
}

impl Known {
    /// Nothing of anything.
    pub(crate) const NOTHING: Self = Self {
        lr: Kind::Unknown,
        fp: Value::UNKNOWN,
        frame: Frame { return_at: Place::UNKNOWN, caller_at: Place::UNKNOWN },
    };

    /// At the entry of a function.
    pub(crate) const ENTRY: Self =
        Self { lr: Kind::Return, fp: Value::CALLER, frame: Frame::EMPTY };

    /// Where a panic that was recovered resumes a function, with its frame as it
    /// left it (`runtime/panic.go`, `recovery`).
    pub(crate) const fn recovered(depth: Depth) -> Self {
        let pair = Depth(depth.0.saturating_add(KEPT_BELOW_SP));
        let frame = Frame { return_at: Place::at(depth), caller_at: Place::at(pair) };
        Self { lr: Kind::Unknown, fp: Value::below_cfa(pair), frame }
    }

    /// With SP at a depth. Words below SP are not followed from one block into
    /// another.
    #[inline(always)]
    pub(crate) fn of(registers: &Registers, frame: Frame, sp: Depth) -> Self {
        let lr = match registers.or_sp(Reg::LR).kind {
            kind @ (Kind::Return | Kind::Unknown) => kind,
            Kind::Element => Kind::Unknown,
            _ => Kind::Other,
        };
        let fp = registers.or_sp(Reg::FP);
        let fp = match fp.kind {
            Kind::Stack | Kind::Caller | Kind::Unknown => fp,
            // The end of a chain.
            Kind::Const if fp.number == 0 => fp,
            Kind::Element => Value::UNKNOWN,
            _ => Value::OTHER,
        };
        Self { lr, fp, frame: frame.without_words_below(sp) }
    }

    /// Sets the registers to what is known, and SP to a depth.
    #[inline(always)]
    pub(crate) fn begin(&self, sp: Depth, registers: &mut Registers) -> Frame {
        registers.forget_general();
        registers.set(Reg::SP, Value::below_cfa(sp));
        registers.set(Reg::LR, Value { kind: self.lr, number: 0 });
        registers.set(Reg::FP, self.fp);
        self.frame
    }

    /// What holds on both of two paths to a block.
    #[inline]
    pub(crate) fn meet(&self, other: &Self) -> Self {
        let worse = |first: Kind, second: Kind| match (first, second) {
            _ if first == second => first,
            (Kind::Other, _) | (_, Kind::Other) => Kind::Other,
            _ => Kind::Unknown,
        };
        let fp = if self.fp == other.fp {
            self.fp
        } else {
            Value { kind: worse(self.fp.kind, other.fp.kind), number: 0 }
        };
        // Two places of the stack are of one kind.
        let fp = if fp != self.fp && fp.kind == Kind::Stack { Value::UNKNOWN } else { fp };
        let frame = Frame {
            return_at: self.frame.return_at.meet(other.frame.return_at),
            caller_at: self.frame.caller_at.meet(other.frame.caller_at),
        };
        Self { lr: worse(self.lr, other.lr), fp, frame }
    }

    /// The same for others to look at.
    pub(crate) fn state(&self, depth: Depth) -> State {
        State {
            depth,
            lr: match self.lr {
                Kind::Return => Lr::Return,
                Kind::Unknown => Lr::Unknown,
                _ => Lr::Other,
            },
            fp: match (self.fp.kind, self.fp.depth()) {
                (Kind::Caller, _) => Fp::Caller,
                (_, Some(depth)) => Fp::Below(depth),
                (Kind::Unknown, _) => Fp::Unknown,
                _ => Fp::Other,
            },
            return_at: self.frame.return_at.saved(),
            caller_at: self.frame.caller_at.saved(),
        }
    }
}
