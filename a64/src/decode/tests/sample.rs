//! Claims about all words, on a large deterministic sample: every combination of
//! the top eleven bits, which choose the form, with registers that are 31 and
//! with pseudo-random ones.

use crate::decode::{DirectBranch, Inst, decode, direct_branch};
use unwind::Word;

/// How many pseudo-random words a test takes: what is seconds in release is
/// minutes without optimization.
const WORDS: u64 = if cfg!(debug_assertions) { 2_000_000 } else { 40_000_000 };

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
/// Generators, 2014): the same words in every run.
fn mixed(index: u64) -> u32 {
    let mut z = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ z >> 31) as u32
}

/// Every value of bits 31 to 21, with Rd, Rn or both 31 and everything else at
/// both extremes and at eight pseudo-random values.
fn with_register_31() -> impl Iterator<Item = Word> {
    (0..2048_u32).flat_map(|top| {
        let rests = (0..8).map(move |n| mixed(u64::from(top) * 8 + n)).chain([0, u32::MAX]);
        rests.flat_map(move |rest| {
            [0x1f, 0x3e0, 0x3ff, 0x1f_03ff, 0]
                .map(|ones| Word::new(top << 21 | rest & 0x001f_ffff | ones))
        })
    })
}

/// Pseudo-random words, every other with Rn or Rd 31.
fn sampled() -> impl Iterator<Item = Word> {
    (0..WORDS).map(|index| {
        let ones = [0, 0x3e0, 0, 0x1f][index as usize % 4];
        Word::new(mixed(index) | ones)
    })
}

#[test]
fn the_short_way_to_direct_branches_agrees_with_the_decoder() {
    let mut branches = 0_u64;
    for word in with_register_31().chain(sampled()) {
        let expected = match decode(word) {
            Inst::Branch { offset } => Some(DirectBranch { offset, conditional: false }),
            Inst::BranchIf { offset, .. } => Some(DirectBranch { offset, conditional: true }),
            _ => None,
        };
        branches += u64::from(expected.is_some());
        assert_eq!(direct_branch(word), expected, "{word}");
    }
    assert!(branches > WORDS / 50, "{branches} branches");
}
