//! Errors by what a reader of many files does about them.

use super::Error;

/// What an [`Error`](enum@super::Error) says of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// It is nothing that a loader runs: text, data, an object without its program.
    NotExecutable,
    /// It is an executable for another machine.
    OtherArchitecture,
    /// It is an executable for arm64 without functions of Go.
    NotGo,
    /// It has, or may have, functions of Go for arm64 in a form that is not read.
    Unsupported,
    /// It is cut off or contradicts itself, or the question does.
    Damaged,
}

impl Error {
    /// What the error says of the file. The first three kinds are no fault of a file: who
    /// reads a directory may pass such files over.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Empty
            | Self::NotExecutable { .. }
            | Self::Signature { .. }
            | Self::FileType { .. } => ErrorKind::NotExecutable,
            Self::Class { .. }
            | Self::ByteOrder { .. }
            | Self::MachOMagic { .. }
            | Self::OptionalHeader { .. }
            | Self::Architecture { .. }
            | Self::NoSlice { .. } => ErrorKind::OtherArchitecture,
            Self::NoFunctionTable => ErrorKind::NotGo,
            Self::Encrypted { .. }
            | Self::RelocationKind { .. }
            | Self::BranchRange { .. }
            | Self::UnsupportedTable { .. }
            | Self::TextSections { .. } => ErrorKind::Unsupported,
            Self::Truncated { .. }
            | Self::Malformed { .. }
            | Self::EntrySize { .. }
            | Self::SegmentOverlap { .. }
            | Self::SegmentSize { .. }
            | Self::Relocations { .. }
            | Self::AmbiguousTable { .. }
            | Self::Header { .. }
            | Self::NoTextStart { .. }
            | Self::NoSuchFunction { .. }
            | Self::FunctionRecord { .. }
            | Self::NoStackTable { .. }
            | Self::PcTable { .. }
            | Self::UnsafePoint { .. }
            | Self::NoSuchBoundary { .. }
            | Self::InlineTree { .. } => ErrorKind::Damaged,
        }
    }
}
