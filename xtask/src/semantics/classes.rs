//! Words of all classes of instructions: found by changing bits of those that are known, and
//! sampled with the registers that matter.

use super::llvm::Llvm;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Words of each of LLVM's opcodes that a word was found for.
pub(super) type Classes = BTreeMap<u16, Vec<u32>>;

/// Words whose opcode has few others, among many of a more general one: BRB IALL, BRB INJ, DRPS, ERET,
/// GCSPUSHM, GCSPOPM, GCSSS1, GCSSS2, GCSPUSHX, GCSPOPCX, GCSPOPX, TRCIT, SMSTART (Arm ARM,
/// DDI 0487, C6.2).
const ALONE: [u32; 13] = [
    0xd509_729f,
    0xd509_72bf,
    0xd6bf_03e0,
    0xd69f_03e0,
    0xd50b_7700,
    0xd52b_7720,
    0xd50b_7740,
    0xd52b_7760,
    0xd508_779f,
    0xd508_77bf,
    0xd508_77df,
    0xd50b_72e0,
    0xd503_477f,
];

/// Finds words of as many opcodes as there are: those of a grid over the bits that tell
/// classes apart, then whatever one changed bit makes of them, until nothing is new.
///
/// # Errors
/// When LLVM cannot be asked.
pub(super) fn find(llvm: &Llvm) -> Result<Classes> {
    /// How many words of an opcode are changed in search of others.
    const KEPT: usize = 24;
    let mut classes = Classes::new();
    let mut seen = HashSet::new();
    let mut first = grid();
    let mut words = ALONE.to_vec();
    loop {
        let mut fresh = Vec::new();
        words.extend(first.by_ref().take(1 << 20));
        if words.is_empty() {
            break;
        }
        for (&word, opcode) in words.iter().zip(llvm.classes(&words)?) {
            let known = classes.entry(opcode).or_default();
            if opcode != 0 && known.len() < KEPT {
                known.push(word);
                fresh.push(word);
            }
        }
        let near = fresh.iter().flat_map(|word| (0..32).map(move |bit| word ^ 1 << bit));
        words = near.filter(|&word| seen.insert(word)).collect();
    }
    classes.remove(&0);
    Ok(classes)
}

/// At most `count` words of each opcode: R27 to R30 and number 31 in one field of registers after
/// the other, beside others by chance. Words that are preferred come first: those that the model knows,
/// of which there is more to ask.
///
/// # Errors
/// When LLVM cannot be asked.
pub(super) fn sample(
    llvm: &Llvm,
    classes: &Classes,
    count: usize,
    is_preferred: impl Fn(u32) -> bool,
) -> Result<Classes> {
    let mut candidates: Vec<(u16, u32)> = classes
        .iter()
        .flat_map(|(&opcode, words)| {
            let varied = (0..count as u64 * 8 + 32).map(move |index| vary(words, index));
            varied.chain(words.iter().copied()).map(move |word| (opcode, word))
        })
        .collect();
    candidates.sort_by_cached_key(|&(_, word)| !is_preferred(word));
    let words: Vec<u32> = candidates.iter().map(|&(_, word)| word).collect();
    let mut sampled = Classes::new();
    let mut taken = BTreeSet::new();
    for (&(opcode, word), found) in candidates.iter().zip(llvm.classes(&words)?) {
        let kept = sampled.entry(opcode).or_default();
        if found == opcode && kept.len() < count && taken.insert(word) {
            kept.push(word);
        }
    }
    Ok(sampled)
}

/// Pseudo-random words, the same in every run.
pub(super) fn random(count: u64) -> impl Iterator<Item = u32> {
    (0..count).map(|index| mix(index.wrapping_add(0x5e3a)) as u32)
}

/// Each value of bits 31 to 10, the others by chance and with what they are where they are fixed.
fn grid() -> impl Iterator<Item = u32> {
    let low = |index: u64| {
        let chance = mix(index) as u32;
        [chance & 0x3ff, 0, 0x01f, 0x3ff, 0x00d, chance & 0x3e0 | 0x01f]
    };
    (0..1_u64 << 22).flat_map(move |top| low(top).map(|low| (top as u32) << 10 | low))
}

/// A word of an opcode with other registers, and sometimes other bits.
fn vary(words: &[u32], index: u64) -> u32 {
    /// The first bit of each field of five that names a register in some class.
    const FIELDS: [u32; 4] = [0, 5, 16, 10];
    let chance = mix(u64::from(words[0]) << 20 ^ index);
    let mut word = words[index as usize % words.len()];
    let mut set = |field: u32, number: u32| word = word & !(31 << field) | number << field;
    for (at, &field) in FIELDS.iter().enumerate() {
        // The last one is often part of what tells classes apart.
        if field != 10 || chance >> 40 & 1 == 0 {
            set(field, (chance >> (5 * at)) as u32 & 31);
        }
    }
    let special = FIELDS[index as usize % 4];
    set(special, 27 + (index / 4 % 5) as u32);
    // Of four one has the same register twice, of four one has it in the next number.
    if chance >> 41 & 3 == 0 {
        set(FIELDS[(index as usize + 1) % 4], 27 + (index / 4 % 5) as u32);
    }
    // Fields that name no register are all ones in some classes.
    if chance >> 43 & 3 == 0 {
        word |= 31 << 16 | 31 << 10;
    }
    word
}

/// SplitMix64 (Steele, Lea, Flood, 2014).
const fn mix(index: u64) -> u64 {
    let mut z = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}
