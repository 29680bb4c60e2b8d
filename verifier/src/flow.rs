//! Sets of instructions, and where branches go.

/// A set of instruction indices.
#[derive(Clone, Debug, Default)]
pub(crate) struct IndexSet {
    bits: Vec<u64>,
}

impl IndexSet {
    /// Empties the set and makes room for indices below `len`.
    pub(crate) fn reset(&mut self, len: usize) {
        self.bits.clear();
        self.bits.resize(len / 64 + 1, 0);
    }

    pub(crate) fn contains(&self, index: u32) -> bool {
        let word = self.bits.get(index as usize / 64).copied().unwrap_or(0);
        word >> (index % 64) & 1 == 1
    }

    pub(crate) fn insert(&mut self, index: u32) {
        if let Some(word) = self.bits.get_mut(index as usize / 64) {
            *word |= 1 << (index % 64);
        }
    }

    /// Inserts `from..to`.
    pub(crate) fn insert_range(&mut self, from: u32, to: u32) {
        let mut at = from;
        while at < to {
            let end = (at / 64 * 64 + 64).min(to);
            let mask = (u64::MAX >> (64 - (end - at))) << (at % 64);
            if let Some(word) = self.bits.get_mut(at as usize / 64) {
                *word |= mask;
            }
            at = end;
        }
    }

    /// Whether there is a member in the range.
    pub(crate) fn any_in(&self, range: core::ops::Range<u32>) -> bool {
        range.into_iter().any(|index| self.contains(index))
    }

    /// The first member that is not one of `other`, a set of the same function.
    pub(crate) fn first_not_in(&self, other: &Self) -> Option<u32> {
        let mut words = self.bits.iter().zip(&other.bits).map(|(mine, theirs)| mine & !theirs);
        let position = words.position(|word| word != 0)?;
        let word = self.bits.get(position)? & !other.bits.get(position)?;
        Some(position as u32 * 64 + word.trailing_zeros())
    }

    pub(crate) fn len(&self) -> u32 {
        self.bits.iter().map(|word| word.count_ones()).sum()
    }
}

/// The instruction that a branch at `at` goes to: an index of the function, or
/// `None` when it leaves the function.
pub(crate) fn target(at: u32, offset: i64, len: usize) -> Option<u32> {
    let index = i64::from(at) + (offset >> 2);
    u32::try_from(index).ok().filter(|&index| (index as usize) < len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_remembers_what_was_put_in() {
        let mut set = IndexSet::default();
        set.reset(300);
        set.insert_range(60, 140);
        set.insert(299);
        let members: Vec<u32> = (0..310).filter(|&index| set.contains(index)).collect();
        let expected: Vec<u32> = (60..140).chain([299]).collect();
        assert_eq!(members, expected);
        assert_eq!(set.len(), 81);
        let mut other = IndexSet::default();
        other.reset(300);
        assert_eq!(set.first_not_in(&other), Some(60));
        other.insert_range(0, 140);
        assert_eq!(set.first_not_in(&other), Some(299));
        other.insert(299);
        assert_eq!(set.first_not_in(&other), None);
        assert!(set.any_in(0..61) && set.any_in(139..299) && !set.any_in(140..299));
        set.reset(10);
        assert_eq!(set.len(), 0);
    }

    #[test]
    fn a_branch_stays_inside_or_leaves() {
        assert_eq!(target(10, -40, 20), Some(0));
        assert_eq!(target(10, -44, 20), None);
        assert_eq!(target(10, 36, 20), Some(19));
        assert_eq!(target(10, 40, 20), None);
    }
}
