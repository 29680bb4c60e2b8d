//! tar: POSIX.1-2001 (`pax`), ustar, GNU, and the older form.
//!
//! The fields of a header are read by the crate `tar`. Its own walk is not used: it
//! keeps extended headers of any length in memory, and gives up at the first header
//! that is damaged, where this one looks for the next.

use crate::error::Error;
use crate::input::Cursor;
use crate::name::LONGEST;
use crate::sniff::HEAD;
use crate::walk::{Looked, Walk};
use ::tar::Header;
use std::io;

/// Everything in a tar archive starts at a multiple of this, in bytes.
const BLOCK: u64 = HEAD as u64;

/// The longest extended header that is read, in bytes: extended attributes make
/// them long.
const LONGEST_PAX: u64 = 1 << 20;

/// Whether a block is a header: its checksum is that of its bytes, with spaces
/// for the checksum itself.
pub(crate) fn checksum_holds(block: &[u8; HEAD]) -> bool {
    let (before, rest) = block.split_at(148);
    let sum: u32 = before.iter().chain(&rest[8..]).map(|&byte| u32::from(byte)).sum();
    Header::from_byte_slice(block).cksum().is_ok_and(|stored| stored == sum + 8 * u32::from(b' '))
}

/// Walks an archive.
pub(crate) fn walk(walk: &mut Walk<'_>, path: &str, cursor: Cursor<'_>) -> Looked {
    let mut tar = Tar { cursor, path, next: Extended::default(), lost: false };
    let mut zeros = 0;
    while !walk.meter.stopped() {
        let offset = tar.cursor.at;
        let mut block = [0; HEAD];
        let Ok(found) = tar.cursor.fill(&mut block) else { return walk.broken(path) };
        if found == 0 {
            break;
        }
        if found < HEAD {
            let (size, found) = (BLOCK, found as u64);
            return walk.failed(path, Error::Truncated { what: "tar header", offset, size, found });
        }
        zeros = if block == [0; HEAD] { zeros + 1 } else { 0 };
        match zeros {
            0 => match tar.entry(walk, &block, offset) {
                Ok(Looked::Short) => return Looked::Failed,
                Ok(_) => {}
                Err(_) => return walk.broken(path),
            },
            1 => {}
            _ => break,
        }
    }
    Looked::Inside
}

/// What extended headers say about the entry behind them.
#[derive(Default)]
struct Extended {
    path: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
}

struct Tar<'t, 's> {
    cursor: Cursor<'s>,
    path: &'t str,
    next: Extended,
    /// Whether a header is looked for behind a damaged one.
    lost: bool,
}

impl Tar<'_, '_> {
    /// Reads the entry that a block starts. `Short` at the end of the archive.
    fn entry(
        &mut self,
        walk: &mut Walk<'_>,
        block: &[u8; HEAD],
        offset: u64,
    ) -> io::Result<Looked> {
        let header = Header::from_byte_slice(block);
        let size = header.entry_size().ok();
        let Some(size) = size.filter(|_| checksum_holds(block)) else {
            if !self.lost {
                let (what, expected) = ("tar header", "a checksum and a size that hold");
                walk.failed(self.path, Error::Damaged { what, offset, expected });
            }
            self.lost = true;
            self.next = Extended::default();
            return Ok(Looked::Failed);
        };
        self.lost = false;
        let entry = header.entry_type();
        match entry.as_byte() {
            b'x' | b'X' => self.extended(walk, size, offset, Self::pax),
            b'L' => self.extended(walk, size, offset, |next, name| {
                let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
                next.path = Some(name[..end].to_vec());
            }),
            b'g' | b'K' => self.pass(walk, size, offset),
            // Links, devices, directories and pipes have no data, whatever their size.
            b'1'..=b'6' => {
                self.next = Extended::default();
                Ok(Looked::Past)
            }
            b'S' => {
                if header.as_gnu().is_some_and(::tar::GnuHeader::is_extended) {
                    self.sparse_map()?;
                }
                self.next.sparse = true;
                self.file(walk, header, size, offset)
            }
            _ => self.file(walk, header, size, offset),
        }
    }

    fn file(
        &mut self,
        walk: &mut Walk<'_>,
        header: &Header,
        size: u64,
        offset: u64,
    ) -> io::Result<Looked> {
        let next = core::mem::take(&mut self.next);
        let size = next.size.unwrap_or(size);
        let name = next.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let archive = self.path;
        let mut path = String::new();
        let (looked, found) = self.cursor.member(size, |input| {
            if next.sparse {
                path = crate::name::join(archive, &name);
                let what = "sparse tar member";
                return walk.failed(&path, Error::Unsupported { what, offset });
            }
            let looked = walk.member(archive, &name, input);
            if looked != Looked::Past {
                path = crate::name::join(archive, &name);
            }
            looked
        })?;
        if found < size {
            let what = "tar member";
            let path = crate::name::join(archive, &name);
            if looked != Looked::Failed {
                walk.failed(&path, Error::Truncated { what, offset, size, found });
            }
            return Ok(Looked::Short);
        }
        self.pad(size)?;
        Ok(looked)
    }

    /// Reads an extended header.
    fn extended(
        &mut self,
        walk: &mut Walk<'_>,
        size: u64,
        offset: u64,
        read: impl FnOnce(&mut Extended, &[u8]),
    ) -> io::Result<Looked> {
        if size > LONGEST_PAX {
            let (what, expected) = ("extended tar header", "at most 1 MiB");
            walk.failed(self.path, Error::Damaged { what, offset, expected });
            return self.pass(walk, size, offset);
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        let found = self.cursor.fill(&mut bytes)? as u64;
        if found < size {
            return Ok(self.truncated(walk, size, found, offset));
        }
        read(&mut self.next, &bytes);
        if self.next.path.as_ref().is_some_and(|path| path.len() > LONGEST) {
            self.next.path = None;
            let (what, expected) = ("extended tar header", "a name of at most 64 KiB");
            walk.failed(self.path, Error::Damaged { what, offset, expected });
        }
        self.pad(size)?;
        Ok(Looked::Past)
    }

    /// Records `LENGTH KEY=VALUE` and a newline; the length counts all of it, so
    /// that a value can hold anything.
    fn pax(next: &mut Extended, mut records: &[u8]) {
        while let Some((value, rest)) = pax_record(records) {
            records = rest;
            let Some(equals) = value.iter().position(|&byte| byte == b'=') else { continue };
            let (key, value) = (&value[..equals], &value[equals + 1..]);
            match key {
                b"path" if !value.is_empty() => next.path = Some(value.to_vec()),
                b"size" => next.size = str::from_utf8(value).ok().and_then(|v| v.parse().ok()),
                _ => next.sparse |= key.starts_with(b"GNU.sparse."),
            }
        }
    }

    /// Passes data that is of no use here.
    fn pass(&mut self, walk: &mut Walk<'_>, size: u64, offset: u64) -> io::Result<Looked> {
        let found = self.cursor.skip(size)?;
        if found < size {
            return Ok(self.truncated(walk, size, found, offset));
        }
        self.pad(size)?;
        Ok(Looked::Past)
    }

    fn truncated(&self, walk: &mut Walk<'_>, size: u64, found: u64, offset: u64) -> Looked {
        let what = "extended tar header";
        walk.failed(self.path, Error::Truncated { what, offset, size, found });
        Looked::Short
    }

    /// The blocks that go on with a map of GNU's old sparse files.
    fn sparse_map(&mut self) -> io::Result<()> {
        let mut block = [0; HEAD];
        // `isextended` of `struct sparse_header` (GNU tar, src/tar.h).
        while self.cursor.fill(&mut block)? == HEAD && block[504] != 0 {}
        Ok(())
    }

    fn pad(&mut self, size: u64) -> io::Result<()> {
        self.cursor.skip(size.wrapping_neg() % BLOCK)?;
        Ok(())
    }
}

/// The first record without its length and newline, and the rest.
fn pax_record(records: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = records.iter().take(20).position(|&byte| byte == b' ')?;
    let length: usize = str::from_utf8(&records[..space]).ok()?.parse().ok()?;
    let (record, rest) = records.split_at_checked(length)?;
    Some((record.get(space + 1..)?.strip_suffix(b"\n")?, rest))
}
