//! RPM packages: a lead, two headers, and a compressed cpio archive (the "RPM V4
//! package format" of rpm.org). The headers are passed; what the compression is, its
//! first bytes say.

use crate::error::Error;
use crate::input::Cursor;
use crate::walk::{Looked, Walk};
use std::io;

/// The lead, in bytes.
const LEAD: u64 = 96;

/// How a header starts, with its version.
const MAGIC: [u8; 4] = [0x8e, 0xad, 0xe8, 1];

/// Looks at the files of a package.
pub(crate) fn walk(walk: &mut Walk<'_>, path: &str, mut cursor: Cursor<'_>) -> Looked {
    match headers(&mut cursor) {
        Ok(Ok(())) => {
            let offset = cursor.at;
            let looked = walk.look(path, cursor.rest());
            if looked == Looked::Past {
                let (what, expected) = ("rpm payload", "a compressed cpio archive");
                return walk.failed(path, Error::Damaged { what, offset, expected });
            }
            looked
        }
        Ok(Err(error)) => walk.failed(path, error),
        Err(_) => walk.broken(path),
    }
}

/// Passes the lead, the signature and the header.
fn headers(cursor: &mut Cursor<'_>) -> io::Result<Result<(), Error>> {
    let truncated = |what, offset, size, found| Error::Truncated { what, offset, size, found };
    let found = cursor.skip(LEAD)?;
    if found < LEAD {
        return Ok(Err(truncated("rpm lead", 0, LEAD, found)));
    }
    for what in ["rpm signature", "rpm header"] {
        let (offset, mut intro) = (cursor.at, [0; 16]);
        let found = cursor.fill(&mut intro)?;
        if found < intro.len() {
            return Ok(Err(truncated(what, offset, intro.len() as u64, found as u64)));
        }
        let [a, b, c, d, _, _, _, _, sizes @ ..] = intro;
        if [a, b, c, d] != MAGIC {
            let expected = "the magic 8e ad e8 and the version 1";
            return Ok(Err(Error::Damaged { what, offset, expected }));
        }
        let sizes = u64::from_be_bytes(sizes);
        // Entries of 16 bytes, and the bytes that they point into.
        let size = (sizes >> 32) * 16 + (sizes & 0xffff_ffff);
        let found = cursor.skip(size)?;
        if found < size {
            return Ok(Err(truncated(what, offset, size, found)));
        }
        if what == "rpm signature" {
            cursor.skip(cursor.at.wrapping_neg() % 8)?;
        }
    }
    Ok(Ok(()))
}
