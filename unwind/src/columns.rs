//! Rows column by column, as Go's tables have them: depths in one, unsafe-point classes in
//! another.

use crate::{Depth, Index, Row, RowTable, UnsafePoint};
use core::ops::Range;

/// A run of boundaries with the same value. It ends where the next one starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run<T> {
    /// The first boundary of the run.
    pub start: Index,
    /// The value at each boundary of the run.
    pub value: T,
}

/// A value for each boundary before [`Column::end`]: runs in ascending order, the first at
/// the entry, none equal to its neighbour.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column<T> {
    runs: Vec<Run<T>>,
    end: Index,
}

/// The rows of a function that is read: what a [`RowTable`] has in one, in less time for
/// whoever looks at each column by itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Columns {
    /// How deep SP is below the CFA.
    pub depths: Column<Depth>,
    /// Whether a goroutine can be preempted, and where it then resumes.
    pub classes: Column<UnsafePoint>,
}

/// Rows in one form, which makes the other in memory that it is given. Both have the same
/// rows: there are no other implementations.
pub trait Rows: form::Form {
    /// The columns.
    fn columns<'a>(&'a self, memory: &'a mut Columns) -> &'a Columns;

    /// The table.
    fn table<'a>(&'a self, memory: &'a mut RowTable) -> &'a RowTable;
}

/// The forms that there are.
mod form {
    pub trait Form {}

    impl Form for super::Columns {}

    impl Form for super::RowTable {}
}

impl<T> Default for Column<T> {
    fn default() -> Self {
        Self { runs: Vec::new(), end: Index(0) }
    }
}

impl<T: Copy + PartialEq> Column<T> {
    /// Forgets the values and keeps the memory.
    pub fn clear(&mut self) {
        self.runs.clear();
        self.end = Index(0);
    }

    /// Appends a value for the boundaries up to `end`, behind those that are there.
    #[inline]
    pub fn push(&mut self, value: T, end: Index) {
        if end <= self.end {
            return;
        }
        let start = self.end;
        self.end = end;
        if self.runs.last().is_none_or(|last| last.value != value) {
            self.runs.push(Run { start, value });
        }
    }

    /// The runs, in ascending order.
    #[inline(always)]
    #[must_use]
    pub fn runs(&self) -> &[Run<T>] {
        &self.runs
    }

    /// The boundary behind the last one that has a value.
    #[inline(always)]
    #[must_use]
    pub const fn end(&self) -> Index {
        self.end
    }

    /// The boundaries of the run that one is in, or `None` behind the end.
    #[must_use]
    pub fn range(&self, at: Index) -> Option<Range<Index>> {
        let (position, run) = self.at(at)?;
        let end = self.runs.get(position + 1).map_or(self.end, |next| next.start);
        Some(run.start..end)
    }

    /// The value at a boundary, or `None` behind the end.
    #[must_use]
    pub fn value(&self, at: Index) -> Option<T> {
        self.at(at).map(|(_, run)| run.value)
    }

    fn at(&self, at: Index) -> Option<(usize, &Run<T>)> {
        let position = self.runs.partition_point(|run| run.start <= at).checked_sub(1)?;
        let run = self.runs.get(position)?;
        (at < self.end).then_some((position, run))
    }
}

impl Columns {
    /// Columns without values.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the values and keeps the memory.
    pub fn clear(&mut self) {
        self.depths.clear();
        self.classes.clear();
    }

    /// The row of a boundary, or `None` behind the end of a column.
    #[must_use]
    pub fn row(&self, at: Index) -> Option<Row> {
        let (depth, unsafe_point) = (self.depths.value(at)?, self.classes.value(at)?);
        Some(Row { depth, unsafe_point })
    }
}

impl Rows for Columns {
    fn columns<'a>(&'a self, _: &'a mut Columns) -> &'a Columns {
        self
    }

    fn table<'a>(&'a self, memory: &'a mut RowTable) -> &'a RowTable {
        memory.clear();
        let (mut depths, mut classes) = (self.depths.runs(), self.classes.runs());
        while let ([depth, next_depths @ ..], [class, next_classes @ ..]) = (depths, classes) {
            let ends = |next: Option<Index>, end| next.unwrap_or(end);
            let depth_end = ends(next_depths.first().map(|run| run.start), self.depths.end());
            let class_end = ends(next_classes.first().map(|run| run.start), self.classes.end());
            let end = depth_end.min(class_end);
            let row = Row { depth: depth.value, unsafe_point: class.value };
            memory.push(row, end.0 - memory.end().0);
            if depth_end == end {
                depths = next_depths;
            }
            if class_end == end {
                classes = next_classes;
            }
        }
        memory
    }
}

impl Rows for RowTable {
    fn columns<'a>(&'a self, memory: &'a mut Columns) -> &'a Columns {
        memory.clear();
        let ends = self.spans().iter().skip(1).map(|next| next.start).chain([self.end()]);
        for (span, end) in self.spans().iter().zip(ends) {
            memory.depths.push(span.row.depth, end);
            memory.classes.push(span.row.unsafe_point, end);
        }
        memory
    }

    fn table<'a>(&'a self, _: &'a mut RowTable) -> &'a RowTable {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use UnsafePoint::{Restart1, Safe, Unsafe};

    fn column<T: Copy + PartialEq>(runs: &[(T, u32)]) -> Column<T> {
        let mut column = Column::default();
        for &(value, end) in runs {
            column.push(value, Index(end));
        }
        column
    }

    #[test]
    fn a_column_has_one_run_for_equal_neighbours_and_none_for_nothing() {
        let column = column(&[(Safe, 2), (Safe, 3), (Unsafe, 3), (Unsafe, 5), (Safe, 6)]);
        let runs: Vec<_> = column.runs().iter().map(|run| (run.start.0, run.value)).collect();
        assert_eq!(runs, [(0, Safe), (3, Unsafe), (5, Safe)]);
        assert_eq!(column.end(), Index(6));
        let values = (0..7).map(|at| column.value(Index(at)));
        let expected =
            [Some(Safe); 3].into_iter().chain([Some(Unsafe); 2]).chain([Some(Safe), None]);
        assert!(values.eq(expected));
        assert_eq!(column.range(Index(4)), Some(Index(3)..Index(5)));
        assert_eq!(column.range(Index(5)), Some(Index(5)..Index(6)));
        assert_eq!(column.range(Index(6)), None);
    }

    /// Each boundary has the row that it has, in both forms, whatever the memory held.
    #[test]
    fn both_forms_have_the_same_rows() {
        let depths = [(Depth(0), 2), (Depth(32), 9), (Depth(0), 10)];
        let classes = [(Safe, 1), (Unsafe, 2), (Restart1, 4), (Safe, 10)];
        let columns = Columns { depths: column(&depths), classes: column(&classes) };
        let mut table = RowTable::new();
        table.push(Row { depth: Depth(48), unsafe_point: Unsafe }, 20);
        let table = columns.table(&mut table);
        assert_eq!((table.end(), table.spans().len()), (Index(10), 5));
        for at in 0..12 {
            let find = |runs: &[(_, u32)]| runs.iter().find(|&&(_, end)| at < end).map(|run| run.0);
            let class = classes.iter().find(|&&(_, end)| at < end).map(|&(class, _)| class);
            let row = find(&depths).zip(class);
            let row = row.map(|(depth, unsafe_point)| Row { depth, unsafe_point });
            assert_eq!((table.row(Index(at)), columns.row(Index(at))), (row, row), "{at}");
        }
        let mut memory = Columns { depths: column(&[(Depth(8), 30)]), classes: column(&[]) };
        assert_eq!(*table.columns(&mut memory), columns);
        assert_eq!(*columns.columns(&mut Columns::new()), columns);
        assert_eq!(*table.table(&mut RowTable::new()), *table);
    }

    /// Where one column ends, rows do.
    #[test]
    fn rows_end_with_the_shorter_column() {
        for (depths, classes) in [(4, 9), (9, 4)] {
            let columns = Columns {
                depths: column(&[(Depth(0), 2), (Depth(16), depths)]),
                classes: column(&[(Safe, 3), (Unsafe, classes)]),
            };
            let mut table = RowTable::new();
            assert_eq!(columns.table(&mut table).end(), Index(4));
            assert_eq!((columns.row(Index(3)).is_some(), columns.row(Index(4))), (true, None));
        }
    }
}
