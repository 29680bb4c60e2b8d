//! Sixty-four words sorted at once.
//!
//! Their first bytes, second bytes, third and fourth each make a vector, a plane. A fact
//! about a byte is one comparison then for all words, and gives a bit for each; what it
//! takes several bytes to know is put together from such sets of bits.

use super::{Kind, is_event, kind};
use a64::decode::{LINK, NOP, RETURN, is_trap};
use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch, mask8x64, u8x16, u8x64};
use unwind::Word;

/// How many words are sorted at once.
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
    /// NOP.
    pub nops: u64,
    /// What [`is_trap`] says.
    pub traps: u64,
    /// What has to be decoded: nothing of the above, or a conditional branch that reads R27.
    /// What is in none of these sets is [plain](Self::plain).
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
    /// Stores through SP with an offset, of one register or a pair, that move no base.
    pub sp_stores: u64,
}

impl Kinds {
    /// The words in none of the sets, with which no rule is concerned.
    ///
    /// Each is an instruction. It neither branches nor writes SP, LR, R29, R28 or R27; it
    /// stores neither LR nor R29, neither stores through SP to the word there or below nor
    /// loads from below the word under SP, and does not name R27.
    #[must_use]
    pub const fn plain(self) -> u64 {
        let branches = self.branches | self.branches_if | self.calls | self.register_calls;
        let others = self.nops | self.traps | self.others;
        !(branches | self.register_jumps | self.returns | others)
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
            nops: self.nops & words,
            traps: self.traps & words,
            others: self.others & words,
            makes_tmp: self.makes_tmp & words,
            uses_tmp: self.uses_tmp & words,
            remakes_tmp: self.remakes_tmp & words,
            links: self.links & words,
            sp_stores: self.sp_stores & words,
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
    fn is(self, mask: u8, value: u8) -> mask8x64<S> {
        (self.0 & mask).simd_eq(value)
    }

    /// Where one of the bits in a mask is set.
    #[inline(always)]
    fn has(self, mask: u8) -> mask8x64<S> {
        !self.is(mask, 0)
    }

    /// Where the bits in a mask, as a number, are not below one.
    #[inline(always)]
    fn reaches(self, mask: u8, least: u8) -> mask8x64<S> {
        (self.0 & mask).simd_ge(least)
    }
}

/// Sorts words in the faster way, in code for one processor: [`dispatch!`] calls it.
#[inline(always)]
pub(crate) fn sort<S: Simd>(simd: S, words: &[Word; WORDS]) -> Kinds {
    if has_planes(simd) { sort_by_planes(simd, words) } else { sort_singly(words) }
}

/// Sorts words by planes.
#[inline(always)]
pub(crate) fn sort_by_planes<S: Simd>(simd: S, words: &[Word; WORDS]) -> Kinds {
    let fields = Fields::of(planes(simd, words));
    let Fields { b0, b1, b2, b3, d27, n27, .. } = fields;
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
    let register_calls = any_register & b2.is(0xff, 0x3f) & !n27;
    let register_jumps = any_register & b2.is(0xff, 0x1f);
    let nops = b3.is(0xff, 0xd5) & b2.is(0xff, 0x03) & b1.is(0xff, 0x20) & b0.is(0xff, 0x1f);
    let known = branches | branches_if | calls | register_calls | register_jumps | returns | nops;
    let Tmp { makes, uses, remakes } = fields.tmp();
    let unsure = fields.concerned() | !fields.allocated();
    let others = !traps & (control & !known | !control & unsure) | branches_if & d27;
    let links = b3.is(0xff, 0xaa) & b2.is(0xff, 0x1e) & link & b0.is(0xff, 0xe3);
    Kinds {
        branches: branches.to_bitmask(),
        branches_if: branches_if.to_bitmask(),
        calls: calls.to_bitmask(),
        register_calls: register_calls.to_bitmask(),
        register_jumps: register_jumps.to_bitmask(),
        returns: returns.to_bitmask(),
        nops: nops.to_bitmask(),
        traps: traps.to_bitmask(),
        others: others.to_bitmask(),
        makes_tmp: makes.to_bitmask(),
        uses_tmp: (uses | tests & d27).to_bitmask(),
        remakes_tmp: remakes.to_bitmask(),
        links: links.to_bitmask(),
        sp_stores: fields.sp_stores().to_bitmask(),
    }
}

/// The bytes of words, and what several kinds of instructions have in the same bits. Of
/// those that have something else there it says nothing.
#[derive(Clone, Copy)]
struct Fields<S: Simd> {
    /// Bits 7 to 0.
    b0: Plane<S>,
    /// Bits 15 to 8.
    b1: Plane<S>,
    /// Bits 23 to 16.
    b2: Plane<S>,
    /// Bits 31 to 24.
    b3: Plane<S>,
    /// Rd or Rt is 27; 31; 27 to 30.
    d27: mask8x64<S>,
    d31: mask8x64<S>,
    special: mask8x64<S>,
    /// Rn is at least 28; 27, 29 or 31.
    n28: mask8x64<S>,
    n27: mask8x64<S>,
    n29: mask8x64<S>,
    n31: mask8x64<S>,
    /// Ra or Rt2 is 27; 27 to 30, or 31 in a load.
    a27: mask8x64<S>,
    second: mask8x64<S>,
    /// Rm or Rs is 27.
    m27: mask8x64<S>,
    /// Of accesses, a load; bit 22.
    load: mask8x64<S>,
    /// Of pairs, a load of one register twice, which is not defined.
    twice: mask8x64<S>,
}

/// What makes and uses R27: [`Kinds::makes_tmp`] and the following.
struct Tmp<S: Simd> {
    makes: mask8x64<S>,
    uses: mask8x64<S>,
    remakes: mask8x64<S>,
}

impl<S: Simd> Fields<S> {
    #[inline(always)]
    fn of([b0, b1, b2, b3]: [Plane<S>; 4]) -> Self {
        let d31 = b0.is(0x1f, 31);
        // The bits of Rn are in two bytes.
        let n24 = b1.is(0x03, 0x03);
        let load = b2.has(0x40);
        Self {
            b0,
            b1,
            b2,
            b3,
            d27: b0.is(0x1f, 27),
            d31,
            special: b0.reaches(0x1f, 27) & !d31,
            n28: n24 & b0.has(0x80),
            n27: n24 & b0.is(0xe0, 0x60),
            n29: n24 & b0.is(0xe0, 0xa0),
            n31: n24 & b0.is(0xe0, 0xe0),
            a27: b1.is(0x7c, 27 << 2),
            second: b1.reaches(0x7c, 27 << 2) & (load | !b1.is(0x7c, 31 << 2)),
            m27: b2.is(0x1f, 27),
            load,
            twice: {
                let twice = b0.0 + b0.0;
                load & Plane((twice + twice) ^ b1.0).is(0x7c, 0)
            },
        }
    }

    /// What concerns a rule, or may, and is no branch or its like.
    #[inline(always)]
    fn concerned(&self) -> mask8x64<S> {
        let accesses = self.b3.is(0x0a, 0x08);
        self.special | self.n27 | accesses & self.memory() | !accesses & self.data()
    }

    /// Of what is no access.
    #[inline(always)]
    fn data(&self) -> mask8x64<S> {
        let Self { b2, b3, .. } = *self;
        // ADDS, SUBS and ANDS write ZR where Rd is 31: comparisons.
        let immediate = (b3.is(0x3f, 0x31) | b3.is(0x7f, 0x72)) & !b2.has(0x80);
        let extended = !b2.has(0x20) | b2.is(0xe0, 0x20);
        let flags = immediate | b3.is(0x3f, 0x2b) & extended | b3.is(0x7f, 0x6a);
        // EXTR has two sources as well.
        let register = b3.is(0x0e, 0x0a) | b3.is(0x1f, 0x13) & b2.has(0x80);
        // Wide moves that there are not.
        let wide = b3.is(0x1f, 0x12) & b2.has(0x80);
        let reserved = wide & (b3.is(0x60, 0x20) | self.load & !b3.has(0x80));
        let sources = register & (self.m27 | self.a27);
        b3.is(0x18, 0) | self.d31 & !flags | sources | reserved
    }

    /// Of accesses.
    #[inline(always)]
    fn memory(&self) -> mask8x64<S> {
        let Self { b1, b2, b3, d31, n31, load, .. } = *self;
        let (pairs, single, scaled) = (b3.is(0x30, 0x20), b3.is(0x30, 0x30), b3.has(0x01));
        let pair = {
            // An index that is written back or below 0, or a reserved size.
            let odd = b2.has(0xa0) | b3.is(0xc0, 0xc0);
            odd | self.second | n31 & b2.is(0x1f, 0)
        };
        let near = {
            // Of 8 bytes those at offset 0 are near SP, of fewer the first eight.
            let near = b1.is(0xfc, 0) | b1.is(0xe0, 0) & !b3.is(0xc0, 0xc0);
            n31 & !load & b2.is(0x3f, 0) & near
        };
        // All but those by a register.
        let odd = self.n28 | d31 | self.m27 | self.a27 | b2.has(0x20) & !b1.is(0x0c, 0x08);
        let singles = single & (scaled & near | !scaled & odd);
        !b3.has(0x20) | d31 & load | self.n29 | pairs & pair | singles
    }

    /// What is of a group all of whose words are instructions, of what is no branch or its
    /// like. The rest has to be decoded to know whether it is one: [`is_allocated`].
    #[inline(always)]
    fn allocated(&self) -> mask8x64<S> {
        let Self { b1, b2, b3, load, .. } = *self;
        let is_64 = b3.has(0x80);
        let address = b3.is(0x1f, 0x10);
        let add = b3.is(0x1f, 0x11) & !b2.has(0x80);
        let wide = b3.is(0x1f, 0x12) & b2.has(0x80) & (is_64 | !load) & !b3.is(0x60, 0x20);
        let shift = b3.is(0xbf, 0x93) & b2.is(0xc0, 0x40);
        let amount = is_64 | !b1.has(0x80);
        let sum = b3.is(0x1f, 0x0b) & !b2.has(0x20) & !b2.is(0xc0, 0xc0);
        let register = amount & (sum | b3.is(0x1f, 0x0a));
        let reserved = b2.has(0x80) & (b3.has(0x04) & b3.has(0xc0) | is_64 & load);
        let indexed = b3.is(0x3b, 0x38) & b2.has(0x20) & b1.is(0x4c, 0x48);
        let single = (b3.is(0x3b, 0x39) | indexed) & !reserved;
        let pair = b3.is(0x3b, 0x29) & !b3.is(0xc0, 0xc0) & !self.twice;
        // Bit masks of elements of 64 bits and of 32, of which none has all bits.
        let elements = load & is_64 & b1.reaches(0xfc, 0xfc) | !load & b1.reaches(0xfc, 0x7c);
        let mask = b3.is(0x1f, 0x12) & !b2.has(0x80) & (load & is_64 | !load) & !elements;
        let extended = b3.is(0x1f, 0x0b) & b2.is(0xe0, 0x20) & !b1.reaches(0x1c, 0x14);
        let select = b3.is(0x3f, 0x1a) & b2.is(0xe0, 0x80) & !b1.has(0x08);
        address | add | wide | shift | register | single | pair | mask | extended | select
    }

    /// [`Kinds::sp_stores`].
    #[inline(always)]
    fn sp_stores(&self) -> mask8x64<S> {
        let Self { b2, b3, n31, load, .. } = *self;
        let single = b3.is(0x3b, 0x39);
        let pair = b3.is(0x3b, 0x29) & !b2.has(0x80);
        n31 & !load & (single | pair)
    }

    #[inline(always)]
    fn tmp(&self) -> Tmp<S> {
        let Self { b1, b2, b3, d27, d31, special, n27, load, .. } = *self;
        let is_64 = b3.has(0x80);
        let plain = !special & !(d31 & load);
        // Of registers and vectors, sizes that there are.
        let reserved = b2.has(0x80) & (b3.has(0x04) & b3.has(0xc0) | is_64 & load);
        let access = b3.is(0x3b, 0x39) & !reserved;
        let from_memory = access & load & !b3.has(0x04);
        let pair = b3.is(0x7f, 0x29) & !b2.has(0x80) & !self.second & !self.twice;
        let add = b3.is(0x1f, 0x11) & !b2.has(0x80);
        // Of 32 bits the upper halves are reserved.
        let wide = b2.has(0x80) & (is_64 | !load);
        let insert = wide & b3.is(0x7f, 0x72);
        let shift = b3.is(0xbf, 0x93) & b2.is(0xc0, 0x40);
        // By a register that may be shifted, by as much as there are bits: where Rd or Rn is
        // 31, that is ZR. Additions do not rotate.
        let amount = is_64 | !b1.has(0x80);
        let sum = b3.is(0x1f, 0x0b) & !b2.has(0x20) & !b2.is(0xc0, 0xc0);
        let register = amount & (sum | b3.is(0x1f, 0x0a)) & (n27 | self.m27);

        let address = b3.is(0x1f, 0x10) | b3.is(0x3f, 0x12) & wide | b3.is(0xbf, 0x18);
        let other = add | shift | from_memory & !self.n31 & !self.n29;
        let remakes = d27 & (n27 & (from_memory | add) | register | insert);
        let by_base = n27 & (plain & (access | pair) | add & !special & !d31);
        Tmp {
            makes: d27 & (address | other & !n27),
            uses: by_base | register & !special | remakes,
            remakes,
        }
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

/// Whether planes are faster than one word after the other: they are where a vector has 64
/// bytes and a comparison gives 64 bits. With AVX2 they took twice as long.
#[inline(always)]
fn has_planes<S: Simd>(simd: S) -> bool {
    match simd.level() {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Level::Avx512(_) => true,
        _ => false,
    }
}

/// Sorts words one after the other. It does not know what makes and uses R27.
#[inline(never)]
pub(crate) fn sort_singly(words: &[Word; WORDS]) -> Kinds {
    let mut kinds = Kinds::default();
    for (bit, &word) in words.iter().enumerate() {
        kinds.sp_stores |= u64::from(is_sp_store(word)) << bit;
        let by_register = |base: u32| word.get() & 0xffff_fc1f == base;
        let set = match kind(word) {
            _ if word == LINK => &mut kinds.links,
            _ if !is_event(word) && !is_followed(word) && is_allocated(word) => continue,
            Kind::Branch => &mut kinds.branches,
            Kind::BranchIf => {
                kinds.others |= u64::from(word.get() & 31 == 27) << bit;
                &mut kinds.branches_if
            }
            Kind::Call => &mut kinds.calls,
            Kind::Other if word == RETURN => &mut kinds.returns,
            Kind::Other if word == NOP => &mut kinds.nops,
            Kind::Other if is_trap(word) => &mut kinds.traps,
            Kind::Other if by_register(0xd63f_0000) && word.get() >> 5 & 31 != 27 => {
                &mut kinds.register_calls
            }
            Kind::Other if by_register(0xd61f_0000) => &mut kinds.register_jumps,
            Kind::Other => &mut kinds.others,
        };
        *set |= 1 << bit;
    }
    kinds
}

/// Whether a word is a branch or its like, or of a group all of whose words are instructions.
const fn is_allocated(word: Word) -> bool {
    let word = word.get();
    let (top, opcode) = (word >> 24, word >> 22 & 3);
    let is_64 = word >> 31 == 1;
    let is_reserved =
        opcode >= 2 && (top & 0x04 != 0 && top & 0xc0 != 0 || is_64 && opcode & 1 == 1);
    match top & 0x1f {
        0x14..=0x17 => true,
        0x10 => true,
        0x11 => opcode < 2,
        0x12 if opcode >= 2 => (is_64 || opcode == 2) && top >> 5 & 3 != 1,
        // Bit masks of elements of 64 bits and of 32, of which none has all bits.
        0x12 if opcode == 1 => is_64 && word >> 10 & 0x3f != 0x3f,
        0x12 => word >> 10 & 0x3f < 0x1f,
        0x13 => top & 0xbf == 0x93 && opcode == 1,
        0x0a => is_64 || word >> 15 & 1 == 0,
        0x0b if word >> 21 & 7 == 1 => word >> 10 & 7 <= 4,
        0x1a if top & 0x3f == 0x1a => word >> 21 & 7 == 4 && word >> 11 & 1 == 0,
        0x0b => word >> 21 & 1 == 0 && opcode != 3 && (is_64 || word >> 15 & 1 == 0),
        // A pair is loaded into two registers.
        0x09 | 0x0d if top & 0x3b == 0x29 => {
            top >> 6 != 3 && (opcode & 1 == 0 || word & 31 != word >> 10 & 31)
        }
        0x19 | 0x1d if top & 0x3b == 0x39 => !is_reserved,
        0x18 | 0x1c if top & 0x3b == 0x38 => {
            !is_reserved && word >> 21 & 1 == 1 && word >> 8 & 0x4c == 0x48
        }
        _ => false,
    }
}

/// Whether a word is one of [`Kinds::sp_stores`].
const fn is_sp_store(word: Word) -> bool {
    let word = word.get();
    let is_single = word >> 24 & 0x3b == 0x39;
    let is_pair = word >> 24 & 0x3b == 0x29 && word >> 23 & 1 == 0;
    word >> 5 & 31 == 31 && word >> 22 & 1 == 0 && (is_single || is_pair)
}

/// Whether a plain word is one in which the analysis, which decodes each, sees more: an access by R29, or one that can be of LR or R29 for it; instructions some of
/// whose registers are not in their fields.
pub(crate) fn is_followed(word: Word) -> bool {
    let word = word.get();
    let names = |low: u32| matches!(word >> low & 31, 29 | 30);
    let is_system = word >> 24 == 0xd5;
    let is_structure = word & 0x3e00_0000 == 0x0c00_0000;
    let is_atomic = word & 0x3b20_0000 == 0x3820_0000 && word >> 10 & 3 != 0b10;
    let is_pair = word & 0x3a00_0000 == 0x2800_0000;
    let is_access = word >> 25 & 0b101 == 0b100;
    let is_by_fp = word >> 5 & 31 == 29;
    is_system
        || is_access && (is_by_fp || is_structure || is_atomic || names(0) || is_pair && names(10))
}
