//! Objects that no linker has linked: the `go.o` in the archive of
//! `-buildmode=c-archive`, which holds a whole program.
//!
//! Sections are laid out as a linker would, the code from address 0 on, so that
//! an address is what `nm` and `objdump` show of such a file. Relocations are
//! applied with the addends of the file ("ELF for the Arm 64-bit Architecture",
//! section 5.7); what other objects define is at an address where nothing is.

mod apply;

use super::sections;
use crate::container::{Container, Os, many, part};
use crate::error::Error;
use crate::locate;
use crate::relocations::{Relocation, Relocations};
use crate::space::{AddressSpace, Hints, Segment};
use apply::{Place, apply};
use object::LittleEndian as LE;
use object::elf::{self, FileHeader64, Rela64, SectionHeader64, Sym64};

/// Between the sections and what is not there: more than any page.
const GAP: u64 = 0x1_0000;

/// Makes the address space of an object.
///
/// # Errors
/// All that concern the container; [`Error::NoFunctionTable`] before any that
/// concern relocations, so that an object of C is not called unsupported.
pub(super) fn read<'a>(
    file: &'a [u8],
    header: &FileHeader64<LE>,
) -> Result<AddressSpace<'a>, Error> {
    let object = Object::new(file, header)?;
    let mut space = object.space()?;
    if !locate::has_candidate(&space) {
        return Err(Error::NoFunctionTable);
    }
    object.link(&mut space)?;
    space.os = Some(Os::Linux);
    Ok(space)
}

struct Object<'a> {
    file: &'a [u8],
    sections: &'a [SectionHeader64<LE>],
    names: &'a [u8],
    /// Where each section is put, `None` for those that are not loaded.
    addresses: Vec<Option<u64>>,
    /// An address behind all of them, at the start of a page.
    nowhere: u64,
}

impl<'a> Object<'a> {
    fn new(file: &'a [u8], header: &FileHeader64<LE>) -> Result<Self, Error> {
        let (offset, count) = (header.e_shoff.get(LE), usize::from(header.e_shnum.get(LE)));
        let sections: &[SectionHeader64<LE>] = many(file, "section header table", offset, count)?;
        let names = sections::names(file, header, sections).unwrap_or_default();
        let mut addresses = vec![None; count];
        let mut free = 0;
        // The code first, from 0 on; then the rest, on pages of its own.
        for code in [true, false] {
            for (section, address) in sections.iter().zip(&mut addresses) {
                if is_loaded(section) && is_code(section) == code {
                    let start =
                        place(section, free).ok_or(Error::SegmentOverlap { address: free })?;
                    *address = Some(start.0);
                    free = start.1;
                }
            }
            let next = free.checked_next_multiple_of(GAP).and_then(|page| page.checked_add(GAP));
            free = next.ok_or(Error::SegmentOverlap { address: free })?;
        }
        Ok(Self { file, sections, names, addresses, nowhere: free })
    }

    fn space(&self) -> Result<AddressSpace<'a>, Error> {
        let mut segments = Vec::new();
        let mut hints = Hints::default();
        for (section, address) in self.sections.iter().zip(&self.addresses) {
            let Some(address) = *address else { continue };
            let size = section.sh_size.get(LE);
            let bytes = match section.sh_type.get(LE) {
                elf::SHT_NOBITS => &[],
                _ => part(self.file, "section", section.sh_offset.get(LE), size)?,
            };
            segments.push(Segment { address, size, bytes, executable: is_code(section) });
            hints.name(sections::name(self.names, section), Some(address));
        }
        AddressSpace::new(Container::Elf, self.file.len(), segments, hints)
    }

    /// Applies the relocations of all sections that are loaded.
    fn link(&self, space: &mut AddressSpace<'a>) -> Result<(), Error> {
        let mut relocations = Vec::new();
        // Tables that share bytes of the file would be an attempt to keep the
        // reader busy.
        let mut room = self.file.len() / size_of::<Rela64<LE>>();
        for table in self.sections {
            let target = table.sh_info.get(LE) as usize;
            let section = self.sections.get(target).zip(self.addresses.get(target).copied());
            let Some((section, Some(start))) = section else { continue };
            match table.sh_type.get(LE) {
                elf::SHT_RELA => {}
                elf::SHT_REL => {
                    return Err(Error::Malformed {
                        what: "relocation section",
                        offset: table.sh_offset.get(LE),
                        expected: "relocations with addends",
                    });
                }
                _ => continue,
            }
            let symbols = self.symbols(table)?;
            let entries = self.entries::<Rela64<LE>>(table, "relocation section")?;
            room = room.checked_sub(entries.len()).ok_or_else(|| self.outside(table))?;
            for rela in entries {
                let at = start.checked_add(rela.r_offset.get(LE));
                let at = at.filter(|_| rela.r_offset.get(LE) < section.sh_size.get(LE));
                let at = at.ok_or_else(|| self.outside(table))?;
                let place = self.place(rela, symbols, at).ok_or_else(|| self.outside(table))?;
                if is_code(section) {
                    apply(space, place, &mut relocations)?;
                } else {
                    let whole = place.kind == elf::R_AARCH64_ABS64;
                    let value = place.target.filter(|_| whole);
                    relocations.push(Relocation { at, value });
                }
            }
        }
        space.relocations = Relocations::new(&[], relocations);
        Ok(())
    }

    fn entries<T: object::Pod>(
        &self,
        table: &SectionHeader64<LE>,
        what: &'static str,
    ) -> Result<&'a [T], Error> {
        let count = table.sh_size.get(LE) / size_of::<T>().max(1) as u64;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        many(self.file, what, table.sh_offset.get(LE), count)
    }

    fn symbols(&self, table: &SectionHeader64<LE>) -> Result<&'a [Sym64<LE>], Error> {
        let symbols = self.sections.get(table.sh_link.get(LE) as usize);
        let symbols = symbols.filter(|section| section.sh_type.get(LE) == elf::SHT_SYMTAB);
        self.entries(symbols.ok_or_else(|| self.outside(table))?, "symbol table")
    }

    fn place(&self, rela: &Rela64<LE>, symbols: &[Sym64<LE>], at: u64) -> Option<Place> {
        let symbol = symbols.get(usize::try_from(rela.r_sym(LE, false)).ok()?)?;
        let value = match symbol.st_shndx.get(LE) {
            elf::SHN_UNDEF | elf::SHN_COMMON => None,
            elf::SHN_ABS => Some(symbol.st_value.get(LE)),
            elf::SHN_XINDEX => return None,
            // What is not loaded, as thread-local storage, has no address either.
            section => self
                .addresses
                .get(usize::from(section.0))?
                .map(|start| start.wrapping_add(symbol.st_value.get(LE))),
        };
        let addend = rela.r_addend.get(LE).cast_unsigned();
        let target = value.map(|value| value.wrapping_add(addend));
        Some(Place { at, kind: rela.r_type(LE, false), target, nowhere: self.nowhere })
    }

    fn outside(&self, table: &SectionHeader64<LE>) -> Error {
        Error::Malformed {
            what: "relocation section",
            offset: table.sh_offset.get(LE),
            expected: "places and symbols inside sections of the file",
        }
    }
}

/// Thread-local storage is a template, not memory of the program's.
fn is_loaded(section: &SectionHeader64<LE>) -> bool {
    let flags = section.sh_flags.get(LE);
    flags.0 & elf::SHF_ALLOC.0 != 0 && flags.0 & elf::SHF_TLS.0 == 0
}

fn is_code(section: &SectionHeader64<LE>) -> bool {
    section.sh_flags.get(LE).0 & elf::SHF_EXECINSTR.0 != 0
}

/// The start and the end of a section that is put behind `free`.
fn place(section: &SectionHeader64<LE>, free: u64) -> Option<(u64, u64)> {
    let start = free.checked_next_multiple_of(section.sh_addralign.get(LE).max(1))?;
    Some((start, start.checked_add(section.sh_size.get(LE))?))
}
