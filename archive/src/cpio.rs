//! cpio in the form `newc` (cpio(5)), which is what RPM packages hold.

use crate::error::Error;
use crate::input::Cursor;
use crate::name::{LONGEST, join};
use crate::walk::{Looked, Walk};
use std::io;

/// The header of a member, in bytes: a magic and thirteen numbers of eight
/// hexadecimal digits.
const HEADER: usize = 110;

/// The name of the member behind the last.
const END: &[u8] = b"TRAILER!!!";

/// Walks an archive up to its end marker.
pub(crate) fn walk(walk: &mut Walk<'_>, path: &str, mut cursor: Cursor<'_>) -> Looked {
    while !walk.meter.stopped() {
        match member(walk, path, &mut cursor) {
            Ok(Some(Looked::Short)) => return Looked::Failed,
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(_) => return walk.broken(path),
        }
    }
    Looked::Inside
}

/// Reads a member. `None` behind the last, `Short` where it cannot go on.
fn member(walk: &mut Walk<'_>, path: &str, cursor: &mut Cursor<'_>) -> io::Result<Option<Looked>> {
    let offset = cursor.at;
    let mut header = [0; HEADER];
    let found = cursor.fill(&mut header)?;
    let truncated = |walk: &mut Walk<'_>, path: &str, what, size: u64, found: u64| {
        walk.failed(path, Error::Truncated { what, offset, size, found });
        Ok(Some(Looked::Short))
    };
    if found < HEADER {
        return truncated(walk, path, "cpio header", HEADER as u64, found as u64);
    }
    let numbers = (number(&header, 1), number(&header, 6), number(&header, 11));
    let (true, (Some(mode), Some(size), Some(length))) =
        (header.starts_with(b"070701") || header.starts_with(b"070702"), numbers)
    else {
        let (what, expected) = ("cpio header", "a magic of 070701 and hexadecimal digits");
        walk.failed(path, Error::Damaged { what, offset, expected });
        return Ok(Some(Looked::Short));
    };
    if length as usize > LONGEST {
        let (what, expected) = ("cpio header", "a name of at most 64 KiB");
        walk.failed(path, Error::Damaged { what, offset, expected });
        return Ok(Some(Looked::Short));
    }
    let mut name = vec![0; length as usize];
    let found = cursor.fill(&mut name)? as u64;
    if found < length {
        return truncated(walk, path, "cpio name", length, found);
    }
    pad(cursor)?;
    let name = name.strip_suffix(b"\0").unwrap_or(&name);
    if name == END {
        return Ok(None);
    }
    let is_file = mode & 0o17_0000 == 0o10_0000;
    let (looked, found) =
        cursor.member(
            size,
            |input| {
                if is_file { walk.member(path, name, input) } else { Looked::Past }
            },
        )?;
    if found < size {
        if looked == Looked::Failed {
            return Ok(Some(Looked::Short));
        }
        return truncated(walk, &join(path, name), "cpio member", size, found);
    }
    pad(cursor)?;
    Ok(Some(looked))
}

/// Names and data end at multiples of four bytes.
fn pad(cursor: &mut Cursor<'_>) -> io::Result<()> {
    cursor.skip(cursor.at.wrapping_neg() % 4)?;
    Ok(())
}

/// One of the thirteen numbers, the first being 0.
fn number(header: &[u8; HEADER], index: usize) -> Option<u64> {
    let digits = header.get(6 + 8 * index..)?.first_chunk::<8>()?;
    let digits = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)?;
    u64::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}
