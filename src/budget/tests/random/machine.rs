//! A machine for operations: what they do, from the Arm ARM, C6.2.

use super::Random;
use super::op::{Mode, Op};

/// SP at entry, as little aligned as it may be, and where no shift of another value comes to.
const SP: u64 = 0x5a5a_0000_0030;

/// What is in registers that were not formed from SP: objects are far away.
const OBJECTS: u64 = 0x20_0000_0000;

/// Executes operations and remembers the deepest byte below SP at entry.
pub(super) struct Machine {
    registers: [u64; 32],
    /// N, Z, C, V.
    flags: [bool; 4],
    pub(super) deepest: u64,
    random: Random,
}

impl Machine {
    pub(super) fn new(mut random: Random) -> Self {
        let mut registers = [0; 32];
        for register in &mut registers {
            *register = match random.below(3) {
                0 => random.below(64),
                1 => OBJECTS + random.below(1 << 20),
                _ => !random.below(1 << 20),
            };
        }
        registers[31] = SP;
        Self { registers, flags: [false; 4], deepest: 0, random }
    }

    /// A register where 31 is SP.
    fn sp(&self, register: u32) -> u64 {
        self.registers[register as usize]
    }

    /// A register where 31 is zero.
    fn zero(&self, register: u32) -> u64 {
        if register == 31 { 0 } else { self.sp(register) }
    }

    fn set(&mut self, register: u32, value: u64) {
        self.registers[register as usize] = value;
        self.touch(self.registers[31]);
    }

    fn touch(&mut self, address: u64) {
        let depth = SP.wrapping_sub(address);
        if depth < 1 << 32 {
            self.deepest = self.deepest.max(depth);
        }
    }

    fn extend(value: u64, option: u32) -> u64 {
        match option {
            0b010 => value & 0xffff_ffff,
            0b110 => i64::from((value as u32).cast_signed()) as u64,
            _ => value,
        }
    }

    fn compare(&mut self, is_wide: bool, left: u64, right: u64) {
        let (left, right, sign) =
            if is_wide { (left, right, 63) } else { (left as u32 as u64, right as u32 as u64, 31) };
        let bits = if is_wide { u64::MAX } else { 0xffff_ffff };
        let result = left.wrapping_sub(right) & bits;
        let bit = |value: u64| value >> sign & 1 == 1;
        let overflow = bit(left) != bit(right) && bit(result) != bit(left);
        self.flags = [bit(result), result == 0, left >= right, overflow];
    }

    /// C1.2.4.
    fn holds(&self, condition: u32) -> bool {
        let [n, z, c, v] = self.flags;
        let holds = match condition >> 1 {
            0 => z,
            1 => c,
            2 => n,
            3 => v,
            4 => c && !z,
            5 => n == v,
            6 => n == v && !z,
            _ => return true,
        };
        holds != (condition & 1 == 1)
    }

    /// Executes one operation and returns by how many it jumps.
    pub(super) fn execute(&mut self, op: Op) -> i32 {
        match op {
            Op::AddImm { sub, rd, rn, imm, shifted } => {
                let imm = u64::from(imm) << if shifted { 12 } else { 0 };
                let imm = if sub { imm.wrapping_neg() } else { imm };
                self.set(rd, self.sp(rn).wrapping_add(imm));
            }
            Op::AddExt { sub, rd, rn, rm, option, shift } => {
                let right = Self::extend(self.zero(rm), option) << shift;
                let right = if sub { right.wrapping_neg() } else { right };
                self.set(rd, self.sp(rn).wrapping_add(right));
            }
            Op::Movz { rd, imm } => self.set(rd, u64::from(imm)),
            Op::Movk { rd, imm } => {
                self.set(rd, self.sp(rd) & !0xffff_0000 | u64::from(imm) << 16);
            }
            Op::Movn { rd, imm } => self.set(rd, !u64::from(imm)),
            Op::AndLow { rd, rn, bits } => self.set(rd, self.zero(rn) & ((1 << bits) - 1)),
            Op::AndHigh { rd, rn, bits } => self.set(rd, self.zero(rn) & !((1 << bits) - 1)),
            Op::Eor { rd, rn, rm } => self.set(rd, self.zero(rn) ^ self.zero(rm)),
            Op::Store { rn, imm, mode } => {
                let moved = self.sp(rn).wrapping_add(i64::from(imm) as u64);
                self.touch(if mode == Mode::Post { self.sp(rn) } else { moved });
                if mode != Mode::Unscaled {
                    self.set(rn, moved);
                }
            }
            Op::LoadByte { rt, rn, imm } => {
                self.touch(self.sp(rn).wrapping_add(i64::from(imm) as u64));
                let byte = self.random.below(256);
                self.set(rt, byte);
            }
            Op::StoreIndexed { rn, rm, option, is_byte, shifted } => {
                let shift = if shifted && !is_byte { 3 } else { 0 };
                let index = Self::extend(self.zero(rm), option) << shift;
                self.touch(self.sp(rn).wrapping_add(index));
            }
            Op::CmpImm { is_wide, rn, imm } => self.compare(is_wide, self.sp(rn), u64::from(imm)),
            Op::CmpReg { is_wide, rn, rm } => self.compare(is_wide, self.zero(rn), self.zero(rm)),
            Op::SubsImm { rd, rn, imm } => {
                self.compare(true, self.sp(rn), u64::from(imm));
                self.set(rd, self.sp(rn).wrapping_sub(u64::from(imm)));
            }
            Op::Lsr { rd, rn, by } => self.set(rd, self.zero(rn) >> by),
            Op::Sxtw { rd, rn } => self.set(rd, Self::extend(self.zero(rn), 0b110)),
            Op::Csel { rd, rn, rm, condition } => {
                self.set(rd, self.zero(if self.holds(condition) { rn } else { rm }));
            }
            Op::BranchIf { condition, by } if self.holds(condition) => return by,
            Op::CompareBranch { is_wide, if_not, rt, by } => {
                let value = self.zero(rt) & if is_wide { u64::MAX } else { 0xffff_ffff };
                if (value == 0) != if_not {
                    return by;
                }
            }
            Op::BranchIf { .. } => {}
            Op::Move { rd, rn } => self.set(rd, self.sp(rn)),
        }
        1
    }
}
