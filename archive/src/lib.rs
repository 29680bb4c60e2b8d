//! Walks archives, compressed files, packages and container images down to the
//! executables in them, without unpacking anything to disk.
//!
//! [`visit`] takes bytes and calls a visitor for each member that starts like an
//! executable (ELF, Mach-O, PE, of whatever machine), at any depth:
//!
//! | format | |
//! | --- | --- |
//! | tar | pax, ustar, GNU, and the older form; sparse members are errors |
//! | gzip, xz, zstd, bzip2 | around one of the others, or around one file |
//! | zip, jar, wheel | stored and deflated members |
//! | ar | static libraries, and Debian packages |
//! | cpio, rpm | the form `newc` of cpio; packages of rpm 3 and 4 |
//! | apk, npm, crates | tar in gzip, in one part or several |
//! | container images | OCI layouts and what `docker save` writes, as a tar |
//!
//! What something is, is told by its first bytes ([`sniff()`]); names are never asked
//! and never used as paths. What is neither executable nor archive is passed without
//! being held. In an image every blob is walked by itself: manifests are not read,
//! so layers are not laid over one another, and a file that a later layer deletes
//! (a whiteout) is still visited.
//!
//! A member is named `archive!member`, one `!` for each archive around it. A file that
//! is only compressed has its own name. The files of a Debian package are
//! `package.deb!usr/bin/x`, without the `data.tar` between them, and a layer is named by
//! the first digits of its digest: `image.tar!sha256:0123456789ab!usr/bin/x`.
//!
//! Archives are hostile: [`Limits`] bounds memory, output and depth, each error names
//! an offset where there is one, and what is damaged does not hide what is beside it
//! as far as the format allows.

mod ar;
mod cpio;
mod error;
mod input;
mod limits;
mod meter;
mod name;
mod rpm;
mod sniff;
mod tar;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod unpack;
mod walk;
mod zip;

pub use error::{Error, Limit, Reason};
pub use limits::Limits;
pub use sniff::{Format, HEAD, Kind, is_archive, sniff};

use core::ops::{ControlFlow, Range};
use input::{Input, Slice};
use meter::Meter;
use std::borrow::Cow;
use std::io::{self, Read};
use walk::{Visitor, Walk};

/// Something that is met on the way.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'e> {
    /// A member that starts like an executable.
    Member {
        /// What it is called, from the name of the archive on.
        path: &'e str,
        /// All of its bytes.
        content: Content<'e>,
    },
    /// A member that cannot be looked into, and need not be.
    Skipped {
        /// What it is called.
        path: &'e str,
        /// Why.
        reason: Reason,
    },
    /// An archive or a member that cannot be read, or not to its end.
    Failed {
        /// What it is called.
        path: &'e str,
        /// Why.
        error: Error,
    },
}

/// The bytes of a member.
#[derive(Debug)]
pub struct Content<'e> {
    bytes: Cow<'e, [u8]>,
    /// Where they start in the bytes that are visited.
    offset: Option<usize>,
}

impl Content<'_> {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where they stand in the bytes that were given to [`visit`], if they are a
    /// part of them: then nothing has to be copied to keep them.
    #[must_use]
    pub fn range(&self) -> Option<Range<usize>> {
        self.offset.map(|start| start..start + self.bytes.len())
    }

    /// The bytes, copied if they lie in an archive.
    #[must_use]
    pub fn into_owned(self) -> Vec<u8> {
        self.bytes.into_owned()
    }
}

/// How much a visit saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Archives and compressed files, the visited one included.
    pub archives: u64,
    /// Members of archives, of whatever kind.
    pub members: u64,
    /// Executables that were handed over.
    pub executables: u64,
}

/// Walks what a file holds. `name` is what it is called in events; an executable
/// that is no archive is its own only member.
///
/// The visitor ends the visit with [`ControlFlow::Break`]. It is called on this
/// thread, in the order in which things stand in the archive.
pub fn visit(
    name: &str,
    bytes: &[u8],
    limits: &Limits,
    visitor: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
) -> Tally {
    let meter = Meter::new(*limits, bytes.len() as u64);
    let whole = Slice { bytes, at: Some(0) };
    let mut visitor = visitor;
    let visitor: &mut Visitor<'_> = &mut visitor;
    let mut walk = Walk::new(&meter, visitor);
    walk.look(name, Input::slice(whole, None));
    walk.tally
}

/// As [`visit`], of what a reader yields. Members stand nowhere
/// ([`Content::range`] is `None`), and archives that are read by offset (zip, ar)
/// are held in memory.
pub fn visit_reader(
    name: &str,
    reader: &mut dyn Read,
    limits: &Limits,
    visitor: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
) -> Tally {
    let meter = Meter::new(*limits, 0);
    let mut visitor = visitor;
    let visitor: &mut Visitor<'_> = &mut visitor;
    let mut walk = Walk::new(&meter, visitor);
    let source = Source { reader, meter: &meter };
    walk.look(name, Input::stream(source, None));
    if let Some(broken) = meter.take_broken(0) {
        walk.failed(broken.member.as_deref().unwrap_or(name), broken.error);
    }
    walk.tally
}

/// A reader from outside: stream 0.
struct Source<'r> {
    reader: &'r mut dyn Read,
    meter: &'r Meter,
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.meter.is_at_end() {
            return Err(io::Error::other("the visit ends"));
        }
        let result = self.reader.read(buffer);
        match &result {
            Ok(count) => self.meter.read(*count as u64),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let (offset, reason) = (self.meter.packed(), error.to_string());
                self.meter.breaks(0, Error::Read { offset, reason }, false);
            }
        }
        result
    }
}
