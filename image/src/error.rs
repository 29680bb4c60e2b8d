//! What can be wrong with a file, one variant for each thing that was expected.

mod kind;
mod parts;

pub use kind::ErrorKind;
pub use parts::{FileType, Machine, Magic, PcTableRule};

use thiserror::Error;
use unwind::Pc;

/// Why an image, a function or a row cannot be read. The text names the file
/// offset or the address; it does not name the file, which only the caller
/// knows.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The file has no bytes.
    #[error("empty file: expected an ELF, Mach-O or PE executable")]
    Empty,
    /// The file does not start as an executable does.
    #[error(
        "not an executable: expected the magic of ELF (7f 45 4c 46), Mach-O (cf fa ed fe) or PE (4d 5a) at offset 0, found {found}"
    )]
    NotExecutable {
        /// The first bytes of the file.
        found: Magic,
    },
    /// The file starts as a PE file does, but is none: a program for DOS.
    #[error(
        "not a PE file: expected the signature 50 45 00 00 at offset {offset:#x}, found {found}"
    )]
    Signature {
        /// Where the signature should be.
        offset: u64,
        /// The bytes that are there.
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
    /// The Mach-O file has words of 32 bits, or is big-endian.
    #[error(
        "not a 64-bit little-endian Mach-O file: expected the magic cf fa ed fe at offset 0, found {found}"
    )]
    MachOMagic {
        /// The first bytes of the file.
        found: Magic,
    },
    /// The PE file has addresses of 32 bits.
    #[error(
        "not a 64-bit PE file: expected the magic 0x20b at offset {offset:#x}, found {found:#x}"
    )]
    OptionalHeader {
        /// Where the optional header is.
        offset: u64,
        /// Its magic.
        found: u16,
    },
    /// The file is neither an executable nor a shared object.
    #[error("not an executable: expected {} at offset {:#x}, found {found}", .found.expected(), .found.offset())]
    FileType {
        /// What the file says it is.
        found: FileType,
    },
    /// The machine is not AArch64.
    #[error("not an arm64 executable: expected {} at offset {offset:#x}, found {found}", .found.expected())]
    Architecture {
        /// Where the machine is written in the file.
        offset: u64,
        /// The machine that the file is for.
        found: Machine,
    },
    /// A universal file has code for other machines only.
    #[error(
        "not an arm64 executable: none of the {slices} slices of the universal file is for arm64"
    )]
    NoSlice {
        /// How many slices there are.
        slices: u32,
    },
    /// The code of the file is encrypted, as app stores do.
    #[error("encrypted file: the {size} bytes at offset {offset:#x} cannot be read")]
    Encrypted {
        /// Where the encrypted part starts in the file.
        offset: u64,
        /// How long it is, in bytes.
        size: u64,
    },
    /// A structure that the loader reads contradicts itself.
    #[error("contradictory {what} at offset {offset:#x}: expected {expected}")]
    Malformed {
        /// The structure.
        what: &'static str,
        /// Where it starts in the file.
        offset: u64,
        /// What should be the case.
        expected: &'static str,
    },
    /// A relocatable object has a relocation that is not applied here.
    #[error(
        "relocation {kind} at address {address:#x} is not supported; supported: what Go's linker writes for arm64"
    )]
    RelocationKind {
        /// The type of the relocation ("ELF for the Arm 64-bit Architecture", section 5.7).
        kind: u32,
        /// What it relocates.
        address: u64,
    },
    /// A branch of a relocatable object cannot reach its target.
    #[error("branch at address {address:#x}: expected a target within 128 MiB, found {target:#x}")]
    BranchRange {
        /// The branch.
        address: u64,
        /// Its target.
        target: u64,
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
    /// The segments hold the same bytes of the file many times over.
    #[error("contradictory segments: {size} bytes of segments in a file of {file_size} bytes")]
    SegmentSize {
        /// How many bytes the segments have, each counted for itself.
        size: u64,
        /// How long the file is, in bytes.
        file_size: u64,
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
    /// The function table has the layout of a release before go1.16.
    #[error(
        "pclntab at address {address:#x}: the layout of {release} is not supported; supported: go1.16 and later"
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
