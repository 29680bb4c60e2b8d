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
        let is_same = self.known == start.known && self.depth == span.row.depth;
        self.depth = span.row.depth;
        self.frame = knowns.get(start.known).begin(self.depth, registers);
        self.known = start.known;
        self.changed = at;
        self.tmp = None;
        self.link = None;
        block.begin(at, self.depth);
        if !is_same {
            if self.frame.has_words_below(self.depth) {
                self.known = KnownId::NONE;
            }
            self.settle_state();
        }
        self.is_changed = true;
    }

    /// Execution falls through to `at`, where a block starts.
    pub(super) fn next_block(&mut self, at: u32, span: &Span) -> Step {
        let known = self.known();
        let Scratch { starts, knowns, pass, .. } = &mut *self.scratch;
        let Some(start) = starts.get_mut(at as usize) else { return Step::Stop };
        if start.pass != *pass {
            let position = self.position as u32;
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
        let len = self.function.words.len() as u32;
        self.next_leader = self.scratch.leaders.next(at + 1).unwrap_or(len);
        self.begin_block(at, span);
        self.be_careful();
        if !self.is_settled {
            self.judge(at, span);
        }
        Step::Next
    }

    /// What is known at the boundary that the walk is at, for another block.
    #[inline(always)]
    pub(super) fn known(&mut self) -> KnownId {
        if self.known == KnownId::NONE {
            let known = Known::of(&self.scratch.registers, self.frame, self.depth);
            self.known = self.scratch.knowns.intern(known);
        }
        self.known
    }

    /// What is known but for SP is another behind the instruction `at`.
    #[inline(always)]
    pub(super) fn changes(&mut self, at: u32) {
        self.known = KnownId::NONE;
        self.changed = at + 1;
        self.is_changed = true;
    }
}
