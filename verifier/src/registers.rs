//! The registers of the machine, as far as their values are known.

use crate::decode::Reg;
use crate::operands::Regs;
use unwind::Depth;

/// What kind of value a register has.
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
    /// The address that the function returns to.
    Return,
    /// What R29 held at the entry: the caller's frame pointer.
    Caller,
    /// A word loaded by an index, from a table of 8-byte words at this address.
    Element,
    /// Nothing is known.
    Unknown,
    /// Something else.
    Other,
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
    pub(crate) const RETURN: Self = Self::of(Kind::Return);
    pub(crate) const CALLER: Self = Self::of(Kind::Caller);

    const fn of(kind: Kind) -> Self {
        Self { kind, number: 0 }
    }

    pub(crate) const fn constant(number: u64) -> Self {
        Self { kind: Kind::Const, number }
    }

    pub(crate) const fn address(number: u64) -> Self {
        Self { kind: Kind::Address, number }
    }

    pub(crate) const fn element(table: u64) -> Self {
        Self { kind: Kind::Element, number: table }
    }

    /// The CFA minus a depth.
    pub(crate) const fn below_cfa(depth: Depth) -> Self {
        Self { kind: Kind::Stack, number: depth.0.cast_unsigned().wrapping_neg() }
    }

    /// How deep below the CFA it is, if it is an address in the stack.
    #[inline(always)]
    pub(crate) fn depth(self) -> Option<Depth> {
        let depth = Depth(self.number.wrapping_neg().cast_signed());
        (self.kind == Kind::Stack).then_some(depth)
    }

    /// The value with a number added to it.
    #[inline(always)]
    pub(crate) fn plus(self, by: i64) -> Self {
        let number = self.number.wrapping_add_signed(by);
        match self.kind {
            Kind::Const | Kind::Address | Kind::Stack => Self { kind: self.kind, number },
            _ if by == 0 => self,
            Kind::Return | Kind::Caller | Kind::Other => Self::OTHER,
            Kind::Element | Kind::Unknown => Self::UNKNOWN,
        }
    }
}

/// The values of X0 to X30 and, at 31, of SP. Kinds and numbers are stored apart,
/// since most instructions concern the kind alone.
#[derive(Clone, Debug)]
pub(crate) struct Registers {
    kinds: [Kind; 32],
    numbers: [u64; 32],
}

impl Registers {
    pub(crate) const fn new() -> Self {
        Self { kinds: [Kind::Unknown; 32], numbers: [0; 32] }
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

    /// Puts 16 bits into a register.
    #[inline(always)]
    pub(crate) fn insert(&mut self, register: Reg, imm: u16, shift: u8) {
        let index = (register.0 & 31) as usize;
        let number = &mut self.numbers[index];
        *number = *number & !(0xffff << (shift & 63)) | u64::from(imm) << (shift & 63);
        if self.kinds[index] != Kind::Const {
            self.kinds[index] = Kind::Unknown;
        }
    }

    /// Forgets the values of all these but SP.
    #[inline(always)]
    pub(crate) fn forget(&mut self, registers: Regs) {
        let mut rest = registers.0 & Regs::GENERAL.0;
        while rest != 0 {
            self.kinds[rest.trailing_zeros() as usize & 31] = Kind::Unknown;
            rest &= rest - 1;
        }
    }

    /// Forgets all but SP, LR and R29.
    #[inline(always)]
    pub(crate) fn forget_general(&mut self) {
        if let Some(general) = self.kinds.first_chunk_mut::<29>() {
            *general = [Kind::Unknown; 29];
        }
    }
}
