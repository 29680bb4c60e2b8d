//! What is known at a boundary: the abstract state that the rules speak of.
//!
//! Each part is a small lattice: what holds on one path and not on the other is
//! lost where they meet, and what is broken on one path is broken. A part changes
//! a few times at most, so that walking a block again when it does is no loop.

use unwind::Depth;

/// What LR holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
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

/// The word at SP minus this is the last that an injected call leaves alone: Go
/// saves R29 there, below the frame that it belongs to (`runtime/signal_arm64.go`,
/// `pushCall`).
pub(crate) const KEPT_BELOW_SP: i64 = 8;

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

impl State {
    /// What is known at the entry of a function.
    pub(crate) const ENTRY: Self = Self {
        depth: Depth(0),
        lr: Lr::Return,
        fp: Fp::Caller,
        return_at: Saved::Nowhere,
        caller_at: Saved::Nowhere,
    };

    /// What is known where a panic that was recovered resumes a function, with its
    /// frame as it left it (`runtime/panic.go`, `recovery`).
    pub(crate) const fn recovered(depth: Depth) -> Self {
        let pair = Depth(depth.0 + KEPT_BELOW_SP);
        Self {
            depth,
            lr: Lr::Unknown,
            fp: Fp::Below(pair),
            return_at: Saved::At(depth),
            caller_at: Saved::At(pair),
        }
    }

    /// Whether a saved word lies where an injected call overwrites it.
    pub(crate) fn has_words_below(&self) -> bool {
        self.is_below(self.return_at) || self.is_below(self.caller_at)
    }

    pub(crate) fn is_below(&self, saved: Saved) -> bool {
        matches!(saved, Saved::At(at) if at.0 > self.depth.0.saturating_add(KEPT_BELOW_SP))
    }

    /// What of it holds where another block starts: words below SP are not
    /// followed so far.
    pub(crate) fn at_block(self, depth: Depth) -> Self {
        let kept = |saved| if self.is_below(saved) { Saved::Nowhere } else { saved };
        Self {
            depth,
            return_at: kept(self.return_at),
            caller_at: kept(self.caller_at),
            ..self
        }
    }

    /// What holds on both of two paths to a block.
    pub(crate) fn meet(&self, other: &Self) -> Self {
        Self {
            depth: self.depth,
            lr: self.lr.max(other.lr),
            fp: self.fp.meet(other.fp),
            return_at: self.return_at.meet(other.return_at),
            caller_at: self.caller_at.meet(other.caller_at),
        }
    }
}

impl Fp {
    fn meet(self, other: Self) -> Self {
        match (self, other) {
            _ if self == other => self,
            (Self::Other, _) | (_, Self::Other) => Self::Other,
            _ => Self::Unknown,
        }
    }
}

impl Saved {
    fn meet(self, other: Self) -> Self {
        match (self, other) {
            _ if self == other => self,
            (Self::Nowhere, _) | (_, Self::Nowhere) => Self::Nowhere,
            _ => Self::Unknown,
        }
    }
}
