//! The address space that a loader would make of a file, at load bias 0: what
//! every container format comes down to. Nothing here knows a container or Go.

use crate::Error;
use crate::bytes::u64_at;
use crate::container::{Container, Os};
use crate::relocations::{Relocations, Written};

/// A part of the file at an address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'a> {
    /// Where its first byte is in memory.
    pub(crate) address: u64,
    /// Its size in memory, at least `bytes.len()`.
    pub(crate) size: u64,
    /// The part of it that is in the file.
    pub(crate) bytes: &'a [u8],
    /// Whether it holds code.
    pub(crate) executable: bool,
}

impl Hints {
    /// Takes the address of a section whose name says what is in it. Mach-O cuts
    /// names off behind 16 bytes.
    pub(crate) fn name(&mut self, name: &[u8], address: Option<u64>) {
        match name {
            b".gopclntab" | b".data.rel.ro.gopclntab" | b"__gopclntab" => self.pclntab = address,
            b".go.buildinfo" | b"__go_buildinfo" => self.buildinfo = address,
            _ => {}
        }
    }
}

/// Where the container says that a table is. Hints only: what is found there
/// is checked like anything else.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hints {
    /// The address of the pclntab.
    pub(crate) pclntab: Option<u64>,
    /// The address of the build information.
    pub(crate) buildinfo: Option<u64>,
}

/// An instruction that a linker would change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patch {
    /// The address of its four bytes.
    pub(crate) at: u64,
    /// What it becomes.
    pub(crate) word: u32,
}

/// Segments, ascending, and what the loader writes into them.
#[derive(Clone, Debug)]
pub(crate) struct AddressSpace<'a> {
    segments: Vec<Segment<'a>>,
    pub(crate) relocations: Relocations<'a>,
    pub(crate) hints: Hints,
    /// The format of the file.
    pub(crate) container: Container,
    /// The system that the container names.
    pub(crate) os: Option<Os>,
    /// The instructions that are not yet as they will run, in any order: only
    /// objects that no linker has linked have some.
    pub(crate) patches: Vec<Patch>,
}

impl<'a> AddressSpace<'a> {
    /// Sorts the segments of a file of `file_size` bytes.
    ///
    /// # Errors
    /// [`Error::SegmentOverlap`], [`Error::SegmentSize`].
    pub(crate) fn new(
        container: Container,
        file_size: usize,
        mut segments: Vec<Segment<'a>>,
        hints: Hints,
    ) -> Result<Self, Error> {
        // Segments that share bytes of the file are searched once each. A linker
        // maps at most the page between two of them twice.
        let size: u64 = segments.iter().map(|segment| segment.bytes.len() as u64).sum();
        let file_size = file_size as u64;
        if size / 2 > file_size {
            return Err(Error::SegmentSize { size, file_size });
        }
        segments.sort_by_key(|segment| segment.address);
        let mut free = 0;
        for segment in &segments {
            let address = segment.address;
            let end = address.checked_add(segment.size).ok_or(Error::SegmentOverlap { address })?;
            if address < free {
                return Err(Error::SegmentOverlap { address });
            }
            free = end;
        }
        Ok(Self {
            segments,
            relocations: Relocations::default(),
            hints,
            container,
            os: None,
            patches: Vec::new(),
        })
    }

    /// The segments, by address.
    pub(crate) fn segments(&self) -> &[Segment<'a>] {
        &self.segments
    }

    /// The segment that an address lies in.
    pub(crate) fn segment(&self, address: u64) -> Option<&Segment<'a>> {
        let after = self.segments.partition_point(|segment| segment.address <= address);
        let segment = self.segments.get(after.checked_sub(1)?)?;
        (address - segment.address < segment.size).then_some(segment)
    }

    /// The bytes of the file from an address to the end of its segment.
    pub(crate) fn bytes_from(&self, address: u64) -> Option<&'a [u8]> {
        let segment = self.segment(address)?;
        segment.bytes.get(usize::try_from(address - segment.address).ok()?..)
    }

    /// `size` bytes of the file at an address.
    pub(crate) fn bytes(&self, address: u64, size: u64) -> Option<&'a [u8]> {
        self.bytes_from(address)?.get(..usize::try_from(size).ok()?)
    }

    /// The pointer at an address as the loader would leave it.
    pub(crate) fn pointer(&self, address: u64) -> Option<u64> {
        let in_file = u64_at(self.bytes(address, 8)?, 0)?;
        match self.relocations.at(address) {
            Written::Value(value) => value,
            Written::Partly => None,
            Written::Nothing => Some(in_file),
        }
    }

    /// The aligned addresses at which the loader leaves a pointer with this
    /// value. Those in code come last, and the highest segments first: that is where
    /// linkers put data that is written to, which is small.
    pub(crate) fn find_pointer(&self, value: u64) -> impl Iterator<Item = u64> {
        let pattern = value.to_le_bytes();
        let of_kind = |executable| {
            self.segments.iter().rev().filter(move |segment| segment.executable == executable)
        };
        let in_file = of_kind(false).chain(of_kind(true)).flat_map(move |segment| {
            find_all(segment.bytes, pattern).map(move |at| segment.address + at)
        });
        self.relocations
            .of(value)
            .chain(in_file)
            .filter(move |&at| at.is_multiple_of(8) && self.pointer(at) == Some(value))
    }
}

/// All places of a short pattern, also those that overlap.
pub(crate) fn find_all<const N: usize>(
    bytes: &[u8],
    pattern: [u8; N],
) -> impl Iterator<Item = u64> + '_ {
    let mut from = 0;
    core::iter::from_fn(move || {
        let at = from + memchr::memmem::find(bytes.get(from..)?, &pattern)?;
        from = at + 1;
        Some(at as u64)
    })
}
