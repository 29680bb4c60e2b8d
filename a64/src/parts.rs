//! Sets of parts of the machine's state: registers of each file, flags, memory.

use crate::decode::Reg;

/// A set of parts of the machine's state.
///
/// Registers of different files are different parts: V27 is not X27.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Parts(pub u128);

impl Parts {
    /// The empty set.
    pub const NONE: Self = Self(0);
    /// X0 to X30.
    pub const GENERAL: Self = Self(0x7fff_ffff);
    /// The stack pointer.
    pub const SP: Self = Self(1 << 31);
    /// The condition flags, NZCV.
    pub const FLAGS: Self = Self(1 << 32);
    /// V0 to V31, and Z0 to Z31 of which they are the lowest bits.
    pub const VECTORS: Self = Self(0xffff_ffff << 33);
    /// P0 to P15.
    pub const PREDICATES: Self = Self(0xffff << 65);
    /// The first-fault register of SVE.
    pub const FIRST_FAULT: Self = Self(1 << 81);
    /// ZA, ZT0 and the streaming mode of SME.
    pub const MATRIX: Self = Self(1 << 82);
    /// Other system state: FPSR, FPCR, TPIDR, the exclusive monitor, keys, random numbers.
    pub const SYSTEM: Self = Self(1 << 83);
    /// Memory, but for tags: a load reads it, a store writes it.
    pub const MEMORY: Self = Self(1 << 84);
    /// The allocation tags of memory.
    pub const TAGS: Self = Self(1 << 85);
    /// Memory that is changed by what is found there, as a counter is: to execute the
    /// instruction twice is not the same as once, whatever the registers.
    pub const COUNT: Self = Self(1 << 86);
    /// The parts that a [`Core`] can hold: general registers, SP, the flags, memory and
    /// [`Parts::COUNT`].
    pub const CORE: Self =
        Self(Self::GENERAL.0 | Self::SP.0 | Self::FLAGS.0 | Self::MEMORY.0 | Self::COUNT.0);
    /// Every part.
    pub const ALL: Self = Self((1 << 87) - 1);

    /// A general register, where 31 is ZR and no part.
    #[inline]
    #[must_use]
    pub const fn or_zero(register: Reg) -> Self {
        Self(1 << (register.0 & 31) & Self::GENERAL.0)
    }

    /// A general register, where 31 is SP.
    #[inline]
    #[must_use]
    pub const fn or_sp(register: Reg) -> Self {
        Self(1 << (register.0 & 31))
    }

    /// A vector register; numbers count modulo 32.
    #[inline]
    #[must_use]
    pub const fn vector(number: u8) -> Self {
        Self(1 << (33 + (number & 31)))
    }

    /// A predicate register; numbers count modulo 16.
    #[inline]
    #[must_use]
    pub const fn predicate(number: u8) -> Self {
        Self(1 << (65 + (number & 15)))
    }

    /// These parts if a condition holds, or none.
    #[inline]
    #[must_use]
    pub const fn when(self, condition: bool) -> Self {
        if condition { self } else { Self::NONE }
    }

    /// Whether all members of another set are in this one.
    #[inline]
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Whether no part is in the set.
    #[inline]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The parts that the rules of the verifier are about.
    #[inline]
    #[must_use]
    pub const fn core(self) -> Core {
        let low = (self.0 & 0x1_ffff_ffff) as u64;
        let memory = (self.0 >> 84 & 1) as u64;
        let count = (self.0 >> 86 & 1) as u64;
        Core(low | memory << 33 | count << 34)
    }
}

/// What [`Parts`] and [`Core`] have in common: the operations of sets of bits.
macro_rules! set_operations {
    ($set:ty) => {
        impl $set {
            /// The union of two sets.
            #[inline]
            #[must_use]
            pub const fn with(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// These parts without those of another set.
            #[inline]
            #[must_use]
            pub const fn without(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }

            /// The intersection of two sets.
            #[inline]
            #[must_use]
            pub const fn and(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }

            /// Whether two sets have a member in common.
            #[inline]
            #[must_use]
            pub const fn meets(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }
        }
    };
}

set_operations!(Parts);
set_operations!(Core);

/// A superset of the truth: what is not in it is certainly not concerned.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct May(pub Parts);

impl May {
    /// Whether one of these parts may be concerned.
    #[must_use]
    pub const fn meets(self, parts: Parts) -> bool {
        self.0.meets(parts)
    }
}

/// A subset of the truth: what is in it is concerned whatever the machine's state.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Must(pub Parts);

impl Must {
    /// Whether all of these parts are concerned for sure.
    #[must_use]
    pub const fn contains(self, parts: Parts) -> bool {
        self.0.contains(parts)
    }

    /// Whether one of these parts is concerned for sure.
    #[must_use]
    pub const fn meets(self, parts: Parts) -> bool {
        self.0.meets(parts)
    }
}

/// The general registers, SP, the flags, memory and the count of a [`Parts`], in one
/// machine word: bit n for Xn, bit 31 for SP.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Core(pub u64);

impl Core {
    /// The empty set.
    pub const NONE: Self = Self(0);
    /// X0 to X30.
    pub const GENERAL: Self = Parts::GENERAL.core();
    /// The stack pointer.
    pub const SP: Self = Parts::SP.core();
    /// The condition flags.
    pub const FLAGS: Self = Parts::FLAGS.core();
    /// [`Parts::MEMORY`].
    pub const MEMORY: Self = Parts::MEMORY.core();
    /// [`Parts::COUNT`].
    pub const COUNT: Self = Parts::COUNT.core();
    /// R27, which Go's assembler uses (`asm7.go`, REGTMP).
    pub const TMP: Self = Self::or_zero(Reg::TMP);

    /// One register, where 31 is SP.
    #[inline]
    #[must_use]
    pub const fn or_sp(register: Reg) -> Self {
        Parts::or_sp(register).core()
    }

    /// One register, where 31 is ZR.
    #[inline]
    #[must_use]
    pub const fn or_zero(register: Reg) -> Self {
        Parts::or_zero(register).core()
    }
}
