//! Functions that begin alike: what they have in common is walked once.
//!
//! # Idea
//! A walk depends on the instructions and rows that it has come to, and on little else. Of
//! two functions with the same ones up to a boundary it does the same up to there. So the
//! line from the entry is walked for one of them, and each goes on from a copy of what is
//! known there. The report is the one that a walk from the entry would make.
//!
//! # Where that does not hold
//! Some questions look further ahead: what comes behind a call, one instruction; how long a
//! restartable sequence is; how what was found broken is seen; what a literal is, and
//! whether LR or R29 is copied anywhere (both set [`Walk::looks_beyond`]). So a beginning
//! that is shared ends in front of the last instruction that the functions have in common
//! and in no such sequence, nothing is found in it, and nobody asks the last two. Which of
//! its branches go beyond it is kept; where to, whether that is in the function and what its
//! row declares is asked of each.

use super::line::Line;
use super::{Walk, is_restartable};
use crate::checker::{Function, SHORT, Scratch, Start};
use crate::decode::direct_branch;
use crate::decoded::Memory;
use crate::registers::Registers;
use crate::report::Report;
use crate::state::KnownId;
use crate::value::Block;
use unwind::{Depth, Index, RowTable, Word};

/// The least that is worth sharing, in instructions: to go on from a copy costs as much as
/// some of them.
const WORTH: u32 = 8;

/// Where the branch at `from` leads, with what is known there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    pub(super) from: u32,
    pub(super) depth: Depth,
    pub(super) known: KnownId,
}

/// How many instructions from the first on are the same, but for where conditional branches
/// lead that go beyond them: functions of different lengths call morestack at their end.
fn common(first: &[Word], second: &[Word]) -> u32 {
    let (mut same, mut parted, mut nearest) = (Word::common(first, second), None, i64::MAX);
    while let [Some(&mine), Some(&theirs)] = [first, second].map(|words| words.get(same)) {
        let Some(targets) = targets(same as u32, mine, theirs) else { break };
        parted = parted.or(Some(same as u32));
        nearest = targets.into_iter().fold(nearest, i64::min);
        let behind = [first, second].map(|words| words.get(same + 1..).unwrap_or_default());
        same += 1 + Word::common(behind[0], behind[1]);
    }
    match parted {
        Some(parted) if nearest < i64::from(same as u32) => parted,
        _ => same as u32,
    }
}

/// Where two branches at `at` lead that are the same (`B.cond`) but for that.
fn targets(at: u32, first: Word, second: Word) -> Option<[i64; 2]> {
    let rest = [first, second].map(|word| word.get() & !0x00ff_ffe0);
    let branches = [direct_branch(first)?, direct_branch(second)?];
    let is_alike = rest[0] == rest[1] && rest[0] >> 24 == 0x54;
    is_alike.then(|| branches.map(|branch| i64::from(at) + (branch.offset >> 2)))
}

/// What is known where functions that begin alike part. The edges beyond that boundary are
/// in [`Scratch::beyond`], what is known at them is kept in [`Scratch::knowns`].
#[derive(Clone, Debug)]
pub(crate) struct Beginning {
    until: u32,
    line: Line,
    registers: Registers,
    block: Block,
    entry: Start,
}

impl Beginning {
    /// How many instructions from the entry on a function has in common with another one,
    /// if they can share the walk of them.
    pub(crate) fn common(function: &Function<'_>, words: &[Word], rows: &RowTable) -> Option<u32> {
        let is_short = [function.words, words].iter().all(|words| words.len() <= SHORT);
        if !is_short || function.recovery.is_some() {
            return None;
        }
        // The last is looked at by a call in front of it.
        let same = common(function.words, words).saturating_sub(1);
        if same < WORTH {
            return None;
        }
        let mut until = same.min(function.rows.common(rows).0);
        while until >= WORTH {
            let last = function.rows.span(Index(until - 1))?;
            if !is_restartable(last) {
                return Some(until);
            }
            until = function.rows.class(last).start.0;
        }
        None
    }

    /// Walks a function up to the boundary `until`, for those that are the same up to
    /// there; `None` if that is not the line from the entry alone, or something is found.
    pub(crate) fn walk(
        function: &Function<'_>,
        until: u32,
        scratch: &mut Scratch,
        memory: &mut Memory,
        report: &mut Report,
    ) -> Option<Self> {
        report.clear();
        scratch.leaders.reset(function.words.len());
        scratch.next_pass(function.words.len());
        scratch.beyond.clear();
        let mut walk = Walk::new(function, scratch, report);
        walk.len = until;
        walk.arrive_at_entry();
        walk.scratch.pending.clear();
        let span = walk.set_out(0)?;
        let is_through = walk.further(0, span, memory).is_none();
        let (line, looks_beyond) = (walk.line, walk.looks_beyond);
        let is_alone = scratch.pending.is_empty() && !line.through_leader;
        if !is_through || !is_alone || looks_beyond || !report.is_empty() {
            return None;
        }
        scratch.knowns.keep();
        Some(Self {
            until,
            line,
            registers: scratch.registers.clone(),
            block: scratch.block.clone(),
            entry: scratch.starts.first().copied().unwrap_or(Start::NONE),
        })
    }

    /// Walks the rest of a function that begins so; `None` if it has to be walked from
    /// its entry.
    pub(crate) fn go_on(
        &self,
        function: &Function<'_>,
        scratch: &mut Scratch,
        memory: &mut Memory,
        report: &mut Report,
    ) -> Option<()> {
        report.clear();
        scratch.leaders.reset(function.words.len());
        scratch.leaders.insert(0);
        scratch.next_rest(function.words.len());
        scratch.knowns.restore();
        let Scratch { starts, registers, block, pass, .. } = &mut *scratch;
        if let Some(start) = starts.first_mut() {
            *start = Start { pass: *pass, ..self.entry };
        }
        registers.clone_from(&self.registers);
        block.clone_from(&self.block);
        let mut walk = Walk::at(self.line, function, scratch, report);
        walk.line.next_leader = walk.len;
        let spans = function.rows.spans();
        let (position, end) = (walk.line.position, function.rows.end());
        walk.line.span_end = spans.get(position + 1).map_or(end, |next| next.start).0;
        let span = spans.get(position)?;
        let mut edges = 0;
        while let Some(&edge) = walk.scratch.beyond.get(edges) {
            let word = *function.words.get(edge.from as usize)?;
            walk.follow(edge, direct_branch(word)?.offset, word);
            edges += 1;
        }
        let stop = match walk.come_to(self.until, span) {
            Some(span) => walk.further(self.until, span, memory).unwrap_or_else(|| walk.end()),
            None => self.until,
        };
        walk.scratch.visited.insert_range(0, stop);
        walk.run_pending(memory);
        walk.judge_lengths();
        (!walk.line.through_leader).then_some(())
    }
}
