//! What can be wrong with a file, one variant for each thing that was expected.

use core::fmt;
use thiserror::Error;
use unwind::Pc;

/// Why an image, a function or a row cannot be read. The text names the file
/// offset or the address; it does not name the file, which only the caller
/// knows.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The file has no bytes.
    #[error("empty file: expected an ELF executable")]
    Empty,
    /// The file does not start with the ELF magic.
    #[error("not an ELF file: expected the magic 7f 45 4c 46 at offset 0, found {found}")]
    NotElf {
        /// The first bytes of the file.
        found: Magic,
    },
    /// A structure of the file reaches beyond its end.
    #[error(
        "truncated file: the {what} at offset {offset:#x} needs {size} bytes, but the file ends at {file_size:#x}"
    )]
    Truncated {
        /// The structure.
        what: &'static str,
        /// Where it starts in the file.
        offset: u64,
        /// How long it is, in bytes.
        size: u64,
        /// How long the file is, in bytes.
        file_size: u64,
    },
    /// The ELF file is not of the 64-bit class.
    #[error("not a 64-bit ELF file: expected class 2 at offset 4, found {found}")]
    Class {
        /// The value of `e_ident[EI_CLASS]`.
        found: u8,
    },
    /// The ELF file is not little-endian.
    #[error("not a little-endian ELF file: expected data encoding 1 at offset 5, found {found}")]
    ByteOrder {
        /// The value of `e_ident[EI_DATA]`.
        found: u8,
    },
    /// The ELF file is neither an executable nor a shared object.
    #[error("not an executable: expected ELF type 2 or 3 at offset 0x10, found {found}")]
    FileType {
        /// The value of `e_type`.
        found: FileType,
    },
    /// The machine is not AArch64.
    #[error("not an arm64 executable: expected ELF machine 183 at offset 0x12, found {found}")]
    Architecture {
        /// The value of `e_machine`.
        found: Machine,
    },
    /// A table of the file has entries of an unknown size.
    #[error(
        "unknown {what} at offset {offset:#x}: expected entries of {expected} bytes, found {found}"
    )]
    EntrySize {
        /// The table.
        what: &'static str,
        /// Where its entry size is written in the file.
        offset: u64,
        /// The size that is written there.
        found: u64,
        /// The size that the format has.
        expected: u64,
    },
    /// Two loadable segments claim the same address, or one wraps around.
    #[error(
        "contradictory segments: the one at address {address:#x} overlaps another or wraps around"
    )]
    SegmentOverlap {
        /// Where the later segment starts.
        address: u64,
    },
    /// The dynamic section names a relocation table that is not in the file.
    #[error(
        "contradictory dynamic section: no relocation table of {size} bytes at address {address:#x}"
    )]
    Relocations {
        /// Where the table should start.
        address: u64,
        /// How long it should be, in bytes.
        size: u64,
    },
    /// The file holds no function table of Go.
    #[error("no Go function table (pclntab) in any loadable segment: not a Go program")]
    NoFunctionTable,
    /// The function table has the layout of a release before go1.18.
    #[error(
        "pclntab at address {address:#x}: the layout of {release} is not supported; supported: go1.18 and later"
    )]
    UnsupportedTable {
        /// Where the table is.
        address: u64,
        /// The releases that write this layout.
        release: &'static str,
    },
    /// Several function tables are equally believable.
    #[error("several Go function tables: at address {first:#x} and at {second:#x}")]
    AmbiguousTable {
        /// One of them.
        first: u64,
        /// Another.
        second: u64,
    },
    /// The header of the function table contradicts itself.
    #[error("contradictory pclntab header at address {address:#x}: expected {expected}")]
    Header {
        /// Where the table is.
        address: u64,
        /// What should be the case.
        expected: &'static str,
    },
    /// The start of the code is neither in the header nor in a moduledata.
    #[error(
        "no text start for the pclntab at address {address:#x}: expected a moduledata that points at it"
    )]
    NoTextStart {
        /// Where the table is.
        address: u64,
    },
    /// The module has several text sections (`textsectmap`).
    #[error(
        "moduledata at address {address:#x}: {count} text sections are not supported; supported: 1"
    )]
    TextSections {
        /// Where the moduledata is.
        address: u64,
        /// How many there are.
        count: u64,
    },
    /// There is no function with this index.
    #[error("no function {index}: expected an index below {count}")]
    NoSuchFunction {
        /// The index.
        index: usize,
        /// How many functions there are.
        count: usize,
    },
    /// The record of a function in the table contradicts the table.
    #[error(
        "contradictory entry {index} of the function table at address {address:#x}: expected {expected}"
    )]
    FunctionRecord {
        /// The index of the function.
        index: usize,
        /// Where its ftab entry is.
        address: u64,
        /// What should be the case.
        expected: &'static str,
    },
    /// A function has no `pcsp` table: nothing is declared about its stack.
    #[error("no pcsp table for the function at {entry}")]
    NoStackTable {
        /// The function's entry.
        entry: Pc,
    },
    /// A pc-value program is malformed, or contradicts its function.
    #[error("contradictory pc-value table at address {address:#x}: expected {expected}")]
    PcTable {
        /// Where the run in question is.
        address: u64,
        /// What should be the case.
        expected: PcTableRule,
    },
    /// `PCDATA_UnsafePoint` has a value that Go does not define.
    #[error("unknown unsafe-point class {value} at address {address:#x}: expected -1 to -5")]
    UnsafePoint {
        /// Where the run is.
        address: u64,
        /// Its value.
        value: i32,
    },
    /// A boundary was asked for that is not one of the function's.
    #[error("no boundary {pc} in the function at {entry}")]
    NoSuchBoundary {
        /// The boundary.
        pc: Pc,
        /// The function's entry.
        entry: Pc,
    },
    /// The inline tree of a function cannot be read.
    #[error(
        "contradictory inline tree of the function at {entry}: no entry {index}, or none with a name"
    )]
    InlineTree {
        /// The function's entry.
        entry: Pc,
        /// The entry of the tree that a boundary refers to.
        index: i32,
    },
}

/// What every pc-value program keeps to (`runtime/symtab.go`, `pcvalue`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PcTableRule {
    /// A delta of zero ends the program inside the table.
    Terminated,
    /// A varint has at most five bytes and fits 32 bits.
    Varint,
    /// A value fits a signed 32-bit number.
    Value,
    /// Each run has at least one instruction.
    Progress,
    /// No run reaches beyond the function's code.
    InFunction,
    /// The unsafe points cover the same boundaries as the depths.
    SameEnd,
}

impl fmt::Display for PcTableRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Terminated => "a zero that ends it",
            Self::Varint => "a varint of 32 bits",
            Self::Value => "a value of 32 bits",
            Self::Progress => "a run of at least one instruction",
            Self::InFunction => "a run that ends inside its function",
            Self::SameEnd => "unsafe points up to where the depths end",
        })
    }
}

/// The first bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Magic {
    bytes: [u8; 4],
    length: usize,
}

impl Magic {
    /// The first four bytes, or all of them.
    #[must_use]
    pub fn of(file: &[u8]) -> Self {
        let mut magic = Self { bytes: [0; 4], length: file.len().min(4) };
        for (to, from) in magic.bytes.iter_mut().zip(file) {
            *to = *from;
        }
        magic
    }
}

impl fmt::Display for Magic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.bytes.iter().take(self.length).enumerate() {
            write!(f, "{}{byte:02x}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// A value of `e_type`, shown with its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileType(pub u16);

impl fmt::Display for FileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            1 => " (relocatable object)",
            4 => " (core dump)",
            _ => "",
        };
        write!(f, "{}{name}", self.0)
    }
}

/// A value of `e_machine`, shown with its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine(pub u16);

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            3 => " (x86)",
            8 => " (MIPS)",
            20 => " (PowerPC)",
            21 => " (PowerPC64)",
            22 => " (S390)",
            40 => " (Arm)",
            62 => " (x86-64)",
            243 => " (RISC-V)",
            258 => " (LoongArch)",
            _ => "",
        };
        write!(f, "{}{name}", self.0)
    }
}
