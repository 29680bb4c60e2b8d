//! What a word is, as far as the ends of functions and the blocks around a
//! frame are concerned: calls, returns, and what branches name. (Arm ARM, C4.1.)

use a64::decode::direct_branch;
use lowering::encode::Reg;
use unwind::{Index, Word};

/// BL and BLR.
#[inline]
pub(super) const fn is_call(word: Word) -> bool {
    let word = word.get();
    word >> 26 == 0b10_0101 || word & 0xffff_fc1f == 0xd63f_0000
}

/// The register that RET goes to.
#[inline]
pub(super) fn return_register(word: Word) -> Option<Reg> {
    let word = word.get();
    let register = || Reg::new((word >> 5 & 31) as u8);
    if word & 0xffff_fc1f == 0xd65f_0000 { register() } else { None }
}

/// Where BL goes, in bytes from the call.
pub(super) const fn call_offset(word: Word) -> Option<i64> {
    let word = word.get();
    let words = (word << 6).cast_signed() >> 6;
    if word >> 26 == 0b10_0101 { Some(words as i64 * 4) } else { None }
}

/// B, whose words all begin alike.
#[inline]
pub(super) const fn is_branch(word: Word) -> bool {
    word.get() >> 26 == 0b00_0101
}

/// Where a branch at `at` goes, if inside of `code`.
pub(super) fn target(code: &[Word], at: Index) -> Option<Index> {
    let offset = direct_branch(word(code, at)?)?.offset;
    let index = i64::from(at.0).checked_add(offset >> 2)?;
    u32::try_from(index).ok().filter(|&index| (index as usize) < code.len()).map(Index)
}

/// The bits of a word that its place in the function does not change: all but
/// the distance of a branch.
pub(super) fn placeless(word: Word) -> u32 {
    match direct_branch(word) {
        Some(_) if is_branch(word) => word.get() & 0xfc00_0000,
        // B.cond, CBZ, CBNZ: 19 bits. No frame has TBZ or TBNZ.
        Some(_) => word.get() & 0xff00_001f,
        None if call_offset(word).is_some() => word.get() & 0xfc00_0000,
        None => word.get(),
    }
}

/// Whether two words are the same but for where they branch to.
#[must_use]
pub fn alike(first: Word, second: Word) -> bool {
    first == second || placeless(first) == placeless(second)
}

/// How many words spill a register argument into the caller's frame at the start of
/// `code`, or reload it; none if they do not. A pair whose place is out of the reach of
/// its instruction has its address put into R27 first (`asm7.go`).
pub(super) fn argument_access(code: &[Word], store: bool) -> Option<usize> {
    let address = code.iter().take_while(|&&word| is_place_in_tmp(word)).count();
    let base = if address == 0 { SP } else { TMP };
    is_access(*code.get(address)?, base, store).then_some(address + 1)
}

/// The numbers of registers in words.
const SP: u32 = 31;
const TMP: u32 = 27;

/// Whether a word is `ADD $n, RSP, R27`, or `ADD $n, R27, R27`.
fn is_place_in_tmp(word: Word) -> bool {
    let word = word.get();
    let (rd, rn) = (word & 31, word >> 5 & 31);
    word & 0xff80_0000 == 0x9100_0000 && rd == TMP && matches!(rn, SP | TMP)
}

/// Whether a load or a store has SP as its base, at an offset that is not written back:
/// how register arguments are spilled into the caller's frame, and reloaded.
pub(crate) fn is_argument_access(word: Word, store: bool) -> bool {
    is_access(word, SP, store)
}

/// Whether a load or a store has this base, at an offset that is not written back.
fn is_access(word: Word, base: u32, store: bool) -> bool {
    let word = word.get();
    let scaled = word & 0x3b00_0000 == 0x3900_0000;
    let unscaled = word & 0x3b20_0c00 == 0x3800_0000;
    let pair = word & 0x3b80_0000 == 0x2900_0000;
    let loads = if pair { word >> 22 & 1 } else { word >> 22 & 3 };
    // 0b10 stores 128 bits of a vector register; of a general one it loads.
    let is_store = loads == 0 || !pair && loads == 0b10 && word >> 26 & 1 == 1;
    (scaled || unscaled || pair) && word >> 5 & 31 == base && is_store == store
}

/// The words that are data: those that an LDR (literal) of the same function reads
/// (`asm7.go`, `addpool`). Ascending.
pub(super) fn literals(code: &[Word]) -> Vec<Index> {
    let mut literals = Vec::new();
    for (from, word) in (0_u32..).zip(code) {
        let word = word.get();
        if word & 0x3b00_0000 != 0x1800_0000 {
            continue;
        }
        let words = match (word >> 26 & 1, word >> 30) {
            (0, 0b01) => 2,
            (1, size) => 1 << size,
            _ => 1,
        };
        let first = i64::from(from) + i64::from((word << 8).cast_signed() >> 13);
        let inside = |at: i64| u32::try_from(at).ok().filter(|&at| (at as usize) < code.len());
        literals.extend((first..first + words).filter_map(inside).map(Index));
    }
    literals.sort_unstable();
    literals.dedup();
    literals
}

pub(super) fn word(code: &[Word], at: Index) -> Option<Word> {
    code.get(at.0 as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Words: `llvm-mc -triple=aarch64 -show-encoding` (Debian, llvm).
    #[test]
    fn calls_and_returns() {
        assert!(is_call(Word::new(0x9400_0002)), "bl #8");
        assert!(is_call(Word::new(0xd63f_0340)), "blr x26");
        assert!(!is_call(Word::new(0x1400_0002)), "b #8");
        assert!(!is_call(Word::new(0xd61f_0340)), "br x26");
        assert_eq!(return_register(Word::new(0xd65f_03c0)), Some(Reg::LR), "ret");
        assert_eq!(return_register(Word::new(0xd65f_0060)), Some(Reg::R3), "ret x3");
        assert_eq!(return_register(Word::new(0xd61f_0060)), None, "br x3");
        assert_eq!(call_offset(Word::new(0x97ff_ffff)), Some(-4), "bl #-4");
    }

    #[test]
    fn arguments_are_spilled_and_reloaded_at_sp() {
        for (word, store, name) in [
            (0xf900_07e0, true, "str x0, [sp, #8]"),
            (0xf940_07e0, false, "ldr x0, [sp, #8]"),
            (0x3980_23e0, false, "ldrsb x0, [sp, #8]"),
            (0xb880_93e0, false, "ldursw x0, [sp, #9]"),
            (0xfd00_07e0, true, "str d0, [sp, #8]"),
            (0x3d80_07e0, true, "str q0, [sp, #16]"),
            (0x3dc0_07e0, false, "ldr q0, [sp, #16]"),
            (0xa900_87e0, true, "stp x0, x1, [sp, #8]"),
            (0xa940_87e0, false, "ldp x0, x1, [sp, #8]"),
        ] {
            assert_eq!(argument_access(&[Word::new(word)], store), Some(1), "{name}");
            assert_eq!(argument_access(&[Word::new(word)], !store), None, "{name}");
        }
        for (word, name) in [
            (0xf900_0420, "str x0, [x1, #8]"),
            (0xf81e_0ffe, "str x30, [sp, #-32]!"),
            (0xf842_07fe, "ldr x30, [sp], #32"),
            (0x9100_23ff, "add sp, sp, #8"),
        ] {
            let either = [true, false].map(|store| argument_access(&[Word::new(word)], store));
            assert_eq!(either, [None; 2], "{name}");
        }
    }

    // `crypto/internal/fips140/mlkem.ringCompressAndEncode1` of go1.27.3, whose argument
    // is an array of 512 bytes, spilled behind it.
    #[test]
    fn a_far_argument_is_accessed_by_way_of_r27() {
        let access = |words: &[u32], store| {
            let words: Vec<_> = words.iter().copied().map(Word::new).collect();
            argument_access(&words, store)
        };
        let (place, spill, reload) = (0x9108_23fb, 0xa900_0760, 0xa940_0760);
        assert_eq!(access(&[place, spill], true), Some(2), "ADD $520, RSP, R27, STP to (R27)");
        assert_eq!(access(&[place, reload], false), Some(2), "LDP from (R27)");
        assert_eq!(access(&[place, spill], false), None);
        assert_eq!(access(&[spill], true), None, "R27 holds nothing");
        assert_eq!(access(&[place], true), None);
        assert_eq!(access(&[0x9108_23fc, spill], true), None, "add x28, sp, #520");
    }

    #[test]
    fn the_place_of_a_word_is_not_compared() {
        let words = |first, second| alike(Word::new(first), Word::new(second));
        assert!(words(0x5400_0049, 0x5400_0089), "b.ls #8, b.ls #16");
        assert!(!words(0x5400_0049, 0x5400_0043), "b.ls, b.lo");
        assert!(words(0x1400_0002, 0x17ff_ffff), "b #8, b #-4");
        assert!(!words(0x1400_0002, 0x9400_0002), "b #8, bl #8");
        assert!(!words(0x9100_23ff, 0x9100_43ff), "add sp, sp, #8 and #16");
    }

    #[test]
    fn data_is_what_a_literal_load_reads() {
        // ldr x0, #12; ret; b #12; then eight bytes.
        let code = [0x5800_0060, 0xd65f_03c0, 0x1400_0003, 0xd65f_03c0, 0xd65f_03c0];
        let code = code.map(Word::new);
        assert_eq!(literals(&code), [Index(3), Index(4)]);
    }
}
