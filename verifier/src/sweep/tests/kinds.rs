//! What words are sorted by, against the decoder: whatever a sweep takes from that without
//! decoding has to be so.

use crate::screen::{Kinds, WORDS, sort_by_planes, sort_singly};
use crate::sweep::special::is_harmless;
use a64::decode::{Data, Inst, NOP, RETURN, Reg, decode, is_trap};
use a64::{Core, DecodeCache, Decoded};
use fearless_simd::{Level, Simd, dispatch};
use unwind::Word;

/// How many blocks of words are sorted.
const BLOCKS: u64 = if cfg!(debug_assertions) { 30_000 } else { 600_000 };

/// SplitMix64 (Steele, Lea, Flood, 2014).
fn mix(index: u64) -> u64 {
    let mut z = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// Words of all kinds, the same in every run. Each of their register fields is one of the
/// last five in every second word.
pub(super) fn word(index: u64) -> Word {
    let (mut word, more) = (mix(index) as u32, mix(!index));
    for (field, low) in (0..).zip([0, 5, 10, 16]) {
        let chosen = (more >> (8 * field)) as u32 & 0xff;
        if chosen < 128 {
            word = word & !(31 << low) | (27 + chosen % 5) << low;
        }
    }
    Word::new(word)
}

fn block(number: u64) -> [Word; WORDS] {
    core::array::from_fn(|place| word(number * WORDS as u64 + place as u64))
}

/// Both ways of sorting: by planes, as the processor at hand does, and one by one.
fn both(words: &[Word; WORDS]) -> [Kinds; 2] {
    let level = Level::new();
    [dispatch!(level, simd => sort_by_planes(simd, words)), sort_singly(words)]
}

#[test]
fn words_are_sorted_as_they_are_decoded() {
    let (mut memory, mut seen) = (DecodeCache::new(), [Seen::default(), Seen::default()]);
    for words in (0..BLOCKS).map(block) {
        for (kinds, seen) in both(&words).into_iter().zip(&mut seen) {
            for (bit, &word) in (0..).zip(&words) {
                seen.check(word, memory.get(word), kinds, bit);
            }
        }
    }
    // RET and the like are not to be expected among so few.
    assert!(seen.iter().all(|seen| seen.kinds[..3].iter().all(|&seen| seen > 1000)), "{seen:?}");
    let [planes, singly] = seen.map(|seen| seen.sets.map(|seen| seen > 1000));
    assert_eq!((planes, singly), ([true; 4], [true, false, false, false]));
}

/// The words that hardly come about, and those next to them.
#[test]
fn returns_traps_and_their_like_are_told_from_others() {
    let exact = [RETURN.get(), NOP.get(), 0xbea7_1700, 0, 0xaa1e_03e3];
    let registers = (0..32).flat_map(|register| {
        [0xd63f_0000, 0xd61f_0000, 0xd65f_0000].map(|word| word | register << 5)
    });
    let words = exact.into_iter().chain(registers);
    let near = words.flat_map(|word| (0..33).map(move |bit| word ^ 1_u32.unbounded_shl(bit)));
    let (mut memory, mut seen) = (DecodeCache::new(), [Seen::default(), Seen::default()]);
    for word in near.map(Word::new) {
        for (kinds, seen) in both(&[word; WORDS]).into_iter().zip(&mut seen) {
            seen.check(word, memory.get(word), kinds, 63);
        }
    }
    assert!(seen.iter().all(|seen| seen.kinds[3..].iter().all(|&seen| seen > 0)), "{seen:?}");
}

/// The code for each processor says the same. Which there are depends on this one.
#[test]
fn all_processors_sort_alike() {
    let level = Level::new();
    let mut compared = 0;
    for words in (0..BLOCKS / 10).map(block) {
        let [expected, _] = both(&words);
        let mut check = |kinds: Kinds| {
            assert_eq!(kinds, expected);
            compared += 1;
        };
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        {
            level.as_sse2().into_iter().for_each(|simd| check(sort_by(simd, &words)));
            level.as_sse4_2().into_iter().for_each(|simd| check(sort_by(simd, &words)));
            level.as_avx2().into_iter().for_each(|simd| check(sort_by(simd, &words)));
        }
        #[cfg(target_arch = "aarch64")]
        level.as_neon().into_iter().for_each(|simd| check(sort_by(simd, &words)));
    }
    assert!(compared > 0, "{level:?}");
}

fn sort_by<S: Simd>(simd: S, words: &[Word; WORDS]) -> Kinds {
    simd.vectorize(|| sort_by_planes(simd, words))
}

/// Whether it is a conditional branch of those that words are sorted by: that of FEAT_CMPBR,
/// which is rare, has to be decoded.
fn is_sorted(inst: &Inst) -> bool {
    use a64::decode::Test;
    matches!(inst, Inst::BranchIf { test: Test::Flags(_) | Test::Zero(..) | Test::Bit(..), .. })
}

/// How many words were of each kind, and of each set that something is claimed of.
#[derive(Debug, Default)]
struct Seen {
    kinds: [u64; 9],
    sets: [u64; 4],
}

impl Seen {
    /// Holds what is said of one word against what it is.
    #[track_caller]
    fn check(&mut self, word: Word, decoded: &Decoded, kinds: Kinds, bit: u32) {
        let inst = decode(word);
        let by = |base: u32| word.get() & 0xffff_fc1f == base;
        let facts = [
            (kinds.branches, matches!(inst, Inst::Branch { .. })),
            (kinds.branches_if, is_sorted(&inst)),
            (kinds.calls, matches!(inst, Inst::Call { .. })),
            (kinds.register_calls, by(0xd63f_0000) && inst != Inst::CallReg { rn: Reg::TMP }),
            (kinds.register_jumps, by(0xd61f_0000)),
            (kinds.returns, word == RETURN),
            (kinds.traps, is_trap(word)),
            (kinds.nops, word == NOP),
            (kinds.links, word.get() == 0xaa1e_03e3),
        ];
        for ((kind, expected), seen) in facts.into_iter().zip(&mut self.kinds) {
            assert_eq!(kind >> bit & 1 == 1, expected, "{word}: {inst:?}");
            *seen += u64::from(expected);
        }
        let tmp = [decoded.reads_tmp(), decoded.writes.meets(Core::TMP)];
        assert!(kinds.plain() >> bit & 1 == 0 || tmp == [false; 2], "{word}: {inst:?}");
        let sets = [
            (kinds.plain(), None),
            (kinds.makes_tmp, Some([false, true])),
            (kinds.uses_tmp & !kinds.remakes_tmp, Some([true, false])),
            (kinds.remakes_tmp, Some([true, true])),
        ];
        for ((set, expected), seen) in sets.into_iter().zip(&mut self.sets) {
            if set >> bit & 1 == 1 {
                assert!(is_harmless(decoded, 0, false), "{word}: {inst:?}");
                // A prefetch by R27 counts as a use of it.
                let is_prefetch = matches!(inst, Inst::Single { data: Data::Nothing, .. });
                assert!(
                    is_prefetch || expected.is_none_or(|expected| tmp == expected),
                    "{word}: {inst:?} {tmp:?}"
                );
                *seen += 1;
            }
        }
    }
}
