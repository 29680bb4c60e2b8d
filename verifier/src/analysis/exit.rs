//! Exits held against rule `callee`: what a function leaves its caller.

use super::engine::Analysis;
use super::state::Holding;
use super::words::CallerWord;
use crate::report::{Observer, Observers, Reason, Rule, Violation};
use crate::rules::callee;
use unwind::{Depth, FuncFlags, Index};

/// Whoever executes the function.
const EVERYBODY: Observers = Observers::NONE.with(Observer::Everybody);
const WALKER: Observers = Observers::NONE.with(Observer::FramePointer);

/// How a function is left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Exit {
    /// By RET through LR.
    Return,
    /// By a jump to another function, which returns to the same caller.
    Jump,
}

impl Analysis<'_, '_> {
    /// Execution leaves the function at `at`.
    #[inline]
    pub(super) fn leave(&mut self, at: u32, exit: Exit) {
        let live = &self.scratch.live;
        if live.depth == Depth(0) && callee::holds(live) == Holding::Holds {
            return;
        }
        if !self.function.flags.contains(FuncFlags::TOP_FRAME) {
            self.judge_exit(at, exit);
        }
    }

    #[cold]
    fn judge_exit(&mut self, at: u32, exit: Exit) {
        if exit == Exit::Jump && self.scratch.live.depth != Depth(0) {
            let word = self.function.words.get(at as usize).copied();
            return self.undecided(Reason::JumpOutOfFrame, at, word);
        }
        let live = &self.scratch.live;
        let (words, fp) = (&live.words, callee::frame_pointer(live));
        let (caller_fp, caller_lr) = (words.caller_fp, words.caller_lr);
        // Where another function goes on, it may not return by LR.
        let lr = match (callee::return_address(live), exit) {
            (Holding::Broken, Exit::Jump) => Holding::Unknown,
            (holding, _) => holding,
        };
        if live.depth != Depth(0) || lr == Holding::Broken {
            self.spoils(at, (EVERYBODY, EVERYBODY), lr == Holding::Broken && self.returns_to(at));
        } else if lr == Holding::Unknown {
            self.note(Reason::UntrackedCallee, at);
        }
        match fp {
            Holding::Holds => {}
            Holding::Unknown => self.note(Reason::UntrackedFramePointer, at),
            Holding::Broken => self.spoils(at, (WALKER, WALKER), false),
        }
        for (word, observers, reason) in [
            (caller_fp, WALKER, Reason::UntrackedFramePointer),
            (caller_lr, EVERYBODY, Reason::UntrackedCallee),
        ] {
            match word {
                CallerWord::Kept => {}
                CallerWord::Perhaps(by) => self.note(reason, by),
                CallerWord::Lost(by) => self.spoils(by, (observers, observers), false),
            }
        }
    }

    /// The function leaves its caller something else than it found, at the boundary `at`.
    pub(super) fn spoils(
        &mut self,
        at: u32,
        (observers, unpreempted): (Observers, Observers),
        returns_to_itself: bool,
    ) {
        let actual = self.scratch.live.depth;
        let declared = self.function.rows.row(Index(at)).map_or(actual, |row| row.depth);
        self.record(Violation {
            rule: Rule::Callee,
            at: Index(at),
            declared,
            actual,
            observers,
            unpreempted,
            returns_to_itself,
        });
    }
}
