//! ELF around the tables.

use super::file::File;
use super::{BASE, GoImage, Linking, Offsets, Parts};

/// The ELF header and four program headers.
pub(super) const HEADERS: usize = 64 + 4 * 56;

/// Writes what is behind the tables, and the headers.
pub(super) fn finish(file: &mut File, image: &GoImage, at: &mut Offsets, parts: Parts) {
    let dynamic = relocations(file, image.linking);
    at.end = file.bytes.len();
    let sections = if image.sections { sections(file, at, parts.data) } else { (0, 0) };
    headers(file, image.linking, parts.etext, parts.data, at, dynamic, sections);
}

/// The relocation table and the dynamic section: where that is, its size.
fn relocations(file: &mut File, linking: Linking) -> (usize, usize) {
    let pointers = std::mem::take(&mut file.pointers);
    let table = file.align(8);
    match linking {
        Linking::Fixed => return (0, 0),
        Linking::Rela => {
            for at in pointers {
                let slot = file.bytes.get_mut(at..at + 8);
                let value = slot.map(|slot| {
                    let value = slot.try_into().map_or(0, u64::from_le_bytes);
                    slot.fill(0);
                    value
                });
                file.words(&[BASE + at as u64, 0x403, value.unwrap_or(0)]);
            }
        }
        Linking::Relr => {
            let addresses: Vec<u64> = pointers.iter().map(|at| BASE + *at as u64).collect();
            file.words(&addresses);
        }
    }
    let size = (file.bytes.len() - table) as u64;
    let tags = if linking == Linking::Rela { [7, 8] } else { [36, 35] };
    let dynamic = file.bytes.len();
    file.words(&[tags[0], BASE + table as u64, tags[1], size, 0, 0]);
    (dynamic, file.bytes.len() - dynamic)
}

/// The section headers: none, `.gopclntab`, the names, `.go.buildinfo`.
fn sections(file: &mut File, at: &Offsets, data: usize) -> (usize, u16) {
    let names = file.bytes.len();
    file.bytes.extend(b"\0.gopclntab\0.shstrtab\0.go.buildinfo\0");
    let size = file.bytes.len() - names;
    let table = file.align(8);
    file.words(&[0; 8]);
    let mut section = |name: u32, kind: u32, address: u64, offset: usize, size: usize| {
        file.bytes.extend(name.to_le_bytes());
        file.bytes.extend(kind.to_le_bytes());
        file.words(&[2, address, offset as u64, size as u64, 0, 1, 0]);
    };
    section(1, 1, BASE + at.pclntab as u64, at.pclntab, at.gofunc - at.pclntab);
    section(12, 3, 0, names, size);
    section(22, 1, BASE + data as u64, data, at.moduledata - data);
    (table, 4)
}

fn headers(
    file: &mut File,
    linking: Linking,
    etext: usize,
    data: usize,
    at: &Offsets,
    dynamic: (usize, usize),
    sections: (usize, u16),
) {
    let mut head = File::new(0);
    head.bytes.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    let kind: u16 = if linking == Linking::Fixed { 2 } else { 3 };
    head.bytes.extend(kind.to_le_bytes());
    head.bytes.extend([183, 0, 1, 0, 0, 0]);
    head.words(&[BASE + at.text as u64, 64, sections.0 as u64]);
    head.bytes.extend([0, 0, 0, 0, 64, 0, 56, 0, 4, 0, 64, 0]);
    head.bytes.extend(sections.1.to_le_bytes());
    head.bytes.extend([if sections.1 == 0 { 0 } else { 2 }, 0]);
    let mut program = |kind: u32, flags: u32, start: usize, end: usize| {
        head.bytes.extend(kind.to_le_bytes());
        head.bytes.extend(flags.to_le_bytes());
        let (address, size) = (BASE + start as u64, (end - start) as u64);
        head.words(&[start as u64, address, address, size, size, 1]);
    };
    program(1, 5, 0, etext);
    program(1, 4, etext, data);
    program(1, 6, data, at.end);
    let kind = if dynamic.1 == 0 { 0 } else { 2 };
    program(kind, 6, dynamic.0, dynamic.0 + dynamic.1);
    file.put(0, &head.bytes);
}
