//! Sets of parts of the machine, numbered as both judges number them.

use std::fmt;

/// The first general register.
pub(super) const GENERAL: u32 = 0;
/// The stack pointer.
pub(super) const SP: u32 = 31;
/// The flags.
pub(super) const FLAGS: u32 = 32;
/// The first vector.
pub(super) const VECTORS: u32 = 33;
/// The first predicate.
pub(super) const PREDICATES: u32 = 65;
/// The first-fault register.
pub(super) const FFR: u32 = 81;
/// ZA and ZT0.
pub(super) const ZA: u32 = 82;
/// All system state that has no part of its own.
pub(super) const OTHER: u32 = 83;
/// Memory.
pub(super) const MEMORY: u32 = 84;

/// A set of parts: bit n for part n.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Set(pub u128);

impl Set {
    /// X0 to X30, SP and the flags: what LLVM's lists are exact about.
    pub const EXACT: Self = Self((1 << VECTORS) - 1);
    /// All registers that both judges can name.
    pub const REGISTERS: Self = Self((1 << OTHER) - 1);

    /// The set of one part.
    #[must_use]
    pub const fn of(part: u32) -> Self {
        Self(1 << part)
    }

    /// The parts that are in this set and not in another.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The parts that are in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The parts that are in one of the sets.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a part is in the set.
    #[must_use]
    pub const fn has(self, part: u32) -> bool {
        self.0 >> part & 1 != 0
    }

    /// Whether no part is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The set of the parts of these names, with commas between them, and the names that belong
    /// to none.
    #[must_use]
    pub fn parse(names: &str) -> (Self, Vec<&str>) {
        let mut set = Self::default();
        let mut rest = Vec::new();
        for name in names.split(',').filter(|name| !name.is_empty()) {
            match number(name) {
                Some(part) => set = set.or(Self::of(part)),
                None => rest.push(name),
            }
        }
        (set, rest)
    }
}

/// The number of the part of a name.
fn number(name: &str) -> Option<u32> {
    let fixed = match name {
        "SP" => SP,
        "NZCV" => FLAGS,
        "FFR" => FFR,
        "ZA" | "ZT0" => ZA,
        _ => {
            let (file, number) = name.split_at_checked(1)?;
            let number: u32 = number.parse().ok()?;
            let (first, count) = match file {
                "X" => (GENERAL, 31),
                "V" => (VECTORS, 32),
                "P" => (PREDICATES, 16),
                _ => return None,
            };
            return (number < count).then_some(first + number);
        }
    };
    Some(fixed)
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for part in (0..u128::BITS).filter(|&part| self.has(part)) {
            f.write_str(separator)?;
            separator = " ";
            match part {
                SP => f.write_str("SP"),
                FLAGS => f.write_str("NZCV"),
                FFR => f.write_str("FFR"),
                ZA => f.write_str("ZA"),
                OTHER => f.write_str("other"),
                MEMORY => f.write_str("memory"),
                0..SP => write!(f, "X{part}"),
                VECTORS..PREDICATES => write!(f, "V{}", part - VECTORS),
                PREDICATES..FFR => write!(f, "P{}", part - PREDICATES),
                _ => write!(f, "part {part}"),
            }?;
        }
        Ok(())
    }
}
