//! What the rows say of each boundary.

use super::Sweep;
use crate::walk::RESTART_REACH;
use unwind::{Index, RowTable, UnsafePoint};

/// What holds at a boundary and can change at the next one, a bit for each.
const DEEP: u64 = 1 << 0;
const UNSAFE: u64 = 1 << 1;
const RESTARTS: u64 = 1 << 2;
/// Nothing that is in a shape.
const OTHER: u64 = 1 << 3;

/// What the class of a boundary says, by the numbers of the classes.
static FACTS: [u64; 8] = {
    let mut facts = [OTHER; 8];
    facts[UnsafePoint::Safe as usize] = 0;
    facts[UnsafePoint::Unsafe as usize] = UNSAFE;
    facts[UnsafePoint::Restart1 as usize] = RESTARTS;
    facts[UnsafePoint::Restart2 as usize] = RESTARTS;
    facts
};

impl Sweep {
    /// Takes down which boundaries are deep, unsafe or of a sequence that starts again. All
    /// that are deep have the same depth; the entry is not among them. A sequence has one
    /// depth, and is as short as the runtime wants it.
    ///
    /// At first only changes are taken down: a bit where a fact is another one than at the
    /// boundary before. There are many spans of few kinds in no order: nothing here waits for
    /// what the next one is.
    pub(super) fn rows(&mut self, rows: &RowTable) -> Option<()> {
        // The bits that one of the depths has, and those that all have.
        let (mut some, mut all) = (0, !0);
        let (mut before, mut began) = (0, 0);
        let mut is_other = false;
        for span in rows.spans() {
            let (Index(start), here) = (span.start, span.row.depth.0);
            let is_deep = here != 0;
            some |= here;
            all &= if is_deep { here } else { !0 };
            let deep = if is_deep { DEEP } else { 0 };
            let now = FACTS[span.row.unsafe_point as usize & 7] | deep;
            let restarts = now & RESTARTS != 0;
            let is_long = (before & RESTARTS != 0) & (start - began > RESTART_REACH + 1);
            let is_parted = restarts & (rows.class(span).start != span.start);
            is_other |= (now & OTHER != 0) | is_long | is_parted;
            self.change(start, before, now);
            (before, began) = (now, start);
        }
        let Index(end) = rows.end();
        let is_long = before & RESTARTS != 0 && end - began > RESTART_REACH + 1;
        self.change(end, before, 0);
        self.bits.spread();
        let is_deep = self.bits.is(0, |block| block.deep);
        let is_one_depth = some == 0 || some == all;
        if is_other || is_long || is_deep || !is_one_depth || some % 16 != 0 {
            return None;
        }
        self.depth = u32::try_from(some).ok()?;
        Some(())
    }

    #[inline(always)]
    fn change(&mut self, at: u32, before: u64, now: u64) {
        let Some(block) = self.bits.block_mut(at / 64) else { return };
        let bit = at % 64;
        let changed = before ^ now;
        let is = |fact: u64, facts: u64| u64::from(facts & fact != 0) << bit;
        block.deep |= is(DEEP, changed);
        block.is_unsafe |= is(UNSAFE, changed);
        block.restarts |= is(RESTARTS, changed);
        block.begins |= is(RESTARTS, now);
    }
}
