//! Archives that end early, lie, or have names that are no names: an error and what
//! is beside it, and never a panic.

use super::{Seen, walk, walk_reader};
use crate::testing::{
    ar, bzip2, cpio, elf, gzip, rpm, samples, tar, tar_header, text, xz, zip, zstd,
};

/// The one error of a visit.
fn only_error(seen: &Seen) -> (&str, &str) {
    let [(path, error)] = &seen.failed[..] else { panic!("{seen:?}") };
    (path, error)
}

/// A prefix of an archive: fewer members, each of them whole, and an error unless all
/// are there or the cut is where nothing tells.
#[test]
fn truncated_at_every_length() {
    for (format, bytes) in samples() {
        let whole = walk(&bytes);
        assert!(!whole.members.is_empty() && whole.failed.is_empty(), "{format}");
        for length in 0..bytes.len() {
            let (seen, read) = (walk(&bytes[..length]), walk_reader(&bytes[..length]));
            assert_eq!((&seen.members, &seen.failed), (&read.members, &read.failed), "{length}");
            let part = whole.members.starts_with(&seen.members);
            assert!(part, "{format} cut at {length} has other members");
            let less = seen.members.len() < whole.members.len();
            // Behind a whole number of members, tar and ar can end; a magic that is
            // cut is none.
            let tells = !matches!(format, "tar" | "a") && length > 16;
            assert!(!(less && tells && seen.failed.is_empty()), "{format} cut at {length}");
        }
    }
}

/// Each byte of each sample, changed: no panic, and no more members than there are.
/// Formats with a checksum of the data hand over no other bytes.
#[test]
fn every_byte_changed() {
    for (format, bytes) in samples() {
        let whole = walk(&bytes);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x55;
            let seen = walk(&changed);
            assert!(seen.members.len() <= whole.members.len(), "{format} at {at}");
            let checked = matches!(format, "gz" | "xz" | "bz2" | "zip");
            let known =
                |(_, bytes): &(String, Vec<u8>)| whole.members.iter().any(|m| m.1 == *bytes);
            assert!(!checked || seen.members.iter().all(known), "{format} at {at}");
        }
    }
}

#[test]
fn a_damaged_tar_header_does_not_hide_what_is_behind_it() {
    let mut bytes = tar(&[("one", &elf(1)), ("two", &elf(2)), ("three", &elf(3))]);
    bytes[1024] ^= 1;
    let seen = walk(&bytes);
    assert_eq!(seen.names(), ["a!one", "a!three"]);
    let expected = "damaged tar header at offset 0x400: expected a checksum and a size that hold";
    assert_eq!(only_error(&seen), ("a", expected));
}

#[test]
fn a_truncated_member_is_named_with_its_offset() {
    let bytes = tar(&[("one", &elf(1)), ("two", &elf(2))]);
    let seen = walk(&bytes[..1588]);
    assert_eq!(seen.names(), ["a!one"]);
    let expected = "truncated: the tar member at offset 0x400 needs 100 bytes, 52 follow";
    assert_eq!(only_error(&seen), ("a!two", expected));
    let library = ar(&[("one.o/", &elf(1)), ("two.o/", &elf(2))]);
    let seen = walk(&library[..242]);
    assert_eq!(seen.names(), ["a!one.o"]);
    let expected = "truncated: the ar member at offset 0xe4 needs 100 bytes, 14 follow";
    assert_eq!(only_error(&seen), ("a!two.o", expected));
    let package = rpm(&gzip(&cpio(&[("one", &elf(1))])));
    let expected = "truncated: the rpm header at offset 0xb8 needs 72 bytes, 16 follow";
    assert_eq!(only_error(&walk(&package[..216])), ("a", expected));
}

/// A member whose compression is damaged fails, and the next one is read.
#[test]
fn a_damaged_member_does_not_hide_the_next() {
    for (compress, name) in
        [(gzip as fn(&[u8]) -> _, "gzip"), (xz, "xz"), (zstd, "zstd"), (bzip2, "bzip2")]
    {
        let mut damaged = compress(&tar(&[("x", &elf(1))]));
        let middle = damaged.len() / 2;
        damaged[middle..middle + 40].fill(0xa5);
        let bytes = tar(&[("bad", &damaged), ("two", &elf(2))]);
        for seen in
            [walk(&bytes), walk_reader(&bytes), walk(&zip(&[("bad", &damaged), ("two", &elf(2))]))]
        {
            assert!(seen.names().contains(&"a!two"), "{seen:?}");
            let (path, error) = only_error(&seen);
            assert!(path.starts_with("a!bad"), "{path}");
            assert!(error.starts_with(&format!("damaged {name} data, ")), "{error}");
        }
    }
}

/// Checksums behind the end of the archive that the data is: gzip's CRC-32, the one
/// in zip's directory, xz's CRC-64, the one of a zstd frame.
#[test]
fn checksums_count() {
    let inner = tar(&[("one", &elf(1))]);
    let flip = |mut bytes: Vec<u8>, from_end: usize| {
        let at = bytes.len() - from_end;
        bytes[at] ^= 1;
        bytes
    };
    for bytes in [flip(gzip(&inner), 8), flip(bzip2(&inner), 4), flip(zstd(&inner), 1)] {
        let seen = walk(&bytes);
        assert!(only_error(&seen).1.starts_with("damaged "), "{seen:?}");
    }
    for name in ["stored", "deflated"] {
        let mut bytes = zip(&[(name, &elf(1)), ("two", &elf(2))]);
        // The CRC is at 16 of a directory entry (APPNOTE.TXT 4.3.12).
        let entry = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
        bytes[entry + 16] ^= 1;
        let seen = walk(&bytes);
        assert_eq!(seen.names(), ["a!two"]);
        assert_eq!(only_error(&seen).0, format!("a!{name}"));
    }
}

/// Members that share their data: the directory lists one again and again.
#[test]
fn members_of_a_zip_do_not_overlap() {
    let bytes = zip(&[("stored one", &elf(1)), ("stored two", &elf(2))]);
    let entries: Vec<_> =
        bytes.windows(4).enumerate().filter(|(_, w)| w == b"PK\x01\x02").collect();
    let [first, second] = [entries[0].0, entries[1].0];
    let (data, entry) = (&bytes[..first], &bytes[first..second]);
    let mut overlapping = [data, &entry.repeat(9)].concat();
    let end = u32::try_from(overlapping.len()).unwrap() - u32::try_from(first).unwrap();
    overlapping.extend(b"PK\x05\x06\0\0\0\0\x09\0\x09\0");
    overlapping.extend(end.to_le_bytes());
    overlapping.extend(u32::try_from(first).unwrap().to_le_bytes());
    overlapping.extend([0, 0]);
    let seen = walk(&overlapping);
    // Up to as many bytes as the archive has.
    assert_eq!(seen.members.len(), overlapping.len() / elf(1).len());
    assert!(only_error(&seen).1.contains("expected members that do not overlap"), "{seen:?}");
}

#[test]
fn what_is_not_supported_is_an_error() {
    let sparse = [tar_header(b"s", 512, b'S').as_bytes(), &[1; 512][..]].concat();
    let bytes = [sparse, tar(&[("one", &elf(1))])].concat();
    let seen = walk(&bytes);
    assert_eq!(seen.names(), ["a!one"]);
    assert_eq!(only_error(&seen), ("a!s", "sparse tar member at offset 0x0: not supported"));
    let whole = zip(&[("stored one", &elf(1)), ("two", &elf(2))]);
    let entry = whole.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    // The flags and the method of a directory entry (APPNOTE.TXT 4.3.12).
    for (at, expected) in [(8, "encrypted zip member"), (10, "zip member that is neither")] {
        let mut bytes = whole.clone();
        bytes[entry + at] |= 1;
        let seen = walk(&bytes);
        assert_eq!(seen.names(), ["a!two"]);
        assert!(only_error(&seen).1.starts_with(expected), "{seen:?}");
    }
}

#[test]
fn names_are_only_shown() {
    for (name, expected) in [
        (&b"../../etc/x"[..], "a!../../etc/x"),
        (b"/etc/x", "a!/etc/x"),
        (b"x\n\x1b[31m", "a!x\n\u{1b}[31m"),
        (b"\xff\xfe", "a!\\xff\\xfe"),
        (b"", "a!"),
        (b"a!b", "a!a!b"),
    ] {
        let mut bytes = tar_header(name, elf(1).len() as u64, b'0').as_bytes().to_vec();
        bytes.extend(elf(1));
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        assert_eq!(walk(&bytes).names(), [expected]);
    }
    let seen = walk(&zip(&[("x\0y", &elf(1)), ("../z", &elf(2))]));
    assert_eq!(seen.names(), ["a!x\0y", "a!../z"]);
}

/// Sizes that no file has, in each format that has sizes.
#[test]
fn sizes_that_lie() {
    let mut huge = tar_header(b"x", 0, b'0');
    // Base-256, as GNU tar writes sizes from 8 GiB on.
    huge.as_mut_bytes()[124..136]
        .copy_from_slice(&[0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    huge.set_cksum();
    let bytes = [huge.as_bytes(), &elf(1)[..]].concat();
    for seen in [walk(&bytes), walk_reader(&bytes)] {
        assert_eq!(seen.members, []);
        assert_eq!(only_error(&seen).0, "a!x");
    }
    for kind in [b'x', b'L', b'g', b'K'] {
        let bytes = [tar_header(b"x", 0o7777_7777, kind).as_bytes(), &text()[..]].concat();
        assert_eq!(walk(&bytes).members, []);
        assert!(!walk(&bytes).failed.is_empty());
    }
    let mut bytes = cpio(&[("x", &elf(1))]);
    for (at, what) in [(54, "cpio member"), (94, "cpio header")] {
        let before = bytes[at..at + 8].to_vec();
        bytes[at..at + 8].copy_from_slice(b"ffffffff");
        assert!(only_error(&walk(&bytes)).1.contains(what));
        bytes[at..at + 8].copy_from_slice(&before);
    }
    let mut package = rpm(&gzip(b""));
    package[104..112].fill(0xff);
    assert!(only_error(&walk(&package)).1.starts_with("truncated: the rpm signature"));
}
