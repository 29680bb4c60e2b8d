//! Policies: which variant of each choice a release makes.
//!
//! A policy is a small value. A new choice is a new field with a variant for
//! what was done before; a new policy is a new value, and touches no other. A way
//! of popping that is not among the variants is an [`OwnPop`].

use crate::constant::LongConstants;
use crate::epilogue::OwnPop;
use crate::frame::{Frame, Kind, Os};
use core::fmt;
use thiserror::Error;

/// How a leaf function pops its frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LeafPop {
    /// `ADD $n, RSP, RSP`, then `SUB $8, RSP, R29`: until golang/go#63830 was
    /// fixed.
    StackPointerFirst,
    /// `ADD $(n-8), RSP, R29`, then `ADD $n, RSP, RSP`.
    FramePointerFirst,
    /// R29 by one instruction, then SP by one: `ADD $(n-8), RSP, R29` or, where
    /// that would be several, `MOVD -8(RSP), R29`; then as [`LargePop::AtOnce`].
    AtOnce,
    /// One of one's own.
    Own(OwnPop),
}

/// How a function that is not a leaf pops a frame of up to 240 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SmallPop {
    /// As a large one: LDP, then ADD.
    PairAndAdd,
    /// `MOVD -8(RSP), R29`, then `MOVD.P n(RSP), R30`: from go1.24 on.
    PostIndex,
}

/// How a function that is not a leaf moves SP over a large frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LargePop {
    /// `ADD $n, RSP, RSP`, however many instructions that takes.
    Constant,
    /// From 4096 bytes on `MOVD $n, R27`, then `ADD R27, RSP, RSP`: the fix of
    /// golang/go#73259.
    Register,
    /// By one instruction: `ADD $n, RSP, RSP` if it is one; below 16 MiB
    /// `ADD $(n&0xfff), RSP, R20`, then `ADD $(n&^0xfff), R20, RSP`; above
    /// `MOVD $n, R20`, then `ADD R20, RSP, RSP`.
    AtOnce,
    /// One of one's own, in place of the LDP as well.
    Own(OwnPop),
}

/// How the prologue of a large frame stores FP and LR a second time on ios, where
/// a signal handler may have overwritten what was stored below SP.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum IosStore {
    /// Preemptible before it, when the saved LR may be lost.
    Preemptible,
    /// Marked as an unsafe point. A profiler's signal there still reads the word
    /// at SP; no instruction moves SP over more than 512 bytes and stores, so only
    /// many small moves would spare it that.
    Marked,
}

/// A release: go1.`minor`.`patch`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Version {
    /// The minor version.
    pub minor: u16,
    /// The patch release; 0 for the first.
    pub patch: u16,
}

impl Version {
    const fn new(minor: u16, patch: u16) -> Self {
        Self { minor, patch }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "go1.{}.{}", self.minor, self.patch)
    }
}

/// A range of releases, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Range {
    /// The first release.
    pub first: Version,
    /// The last one.
    pub last: Version,
}

/// The patch number that stands for "all patch releases".
const ANY: u16 = u16::MAX;

impl Range {
    const fn new(first: (u16, u16), last: (u16, u16)) -> Self {
        Self { first: Version::new(first.0, first.1), last: Version::new(last.0, last.1) }
    }

    /// Whether a release lies in the range.
    #[must_use]
    pub fn contains(&self, version: Version) -> bool {
        self.first <= version && version <= self.last
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.last {
            Version { minor, patch: ANY } => write!(f, "{} to go1.{minor}.x", self.first),
            last => write!(f, "{} to {last}", self.first),
        }
    }
}

/// One way of lowering a frame, valid for a range of releases.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Policy {
    /// The name, unique among the built-in ones.
    pub name: &'static str,
    /// One line on what it does.
    pub summary: &'static str,
    /// The releases that lower frames so; empty for a policy of no release.
    pub releases: &'static [Range],
    /// How leaves pop.
    pub leaf_pop: LeafPop,
    /// How the others pop small frames.
    pub small_pop: SmallPop,
    /// How the others pop large frames.
    pub large_pop: LargePop,
    /// How constants of several halves are built.
    pub long_constants: LongConstants,
    /// How large frames are opened on ios.
    pub ios_store: IosStore,
}

/// A name that is neither a policy nor a release that has one.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// Not of the form of a release, and not the name of a policy.
    #[error(
        "{name:?} is neither a policy nor a Go release: expected one of {names}, or a release such as go1.24.5",
        names = names()
    )]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// A release whose lowering is not known.
    #[error("{version} has no policy: supported releases are {supported}", supported = supported())]
    Unsupported {
        /// What was asked for.
        version: Version,
    },
}

/// The built-in policies, in one place.
static BUILT_IN: [Policy; 7] = Policy::BUILT_IN;

fn names() -> String {
    let names: Vec<_> = BUILT_IN.iter().map(|policy| policy.name).collect();
    names.join(", ")
}

fn supported() -> String {
    let ranges = Policy::released().flat_map(|policy| policy.releases);
    let ranges: Vec<_> = ranges.map(ToString::to_string).collect();
    ranges.join(", ")
}

impl Policy {
    /// The policies of the Go releases, in the order of their first release, and
    /// behind them `complete`, which is of no release: it satisfies every rule.
    ///
    /// Where a range begins and ends was read off the toolchains' own sources
    /// and outputs: go1.19.8, 1.21.13, 1.22.10, 1.23.9, 1.24.3, 1.24.11, 1.25.0,
    /// 1.26.0 and 1.27.3. The ends that none of them shows come from the issues:
    /// golang/go#63830 (reported with go1.21.3, fixed in none of go1.21.0 to
    /// go1.21.3) and golang/go#73259 (fixed in go1.23.12 and go1.24.6). Which
    /// of go1.21.4 to go1.21.12 carry the first fix is not known here, so they
    /// have no policy.
    pub const BUILT_IN: [Self; 7] = [
        Self {
            name: "go1.19",
            summary: "every frame popped by ADD $n; leaves move SP before R29",
            releases: &[Range::new((19, 0), (21, 3))],
            leaf_pop: LeafPop::StackPointerFirst,
            small_pop: SmallPop::PairAndAdd,
            large_pop: LargePop::Constant,
            long_constants: LongConstants::WideMoves,
            ios_store: IosStore::Preemptible,
        },
        Self {
            name: "go1.22",
            summary: "every frame popped by ADD $n; leaves restore R29 first",
            releases: &[Range::new((21, 13), (21, ANY)), Range::new((22, 0), (23, 11))],
            leaf_pop: LeafPop::FramePointerFirst,
            small_pop: SmallPop::PairAndAdd,
            large_pop: LargePop::Constant,
            long_constants: LongConstants::WideMoves,
            ios_store: IosStore::Preemptible,
        },
        Self {
            name: "go1.23.12",
            summary: "as go1.22, with the fix: frames from 4096 bytes on popped by a register, but in leaves",
            releases: &[Range::new((23, 12), (23, ANY))],
            leaf_pop: LeafPop::FramePointerFirst,
            small_pop: SmallPop::PairAndAdd,
            large_pop: LargePop::Register,
            long_constants: LongConstants::WideMoves,
            ios_store: IosStore::Preemptible,
        },
        Self {
            name: "go1.24",
            summary: "as go1.22, with small frames popped by a post-indexed load",
            releases: &[Range::new((24, 0), (24, 5))],
            leaf_pop: LeafPop::FramePointerFirst,
            small_pop: SmallPop::PostIndex,
            large_pop: LargePop::Constant,
            long_constants: LongConstants::WideMoves,
            ios_store: IosStore::Preemptible,
        },
        Self {
            name: "go1.24.6",
            summary: "as go1.24, with the fix: frames from 4096 bytes on popped by a register, but in leaves",
            releases: &[Range::new((24, 6), (25, ANY))],
            leaf_pop: LeafPop::FramePointerFirst,
            small_pop: SmallPop::PostIndex,
            large_pop: LargePop::Register,
            long_constants: LongConstants::WideMoves,
            ios_store: IosStore::Preemptible,
        },
        Self {
            name: "go1.26",
            summary: "as go1.24.6, with long constants built from bitmasks (no frame has one)",
            releases: &[Range::new((26, 0), (27, ANY))],
            leaf_pop: LeafPop::FramePointerFirst,
            small_pop: SmallPop::PostIndex,
            large_pop: LargePop::Register,
            long_constants: LongConstants::BitMaskAndKeep,
            ios_store: IosStore::Preemptible,
        },
        Self {
            name: "complete",
            summary: "as go1.26, but SP and R29 are each restored by one instruction, sizes in R20",
            releases: &[],
            leaf_pop: LeafPop::AtOnce,
            small_pop: SmallPop::PostIndex,
            large_pop: LargePop::AtOnce,
            long_constants: LongConstants::BitMaskAndKeep,
            ios_store: IosStore::Marked,
        },
    ];

    /// The built-in policies that some release has, in the order of their first
    /// release.
    pub fn released() -> impl DoubleEndedIterator<Item = &'static Self> {
        BUILT_IN.iter().filter(|policy| !policy.releases.is_empty())
    }

    /// The policy with what makes no difference to a frame left out: two policies
    /// that are equal afterwards lower it to the same words and rows. Of the frame
    /// only the kind, the system and [`FrameSize::is_pre_indexed`] matter.
    ///
    /// [`FrameSize::is_pre_indexed`]: crate::FrameSize::is_pre_indexed
    #[must_use]
    pub fn for_frame(&self, frame: &Frame) -> Self {
        let mut policy = Self { name: "", summary: "", releases: &[], ..*self };
        let is_small = frame.size.is_pre_indexed();
        if frame.kind == Kind::Leaf {
            (policy.small_pop, policy.large_pop) = (SmallPop::PairAndAdd, LargePop::Constant);
        } else {
            policy.leaf_pop = LeafPop::StackPointerFirst;
            if !is_small {
                policy.small_pop = SmallPop::PairAndAdd;
            }
        }
        if frame.os != Os::Ios || is_small {
            policy.ios_store = IosStore::Preemptible;
        }
        // Up to 1 GiB two halves are enough.
        policy.long_constants = LongConstants::WideMoves;
        policy
    }

    /// Whether all functions begin alike under this policy and another one, up to their
    /// epilogue.
    #[must_use]
    pub fn opens_like(&self, other: &Self) -> bool {
        (self.ios_store, self.long_constants) == (other.ios_store, other.long_constants)
    }

    /// The policy with this name, or that of the release with this name. A
    /// release without a patch number (`go1.24`) is its first, `.0`, unless a
    /// policy has that very name.
    ///
    /// # Errors
    /// [`ResolveError`] names the policies or the supported releases.
    pub fn resolve(name: &str) -> Result<&'static Self, ResolveError> {
        if let Some(policy) = BUILT_IN.iter().find(|policy| policy.name == name) {
            return Ok(policy);
        }
        let Some(version) = parse_release(name) else {
            return Err(ResolveError::Unknown { name: name.to_owned() });
        };
        Self::released()
            .find(|policy| policy.releases.iter().any(|range| range.contains(version)))
            .ok_or(ResolveError::Unsupported { version })
    }
}

/// The release of `go1.MINOR` or `go1.MINOR.PATCH`, with whatever a
/// distribution appends after a space, `-` or `+` left out.
fn parse_release(name: &str) -> Option<Version> {
    let numbers = name.strip_prefix("go1.")?;
    let numbers = numbers.split([' ', '-', '+']).next()?;
    let (minor, patch) = numbers.split_once('.').unwrap_or((numbers, "0"));
    // No sign is left to parse.
    Some(Version::new(minor.parse().ok()?, patch.parse().ok()?))
}
