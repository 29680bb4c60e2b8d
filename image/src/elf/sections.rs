//! Section headers: what they call the parts of a file.

use crate::bytes::c_string;
use crate::space::Hints;
use object::elf::{FileHeader64, SectionHeader64};
use object::{LittleEndian as LE, ReadRef};

/// Where the section headers say that tables are; nothing where they are
/// stripped or damaged.
pub(super) fn hints(file: &[u8], header: &FileHeader64<LE>) -> Hints {
    let mut hints = Hints::default();
    let count = usize::from(header.e_shnum.get(LE));
    let sections: Result<&[SectionHeader64<LE>], ()> =
        file.read_slice_at(header.e_shoff.get(LE), count);
    let sections = sections.unwrap_or_default();
    let Some(names) = names(file, header, sections) else { return hints };
    for section in sections {
        let address = Some(section.sh_addr.get(LE)).filter(|&address| address != 0);
        hints.name(name(names, section), address);
    }
    hints
}

/// The table of section names.
pub(super) fn names<'a>(
    file: &'a [u8],
    header: &FileHeader64<LE>,
    sections: &[SectionHeader64<LE>],
) -> Option<&'a [u8]> {
    let names = sections.get(usize::from(header.e_shstrndx.get(LE).0))?;
    file.read_bytes_at(names.sh_offset.get(LE), names.sh_size.get(LE)).ok()
}

/// The name of a section, empty where there is none.
pub(super) fn name<'a>(names: &'a [u8], section: &SectionHeader64<LE>) -> &'a [u8] {
    let at = usize::try_from(section.sh_name.get(LE)).ok();
    at.and_then(|at| c_string(names, at)).unwrap_or_default()
}
