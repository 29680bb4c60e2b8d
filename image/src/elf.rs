//! ELF: the container of Linux, the BSDs and Android. Reads program headers,
//! dynamic relocations and the names of two sections ("System V ABI", chapters
//! 4 and 5; "ELF for the Arm 64-bit Architecture", section 5.7).
//!
//! Only what a loader reads can make a file unreadable: section headers are
//! hints, and are passed over where they are stripped or damaged.

use crate::error::{FileType, Machine, Magic};
use crate::space::{AddressSpace, Hints, Relocation, Segment};
use crate::{Error, bytes::c_string};
use object::elf::{self, Dyn64, FileHeader64, ProgramHeader64, Rela64, SectionHeader64};
use object::{LittleEndian as LE, Pod, ReadRef};

/// Makes the address space of an ELF file.
///
/// # Errors
/// All that concern the container.
pub(crate) fn read(file: &[u8]) -> Result<AddressSpace<'_>, Error> {
    let header = header(file)?;
    let programs = programs(file, header)?;
    let mut space = AddressSpace::new(segments(file, programs)?, hints(file, header))?;
    if let Some(dynamic) = programs.iter().find(|program| program.p_type.get(LE) == elf::PT_DYNAMIC)
    {
        let relocations = relocations(&space, dynamic)?;
        space.relocate(relocations);
    }
    Ok(space)
}

fn header(file: &[u8]) -> Result<&FileHeader64<LE>, Error> {
    if file.is_empty() {
        return Err(Error::Empty);
    }
    // The magic decides first, so that a truncated executable is not called
    // a file of another kind, nor a short text a truncated executable.
    let magic = file.iter().zip(elf::ELFMAG).all(|(found, expected)| *found == expected);
    if !magic {
        return Err(Error::NotElf { found: Magic::of(file) });
    }
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
        return Err(Error::Architecture { found: Machine(machine.0) });
    }
    let kind = header.e_type.get(LE);
    if kind != elf::ET_EXEC && kind != elf::ET_DYN {
        return Err(Error::FileType { found: FileType(kind.0) });
    }
    Ok(header)
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
        let bytes = file.read_bytes_at(offset, in_file);
        let bytes = bytes.map_err(|()| truncated(file, "loadable segment", offset, in_file))?;
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
fn relocations(
    space: &AddressSpace<'_>,
    dynamic: &ProgramHeader64<LE>,
) -> Result<Vec<Relocation>, Error> {
    let (address, size) = (dynamic.p_vaddr.get(LE), dynamic.p_filesz.get(LE));
    let entries: &[Dyn64<LE>] = table(space, address, size)?;
    let value = |tag| {
        let live = entries.iter().take_while(|entry| entry.d_tag.get(LE) != elf::DT_NULL);
        live.filter(|entry| entry.d_tag.get(LE) == tag).map(|entry| entry.d_val.get(LE)).next()
    };
    let mut relocations = Vec::new();
    for (start, length) in [(elf::DT_RELA, elf::DT_RELASZ), (elf::DT_JMPREL, elf::DT_PLTRELSZ)] {
        let (Some(start), Some(length)) = (value(start), value(length)) else { continue };
        let table: &[Rela64<LE>] = table(space, start, length)?;
        relocations.reserve(table.len());
        relocations.extend(table.iter().filter_map(relocation));
    }
    Ok(relocations)
}

fn relocation(rela: &Rela64<LE>) -> Option<Relocation> {
    let at = rela.r_offset.get(LE);
    let kind = rela.r_info.get(LE) & 0xffff_ffff;
    if kind == u64::from(elf::R_AARCH64_NONE.0) {
        None
    } else if kind == u64::from(elf::R_AARCH64_RELATIVE.0) {
        Some(Relocation { at, value: Some(rela.r_addend.get(LE).cast_unsigned()) })
    } else {
        Some(Relocation { at, value: None })
    }
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

fn hints(file: &[u8], header: &FileHeader64<LE>) -> Hints {
    sections(file, header).unwrap_or_default()
}

fn sections(file: &[u8], header: &FileHeader64<LE>) -> Option<Hints> {
    let count = usize::from(header.e_shnum.get(LE));
    let sections: &[SectionHeader64<LE>] =
        file.read_slice_at(header.e_shoff.get(LE), count).ok()?;
    let names = sections.get(usize::from(header.e_shstrndx.get(LE).0))?;
    let names = file.read_bytes_at(names.sh_offset.get(LE), names.sh_size.get(LE)).ok()?;
    let mut hints = Hints::default();
    for section in sections {
        let address = Some(section.sh_addr.get(LE)).filter(|&address| address != 0);
        match usize::try_from(section.sh_name.get(LE)).ok().and_then(|at| c_string(names, at)) {
            Some(b".gopclntab" | b".data.rel.ro.gopclntab") => hints.pclntab = address,
            Some(b".go.buildinfo") => hints.buildinfo = address,
            _ => {}
        }
    }
    Some(hints)
}

fn one<'a, T: Pod>(file: &'a [u8], what: &'static str, offset: u64) -> Result<&'a T, Error> {
    file.read_at(offset).map_err(|()| truncated(file, what, offset, size_of::<T>() as u64))
}

fn many<'a, T: Pod>(
    file: &'a [u8],
    what: &'static str,
    offset: u64,
    count: usize,
) -> Result<&'a [T], Error> {
    let size = (count as u64).saturating_mul(size_of::<T>() as u64);
    file.read_slice_at(offset, count).map_err(|()| truncated(file, what, offset, size))
}

fn truncated(file: &[u8], what: &'static str, offset: u64, size: u64) -> Error {
    Error::Truncated { what, offset, size, file_size: file.len() as u64 }
}
