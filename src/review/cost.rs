//! What frames cost, in instructions: those of prologues and epilogues, before and
//! now, in all and by the size of the frame.

use unwind::{Depth, Word};

/// The largest frame of each class of sizes, and its name; the last has no end.
pub const SIZES: [(i64, &str); 4] =
    [(0, "0"), (4 << 10, "to 4 KiB"), (64 << 10, "to 64 KiB"), (i64::MAX, "above 64 KiB")];

/// What the frames of some functions cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cost {
    /// How many functions.
    pub functions: u64,
    /// The instructions of their prologues, before and now.
    pub prologues: [u64; 2],
    /// The instructions of their epilogues, before and now.
    pub epilogues: [u64; 2],
}

impl Cost {
    /// All instructions, before and now.
    #[must_use]
    pub const fn instructions(&self) -> [u64; 2] {
        let ([old, new], [before, now]) = (self.prologues, self.epilogues);
        [old + before, new + now]
    }

    /// The same in bytes.
    #[must_use]
    pub fn bytes(&self) -> [u64; 2] {
        self.instructions().map(|count| count * Word::BYTES)
    }

    fn merge(&mut self, other: &Self) {
        self.functions += other.functions;
        for side in 0..2 {
            self.prologues[side] += other.prologues[side];
            self.epilogues[side] += other.epilogues[side];
        }
    }
}

/// Costs by the size of the frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Costs {
    /// In the order of [`SIZES`].
    pub sizes: [Cost; SIZES.len()],
}

impl Costs {
    /// One function more, by the larger of its frames: instructions of prologue and
    /// epilogues, before and now.
    pub(super) fn add(&mut self, frames: [Depth; 2], old: [u64; 2], new: [u64; 2]) {
        let [before, now] = frames;
        let frame = before.max(now).0;
        let cost = Cost { functions: 1, prologues: [old[0], new[0]], epilogues: [old[1], new[1]] };
        let size = SIZES.iter().zip(&mut self.sizes).find(|((largest, _), _)| frame <= *largest);
        if let Some((_, sum)) = size {
            sum.merge(&cost);
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.sizes.iter_mut().zip(&other.sizes) {
            mine.merge(theirs);
        }
    }

    /// The sum of all sizes.
    #[must_use]
    pub fn total(&self) -> Cost {
        let mut total = Cost::default();
        self.sizes.iter().for_each(|cost| total.merge(cost));
        total
    }
}
