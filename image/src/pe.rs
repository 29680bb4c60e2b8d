//! Portable Executable: the container of Windows ("PE Format", Microsoft).
//!
//! Base relocations need nothing: they add the load bias to the pointer that is
//! in the file, and the bias is 0 here. Only what the loader imports is unknown.

use crate::container::{Container, Os, many, one, part};
use crate::error::{Error, Machine, Magic};
use crate::relocations::{Relocation, Relocations};
use crate::space::{AddressSpace, Hints, Segment};
use object::LittleEndian as LE;
use object::pe::{self, ImageDosHeader, ImageFileHeader, ImageNtHeaders64, ImageSectionHeader};
use object::read::pe::{DataDirectories, ImageNtHeaders as _};

/// Makes the address space of a PE file.
///
/// # Errors
/// All that concern the container.
pub(crate) fn read(file: &[u8]) -> Result<AddressSpace<'_>, Error> {
    let dos: &ImageDosHeader = one(file, "DOS header", 0)?;
    let start = u64::from(dos.nt_headers_offset());
    let header = file_header(file, start)?;
    let mut offset = start;
    let (nt, directories) = ImageNtHeaders64::parse(file, &mut offset).map_err(|_| {
        let expected = "an optional header of 112 bytes and its data directories";
        Error::Malformed { what: "PE header", offset: start, expected }
    })?;
    let base = nt.optional_header.image_base.get(LE);
    let count = usize::from(header.number_of_sections.get(LE));
    let sections: &[ImageSectionHeader] = many(file, "section table", offset, count)?;
    let mut segments = Vec::new();
    for section in sections {
        segments.extend(segment(file, base, section)?);
    }
    let mut space = AddressSpace::new(Container::Pe, file.len(), segments, Hints::default())?;
    space.relocations = Relocations::new(&[], imports(&space, base, &directories));
    space.os = Some(Os::Windows);
    Ok(space)
}

/// The machine decides before the optional header, whose size it decides.
fn file_header(file: &[u8], start: u64) -> Result<&ImageFileHeader, Error> {
    let signature = part(file, "PE signature", start, 4)?;
    if signature != b"PE\0\0" {
        return Err(Error::Signature { offset: start, found: Magic::of(signature) });
    }
    let header: &ImageFileHeader = one(file, "PE header", start + 4)?;
    let machine = header.machine.get(LE);
    if machine != pe::IMAGE_FILE_MACHINE_ARM64 {
        return Err(Error::Architecture { offset: start + 4, found: Machine::Pe(machine.0) });
    }
    let offset = start + 4 + size_of::<ImageFileHeader>() as u64;
    let magic: &object::U16<LE> = one(file, "optional header", offset)?;
    match magic.get(LE) {
        0x20b => Ok(header),
        found => Err(Error::OptionalHeader { offset, found }),
    }
}

/// The memory of a section. The loader maps no more of the file than its size in
/// memory; where that is 0 it takes the size in the file.
fn segment<'a>(
    file: &'a [u8],
    base: u64,
    section: &ImageSectionHeader,
) -> Result<Option<Segment<'a>>, Error> {
    let (start, mut size) = section.pe_address_range();
    let in_file = section.size_of_raw_data.get(LE);
    if size == 0 {
        size = in_file;
    }
    if size == 0 {
        return Ok(None);
    }
    let offset = u64::from(section.pointer_to_raw_data.get(LE));
    let bytes = part(file, "section", offset, u64::from(in_file.min(size)))?;
    let address = base.checked_add(u64::from(start));
    let address = address.ok_or(Error::SegmentOverlap { address: base })?;
    let executable = section.characteristics.get(LE).0 & pe::IMAGE_SCN_MEM_EXECUTE.0 != 0;
    Ok(Some(Segment { address, size: u64::from(size), bytes, executable }))
}

/// The pointers to what other files export, which the loader writes: the import
/// address table.
fn imports(
    space: &AddressSpace<'_>,
    base: u64,
    directories: &DataDirectories<'_>,
) -> Vec<Relocation> {
    let table = directories.get(pe::IMAGE_DIRECTORY_ENTRY_IAT);
    let (start, size) = table.map_or((0, 0), pe::ImageDataDirectory::address_range);
    let start = base.wrapping_add(u64::from(start));
    // What is not in the file is no pointer to anybody.
    let slots = space.bytes(start, u64::from(size)).map_or(0, |bytes| bytes.len() as u64 / 8);
    (0..slots).map(|slot| Relocation { at: start + slot * 8, value: None }).collect()
}
