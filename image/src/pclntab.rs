//! The function table of a Go module: header, tables, `ftab`.
//!
//! The layouts are those of `pcHeader`, `_func` and `functab` in
//! `runtime/symtab.go` and `runtime/runtime2.go`; the magic numbers are
//! `internal/abi/symtab.go` (go1.27.3: `Go116PCLnTabMagic`, `Go118PCLnTabMagic`,
//! `Go120PCLnTabMagic`). The last two differ in the record of a function
//! (`startLine` came with go1.20) and in the inline tree. In the first, functions
//! start at addresses instead of offsets from the start of the text, and data of
//! functions is at addresses too.

use crate::Error;
use crate::bytes::{u32_at, u64_at};
use crate::space::AddressSpace;

/// How many entries of the function table a candidate is judged by.
const PROBED: u64 = 64;

/// Which layout a table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layout {
    /// `0xfffffffa`: go1.16 and go1.17.
    Go116,
    /// `0xfffffff0`: go1.18 and go1.19.
    Go118,
    /// `0xfffffff1`: go1.20 and later.
    Go120,
}

impl Layout {
    /// The size of `_func` up to its variable part, from its four bytes before
    /// the name on: the entry, or the half of it that is an address.
    pub(crate) const fn record_size(self) -> usize {
        match self {
            Self::Go116 | Self::Go118 => 40,
            Self::Go120 => 44,
        }
    }

    /// How many bytes of `_func` are before those.
    pub(crate) const fn record_skip(self) -> usize {
        match self {
            Self::Go116 => 4,
            Self::Go118 | Self::Go120 => 0,
        }
    }

    /// The size of an entry of `ftab`.
    const fn entry_size(self) -> usize {
        match self {
            Self::Go116 => 16,
            Self::Go118 | Self::Go120 => 8,
        }
    }

    /// Where the offset of `funcnametab` is in the header; the other four follow.
    const fn offsets(self) -> usize {
        match self {
            Self::Go116 => 24,
            Self::Go118 | Self::Go120 => 32,
        }
    }
}

/// A part of the table, as long as it can be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table<'a> {
    /// Where it is.
    pub(crate) address: u64,
    /// What it holds.
    pub(crate) bytes: &'a [u8],
}

/// The tables of one module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pclntab<'a> {
    /// Where the header is.
    pub(crate) address: u64,
    /// Which layout the records have.
    pub(crate) layout: Layout,
    /// The number of functions.
    pub(crate) count: usize,
    /// Names of functions, each ended by NUL.
    pub(crate) funcnametab: Table<'a>,
    /// Indices into the file table, of four bytes.
    pub(crate) cutab: Table<'a>,
    /// Names of files, each ended by NUL.
    pub(crate) filetab: Table<'a>,
    /// The pc-value programs.
    pub(crate) pctab: Table<'a>,
    /// `ftab`, then the records of the functions.
    pub(crate) pclntable: Table<'a>,
}

/// An entry of `ftab` with the next one's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Where the function starts, from the start of the text.
    pub(crate) start: u32,
    /// Where the next one starts, or the text ends.
    pub(crate) end: u32,
    /// Where its record is in `pclntable`.
    pub(crate) record: u32,
}

impl<'a> Pclntab<'a> {
    /// Reads the header at an address, and probes the table behind it.
    ///
    /// # Errors
    /// [`Error::UnsupportedTable`], [`Error::Header`].
    pub(crate) fn read(space: &AddressSpace<'a>, address: u64) -> Result<Self, Error> {
        let wrong = |expected| Error::Header { address, expected };
        let bytes = space.bytes_from(address).ok_or_else(|| wrong("a table inside the file"))?;
        let layout = layout(bytes, address)?;
        if bytes.get(4..8) != Some(&[0, 0, 4, 8]) {
            return Err(wrong("two zeros, instructions of 4 bytes and pointers of 8"));
        }
        let word = |at| u64_at(bytes, at).ok_or_else(|| wrong("a whole header inside the file"));
        let mut offsets = [bytes.len() as u64; 6];
        let mut end = layout.offsets();
        for offset in offsets.iter_mut().take(5) {
            *offset = word(end)?;
            end += 8;
        }
        if offsets[0] < end as u64 || !offsets.is_sorted() {
            return Err(wrong("tables in ascending order, inside the segment"));
        }
        let table = |index: usize| {
            let start = usize::try_from(*offsets.get(index)?).ok()?;
            let end = usize::try_from(*offsets.get(index + 1)?).ok()?;
            let address = address.checked_add(*offsets.get(index)?)?;
            Some(Table { address, bytes: bytes.get(start..end)? })
        };
        let table = |index| table(index).ok_or_else(|| wrong("tables inside the segment"));
        let functions = word(8)?;
        let table = Self {
            address,
            layout,
            count: usize::try_from(functions).map_err(|_| wrong("a number of functions"))?,
            funcnametab: table(0)?,
            cutab: table(1)?,
            filetab: table(2)?,
            pctab: table(3)?,
            pclntable: table(4)?,
        };
        table.probe(space, functions)?;
        Ok(table)
    }

    /// The entry of a function of a module whose text starts at `text`. `None`
    /// beyond the last, and where the table is cut off.
    #[inline]
    pub(crate) fn entry(&self, space: &AddressSpace<'_>, text: u64, index: usize) -> Option<Entry> {
        if index >= self.count {
            return None;
        }
        if self.layout == Layout::Go116 {
            return self.entry_of_addresses(space, text, index);
        }
        let at = index.checked_mul(8)?;
        let word = |skip: usize| u32_at(self.pclntable.bytes, at.checked_add(skip)?);
        Some(Entry { start: word(0)?, record: word(4)?, end: word(8)? })
    }

    /// The address of an entry.
    pub(crate) fn entry_address(&self, index: usize) -> u64 {
        let size = self.layout.entry_size() as u64;
        self.pclntable.address.saturating_add((index as u64).saturating_mul(size))
    }

    /// The address that the first function starts at, where the table has
    /// addresses.
    pub(crate) fn first(&self, space: &AddressSpace<'_>) -> Option<u64> {
        (self.layout == Layout::Go116).then(|| space.pointer(self.entry_address(0)))?
    }

    fn entry_of_addresses(
        &self,
        space: &AddressSpace<'_>,
        text: u64,
        index: usize,
    ) -> Option<Entry> {
        let at = index.checked_mul(16)?;
        // The next entry's address has to be inside the table as well.
        self.pclntable.bytes.get(at..)?.get(..24)?;
        let start = |at: u64| u32::try_from(space.pointer(at)?.checked_sub(text)?).ok();
        let address = self.entry_address(index);
        let record = u64_at(self.pclntable.bytes, at.checked_add(8)?)?;
        Some(Entry {
            start: start(address)?,
            end: start(address.checked_add(16)?)?,
            record: u32::try_from(record).ok()?,
        })
    }

    /// Keeps only the part of `pclntable` that the moduledata gives it.
    pub(crate) fn truncate(&mut self, size: u64) {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let bytes = self.pclntable.bytes;
        self.pclntable.bytes = bytes.get(..size).unwrap_or(bytes);
    }

    fn probe(&self, space: &AddressSpace<'_>, functions: u64) -> Result<(), Error> {
        let wrong = |expected| Error::Header { address: self.address, expected };
        let size = self.layout.entry_size() as u64;
        let room = (self.pclntable.bytes.len() as u64).saturating_sub(size / 2) / size;
        if functions == 0 || functions > room {
            return Err(wrong("at least one function, and an ftab inside the segment"));
        }
        let ftab = functions * size + size / 2;
        let record = self.layout.record_skip() + self.layout.record_size();
        let last = (self.pclntable.bytes.len() as u64).checked_sub(record as u64);
        let last = last.ok_or_else(|| wrong("the record of a function"))?;
        let text = self.first(space).unwrap_or(0);
        for index in 0..functions.min(PROBED) {
            let entry = usize::try_from(index).ok();
            let entry = entry.and_then(|index| self.entry(space, text, index));
            let entry = entry.ok_or_else(|| wrong("an ftab inside the segment"))?;
            let record = u64::from(entry.record);
            if entry.start > entry.end || record < ftab || record > last {
                return Err(wrong("an ascending ftab with records behind it"));
            }
        }
        Ok(())
    }
}

/// Whether bytes start as a table of any release does.
pub(crate) fn has_magic(bytes: &[u8]) -> bool {
    !matches!(layout(bytes, 0), Err(Error::Header { .. }))
}

fn layout(bytes: &[u8], address: u64) -> Result<Layout, Error> {
    match u32_at(bytes, 0) {
        Some(0xffff_fff0) => Ok(Layout::Go118),
        Some(0xffff_fff1) => Ok(Layout::Go120),
        Some(0xffff_fffa) => Ok(Layout::Go116),
        Some(0xffff_fffb) => Err(Error::UnsupportedTable { address, release: "go1.2 to go1.15" }),
        _ => Err(Error::Header { address, expected: "the magic fffffffa, fffffff0 or fffffff1" }),
    }
}
