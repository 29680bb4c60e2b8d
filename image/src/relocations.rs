//! What the loader writes over the bytes of a file.
//!
//! A position-independent program has a pointer for nearly everything that it knows, a
//! hundred thousand of them and more. They are left where they are in the file, and
//! looked up there.

use crate::bytes::u64_at;

/// What the loader writes at an address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relocation {
    /// The address of the eight bytes.
    pub(crate) at: u64,
    /// The value, or `None` when it is not known before the program runs.
    pub(crate) value: Option<u64>,
}

/// An address to which the loader adds the bias, as ELF's tables have it (`Elf64_Rela`):
/// where it stands, what kind of relocation it is, the address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relative<'a>(&'a Entry);

/// The bytes of one.
pub(crate) type Entry = [u8; 24];

/// All relocations of a file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Relocations<'a> {
    relative: &'a [Entry],
    /// Ascending.
    others: Vec<Relocation>,
}

/// What is written at the eight bytes of an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Written {
    /// Nothing.
    Nothing,
    /// A value, if it is known.
    Value(Option<u64>),
    /// A value at an address less than eight bytes off.
    Partly,
}

impl Relative<'_> {
    pub(crate) fn at(&self) -> u64 {
        u64_at(self.0, 0).unwrap_or(0)
    }

    pub(crate) fn value(&self) -> u64 {
        u64_at(self.0, 16).unwrap_or(0)
    }
}

impl<'a> Relocations<'a> {
    /// Those of a table that are left where they are, each further on than the one before,
    /// and others, in any order. Of two at one address the later counts, and others do.
    pub(crate) fn new(relative: &'a [Entry], mut others: Vec<Relocation>) -> Self {
        if !others.is_sorted_by_key(|relocation| relocation.at) {
            others.sort_by_key(|relocation| relocation.at);
        }
        Self { relative, others }
    }

    /// Those of the ones left in the file that the next three follow at these distances.
    pub(crate) fn followed(&self, distances: [u64; 3]) -> impl Iterator<Item = Relative<'a>> {
        let is_followed = move |[first, next @ ..]: &&[Entry; 4]| {
            let at = Relative(first).at();
            let mut pairs = next.iter().zip(distances);
            pairs.all(|(next, distance)| Relative(next).at().wrapping_sub(at) == distance)
        };
        self.relative.array_windows().filter(is_followed).map(|[first, ..]| Relative(first))
    }

    /// Where a value is written, if nothing else is.
    pub(crate) fn of(&self, value: u64) -> impl Iterator<Item = u64> {
        let in_file =
            self.relative.iter().map(Relative).filter(move |relative| relative.value() == value);
        let others = self.others.iter().filter(move |other| other.value == Some(value));
        in_file.map(|relative| relative.at()).chain(others.map(|other| other.at))
    }

    /// What is written at an address.
    pub(crate) fn at(&self, address: u64) -> Written {
        let after = self.others.partition_point(|other| other.at <= address);
        let (before, behind) = self.others.split_at_checked(after).unwrap_or_default();
        let others = near(
            address,
            before.last().map(|last| (last.at, last.value)),
            behind.first().map(|first| first.at),
        );
        if matches!(others, Written::Value(_)) || self.relative.is_empty() {
            return others;
        }
        let after = self.relative.partition_point(|relative| Relative(relative).at() <= address);
        let (before, behind) = self.relative.split_at_checked(after).unwrap_or_default();
        let relative = near(
            address,
            before.last().map(Relative).map(|last| (last.at(), Some(last.value()))),
            behind.first().map(Relative).map(|first| first.at()),
        );
        match relative {
            Written::Nothing => others,
            found => found,
        }
    }
}

/// What is written at an address, by the last relocation up to there or the next one.
fn near(address: u64, last: Option<(u64, Option<u64>)>, next: Option<u64>) -> Written {
    match (last, next) {
        (Some((at, value)), _) if at == address => Written::Value(value),
        (Some((at, _)), _) if address - at < 8 => Written::Partly,
        (_, Some(next)) if next - address < 8 => Written::Partly,
        _ => Written::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: u64, value: u64) -> Entry {
        let mut entry = [0; 24];
        entry[..8].copy_from_slice(&at.to_le_bytes());
        entry[16..].copy_from_slice(&value.to_le_bytes());
        entry
    }

    /// Wherever a relocation is kept, it says the same; of two at one address the listed one
    /// counts.
    #[test]
    fn what_is_written_does_not_depend_on_where_it_is_kept() {
        let table = [(0x100, 1), (0x108, 2), (0x120, 3)];
        let entries = table.map(|(at, value)| entry(at, value));
        let listed = table.map(|(at, value)| Relocation { at, value: Some(value) });
        let kept = Relocations::new(&entries, Vec::new());
        let sorted = Relocations::new(&[], listed.into_iter().rev().collect());
        for (at, expected) in [
            (0xf8, Written::Nothing),
            (0xf9, Written::Partly),
            (0x100, Written::Value(Some(1))),
            (0x101, Written::Partly),
            (0x108, Written::Value(Some(2))),
            (0x10f, Written::Partly),
            (0x110, Written::Nothing),
            (0x119, Written::Partly),
            (0x127, Written::Partly),
            (0x128, Written::Nothing),
            (u64::MAX, Written::Nothing),
        ] {
            assert_eq!(kept.at(at), expected, "{at:#x}");
            assert_eq!(sorted.at(at), expected, "{at:#x}");
        }
        assert_eq!(kept.of(2).collect::<Vec<_>>(), [0x108]);
        assert_eq!(sorted.of(2).collect::<Vec<_>>(), [0x108]);
        let both = Relocations::new(&entries, vec![Relocation { at: 0x108, value: None }]);
        assert_eq!(both.at(0x108), Written::Value(None));
        assert_eq!(both.at(0x10c), Written::Partly);
        assert_eq!(both.at(0x120), Written::Value(Some(3)));
    }

    #[test]
    fn those_are_found_that_others_follow() {
        let at = [0, 8, 16, 40, 64, 72, 96, 120, 1000];
        let entries = at.map(|at| entry(0x1000 + at, at));
        let relocations = Relocations::new(&entries, Vec::new());
        let found = relocations.followed([8, 32, 56]).map(|found| found.value());
        assert_eq!(found.collect::<Vec<_>>(), [8, 64]);
        assert_eq!(Relocations::new(&entries[..3], Vec::new()).followed([8, 32, 56]).count(), 0);
    }
}
