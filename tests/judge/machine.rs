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
//! machine gives, and the same way whenever it calls the test the same. In front of and
//! behind each of 16,000 more, loads and stores of all the forms in `access` in 400
//! straight lines, V0 to V31 were the same as well.

mod access;

use crate::memory::{Memory, garbage};

/// SP at the entry.
pub(crate) const CFA: u64 = 0x7000_0000_0000;

/// R29 at the entry, and where the caller keeps its own caller's: the word below its SP
/// (`cmd/compile/abi-internal.md`).
pub(crate) const CALLER_FP: u64 = CFA - 8;

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
    /// V0 to V31. An injected call saves and restores them (`runtime/preempt_arm64.s`).
    pub(crate) v: [u128; 32],
    /// What R27 holds unless this function wrote it: nobody's loss.
    pub(crate) unknown_tmp: u64,
    /// The stack, and what else is stored to.
    pub(crate) memory: Memory,
    /// Whether a store through another register than SP and R29 changed a word that held
    /// the return address or the caller's R29, or one of the two that the caller keeps there.
    pub(crate) is_astray: bool,
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

/// The instruction at an address, if one can be there.
pub(crate) fn index_of(address: usize) -> Option<usize> {
    let distance = address.checked_sub(CODE as usize)?;
    distance.is_multiple_of(4).then_some(distance / 4)
}

fn entry_registers() -> [u64; 31] {
    let mut x = std::array::from_fn(|register| garbage(register as u64, NOBODY));
    x[29] = CALLER_FP;
    x[30] = RETURN_ADDRESS;
    x
}

/// What the vector registers hold whose content nobody knows: another number each.
fn unknown_vectors(owner: u64) -> [u128; 32] {
    let [high, low] = [100, 101].map(|half| u128::from(garbage(half, owner)));
    std::array::from_fn(|register| high << 64 | low ^ register as u128)
}

impl Machine {
    /// The machine at the entry of a function: Go's ABI (`cmd/compile/abi-internal.md`).
    /// What the caller saved at CFA - 8 and CFA is garbage to this function.
    pub(crate) fn at_entry() -> Self {
        let x = entry_registers();
        let flags = garbage(31, NOBODY);
        let (v, memory) = (unknown_vectors(NOBODY), Memory::default());
        Self { pc: 0, sp: CFA, flags, x, v, unknown_tmp: x[27], memory, is_astray: false }
    }

    /// A called function ran and returned behind the call.
    pub(crate) fn come_back_from_call(&mut self) {
        let owner = address_of(self.pc);
        for register in 0..28 {
            self.x[register] = garbage(register as u64, owner);
        }
        self.v = unknown_vectors(owner);
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
        let (g, fp, lr) = (self.x[28], self.x[29], self.x[3]);
        self.x = entry_registers();
        (self.x[28], self.x[29], self.x[30]) = (g, fp, lr);
        self.v = unknown_vectors(NOBODY);
        self.unknown_tmp = self.x[27];
        self.flags = garbage(31, NOBODY);
        self.memory.forget_below(self.sp.wrapping_sub(8));
        self.pc += 1;
    }

    /// Whether R28 is `g`, as at the entry.
    pub(crate) fn has_g(&self) -> bool {
        self.x[28] == garbage(28, NOBODY)
    }

    /// Whether a word of the caller is as it was at the entry.
    pub(crate) fn keeps(&self, place: u64) -> bool {
        self.memory.read(place, 8) == garbage(place, NOBODY)
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
}
