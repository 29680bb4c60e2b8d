//! Rows and the table that holds them, one entry a run of equal rows.

use crate::{Depth, Index, UnsafePoint};

/// What the table declares for one boundary.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Row {
    /// How deep SP is below the CFA (Go's `pcsp`).
    pub depth: Depth,
    /// Whether a goroutine can be preempted here, and where it then resumes.
    pub unsafe_point: UnsafePoint,
}

/// A run of boundaries with the same row. It ends where the next one starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// The first boundary of the run.
    pub start: Index,
    /// The row of each boundary of the run.
    pub row: Row,
    /// The position in the table of the first span with the same unsafe-point class,
    /// of those that have it up to this one.
    class: u32,
}

/// The rows of one function: spans in ascending order, the first at the entry,
/// none equal to its neighbour, covering all boundaries before
/// [`RowTable::end`].
///
/// Made to be reused: [`RowTable::clear`] keeps the memory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RowTable {
    spans: Vec<Span>,
    end: Index,
}

impl RowTable {
    /// A table without rows.
    #[must_use]
    pub const fn new() -> Self {
        Self { spans: Vec::new(), end: Index(0) }
    }

    /// Forgets the rows and keeps the memory.
    pub fn clear(&mut self) {
        self.spans.clear();
        self.end = Index(0);
    }

    /// Writes the table anew, in less time than [`RowTable::clear`] and a
    /// [`RowTable::push`] for each row take.
    #[inline(always)]
    pub const fn rewrite(&mut self) -> RowWriter<'_> {
        self.end = Index(0);
        let row = Row { depth: Depth(0), unsafe_point: UnsafePoint::Safe };
        RowWriter { table: self, closed: 0, open: Span { start: Index(0), row, class: 0 } }
    }

    /// Writes the table anew, from where the writer of another one had come: the rows up
    /// to there are those of that table.
    #[inline(always)]
    pub fn rewrite_behind(&mut self, other: &Self, written: Written) -> RowWriter<'_> {
        self.end = Index(0);
        let Written { closed, open } = written;
        let theirs = other.spans.get(..closed).unwrap_or_default();
        match self.spans.get_mut(..closed) {
            Some(mine) => mine.copy_from_slice(theirs),
            None => {
                self.spans.clear();
                self.spans.extend_from_slice(theirs);
            }
        }
        RowWriter { table: self, closed, open }
    }

    /// Appends `count` boundaries with `row` behind those that are there.
    #[inline]
    pub fn push(&mut self, row: Row, count: u32) {
        if count == 0 {
            return;
        }
        let start = self.end;
        self.end = Index(start.0.saturating_add(count));
        let class = match self.spans.last() {
            Some(last) if last.row == row => return,
            Some(last) if last.row.unsafe_point == row.unsafe_point => last.class,
            _ => self.spans.len() as u32,
        };
        self.spans.push(Span { start, row, class });
    }

    /// Up to which boundary this table and another one have the same rows.
    #[must_use]
    pub fn common(&self, other: &Self) -> Index {
        let pairs = self.spans.iter().zip(&other.spans);
        let same = pairs.take_while(|(mine, theirs)| mine == theirs).count();
        let behind = |table: &Self| table.spans.get(same).map_or(table.end, |span| span.start);
        behind(self).min(behind(other))
    }

    /// The boundary behind the last one that has a row.
    #[must_use]
    pub const fn end(&self) -> Index {
        self.end
    }

    /// The spans, in ascending order.
    #[inline(always)]
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The span that a boundary lies in, or `None` behind the end.
    #[inline]
    #[must_use]
    pub fn span(&self, at: Index) -> Option<&Span> {
        self.spans.get(self.position(at)?)
    }

    /// The position of that span.
    #[inline]
    #[must_use]
    pub fn position(&self, at: Index) -> Option<usize> {
        if at >= self.end {
            return None;
        }
        self.spans.partition_point(|span| span.start <= at).checked_sub(1)
    }

    /// The first span of the run of equal unsafe-point class that a span of this table
    /// is part of, whatever the depths in it.
    #[inline(always)]
    #[must_use]
    pub fn class<'a>(&'a self, span: &'a Span) -> &'a Span {
        self.spans.get(span.class as usize).unwrap_or(span)
    }

    /// Where a goroutine that is preempted at `at` resumes: `at` itself unless the
    /// class says otherwise, and nowhere at all at an unsafe point
    /// (`runtime/preempt.go`, `isAsyncSafePoint`) or behind the end.
    #[must_use]
    pub fn resume(&self, at: Index) -> Option<Index> {
        let span = self.span(at)?;
        match span.row.unsafe_point {
            UnsafePoint::Safe => Some(at),
            UnsafePoint::Unsafe => None,
            UnsafePoint::Restart1 | UnsafePoint::Restart2 => Some(self.class(span).start),
            UnsafePoint::RestartAtEntry => Some(Index(0)),
        }
    }

    /// The depth declared where a goroutine that is preempted in `span` resumes,
    /// or `None` at an unsafe point.
    #[inline]
    #[must_use]
    pub fn resume_depth(&self, span: &Span) -> Option<Depth> {
        match span.row.unsafe_point {
            UnsafePoint::Safe => Some(span.row.depth),
            UnsafePoint::Unsafe => None,
            UnsafePoint::Restart1 | UnsafePoint::Restart2 => Some(self.class(span).row.depth),
            UnsafePoint::RestartAtEntry => self.spans.first().map(|first| first.row.depth),
        }
    }

    /// The row of a boundary, or `None` behind the end.
    #[inline]
    #[must_use]
    pub fn row(&self, at: Index) -> Option<Row> {
        self.spans.get(self.position(at)?).map(|span| span.row)
    }
}

/// How far a [`RowWriter`] has come.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    closed: usize,
    open: Span,
}

/// Writes a table from its first row on, over the spans of the table before.
/// The span that grows is kept here: neither it nor the number of spans waits for
/// memory that was just written to.
#[must_use = "the table is complete only after `finish`"]
#[derive(Debug)]
pub struct RowWriter<'a> {
    table: &'a mut RowTable,
    /// How many spans of the table are written.
    closed: usize,
    /// The span that grows.
    open: Span,
}

impl RowWriter<'_> {
    /// From the boundary `at` on the row is `row`. The boundaries ascend; the first
    /// is the entry.
    #[inline(always)]
    pub fn change(&mut self, at: Index, row: Row) {
        if at > self.open.start && row == self.open.row {
            return;
        }
        let same_class = at > self.open.start && row.unsafe_point == self.open.row.unsafe_point;
        self.close(at);
        let class = if same_class { self.open.class } else { self.closed as u32 };
        self.open = Span { start: at, row, class };
    }

    /// How far it has come.
    #[inline(always)]
    #[must_use]
    pub const fn written(&self) -> Written {
        Written { closed: self.closed, open: self.open }
    }

    /// Completes the table, whose last boundary is the one before `end`.
    #[inline(always)]
    pub fn finish(mut self, end: Index) {
        self.close(end);
        self.table.end = end;
        // Nothing is written where nothing changes: who reads the length next
        // would wait for it.
        if self.closed < self.table.spans.len() {
            self.table.spans.truncate(self.closed);
        }
    }

    /// Writes the span that grows, unless it is empty.
    #[inline(always)]
    fn close(&mut self, end: Index) {
        if end <= self.open.start {
            return;
        }
        match self.table.spans.get_mut(self.closed) {
            Some(place) => *place = self.open,
            None => self.table.spans.push(self.open),
        }
        self.closed += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(depth: i64, unsafe_point: UnsafePoint) -> Row {
        Row { depth: Depth(depth), unsafe_point }
    }

    #[test]
    fn equal_neighbours_are_one_span() {
        let mut table = RowTable::new();
        table.push(row(0, UnsafePoint::Safe), 2);
        table.push(row(0, UnsafePoint::Safe), 1);
        table.push(row(16, UnsafePoint::Safe), 4);
        assert_eq!(table.spans().len(), 2);
        assert_eq!(table.end(), Index(7));
        let starts: Vec<_> = table.spans().iter().map(|span| span.start.0).collect();
        assert_eq!(starts, [0, 3]);
        assert_eq!(table.row(Index(2)), Some(row(0, UnsafePoint::Safe)));
        assert_eq!(table.row(Index(3)), Some(row(16, UnsafePoint::Safe)));
        assert_eq!(table.row(Index(6)), Some(row(16, UnsafePoint::Safe)));
        assert_eq!(table.row(Index(7)), None);
    }

    #[test]
    fn a_restartable_sequence_resumes_at_its_own_start() {
        // Two adjacent sequences, the first with a change of depth inside.
        let mut table = RowTable::new();
        table.push(row(0, UnsafePoint::Safe), 1);
        table.push(row(0, UnsafePoint::Restart1), 2);
        table.push(row(32, UnsafePoint::Restart1), 1);
        table.push(row(32, UnsafePoint::Restart2), 2);
        let resume = |at| table.resume(Index(at));
        assert_eq!(resume(0), Some(Index(0)));
        assert_eq!(resume(1), Some(Index(1)));
        assert_eq!(resume(2), Some(Index(1)));
        assert_eq!(resume(3), Some(Index(1)));
        assert_eq!(resume(4), Some(Index(4)));
        assert_eq!(resume(5), Some(Index(4)));
        assert_eq!(resume(6), None);
        let depths: Vec<_> = table.spans().iter().map(|span| table.resume_depth(span)).collect();
        assert_eq!(depths, [0, 0, 0, 32].map(|depth| Some(Depth(depth))));
    }

    #[test]
    fn nothing_resumes_at_an_unsafe_point_and_entry_restarts_at_entry() {
        let mut table = RowTable::new();
        table.push(row(0, UnsafePoint::Safe), 3);
        table.push(row(0, UnsafePoint::Unsafe), 1);
        table.push(row(0, UnsafePoint::RestartAtEntry), 1);
        assert_eq!(table.resume(Index(3)), None);
        assert_eq!(table.span(Index(3)).and_then(|span| table.resume_depth(span)), None);
        assert_eq!(table.resume(Index(4)), Some(Index(0)));
    }

    /// Whatever the table held before, and whichever way the rows come.
    #[test]
    fn a_table_that_is_rewritten_is_as_one_that_is_pushed() {
        let runs = [
            (row(0, UnsafePoint::Safe), 2),
            (row(0, UnsafePoint::Safe), 1),
            (row(0, UnsafePoint::Restart1), 2),
            (row(32, UnsafePoint::Restart1), 1),
            (row(32, UnsafePoint::Restart2), 2),
            (row(32, UnsafePoint::Safe), 1),
        ];
        let mut rewritten = RowTable::new();
        for count in [0, 4, 1, 6, 2, 5, 3] {
            let mut pushed = RowTable::new();
            let mut writer = rewritten.rewrite();
            for &(row, length) in &runs[..count] {
                writer.change(pushed.end(), row);
                pushed.push(row, length);
            }
            writer.finish(pushed.end());
            assert_eq!(rewritten, pushed, "{count} runs");
        }
    }

    /// A table with these runs.
    fn table(runs: &[(i64, UnsafePoint, u32)]) -> RowTable {
        let mut table = RowTable::new();
        for &(depth, unsafe_point, count) in runs {
            table.push(row(depth, unsafe_point), count);
        }
        table
    }

    #[test]
    fn tables_have_rows_in_common_up_to_the_first_that_differs() {
        use UnsafePoint::{Restart1, Safe, Unsafe};
        let first = table(&[(0, Safe, 2), (0, Unsafe, 3), (16, Safe, 4)]);
        let common = |runs: &[_]| {
            let other = table(runs);
            assert_eq!(first.common(&other), other.common(&first));
            first.common(&other).0
        };
        assert_eq!(common(&[(0, Safe, 2), (0, Unsafe, 3), (16, Safe, 4)]), 9);
        assert_eq!(common(&[(0, Safe, 2), (0, Unsafe, 3), (16, Safe, 40)]), 9);
        assert_eq!(common(&[(0, Safe, 2), (0, Unsafe, 3), (16, Safe, 3)]), 8);
        assert_eq!(common(&[(0, Safe, 2), (0, Unsafe, 3), (16, Safe, 2), (0, Safe, 2)]), 7);
        assert_eq!(common(&[(0, Safe, 2), (0, Unsafe, 7)]), 5, "the span goes on");
        assert_eq!(common(&[(0, Safe, 2), (0, Unsafe, 2), (16, Safe, 5)]), 4, "it ends earlier");
        assert_eq!(common(&[(0, Safe, 2), (0, Restart1, 3), (16, Safe, 4)]), 2);
        assert_eq!(common(&[(16, Safe, 9)]), 0);
        assert_eq!(common(&[]), 0);
    }

    #[test]
    fn a_table_that_is_continued_is_the_one_that_was_written_from_the_start() {
        use UnsafePoint::{Restart1, Safe, Unsafe};
        let changes =
            [(0, 0, Safe), (2, 0, Unsafe), (5, 0, Restart1), (8, 16, Restart1), (9, 16, Safe)];
        let write = |writer: &mut RowWriter<'_>, changes: &[(u32, i64, UnsafePoint)]| {
            for &(at, depth, unsafe_point) in changes {
                writer.change(Index(at), row(depth, unsafe_point));
            }
        };
        for parted in 0..=changes.len() {
            let mut first = RowTable::new();
            let mut writer = first.rewrite();
            write(&mut writer, &changes[..parted]);
            let written = writer.written();
            write(&mut writer, &[(20, 48, Unsafe)]);
            writer.finish(Index(30));
            // Over a longer table, and over none.
            for mut second in [table(&[(0, Safe, 1), (8, Safe, 1)].repeat(9)), RowTable::new()] {
                let mut writer = second.rewrite_behind(&first, written);
                write(&mut writer, &changes[parted..]);
                writer.finish(Index(12));
                let mut whole = RowTable::new();
                let mut writer = whole.rewrite();
                write(&mut writer, &changes);
                writer.finish(Index(12));
                assert_eq!(second, whole, "parted at {parted}");
            }
        }
    }
}
