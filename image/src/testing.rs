//! Writes small arm64 images with the tables of Go, for tests and fuzz seeds. The
//! layouts are those of `runtime/symtab.go`; see the reader's modules for the
//! releases.
//!
//! Nothing here is tuned or guarded: a table too large for its field is cut.

mod elf;
mod file;
mod macho;
mod pe;
mod tables;

use crate::Container;
use file::File;
use tables::Tables;

/// The address of offset 0 of a written file.
pub const BASE: u64 = 0x1_0000;

/// A run of boundaries with a value: the number of instructions, the value.
pub type Run = (u32, i32);

/// How a written image is linked. PE files are the same whichever it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Linking {
    /// At fixed addresses.
    Fixed,
    /// Position-independent, with other pointers in the file: 0 in ELF, with
    /// `DT_RELA`; links of a chain in Mach-O, with `LC_DYLD_CHAINED_FIXUPS`.
    Rela,
    /// Position-independent, with the pointers in the file: `DT_RELR` in ELF,
    /// `LC_DYLD_INFO_ONLY` in Mach-O, with one bind, of the moduledata's `minpc`.
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
    /// The minor version of go1, 16 to 27: decides the layouts.
    pub release: u16,
    /// The format of the file.
    pub container: Container,
    /// How it is linked.
    pub linking: Linking,
    /// Whether there are section headers.
    pub sections: bool,
    /// Whether there is a moduledata.
    pub moduledata: bool,
    /// Whether there is build information.
    pub buildinfo: bool,
    /// Its text about modules, in lines.
    pub modules: String,
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
            container: Container::Elf,
            linking: Linking::Fixed,
            sections: true,
            moduledata: true,
            buildinfo: true,
            modules: "path\texample.com/tool/cmd/tool\nmod\texample.com/tool\t(devel)\t\n"
                .to_owned(),
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
        let headers = match self.container {
            Container::Elf => elf::HEADERS,
            Container::MachO => macho::HEADERS,
            Container::Pe => pe::HEADERS,
        };
        let mut file = File::new(headers);
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
        file.tables_point(&tables, &offsets);
        let data = file.align(16);
        if self.buildinfo {
            file.buildinfo(self);
        }
        offsets.moduledata = file.align(16);
        if self.moduledata {
            file.moduledata(self, &tables, &offsets, etext);
        }
        let parts = Parts { etext, data };
        match self.container {
            Container::Elf => elf::finish(&mut file, self, &mut offsets, parts),
            Container::MachO => macho::finish(&mut file, self, &mut offsets, parts),
            Container::Pe => pe::finish(&mut file, self, &mut offsets, parts),
        }
        (file.bytes, offsets)
    }
}

/// Where segments begin: code from 0, tables from `etext`, data from `data`.
#[derive(Clone, Copy)]
struct Parts {
    etext: usize,
    data: usize,
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
