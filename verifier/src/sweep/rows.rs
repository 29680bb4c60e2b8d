//! What the rows say of each boundary.

use super::Sweep;
use super::bits::Block;
use crate::analysis::RESTART_REACH;
use unwind::UnsafePoint::{Restart1, Restart2, Safe, Unsafe};
use unwind::{Columns, Depth, Index};

impl Sweep {
    /// Takes down which boundaries are deep, unsafe or of a sequence that starts again. All
    /// that are deep have the same depth; the entry is not among them. A sequence has one
    /// depth, and is as short as the runtime wants it.
    ///
    /// At first only changes are taken down: a bit where a fact is another one than at the
    /// boundary before. There are many runs of few kinds in no order: nothing here waits for
    /// what the next one is.
    pub(super) fn rows(&mut self, rows: &Columns) -> Option<()> {
        // The bits that one of the depths has, and those that all have.
        let (mut some, mut all) = (0, !0);
        let mut before = false;
        for run in rows.depths.runs() {
            let Depth(here) = run.value;
            let is_deep = here != 0;
            some |= here;
            all &= if is_deep { here } else { !0 };
            self.change(run.start, |block| &mut block.deep, before != is_deep);
            before = is_deep;
        }
        self.change(rows.depths.end(), |block| &mut block.deep, before);
        self.depth = u32::try_from(some).ok()?;
        let is_one_depth = some == 0 || some == all;
        let is_known = self.classes(rows);
        let is_parted = self.bits.spread();
        let is_deep = self.bits.is(0, |block| block.deep);
        (is_known && is_one_depth && some % 16 == 0 && !is_deep && !is_parted).then_some(())
    }

    /// Takes down what the classes say. Returns whether a shape can have them, and for so
    /// long.
    fn classes(&mut self, rows: &Columns) -> bool {
        let (mut is_unsafe, mut restarts, mut began) = (false, false, 0);
        let mut is_known = true;
        for run in rows.classes.runs() {
            let (class, Index(start)) = (run.value, run.start);
            is_known &= !restarts | (start - began <= RESTART_REACH + 1);
            is_known &= matches!(class, Safe | Unsafe | Restart1 | Restart2);
            let before = (is_unsafe, restarts);
            is_unsafe = class == Unsafe;
            restarts = matches!(class, Restart1 | Restart2);
            began = start;
            self.change(run.start, |block| &mut block.is_unsafe, before.0 != is_unsafe);
            self.change(run.start, |block| &mut block.restarts, before.1 != restarts);
            self.change(run.start, |block| &mut block.begins, restarts);
        }
        let end = rows.classes.end();
        self.change(end, |block| &mut block.is_unsafe, is_unsafe);
        self.change(end, |block| &mut block.restarts, restarts);
        is_known & (!restarts | (end.0 - began <= RESTART_REACH + 1))
    }

    /// Takes down whether a fact changes at a boundary.
    #[inline(always)]
    fn change(&mut self, Index(at): Index, fact: impl Fn(&mut Block) -> &mut u64, changes: bool) {
        if let Some(block) = self.bits.block_mut(at / 64) {
            *fact(block) |= u64::from(changes) << (at % 64);
        }
    }
}
