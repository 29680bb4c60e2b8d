//! Facts about the instructions of a function, a bit for each.

use core::ops::Range;

/// 64 instructions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Block {
    /// The boundary in front is deep.
    pub(super) deep: u64,
    /// A branch goes here.
    pub(super) targets: u64,
    /// Execution does not go on behind it.
    pub(super) stops: u64,
    /// A direct branch that is no call.
    pub(super) branches: u64,
    /// A call.
    pub(super) calls: u64,
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

impl Bits {
    /// So many instructions, of which nothing is known.
    pub(super) fn reset(&mut self, instructions: usize) {
        self.blocks.clear();
        self.blocks.resize(instructions.div_ceil(64), Block::default());
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

    /// Whether a fact holds of an instruction.
    #[inline(always)]
    pub(super) fn is(&self, at: u32, fact: impl Fn(&Block) -> u64) -> bool {
        self.blocks.get(at as usize / 64).is_some_and(|block| fact(block) >> (at % 64) & 1 == 1)
    }

    /// An edge leads to `target` from where it is deep (1) or not (0). Returns whether it is
    /// otherwise there, or deep where the edge leaves the function.
    #[inline(always)]
    pub(super) fn aim(&mut self, target: u32, deep: u64) -> bool {
        let bit = target % 64;
        match self.blocks.get_mut(target as usize / 64) {
            Some(block) if target < self.instructions => {
                block.targets |= 1 << bit;
                (block.deep >> bit ^ deep) & 1 != 0
            }
            _ => deep & 1 != 0,
        }
    }

    /// Execution does not go on behind an instruction.
    pub(super) fn stop(&mut self, at: u32) {
        if let Some(block) = self.block_mut(at / 64) {
            block.stops |= 1 << (at % 64);
        }
    }

    /// Instructions are part of a shape.
    pub(super) fn settle(&mut self, range: Range<u32>) {
        for at in range {
            if let Some(block) = self.block_mut(at / 64) {
                block.special &= !(1 << (at % 64));
            }
        }
    }

    /// The boundaries in front of instructions are deep.
    pub(super) fn deepen(&mut self, range: Range<u32>) {
        for (position, bits) in masks(range) {
            if let Some(block) = self.block_mut(position) {
                block.deep |= bits;
            }
        }
    }

    /// Whether a branch goes to one of these.
    pub(super) fn has_target(&self, range: Range<u32>) -> bool {
        masks(range).any(|(position, bits)| self.block(position).targets & bits != 0)
    }
}

/// The bits of a range, block by block.
#[inline(always)]
fn masks(range: Range<u32>) -> impl Iterator<Item = (u32, u64)> {
    let Range { start, end } = range;
    let blocks = if start < end { start / 64..end.div_ceil(64) } else { 0..0 };
    blocks.map(move |position| {
        let first = position * 64;
        let low = start.saturating_sub(first);
        let high = (end - first).min(64);
        (position, u64::MAX >> (64 - (high - low)) << low)
    })
}

/// Calls `act` with the position of each bit that is set.
#[inline(always)]
pub(super) fn each(mut bits: u64, mut act: impl FnMut(u32)) {
    while bits != 0 {
        act(bits.trailing_zeros());
        bits &= bits - 1;
    }
}
