//! What an instruction does to the registers and to the condition flags.

use super::range::Range;
use super::state::{Comparison, State};
use super::touch::extended;
use super::value::Value;
use a64::decode::{Access, Arith, Data, Flags, Inst, Logic, Mode, Reg, Wide, Width};
use a64::may_write;
use unwind::{Index, Word};

/// Which registers a function that is called leaves as they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Convention {
    /// AAPCS64, section 6.1.1: R19 to R29, and SP.
    C,
    /// Go's `ABIInternal` and `ABI0`: R29 and SP
    /// (`src/cmd/compile/abi-internal.md`).
    Go,
}

impl Convention {
    fn keeps(self, register: Reg) -> bool {
        let first = if self == Self::C { 19 } else { 29 };
        (first..=29).contains(&register.0)
    }
}

/// The state behind an instruction that is no branch and leaves SP known or not.
pub(super) fn step(state: &mut State, word: Word, inst: &Inst, literal: Option<u64>) {
    match *inst {
        Inst::ArithImm { op, flags, width, rd, rn, imm } => {
            let right = Value::number(i64::from(imm));
            let (left, origin) = (state.or_sp(rn), (Some(rn), None));
            arithmetic(state, (op, flags, width), rd, (left, right), origin);
        }
        Inst::ArithExt { op, flags, width, rd, rn, rm, option, shift } => {
            let whole = option & 3 == 3 && shift == 0;
            let right = extended(state.or_zero(rm), option).shifted(u32::from(shift));
            let (left, origin) = (state.or_sp(rn), (Some(rn), whole.then_some(rm)));
            arithmetic(state, (op, flags, width), rd, (left, right), origin);
        }
        Inst::ArithReg { op, flags, width, rd, rn, rm, kind, amount } => {
            let right = shifted(state.or_zero(rm), kind, amount, width);
            let whole = amount == 0;
            let named = |register: Reg| (register != Reg::ZR).then_some(register);
            let origin = (named(rn), named(rm).filter(|_| whole));
            let left = state.or_zero(rn);
            // The result may not go to SP here.
            if rd == Reg::ZR && flags == Flags::Keep {
                return;
            }
            arithmetic(state, (op, flags, width), rd, (left, right), origin);
        }
        Inst::LogicImm { op, width, rd, rn, imm } => logic_imm(state, op, width, (rd, rn), imm),
        Inst::LogicReg { op, invert, width, rd, rn, rm, kind, amount } => {
            let right = shifted(state.or_zero(rm), kind, amount, width);
            let value = logic(op, invert, (rn, state.or_zero(rn)), (rm, right), amount == 0);
            let value = if width == Width::W { value.lower_half() } else { value };
            state.set_or_zero(rd, value);
            if op == Logic::Ands {
                state.flags = Some(result_only(width, rd));
            }
        }
        Inst::MoveWide { op, width, rd, imm, shift } => {
            let value = wide(state.or_zero(rd), op, width, imm, shift);
            state.set_or_zero(rd, value);
        }
        Inst::LoadLiteral { rt, .. } => {
            let value = literal.map_or(Value::Any, |bits| Value::number(bits.cast_signed()));
            state.set_or_zero(rt, value);
        }
        Inst::Pair { access, data, rt, rt2, rn, offset, mode } => {
            write_back(state, rn, offset, mode);
            if access == Access::Load {
                let value = loaded(data, word);
                [rt, rt2].into_iter().for_each(|register| load(state, register, data, value));
            }
        }
        Inst::Single { access, data, rt, rn, offset, mode } => {
            write_back(state, rn, offset, mode);
            if access == Access::Load {
                load(state, rt, data, loaded(data, word));
            }
        }
        Inst::Other => super::other::step(state, word),
        _ => forget(state, word),
    }
}

/// The registers behind a call.
pub(super) fn after_call(state: &mut State, convention: Convention) {
    for register in (0..31).map(Reg).filter(|&register| !convention.keeps(register)) {
        state.set_or_sp(register, Value::Any);
    }
    state.flags = None;
}

/// What a word may write is not known behind it.
pub(super) fn forget(state: &mut State, word: Word) {
    for register in (0..31).map(Reg).filter(|&register| may_write(word, register)) {
        state.set_or_sp(register, Value::Any);
    }
}

/// An addition or a subtraction.
fn arithmetic(
    state: &mut State,
    (op, flags, width): (Arith, Flags, Width),
    rd: Reg,
    (left, right): (Value, Value),
    (left_register, right_register): (Option<Reg>, Option<Reg>),
) {
    let half = |value: Value| if width == Width::W { value.lower_half() } else { value };
    let (left, right) = (half(left), half(right));
    let value = match op {
        Arith::Add => left.plus(right),
        Arith::Sub => left.minus(right),
    };
    let value = half(value);
    if flags == Flags::Keep {
        return state.set_or_sp(rd, value);
    }
    state.set_or_zero(rd, value);
    let result = (rd != Reg::ZR).then_some(rd);
    let kept = |register: Option<Reg>| register.filter(|&register| Some(register) != result);
    state.flags = Some(Comparison {
        width,
        left: kept(left_register),
        right: kept(right_register),
        result,
        values: (op == Arith::Sub).then_some((left, right)),
    });
}

fn result_only(width: Width, rd: Reg) -> Comparison {
    let result = (rd != Reg::ZR).then_some(rd);
    Comparison { width, left: None, right: None, result, values: None }
}

/// The second operand, shifted: LSL is followed.
fn shifted(value: Value, kind: u8, amount: u8, width: Width) -> Value {
    match (kind, amount) {
        (_, 0) => value,
        (0, amount) => value.shifted(u32::from(amount)),
        // LSR leaves as many bits as it did not shift out.
        (1, amount) if value.stack().is_none() => {
            let bits = if width == Width::X { 64 } else { 32 };
            Value::Number(Range::bits(u32::from(bits - amount.min(bits))))
        }
        _ => value.mixed(Value::Any),
    }
}

fn logic_imm(state: &mut State, op: Logic, width: Width, (rd, rn): (Reg, Reg), imm: u64) {
    let source = state.or_zero(rn);
    let value = match op {
        Logic::And | Logic::Ands => source.masked(imm),
        Logic::Orr => source.filled(imm),
        Logic::Eor => source.mixed(Value::Any),
    };
    let value = if width == Width::W { value.lower_half() } else { value };
    if op == Logic::Ands {
        state.set_or_zero(rd, value);
        state.flags = Some(result_only(width, rd));
    } else {
        state.set_or_sp(rd, value);
    }
}

fn logic(
    op: Logic,
    invert: bool,
    (rn, left): (Reg, Value),
    (rm, right): (Reg, Value),
    is_plain: bool,
) -> Value {
    let exact = left.exact_number().zip(right.exact_number());
    match op {
        // A register with itself: the counter that the kernel makes an address
        // depend on.
        Logic::Eor if rn == rm && is_plain && !invert => Value::number(0),
        // MOV (register).
        Logic::Orr if rn == Reg::ZR && !invert => right,
        Logic::And | Logic::Ands => match exact {
            Some((left, right)) => Value::number(left & if invert { !right } else { right }),
            None => match right.exact_number() {
                Some(mask) => left.masked(if invert { !mask } else { mask }.cast_unsigned()),
                None => left.mixed(right),
            },
        },
        Logic::Orr => match exact {
            Some((left, right)) => Value::number(left | if invert { !right } else { right }),
            None => left.mixed(right),
        },
        Logic::Eor => left.mixed(right),
    }
}

fn wide(before: Value, op: Wide, width: Width, imm: u16, shift: u8) -> Value {
    let part = u64::from(imm) << shift;
    let value = match op {
        Wide::Movz => Value::number(part.cast_signed()),
        Wide::Movn => Value::number((!part).cast_signed()),
        Wide::Movk => match before.exact_number() {
            Some(number) => {
                let others = number.cast_unsigned() & !(0xffff << shift);
                Value::number((others | part).cast_signed())
            }
            None => before.mixed(Value::Any),
        },
    };
    if width == Width::W { value.lower_half() } else { value }
}

fn write_back(state: &mut State, rn: Reg, offset: i32, mode: Mode) {
    if mode != Mode::Offset {
        let value = state.or_sp(rn).plus(Value::number(i64::from(offset)));
        state.set_or_sp(rn, value);
    }
}

fn load(state: &mut State, register: Reg, data: Data, value: Value) {
    if matches!(data, Data::X | Data::Part(_)) {
        state.set_or_zero(register, value);
    }
}

/// What a load leaves in a register: `opc` 01 and LDP fill it with zeros (C4.1.94).
fn loaded(data: Data, word: Word) -> Value {
    let word = word.get();
    let is_pair = word >> 28 & 3 == 0b10;
    let has_sign = if is_pair { word >> 30 == 0b01 } else { word >> 23 & 1 == 1 };
    match data {
        Data::Part(bytes @ 1..=4) if !has_sign => Value::Number(Range::bits(u32::from(bytes) * 8)),
        _ => Value::Any,
    }
}

/// The constant that an instruction loads, if it stands in the code.
pub(super) fn literal(words: &[Word], at: Index, inst: &Inst) -> Option<u64> {
    let Inst::LoadLiteral { offset, .. } = *inst else { return None };
    let place = i64::from(at.0).checked_add(offset.checked_div(4)?)?;
    let place = usize::try_from(place).ok()?;
    let (low, high) = (words.get(place)?.get(), words.get(place.checked_add(1)?)?.get());
    Some(u64::from(high) << 32 | u64::from(low))
}
