//! The function table of a Go module: header, tables, `ftab`.
//!
//! The layout is that of go1.18 and later: `pcHeader`, `_func` and `functab`
//! in `runtime/symtab.go` and `runtime/runtime2.go`; the magic numbers are
//! `internal/abi/symtab.go` (go1.27.3: `Go118PCLnTabMagic`,
//! `Go120PCLnTabMagic`). The two magics differ in the record of a function
//! (`startLine` came with go1.20) and in the inline tree.

use crate::Error;
use crate::bytes::{u32_at, u64_at};
use crate::space::AddressSpace;

/// The size of `pcHeader`: the magic and four bytes, then eight words.
pub(crate) const HEADER_SIZE: u64 = 72;

/// How many entries of the function table a candidate is judged by.
const PROBED: u64 = 64;

/// Which of the two layouts a table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layout {
    /// `0xfffffff0`: go1.18 and go1.19.
    Go118,
    /// `0xfffffff1`: go1.20 and later.
    Go120,
}

impl Layout {
    /// The size of `_func` up to its variable part.
    pub(crate) const fn record_size(self) -> usize {
        match self {
            Self::Go118 => 40,
            Self::Go120 => 44,
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
#[derive(Clone, Copy, Debug)]
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
        let offsets = [word(32)?, word(40)?, word(48)?, word(56)?, word(64)?, bytes.len() as u64];
        if offsets[0] < HEADER_SIZE || !offsets.is_sorted() {
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
        table.probe(functions)?;
        Ok(table)
    }

    /// The entry of a function. `None` beyond the last, and where the table is
    /// cut off.
    #[inline]
    pub(crate) fn entry(&self, index: usize) -> Option<Entry> {
        if index >= self.count {
            return None;
        }
        let at = index.checked_mul(8)?;
        let word = |skip: usize| u32_at(self.pclntable.bytes, at.checked_add(skip)?);
        Some(Entry { start: word(0)?, record: word(4)?, end: word(8)? })
    }

    /// The address of an entry, for messages.
    pub(crate) fn entry_address(&self, index: usize) -> u64 {
        self.pclntable.address.saturating_add((index as u64).saturating_mul(8))
    }

    /// Keeps only the part of `pclntable` that the moduledata gives it.
    pub(crate) fn truncate(&mut self, size: u64) {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let bytes = self.pclntable.bytes;
        self.pclntable.bytes = bytes.get(..size).unwrap_or(bytes);
    }

    fn probe(&self, functions: u64) -> Result<(), Error> {
        let wrong = |expected| Error::Header { address: self.address, expected };
        let room = (self.pclntable.bytes.len() as u64).saturating_sub(4) / 8;
        if functions == 0 || functions > room {
            return Err(wrong("at least one function, and an ftab inside the segment"));
        }
        let ftab = functions * 8 + 4;
        let last = (self.pclntable.bytes.len() as u64)
            .checked_sub(self.layout.record_size() as u64)
            .ok_or_else(|| wrong("the record of a function"))?;
        for index in 0..functions.min(PROBED) {
            let entry = usize::try_from(index).ok().and_then(|index| self.entry(index));
            let entry = entry.ok_or_else(|| wrong("an ftab inside the segment"))?;
            let record = u64::from(entry.record);
            if entry.start > entry.end || record < ftab || record > last {
                return Err(wrong("an ascending ftab with records behind it"));
            }
        }
        Ok(())
    }
}

fn layout(bytes: &[u8], address: u64) -> Result<Layout, Error> {
    match u32_at(bytes, 0) {
        Some(0xffff_fff0) => Ok(Layout::Go118),
        Some(0xffff_fff1) => Ok(Layout::Go120),
        Some(0xffff_fffa) => Err(Error::UnsupportedTable { address, release: "go1.16 and go1.17" }),
        Some(0xffff_fffb) => Err(Error::UnsupportedTable { address, release: "go1.2 to go1.15" }),
        _ => Err(Error::Header { address, expected: "the magic fffffff0 or fffffff1" }),
    }
}
