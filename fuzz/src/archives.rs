//! The walk over archives: what it hands over is in the archive, within the limits,
//! and the same whether the archive is a slice or a stream.

use archive::{Event, Limits, Tally, testing, visit, visit_reader};
use std::ops::ControlFlow;

/// Small, so that a bomb ends soon.
const LIMITS: Limits = Limits {
    memory: 1 << 20,
    windows: 1 << 30,
    unpacked: 8 << 20,
    ratio: 100,
    free: 1 << 20,
    members: 2000,
    depth: 6,
};

/// Walks bytes as an archive, twice.
pub fn archive(bytes: &[u8]) {
    let mut members = Vec::new();
    let tally = visit("name", bytes, &LIMITS, &mut |event| {
        judge(&event, bytes);
        if let Event::Member { path, content } = event {
            members.push((path.to_owned(), content.bytes().len()));
        }
        ControlFlow::Continue(())
    });
    assert_eq!(tally.executables, members.len() as u64, "members are counted");
    assert!(tally.members <= LIMITS.members + 1, "{tally:?}");
    streamed(bytes, &members, &tally);
}

fn judge(event: &Event<'_>, bytes: &[u8]) {
    let (Event::Member { path, .. } | Event::Skipped { path, .. } | Event::Failed { path, .. }) =
        event
    else {
        return;
    };
    let rest = path.strip_prefix("name").expect("a path that starts with the name");
    assert!(rest.is_empty() || rest.starts_with('!'), "{path:?}");
    match event {
        Event::Member { content, .. } => {
            let executable = archive::sniff(content.bytes()) == archive::Kind::Executable;
            assert!(executable, "{path:?} is no executable");
            match content.range() {
                Some(range) => assert_eq!(&bytes[range], content.bytes(), "{path:?} is elsewhere"),
                None => assert!(content.bytes().len() as u64 <= LIMITS.memory, "{path:?}"),
            }
        }
        Event::Failed { error, .. } => assert!(!error.to_string().is_empty()),
        _ => {}
    }
}

/// A stream has the same members, unless it needs more memory for them.
fn streamed(bytes: &[u8], members: &[(String, usize)], tally: &Tally) {
    let (mut streamed, mut too_much) = (Vec::new(), false);
    let counted = visit_reader("name", &mut &bytes[..], &LIMITS, &mut |event| {
        match event {
            Event::Member { path, content } => {
                streamed.push((path.to_owned(), content.bytes().len()));
            }
            Event::Failed { error: archive::Error::Limit(_), .. } => too_much = true,
            _ => {}
        }
        ControlFlow::Continue(())
    });
    if !too_much && tally.members < LIMITS.members {
        assert_eq!(streamed, members, "a stream has other members than a slice");
        assert_eq!(counted, *tally);
    }
}

/// One small archive of each format, and some of them cut.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let whole = testing::samples().into_iter().map(|(_, bytes)| bytes);
    whole.flat_map(|bytes| [bytes[..bytes.len() - 7].to_vec(), bytes]).collect()
}
