//! What is known of the value of a register.

use super::range::{Range, Relation};

/// What is known of the value of a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Value {
    /// Nothing, but that it was not formed from SP as far as that is followed.
    Any,
    /// A number.
    Number(Range),
    /// SP at entry and so many bytes.
    Stack(Range),
    /// That, or what [`Value::Any`] stands for.
    MaybeStack(Range),
}

impl Value {
    /// An address that was formed from SP in a way that is not followed.
    pub(super) const LOST: Self = Self::MaybeStack(Range::ALL);

    pub(super) const fn number(number: i64) -> Self {
        Self::Number(Range::exactly(number))
    }

    /// Where it is below or above SP at entry, if it can be an address there.
    pub(super) const fn stack(self) -> Option<Range> {
        match self {
            Self::Stack(range) | Self::MaybeStack(range) => Some(range),
            Self::Any | Self::Number(_) => None,
        }
    }

    /// The number, if it can be nothing else.
    pub(super) fn exact_number(self) -> Option<i64> {
        if let Self::Number(range) = self { range.exact() } else { None }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => Self::of(one.plus(other)),
            (Self::Stack(stack), Self::Number(number))
            | (Self::Number(number), Self::Stack(stack)) => Self::Stack(stack.plus(number)),
            (Self::MaybeStack(stack), Self::Number(number))
            | (Self::Number(number), Self::MaybeStack(stack)) => {
                Self::MaybeStack(stack.plus(number))
            }
            _ => self.mixed(other),
        }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Stack(one), Self::Stack(other)) => Self::of(one.plus(other.negated())),
            (_, Self::Number(number)) => self.plus(Self::Number(number.negated())),
            _ => self.mixed(other),
        }
    }

    /// Shifted left.
    pub(super) fn shifted(self, by: u32) -> Self {
        match self {
            value if by == 0 => value,
            Self::Number(range) => Self::of(range.shifted(by)),
            value => value.mixed(Self::Any),
        }
    }

    /// Bitwise AND with a constant.
    pub(super) fn masked(self, mask: u64) -> Self {
        if let Some(number) = self.exact_number() {
            return Self::number(number & mask.cast_signed());
        }
        // The lowest bits of a number that has no others.
        let lowest = mask & mask.wrapping_add(1) == 0 && mask.cast_signed() >= 0;
        if let Self::Number(range) = self
            && lowest
            && Range::between(0, mask.cast_signed()).contains(range)
        {
            return self;
        }
        // What is left of an address when its upper half is gone is a number.
        if mask >> 32 == 0 || mask.cast_signed() >= 0 && self.stack().is_none() {
            return Self::Number(Range::between(0, mask.cast_signed()));
        }
        let aligns = !mask & (!mask).wrapping_add(1) == 0;
        match self {
            Self::Stack(range) if aligns => Self::Stack(range.aligned((!mask).wrapping_add(1))),
            Self::Number(range) if aligns && range.low().is_some_and(|low| low >= 0) => {
                Self::of(Range::between(0, range.high().unwrap_or(i64::MAX)))
            }
            value => value.mixed(Self::Any),
        }
    }

    /// Bitwise OR with a constant, which adds at most that.
    pub(super) fn filled(self, bits: u64) -> Self {
        match (self, bits.cast_signed()) {
            (Self::Number(range), bits) if range.exact() == Some(0) => Self::number(bits),
            (_, bits @ 0..) => self.plus(Self::Number(Range::between(0, bits))),
            _ => self.mixed(Self::Any),
        }
    }

    /// The lower half, with zeros above it.
    pub(super) fn lower_half(self) -> Self {
        match self {
            Self::Number(range) if Range::bits(32).contains(range) => self,
            value => match value.exact_number() {
                Some(number) => Self::number(number & 0xffff_ffff),
                None => Self::Number(Range::bits(32)),
            },
        }
    }

    /// What an operation makes of two values that is not followed.
    pub(super) fn mixed(self, other: Self) -> Self {
        match (self.stack(), other.stack()) {
            (None, None) => Self::Any,
            _ => Self::LOST,
        }
    }

    /// One or the other.
    pub(super) fn joined(self, other: Self) -> Self {
        match (self, other) {
            (one, other) if one == other => one,
            (Self::Number(one), Self::Number(other)) => Self::of(one.joined(other)),
            (Self::Stack(one), Self::Stack(other)) => Self::Stack(one.joined(other)),
            (one, other) => match (one.stack(), other.stack()) {
                (Some(one), Some(other)) => Self::MaybeStack(one.joined(other)),
                (Some(range), None) | (None, Some(range)) => Self::MaybeStack(range),
                (None, None) => Self::Any,
            },
        }
    }

    /// What is assumed of a value that keeps changing in a loop: a number may be any up to
    /// the next of `stops`, and a stack address any from some address upwards. Downwards it
    /// is followed step by step, as long as `is_patient`.
    pub(super) fn widened(self, before: Self, stops: &[i64], is_patient: bool) -> Self {
        let stack = |range: Range, before: Range| {
            let range = range.open_above(before, &[]);
            if is_patient { range } else { range.open_below(before, &[]) }
        };
        match (self, before) {
            (Self::Number(range), Self::Number(before)) => {
                Self::of(range.open_above(before, stops).open_below(before, &[0, -1]))
            }
            (Self::Stack(range), Self::Stack(before)) => Self::Stack(stack(range, before)),
            (Self::MaybeStack(range), before) => match before.stack() {
                Some(before) => Self::MaybeStack(stack(range, before)),
                None => self,
            },
            _ => self,
        }
    }

    /// What is known behind a comparison with another value that came out so. `None`
    /// if it cannot.
    pub(super) fn related(self, relation: Relation, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => {
                one.related(relation, other).map(Self::Number)
            }
            (Self::Any, Self::Number(other)) => Range::ALL.related(relation, other).map(Self::of),
            (Self::Stack(one), Self::Stack(other)) => one.related(relation, other).map(Self::Stack),
            _ => Some(self),
        }
    }

    fn of(range: Range) -> Self {
        if range == Range::ALL { Self::Any } else { Self::Number(range) }
    }
}
