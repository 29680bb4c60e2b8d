//! What a function does by itself, as [`super::flow`] finds it.

use super::subject::Link;
use super::{Open, Reason};
use unwind::Index;

/// How deep.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Reach {
    /// Bytes below SP at entry.
    pub(super) depth: u64,
    /// The instruction that goes there.
    pub(super) at: Index,
}

/// Where a call goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Target {
    /// So many bytes from the first word of the function.
    Distance(i64),
    /// As the linker's words say.
    Link(Link),
}

/// A call, or a jump out of the function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Call {
    pub(super) at: Index,
    /// How deep SP is then.
    pub(super) depth: u64,
    pub(super) target: Target,
}

/// What a function does by itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Local {
    pub(super) reach: Option<Reach>,
    pub(super) calls: Vec<Call>,
    pub(super) open: Vec<Open<Index>>,
}

impl Local {
    /// Memory at so many bytes from SP at entry is touched, or SP is there.
    pub(super) fn deeper(&mut self, low: i64, at: u32) {
        let depth = below(low);
        if depth > self.reach.map_or(0, |reach| reach.depth) {
            self.reach = Some(Reach { depth, at: Index(at) });
        }
    }

    /// Something is not known.
    pub(super) fn note(&mut self, reason: Reason, at: u32) {
        let open = Open { reason, at: Index(at), detail: None };
        if !self.open.contains(&open) {
            self.open.push(open);
        }
    }
}

/// How many bytes below SP at entry.
pub(super) fn below(offset: i64) -> u64 {
    if offset < 0 { offset.unsigned_abs() } else { 0 }
}
