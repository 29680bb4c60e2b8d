//! What can stand for a load or a store of general registers: two of one register for one
//! of two, the same of vector registers, atomic operations. Encodings are those of the
//! Arm ARM (C6.2, C7.2).

use crate::machine::bits;

/// ZR as an operand.
const ZR: u32 = 31;

/// An LDR, STR, LDP or STP of 64-bit general registers with an immediate.
#[derive(Clone, Copy, Debug)]
struct Access {
    is_load: bool,
    first: u32,
    second: Option<u32>,
    base: u32,
    /// In bytes.
    offset: i32,
    mode: Mode,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    Offset,
    Pre,
    Post,
}

/// The registers of an access: general ones of 8 bytes, vector ones of 8 or 16.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    X,
    D,
    Q,
}

impl Kind {
    const fn bytes(self) -> i32 {
        match self {
            Self::X | Self::D => 8,
            Self::Q => 16,
        }
    }
}

/// Two accesses of one register each that do together what an LDP or STP does, in each
/// order in which they do; and whether the first of the two moves the base.
pub(crate) fn halves(word: u32) -> Vec<([u32; 2], bool)> {
    let Some(access @ Access { second: Some(second), mode, offset, .. }) = Access::of(word) else {
        return Vec::new();
    };
    let one = |register, offset, mode| {
        Access { first: register, second: None, offset, mode, ..access }.encoded(Kind::X)
    };
    let (low, high) = (access.first, second);
    let still = Mode::Offset;
    let orders = match mode {
        Mode::Offset => [
            ([one(low, offset, still), one(high, offset + 8, still)], false),
            ([one(high, offset + 8, still), one(low, offset, still)], false),
        ],
        Mode::Pre => [
            ([one(low, offset, Mode::Pre), one(high, 8, still)], true),
            ([one(high, offset + 8, still), one(low, offset, Mode::Pre)], false),
        ],
        Mode::Post => [
            ([one(high, 8, still), one(low, offset, Mode::Post)], false),
            ([one(low, offset, Mode::Post), one(high, 8 - offset, still)], true),
        ],
    };
    let encoded = |(words, moves): ([Option<u32>; 2], bool)| Some(([words[0]?, words[1]?], moves));
    orders.into_iter().filter_map(encoded).collect()
}

/// Accesses of vector registers in the place of one of general ones: as wide, and of 16
/// bytes each.
pub(crate) fn vectors(word: u32) -> Vec<u32> {
    let Some(access) = Access::of(word) else { return Vec::new() };
    // One of 16 bytes takes the place of two of 8.
    let alone = Access { second: None, ..access };
    let words = [(access, Kind::D), (access, Kind::Q), (alone, Kind::D), (alone, Kind::Q)];
    let mut words: Vec<_> =
        words.into_iter().filter_map(|(access, kind)| access.encoded(kind)).collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// Atomic operations in the place of a store, each through its base: they have no offset.
/// LDADD and SWP, of each register that is stored, loading nothing, R1 or what they stored.
pub(crate) fn atomics(word: u32) -> Vec<u32> {
    const LDADD: u32 = 0x3820_0000;
    const SWP: u32 = 0x3820_8000;
    let Some(access) = Access::of(word).filter(|access| !access.is_load) else {
        return Vec::new();
    };
    let mut words = Vec::new();
    for stored in [Some(access.first), access.second].into_iter().flatten() {
        for loaded in [ZR, 1, stored] {
            for operation in [LDADD, SWP] {
                // Of 4 bytes, of 8, and of 8 with acquire and release.
                for size in [2 << 30, 3 << 30, 3 << 30 | 3 << 22] {
                    words.push(size | operation | stored << 16 | access.base << 5 | loaded);
                }
            }
        }
    }
    words.sort_unstable();
    words.dedup();
    words
}

impl Access {
    fn of(word: u32) -> Option<Self> {
        let signed = |high: u32, low: u32| (word << (31 - high)).cast_signed() >> (31 - high + low);
        let mode = |bits| match bits {
            0b01 => Mode::Post,
            0b11 => Mode::Pre,
            _ => Mode::Offset,
        };
        let (second, offset, mode) = match word {
            // Not those without temporal hint.
            _ if word & 0xfe00_0000 == 0xa800_0000 && bits(word, 24, 23) != 0 => {
                (Some(bits(word, 14, 10)), signed(21, 15) * 8, mode(bits(word, 24, 23)))
            }
            _ if word & 0xff80_0000 == 0xf900_0000 => {
                (None, bits(word, 21, 10).cast_signed() * 8, Mode::Offset)
            }
            // Not the unprivileged ones.
            _ if word & 0xffa0_0000 == 0xf800_0000 && bits(word, 11, 10) != 0b10 => {
                (None, signed(20, 12), mode(bits(word, 11, 10)))
            }
            _ => return None,
        };
        Some(Self {
            is_load: bits(word, 22, 22) == 1,
            first: bits(word, 4, 0),
            second,
            base: bits(word, 9, 5),
            offset,
            mode,
        })
    }

    /// The instruction with registers of a kind, if there is one.
    fn encoded(self, kind: Kind) -> Option<u32> {
        let common = u32::from(self.is_load) << 22 | self.base << 5 | self.first;
        let bytes = kind.bytes();
        let scaled = (self.offset % bytes == 0).then_some(self.offset / bytes);
        match self.second {
            Some(second) => {
                let scaled = scaled.filter(|scaled| (-64..64).contains(scaled))?;
                let opc = match kind {
                    Kind::X => 0xa800_0000,
                    Kind::D => 0x6c00_0000,
                    Kind::Q => 0xac00_0000,
                };
                let mode = match self.mode {
                    Mode::Post => 1 << 23,
                    Mode::Offset => 2 << 23,
                    Mode::Pre => 3 << 23,
                };
                let offset = (scaled.cast_unsigned() & 0x7f) << 15;
                Some(opc | mode | offset | second << 10 | common)
            }
            None => {
                // Size, V and the high bit of opc.
                let size = match kind {
                    Kind::X => 0xf800_0000,
                    Kind::D => 0xfc00_0000,
                    Kind::Q => 0x3c80_0000,
                };
                let unsigned = scaled.filter(|scaled| (0..4096).contains(scaled));
                if let (Mode::Offset, Some(scaled)) = (self.mode, unsigned) {
                    return Some(size | 1 << 24 | scaled.cast_unsigned() << 10 | common);
                }
                let mode = match self.mode {
                    Mode::Offset => 0,
                    Mode::Post => 1 << 10,
                    Mode::Pre => 3 << 10,
                };
                let in_range = (-256..256).contains(&self.offset);
                let offset = (self.offset.cast_unsigned() & 0x1ff) << 12;
                in_range.then_some(size | mode | offset | common)
            }
        }
    }
}

/// Expectations: GNU as 2.40.
#[test]
fn replacements_are_those_of_the_assembler() {
    let halves = |word| halves(word).into_iter().map(|(words, _)| words).collect::<Vec<_>>();
    // stp x29, x30, [x20, #-8]
    let (fp, lr) = (0xf81f_829d, 0xf900_029e); // stur x29, [x20, #-8]; str x30, [x20]
    assert_eq!(halves(0xa93f_fa9d), [[fp, lr], [lr, fp]]);
    // stp x29, x30, [sp, #-32]!
    let (fp, lr) = (0xf81e_0ffd, 0xf900_07fe); // str x29, [sp, #-32]!; str x30, [sp, #8]
    let before = 0xf81e_83fe; // stur x30, [sp, #-24]
    assert_eq!(halves(0xa9be_7bfd), [[fp, lr], [before, fp]]);
    // ldp x29, x30, [sp], #32
    let (fp, lr) = (0xf842_07fd, 0xf940_07fe); // ldr x29, [sp], #32; ldr x30, [sp, #8]
    let behind = 0xf85e_83fe; // ldur x30, [sp, #-24]
    assert_eq!(halves(0xa8c2_7bfd), [[lr, fp], [fp, behind]]);
    assert!(halves(0xf81f_0ffe).is_empty() && halves(0xa820_0440).is_empty());
    // str x30, [sp, #16]: str d30, [sp, #16]; str q30, [sp, #16]
    assert_eq!(vectors(0xf900_0bfe), [0x3d80_07fe, 0xfd00_0bfe]);
    // ldur x29, [sp, #-8]: ldur d29, [sp, #-8]; ldur q29, [sp, #-8]
    assert_eq!(vectors(0xf85f_83fd), [0x3cdf_83fd, 0xfc5f_83fd]);
    // str x30, [sp, #-16]!: str q30, [sp, #-16]!; str d30, [sp, #-16]!
    assert_eq!(vectors(0xf81f_0ffe), [0x3c9f_0ffe, 0xfc1f_0ffe]);
    // stp x1, x2, [sp, #16]: str q1, [sp, #16]; stp d1, d2, [sp, #16]; stp q1, q2,
    // [sp, #16]; str d1, [sp, #16]
    assert_eq!(vectors(0xa901_0be1), [0x3d80_07e1, 0x6d01_0be1, 0xad00_8be1, 0xfd00_0be1]);
    // str x0, [sp, #8], a part of it: stadd, ldadd, swp of [sp]; no load is replaced
    let operations = atomics(0xf900_07e0);
    for expected in [0xf820_03ff, 0xf820_03e1, 0xf820_83e1, 0xb820_83e0, 0xf8e0_83ff] {
        assert!(operations.contains(&expected), "{expected:08x}");
    }
    assert!(operations.len() == 18 && atomics(0xf940_07e0).is_empty(), "{operations:x?}");
}
