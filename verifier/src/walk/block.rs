//! Blocks: what is known where one starts, and goes on to the next.

use super::{Step, Walk};
use crate::checker::{Scratch, Start};
use crate::state::{Known, KnownId};
use unwind::Span;

impl Walk<'_, '_> {
    /// A block starts at `at`, with what its [`Start`] says.
    pub(super) fn begin_block(&mut self, at: u32, span: &Span) {
        let Scratch { starts, knowns, registers, block, .. } = &mut *self.scratch;
        let Some(start) = starts.get_mut(at as usize) else { return };
        start.is_walked = true;
        let is_same = self.line.known == start.known && self.line.depth == span.row.depth;
        self.line.depth = span.row.depth;
        self.line.frame = knowns.get(start.known).begin(self.line.depth, registers);
        self.line.known = start.known;
        self.line.changed = at;
        self.line.tmp = None;
        self.line.link = None;
        block.begin(at, self.line.depth);
        if !is_same {
            if self.line.frame.has_words_below(self.line.depth) {
                self.line.known = KnownId::NONE;
            }
            self.settle_state();
        }
        self.line.is_changed = true;
    }

    /// Execution falls through to `at`, where a block starts.
    pub(super) fn next_block(&mut self, at: u32, span: &Span) -> Step {
        let known = self.known();
        let Scratch { starts, knowns, pass, .. } = &mut *self.scratch;
        let Some(start) = starts.get_mut(at as usize) else { return Step::Stop };
        if start.pass != *pass {
            let position = self.line.position as u32;
            *start = Start { pass: *pass, known, position, is_walked: false };
        } else if start.known == known {
            if start.is_walked {
                return Step::Stop;
            }
        } else {
            let before = knowns.get(start.known);
            let both = before.meet(&knowns.get(known));
            if both != before {
                start.known = knowns.intern(both);
            } else if start.is_walked {
                return Step::Stop;
            }
        }
        self.line.next_leader = self.scratch.leaders.next(at + 1).unwrap_or(self.len);
        self.begin_block(at, span);
        self.be_careful();
        if !self.line.is_settled {
            self.judge(at, span);
        }
        Step::Next
    }

    /// What is known at the boundary that the walk is at, for another block.
    #[inline(always)]
    pub(super) fn known(&mut self) -> KnownId {
        if self.line.known == KnownId::NONE {
            let known = Known::of(&self.scratch.registers, self.line.frame, self.line.depth);
            self.line.known = self.scratch.knowns.intern(known);
        }
        self.line.known
    }

    /// What is known but for SP is another behind the instruction `at`.
    #[inline(always)]
    pub(super) fn changes(&mut self, at: u32) {
        self.line.known = KnownId::NONE;
        self.line.changed = at + 1;
        self.line.is_changed = true;
    }
}
