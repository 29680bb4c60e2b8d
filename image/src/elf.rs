//! ELF: the container of Linux, the BSDs and Android. Reads program headers,
//! dynamic relocations and the names of two sections ("System V ABI", chapters
//! 4 and 5; "ELF for the Arm 64-bit Architecture", section 5.7).
//!
//! Only what a loader reads can make a file unreadable: section headers are
//! hints, and are passed over where they are stripped or damaged. An object that
//! no linker has linked has nothing else, and is read by `object_file`.

mod object_file;
mod sections;
mod system;

use crate::container::{Container, many, one, part};
use crate::error::{Error, FileType, Machine};
use crate::relocations::{Relocation, Relocations};
use crate::space::{AddressSpace, Segment};
use object::elf::{self, Dyn64, FileHeader64, ProgramHeader64, Rela64, Sym64};
use object::{LittleEndian as LE, Pod, ReadRef};

/// Makes the address space of an ELF file.
///
/// # Errors
/// All that concern the container.
pub(crate) fn read(file: &[u8]) -> Result<AddressSpace<'_>, Error> {
    let header = header(file)?;
    if header.e_type.get(LE) == elf::ET_REL {
        return object_file::read(file, header);
    }
    let programs = programs(file, header)?;
    let segments = segments(file, programs)?;
    let hints = sections::hints(file, header);
    let mut space = AddressSpace::new(Container::Elf, file.len(), segments, hints)?;
    if let Some(dynamic) = programs.iter().find(|program| program.p_type.get(LE) == elf::PT_DYNAMIC)
    {
        space.relocations = relocations(&space, dynamic)?;
    }
    space.os = Some(system::of(file, header, programs));
    Ok(space)
}

fn header(file: &[u8]) -> Result<&FileHeader64<LE>, Error> {
    match file.get(4) {
        Some(&class) if class != elf::ELFCLASS64.0 => return Err(Error::Class { found: class }),
        _ => {}
    }
    match file.get(5) {
        Some(&data) if data != elf::ELFDATA2LSB.0 => return Err(Error::ByteOrder { found: data }),
        _ => {}
    }
    let header: &FileHeader64<LE> = one(file, "ELF header", 0)?;
    let machine = header.e_machine.get(LE);
    if machine != elf::EM_AARCH64 {
        return Err(Error::Architecture { offset: 0x12, found: Machine::Elf(machine.0) });
    }
    match header.e_type.get(LE) {
        elf::ET_REL | elf::ET_EXEC | elf::ET_DYN => Ok(header),
        kind => Err(Error::FileType { found: FileType::Elf(kind.0) }),
    }
}

fn programs<'a>(
    file: &'a [u8],
    header: &FileHeader64<LE>,
) -> Result<&'a [ProgramHeader64<LE>], Error> {
    let count = header.e_phnum.get(LE);
    let found = u64::from(header.e_phentsize.get(LE));
    let expected = size_of::<ProgramHeader64<LE>>() as u64;
    if count != 0 && found != expected {
        let what = "program header table";
        return Err(Error::EntrySize { what, offset: 0x36, found, expected });
    }
    many(file, "program header table", header.e_phoff.get(LE), usize::from(count))
}

fn segments<'a>(
    file: &'a [u8],
    programs: &[ProgramHeader64<LE>],
) -> Result<Vec<Segment<'a>>, Error> {
    let mut segments = Vec::new();
    for program in programs {
        if program.p_type.get(LE) != elf::PT_LOAD {
            continue;
        }
        let (offset, in_file) = (program.p_offset.get(LE), program.p_filesz.get(LE));
        let bytes = part(file, "loadable segment", offset, in_file)?;
        segments.push(Segment {
            address: program.p_vaddr.get(LE),
            size: program.p_memsz.get(LE).max(in_file),
            bytes,
            executable: program.p_flags.get(LE).0 & elf::PF_X.0 != 0,
        });
    }
    Ok(segments)
}

/// What the dynamic relocations leave in memory at load bias 0.
///
/// `DT_RELR` needs nothing: it adds the bias to the pointer that is in the
/// file.
fn relocations<'a>(
    space: &AddressSpace<'a>,
    dynamic: &ProgramHeader64<LE>,
) -> Result<Relocations<'a>, Error> {
    let (address, size) = (dynamic.p_vaddr.get(LE), dynamic.p_filesz.get(LE));
    let entries: &[Dyn64<LE>] = table(space, address, size)?;
    let value = |tag| {
        let live = entries.iter().take_while(|entry| entry.d_tag.get(LE) != elf::DT_NULL);
        live.filter(|entry| entry.d_tag.get(LE) == tag).map(|entry| entry.d_val.get(LE)).next()
    };
    let symbols = value(elf::DT_SYMTAB).and_then(|address| space.bytes_from(address));
    let table = |start, length| match (value(start), value(length)) {
        (Some(start), Some(length)) => table::<Rela64<LE>>(space, start, length),
        _ => Ok(&[][..]),
    };
    let all = table(elf::DT_RELA, elf::DT_RELASZ)?;
    // Linkers put those first, sorted.
    let (relative, rest) = all.split_at(relative(all));
    let rest = rest.iter().chain(table(elf::DT_JMPREL, elf::DT_PLTRELSZ)?);
    let others = rest.filter_map(|rela| relocation(rela, symbols)).collect();
    let (entries, _) = object::pod::bytes_of_slice(relative).as_chunks();
    Ok(Relocations::new(entries, others))
}

/// How many entries from the first on are of `R_AARCH64_RELATIVE`, each at a higher
/// address than the one before.
fn relative(table: &[Rela64<LE>]) -> usize {
    let mut free = 0;
    let is_next = |rela: &&Rela64<LE>| {
        let at = rela.r_offset.get(LE);
        let is_next = rela.r_type(LE, false) == elf::R_AARCH64_RELATIVE && at >= free;
        free = at.saturating_add(1);
        is_next
    };
    table.iter().take_while(is_next).count()
}

/// A symbol that the file defines has the file's own value, as it has unless
/// another file of the program defines it too. Plugins refer to parts of their
/// own tables in that way.
fn relocation(rela: &Rela64<LE>, symbols: Option<&[u8]>) -> Option<Relocation> {
    let at = rela.r_offset.get(LE);
    let addend = rela.r_addend.get(LE).cast_unsigned();
    let value = match rela.r_type(LE, false) {
        elf::R_AARCH64_NONE => return None,
        elf::R_AARCH64_RELATIVE => Some(addend),
        elf::R_AARCH64_ABS64 => symbols
            .and_then(|symbols| own_symbol(symbols, rela.r_sym(LE, false)))
            .map(|value| value.wrapping_add(addend)),
        _ => None,
    };
    Some(Relocation { at, value })
}

fn own_symbol(symbols: &[u8], index: u32) -> Option<u64> {
    let offset = u64::from(index).checked_mul(size_of::<Sym64<LE>>() as u64)?;
    let symbol: &Sym64<LE> = symbols.read_at(offset).ok()?;
    (symbol.st_shndx.get(LE) != elf::SHN_UNDEF).then(|| symbol.st_value.get(LE))
}

/// A table in memory; an incomplete last entry is left out, as the loader does.
fn table<'a, T: Pod>(space: &AddressSpace<'a>, address: u64, size: u64) -> Result<&'a [T], Error> {
    if size == 0 {
        return Ok(&[]);
    }
    let bytes = space.bytes(address, size).ok_or(Error::Relocations { address, size })?;
    let count = bytes.len() / size_of::<T>().max(1);
    bytes.read_slice_at(0, count).map_err(|()| Error::Relocations { address, size })
}
