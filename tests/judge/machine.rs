//! A machine that executes the few instructions of the functions under test, as
//! their pages in the Arm ARM (DDI 0487, C6.2) say. It shares nothing with the
//! verifier: it has its own decoder, and runs with numbers instead of following
//! values.
//!
//! It was held against qemu-aarch64 7.2 (`-singlestep -d cpu,nochain`): in front of each
//! of 74,603 instructions of 1,836 functions R0 to R30 and SP were the same. 336 of the
//! functions are what the policies make of frames of 16 bytes to 1 GiB on linux and
//! ios; the others are 40 instructions each, of all the forms below with fields at
//! random, through a stack full of zeros. Branches went one of the two ways that the
//! machine gives, and the same way whenever it calls the test the same.

use crate::memory::{Memory, garbage};

/// SP at the entry.
pub(crate) const CFA: u64 = 0x7000_0000_0000;

/// The return address: LR at the entry.
pub(crate) const RETURN_ADDRESS: u64 = 0x40_1234;

/// The address of the first instruction.
const CODE: u64 = 0x10_0000;

/// Who writes garbage: nobody yet.
const NOBODY: u64 = 0;

/// Registers, flags and memory in front of an instruction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Machine {
    /// The instruction, by its index.
    pub(crate) pc: usize,
    /// SP.
    pub(crate) sp: u64,
    /// What the flags were computed from, as one number.
    pub(crate) flags: u64,
    /// R0 to R30.
    pub(crate) x: [u64; 31],
    /// What R27 holds unless this function wrote it: nobody's loss.
    pub(crate) unknown_tmp: u64,
    /// The stack, and what else is stored to.
    pub(crate) memory: Memory,
}

/// A decision that a conditional branch makes: the same for the same `key`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Test {
    /// What is tested.
    pub(crate) key: u64,
    /// Which result makes the branch.
    pub(crate) sense: bool,
}

/// Where execution goes on. The index behind a branch out of the function is of
/// no instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    /// Behind the instruction.
    Behind,
    /// At the target of a branch.
    To(usize),
    /// At either, as the test says.
    Either(Test, usize),
    /// In another function, which returns.
    Call,
    /// At another function: its place is an address, which is no index.
    Return(usize),
    /// The program ends.
    Trap,
    /// Not known: the instruction is none of those that are.
    Unknown,
}

/// The bits of a word from `high` down to `low`.
pub(crate) fn bits(word: u32, high: u32, low: u32) -> u32 {
    word >> low & (u32::MAX >> (31 - (high - low)))
}

fn signed_bits(word: u32, high: u32, low: u32) -> i64 {
    let unsigned = i64::from(bits(word, high, low));
    let sign = 1_i64 << (high - low);
    (unsigned ^ sign) - sign
}

/// Whether the word is BL or BLR.
pub(crate) fn is_call(word: u32) -> bool {
    word & 0xfc00_0000 == 0x9400_0000 || word & 0xffff_fc1f == 0xd63f_0000
}

/// Whether the word is UDF or BRK.
pub(crate) fn is_trap(word: u32) -> bool {
    word & 0xffff_0000 == 0 || word & 0xffe0_001f == 0xd420_0000
}

/// The address of an instruction.
pub(crate) fn address_of(index: usize) -> u64 {
    CODE + 4 * index as u64
}

fn entry_registers() -> [u64; 31] {
    let mut x = std::array::from_fn(|register| garbage(register as u64, NOBODY));
    x[29] = CFA - 8;
    x[30] = RETURN_ADDRESS;
    x
}

impl Machine {
    /// The machine at the entry of a function: Go's ABI (`cmd/compile/abi-internal.md`).
    /// What the caller saved at CFA - 8 and CFA is garbage to this function.
    pub(crate) fn at_entry() -> Self {
        let x = entry_registers();
        let flags = garbage(31, NOBODY);
        Self { pc: 0, sp: CFA, flags, x, unknown_tmp: x[27], memory: Memory::default() }
    }

    /// A called function ran and returned behind the call.
    pub(crate) fn come_back_from_call(&mut self) {
        let owner = address_of(self.pc);
        for register in 0..28 {
            self.x[register] = garbage(register as u64, owner);
        }
        self.unknown_tmp = self.x[27];
        self.flags = garbage(31, owner);
        self.memory.lose_below(self.sp.wrapping_sub(8), owner);
        self.pc += 1;
        self.x[30] = address_of(self.pc);
    }

    /// morestack ran and returned behind its call, with another stack. Registers
    /// hold what they held at the entry, which is garbage as well: so that behind
    /// the branch to the entry nothing is new.
    pub(crate) fn come_back_from_morestack(&mut self) {
        let (fp, lr) = (self.x[29], self.x[3]);
        self.x = entry_registers();
        (self.x[29], self.x[30]) = (fp, lr);
        self.unknown_tmp = self.x[27];
        self.flags = garbage(31, NOBODY);
        self.memory.forget_below(self.sp.wrapping_sub(8));
        self.pc += 1;
    }

    fn or_sp(&mut self, register: u32) -> &mut u64 {
        self.x.get_mut(register as usize).unwrap_or(&mut self.sp)
    }

    fn or_zero(&self, register: u32) -> u64 {
        self.x.get(register as usize).copied().unwrap_or(0)
    }

    fn set(&mut self, register: u32, value: u64) {
        if let Some(known) = self.x.get_mut(register as usize) {
            *known = value;
        }
    }

    fn branch(&self, word: u32, high: u32, low: u32) -> usize {
        // Before the entry is outside, as is behind the end.
        let distance = signed_bits(word, high, low) as isize;
        self.pc.checked_add_signed(distance).unwrap_or(usize::MAX)
    }

    /// Executes an instruction but for the change of `pc`.
    pub(crate) fn execute(&mut self, word: u32) -> Next {
        match bits(word, 28, 25) {
            _ if is_trap(word) => Next::Trap,
            0b1000 | 0b1001 => self.immediate(word),
            0b1010 | 0b1011 => self.flow(word),
            0b0101 | 0b1101 => self.registers(word),
            0b0100 | 0b0110 | 0b1100 | 0b1110 => self.access(word),
            _ => Next::Unknown,
        }
    }

    /// Branches, exceptions and hints (C4.1.65).
    fn flow(&self, word: u32) -> Next {
        let rn = bits(word, 9, 5);
        match word {
            0xd503_201f => Next::Behind, // NOP
            _ if is_call(word) => Next::Call,
            _ if word & 0xffff_fc1f == 0xd65f_0000 => Next::Return(self.or_zero(rn) as usize), // RET
            _ if word & 0xfc00_0000 == 0x1400_0000 => Next::To(self.branch(word, 25, 0)),      // B
            // B.cond: the lowest bit of a condition inverts it, but for AL and NV.
            _ if word & 0xff00_0010 == 0x5400_0000 => {
                let to = self.branch(word, 23, 5);
                if bits(word, 3, 1) == 0b111 {
                    return Next::To(to);
                }
                let key = garbage(self.flags, u64::from(bits(word, 3, 1)));
                Next::Either(Test { key, sense: bits(word, 0, 0) == 0 }, to)
            }
            // CBZ, CBNZ.
            _ if word & 0x7e00_0000 == 0x3400_0000 => {
                let tested = self.or_zero(bits(word, 4, 0));
                let tested = if bits(word, 31, 31) == 1 { tested } else { tested & 0xffff_ffff };
                let test = Test { key: garbage(tested, 100), sense: bits(word, 24, 24) == 0 };
                Next::Either(test, self.branch(word, 23, 5))
            }
            // TBZ, TBNZ.
            _ if word & 0x7e00_0000 == 0x3600_0000 => {
                let bit = bits(word, 31, 31) << 5 | bits(word, 23, 19);
                let key = garbage(self.or_zero(bits(word, 4, 0)), 200 + u64::from(bit));
                let test = Test { key, sense: bits(word, 24, 24) == 0 };
                Next::Either(test, self.branch(word, 18, 5))
            }
            _ => Next::Unknown,
        }
    }

    /// Data processing with an immediate (C4.1.64), of 64 bits.
    fn immediate(&mut self, word: u32) -> Next {
        let (rd, rn) = (bits(word, 4, 0), bits(word, 9, 5));
        let shift = 16 * bits(word, 22, 21);
        let half = u64::from(bits(word, 20, 5)) << shift;
        match word & 0xff80_0000 {
            0x9280_0000 => self.set(rd, !half), // MOVN
            0xd280_0000 => self.set(rd, half),  // MOVZ
            0xf280_0000 => {
                let kept = self.or_zero(rd) & !(0xffff << shift); // MOVK
                self.set(rd, kept | half);
            }
            // ORR (immediate), elements of 64 bits: a run of ones, rotated right.
            // 64 ones are UNDEFINED.
            0xb200_0000 if bits(word, 22, 22) == 1 => {
                if bits(word, 15, 10) == 63 {
                    return Next::Trap;
                }
                let ones = u64::MAX >> (63 - bits(word, 15, 10));
                *self.or_sp(rd) = self.or_zero(rn) | ones.rotate_right(bits(word, 21, 16));
            }
            // ADD, ADDS, SUB, SUBS.
            0x9100_0000 | 0xb100_0000 | 0xd100_0000 | 0xf100_0000 => {
                let imm = u64::from(bits(word, 21, 10)) << (12 * bits(word, 22, 22));
                let first = *self.or_sp(rn);
                self.add_or_subtract(word, first, imm, true);
            }
            _ => return Next::Unknown,
        }
        Next::Behind
    }

    /// Data processing of registers (C4.1.68), of 64 bits.
    fn registers(&mut self, word: u32) -> Next {
        let (rd, rn, rm) = (bits(word, 4, 0), bits(word, 9, 5), bits(word, 20, 16));
        match word {
            // ORR (shifted register), LSL #0.
            _ if word & 0xffe0_fc00 == 0xaa00_0000 => {
                self.set(rd, self.or_zero(rn) | self.or_zero(rm));
            }
            // ADD, SUB (extended register): a shift above 4 is UNDEFINED.
            _ if word & 0x9fe0_0000 == 0x8b20_0000 && bits(word, 12, 10) > 4 => return Next::Trap,
            // With UXTX and SXTX.
            _ if word & 0x9fe0_6000 == 0x8b20_6000 => {
                let second = self.or_zero(rm) << bits(word, 12, 10);
                let first = *self.or_sp(rn);
                self.add_or_subtract(word, first, second, true);
            }
            // ADD, SUB (shifted register), LSL.
            _ if word & 0x9fe0_0000 == 0x8b00_0000 => {
                let second = self.or_zero(rm) << bits(word, 15, 10);
                self.add_or_subtract(word, self.or_zero(rn), second, false);
            }
            _ => return Next::Unknown,
        }
        Next::Behind
    }

    fn add_or_subtract(&mut self, word: u32, first: u64, second: u64, to_sp: bool) {
        let subtracts = bits(word, 30, 30);
        let second_or_minus = if subtracts == 1 { second.wrapping_neg() } else { second };
        let sum = first.wrapping_add(second_or_minus);
        let sets_flags = bits(word, 29, 29) == 1;
        if sets_flags {
            self.flags = garbage(first, garbage(second, u64::from(subtracts)));
        }
        // Where flags are set, 31 is ZR.
        if to_sp && !sets_flags {
            *self.or_sp(bits(word, 4, 0)) = sum;
        } else {
            self.set(bits(word, 4, 0), sum);
        }
    }

    /// Loads and stores (C4.1.66): LDP and STP of 64 bits; LDR, STR, LDUR and STUR
    /// of any width, without sign.
    fn access(&mut self, word: u32) -> Next {
        let mode = match word {
            // LDP, STP: post-index, offset, pre-index; 0b00 is the one without
            // temporal hint.
            _ if word & 0xfe00_0000 == 0xa800_0000 => match bits(word, 24, 23) {
                0b01 => Mode::Post,
                0b11 => Mode::Pre,
                _ => Mode::Offset,
            },
            // LDR, STR (unsigned offset).
            _ if word & 0x3f80_0000 == 0x3900_0000 => {
                let bytes = 1 << bits(word, 31, 30);
                let offset = i64::from(bits(word, 21, 10)) * i64::from(bytes);
                return self.transfer(word, &[bits(word, 4, 0)], bytes, offset, Mode::Offset);
            }
            // LDR, STR of 9 bits of offset: LDUR, post-index, unprivileged, pre-index.
            _ if word & 0x3fa0_0000 == 0x3800_0000 => {
                let mode = match bits(word, 11, 10) {
                    0b00 => Mode::Offset,
                    0b01 => Mode::Post,
                    0b11 => Mode::Pre,
                    _ => return Next::Unknown,
                };
                let (bytes, offset) = (1 << bits(word, 31, 30), signed_bits(word, 20, 12));
                return self.transfer(word, &[bits(word, 4, 0)], bytes, offset, mode);
            }
            _ => return Next::Unknown,
        };
        let registers = [bits(word, 4, 0), bits(word, 14, 10)];
        self.transfer(word, &registers, 8, signed_bits(word, 21, 15) * 8, mode)
    }

    fn transfer(
        &mut self,
        word: u32,
        registers: &[u32],
        bytes: u32,
        offset: i64,
        mode: Mode,
    ) -> Next {
        let (rn, is_load) = (bits(word, 9, 5), bits(word, 22, 22) == 1);
        let writes_back = mode != Mode::Offset;
        // CONSTRAINED UNPREDICTABLE (K1.2).
        let twice = matches!(registers, [first, second] if first == second);
        let clash = writes_back && rn != 31 && registers.contains(&rn);
        if clash || (is_load && twice) {
            return Next::Unknown;
        }
        let base = *self.or_sp(rn);
        let moved = base.wrapping_add_signed(offset);
        let mut at = if mode == Mode::Post { base } else { moved };
        for &register in registers {
            if is_load {
                let loaded = self.memory.read(at, bytes);
                self.set(register, loaded);
            } else {
                self.memory.write(at, bytes, self.or_zero(register));
            }
            at = at.wrapping_add(u64::from(bytes));
        }
        if writes_back {
            *self.or_sp(rn) = moved;
        }
        Next::Behind
    }
}

/// How an access uses its base register.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Offset,
    Pre,
    Post,
}
