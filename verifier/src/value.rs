//! The values of registers: what an instruction computes from its operands, and
//! the search for a definition backwards from its use.
//!
//! In short functions, and where instructions are looked at one by one, values are
//! followed forwards ([`crate::registers`]). Elsewhere most instructions are passed
//! over: SP is seldom written from a register, and at such a write the register's
//! definition is looked for among the instructions before it, inside the block. The
//! first instruction that may write the register decides; if its result does not
//! follow from constants and SP, the value is unknown.

use crate::decode::{Access, Data, Reg, decode};
use crate::effect::{Effect, Transfer, effect};
use crate::operands::may_write;
use crate::registers::{Kind, Registers, Value};
use arrayvec::ArrayVec;
use unwind::{Depth, Pc, Word};

/// How many definitions are followed for one value.
pub(crate) const MAX_STEPS: u32 = 12;

/// How far back a definition is looked for, in instructions. Compilers and people
/// put it a few instructions before its use.
const MAX_DISTANCE: u32 = 256;

/// How often SP moves in a block before the oldest of its depths is forgotten.
const MAX_DEPTHS: usize = 8;

/// The straight line of instructions from the start of a block up to the one
/// that is looked at, with the depth of SP along it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    start: u32,
    /// From which instruction on SP has which depth, ascending.
    depths: ArrayVec<(u32, Depth), MAX_DEPTHS>,
    /// Behind which instruction LR and R29 have the values that they have now.
    written: [u32; 2],
}

impl Block {
    /// A block that starts at `start` with SP at `depth`.
    pub(crate) fn begin(&mut self, start: u32, depth: Depth) {
        self.start = start;
        self.written = [start; 2];
        self.depths.clear();
        self.depths.push((start, depth));
    }

    /// The first instruction of the block.
    pub(crate) fn start(&self) -> u32 {
        self.start
    }

    /// From `at` on, SP is at `depth`.
    pub(crate) fn move_sp(&mut self, at: u32, depth: Depth) {
        if self.depths.is_full() {
            self.depths.remove(0);
        }
        self.depths.push((at, depth));
    }

    /// LR or R29 gets a new value before `at`.
    #[inline]
    pub(crate) fn write(&mut self, register: Reg, at: u32) {
        self.written[usize::from(register == Reg::LR)] = at;
    }

    fn last_write(&self, register: Reg) -> u32 {
        self.written[usize::from(register == Reg::LR)]
    }

    /// The depth of SP before the instruction `at`, if it is still known.
    fn depth(&self, at: u32) -> Option<Depth> {
        self.depths.iter().rev().find(|&&(from, _)| from <= at).map(|&(_, depth)| depth)
    }
}

/// Where [`evaluate`] finds the operands of an instruction.
pub(crate) trait Operand {
    /// A register where 31 is ZR.
    fn or_zero(&mut self, register: Reg) -> Value;
    /// A register where 31 is SP.
    fn or_sp(&mut self, register: Reg) -> Value;
    /// The instruction's address.
    fn pc(&self) -> u64;
    /// The constant that lies so many bytes from the instruction.
    fn literal(&self, offset: i64) -> Value;
    /// The pointer that the image holds at an address.
    fn pointer(&self, address: u64) -> Option<u64>;
}

/// The value that an instruction gives to its one destination, which is that of
/// [`destination`].
#[inline(always)]
pub(crate) fn evaluate(effect: &Effect, operand: &mut impl Operand) -> Value {
    match *effect {
        Effect::Const { value, .. } => Value::constant(value),
        Effect::Insert { rd, imm, shift } => match operand.or_zero(rd) {
            Value { kind: Kind::Const, number } => {
                Value::constant(number & !(0xffff << shift) | u64::from(imm) << shift)
            }
            _ => Value::UNKNOWN,
        },
        Effect::Add { rn, by, .. } => operand.or_sp(rn).plus(by),
        Effect::AddRegister { rn, rm, shift, negates, sp, .. } => match operand.or_zero(rm) {
            Value { kind: Kind::Const, number } => {
                let by = (number << shift).cast_signed();
                let base = if sp { operand.or_sp(rn) } else { operand.or_zero(rn) };
                base.plus(if negates { by.wrapping_neg() } else { by })
            }
            _ => Value::UNKNOWN,
        },
        Effect::Copy { rm, .. } => operand.or_zero(rm),
        Effect::Address { offset, is_page, .. } => {
            let base = if is_page { operand.pc() & !0xfff } else { operand.pc() };
            Value::address(base.wrapping_add_signed(offset))
        }
        Effect::Literal { offset, .. } => operand.literal(offset),
        Effect::Element { table: Some(table), .. } => match operand.or_zero(table) {
            Value { kind: Kind::Const | Kind::Address, number } => Value::element(number),
            _ => Value::UNKNOWN,
        },
        // An address out of the global offset table.
        Effect::Transfer(Transfer {
            access: Access::Load,
            data: Data::X,
            base,
            offset,
            back: None,
            second: None,
            ..
        }) if base != Reg::SP => match operand.or_zero(base) {
            Value { kind: Kind::Const | Kind::Address, number } => {
                let address = number.wrapping_add_signed(i64::from(offset));
                operand.pointer(address).map_or(Value::UNKNOWN, Value::address)
            }
            _ => Value::UNKNOWN,
        },
        _ => Value::UNKNOWN,
    }
}

/// The register that an instruction computes and nothing else, for those that
/// [`evaluate`] knows.
#[inline(always)]
pub(crate) fn destination(effect: &Effect) -> Option<Reg> {
    match *effect {
        Effect::Const { rd, .. }
        | Effect::Insert { rd, .. }
        | Effect::Add { rd, .. }
        | Effect::AddRegister { rd, .. }
        | Effect::Copy { rd, .. }
        | Effect::Address { rd, .. }
        | Effect::Literal { rd, .. }
        | Effect::Element { rd, .. } => Some(rd),
        Effect::Transfer(Transfer {
            access: Access::Load,
            data: Data::X,
            first,
            second: None,
            back: None,
            ..
        }) => Some(first),
        _ => None,
    }
}

/// What the values are found in.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) words: &'a [Word],
    pub(crate) entry: Pc,
    pub(crate) block: &'a Block,
    /// What is known before the instruction that is looked at.
    pub(crate) registers: &'a Registers,
    /// The pointer that the image holds at an address.
    pub(crate) pointer: &'a dyn Fn(u64) -> Option<u64>,
}

impl Context<'_> {
    pub(crate) fn pc(&self, at: u32) -> u64 {
        self.entry.0.wrapping_add(u64::from(at) * Word::BYTES)
    }

    /// The constant that lies so many bytes from an instruction, between the
    /// function's instructions.
    pub(crate) fn literal(&self, at: u32, offset: i64) -> Value {
        let word = |number: i64| {
            let index = i64::from(at) + (offset >> 2) + number;
            usize::try_from(index).ok().and_then(|index| self.words.get(index))
        };
        match (word(0), word(1)) {
            (Some(low), Some(high)) => {
                Value::constant(u64::from(high.get()) << 32 | u64::from(low.get()))
            }
            _ => Value::UNKNOWN,
        }
    }
}

/// Operands as they are known where the walk is.
pub(crate) struct Forwards<'a> {
    pub(crate) context: Context<'a>,
    pub(crate) at: u32,
}

impl Operand for Forwards<'_> {
    #[inline(always)]
    fn or_zero(&mut self, register: Reg) -> Value {
        self.context.registers.or_zero(register)
    }

    #[inline(always)]
    fn or_sp(&mut self, register: Reg) -> Value {
        self.context.registers.or_sp(register)
    }

    fn pc(&self) -> u64 {
        self.context.pc(self.at)
    }

    fn literal(&self, offset: i64) -> Value {
        self.context.literal(self.at, offset)
    }

    fn pointer(&self, address: u64) -> Option<u64> {
        (self.context.pointer)(address)
    }
}

/// Operands looked for backwards from an instruction.
pub(crate) struct Search<'a, 's> {
    pub(crate) context: Context<'a>,
    pub(crate) at: u32,
    /// How many definitions may still be followed.
    pub(crate) steps: &'s mut u32,
}

impl Operand for Search<'_, '_> {
    fn or_zero(&mut self, register: Reg) -> Value {
        if register == Reg::ZR { Value::constant(0) } else { self.follow(register) }
    }

    fn or_sp(&mut self, register: Reg) -> Value {
        if register == Reg::SP {
            self.context.block.depth(self.at).map_or(Value::UNKNOWN, Value::below_cfa)
        } else {
            self.follow(register)
        }
    }

    fn pc(&self) -> u64 {
        self.context.pc(self.at)
    }

    fn literal(&self, offset: i64) -> Value {
        self.context.literal(self.at, offset)
    }

    fn pointer(&self, address: u64) -> Option<u64> {
        (self.context.pointer)(address)
    }
}

impl Search<'_, '_> {
    /// The value of a register before the instruction, from its definition.
    fn follow(&mut self, register: Reg) -> Value {
        let Some(left) = self.steps.checked_sub(1) else { return Value::UNKNOWN };
        *self.steps = left;
        let block = self.context.block;
        // LR and R29 are followed forwards.
        if matches!(register, Reg::LR | Reg::FP) && block.last_write(register) <= self.at {
            return self.context.registers.or_sp(register);
        }
        let earliest = block.start.max(self.at.saturating_sub(MAX_DISTANCE));
        for definition in (earliest..self.at).rev() {
            let Some(&word) = self.context.words.get(definition as usize) else { break };
            if !may_write(word, register) {
                continue;
            }
            let effect = effect(&decode(word));
            if destination(&effect) != Some(register) {
                break;
            }
            let (context, steps) = (self.context, &mut *self.steps);
            return evaluate(&effect, &mut Search { context, at: definition, steps });
        }
        Value::UNKNOWN
    }
}
