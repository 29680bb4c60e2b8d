//! Functions by the symbols of an ELF file: executables, shared objects, and objects that
//! no linker has linked ("ELF for the Arm 64-bit Architecture", 5.7).

use super::{Code, CodeError, Routine};
use crate::budget::step::Convention;
use crate::budget::subject::Link;
use a64::decode::{Access, Inst, Reg, decode};
use object::read::elf::ElfFile64;
use object::{
    LittleEndian, Object as _, ObjectKind, ObjectSection as _, ObjectSymbol as _, RelocationFlags,
    RelocationTarget, SectionFlags, SymbolIndex, SymbolKind, elf,
};
use std::collections::{BTreeMap, BTreeSet};
use unwind::Word;

type File<'a> = ElfFile64<'a, LittleEndian>;

/// What is in a file besides functions.
#[derive(Clone, Debug, Default)]
pub(super) struct Outside {
    /// The sections with code.
    sections: Vec<(u64, Vec<Word>)>,
    /// Where the addresses of what other images define are put, and their names.
    slots: BTreeMap<u64, String>,
}

impl Outside {
    /// What a step of the procedure linkage table jumps to: BTI, perhaps; ADRP X16; LDR X17,
    /// [X16, ...] ("System V ABI for the Arm 64-bit Architecture", 9.4).
    pub(super) fn import(&self, address: u64) -> Option<&str> {
        const BTI_C: u32 = 0xd503_245f;
        let (at, words) = self.sections.iter().find_map(|(start, words)| {
            let at = usize::try_from(address.checked_sub(*start)? / Word::BYTES).ok()?;
            let words = words.get(at..)?;
            match words.first()?.get() {
                BTI_C => Some((address.wrapping_add(Word::BYTES), words.get(1..)?)),
                _ => Some((address, words)),
            }
        })?;
        let Inst::Adrp { rd: Reg(16), offset: page } = decode(*words.first()?) else { return None };
        let Inst::Single { access: Access::Load, rt: Reg(17), rn: Reg(16), offset, .. } =
            decode(*words.get(1)?)
        else {
            return None;
        };
        let slot = (at & !0xfff).wrapping_add_signed(page).wrapping_add_signed(i64::from(offset));
        self.slots.get(&slot).map(String::as_str)
    }

    /// Adds the functions that are called and have no symbol: up to the next one that has, or
    /// that is called. The steps to other images are none.
    fn add_unnamed(&self, routines: &mut Vec<Routine>) {
        let mut starts: BTreeMap<u64, u64> = BTreeMap::new();
        starts.extend(routines.iter().map(|routine| (routine.entry, routine.end())));
        let mut called = BTreeSet::new();
        for (start, words) in &self.sections {
            for (at, word) in (0_u64..).zip(words) {
                let Inst::Call { offset } = decode(*word) else { continue };
                let at = start.wrapping_add(at.wrapping_mul(Word::BYTES));
                let target = at.wrapping_add_signed(offset);
                let before = starts.range(..=target).next_back();
                let is_named = before.is_some_and(|(_, &end)| target < end);
                if !is_named && self.import(target).is_none() {
                    called.insert(target);
                }
            }
        }
        for &target in &called {
            let section = self.sections.iter().find_map(|(start, words)| {
                let at = usize::try_from(target.checked_sub(*start)? / Word::BYTES).ok()?;
                words.get(at..).filter(|words| !words.is_empty())
            });
            let next = starts.range(target..).next().map(|(&start, _)| start);
            let next = next
                .into_iter()
                .chain(called.range(target.saturating_add(1)..).next().copied())
                .min();
            let count = next.and_then(|next| usize::try_from((next - target) / Word::BYTES).ok());
            let Some(words) = section else { continue };
            routines.push(Routine {
                names: Vec::new(),
                entry: target,
                words: words.get(..count.unwrap_or(words.len())).unwrap_or(words).to_vec(),
                convention: Convention::C,
                links: BTreeMap::new(),
            });
        }
    }
}

/// The functions of a file.
pub(super) fn read(bytes: &[u8]) -> Result<Code, CodeError> {
    let file = File::parse(bytes)?;
    let places = places(&file);
    let mut routines = Vec::new();
    let symbols = file.symbols().chain(file.dynamic_symbols());
    for symbol in symbols.filter(|symbol| symbol.kind() == SymbolKind::Text) {
        let (Some(section), Ok(name)) = (symbol.section_index(), symbol.name()) else { continue };
        let Some(place) = places.get(&section.0).filter(|_| !name.is_empty()) else { continue };
        let Some(first) = symbol.address().checked_sub(place.file_address) else { continue };
        let words = place.words(first, symbol.size());
        if !words.is_empty() {
            routines.push(Routine {
                names: vec![name.to_owned()],
                entry: place.address.saturating_add(first),
                words: words.to_vec(),
                convention: Convention::C,
                links: place.links_from(first, words.len()),
            });
        }
    }
    let slots = slots(&file);
    let sections = places.into_values().map(|place| (place.address, place.words.to_vec()));
    let outside = Outside { sections: sections.collect(), slots };
    if file.kind() != ObjectKind::Relocatable {
        outside.add_unnamed(&mut routines);
    }
    Ok(Code::new("elf".to_owned(), routines, outside))
}

/// A section with code.
struct Place<'a> {
    /// Where symbols count from: 0 in an object.
    file_address: u64,
    /// Where it is put.
    address: u64,
    words: &'a [Word],
    links: BTreeMap<u64, Link>,
}

impl<'a> Place<'a> {
    /// The words of a symbol.
    fn words(&self, first: u64, size: u64) -> &'a [Word] {
        let index = |offset: u64| usize::try_from(offset / Word::BYTES).ok();
        let range = index(first).zip(index(first.saturating_add(size)));
        range.and_then(|(first, end)| self.words.get(first..end)).unwrap_or_default()
    }

    fn links_from(&self, first: u64, count: usize) -> BTreeMap<u32, Link> {
        let end = first.saturating_add(count as u64 * Word::BYTES);
        let inside = self.links.range(first..end);
        let index = |offset: u64| u32::try_from((offset - first) / Word::BYTES).ok();
        inside.filter_map(|(&offset, link)| Some((index(offset)?, link.clone()))).collect()
    }
}

/// The sections with code. Those of an object all start at 0; they are put one behind the
/// other.
fn places<'a>(file: &File<'a>) -> BTreeMap<usize, Place<'a>> {
    let is_object = file.kind() == ObjectKind::Relocatable;
    let mut places = BTreeMap::new();
    let mut free = 0_u64;
    for section in file.sections().filter(|section| is_code(section.flags())) {
        let Ok(bytes) = section.data() else { continue };
        let address = if is_object { free } else { section.address() };
        free = free.saturating_add(bytes.len() as u64).next_multiple_of(Word::BYTES * 4);
        let words = Word::slice(bytes);
        let place =
            Place { file_address: section.address(), address, words, links: BTreeMap::new() };
        places.insert(section.index().0, place);
    }
    if is_object {
        link(file, &mut places);
    }
    places
}

fn is_code(flags: SectionFlags) -> bool {
    match flags {
        SectionFlags::Elf { sh_flags, .. } => sh_flags.0 & elf::SHF_EXECINSTR.0 != 0,
        _ => false,
    }
}

/// Notes what a linker would put into the words of an object.
fn link(file: &File<'_>, places: &mut BTreeMap<usize, Place<'_>>) {
    let addresses: BTreeMap<_, _> =
        places.iter().map(|(&index, place)| (index, place.address)).collect();
    for section in file.sections() {
        let Some(place) = places.get_mut(&section.index().0) else { continue };
        for (offset, relocation) in section.relocations() {
            let RelocationFlags::Elf { r_type } = relocation.flags() else { continue };
            let is_branch = [
                elf::R_AARCH64_CALL26,
                elf::R_AARCH64_JUMP26,
                elf::R_AARCH64_CONDBR19,
                elf::R_AARCH64_TSTBR14,
            ];
            let link = match relocation.target() {
                RelocationTarget::Symbol(symbol) if is_branch.contains(&r_type) => {
                    target(file, &addresses, symbol, relocation.addend())
                }
                _ => Link::Data,
            };
            place.links.insert(offset, link);
        }
    }
}

/// Where a branch to a symbol goes.
fn target(
    file: &File<'_>,
    addresses: &BTreeMap<usize, u64>,
    symbol: SymbolIndex,
    addend: i64,
) -> Link {
    let Ok(symbol) = file.symbol_by_index(symbol) else { return Link::Data };
    let name = || symbol.name().unwrap_or_default().to_owned();
    let place = symbol.section_index().and_then(|section| addresses.get(&section.0));
    place.map_or_else(
        || Link::Elsewhere(name()),
        |&place| Link::To(place.wrapping_add(symbol.address()).wrapping_add_signed(addend)),
    )
}

/// Where the dynamic linker puts the addresses of what other images define.
fn slots(file: &File<'_>) -> BTreeMap<u64, String> {
    let mut slots = BTreeMap::new();
    let Some(table) = file.dynamic_symbol_table() else { return slots };
    for (slot, relocation) in file.dynamic_relocations().into_iter().flatten() {
        let RelocationTarget::Symbol(symbol) = relocation.target() else { continue };
        let symbol = object::ObjectSymbolTable::symbol_by_index(&table, symbol);
        if let Some(name) = symbol.ok().and_then(|symbol| symbol.name().ok().map(str::to_owned)) {
            slots.insert(slot, name);
        }
    }
    slots
}
