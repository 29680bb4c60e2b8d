//! Stage 1: frame layout. The locals, the saved LR and FP and the 16-byte
//! alignment of SP make the frame size, Go's *autosize* (`obj7.go`,
//! `preprocess`, case `ATEXT`).

use crate::pseudo::MAX_PRE_INDEX;
use core::fmt;
use thiserror::Error;

/// What the prologue subtracts from SP, in bytes: 0 or a multiple of 16 up to
/// 1 GiB.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct FrameSize(u32);

/// A number of bytes that is not a frame size.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum SizeError {
    /// SP would lose its alignment.
    #[error("{0} is not a frame size: expected a multiple of 16")]
    Alignment(u64),
    /// The frame is beyond the domain.
    #[error("{0} is not a frame size: expected at most {max} (1 GiB)", max = FrameSize::MAX)]
    TooLarge(u64),
}

impl FrameSize {
    /// The largest frame of the domain, 1 GiB. Go's assembler stops a little
    /// higher, at a depth of 1100000000 (`pcln.go`, `pctospadj`).
    pub const MAX: Self = Self(1 << 30);

    /// The distance between frame sizes, in bytes.
    pub const STEP: u32 = 16;

    /// A frame of `bytes`.
    ///
    /// # Errors
    /// [`SizeError`] when `bytes` is not a multiple of 16 or is above 1 GiB.
    pub fn new(bytes: u64) -> Result<Self, SizeError> {
        if bytes > u64::from(Self::MAX.0) {
            return Err(SizeError::TooLarge(bytes));
        }
        if !bytes.is_multiple_of(u64::from(Self::STEP)) {
            return Err(SizeError::Alignment(bytes));
        }
        u32::try_from(bytes).map(Self).map_err(|_| SizeError::TooLarge(bytes))
    }

    /// How many frame sizes there are.
    pub const COUNT: u32 = Self::MAX.0 / Self::STEP + 1;

    /// The frame size with this rank, or `None` from [`FrameSize::COUNT`] on.
    #[must_use]
    pub const fn nth(rank: u32) -> Option<Self> {
        if rank < Self::COUNT { Some(Self(rank * Self::STEP)) } else { None }
    }

    /// Whether one store with write-back opens the frame, up to 240 bytes.
    #[must_use]
    pub const fn is_pre_indexed(self) -> bool {
        self.0 <= MAX_PRE_INDEX
    }

    /// The frame size of a function with `locals` bytes of local variables, as
    /// written in a `TEXT` directive: room for LR, then 8 or 16 bytes for FP
    /// that restore the alignment. A leaf without locals has no frame.
    ///
    /// # Errors
    /// [`SizeError`] when the assembler would refuse the size: not a multiple
    /// of 8, or a frame above 1 GiB. (The assembler's own rule reads "must be 16
    /// aligned" and counts the saved LR.)
    pub fn from_locals(locals: u64, kind: Kind) -> Result<Self, SizeError> {
        if locals == 0 && kind == Kind::Leaf {
            return Ok(Self(0));
        }
        let with_lr = locals.saturating_add(8);
        match with_lr % 16 {
            8 => Self::new(with_lr.saturating_add(8)),
            0 => Self::new(with_lr.saturating_add(16)),
            _ => Err(SizeError::Alignment(locals)),
        }
    }

    /// The size in bytes.
    #[must_use]
    pub const fn bytes(self) -> u32 {
        self.0
    }
}

impl fmt::Display for FrameSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Whether a function calls another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// It does not; LR holds the return address throughout.
    Leaf,
    /// It does; LR is saved in the frame.
    NonLeaf,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Leaf => "leaf",
            Self::NonLeaf => "non-leaf",
        })
    }
}

/// Whether the function checks for stack space at entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum StackCheck {
    /// Wherever Go emits the check: not in leaves below 128 bytes.
    #[default]
    WhereNeeded,
    /// Never: the function is marked NOSPLIT.
    NoSplit,
}

/// The operating systems that Go's lowering of frames distinguishes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Os {
    /// Signals run on a stack of their own (`SA_ONSTACK`).
    #[default]
    Linux,
    /// As [`Os::Linux`], for macOS.
    Darwin,
    /// Signals run on the goroutine's stack, so nothing below SP is safe.
    Ios,
}

/// A function's frame: what stage 2 needs to know of the function.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Frame {
    /// What the prologue subtracts from SP.
    pub size: FrameSize,
    /// Leaf or not.
    pub kind: Kind,
    /// Whether there is a stack-split check.
    pub check: StackCheck,
    /// The operating system that the code is for.
    pub os: Os,
}

impl Frame {
    /// A frame on linux with the stack-split check wherever Go emits one.
    #[must_use]
    pub const fn new(size: FrameSize, kind: Kind) -> Self {
        Self { size, kind, check: StackCheck::WhereNeeded, os: Os::Linux }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Expectations: the frame size in the TEXT line of `go tool asm -S`
    // (go1.24.3, linux/arm64) for `TEXT ·f(SB), $locals-0`.
    #[test]
    fn locals_to_frame_size() {
        let size = |locals, kind| FrameSize::from_locals(locals, kind).map(FrameSize::bytes);
        assert_eq!(size(0, Kind::Leaf), Ok(0));
        assert_eq!(size(0, Kind::NonLeaf), Ok(16));
        assert_eq!(size(8, Kind::Leaf), Ok(32));
        assert_eq!(size(8, Kind::NonLeaf), Ok(32));
        assert_eq!(size(16, Kind::NonLeaf), Ok(32));
        assert_eq!(size(24, Kind::NonLeaf), Ok(48));
        assert_eq!(size(65600, Kind::NonLeaf), Ok(65616));
        assert_eq!(size(4, Kind::NonLeaf), Err(SizeError::Alignment(4)));
    }

    #[test]
    fn what_is_printed_can_be_aligned() {
        let size = FrameSize::new(65616).expect("a multiple of 16");
        assert_eq!(format!("{size:>8} {:<9}|", Kind::Leaf), "   65616 leaf     |");
        assert_eq!(format!("{size} {}", Kind::NonLeaf), "65616 non-leaf");
    }

    #[test]
    fn domain_ends_at_one_gibibyte() {
        assert_eq!(FrameSize::new(1 << 30).map(FrameSize::bytes), Ok(1 << 30));
        assert_eq!(FrameSize::new((1 << 30) + 16), Err(SizeError::TooLarge((1 << 30) + 16)));
        assert_eq!(FrameSize::new(u64::MAX), Err(SizeError::TooLarge(u64::MAX)));
        assert_eq!(FrameSize::new(65617), Err(SizeError::Alignment(65617)));
        assert_eq!(FrameSize::nth(FrameSize::COUNT - 1), Some(FrameSize::MAX));
        assert_eq!(FrameSize::nth(FrameSize::COUNT), None);
    }
}
