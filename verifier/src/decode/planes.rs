//! The screen of sixty-four words at once.
//!
//! Their first bytes, second bytes, third and fourth each make a vector, a plane. A fact
//! about a byte is one comparison then for all words, and gives a bit for each; what it
//! takes several bytes to know is put together from such sets of bits.
//!
//! [`super::screen`] looks more closely: of a few words that nobody has to look at it is
//! not known here.

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch, u8x16, u8x64};
use unwind::Word;

/// How many words are screened at once.
pub const WORDS: usize = 64;

/// What words are, a bit for each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Kinds {
    /// B.
    pub branches: u64,
    /// B.cond, CBZ, CBNZ, TBZ, TBNZ.
    pub branches_if: u64,
    /// BL.
    pub calls: u64,
    /// BLR of another register than R27.
    pub register_calls: u64,
    /// BR.
    pub register_jumps: u64,
    /// RET by LR.
    pub returns: u64,
    /// What [`super::is_trap`] says.
    pub traps: u64,
    /// What has to be decoded: nothing of the above and not NOP, or a conditional branch
    /// that reads R27. What is in none of these sets is [`super::Screen::Plain`] or NOP.
    pub others: u64,
    /// Of the others, what makes a value in R27 that it does not read, and concerns nothing
    /// else: ADR, ADRP, MOVZ, MOVN, additions, shifts, loads.
    pub makes_tmp: u64,
    /// Of the others, what reads R27 and concerns nothing else: loads and stores at an offset
    /// from it, additions, logic and comparisons with it, branches by it.
    pub uses_tmp: u64,
    /// Of these, what makes another value in R27: additions, logic, MOVK, loads.
    pub remakes_tmp: u64,
    /// `MOVD R30, R3`: what the call of morestack has in front of it.
    pub links: u64,
}

impl Kinds {
    /// The words in none of the sets: [`super::Screen::Plain`] as far as the rules go, or NOP.
    #[must_use]
    pub const fn plain(self) -> u64 {
        let branches = self.branches | self.branches_if | self.calls | self.register_calls;
        !(branches | self.register_jumps | self.returns | self.traps | self.others)
    }

    /// Those of some words alone.
    #[inline(always)]
    pub(crate) const fn within(self, words: u64) -> Self {
        Self {
            branches: self.branches & words,
            branches_if: self.branches_if & words,
            calls: self.calls & words,
            register_calls: self.register_calls & words,
            register_jumps: self.register_jumps & words,
            returns: self.returns & words,
            traps: self.traps & words,
            others: self.others & words,
            makes_tmp: self.makes_tmp & words,
            uses_tmp: self.uses_tmp & words,
            remakes_tmp: self.remakes_tmp & words,
            links: self.links & words,
        }
    }

    /// Sorts words.
    #[must_use]
    pub fn of(words: &[Word; WORDS]) -> Self {
        let level = Level::new();
        dispatch!(level, simd => sort(simd, words))
    }
}

/// A byte of each word.
#[derive(Clone, Copy)]
struct Plane<S: Simd>(u8x64<S>);

impl<S: Simd> Plane<S> {
    /// Where those bits that are in a mask have a value.
    #[inline(always)]
    fn is(self, mask: u8, value: u8) -> u64 {
        (self.0 & mask).simd_eq(value).to_bitmask()
    }

    /// Where one of the bits in a mask is set.
    #[inline(always)]
    fn has(self, mask: u8) -> u64 {
        !self.is(mask, 0)
    }

    /// Where the bits in a mask, as a number, are not below one.
    #[inline(always)]
    fn reaches(self, mask: u8, least: u8) -> u64 {
        (self.0 & mask).simd_ge(least).to_bitmask()
    }
}

/// Sorts words, in code for one processor: [`dispatch!`] calls it.
#[inline(always)]
pub(crate) fn sort<S: Simd>(simd: S, words: &[Word; WORDS]) -> Kinds {
    // Bits 31 to 24, 23 to 16, 15 to 8, 7 to 0.
    let [b0, b1, b2, b3] = planes(simd, words);
    let control = b3.is(0x1c, 0x14);
    let branches = b3.is(0xfc, 0x14);
    let calls = b3.is(0xfc, 0x94);
    let tests = b3.is(0x7c, 0x34);
    let branches_if = b3.is(0xff, 0x54) | tests;
    let traps = b3.is(0xff, 0) & b2.is(0xff, 0)
        | b3.is(0xff, 0xbe) & b2.is(0xff, 0xa7) & b1.is(0xff, 0x17) & b0.is(0xff, 0);
    let by_register = b3.is(0xff, 0xd6);
    let link = b1.is(0xff, 0x03);
    let returns = by_register & b2.is(0xff, 0x5f) & link & b0.is(0xff, 0xc0);
    let any_register = by_register & b1.is(0xfc, 0) & b0.is(0x1f, 0);
    let nops = b3.is(0xff, 0xd5) & b2.is(0xff, 0x03) & b1.is(0xff, 0x20) & b0.is(0xff, 0x1f);

    // Rd or Rt, and Rn: the bits of that are in two bytes.
    let (d27, d31) = (b0.is(0x1f, 27), b0.is(0x1f, 31));
    let special = b0.reaches(0x1f, 27) & !d31;
    let n24 = b1.is(0x03, 0x03);
    let n27 = n24 & b0.is(0xe0, 0x60);
    // Ra or Rt2, and Rm or Rs.
    let a27 = b1.is(0x7c, 27 << 2);
    let m27 = b2.is(0x1f, 27);

    let load = b2.has(0x40);

    let data = {
        // ADDS, SUBS and ANDS write ZR where Rd is 31: comparisons.
        let immediate = (b3.is(0x3f, 0x31) | b3.is(0x7f, 0x72)) & !b2.has(0x80);
        let extended = !b2.has(0x20) | b2.is(0xe0, 0x20);
        let flags = immediate | b3.is(0x3f, 0x2b) & extended | b3.is(0x7f, 0x6a);
        // EXTR has two sources as well.
        let register = b3.is(0x0e, 0x0a) | b3.is(0x1f, 0x13) & b2.has(0x80);
        // Wide moves that there are not.
        let wide = b3.is(0x1f, 0x12) & b2.has(0x80);
        let reserved = wide & (b3.is(0x60, 0x20) | load & !b3.has(0x80));
        b3.is(0x18, 0) | d31 & !flags | register & (m27 | a27) | reserved
    };
    let memory = {
        let n31 = n24 & b0.is(0xe0, 0xe0);
        let pair = {
            // An index that is written back or below 0, or a reserved size.
            let odd = b2.has(0xa0) | b3.is(0xc0, 0xc0);
            let second = b1.reaches(0x7c, 27 << 2) & (load | !b1.is(0x7c, 31 << 2));
            odd | second | n31 & b2.is(0x1f, 0)
        };
        let offset = {
            // Of 8 bytes those at offset 0 are near SP, of fewer the first eight.
            let near = b1.is(0xfc, 0) | b1.is(0xe0, 0) & !b3.is(0xc0, 0xc0);
            n31 & !load & b2.is(0x3f, 0) & near
        };
        let others = {
            let n28 = n24 & b0.has(0x80);
            // All but those by a register.
            n28 | d31 | m27 | a27 | b2.has(0x20) & !b1.is(0x0c, 0x08)
        };
        let (pairs, single, scaled) = (b3.is(0x30, 0x20), b3.is(0x30, 0x30), b3.has(0x01));
        let n29 = n24 & b0.is(0xe0, 0xa0);
        !b3.has(0x20)
            | d31 & load
            | n29
            | pairs & pair
            | single & (scaled & offset | !scaled & others)
    };
    let accesses = b3.is(0x0a, 0x08);
    let concerned = special | n27 | accesses & memory | !accesses & data;

    let register_calls = any_register & b2.is(0xff, 0x3f) & !n27;
    let register_jumps = any_register & b2.is(0xff, 0x1f);
    let (makes_tmp, uses_tmp, remakes_tmp) = {
        let n31 = n24 & b0.is(0xe0, 0xe0);
        let is_64 = b3.has(0x80);
        // Where it is 31, Rt2 is ZR.
        let second = b1.reaches(0x7c, 27 << 2) & (load | !b1.is(0x7c, 31 << 2));
        let plain = !special & !(d31 & load);
        // Of registers and vectors, sizes that there are.
        let reserved = b2.has(0x80) & (b3.has(0x04) & b3.has(0xc0) | is_64 & load);
        let access = b3.is(0x3b, 0x39) & !reserved;
        let pair = b3.is(0x7f, 0x29) & !b2.has(0x80);
        let add = b3.is(0x1f, 0x11) & !b2.has(0x80);
        // Of 32 bits the upper halves are reserved.
        let wide = b2.has(0x80) & (is_64 | !load);
        let insert = d27 & wide & b3.is(0x7f, 0x72);
        let shift = b3.is(0xbf, 0x93) & b2.is(0xc0, 0x40);
        // By a register that may be shifted, by as much as there are bits: where Rd or Rn is
        // 31, that is ZR. Additions do not rotate.
        let amount = is_64 | !b1.has(0x80);
        let sum = b3.is(0x1f, 0x0b) & !b2.has(0x20) & !b2.is(0xc0, 0xc0);
        let register = amount & (sum | b3.is(0x1f, 0x0a)) & (n27 | m27);
        let from_memory = access & load & !b3.has(0x04);

        let address = b3.is(0x1f, 0x10) | b3.is(0x3f, 0x12) & wide | b3.is(0xbf, 0x18);
        let other = add | shift | from_memory & !n31 & !(n24 & b0.is(0xe0, 0xa0));
        let makes = d27 & (address | other & !n27);
        let remakes = d27 & (n27 & (from_memory | add) | register) | insert;
        let by_base = n27 & (access & plain | pair & plain & !second | add & !special & !d31);
        (makes, by_base | register & !special | tests & d27 | remakes, remakes)
    };
    let known = branches | branches_if | calls | register_calls | register_jumps | returns | nops;
    Kinds {
        branches,
        branches_if,
        calls,
        register_calls,
        register_jumps,
        returns,
        traps,
        others: !traps & (control & !known | !control & concerned) | branches_if & d27,
        makes_tmp,
        uses_tmp,
        remakes_tmp,
        links: b3.is(0xff, 0xaa) & b2.is(0xff, 0x1e) & link & b0.is(0xff, 0xe3),
    }
}

/// The bytes of words: the lowest of each, the next ones, and so on.
#[inline(always)]
fn planes<S: Simd>(simd: S, words: &[Word; WORDS]) -> [Plane<S>; 4] {
    let bytes = Word::bytes(words);
    let quarter = |at: usize| {
        let bytes = bytes.get(at * WORDS..(at + 1) * WORDS).unwrap_or_default();
        u8x16::load_four_interleaved(simd, bytes)
    };
    let [first, second, third, fourth] = [quarter(0), quarter(1), quarter(2), quarter(3)];
    let plane = |byte: usize| {
        let low = first[byte].combine(second[byte]);
        Plane(low.combine(third[byte].combine(fourth[byte])))
    };
    [plane(0), plane(1), plane(2), plane(3)]
}
