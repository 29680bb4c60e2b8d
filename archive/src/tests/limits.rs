//! Every limit: what exceeds it ends with an error that names it and the member, and
//! what is beside it is still read where only the member is too much.

use super::{Seen, walk, walk_within};
use crate::testing::{bzip2, elf, gzip, tar, text, xz, zip, zstd};
use crate::{Event, Limits, visit};
use std::ops::ControlFlow;

/// How much is compressed at once.
const PART: usize = 128 << 10;

fn error_of<'s>(seen: &'s Seen, path: &str) -> &'s str {
    let error = seen.failed.iter().find(|(failed, _)| failed == path);
    error.map_or_else(|| panic!("nothing of {path} in {:?}", seen.failed), |(_, error)| error)
}

/// 640 KiB of zeros behind the magic of an executable, in several parts, which all four
/// formats allow.
fn bomb(compress: fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let start = [elf(1), vec![0; PART - elf(1).len()]].concat();
    [compress(&start), compress(&vec![0; PART]).repeat(4)].concat()
}

#[test]
fn a_ratio_ends_the_member() {
    let limits = Limits { ratio: 50, free: PART as u64, ..Limits::default() };
    for compress in [gzip, xz, zstd, bzip2] {
        // The tar is not small beside what comes out, so the whole is within the ratio.
        let filler = vec![b'x'; PART / 8];
        let bytes = tar(&[("bomb", &bomb(compress)), ("filler", &filler), ("two", &elf(2))]);
        let seen = walk_within(&bytes, &limits);
        assert_eq!(
            error_of(&seen, "a!bomb"),
            "limit exceeded: unpacks to more than 50 times its size"
        );
        assert_eq!(seen.names(), ["a!two"]);
        // Without the limit it is a member like any other.
        let seen = walk_within(&bytes, &Limits { ratio: u64::MAX, ..limits });
        assert_eq!(seen.names(), ["a!bomb", "a!two"]);
        assert_eq!(seen.members[0].1.len(), 5 * PART);
    }
}

/// Each stream is within the ratio, but not what comes of both.
#[test]
fn bombs_inside_one_another_end_with_the_ratio_of_all() {
    let limits = Limits { free: PART as u64, ..Limits::default() };
    let zeros = gzip(&vec![0; PART]);
    assert!((800..1000).contains(&(PART / zeros.len())), "{}", zeros.len());
    let inner = [gzip(&[elf(1), vec![0; PART]].concat()), zeros.repeat(40)].concat();
    // Within the ratio by itself.
    assert_eq!(walk_within(&inner, &limits).names(), ["a"]);
    let bytes = gzip(&inner);
    assert!(bytes.len() < 4000 && inner.len() > 5000, "{} {}", bytes.len(), inner.len());
    let seen = walk_within(&bytes, &limits);
    assert_eq!(error_of(&seen, "a"), "limit exceeded: unpacks to more than 1000 times its size");
    assert_eq!(seen.members, []);
}

#[test]
fn what_nobody_looks_at_is_not_unpacked() {
    let bytes = tar(&[("zeros", &gzip(&vec![0; PART])), ("two", &elf(2))]);
    let seen = walk_within(&bytes, &Limits { unpacked: 100_000, ..Limits::default() });
    assert_eq!((seen.names(), seen.failed.len()), (vec!["a!two"], 0));
}

#[test]
fn too_much_output_ends_the_visit() {
    let limits = Limits { unpacked: 10_000, ..Limits::default() };
    let many = [elf(1), vec![0; 20_000]].concat();
    let bytes = tar(&[("one", &elf(1)), ("big", &gzip(&many)), ("two", &elf(2))]);
    let seen = walk_within(&bytes, &limits);
    assert_eq!(seen.names(), ["a!one"]);
    assert_eq!(seen.failed.len(), 1);
    assert_eq!(error_of(&seen, "a!big"), "limit exceeded: unpacks to more than 10000 bytes");
    let layer = gzip(&tar(&[("one", &elf(1)), ("big", &many), ("two", &elf(2))]));
    let seen = walk_within(&layer, &limits);
    assert_eq!(seen.names(), ["a!one"]);
    error_of(&seen, "a!big");
}

/// What is held: a member, and an archive in memory with a member of it.
#[test]
fn a_member_that_needs_too_much_memory_is_an_error() {
    let limits = Limits { memory: 700, ..Limits::default() };
    let large = [elf(1), vec![0; 3000]].concat();
    let inner = zip(&[("large", &large), ("stored", &elf(3)), ("small", &elf(4))]);
    assert!((600..700).contains(&inner.len()), "{}", inner.len());
    let bytes = gzip(&tar(&[("large", &large), ("z", &inner), ("two", &elf(2))]));
    let seen = walk_within(&bytes, &limits);
    let expected = "limit exceeded: needs more than 700 bytes of memory";
    // In `z` nothing fits beside the archive itself.
    assert_eq!(seen.names(), ["a!two"], "{:?}", seen.failed);
    for path in ["a!large", "a!z"] {
        let failed = seen.failed.iter().filter(|(failed, _)| failed.starts_with(path));
        let failed: Vec<_> = failed.collect();
        assert!(
            !failed.is_empty() && failed.iter().all(|(_, error)| error == expected),
            "{seen:?}"
        );
    }
    // What stands in the bytes that are visited takes none.
    let seen = walk_within(&tar(&[("large", &large)]), &limits);
    assert_eq!((seen.names(), seen.failed.len()), (vec!["a!large"], 0));
    // A size that is not known before.
    let seen = walk_within(&gzip(&large), &limits);
    assert_eq!(error_of(&seen, "a"), expected);
}

#[test]
fn windows_inside_one_another_are_bounded() {
    let mut bytes = elf(1);
    for _ in 0..4 {
        bytes = zstd(&bytes);
    }
    assert_eq!(walk(&bytes).names(), ["a"]);
    let seen = walk(&zstd(&bytes));
    let expected =
        "limit exceeded: decompressors inside one another that need more than 1073741824 bytes";
    assert_eq!(error_of(&seen, "a"), expected);
}

#[test]
fn depth_is_bounded() {
    let mut bytes = elf(1);
    for _ in 0..16 {
        bytes = gzip(&bytes);
    }
    assert_eq!(walk(&bytes).names(), ["a"]);
    let seen = walk(&tar(&[("deep", &bytes), ("two", &elf(2))]));
    let expected = "limit exceeded: more than 16 archives inside one another";
    assert_eq!(error_of(&seen, "a!deep"), expected);
    assert_eq!(seen.names(), ["a!two"]);
}

#[test]
fn members_are_counted_at_all_depths() {
    let inner = tar(&[("x", &text()), ("one", &elf(1))]);
    let bytes = tar(&[("d", &inner), ("e", &inner), ("two", &elf(2))]);
    let limits = |members| Limits { members, ..Limits::default() };
    let seen = walk_within(&bytes, &limits(7));
    assert_eq!((seen.members.len(), seen.tally.members, seen.failed.len()), (3, 7, 0));
    let seen = walk_within(&bytes, &limits(4));
    assert_eq!(seen.names(), ["a!d!one"]);
    assert_eq!(
        seen.failed,
        [("a!e!x".to_owned(), "limit exceeded: more than 4 members".to_owned())]
    );
}

#[test]
fn the_visitor_ends_the_visit() {
    for bytes in
        [tar(&[("one", &elf(1)), ("two", &elf(2))]), zip(&[("one", &elf(1)), ("two", &elf(2))])]
    {
        for bytes in [gzip(&bytes), bytes] {
            let mut events = 0;
            visit("a", &bytes, &Limits::default(), &mut |event| {
                assert!(matches!(event, Event::Member { .. }), "{event:?}");
                events += 1;
                ControlFlow::Break(())
            });
            assert_eq!(events, 1);
        }
    }
}
