//! Intervals of 64-bit numbers, with the distance between their members.

/// Numbers from `low` to `high`, each a multiple of `step` above `low`. `i64::MIN`
/// and `i64::MAX` stand for no bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Range {
    low: i64,
    high: i64,
    step: u64,
}

/// How two numbers compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Relation {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Relation {
    /// The same with the sides exchanged.
    pub(super) const fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }
}

impl Range {
    /// Every number.
    pub(super) const ALL: Self = Self { low: i64::MIN, high: i64::MAX, step: 1 };

    pub(super) const fn exactly(number: i64) -> Self {
        Self::between(number, number)
    }

    pub(super) const fn between(low: i64, high: i64) -> Self {
        Self { low, high, step: if low == high { 0 } else { 1 } }
    }

    /// The numbers of so many bits.
    pub(super) const fn bits(count: u32) -> Self {
        if count >= 63 { Self::between(0, i64::MAX) } else { Self::between(0, (1 << count) - 1) }
    }

    /// The only member, if there is one.
    pub(super) fn exact(self) -> Option<i64> {
        let bounded = self.low != i64::MIN && self.high != i64::MAX;
        (bounded && self.low == self.high).then_some(self.low)
    }

    /// The least member; `None` if there is no bound.
    pub(super) fn low(self) -> Option<i64> {
        (self.low != i64::MIN).then_some(self.low)
    }

    /// The greatest member; `None` if there is no bound.
    pub(super) fn high(self) -> Option<i64> {
        (self.high != i64::MAX).then_some(self.high)
    }

    pub(super) fn contains(self, other: Self) -> bool {
        self.low <= other.low && other.high <= self.high
    }

    /// Sums. Those that do not fit may be any number.
    pub(super) fn plus(self, other: Self) -> Self {
        let low = self.low().zip(other.low()).map(|(one, other)| one.checked_add(other));
        let high = self.high().zip(other.high()).map(|(one, other)| one.checked_add(other));
        match (low, high) {
            (Some(None), _) | (_, Some(None)) => Self::ALL,
            (low, high) => Self::made(low.flatten(), high.flatten(), gcd(self.step, other.step)),
        }
    }

    pub(super) fn negated(self) -> Self {
        let negate = |bound: Option<i64>| bound.and_then(i64::checked_neg);
        Self::made(negate(self.high()), negate(self.low()), self.step)
    }

    /// All of them times a power of two.
    pub(super) fn shifted(self, by: u32) -> Self {
        let scale = |bound: i64| bound.checked_mul(1_i64.checked_shl(by).filter(|_| by < 62)?);
        match (self.low().map(scale), self.high().map(scale)) {
            (Some(None), _) | (_, Some(None)) => Self::ALL,
            (low, high) => {
                Self::made(low.flatten(), high.flatten(), self.step.checked_shl(by).unwrap_or(1))
            }
        }
    }

    /// The numbers of both.
    pub(super) fn joined(self, other: Self) -> Self {
        let distance = match (self.low(), other.low()) {
            (Some(one), Some(other)) => one.abs_diff(other),
            _ => 1,
        };
        let low = self.low.min(other.low);
        let high = self.high.max(other.high);
        let step = gcd(gcd(self.step, other.step), distance);
        Self::made((low != i64::MIN).then_some(low), (high != i64::MAX).then_some(high), step)
    }

    /// If its greatest bound is above the one of `before`: with the first of `stops`, which
    /// ascend, that is above it too in its place, or without it.
    pub(super) fn open_above(self, before: Self, stops: &[i64]) -> Self {
        if self.high <= before.high {
            return self;
        }
        let stop = stops.get(stops.partition_point(|&stop| stop < self.high)..);
        let stop = stop.and_then(<[i64]>::first).copied();
        Self::made(self.low(), stop.filter(|_| self.high != i64::MAX), 1)
    }

    /// If its least bound is below the one of `before`: with the first of `stops` that
    /// is below it too in its place, or without it.
    pub(super) fn open_below(self, before: Self, stops: &[i64]) -> Self {
        match self.low() {
            Some(low) if low < before.low => {
                let stop = stops.iter().copied().find(|&stop| stop <= low);
                Self::made(stop, self.high(), 1)
            }
            _ => self,
        }
    }

    /// Of addresses relative to a multiple of 16: the same rounded down to a multiple of
    /// `align`, a power of two.
    pub(super) fn aligned(self, align: u64) -> Self {
        let align = align.cast_signed().max(1);
        let down = |bound: Option<i64>| bound.map(|bound| bound & -align.min(16));
        // What the base is beyond a multiple of 16 is not known.
        let unknown = (align - 16).max(0);
        let low = down(self.low()).and_then(|low| low.checked_sub(unknown));
        Self::made(low, down(self.high()), 1)
    }

    /// Those that are in such a relation to a member of `other`; `None` for none.
    pub(super) fn related(self, relation: Relation, other: Self) -> Option<Self> {
        let one_less = |bound: i64| bound.checked_sub(1);
        let one_more = |bound: i64| bound.checked_add(1);
        match relation {
            Relation::Equal => self.at_least(other.low())?.at_most(other.high()),
            Relation::Unequal => other.exact().map_or(Some(self), |number| self.without(number)),
            Relation::Less => match other.high() {
                Some(high) => self.at_most(Some(one_less(high)?)),
                None => Some(self),
            },
            Relation::LessOrEqual => self.at_most(other.high()),
            Relation::Greater => match other.low() {
                Some(low) => self.at_least(Some(one_more(low)?)),
                None => Some(self),
            },
            Relation::GreaterOrEqual => self.at_least(other.low()),
        }
    }

    fn at_least(self, bound: Option<i64>) -> Option<Self> {
        let Some(bound) = bound.filter(|&bound| bound > self.low) else { return Some(self) };
        let Some(low) = self.low() else {
            return (bound <= self.high).then(|| Self::made(Some(bound), self.high(), 1));
        };
        let step = self.step.max(1);
        let steps = bound.abs_diff(low).div_ceil(step);
        let low = low.checked_add_unsigned(steps.checked_mul(step)?)?;
        (low <= self.high).then(|| Self::made(Some(low), self.high(), self.step))
    }

    fn at_most(self, bound: Option<i64>) -> Option<Self> {
        let Some(bound) = bound.filter(|&bound| bound < self.high) else { return Some(self) };
        let Some(low) = self.low() else { return Some(Self::made(None, Some(bound), 1)) };
        let step = self.step.max(1);
        let steps = (bound >= low).then(|| bound.abs_diff(low) / step)?;
        let high = low.checked_add_unsigned(steps.checked_mul(step)?)?;
        Some(Self::made(Some(low), Some(high), self.step))
    }

    fn without(self, number: i64) -> Option<Self> {
        if self.exact() == Some(number) {
            return None;
        }
        let step = self.step.max(1);
        let (mut low, mut high) = (self.low(), self.high());
        if low == Some(number) {
            low = number.checked_add_unsigned(step);
        }
        if high == Some(number) {
            high = number.checked_sub_unsigned(step);
        }
        Some(Self::made(low, high, self.step))
    }

    fn made(low: Option<i64>, high: Option<i64>, step: u64) -> Self {
        let step = match (low, high) {
            (Some(low), Some(high)) if low == high => 0,
            (Some(_), Some(_)) => step.max(1),
            // A distance from no bound says nothing.
            (_, None) | (None, _) => 1,
        };
        Self { low: low.unwrap_or(i64::MIN), high: high.unwrap_or(i64::MAX), step }
    }
}

fn gcd(mut one: u64, mut other: u64) -> u64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All the members, of a range that is bounded.
    fn members(range: Range) -> Vec<i64> {
        let (low, high) = (range.low().expect("a bound"), range.high().expect("a bound"));
        (low..=high).step_by(range.step.max(1) as usize).collect()
    }

    fn small() -> Vec<Range> {
        let mut all = Vec::new();
        for low in -4..=4 {
            for step in 1..=3 {
                for count in 0..3 {
                    all.push(Range::made(Some(low), Some(low + count * step), step as u64));
                }
            }
        }
        all
    }

    /// Every operation holds what it holds for the members, one by one.
    #[test]
    fn nothing_is_lost() {
        let ranges = small();
        for &one in &ranges {
            for &other in &ranges {
                let sums = members(one.plus(other));
                let joined = members(one.joined(other));
                for a in members(one) {
                    assert!(joined.contains(&a), "{one:?} {other:?}");
                    assert!(members(one.negated()).contains(&-a), "{one:?}");
                    assert!(members(one.shifted(3)).contains(&(a * 8)), "{one:?}");
                    for b in members(other) {
                        assert!(sums.contains(&(a + b)), "{one:?} {other:?}");
                        assert!(joined.contains(&b), "{one:?} {other:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_relation_keeps_those_that_are_in_it() {
        use core::cmp::Ordering::{Equal, Greater, Less};
        let relations: [(Relation, &[core::cmp::Ordering]); 6] = [
            (Relation::Equal, &[Equal]),
            (Relation::Unequal, &[Less, Greater]),
            (Relation::Less, &[Less]),
            (Relation::LessOrEqual, &[Less, Equal]),
            (Relation::Greater, &[Greater]),
            (Relation::GreaterOrEqual, &[Greater, Equal]),
        ];
        for one in small() {
            for other in small() {
                for (relation, orders) in relations {
                    let kept = one.related(relation, other).map(members).unwrap_or_default();
                    for a in members(one) {
                        let related = members(other).iter().any(|b| orders.contains(&a.cmp(b)));
                        assert!(!related || kept.contains(&a), "{a} {relation:?} {other:?}");
                    }
                }
            }
        }
        // A loop that goes down in steps and ends at a number never passes it.
        let loop_counter = Range::made(Some(-20480), Some(-8192), 4096);
        let goes_on = loop_counter.related(Relation::Unequal, Range::exactly(-20480));
        assert_eq!(goes_on, Some(Range::made(Some(-16384), Some(-8192), 4096)));
        let ends = loop_counter.related(Relation::Equal, Range::exactly(-20480));
        assert_eq!(ends.and_then(Range::exact), Some(-20480));
    }

    #[test]
    fn what_does_not_fit_has_no_bound() {
        let great = Range::between(i64::MAX - 1, i64::MAX - 1);
        assert_eq!(great.plus(Range::exactly(1)).low(), Some(i64::MAX));
        assert_eq!(great.plus(Range::exactly(2)), Range::ALL);
        assert_eq!(great.shifted(1), Range::ALL);
        assert_eq!(Range::ALL.plus(Range::exactly(-8)), Range::ALL);
        let up = Range::made(Some(-16), None, 1);
        assert_eq!(up.plus(Range::exactly(-8)).low(), Some(-24));
        assert_eq!(up.negated().high(), Some(16));
    }

    #[test]
    fn what_moves_is_opened() {
        let before = Range::between(-8, 0);
        let up = Range::between(-8, 8);
        assert_eq!(
            (up.open_above(before, &[]).low(), up.open_above(before, &[]).high()),
            (Some(-8), None)
        );
        assert_eq!(up.open_above(before, &[0, 9, 12]).high(), Some(9));
        assert_eq!(up.open_above(before, &[7]).high(), None);
        assert_eq!(up.open_below(before, &[]), up);
        assert_eq!(Range::between(-16, 0).open_below(before, &[]).low(), None);
        let counter = Range::between(5, 9);
        assert_eq!(Range::between(4, 9).open_below(counter, &[0, -1]).low(), Some(0));
        assert_eq!(Range::between(-1, 9).open_below(counter, &[0, -1]).low(), Some(-1));
        assert_eq!(before.open_below(before, &[]).open_above(before, &[]), before);
    }

    /// SP at entry is a multiple of 16, and may be none of 32.
    #[test]
    fn alignment_goes_down_by_what_is_not_known() {
        let at = |offset| Range::exactly(offset);
        assert_eq!(at(-24).aligned(16), at(-32));
        assert_eq!(at(-24).aligned(8), at(-24));
        let lines = at(-24).aligned(64);
        // SP at entry = 0 modulo 64: -64. It is 48 modulo 64, 24 below is 24: 48 below 24
        // is a multiple of 64 at -48. It is 16 modulo 64: -8 is rounded to -64, at -80.
        assert!(lines.low() == Some(-80) && lines.high() == Some(-32), "{lines:?}");
    }
}
