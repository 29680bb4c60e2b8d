//! Where boundaries lie among the rows, and what those declare.

use super::Walk;
use unwind::{Depth, Index, RowTable, Span, UnsafePoint};

impl<'a> Walk<'a, '_> {
    /// The span that a boundary lies in, or `None` when it has no row. Branches go
    /// to where the last one went, to the function's entry, or to its last two
    /// spans, where morestack is called: those are tried first.
    #[inline(always)]
    pub(super) fn span(&mut self, at: u32) -> Option<&'a Span> {
        let rows = self.function.rows;
        let (spans, last) = (rows.spans(), rows.spans().len().wrapping_sub(1));
        let starts = |position: usize| spans.get(position).map(|span| span.start.0);
        let holds = |position: usize| {
            starts(position).is_some_and(|start| start <= at)
                && starts(position.wrapping_add(1)).is_none_or(|next| at < next)
        };
        if at >= rows.end().0 {
            return None;
        }
        if !holds(self.line.cursor) {
            self.line.cursor = if at == 0 {
                0
            } else if starts(last).is_some_and(|start| start <= at) {
                last
            } else if last > 0 && starts(last - 1).is_some_and(|start| start <= at) {
                last - 1
            } else {
                position(rows, at)?
            };
        }
        spans.get(self.line.cursor)
    }
}

/// The depth that the rows of a span declare, if it is one for those who read the row
/// and for those who read it where execution resumes.
#[inline(always)]
pub(super) fn declared(rows: &RowTable, span: &Span) -> Option<Depth> {
    let depth = span.row.depth;
    match span.row.unsafe_point {
        UnsafePoint::Safe | UnsafePoint::Unsafe => Some(depth),
        UnsafePoint::Restart1 | UnsafePoint::Restart2 => {
            (rows.class(span).row.depth == depth).then_some(depth)
        }
        UnsafePoint::RestartAtEntry => None,
    }
}

/// Where a boundary's span is, looked for from scratch.
#[inline(never)]
fn position(rows: &RowTable, at: u32) -> Option<usize> {
    rows.position(Index(at))
}

/// The depth that a span declares, if execution resumes where it is stopped.
#[inline(always)]
pub(super) fn plain(span: &Span) -> Option<Depth> {
    match span.row.unsafe_point {
        UnsafePoint::Safe | UnsafePoint::Unsafe => Some(span.row.depth),
        _ => None,
    }
}

#[inline]
pub(crate) fn is_restartable(span: &Span) -> bool {
    matches!(span.row.unsafe_point, UnsafePoint::Restart1 | UnsafePoint::Restart2)
}
