//! The contract between a compiler and everybody who walks stacks: for each
//! instruction boundary, a *row* that says how deep SP is below the CFA and
//! whether a goroutine may be preempted there.
//!
//! Nothing here does I/O, decodes an instruction or judges one. The lowering
//! writes these tables, the image reader reads them, the verifier checks them.
//!
//! Vocabulary: a *boundary* is the point before an instruction, named by that
//! instruction's address ([`Pc`]) or, inside one function, by the
//! instruction's [`Index`]. The *CFA* is the value of SP at function entry;
//! SP = CFA - [`Depth`].

mod columns;
pub mod frame_pointer;
pub mod inject;
mod preempt;
pub mod signal;
mod table;
pub mod unwinder;

pub use columns::{Column, Columns, Rows, Run};
pub use frame_pointer::FramePointerWalk;
pub use inject::{InjectedCall, KEPT_BELOW_SP, LOST_REGISTER};
pub use preempt::{FuncFlags, NotPreemptible, Preemption, RESTART_LIMIT, Release};
pub use signal::RED_ZONE;
pub use table::{Row, RowTable, RowWriter, Span, Written};
pub use unwinder::{Crash, Mistaken, ReturnAddress, Stopped};

use core::fmt;
use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The address of an instruction, as the image is linked (before any load
/// bias).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Pc(pub u64);

impl fmt::Display for Pc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// The position of an instruction in its function, in instructions (not
/// bytes). Index `n` also names the boundary before that instruction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Index(pub u32);

impl Index {
    /// The offset from the function's entry, in bytes.
    #[must_use]
    pub const fn offset(self) -> u64 {
        self.0 as u64 * Word::BYTES
    }
}

/// How far SP is below the CFA, in bytes. Negative when SP is above it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Depth(pub i64);

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One A64 instruction as it stands in memory: four bytes, little-endian,
/// whatever the alignment of the file that it is read from.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(transparent)]
pub struct Word(U32);

impl Word {
    /// The size of an instruction.
    pub const BYTES: u64 = 4;

    /// The instruction with this encoding.
    #[must_use]
    pub const fn new(encoding: u32) -> Self {
        Self(U32::new(encoding))
    }

    /// The encoding.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// Whether two functions have the same instructions.
    #[must_use]
    pub fn are_same(first: &[Self], second: &[Self]) -> bool {
        first.as_bytes() == second.as_bytes()
    }

    /// How many instructions from the first on are the same in two functions.
    #[must_use]
    pub fn common(first: &[Self], second: &[Self]) -> usize {
        let [(mine, _), (theirs, _)] = [first, second].map(|words| words.as_bytes().as_chunks());
        let mut pairs = mine.iter().zip(theirs);
        let eight = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes);
        let count = pairs.len();
        let same = pairs.position(|(mine, theirs)| eight(mine) != eight(theirs)).unwrap_or(count);
        let rest = [first, second].map(|words| words.get(same * 2));
        same * 2 + usize::from(rest[0].is_some() && rest[0] == rest[1])
    }

    /// The bytes of instructions, in their order in memory.
    #[inline(always)]
    #[must_use]
    pub fn bytes(words: &[Self]) -> &[u8] {
        words.as_bytes()
    }

    /// A view of code as instructions; the bytes after the last whole
    /// instruction are left out.
    #[must_use]
    pub fn slice(code: &[u8]) -> &[Self] {
        match <[Self]>::ref_from_prefix_with_elems(code, code.len() / 4) {
            Ok((words, _)) => words,
            Err(_) => &[],
        }
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.get())
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What the table says of a boundary as a place to preempt a goroutine: the
/// values of `PCDATA_UnsafePoint` (`internal/abi/symtab.go`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum UnsafePoint {
    /// -1: the goroutine can be stopped here and resumes here.
    #[default]
    Safe,
    /// -2: the goroutine cannot be stopped here.
    Unsafe,
    /// -3: it can be stopped here, and resumes at the start of the run of -3.
    Restart1,
    /// -4: as -3; two adjacent restartable sequences alternate.
    Restart2,
    /// -5: it can be stopped here, and resumes at the function's entry.
    RestartAtEntry,
}

impl UnsafePoint {
    /// The class for a value of the table, or `None` for a value that Go does
    /// not define.
    #[must_use]
    pub const fn from_pcdata(value: i32) -> Option<Self> {
        Some(match value {
            -1 => Self::Safe,
            -2 => Self::Unsafe,
            -3 => Self::Restart1,
            -4 => Self::Restart2,
            -5 => Self::RestartAtEntry,
            _ => return None,
        })
    }

    /// The value of the table for this class.
    #[must_use]
    pub const fn pcdata(self) -> i32 {
        match self {
            Self::Safe => -1,
            Self::Unsafe => -2,
            Self::Restart1 => -3,
            Self::Restart2 => -4,
            Self::RestartAtEntry => -5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Word;

    #[test]
    fn words_are_the_same_up_to_the_first_that_differs() {
        let words: Vec<_> = (0..9).map(Word::new).collect();
        for differs in 0..9 {
            let mut other = words.clone();
            other[differs] = Word::new(!0);
            assert_eq!(Word::common(&words, &other), differs);
            assert!(!Word::are_same(&words, &other));
        }
        for len in 0..=9 {
            assert_eq!(Word::common(&words, &words[..len]), len, "the shorter one ends");
            assert_eq!(Word::are_same(&words, &words[..len]), len == 9);
        }
    }
}
