//! The containers that executables come in, told apart by their first bytes,
//! and the systems that they are for.

use crate::Error;
use crate::error::Magic;
use crate::space::AddressSpace;
use crate::{elf, macho, pe};
use core::fmt;
use object::{Pod, ReadRef};

/// The format of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Container {
    /// The Executable and Linkable Format: Linux, Android, the BSDs.
    Elf,
    /// Mach-O, thin or universal: macOS, iOS.
    MachO,
    /// Portable Executable: Windows.
    Pe,
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Elf => "elf",
            Self::MachO => "mach-o",
            Self::Pe => "pe",
        })
    }
}

/// The system that a file is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Os {
    /// Linux.
    Linux,
    /// Android.
    Android,
    /// macOS.
    Darwin,
    /// iOS, and what is built as such: tvOS, watchOS, visionOS, Mac Catalyst.
    Ios,
    /// Windows.
    Windows,
    /// FreeBSD.
    FreeBsd,
    /// NetBSD.
    NetBsd,
    /// OpenBSD.
    OpenBsd,
}

impl Os {
    /// All of them, with what `GOOS` calls them (`internal/syslist`; the ports
    /// to arm64 in `internal/platform/zosarch.go`).
    const NAMES: [(Self, &'static str); 8] = [
        (Self::Linux, "linux"),
        (Self::Android, "android"),
        (Self::Darwin, "darwin"),
        (Self::Ios, "ios"),
        (Self::Windows, "windows"),
        (Self::FreeBsd, "freebsd"),
        (Self::NetBsd, "netbsd"),
        (Self::OpenBsd, "openbsd"),
    ];

    /// The name, as `GOOS` has it.
    #[must_use]
    pub fn goos(self) -> &'static str {
        Self::NAMES.iter().find(|(os, _)| *os == self).map_or("", |(_, name)| name)
    }

    /// The system with this name.
    pub(crate) fn named(goos: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, name)| *name == goos).map(|(os, _)| *os)
    }
}

impl fmt::Display for Os {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.goos())
    }
}

/// Makes the address space of a file.
///
/// # Errors
/// All that concern the container.
pub(crate) fn read(file: &[u8]) -> Result<AddressSpace<'_>, Error> {
    match file {
        [] => Err(Error::Empty),
        // A short start is a truncated executable if it can be no text.
        [0x7f] | [0x7f, b'E'] | [0x7f, b'E', b'L'] | [0x7f, b'E', b'L', b'F', ..] => {
            elf::read(file)
        }
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] | [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..] => {
            macho::read(file)
        }
        [0xca, 0xfe, 0xba, 0xbe | 0xbf, ..] => macho::read(macho::universal::slice(file)?),
        [b'M', b'Z', ..] => pe::read(file),
        _ => Err(Error::NotExecutable { found: Magic::of(file) }),
    }
}

/// A structure of the file.
pub(crate) fn one<'a, T: Pod>(
    file: &'a [u8],
    what: &'static str,
    offset: u64,
) -> Result<&'a T, Error> {
    file.read_at(offset).map_err(|()| truncated(file, what, offset, size_of::<T>() as u64))
}

/// A table of the file.
pub(crate) fn many<'a, T: Pod>(
    file: &'a [u8],
    what: &'static str,
    offset: u64,
    count: usize,
) -> Result<&'a [T], Error> {
    let size = (count as u64).saturating_mul(size_of::<T>() as u64);
    file.read_slice_at(offset, count).map_err(|()| truncated(file, what, offset, size))
}

/// A part of the file.
pub(crate) fn part<'a>(
    file: &'a [u8],
    what: &'static str,
    offset: u64,
    size: u64,
) -> Result<&'a [u8], Error> {
    file.read_bytes_at(offset, size).map_err(|()| truncated(file, what, offset, size))
}

fn truncated(file: &[u8], what: &'static str, offset: u64, size: u64) -> Error {
    Error::Truncated { what, offset, size, file_size: file.len() as u64 }
}
