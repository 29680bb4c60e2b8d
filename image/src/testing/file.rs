//! What is the same in every container: the tables, the build information, the
//! moduledata.

use super::tables::{Tables, Target};
use super::{BASE, GoImage, Offsets};

/// Stands before and behind the text about modules; the linker's has other bytes.
const MARK: [u8; 16] = [0xf1; 16];

/// A file that grows, and the pointers in it.
pub(super) struct File {
    pub(super) bytes: Vec<u8>,
    /// Where pointers are, for relocation.
    pub(super) pointers: Vec<usize>,
}

impl File {
    /// A file with room for its headers.
    pub(super) fn new(headers: usize) -> Self {
        Self { bytes: vec![0; headers], pointers: Vec::new() }
    }

    /// Writes over what is there.
    pub(super) fn put(&mut self, at: usize, bytes: &[u8]) {
        if let Some(slot) = self.bytes.get_mut(at..at + bytes.len()) {
            slot.copy_from_slice(bytes);
        }
    }

    /// The pointers of the tables themselves, which go1.16 and go1.17 have.
    pub(super) fn tables_point(&mut self, tables: &Tables, at: &Offsets) {
        for (place, target) in &tables.pointers {
            let offset = match *target {
                Target::Text(skip) => at.text + skip as usize,
                Target::Data(skip) => at.gofunc + skip as usize,
            };
            let place = at.tables[4] + place;
            self.put(place, &(BASE + offset as u64).to_le_bytes());
            self.pointers.push(place);
        }
    }

    pub(super) fn align(&mut self, to: usize) -> usize {
        self.bytes.resize(self.bytes.len().next_multiple_of(to), 0);
        self.bytes.len()
    }

    pub(super) fn words(&mut self, words: &[u64]) {
        self.bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    }

    pub(super) fn pointer(&mut self, offset: usize) {
        self.pointers.push(self.bytes.len());
        self.words(&[BASE + offset as u64]);
    }

    pub(super) fn slice(&mut self, offset: usize, length: usize) {
        self.pointer(offset);
        self.words(&[length as u64, length as u64]);
    }

    pub(super) fn pclntab(&mut self, image: &GoImage, tables: &Tables, text: usize) -> [usize; 6] {
        let start = self.bytes.len();
        let magic: u32 = match image.release {
            ..18 => 0xffff_fffa,
            18 | 19 => 0xffff_fff0,
            _ => 0xffff_fff1,
        };
        self.bytes.extend(magic.to_le_bytes());
        self.bytes.extend([0, 0, 4, 8]);
        self.words(&[image.functions.len() as u64, 1]);
        match image.release {
            ..18 => {}
            18..26 => self.pointer(text),
            _ => self.words(&[0]),
        }
        let mut ends = [start; 6];
        let mut offset = if image.release < 18 { 64 } else { 72 };
        for (end, table) in ends.iter_mut().zip(tables.in_order()) {
            self.words(&[offset as u64]);
            *end = start + offset;
            offset += table.len();
        }
        for table in tables.in_order() {
            self.bytes.extend(table);
        }
        ends[5] = self.bytes.len();
        ends
    }

    pub(super) fn buildinfo(&mut self, image: &GoImage) {
        let version = format!("go1.{}.1", image.release);
        let modules = [&MARK[..], image.modules.as_bytes(), &MARK].concat();
        self.bytes.extend(b"\xff Go buildinf:\x08");
        if image.release >= 18 {
            self.bytes.push(2);
            self.bytes.extend([0; 16]);
            for text in [version.as_bytes(), &modules] {
                self.bytes.extend([text.len() as u8 | 0x80, (text.len() >> 7) as u8]);
                self.bytes.extend(text);
            }
        } else {
            self.bytes.push(0);
            let strings = self.bytes.len() + 16;
            self.pointer(strings);
            self.pointer(strings + 16);
            let mut text = strings + 32;
            for length in [version.len(), modules.len()] {
                self.pointer(text);
                self.words(&[length as u64]);
                text += length;
            }
            self.bytes.extend(version.bytes());
            self.bytes.extend(modules);
        }
    }

    pub(super) fn moduledata(
        &mut self,
        image: &GoImage,
        tables: &Tables,
        at: &Offsets,
        etext: usize,
    ) {
        self.pointer(at.pclntab);
        // The linker gives cutab, a []uint32, its length in bytes before go1.26.
        let cutab = if image.release < 26 { 1 } else { 4 };
        for ((offset, table), width) in
            at.tables.iter().zip(tables.in_order()).zip([1, cutab, 1, 1, 1])
        {
            self.slice(*offset, table.len() / width);
        }
        self.slice(at.tables[4], image.functions.len() + 1);
        self.words(&[0]);
        self.pointer(at.text);
        self.pointer(etext);
        self.pointer(at.text);
        self.pointer(etext);
        let (gofunc, sections) = match image.release {
            ..18 => (None, 36),
            18 | 19 => (Some(38), 39),
            20..26 => (Some(40), 41),
            26 => (Some(40), 42),
            _ => (Some(43), 45),
        };
        let mut filled = 24;
        if let Some(gofunc) = gofunc {
            self.words(&vec![0; gofunc - filled]);
            self.pointer(at.gofunc);
            filled = gofunc + 1;
        }
        self.words(&vec![0; sections - filled]);
        self.slice(self.bytes.len() + 24, 1);
        self.words(&[0, (etext - at.text) as u64]);
        self.pointer(at.text);
    }
}
