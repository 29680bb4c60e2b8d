//! A machine that runs the instructions of prologues and epilogues, written from
//! the Arm ARM (DDI 0487, C6.2) without a look at the encoder: what it does not
//! know, it refuses.

use std::collections::BTreeMap;
use unwind::Word;

/// The value of SP at entry.
pub(crate) const CFA: u64 = 0x7000_0000_0000;

/// Registers and memory.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    /// R0 to R30, and SP as 31.
    pub(crate) registers: [u64; 32],
    /// 8-byte words by address.
    pub(crate) memory: BTreeMap<u64, u64>,
}

impl Machine {
    /// A machine at the entry of a function.
    pub(crate) fn new() -> Self {
        let mut registers = [0x1111_1111_1111_1111; 32];
        registers[29] = CFA - 8;
        registers[30] = 0x4000;
        registers[31] = CFA;
        Self { registers, memory: BTreeMap::new() }
    }

    /// A source where 31 is ZR.
    fn zr(&self, register: u32) -> u64 {
        if register == 31 { 0 } else { self.registers[register as usize] }
    }

    /// Runs one instruction; `true` for RET.
    pub(crate) fn step(&mut self, word: Word) -> bool {
        let w = word.get();
        let (d, n, m) = (w & 31, w >> 5 & 31, w >> 16 & 31);
        let half = (w >> 21 & 3) * 16;
        let imm16 = u64::from(w >> 5 & 0xffff) << half;
        let sp = |machine: &Self, r: u32| machine.registers[r as usize];
        match w {
            // ADD, SUB (immediate)
            _ if w & 0xbf80_0000 == 0x9100_0000 => {
                let imm = u64::from(w >> 10 & 0xfff) << if w >> 22 & 1 == 1 { 12 } else { 0 };
                let imm = if w >> 30 & 1 == 1 { imm.wrapping_neg() } else { imm };
                self.registers[d as usize] = sp(self, n).wrapping_add(imm);
            }
            // ADD, SUB (extended register), UXTX #0
            _ if w & 0xbfe0_fc00 == 0x8b20_6000 => {
                let by = self.zr(m);
                let by = if w >> 30 & 1 == 1 { by.wrapping_neg() } else { by };
                self.registers[d as usize] = sp(self, n).wrapping_add(by);
            }
            // MOVZ, MOVK (64-bit)
            _ if w & 0xff80_0000 == 0xd280_0000 => self.registers[d as usize] = imm16,
            _ if w & 0xff80_0000 == 0xf280_0000 => {
                let register = &mut self.registers[d as usize];
                *register = *register & !(0xffff << half) | imm16;
            }
            // ORR (immediate) of ZR, N = 1: a run of imms + 1 ones, rotated.
            _ if w & 0xffc0_03e0 == 0xb240_03e0 => {
                let ones = (w >> 10 & 63) + 1;
                self.registers[d as usize] = (u64::MAX >> (64 - ones)).rotate_right(w >> 16 & 63);
            }
            // STP, LDP (signed offset, 64-bit)
            _ if w & 0xff80_0000 == 0xa900_0000 => {
                let offset = i64::from((w << 10).cast_signed() >> 25) * 8;
                let at = sp(self, n).wrapping_add_signed(offset);
                let second = w >> 10 & 31;
                if w >> 22 & 1 == 1 {
                    self.registers[d as usize] = self.memory[&at];
                    self.registers[second as usize] = self.memory[&(at + 8)];
                } else {
                    self.memory.insert(at, self.zr(d));
                    self.memory.insert(at + 8, self.zr(second));
                }
            }
            // STUR, LDUR, and STR, LDR with pre- and post-index (64-bit)
            _ if w & 0xffa0_0000 == 0xf800_0000 => {
                let offset = i64::from((w << 11).cast_signed() >> 23);
                let base = sp(self, n);
                let moved = base.wrapping_add_signed(offset);
                let (at, back) = match w >> 10 & 3 {
                    0b00 => (moved, base),
                    0b01 => (base, moved),
                    0b11 => (moved, moved),
                    _ => panic!("{word} is not known"),
                };
                self.registers[n as usize] = back;
                if w >> 22 & 1 == 1 {
                    self.registers[d as usize] = self.memory[&at];
                } else {
                    self.memory.insert(at, self.zr(d));
                }
            }
            0xd503_201f => {}
            // BL: another function runs and returns, having used what it may.
            _ if w & 0xfc00_0000 == 0x9400_0000 => {
                self.registers[..28].fill(0x2222_2222_2222_2222);
                self.registers[30] = 0x5000;
            }
            0xd65f_03c0 => return true,
            _ => panic!("{word} is not known"),
        }
        assert_eq!(self.registers[31] % 16, 0, "SP loses its alignment at {word}");
        false
    }
}
