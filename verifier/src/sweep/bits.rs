//! Facts about the instructions of a function, a bit for each.

use core::ops::Range;

/// 64 instructions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Block {
    /// The boundary in front is deep.
    pub(super) deep: u64,
    /// It is an unsafe point.
    pub(super) is_unsafe: u64,
    /// It is part of a sequence that starts again.
    pub(super) restarts: u64,
    /// Of such a sequence the first.
    pub(super) begins: u64,
    /// Of such a sequence, and not known to keep rule `restart`.
    pub(super) doubtful: u64,
    /// A branch goes here.
    pub(super) targets: u64,
    /// One in front of it does.
    pub(super) forward: u64,
    /// Execution does not go on behind it.
    pub(super) stops: u64,
    /// A branch that is no call.
    pub(super) branches: u64,
    /// A call.
    pub(super) calls: u64,
    /// It makes a value in R27, and reads nothing.
    pub(super) makes_tmp: u64,
    /// It reads R27 and concerns nothing else; once shapes are settled, it reads there what
    /// was made for it.
    pub(super) uses_tmp: u64,
    /// Of these, what makes another value in R27.
    pub(super) remakes_tmp: u64,
    /// `MOVD R30, R3`.
    pub(super) links: u64,
    /// It has to be part of a shape, and was not found to be one yet.
    pub(super) special: u64,
    /// Execution comes here.
    pub(super) reached: u64,
}

/// All instructions of a function.
#[derive(Debug, Default)]
pub(super) struct Bits {
    blocks: Vec<Block>,
    /// How many instructions there are.
    instructions: u32,
}

impl Block {
    /// Where R27 is at the boundary as it was at the one before: no preemption goes on
    /// there.
    #[inline(always)]
    pub(super) const fn held(&self) -> u64 {
        self.is_unsafe | self.restarts & !self.begins
    }
}

impl Bits {
    /// So many instructions, of which nothing is known.
    pub(super) fn reset(&mut self, instructions: usize) {
        self.blocks.clear();
        // There is a bit for the boundary behind the last one, too.
        self.blocks.resize(instructions / 64 + 1, Block::default());
        self.instructions = instructions as u32;
    }

    /// The number of blocks.
    pub(super) fn len(&self) -> u32 {
        self.blocks.len() as u32
    }

    pub(super) fn contains(&self, at: u32) -> bool {
        at < self.instructions
    }

    #[inline(always)]
    pub(super) fn block(&self, position: u32) -> Block {
        self.blocks.get(position as usize).copied().unwrap_or_default()
    }

    #[inline(always)]
    pub(super) fn block_mut(&mut self, position: u32) -> Option<&mut Block> {
        self.blocks.get_mut(position as usize)
    }

    #[inline(always)]
    pub(super) fn blocks_mut(&mut self) -> &mut [Block] {
        &mut self.blocks
    }

    /// Whether a fact holds of an instruction.
    #[inline(always)]
    pub(super) fn is(&self, at: u32, fact: impl Fn(&Block) -> u64) -> bool {
        self.blocks.get(at as usize / 64).is_some_and(|block| fact(block) >> (at % 64) & 1 == 1)
    }

    /// Whether a fact holds of any instruction.
    pub(super) fn any(&self, fact: impl Fn(&Block) -> u64) -> bool {
        self.blocks.iter().any(|block| fact(block) != 0)
    }

    /// Of how many instructions a fact holds.
    pub(super) fn count(&self, fact: impl Fn(&Block) -> u64) -> u32 {
        self.blocks.iter().map(|block| fact(block).count_ones()).sum()
    }

    /// Whether a fact holds of one of these.
    #[inline(always)]
    pub(super) fn has(&self, range: Range<u32>, fact: impl Fn(&Block) -> u64) -> bool {
        masks(range)
            .any(|(position, bits)| self.blocks.get(position).is_some_and(|b| fact(b) & bits != 0))
    }

    /// Whether a fact holds of all of these.
    #[inline(always)]
    pub(super) fn all(&self, range: Range<u32>, fact: impl Fn(&Block) -> u64) -> bool {
        !self.has(range, |block| !fact(block))
    }

    /// Whether a branch goes to one of these.
    #[inline(always)]
    pub(super) fn has_target(&self, range: Range<u32>) -> bool {
        self.has(range, |block| block.targets)
    }

    /// An edge leads from `from`, where it is deep (1) or not (0), to `distance`
    /// instructions from there. Returns whether it is otherwise there, or deep where the
    /// edge leaves the function.
    #[inline(always)]
    pub(super) fn aim(&mut self, from: u32, distance: i32, deep: u64) -> bool {
        let target = from.wrapping_add_signed(distance);
        let bit = target % 64;
        match self.blocks.get_mut(target as usize / 64) {
            Some(block) if target < self.instructions => {
                block.targets |= 1 << bit;
                block.forward |= u64::from(distance > 0) << bit;
                (block.deep >> bit ^ deep) & 1 != 0
            }
            _ => deep & 1 != 0,
        }
    }

    /// What is known of rows is where they change: from there on it holds up to the next
    /// change. Returns whether the depth changes inside of a sequence that starts again.
    pub(super) fn spread(&mut self) -> bool {
        let (mut deep, mut is_unsafe, mut restarts) = (0, 0, 0);
        let mut parted = 0;
        for block in &mut self.blocks {
            (block.is_unsafe, is_unsafe) = spread(block.is_unsafe, is_unsafe);
            (block.restarts, restarts) = spread(block.restarts, restarts);
            parted |= block.deep & block.restarts & !block.begins;
            (block.deep, deep) = spread(block.deep, deep);
        }
        parted != 0
    }

    /// Execution does not go on behind an instruction.
    pub(super) fn stop(&mut self, at: u32) {
        if let Some(block) = self.block_mut(at / 64) {
            block.stops |= 1 << (at % 64);
        }
    }

    /// Nothing is reached yet.
    pub(super) fn forget_reached(&mut self) {
        self.blocks.iter_mut().for_each(|block| block.reached = 0);
    }

    /// Instructions are part of a shape.
    #[inline(always)]
    pub(super) fn settle(&mut self, range: Range<u32>) {
        for (position, bits) in masks(range) {
            if let Some(block) = self.blocks.get_mut(position) {
                block.special &= !bits;
            }
        }
    }
}

/// The bits of a range, block by block.
#[inline(always)]
fn masks(range: Range<u32>) -> impl Iterator<Item = (usize, u64)> {
    let Range { start, end } = range;
    let blocks = if start < end { start / 64..end.div_ceil(64) } else { 0..0 };
    blocks.map(move |position| {
        let first = position * 64;
        let low = start.saturating_sub(first);
        let high = (end - first).min(64);
        (position as usize, u64::MAX >> (64 - (high - low)) << low)
    })
}

/// From where each bit is a change to what holds up to the next one, and whether the last
/// holds on, as all bits or none.
#[inline(always)]
const fn spread(changes: u64, before: u64) -> (u64, u64) {
    let mut bits = changes;
    let mut shift = 1;
    while shift < 64 {
        bits ^= bits << shift;
        shift *= 2;
    }
    bits ^= before;
    (bits, 0_u64.wrapping_sub(bits >> 63))
}

/// Where execution comes to in a block, from where it starts and through what it falls
/// through; and 1 if it falls out of the block, or 0.
///
/// It spreads as the carry of an addition does.
#[inline(always)]
pub(super) const fn flood(starts: u64, falls: u64) -> (u64, u64) {
    let falling = starts & falls;
    let (sum, is_out) = falls.overflowing_add(falling);
    (starts | sum ^ falls ^ falling, is_out as u64)
}

/// Calls `act` with the position of each bit that is set.
#[inline(always)]
pub(super) fn each(mut bits: u64, mut act: impl FnMut(u32)) {
    while bits != 0 {
        act(bits.trailing_zeros());
        bits &= bits - 1;
    }
}
