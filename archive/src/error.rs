//! What can be wrong with an archive, and which limit it exceeds.

use crate::sniff::Format;
use core::fmt;
use thiserror::Error;

/// Why an archive or one of its members cannot be read. The text does not name
/// it; [`crate::Event::Failed`] does.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes end inside something.
    #[error("truncated: the {what} at offset {offset:#x} needs {size} bytes, {found} follow")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Where it starts in the (unpacked) archive that it is in, in bytes.
        offset: u64,
        /// How long it says it is, in bytes.
        size: u64,
        /// How much of it there is, in bytes.
        found: u64,
    },
    /// Something contradicts its format.
    #[error("damaged {what} at offset {offset:#x}: expected {expected}")]
    Damaged {
        /// What was being read.
        what: &'static str,
        /// Where it starts in the (unpacked) archive that it is in, in bytes.
        offset: u64,
        /// What should be the case.
        expected: &'static str,
    },
    /// An archive's directory cannot be read.
    #[error("damaged {format} archive: {reason}")]
    Archive {
        /// The format.
        format: Format,
        /// What its reader says.
        reason: String,
    },
    /// Compressed data cannot be unpacked, or its checksum is not that of what
    /// comes out.
    #[error("damaged {format} data, {unpacked} bytes of it unpacked: {reason}")]
    Compressed {
        /// The compression.
        format: Format,
        /// How many bytes came out before, exactly.
        unpacked: u64,
        /// What the decompressor says.
        reason: String,
    },
    /// A feature of the format that is not read, so that the member is not
    /// looked at.
    #[error("{what} at offset {offset:#x}: not supported")]
    Unsupported {
        /// The feature.
        what: &'static str,
        /// Where the member starts in the archive that it is in, in bytes.
        offset: u64,
    },
    /// The source of the bytes failed.
    #[error("cannot be read behind {offset} bytes: {reason}")]
    Read {
        /// How many bytes were read before.
        offset: u64,
        /// What the system says.
        reason: String,
    },
    /// A bound of [`crate::Limits`].
    #[error(transparent)]
    Limit(#[from] Limit),
}

/// A bound of [`crate::Limits`] that an archive exceeds. Bytes, unless it says
/// otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Limit {
    /// [`crate::Limits::memory`].
    #[error("limit exceeded: needs more than {0} bytes of memory")]
    Memory(u64),
    /// [`crate::Limits::windows`].
    #[error("limit exceeded: decompressors inside one another that need more than {0} bytes")]
    Windows(u64),
    /// [`crate::Limits::unpacked`].
    #[error("limit exceeded: unpacks to more than {0} bytes")]
    Unpacked(u64),
    /// [`crate::Limits::ratio`], a number of bytes for each byte.
    #[error("limit exceeded: unpacks to more than {0} times its size")]
    Ratio(u64),
    /// [`crate::Limits::members`], a number of members.
    #[error("limit exceeded: more than {0} members")]
    Members(u64),
    /// [`crate::Limits::depth`], a number of formats.
    #[error("limit exceeded: more than {0} archives inside one another")]
    Depth(u32),
}

/// Why a member is passed over although it could matter, without being an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// A thin `ar` archive names files that lie beside it and holds none.
    ThinArchive,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ThinArchive => "a thin archive: its members are files of their own",
        })
    }
}
