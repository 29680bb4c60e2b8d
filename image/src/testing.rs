//! Writes small arm64 ELF images with the tables of Go, for tests and fuzz
//! seeds. The layouts are those of `runtime/symtab.go`; see the reader's
//! modules for the releases.
//!
//! Nothing here is tuned or guarded: a table too large for its field is cut.

mod tables;

use tables::Tables;

/// The address of offset 0 of a written file.
pub const BASE: u64 = 0x1_0000;

/// A run of boundaries with a value: the number of instructions, the value.
pub type Run = (u32, i32);

/// How a written image is linked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Linking {
    /// At fixed addresses.
    Fixed,
    /// Position-independent, with `DT_RELA`: the pointers in the file are 0.
    Rela,
    /// Position-independent, with `DT_RELR`: the pointers are in the file.
    Relr,
}

/// A function to write.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GoFunction {
    /// Its name.
    pub name: String,
    /// Its instructions.
    pub words: Vec<u32>,
    /// Its depths; none for a function without a `pcsp` table.
    pub depths: Vec<Run>,
    /// Its unsafe points; none for a function without that table.
    pub unsafe_points: Vec<Run>,
    /// Its flags.
    pub flags: u8,
    /// Whether it has pointer maps of locals.
    pub pointer_maps: bool,
    /// Its file and the lines in it.
    pub lines: (String, Vec<Run>),
    /// The names in its inline tree.
    pub inlined: Vec<String>,
    /// Which entry of the inline tree is innermost, -1 for none.
    pub inline_index: Vec<Run>,
}

impl GoFunction {
    /// A function at one depth throughout.
    #[must_use]
    pub fn new(name: &str, words: &[u32]) -> Self {
        Self {
            name: name.to_owned(),
            words: words.to_vec(),
            depths: vec![(u32::try_from(words.len()).unwrap_or(0), 0)],
            pointer_maps: true,
            ..Self::default()
        }
    }
}

/// An image to write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GoImage {
    /// The minor version of go1, 18 to 27: decides the layouts.
    pub release: u16,
    /// How it is linked.
    pub linking: Linking,
    /// Whether there are section headers.
    pub sections: bool,
    /// Whether there is a moduledata.
    pub moduledata: bool,
    /// Whether there is build information.
    pub buildinfo: bool,
    /// Bytes before Go's text in the executable segment; a multiple of 4.
    pub foreign_text: Vec<u8>,
    /// The functions, in the order of their addresses.
    pub functions: Vec<GoFunction>,
}

impl GoImage {
    /// An image with everything, at fixed addresses.
    #[must_use]
    pub fn new(release: u16, functions: Vec<GoFunction>) -> Self {
        Self {
            release,
            linking: Linking::Fixed,
            sections: true,
            moduledata: true,
            buildinfo: true,
            foreign_text: Vec::new(),
            functions,
        }
    }

    /// Writes the file.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.layout().0
    }

    /// Writes the file, and tells the offsets in it.
    #[must_use]
    pub fn layout(&self) -> (Vec<u8>, Offsets) {
        let mut file = File { bytes: vec![0; HEADERS], pointers: Vec::new() };
        file.bytes.extend(&self.foreign_text);
        let mut offsets = Offsets { text: file.align(16), ..Offsets::default() };
        for function in &self.functions {
            for word in &function.words {
                file.bytes.extend(word.to_le_bytes());
            }
        }
        let etext = file.bytes.len();
        let tables = Tables::new(self);
        offsets.pclntab = file.align(32);
        offsets.tables = file.pclntab(self, &tables, offsets.text);
        offsets.gofunc = file.align(16);
        file.bytes.extend(&tables.gofunc);
        let data = file.align(16);
        if self.buildinfo {
            file.buildinfo(self.release);
        }
        offsets.moduledata = file.align(16);
        if self.moduledata {
            file.moduledata(self, &tables, &offsets, etext);
        }
        let relocations = file.relocations(self.linking);
        offsets.end = file.bytes.len();
        let sections = if self.sections { file.sections(&offsets, data) } else { (0, 0) };
        file.headers(self.linking, etext, data, &offsets, relocations, sections);
        (file.bytes, offsets)
    }
}

/// Where the parts of a written file are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Offsets {
    /// Go's text.
    pub text: usize,
    /// The header of the pclntab.
    pub pclntab: usize,
    /// `funcnametab`, `cutab`, `filetab`, `pctab`, `pclntable`, and their end.
    pub tables: [usize; 6],
    /// The data of functions.
    pub gofunc: usize,
    /// The moduledata.
    pub moduledata: usize,
    /// The end of the last segment.
    pub end: usize,
}

/// The ELF header and four program headers.
const HEADERS: usize = 64 + 4 * 56;

struct File {
    bytes: Vec<u8>,
    /// Where pointers are, for relocation.
    pointers: Vec<usize>,
}

impl File {
    fn align(&mut self, to: usize) -> usize {
        self.bytes.resize(self.bytes.len().next_multiple_of(to), 0);
        self.bytes.len()
    }

    fn words(&mut self, words: &[u64]) {
        self.bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    }

    fn pointer(&mut self, offset: usize) {
        self.pointers.push(self.bytes.len());
        self.words(&[BASE + offset as u64]);
    }

    fn slice(&mut self, offset: usize, length: usize) {
        self.pointer(offset);
        self.words(&[length as u64, length as u64]);
    }

    fn pclntab(&mut self, image: &GoImage, tables: &Tables, text: usize) -> [usize; 6] {
        let start = self.bytes.len();
        let magic: u32 = if image.release < 20 { 0xffff_fff0 } else { 0xffff_fff1 };
        self.bytes.extend(magic.to_le_bytes());
        self.bytes.extend([0, 0, 4, 8]);
        self.words(&[image.functions.len() as u64, 1]);
        if image.release < 26 {
            self.pointer(text);
        } else {
            self.words(&[0]);
        }
        let mut ends = [start; 6];
        let mut offset = 72;
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

    fn buildinfo(&mut self, release: u16) {
        let version = format!("go1.{release}.1");
        self.bytes.extend(b"\xff Go buildinf:\x08\x02");
        self.bytes.extend([0; 16]);
        self.bytes.push(u8::try_from(version.len()).unwrap_or(0));
        self.bytes.extend(version.bytes());
    }

    fn moduledata(&mut self, image: &GoImage, tables: &Tables, at: &Offsets, etext: usize) {
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
            ..20 => (38, 39),
            20..26 => (40, 41),
            26 => (40, 42),
            _ => (43, 45),
        };
        self.words(&vec![0; gofunc - 24]);
        self.pointer(at.gofunc);
        self.words(&vec![0; sections - gofunc - 1]);
        self.slice(self.bytes.len() + 24, 1);
        self.words(&[0, (etext - at.text) as u64]);
        self.pointer(at.text);
    }

    /// The relocation table and the dynamic section: where that is, its size.
    fn relocations(&mut self, linking: Linking) -> (usize, usize) {
        let pointers = std::mem::take(&mut self.pointers);
        let table = self.align(8);
        match linking {
            Linking::Fixed => return (0, 0),
            Linking::Rela => {
                for at in pointers {
                    let slot = self.bytes.get_mut(at..at + 8);
                    let value = slot.map(|slot| {
                        let value = slot.try_into().map_or(0, u64::from_le_bytes);
                        slot.fill(0);
                        value
                    });
                    self.words(&[BASE + at as u64, 0x403, value.unwrap_or(0)]);
                }
            }
            Linking::Relr => {
                let addresses: Vec<u64> = pointers.iter().map(|at| BASE + *at as u64).collect();
                self.words(&addresses);
            }
        }
        let size = (self.bytes.len() - table) as u64;
        let tags = if linking == Linking::Rela { [7, 8] } else { [36, 35] };
        let dynamic = self.bytes.len();
        self.words(&[tags[0], BASE + table as u64, tags[1], size, 0, 0]);
        (dynamic, self.bytes.len() - dynamic)
    }

    /// The section headers: none, `.gopclntab`, the names, `.go.buildinfo`.
    fn sections(&mut self, at: &Offsets, data: usize) -> (usize, u16) {
        let names = self.bytes.len();
        self.bytes.extend(b"\0.gopclntab\0.shstrtab\0.go.buildinfo\0");
        let size = self.bytes.len() - names;
        let table = self.align(8);
        self.words(&[0; 8]);
        let mut section = |name: u32, kind: u32, address: u64, offset: usize, size: usize| {
            self.bytes.extend(name.to_le_bytes());
            self.bytes.extend(kind.to_le_bytes());
            self.words(&[2, address, offset as u64, size as u64, 0, 1, 0]);
        };
        section(1, 1, BASE + at.pclntab as u64, at.pclntab, at.gofunc - at.pclntab);
        section(12, 3, 0, names, size);
        section(22, 1, BASE + data as u64, data, at.moduledata - data);
        (table, 4)
    }

    fn headers(
        &mut self,
        linking: Linking,
        etext: usize,
        data: usize,
        at: &Offsets,
        dynamic: (usize, usize),
        sections: (usize, u16),
    ) {
        let mut head = File { bytes: Vec::new(), pointers: Vec::new() };
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
        if let Some(slot) = self.bytes.get_mut(..head.bytes.len()) {
            slot.copy_from_slice(&head.bytes);
        }
    }
}
