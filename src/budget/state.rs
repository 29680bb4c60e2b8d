//! What is known before an instruction: the registers, and what was compared last.

use super::range::{Range, Relation};
use super::value::Value;
use a64::decode::{Reg, Width};

/// Register 31 stands for SP.
const REGISTERS: usize = 32;

/// What is known before an instruction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct State {
    registers: [Value; REGISTERS],
    /// What the condition flags say.
    pub(super) flags: Option<Comparison>,
    /// Whether the function has asked for stack: what it takes from here on is its
    /// own.
    pub(super) has_asked: bool,
}

/// What the condition flags say: how the result of a subtraction compares with 0, and
/// how its operands compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Comparison {
    pub(super) width: Width,
    /// The register that still holds the left operand.
    pub(super) left: Option<Reg>,
    /// The same of the right one.
    pub(super) right: Option<Reg>,
    /// The register that holds the result.
    pub(super) result: Option<Reg>,
    /// The operands; `None` where only the result is known.
    pub(super) values: Option<(Value, Value)>,
}

impl State {
    /// At the entry.
    pub(super) fn at_entry() -> Self {
        let mut registers = [Value::Any; REGISTERS];
        if let Some(sp) = registers.last_mut() {
            *sp = Value::Stack(Range::exactly(0));
        }
        Self { registers, flags: None, has_asked: false }
    }

    /// A register, where 31 is SP.
    pub(super) fn or_sp(&self, register: Reg) -> Value {
        self.registers.get(usize::from(register.0)).copied().unwrap_or(Value::LOST)
    }

    /// A register, where 31 is zero.
    pub(super) fn or_zero(&self, register: Reg) -> Value {
        if register == Reg::ZR { Value::number(0) } else { self.or_sp(register) }
    }

    pub(super) fn sp(&self) -> Value {
        self.or_sp(Reg::SP)
    }

    /// Writes a register, where 31 is SP. What was compared is then not there any
    /// more.
    pub(super) fn set_or_sp(&mut self, register: Reg, value: Value) {
        if let Some(place) = self.registers.get_mut(usize::from(register.0)) {
            *place = value;
        }
        if let Some(flags) = &mut self.flags {
            for place in [&mut flags.left, &mut flags.right, &mut flags.result] {
                *place = place.filter(|&held| held != register);
            }
        }
    }

    /// Writes a register, where 31 is nothing.
    pub(super) fn set_or_zero(&mut self, register: Reg, value: Value) {
        if register != Reg::ZR {
            self.set_or_sp(register, value);
        }
    }

    /// What may have come here or from elsewhere.
    pub(super) fn joined(&self, other: &Self) -> Self {
        let mut joined = self.clone();
        for (one, other) in joined.registers.iter_mut().zip(&other.registers) {
            *one = one.joined(*other);
        }
        joined.flags = joined.flags.filter(|flags| other.flags.as_ref() == Some(flags));
        joined
    }

    /// The same behind so many rounds that what changes is assumed to go on changing, up to
    /// the next of `constants` or of those in registers.
    pub(super) fn widened(mut self, before: &Self, constants: &[i64], is_patient: bool) -> Self {
        let held = before.registers.iter().filter_map(|value| value.exact_number());
        // A counter may end at a constant, or before or behind it.
        let near = |constant: i64| [-1, 0, 1].map(|by| constant.saturating_add(by));
        let mut stops: Vec<_> = constants.iter().copied().chain(held).flat_map(near).collect();
        stops.sort_unstable();
        for (value, before) in self.registers.iter_mut().zip(&before.registers) {
            *value = value.widened(*before, &stops, is_patient);
        }
        self
    }

    /// What is known where a condition (C1.2.4 of the Arm ARM) has come out as true.
    /// `None` if it cannot.
    pub(super) fn where_condition(&self, condition: u8) -> Option<Self> {
        let Some(flags) = self.flags else { return Some(self.clone()) };
        let mut state = self.clone();
        let relation = relation(condition);
        if let (Some(relation @ (Relation::Equal | Relation::Unequal)), Some(register)) =
            (relation.map(|(relation, _)| relation), flags.result)
        {
            state.relate(register, relation, Value::number(0), flags.width)?;
        }
        if let (Some((relation, sign)), Some((left, right))) = (relation, flags.values)
            && comparable(left, right, flags.width, sign, relation)
        {
            let mut new_left = left.related(relation, right)?;
            let below = matches!(relation, Relation::Less | Relation::LessOrEqual);
            if sign == Sign::Unsigned && below && !matches!(left, Value::Stack(_)) {
                new_left = new_left.related(Relation::GreaterOrEqual, Value::number(0))?;
            }
            let new_right = right.related(relation.mirrored(), left)?;
            for (register, value) in [(flags.left, new_left), (flags.right, new_right)] {
                // A register whose upper half was not compared is left alone.
                if let Some(register) = register
                    && (flags.width == Width::X
                        || state.or_sp(register) == state.or_sp(register).lower_half())
                {
                    state.set_or_sp(register, value);
                }
            }
        }
        Some(state)
    }

    /// What is known where a register is 0, or is not. `None` if it cannot be.
    pub(super) fn where_zero(&self, register: Reg, is_zero: bool, width: Width) -> Option<Self> {
        let mut state = self.clone();
        let relation = if is_zero { Relation::Equal } else { Relation::Unequal };
        if register == Reg::ZR {
            return is_zero.then_some(state);
        }
        state.relate(register, relation, Value::number(0), width)?;
        Some(state)
    }

    fn relate(&mut self, register: Reg, to: Relation, other: Value, width: Width) -> Option<()> {
        let value = self.or_sp(register);
        if width == Width::X || value == value.lower_half() {
            let value = value.related(to, other)?;
            self.set_or_sp(register, value);
        }
        Some(())
    }
}

/// Whether numbers are compared with their signs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Signed,
    Unsigned,
}

/// What a condition says of the operands of a comparison.
fn relation(condition: u8) -> Option<(Relation, Sign)> {
    Some(match condition {
        0b0000 => (Relation::Equal, Sign::Signed),
        0b0001 => (Relation::Unequal, Sign::Signed),
        0b0010 => (Relation::GreaterOrEqual, Sign::Unsigned),
        0b0011 => (Relation::Less, Sign::Unsigned),
        0b1000 => (Relation::Greater, Sign::Unsigned),
        0b1001 => (Relation::LessOrEqual, Sign::Unsigned),
        0b1010 => (Relation::GreaterOrEqual, Sign::Signed),
        0b1011 => (Relation::Less, Sign::Signed),
        0b1100 => (Relation::Greater, Sign::Signed),
        0b1101 => (Relation::LessOrEqual, Sign::Signed),
        _ => return None,
    })
}

/// Whether the relation of the operands is that of their ranges. Addresses on one
/// stack compare as their offsets do, in either way.
fn comparable(left: Value, right: Value, width: Width, sign: Sign, relation: Relation) -> bool {
    let natural = |value: Value, bits| match value {
        Value::Number(range) => Range::bits(bits).contains(range),
        _ => false,
    };
    let equality = matches!(relation, Relation::Equal | Relation::Unequal);
    match (left, right, width) {
        (Value::Stack(_), Value::Stack(_), Width::X) => true,
        (Value::Number(_) | Value::Any, Value::Number(_), Width::X) if equality => true,
        (_, _, Width::X) if sign == Sign::Signed => {
            matches!((left, right), (Value::Number(_) | Value::Any, Value::Number(_)))
        }
        // Below a number that has no sign is a number that has none.
        (_, _, Width::X) => {
            let both = natural(left, 63) && natural(right, 63);
            both || natural(right, 63)
                && matches!(left, Value::Any | Value::Number(_))
                && matches!(relation, Relation::Less | Relation::LessOrEqual)
        }
        (_, _, Width::W) if equality || sign == Sign::Unsigned => {
            natural(left, 32) && natural(right, 32)
        }
        (_, _, Width::W) => natural(left, 31) && natural(right, 31),
    }
}
