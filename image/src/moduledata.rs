//! `runtime.moduledata`: where the text starts and where the data of functions
//! is (`runtime/symtab.go` of go1.17, go1.19.8, go1.21.13 to go1.27.3).
//!
//! Found by what it must hold: a pointer to the pclntab header, then five
//! slices that repeat what the header says. Fields behind `noptrbss` moved
//! between releases; the layout is told apart by `textsectmap`, whose first
//! entry repeats the start of the text.

use crate::Error;
use crate::bytes::u64_at;
use crate::pclntab::{Layout, Pclntab, Table};
use crate::space::AddressSpace;

/// What is needed of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moduledata {
    /// Where it is.
    pub(crate) address: u64,
    /// Where the text starts: function entries count from here.
    pub(crate) text: u64,
    /// Where the text ends.
    pub(crate) etext: u64,
    /// The size of `pclntable`.
    pub(crate) pclntable_size: u64,
    /// Where function data counts from, `None` where the layout is unknown and
    /// in go1.16 and go1.17, where it does not count from anywhere.
    pub(crate) gofunc: Option<u64>,
}

/// The words at which `gofunc` and `textsectmap` stand: go1.18 and go1.19;
/// go1.20 to go1.25 (`covctrs`, `ecovctrs`); go1.26 (`epclntab`); go1.27
/// (`typedesclen`, `itaboffset`, `itabsize`).
const LAYOUTS: [(u64, u64); 4] = [(38, 39), (40, 41), (40, 42), (43, 45)];

/// The word at which `textsectmap` stands in go1.16 and go1.17, which have no
/// `gofunc`.
const TEXTSECTMAP_OF_GO116: u64 = 36;

impl Moduledata {
    /// Finds the moduledata of a pclntab.
    ///
    /// # Errors
    /// [`Error::TextSections`].
    pub(crate) fn find(
        space: &AddressSpace<'_>,
        pclntab: &Pclntab<'_>,
    ) -> Result<Option<Self>, Error> {
        let mut places = space.find_pointer(pclntab.address);
        let found = places.find_map(|address| Self::at(space, pclntab, address).transpose());
        found.transpose()
    }

    /// The moduledata of a pclntab, if there is one at an address.
    ///
    /// # Errors
    /// [`Error::TextSections`].
    pub(crate) fn at(
        space: &AddressSpace<'_>,
        pclntab: &Pclntab<'_>,
        address: u64,
    ) -> Result<Option<Self>, Error> {
        let Some((mut moduledata, layout)) = read(space, pclntab, address) else {
            return Ok(None);
        };
        if let Some((gofunc, sections)) = layout {
            if sections > 1 {
                return Err(Error::TextSections { address, count: sections });
            }
            moduledata.gofunc = gofunc;
        }
        Ok(Some(moduledata))
    }
}

/// A moduledata with its `gofunc` and the number of text sections.
type Found = (Moduledata, Option<(Option<u64>, u64)>);

fn read(space: &AddressSpace<'_>, pclntab: &Pclntab<'_>, address: u64) -> Option<Found> {
    let word = |index: u64| space.pointer(address.checked_add(index * 8)?);
    // Length and capacity are no pointers, but nor are they relocated.
    let slice = |index: u64| {
        let (length, capacity) = (word(index + 1)?, word(index + 2)?);
        (length <= capacity).then_some((word(index)?, length))
    };
    // The length of `cutab` is in bytes or, as its type says, in words; the
    // other tables have bytes.
    let same = |index: u64, table: Table<'_>| {
        let (start, length) = slice(index)?;
        (start == table.address && length <= table.bytes.len() as u64).then_some(())
    };
    same(1, pclntab.funcnametab)?;
    same(4, pclntab.cutab)?;
    same(7, pclntab.filetab)?;
    same(10, pclntab.pctab)?;
    same(13, pclntab.pclntable)?;
    let (ftab, entries) = slice(16)?;
    let functions = u64::try_from(pclntab.count).ok()?.checked_add(1)?;
    let (text, etext) = (word(22)?, word(23)?);
    if ftab != pclntab.pclntable.address || entries != functions || text > etext {
        return None;
    }
    let (_, pclntable_size) = slice(13)?;
    let moduledata = Moduledata { address, text, etext, pclntable_size, gofunc: None };
    let sections = |textsectmap: u64| {
        let (sections, count) = slice(textsectmap)?;
        // `textsect`: vaddr, end, baseaddr.
        let base = space.pointer(sections.checked_add(16)?)?;
        let first = u64_at(space.bytes(sections, 8)?, 0)?;
        (count > 0 && first == 0 && base == text).then_some(count)
    };
    let layout = match pclntab.layout {
        Layout::Go116 => sections(TEXTSECTMAP_OF_GO116).map(|count| (None, count)),
        Layout::Go118 | Layout::Go120 => LAYOUTS.iter().find_map(|&(gofunc, textsectmap)| {
            let gofunc = word(gofunc)?;
            space.bytes_from(gofunc)?;
            sections(textsectmap).map(|count| (Some(gofunc), count))
        }),
    };
    Some((moduledata, layout))
}
