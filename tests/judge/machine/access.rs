//! Loads and stores (C4.1.94): LDP and STP of 64 bits, LDR, STR, LDUR and STUR of any
//! width without sign, the same of vector registers (C7.2), and LDADD and SWP.

use super::{CALLER_FP, CFA, Machine, NOBODY, Next, RETURN_ADDRESS, bits, signed_bits};
use crate::memory::garbage;

/// How an access uses its base register.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Offset,
    Pre,
    Post,
}

/// What is loaded or stored.
#[derive(Clone, Copy)]
struct Data {
    is_vector: bool,
    /// Bytes of each register.
    bytes: u32,
}

impl Machine {
    /// Executes a load or a store.
    pub(super) fn access(&mut self, word: u32) -> Next {
        match word {
            _ if word & 0x3a00_0000 == 0x2800_0000 => self.pair(word),
            _ if word & 0x3b00_0000 == 0x3900_0000 => {
                let Some(data) = single(word) else { return Next::Unknown };
                let offset = i64::from(bits(word, 21, 10)) * i64::from(data.bytes);
                self.transfer(word, &[bits(word, 4, 0)], data, offset, Mode::Offset)
            }
            // 9 bits of offset: LDUR, post-index, unprivileged, pre-index.
            _ if word & 0x3b20_0000 == 0x3800_0000 => {
                let mode = match bits(word, 11, 10) {
                    0b00 => Mode::Offset,
                    0b01 => Mode::Post,
                    0b11 => Mode::Pre,
                    _ => return Next::Unknown,
                };
                let Some(data) = single(word) else { return Next::Unknown };
                let offset = signed_bits(word, 20, 12);
                self.transfer(word, &[bits(word, 4, 0)], data, offset, mode)
            }
            // Atomic memory operations, with any ordering.
            _ if word & 0x3f20_fc00 == 0x3820_0000 => self.exchange(word, u64::wrapping_add),
            _ if word & 0x3f20_fc00 == 0x3820_8000 => self.exchange(word, |_, new| new),
            _ => Next::Unknown,
        }
    }

    /// LDP, STP: without temporal hint, post-index, offset, pre-index.
    fn pair(&mut self, word: u32) -> Next {
        let is_vector = bits(word, 26, 26) == 1;
        let bytes = match (is_vector, bits(word, 31, 30)) {
            (false, 0b10) => 8,
            (true, opc @ 0..=2) => 4 << opc,
            _ => return Next::Unknown,
        };
        let mode = match bits(word, 24, 23) {
            0b01 => Mode::Post,
            0b11 => Mode::Pre,
            _ => Mode::Offset,
        };
        let registers = [bits(word, 4, 0), bits(word, 14, 10)];
        let offset = signed_bits(word, 21, 15) * i64::from(bytes);
        self.transfer(word, &registers, Data { is_vector, bytes }, offset, mode)
    }

    fn transfer(
        &mut self,
        word: u32,
        registers: &[u32],
        data: Data,
        offset: i64,
        mode: Mode,
    ) -> Next {
        let (rn, is_load) = (bits(word, 9, 5), bits(word, 22, 22) == 1);
        let writes_back = mode != Mode::Offset;
        // CONSTRAINED UNPREDICTABLE (K1.2).
        let twice = matches!(registers, [first, second] if first == second);
        let clash = writes_back && !data.is_vector && rn != 31 && registers.contains(&rn);
        if clash || (is_load && twice) {
            return Next::Unknown;
        }
        let base = *self.or_sp(rn);
        let moved = base.wrapping_add_signed(offset);
        let mut at = if mode == Mode::Post { base } else { moved };
        let place = at;
        let saved = self.saved_words(place);
        for &register in registers {
            match (is_load, data.is_vector) {
                (true, false) => {
                    let loaded = self.memory.read(at, data.bytes);
                    self.set(register, loaded);
                }
                (false, false) => self.memory.write(at, data.bytes, self.or_zero(register)),
                (true, true) => self.v[register as usize] = self.read_vector(at, data.bytes),
                (false, true) => self.write_vector(at, data.bytes, self.v[register as usize]),
            }
            at = at.wrapping_add(u64::from(data.bytes));
        }
        self.is_astray |= !matches!(rn, 29 | 31) && self.saved_words(place) & saved != saved;
        if writes_back {
            *self.or_sp(rn) = moved;
        }
        Next::Behind
    }

    /// Which of the words that a store to `at` can touch hold what the caller needs again,
    /// a bit each.
    fn saved_words(&self, at: u64) -> u32 {
        let is_saved = |word: &u64| {
            let place = (at & !7).wrapping_add(8 * word);
            let content = self.memory.read(place, 8);
            let is_callers = matches!(place, CALLER_FP | CFA) && content == garbage(place, NOBODY);
            is_callers || content == RETURN_ADDRESS || content == CALLER_FP
        };
        (0..5).filter(is_saved).fold(0, |set, word| set | 1 << word)
    }

    /// What is loaded into a vector register: the bits above become zero.
    fn read_vector(&self, at: u64, bytes: u32) -> u128 {
        if bytes < 16 {
            return self.memory.read(at, bytes).into();
        }
        let high = self.memory.read(at.wrapping_add(8), 8);
        u128::from(high) << 64 | u128::from(self.memory.read(at, 8))
    }

    fn write_vector(&mut self, at: u64, bytes: u32, value: u128) {
        self.memory.write(at, bytes.min(8), value as u64);
        if bytes == 16 {
            self.memory.write(at.wrapping_add(8), 8, (value >> 64) as u64);
        }
    }

    /// An atomic operation: loads into Rt what Rs changes.
    fn exchange(&mut self, word: u32, change: fn(u64, u64) -> u64) -> Next {
        let (rs, rn, rt) = (bits(word, 20, 16), bits(word, 9, 5), bits(word, 4, 0));
        let bytes = 1 << bits(word, 31, 30);
        let at = *self.or_sp(rn);
        // Where it is not aligned it faults, or not, as the implementation chooses (B2.2.1.1);
        // a fault ends the program.
        let (old, saved) = (self.memory.read(at, bytes), self.saved_words(at));
        self.memory.write(at, bytes, change(old, self.or_zero(rs)));
        self.is_astray |= !matches!(rn, 29 | 31) && self.saved_words(at) & saved != saved;
        self.set(rt, old);
        Next::Behind
    }
}

/// What LDR or STR of one register takes, if it is one without sign: opc 0x, or with 16
/// bytes 1x.
fn single(word: u32) -> Option<Data> {
    let (is_vector, size) = (bits(word, 26, 26) == 1, bits(word, 31, 30));
    match (is_vector, bits(word, 23, 23), size) {
        (_, 0, size) => Some(Data { is_vector, bytes: 1 << size }),
        (true, _, 0) => Some(Data { is_vector, bytes: 16 }),
        _ => None,
    }
}
