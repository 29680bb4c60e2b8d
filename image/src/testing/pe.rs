//! PE around the tables ("PE Format", Microsoft).

use super::file::File;
use super::{BASE, GoImage, Offsets, Parts};

/// Room for the headers and the section table.
pub(super) const HEADERS: usize = 0x200;

/// Where the PE header is.
const START: usize = 0x80;

/// Writes the headers. The import address table is the moduledata's `minpc`.
pub(super) fn finish(file: &mut File, _image: &GoImage, at: &mut Offsets, parts: Parts) {
    at.end = file.bytes.len();
    let mut head = File::new(START);
    head.put(0, b"MZ");
    head.put(0x3c, &(START as u32).to_le_bytes());
    head.bytes.extend(b"PE\0\0\x64\xaa\x03\0");
    head.bytes.extend([0; 12]);
    // The size of the optional header, and: an executable.
    head.bytes.extend([112 + 16 * 8, 0, 0x22, 0]);
    let optional = head.bytes.len();
    head.bytes.resize(optional + 112 + 16 * 8, 0);
    head.put(optional, &[0x0b, 2]);
    head.put(optional + 24, &BASE.to_le_bytes());
    head.put(optional + 108, &16u32.to_le_bytes());
    let imports = (at.moduledata + 20 * 8) as u32;
    head.put(optional + 112 + 12 * 8, &imports.to_le_bytes());
    head.put(optional + 112 + 12 * 8 + 4, &8u32.to_le_bytes());
    let sections = [
        (".text", HEADERS, parts.etext, 0x6000_0020u32),
        (".rdata", parts.etext, parts.data, 0x4000_0040),
        (".data", parts.data, at.end, 0xc000_0040),
    ];
    for (name, start, end, characteristics) in sections {
        let (start, size) = (start as u32, (end - start) as u32);
        let mut section = File::new(40);
        section.put(0, name.as_bytes());
        for (place, word) in [(8, size), (12, start), (16, size), (20, start)] {
            section.put(place, &word.to_le_bytes());
        }
        section.put(36, &characteristics.to_le_bytes());
        head.bytes.extend(section.bytes);
    }
    file.put(0, &head.bytes);
}
