//! The lattice of values, and what instructions compute from them.

use a64::decode::{Access, Data, Reg};
use a64::effect::{Effect, Transfer};
use unwind::Depth;

/// What kind of value a register or a word holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(crate) enum Kind {
    /// This number.
    Const,
    /// This address of the image as it is linked: where it is loaded, and what is
    /// written to its data later, may change it.
    Address,
    /// The CFA plus this number.
    Stack,
    /// A place of the stack, on one path at least; where is not known.
    Near,
    /// What the general register of this number held at the entry.
    Entry,
    /// What the word of the caller at the CFA plus this number held at the entry.
    CallerWord,
    /// A word loaded by an index, from a table of 8-byte words at this address.
    Element,
    /// What was loaded from memory, or what a callee left: of what is followed, none, unless
    /// some of it went where it is not followed.
    Loaded,
    /// Something else for sure, on one path at least.
    Other,
    /// Nothing is known.
    Unknown,
}

/// A value: its kind, and its number for kinds that have one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Value {
    pub(crate) kind: Kind,
    pub(crate) number: u64,
}

impl Value {
    pub(crate) const UNKNOWN: Self = Self::of(Kind::Unknown);
    pub(crate) const OTHER: Self = Self::of(Kind::Other);
    pub(crate) const LOADED: Self = Self::of(Kind::Loaded);
    pub(crate) const NEAR: Self = Self::of(Kind::Near);
    /// The address that the function returns to.
    pub(crate) const RETURN: Self = Self::entry(Reg::LR);
    /// The caller's frame pointer.
    pub(crate) const CALLER_FP: Self = Self::entry(Reg::FP);

    const fn of(kind: Kind) -> Self {
        Self { kind, number: 0 }
    }

    pub(crate) const fn constant(number: u64) -> Self {
        Self { kind: Kind::Const, number }
    }

    pub(crate) const fn address(number: u64) -> Self {
        Self { kind: Kind::Address, number }
    }

    pub(crate) const fn entry(register: Reg) -> Self {
        Self { kind: Kind::Entry, number: register.0 as u64 }
    }

    pub(crate) const fn element(table: u64) -> Self {
        Self { kind: Kind::Element, number: table }
    }

    /// The word of the caller that begins so many bytes above the CFA.
    pub(crate) const fn caller_word(offset: i64) -> Self {
        Self { kind: Kind::CallerWord, number: offset.cast_unsigned() }
    }

    /// The CFA plus a number of bytes.
    pub(crate) const fn stack(offset: i64) -> Self {
        Self { kind: Kind::Stack, number: offset.cast_unsigned() }
    }

    /// The CFA minus a depth.
    pub(crate) const fn below_cfa(depth: Depth) -> Self {
        Self::stack(depth.0.wrapping_neg())
    }

    /// How far from the CFA it is, if it is an address in the stack.
    #[inline(always)]
    pub(crate) fn offset(self) -> Option<i64> {
        (self.kind == Kind::Stack).then_some(self.number.cast_signed())
    }

    /// How deep below the CFA it is, if it is an address in the stack.
    #[inline(always)]
    pub(crate) fn depth(self) -> Option<Depth> {
        self.offset().map(|offset| Depth(offset.wrapping_neg()))
    }

    /// Whether it is a place of the stack, on one path at least.
    pub(crate) fn is_near(self) -> bool {
        matches!(self.kind, Kind::Stack | Kind::Near)
    }

    /// Whether it may carry what the caller had in LR, R29 or R28.
    pub(crate) fn carries_caller(self) -> bool {
        match self.kind {
            Kind::Unknown => true,
            Kind::Entry => self.number >= 28,
            _ => false,
        }
    }

    /// The value with a number added to it.
    #[inline(always)]
    pub(crate) fn plus(self, by: i64) -> Self {
        let number = self.number.wrapping_add_signed(by);
        match self.kind {
            Kind::Const | Kind::Address | Kind::Stack => Self { kind: self.kind, number },
            _ if by == 0 => self,
            Kind::Near => Self::NEAR,
            Kind::Entry | Kind::CallerWord | Kind::Other => Self::OTHER,
            Kind::Loaded => Self::LOADED,
            Kind::Element | Kind::Unknown => Self::UNKNOWN,
        }
    }

    /// The value where two paths meet: what is something else on one of them is so behind.
    #[inline]
    pub(crate) fn meet(self, other: Self) -> Self {
        match (self, other) {
            _ if self == other => self,
            _ if self.is_near() || other.is_near() => Self::NEAR,
            (Self { kind: Kind::Unknown, .. }, with) | (with, Self { kind: Kind::Unknown, .. })
                if with.kind != Kind::Other =>
            {
                Self::UNKNOWN
            }
            (Self { kind: Kind::Loaded, .. }, _) | (_, Self { kind: Kind::Loaded, .. })
                if self.kind != Kind::Other && other.kind != Kind::Other =>
            {
                Self::LOADED
            }
            _ => Self::OTHER,
        }
    }
}

/// Where [`evaluate`] finds the operands of an instruction.
pub(crate) trait Operands {
    /// A register where 31 is ZR.
    fn or_zero(&self, register: Reg) -> Value;
    /// A register where 31 is SP.
    fn or_sp(&self, register: Reg) -> Value;
    /// The instruction's address.
    fn pc(&self) -> u64;
    /// The constant that lies so many bytes from the instruction.
    fn literal(&self, offset: i64) -> Value;
    /// The pointer that the image holds at an address.
    fn pointer(&self, address: u64) -> Option<u64>;
}

/// The value that an instruction gives to its one destination ([`destination`]).
#[inline(always)]
pub(crate) fn evaluate(effect: &Effect, operands: &impl Operands) -> Value {
    match *effect {
        Effect::Const { value, .. } => Value::constant(value),
        Effect::Insert { rd, imm, shift } => match operands.or_zero(rd) {
            Value { kind: Kind::Const, number } => {
                Value::constant(number & !(0xffff << shift) | u64::from(imm) << shift)
            }
            Value { kind: Kind::Unknown, .. } => Value::UNKNOWN,
            _ => Value::OTHER,
        },
        Effect::Add { rn, by, .. } => operands.or_sp(rn).plus(by),
        Effect::AddRegister { rn, rm, shift, negates, sp, .. } => {
            let base = if sp { operands.or_sp(rn) } else { operands.or_zero(rn) };
            let added = operands.or_zero(rm);
            match added {
                Value { kind: Kind::Const, number } => {
                    let by = (number << shift).cast_signed();
                    base.plus(if negates { by.wrapping_neg() } else { by })
                }
                _ if base.kind == Kind::Const && shift == 0 && !negates => {
                    added.plus(base.number.cast_signed())
                }
                // A place that is computed from the address of a table.
                _ if base.kind == Kind::Address || added.kind == Kind::Address => {
                    Value::element(NO_TABLE)
                }
                _ => unfollowed([base, added]),
            }
        }
        Effect::Copy { rm, .. } => operands.or_zero(rm),
        Effect::Address { offset, is_page, .. } => {
            let base = if is_page { operands.pc() & !0xfff } else { operands.pc() };
            Value::address(base.wrapping_add_signed(offset))
        }
        Effect::Literal { offset, .. } => operands.literal(offset),
        // A table has words of eight bytes.
        Effect::LoadIndexed { rn, option: 0b011, shift: 3, .. } if rn != Reg::SP => {
            match operands.or_zero(rn) {
                Value { kind: Kind::Const | Kind::Address, number } => Value::element(number),
                _ => Value::element(NO_TABLE),
            }
        }
        Effect::LoadIndexed { .. } => Value::element(NO_TABLE),
        // An address out of the global offset table.
        Effect::Transfer(Transfer { base, offset, .. }) if base != Reg::SP => {
            match operands.or_zero(base) {
                Value { kind: Kind::Const | Kind::Address, number } => {
                    let address = number.wrapping_add_signed(i64::from(offset));
                    operands.pointer(address).map_or(Value::LOADED, Value::address)
                }
                _ => Value::LOADED,
            }
        }
        _ => Value::LOADED,
    }
}

/// What an operation that is not followed makes of its operands: if one of them carries what
/// the caller had in a register, that may still be in the result.
pub(crate) fn unfollowed(operands: impl IntoIterator<Item = Value>) -> Value {
    let mut result = Value::OTHER;
    for operand in operands {
        if operand.is_near() {
            return Value::NEAR;
        }
        if operand.carries_caller() {
            result = Value::UNKNOWN;
        }
    }
    result
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
        | Effect::Literal { rd, .. } => Some(rd),
        Effect::LoadIndexed { rt, .. } => Some(rt),
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

/// The values of X0 to X30 and, at 31, of SP. Kinds and numbers are stored apart, since
/// most instructions concern the kind alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Registers {
    kinds: [Kind; 32],
    numbers: [u64; 32],
}

/// The address of a table that is not known: no image has pointers there.
const NO_TABLE: u64 = u64::MAX;

/// X0 to X27.
const GENERAL: usize = 28;

impl Registers {
    /// Nothing is known of any.
    pub(crate) const UNKNOWN: Self = Self { kinds: [Kind::Unknown; 32], numbers: [0; 32] };

    /// The registers where a function is entered, with SP at the CFA.
    pub(crate) fn at_entry() -> Self {
        let mut registers = Self::UNKNOWN;
        for register in (0..31).map(Reg) {
            registers.set(register, Value::entry(register));
        }
        registers.set(Reg::SP, Value::stack(0));
        registers
    }

    /// The value of a register, where 31 is SP.
    #[inline(always)]
    pub(crate) fn or_sp(&self, register: Reg) -> Value {
        let index = (register.0 & 31) as usize;
        Value { kind: self.kinds[index], number: self.numbers[index] }
    }

    /// The value of a register, where 31 is ZR.
    #[inline(always)]
    pub(crate) fn or_zero(&self, register: Reg) -> Value {
        if register == Reg::ZR { Value::constant(0) } else { self.or_sp(register) }
    }

    /// Gives a register a value; 31 is SP.
    #[inline(always)]
    pub(crate) fn set(&mut self, register: Reg, value: Value) {
        let index = (register.0 & 31) as usize;
        self.kinds[index] = value.kind;
        self.numbers[index] = value.number;
    }

    /// Gives all of some general registers, a bit for each, the same value.
    #[inline(always)]
    pub(crate) fn set_all(&mut self, mut registers: u32, value: Value) {
        while registers != 0 {
            self.set(Reg((registers.trailing_zeros() & 31) as u8), value);
            registers &= registers - 1;
        }
    }

    /// What an operation that is not followed makes of some general registers, a bit for each.
    #[inline(always)]
    pub(crate) fn mixed(&self, registers: u32) -> Value {
        let members = (0..31).filter(|number| registers >> number & 1 == 1);
        unfollowed(members.map(|number| self.or_sp(Reg(number))))
    }

    /// Whether one of some general registers, a bit for each, carries what the caller had
    /// in LR, R29 or R28.
    #[inline(always)]
    pub(crate) fn any_carries_caller(&self, mut registers: u32) -> bool {
        let mut carries = false;
        while registers != 0 {
            carries |= self.or_sp(Reg((registers.trailing_zeros() & 31) as u8)).carries_caller();
            registers &= registers - 1;
        }
        carries
    }

    /// Forgets X0 to X27, each of which has one value from then on.
    #[inline(always)]
    pub(crate) fn forget_general(&mut self, value: Value) {
        if let Some(general) = self.kinds.first_chunk_mut::<GENERAL>() {
            *general = [value.kind; GENERAL];
        }
    }

    /// What holds on both of two paths.
    pub(crate) fn meet(&self, other: &Self) -> Self {
        let mut both = self.clone();
        for register in (0..32).map(Reg) {
            both.set(register, self.or_sp(register).meet(other.or_sp(register)));
        }
        both
    }
}
