//! Where in an address space the tables of Go are.

use crate::Error;
use crate::moduledata::Moduledata;
use crate::pclntab::{Layout, Pclntab, Table, has_magic};
use crate::space::{AddressSpace, Segment, find_all};
use rayon::prelude::*;

/// The tables and the code of a module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Module<'a> {
    /// The function table.
    pub(crate) pclntab: Pclntab<'a>,
    /// The names of functions up to the last NUL: one that starts in there ends in there.
    pub(crate) names: &'a [u8],
    /// The code, from the start of Go's text.
    pub(crate) text: Table<'a>,
    /// The data of functions, `None` without a moduledata and where it is at
    /// addresses.
    pub(crate) gofunc: Option<&'a [u8]>,
}

/// How many tables without a moduledata are looked at. A file needs one; more
/// is an attempt to keep the reader busy.
const ORPHANS: usize = 16;

/// Whether anything looks like the start of a function table.
pub(crate) fn has_candidate(space: &AddressSpace<'_>) -> bool {
    candidates(space).any(|address| space.bytes_from(address).is_some_and(has_magic))
}

/// Finds the module.
///
/// A table that a moduledata points at comes first: a program may carry
/// another program, and its table, as data. Of those without, only the
/// section's is taken where there are several.
///
/// # Errors
/// All that concern the function table and its moduledata.
pub(crate) fn module<'a>(space: &AddressSpace<'a>) -> Result<Module<'a>, Error> {
    let hinted = space.hints.pclntab.map(|address| Pclntab::read(space, address));
    if let Some(Ok(pclntab)) = hinted
        && let Some(moduledata) = Moduledata::find(space, &pclntab)?
    {
        return assemble(space, pclntab, Some(moduledata));
    }
    if let Some((pclntab, moduledata)) = relocated(space)? {
        return assemble(space, pclntab, Some(moduledata));
    }
    let search = search(space)?;
    if let Some((pclntab, moduledata)) = search.owned {
        return assemble(space, pclntab, Some(moduledata));
    }
    match (hinted, search.orphans.as_slice()) {
        (Some(Ok(pclntab)), _) | (_, &[pclntab]) => assemble(space, pclntab, None),
        (_, [first, second, ..]) => {
            Err(Error::AmbiguousTable { first: first.address, second: second.address })
        }
        (Some(Err(error)), []) => Err(error),
        (None, []) => Err(search.refused.unwrap_or(Error::NoFunctionTable)),
    }
}

/// How far the first pointers of a moduledata are from the one to the header: the starts
/// of `funcnametab`, `cutab` and `filetab`, with a length and a capacity behind each.
const POINTERS: [u64; 3] = [8, 32, 56];

/// Finds the table of a moduledata that the loader writes, by its first pointers. Where a
/// loader writes the pointers, one that it does not write leads nowhere: what the rest of
/// the file holds is data, whatever it looks like.
fn relocated<'a>(space: &AddressSpace<'a>) -> Result<Option<(Pclntab<'a>, Moduledata)>, Error> {
    let mut owned: Option<(Pclntab<'a>, Moduledata)> = None;
    for first in space.relocations.followed(POINTERS) {
        let (at, value) = (first.at(), first.value());
        if !at.is_multiple_of(8) || space.pointer(at) != Some(value) {
            continue;
        }
        let Ok(pclntab) = Pclntab::read(space, value) else { continue };
        let Some(moduledata) = Moduledata::at(space, &pclntab, at)? else { continue };
        match owned {
            None => owned = Some((pclntab, moduledata)),
            Some((first, _)) if first.address == value => {}
            Some((first, _)) => {
                return Err(Error::AmbiguousTable { first: first.address, second: value });
            }
        }
    }
    Ok(owned)
}

/// What a search of all segments finds.
#[derive(Default)]
struct Search<'a> {
    /// The table that a moduledata points at.
    owned: Option<(Pclntab<'a>, Moduledata)>,
    /// Tables that none points at.
    orphans: Vec<Pclntab<'a>>,
    /// Why a table of an older release is not read.
    refused: Option<Error>,
}

/// Searches every segment: linkers put the table into different ones (an
/// external linker of position-independent code: into `.data.rel.ro`).
fn search<'a>(space: &AddressSpace<'a>) -> Result<Search<'a>, Error> {
    let mut search = Search::default();
    for address in candidates(space) {
        let pclntab = match Pclntab::read(space, address) {
            Ok(pclntab) => pclntab,
            Err(error @ Error::UnsupportedTable { .. }) => {
                search.refused.get_or_insert(error);
                continue;
            }
            Err(_) => continue,
        };
        match (Moduledata::find(space, &pclntab)?, search.owned) {
            (Some(_), Some((first, _))) => {
                return Err(Error::AmbiguousTable { first: first.address, second: address });
            }
            (Some(moduledata), None) => search.owned = Some((pclntab, moduledata)),
            (None, _) => search.orphans.push(pclntab),
        }
        if search.orphans.len() > ORPHANS {
            break;
        }
    }
    Ok(search)
}

/// What follows the first byte of every magic.
const MAGIC: [u8; 7] = [0xff, 0xff, 0xff, 0, 0, 4, 8];

/// How many bytes a thread searches at a time, and how many pieces are searched at once:
/// so many places are kept at most.
const PIECE: usize = 1 << 18;
const PIECES: usize = 32;

/// The aligned places of every magic, in their order. All threads search.
fn candidates<'s>(space: &'s AddressSpace<'_>) -> impl Iterator<Item = u64> + 's {
    let in_segment = |segment: &'s Segment<'_>| {
        let &Segment { address, bytes, .. } = segment;
        let in_piece = move |start: usize| {
            let end = start.saturating_add(PIECE + MAGIC.len() - 1).min(bytes.len());
            let places = find_all(bytes.get(start..end).unwrap_or_default(), MAGIC);
            places.map(move |place| start as u64 + place)
        };
        (0..bytes.len()).step_by(PIECE * PIECES).flat_map(move |start| {
            let end = start.saturating_add(PIECE * PIECES).min(bytes.len());
            let pieces = (start..end).into_par_iter().step_by(PIECE);
            let places: Vec<_> = pieces.flat_map_iter(in_piece).collect();
            places.into_iter().filter_map(move |place| (address + place).checked_sub(1))
        })
    };
    let places = space.segments().iter().flat_map(in_segment);
    places.filter(|address| *address != 0 && address.is_multiple_of(8))
}

fn assemble<'a>(
    space: &AddressSpace<'a>,
    mut pclntab: Pclntab<'a>,
    moduledata: Option<Moduledata>,
) -> Result<Module<'a>, Error> {
    let address = pclntab.address;
    let wrong = |expected| Error::Header { address, expected };
    let header = match pclntab.layout {
        // No such field; a function is the first of the text.
        Layout::Go116 if moduledata.is_none() => pclntab.first(space),
        Layout::Go116 => None,
        // Releases before go1.26 repeat the start of the text in the header.
        Layout::Go118 | Layout::Go120 => {
            address.checked_add(24).and_then(|at| space.pointer(at)).filter(|&at| at != 0)
        }
    };
    let (start, end) = match (moduledata, header) {
        (Some(moduledata), Some(header)) if moduledata.text != header => {
            return Err(wrong("the text start of the moduledata"));
        }
        (Some(moduledata), _) => (moduledata.text, Some(moduledata.etext)),
        (None, Some(header)) => (header, None),
        (None, None) => return Err(Error::NoTextStart { address }),
    };
    let segment = space.segment(start).filter(|segment| segment.executable && start % 4 == 0);
    let code = segment.and_then(|_| space.bytes_from(start));
    let code = code.ok_or_else(|| wrong("a text start in an executable segment"))?;
    let size = end.and_then(|end| usize::try_from(end - start).ok()).unwrap_or(code.len());
    let bytes = code.get(..size).ok_or_else(|| wrong("a text inside its segment"))?;
    if let Some(moduledata) = moduledata {
        pclntab.truncate(moduledata.pclntable_size);
    }
    let gofunc = moduledata.and_then(|moduledata| space.bytes_from(moduledata.gofunc?));
    let names = pclntab.funcnametab.bytes;
    let names = memchr::memrchr(0, names).and_then(|last| names.get(..=last)).unwrap_or_default();
    Ok(Module { pclntab, names, text: Table { address: start, bytes }, gofunc })
}
