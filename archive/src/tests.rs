//! What a visit sees.

mod damage;
mod formats;
mod limits;

use crate::{Event, Limits, Tally, visit, visit_reader};
use std::ops::{ControlFlow, Range};

/// What a visit told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    /// Members with their bytes.
    members: Vec<(String, Vec<u8>)>,
    /// Where those stood that were not copied.
    ranges: Vec<Option<Range<usize>>>,
    /// What failed, and why.
    failed: Vec<(String, String)>,
    /// What was passed over, and why.
    skipped: Vec<(String, String)>,
    /// The counts.
    tally: Tally,
}

impl Seen {
    /// The names of the members.
    fn names(&self) -> Vec<&str> {
        self.members.iter().map(|(name, _)| name.as_str()).collect()
    }
}

fn note(seen: &mut Seen, event: Event<'_>) -> ControlFlow<()> {
    match event {
        Event::Member { path, content } => {
            seen.ranges.push(content.range());
            seen.members.push((path.to_owned(), content.into_owned()));
        }
        Event::Skipped { path, reason } => {
            seen.skipped.push((path.to_owned(), reason.to_string()));
        }
        Event::Failed { path, error } => seen.failed.push((path.to_owned(), error.to_string())),
    }
    ControlFlow::Continue(())
}

/// Visits bytes that are called `a`.
fn walk(bytes: &[u8]) -> Seen {
    walk_within(bytes, &Limits::default())
}

/// As `walk`, within other limits.
fn walk_within(bytes: &[u8], limits: &Limits) -> Seen {
    let mut seen = Seen::default();
    let tally = visit("a", bytes, limits, &mut |event| note(&mut seen, event));
    Seen { tally, ..seen }
}

/// As `walk`, through a reader that yields a few bytes at a time.
fn walk_reader(bytes: &[u8]) -> Seen {
    struct Trickle<'b>(&'b [u8]);
    impl std::io::Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = buffer.len().min(self.0.len()).min(37);
            std::io::Read::read(&mut self.0, &mut buffer[..count])
        }
    }
    let mut seen = Seen::default();
    let limits = Limits::default();
    let tally =
        visit_reader("a", &mut Trickle(bytes), &limits, &mut |event| note(&mut seen, event));
    Seen { tally, ..seen }
}
