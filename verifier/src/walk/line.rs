//! Where a walk is: the straight line that it follows, and what is known at its end.

use super::Link;
use crate::rules::restart::Sequence;
use crate::state::{Frame, KnownId};
use unwind::Depth;

/// The straight line that is walked, and what is known at the boundary that it has come
/// to, but for the registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// How deep SP is, and what the stack holds.
    pub(super) depth: Depth,
    pub(super) frame: Frame,
    /// What is known for another block, if it was asked for since it changed.
    pub(super) known: KnownId,
    /// From where on what is known but for SP has been the same.
    pub(super) changed: u32,
    /// Whether all rules about the state held at the last boundary that was held
    /// against them.
    pub(super) is_settled: bool,
    /// Whether the next boundary has to be held against the rules: what is known has
    /// changed, or a rule is broken.
    pub(super) is_changed: bool,
    /// Whether the next instructions have to be looked at one by one.
    pub(super) is_careful: bool,
    /// Of the span that the walk is in: its position, where it starts and ends, what
    /// [`super::declared`] says of it, and whether nobody resumes elsewhere from there.
    pub(super) position: usize,
    pub(super) span_start: u32,
    pub(super) span_end: u32,
    pub(super) declared: Option<Depth>,
    pub(super) is_plain: bool,
    /// Whether preemption resumes elsewhere than it stops, and whether at the start of a
    /// sequence.
    pub(super) is_resuming: bool,
    pub(super) is_restartable: bool,
    /// From which instruction on a definition of R27 is not lost in the span.
    pub(super) tmp_kept_from: u32,
    /// Which instruction of the block last wrote R27.
    pub(super) tmp: Option<u32>,
    pub(super) sequence: Sequence,
    /// Whether a sequence is longer than the runtime allows.
    pub(super) has_long_sequence: bool,
    /// The last pair that was made for a callee in this block.
    pub(super) link: Option<Link>,
    /// From which boundary on a saved word has been below SP.
    pub(super) below_since: [u32; 2],
    /// Where the line starts, and how far it was walked.
    pub(super) from: u32,
    pub(super) here: u32,
    /// The span that the last boundary was found in.
    pub(super) cursor: usize,
    /// Where the next block starts, or before it: from where the walk is up to
    /// here, none does.
    pub(super) next_leader: u32,
    /// How many entries of jump tables were followed.
    pub(super) table_entries: u64,
    /// Whether a block turned out to start inside what was walked as one.
    pub(crate) through_leader: bool,
}

impl Line {
    /// No line yet, in a function whose instructions are all looked at or not.
    pub(super) const fn new(is_short: bool) -> Self {
        Self {
            depth: Depth(0),
            frame: Frame::EMPTY,
            known: KnownId::NONE,
            changed: 0,
            is_settled: true,
            is_changed: false,
            is_careful: is_short,
            position: 0,
            span_start: 0,
            span_end: 0,
            declared: None,
            is_plain: false,
            is_resuming: false,
            is_restartable: false,
            tmp_kept_from: 0,
            tmp: None,
            sequence: Sequence::NONE,
            has_long_sequence: false,
            link: None,
            below_since: [0; 2],
            from: 1,
            here: 0,
            cursor: 0,
            next_leader: 0,
            table_entries: 0,
            through_leader: false,
        }
    }
}
