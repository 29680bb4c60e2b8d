//! Sets of instructions, and where branches go.

use a64::decode::direct_branch;
use unwind::Word;

/// A set of instruction indices.
#[derive(Clone, Debug, Default)]
pub(crate) struct IndexSet {
    /// A bit for each index; beyond the words in use they mean nothing.
    bits: Vec<u64>,
    words: usize,
}

impl IndexSet {
    /// Empties the set and makes room for indices below `len`.
    #[inline]
    pub(crate) fn reset(&mut self, len: usize) {
        let words = len / 64 + 1;
        if self.bits.len() < words {
            self.bits.resize(words, 0);
        }
        self.words = words;
        match self.bits.get_mut(..words) {
            // Most functions are short.
            Some([word]) => *word = 0,
            Some(bits) => bits.fill(0),
            None => {}
        }
    }

    #[inline]
    pub(crate) fn contains(&self, index: u32) -> bool {
        let word = self.bits.get(index as usize / 64).copied().unwrap_or(0);
        word >> (index % 64) & 1 == 1
    }

    /// Inserts an index; one beyond the room is left out.
    #[inline]
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

    /// The first member from `from` on. Looks at each word up to it.
    #[inline]
    pub(crate) fn next(&self, from: u32) -> Option<u32> {
        first(self.bits.get(..self.words)?, from as usize).map(|index| index as u32)
    }

    pub(crate) fn len(&self) -> u32 {
        self.bits.iter().take(self.words).map(|word| word.count_ones()).sum()
    }
}

/// A set of few and distant indices, with a summary to look for the next one in.
#[derive(Clone, Debug, Default)]
pub(crate) struct SparseSet {
    indices: IndexSet,
    /// A bit for each 64 indices, set if one of them is a member.
    summary: IndexSet,
}

impl SparseSet {
    /// Empties the set and makes room for indices below `len`.
    pub(crate) fn reset(&mut self, len: usize) {
        self.indices.reset(len);
        self.summary.reset(len / 64 + 1);
    }

    #[inline]
    pub(crate) fn contains(&self, index: u32) -> bool {
        self.indices.contains(index)
    }

    #[inline]
    pub(crate) fn insert(&mut self, index: u32) {
        self.indices.insert(index);
        // The first word is looked at in any case.
        if index >= 64 {
            self.summary.insert(index / 64);
        }
    }

    /// The first member from `from` on.
    #[inline(always)]
    pub(crate) fn next(&self, from: u32) -> Option<u32> {
        let position = from as usize / 64;
        let rest = self.indices.bits.get(..self.indices.words)?.get(position)? >> (from % 64);
        if rest != 0 {
            return Some(from + rest.trailing_zeros());
        }
        // Most functions are short.
        if self.indices.words <= position + 1 {
            return None;
        }
        let position = self.summary.next(position as u32 + 1)?;
        self.indices.next(position * 64)
    }
}

/// The first bit from `from` on that is set.
fn first(words: &[u64], from: usize) -> Option<usize> {
    let rest = words.get(from / 64)? >> (from % 64);
    if rest != 0 {
        return Some(from + rest.trailing_zeros() as usize);
    }
    let further = words.get(from / 64 + 1..)?;
    let skipped = further.iter().position(|&word| word != 0)?;
    let word = further.get(skipped)?;
    Some((from / 64 + 1 + skipped) * 64 + word.trailing_zeros() as usize)
}

/// The instruction that a branch at `at` goes to: an index of the function, or
/// `None` when it leaves the function.
pub(crate) fn target(at: u32, offset: i64, len: usize) -> Option<u32> {
    let index = i64::from(at) + (offset >> 2);
    u32::try_from(index).ok().filter(|&index| (index as usize) < len)
}

/// Tells where the direct branches among the words go, as far as they stay among
/// them.
pub(crate) fn branch_targets(words: &[Word], mut tell: impl FnMut(u32)) {
    for (at, &word) in (0_u32..).zip(words) {
        if let Some(branch) = direct_branch(word)
            && let Some(target) = target(at, branch.offset, words.len())
        {
            tell(target);
        }
    }
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
        assert_eq!(set.next(0), Some(60));
        assert_eq!(set.next(139), Some(139));
        assert_eq!(set.next(140), Some(299));
        assert_eq!(set.next(300), None);
        assert_eq!(set.next(100_000), None);
        set.reset(10);
        assert_eq!(set.len(), 0);
    }

    #[test]
    fn a_sparse_set_finds_what_is_far() {
        let mut set = SparseSet::default();
        set.reset(1 << 20);
        let members = [0, 63, 64, 5000, (1 << 20) - 1];
        for member in members {
            set.insert(member);
        }
        let mut found = vec![];
        while let Some(next) = set.next(found.last().map_or(0, |last| last + 1)) {
            found.push(next);
        }
        assert_eq!(found, members);
        assert_eq!(set.next(1 << 20), None);
        assert!(set.contains(5000) && !set.contains(5001));
        set.reset(10);
        assert_eq!(set.next(0), None);
    }

    #[test]
    fn a_branch_stays_inside_or_leaves() {
        assert_eq!(target(10, -40, 20), Some(0));
        assert_eq!(target(10, -44, 20), None);
        assert_eq!(target(10, 36, 20), Some(19));
        assert_eq!(target(10, 40, 20), None);
    }
}
