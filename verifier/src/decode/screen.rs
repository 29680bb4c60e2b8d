//! A screen before the decoder: most words of a program neither write SP nor
//! branch, and a look at eleven bits shows it.

use unwind::Word;

/// What a screen of a word shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Screen {
    /// It neither writes SP nor changes control flow; a call returns.
    Plain,
    /// It has to be decoded.
    Decode,
}

/// What the top eleven bits say of a word.
#[derive(Clone, Copy)]
enum Class {
    Plain,
    /// It may write SP if its destination, bits 4 to 0, is 31.
    Destination,
    /// It may write SP if its base, bits 9 to 5, is 31.
    Base,
    Decode,
}

/// A class as a test without branches: the word has to be decoded if those of
/// its bits that are in the mask have this value.
#[derive(Clone, Copy)]
struct Pattern {
    mask: u16,
    value: u16,
}

/// Screens a word.
#[inline(always)]
#[must_use]
pub fn screen(word: Word) -> Screen {
    let word = word.get();
    let Pattern { mask, value } = TABLE[(word >> 21) as usize];
    if word as u16 & mask == value { Screen::Decode } else { Screen::Plain }
}

static TABLE: [Pattern; 2048] = {
    let mut table = [Pattern { mask: 0, value: 0 }; 2048];
    let mut top = 0;
    while top < 2048 {
        table[top as usize] = match classify(top << 21) {
            Class::Plain => Pattern { mask: 0, value: 1 },
            Class::Destination => Pattern { mask: 0x1f, value: 0x1f },
            Class::Base => Pattern { mask: 0x1f << 5, value: 0x1f << 5 },
            Class::Decode => Pattern { mask: 0, value: 0 },
        };
        top += 1;
    }
    table
};

/// The class of all words with these top eleven bits.
const fn classify(word: u32) -> Class {
    use super::{bit, field};
    match field(word, 28, 25) {
        // SVE: the forms that write SP have 0x04 on top and bit 21 set.
        0b0010 if field(word, 31, 24) == 4 && bit(word, 21) => Class::Destination,
        0b0010 => Class::Plain,
        0b1000 | 0b1001 => match field(word, 25, 23) {
            // Additions that set flags write ZR. Tagged additions too have
            // bit 29 clear.
            0b010 if bit(word, 29) => Class::Plain,
            0b010 | 0b011 => Class::Destination,
            0b100 if field(word, 30, 29) == 0b11 => Class::Plain,
            0b100 => Class::Destination,
            0b101 if field(word, 30, 29) == 0b01 => Class::Decode,
            // A 32-bit wide move has only two halves.
            0b101 if !bit(word, 31) && bit(word, 22) => Class::Decode,
            _ => Class::Plain,
        },
        0b1010 | 0b1011 => branch(word),
        0b0101 | 0b1101 => match (bit(word, 28), bit(word, 24), bit(word, 21)) {
            (false, true, true) if bit(word, 29) && field(word, 23, 22) == 0 => Class::Plain,
            (false, true, true) | (true, ..) => Class::Destination,
            _ => Class::Plain,
        },
        0b0100 | 0b0110 | 0b1100 | 0b1110 => memory(word),
        0b0111 | 0b1111 if word >> 21 == super::GO_UNDEF >> 21 => Class::Decode,
        0b0111 | 0b1111 => Class::Plain,
        _ => Class::Decode,
    }
}

const fn branch(word: u32) -> Class {
    use super::{bit, field};
    match field(word, 31, 24) {
        // BL.
        0b1001_0100..=0b1001_0111 => Class::Plain,
        // BLR, also with authentication, if it is a known form.
        0b1101_0110 | 0b1101_0111 => Class::Decode,
        // SVC and its like, BRK: rare enough to be decoded. MRS (bit 21) is not.
        0b1101_0101 if bit(word, 21) => Class::Plain,
        _ => Class::Decode,
    }
}

const fn memory(word: u32) -> Class {
    use super::{bit, field};
    match field(word, 29, 28) {
        0b00 if bit(word, 26) && bit(word, 23) => Class::Base,
        0b00 => Class::Plain,
        0b01 if !bit(word, 24) => Class::Plain,
        0b01 => Class::Decode,
        0b10 if bit(word, 23) => Class::Base,
        0b10 => Class::Plain,
        _ if bit(word, 24) => Class::Plain,
        _ => Class::Base,
    }
}
