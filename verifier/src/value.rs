//! The value of a register, looked for backwards from its use.
//!
//! SP is seldom written from a register, so values are not tracked forwards:
//! at such a write the register's definition is looked for among the
//! instructions before it, inside the block. The first instruction that may
//! write the register decides; if its result does not follow from constants and
//! SP, the value is unknown.

use crate::decode::{Access, Arith, Data, Flags, Inst, Logic, Mode, Reg, Wide, Width, decode};
use crate::effect::signed;
use crate::operands::{Regs, may_write};
use crate::state::{Fp, Lr, State};
use arrayvec::ArrayVec;
use unwind::{Depth, Pc, Word};

/// What is known of a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Value {
    /// This number.
    Const(u64),
    /// This address of the image as it is linked: where it is loaded, and what
    /// is written to its data later, may change it.
    Address(u64),
    /// The CFA minus this depth.
    BelowCfa(Depth),
    /// The address that the function returns to.
    Return,
    /// What R29 held at the entry: the caller's frame pointer.
    Caller,
    /// A word loaded by an index, from a table of 8-byte words at this address if
    /// it is known.
    Element(Option<u64>),
    /// Nothing.
    Unknown,
}

/// How many definitions are followed for one value.
const MAX_STEPS: u32 = 12;

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
    /// Behind which instruction a register that is followed forwards has the value
    /// that it has now: LR, R29, and all others together.
    written: [u32; 3],
}

impl Block {
    /// A block that starts at `start` with SP at `depth`.
    pub(crate) fn begin(&mut self, start: u32, depth: Depth) {
        self.start = start;
        self.written = [start; 3];
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

    /// A register that is followed forwards gets a new value before `at`.
    pub(crate) fn write(&mut self, register: Reg, at: u32) {
        self.written[Self::place(register)] = at;
    }

    fn last_write(&self, register: Reg) -> u32 {
        self.written[Self::place(register)]
    }

    const fn place(register: Reg) -> usize {
        match register {
            Reg::LR => 0,
            Reg::FP => 1,
            _ => 2,
        }
    }

    /// The depth of SP before the instruction `at`, if it is still known.
    fn depth(&self, at: u32) -> Option<Depth> {
        self.depths.iter().rev().find(|&&(from, _)| from <= at).map(|&(_, depth)| depth)
    }
}

/// What the values are found in.
pub(crate) struct Context<'a> {
    pub(crate) words: &'a [Word],
    pub(crate) entry: Pc,
    pub(crate) block: &'a Block,
    /// What is known before the instruction that is looked at.
    pub(crate) state: &'a State,
    /// The registers whose values were computed ahead, and those values.
    pub(crate) ahead: Regs,
    pub(crate) values: &'a [Value; 32],
    /// The pointer that the image holds at an address.
    pub(crate) pointer: &'a dyn Fn(u64) -> Option<u64>,
}

impl Context<'_> {
    /// The value of a general register before the instruction `at`; 31 is ZR.
    pub(crate) fn register(&self, register: Reg, at: u32) -> Value {
        self.or_zero(register, at, &mut MAX_STEPS.clone())
    }

    /// The same where 31 is SP.
    pub(crate) fn base(&self, register: Reg, at: u32) -> Value {
        self.or_sp(register, at, &mut MAX_STEPS.clone())
    }

    /// The value that an instruction gives to its one destination.
    pub(crate) fn result(&self, inst: &Inst, at: u32) -> Value {
        self.evaluate(inst, at, &mut MAX_STEPS.clone())
    }

    /// A register that is followed forwards: LR and R29 always, others while their
    /// value was computed ahead. `None` if it was written between `at` and here.
    fn forwards(&self, register: Reg, at: u32) -> Option<Value> {
        let value = match register {
            Reg::LR => match self.state.lr {
                Lr::Return => Value::Return,
                Lr::Other | Lr::Unknown => Value::Unknown,
            },
            Reg::FP => match self.state.fp {
                Fp::Caller => Value::Caller,
                Fp::Below(depth) => Value::BelowCfa(depth),
                Fp::Other | Fp::Unknown => Value::Unknown,
            },
            _ if self.ahead.meets(Regs::or_zero(register)) => {
                self.values.get(register.0 as usize).copied()?
            }
            _ => return None,
        };
        (self.block.last_write(register) <= at).then_some(value)
    }

    fn follow(&self, register: Reg, at: u32, steps: &mut u32) -> Value {
        let Some(left) = steps.checked_sub(1) else { return Value::Unknown };
        *steps = left;
        if let Some(value) = self.forwards(register, at) {
            return value;
        }
        let earliest = self.block.start.max(at.saturating_sub(MAX_DISTANCE));
        for definition in (earliest..at).rev() {
            let Some(&word) = self.words.get(definition as usize) else { return Value::Unknown };
            if !may_write(word, register) {
                continue;
            }
            let inst = decode(word);
            return if destination(&inst) == Some(register) {
                self.evaluate(&inst, definition, steps)
            } else {
                Value::Unknown
            };
        }
        Value::Unknown
    }

    /// A source operand for which 31 is SP.
    fn or_sp(&self, register: Reg, at: u32, steps: &mut u32) -> Value {
        if register == Reg::SP {
            self.block.depth(at).map_or(Value::Unknown, Value::BelowCfa)
        } else {
            self.follow(register, at, steps)
        }
    }

    /// A source operand for which 31 is ZR.
    fn or_zero(&self, register: Reg, at: u32, steps: &mut u32) -> Value {
        if register == Reg::ZR { Value::Const(0) } else { self.follow(register, at, steps) }
    }

    fn evaluate(&self, inst: &Inst, at: u32, steps: &mut u32) -> Value {
        let pc = self.entry.0.wrapping_add(u64::from(at) * Word::BYTES);
        match *inst {
            Inst::MoveWide { op, width: Width::X, rd, imm, shift } => {
                let part = u64::from(imm) << shift;
                match op {
                    Wide::Movz => Value::Const(part),
                    Wide::Movn => Value::Const(!part),
                    Wide::Movk => match self.follow(rd, at, steps) {
                        Value::Const(value) => Value::Const(value & !(0xffff << shift) | part),
                        _ => Value::Unknown,
                    },
                }
            }
            Inst::MoveWide { op: Wide::Movz, width: Width::W, imm, shift, .. } => {
                Value::Const(u64::from(imm) << shift)
            }
            Inst::LogicImm { op: Logic::Orr, rn: Reg::ZR, imm, .. } => Value::Const(imm),
            Inst::LogicReg {
                op: Logic::Orr,
                invert: false,
                width: Width::X,
                rn: Reg::ZR,
                rm,
                kind: 0,
                amount: 0,
                ..
            } => self.or_zero(rm, at, steps),
            Inst::ArithImm { op, flags: Flags::Keep, width: Width::X, rn, imm, .. } => {
                add(self.or_sp(rn, at, steps), signed(op, imm))
            }
            Inst::ArithExt {
                op,
                flags: Flags::Keep,
                width: Width::X,
                rn,
                rm,
                // UXTX and SXTX take all 64 bits.
                option: 0b011 | 0b111,
                shift,
                ..
            } => match self.or_zero(rm, at, steps) {
                Value::Const(value) => add(self.or_sp(rn, at, steps), directed(op, value << shift)),
                _ => Value::Unknown,
            },
            Inst::ArithReg {
                op,
                flags: Flags::Keep,
                width: Width::X,
                rn,
                rm,
                kind: 0,
                amount,
                ..
            } => match self.or_zero(rm, at, steps) {
                Value::Const(value) => {
                    add(self.or_zero(rn, at, steps), directed(op, value << amount))
                }
                _ => Value::Unknown,
            },
            Inst::Adr { offset, .. } => Value::Address(pc.wrapping_add_signed(offset)),
            Inst::Adrp { offset, .. } => Value::Address((pc & !0xfff).wrapping_add_signed(offset)),
            Inst::LoadLiteral { offset, .. } => self.literal(at, offset),
            Inst::LoadIndexed { rn, option: 0b011, shift: 3, .. } if rn != Reg::SP => {
                match self.follow(rn, at, steps) {
                    Value::Const(table) | Value::Address(table) => Value::Element(Some(table)),
                    _ => Value::Element(None),
                }
            }
            Inst::LoadIndexed { .. } => Value::Element(None),
            // An address out of the global offset table.
            Inst::Single {
                access: Access::Load,
                data: Data::X,
                rn,
                offset,
                mode: Mode::Offset,
                ..
            } if rn != Reg::SP => match self.follow(rn, at, steps) {
                Value::Const(base) | Value::Address(base) => {
                    let address = base.wrapping_add_signed(i64::from(offset));
                    (self.pointer)(address).map_or(Value::Unknown, Value::Address)
                }
                _ => Value::Unknown,
            },
            _ => Value::Unknown,
        }
    }
}

impl Context<'_> {
    /// The constant that lies so many bytes from an instruction, between the
    /// function's instructions.
    fn literal(&self, at: u32, offset: i64) -> Value {
        let word = |number: i64| {
            let index = i64::from(at) + (offset >> 2) + number;
            usize::try_from(index).ok().and_then(|index| self.words.get(index))
        };
        match (word(0), word(1)) {
            (Some(low), Some(high)) => {
                Value::Const(u64::from(high.get()) << 32 | u64::from(low.get()))
            }
            _ => Value::Unknown,
        }
    }
}

fn directed(op: Arith, value: u64) -> i64 {
    match op {
        Arith::Add => value.cast_signed(),
        Arith::Sub => value.cast_signed().wrapping_neg(),
    }
}

fn add(value: Value, by: i64) -> Value {
    match value {
        Value::Const(value) => Value::Const(value.wrapping_add_signed(by)),
        Value::Address(value) => Value::Address(value.wrapping_add_signed(by)),
        Value::BelowCfa(depth) => Value::BelowCfa(Depth(depth.0.wrapping_sub(by))),
        Value::Return | Value::Caller if by == 0 => value,
        Value::Return | Value::Caller | Value::Element(_) | Value::Unknown => Value::Unknown,
    }
}

/// The general register that an instruction defines and nothing else, for those
/// that [`Context::evaluate`] knows.
pub(crate) fn destination(inst: &Inst) -> Option<Reg> {
    match *inst {
        Inst::MoveWide { rd, .. }
        | Inst::LogicImm { rd, .. }
        | Inst::LogicReg { rd, .. }
        | Inst::ArithImm { rd, .. }
        | Inst::ArithExt { rd, .. }
        | Inst::ArithReg { rd, .. }
        | Inst::Adr { rd, .. }
        | Inst::Adrp { rd, .. } => Some(rd),
        Inst::LoadIndexed { rt, .. } | Inst::LoadLiteral { rt, .. } => Some(rt),
        Inst::Single { access: Access::Load, mode: Mode::Offset, rt, .. } => Some(rt),
        _ => None,
    }
}

