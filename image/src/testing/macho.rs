//! Mach-O around the tables (`mach-o/loader.h`, `mach-o/fixup-chains.h`).

use super::file::File;
use super::{BASE, GoImage, Linking, Offsets, Parts};

/// Room for the header and the load commands.
pub(super) const HEADERS: usize = 0x400;

/// Writes what is behind the tables, and the headers.
pub(super) fn finish(file: &mut File, image: &GoImage, at: &mut Offsets, parts: Parts) {
    at.end = file.align(8);
    let segments = [(0, parts.etext), (parts.etext, parts.data), (parts.data, at.end)];
    let pointers = std::mem::take(&mut file.pointers);
    let fixups = match image.linking {
        Linking::Fixed => None,
        Linking::Rela => Some((CHAINED_FIXUPS, chains(file, &segments, pointers))),
        Linking::Relr => Some((DYLD_INFO_ONLY, bind(file, at.moduledata + 20 * 8 - parts.data))),
    };
    let mut commands = File::new(0);
    let sections = [
        None,
        Some(("__gopclntab", at.pclntab, at.gofunc)),
        Some(("__go_buildinfo", parts.data, at.moduledata)),
    ];
    let names = ["__TEXT", "__DATA_CONST", "__DATA"];
    for ((name, segment), section) in names.into_iter().zip(segments).zip(sections) {
        let section = section.filter(|_| image.sections);
        commands.segment(name, segment, section);
    }
    // LC_BUILD_VERSION: macOS 12, no tools.
    commands.halves(&[0x32, 24, 1, 12 << 16, 12 << 16, 0]);
    let mut count = 4;
    if let Some((command, (start, end))) = fixups {
        let (start, size) = (start as u32, (end - start) as u32);
        if command == CHAINED_FIXUPS {
            commands.halves(&[command, 16, start, size]);
        } else {
            commands.halves(&[command, 48, 0, 0, start, size, 0, 0, 0, 0, 0, 0]);
        }
        count += 1;
    }
    let mut header = File::new(0);
    let size = commands.bytes.len() as u32;
    header.halves(&[0xfeed_facf, 0x0100_000c, 0, 2, count, size, 0, 0]);
    file.put(0, &[header.bytes, commands.bytes].concat());
}

const CHAINED_FIXUPS: u32 = 0x8000_0034;
const DYLD_INFO_ONLY: u32 = 0x8000_0022;

impl File {
    fn halves(&mut self, words: &[u32]) {
        self.bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    }

    fn name(&mut self, name: &str) {
        let end = self.bytes.len() + 16;
        self.bytes.extend(name.bytes());
        self.bytes.resize(end, 0);
    }

    fn segment(
        &mut self,
        name: &str,
        (start, end): (usize, usize),
        section: Option<(&str, usize, usize)>,
    ) {
        let sections = u32::from(section.is_some());
        self.halves(&[0x19, 72 + 80 * sections]);
        self.name(name);
        let size = (end - start) as u64;
        self.words(&[BASE + start as u64, size, start as u64, size]);
        let protection = if start == 0 { 5 } else { 3 };
        self.halves(&[protection, protection, sections, 0]);
        if let Some((section, start, end)) = section {
            self.name(section);
            self.name(name);
            self.words(&[BASE + start as u64, (end - start) as u64]);
            self.halves(&[start as u32, 4, 0, 0, 0, 0, 0, 0]);
        }
    }
}

/// One chain for each segment that has pointers, of the format
/// `DYLD_CHAINED_PTR_64_OFFSET`: the segments are shorter than a page.
fn chains(
    file: &mut File,
    segments: &[(usize, usize); 3],
    mut pointers: Vec<usize>,
) -> (usize, usize) {
    pointers.sort_unstable();
    let mut starts = [None; 3];
    for (start, segment) in starts.iter_mut().zip(segments) {
        let inside: Vec<usize> =
            pointers.iter().copied().filter(|at| (segment.0..segment.1).contains(at)).collect();
        *start = inside.first().map(|first| first - segment.0);
        for (place, at) in inside.iter().enumerate() {
            let value = file.bytes.get(*at..*at + 8).and_then(|bytes| bytes.try_into().ok());
            let target = value.map_or(0, u64::from_le_bytes) - BASE;
            let next = inside.get(place + 1).map_or(0, |next| (next - at) as u64 / 4);
            file.put(*at, &(target | next << 51).to_le_bytes());
        }
    }
    let table = file.align(8);
    // Header: version, starts, imports, symbols, no imports, of format 1, plain.
    file.halves(&[0, 28, 0, 0, 0, 1, 0]);
    // For each segment where its starts are, from here.
    file.halves(&[3]);
    let mut place = 16;
    for start in starts {
        file.halves(&[if start.is_some() { place } else { 0 }]);
        place += if start.is_some() { 24 } else { 0 };
    }
    for (start, segment) in starts.into_iter().zip(segments) {
        let Some(start) = start else { continue };
        file.halves(&[24]);
        file.bytes.extend([0, 0x40, 6, 0]);
        file.words(&[segment.0 as u64]);
        file.halves(&[0]);
        file.bytes.extend(1u16.to_le_bytes());
        file.bytes.extend((start as u16).to_le_bytes());
    }
    (table, file.bytes.len())
}

/// Opcodes that bind the word at an offset of the third segment to a symbol.
fn bind(file: &mut File, offset: usize) -> (usize, usize) {
    let start = file.bytes.len();
    // SET_DYLIB_ORDINAL_IMM 1, SET_SYMBOL, SET_TYPE_IMM pointer, SET_SEGMENT 2.
    file.bytes.extend(b"\x11\x40_symbol\0\x51\x72");
    file.bytes.extend([offset as u8 | 0x80, (offset >> 7) as u8 | 0x80, (offset >> 14) as u8]);
    // DO_BIND, DONE.
    file.bytes.extend([0x90, 0]);
    (start, file.bytes.len())
}
