//! The tables behind the header: names, files, pc-value programs, functions.

use super::{GoFunction, GoImage, Run};

/// How many entries of function data a record has.
const DATA: usize = 4;

/// The flag of functions in assembly (go1.18 and later).
const ASM: u8 = 4;

/// What a pointer in a table points at, and how far into it.
pub(super) enum Target {
    /// The text.
    Text(u32),
    /// The data of functions.
    Data(u32),
}

/// The tables, and the data of functions.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) funcnametab: Vec<u8>,
    pub(super) cutab: Vec<u8>,
    pub(super) filetab: Vec<u8>,
    pub(super) pctab: Vec<u8>,
    pub(super) pclntable: Vec<u8>,
    pub(super) gofunc: Vec<u8>,
    /// Where `pclntable` has pointers; only in go1.16 and go1.17.
    pub(super) pointers: Vec<(usize, Target)>,
}

impl Tables {
    pub(super) fn new(image: &GoImage) -> Self {
        // Offset 0 of the pctab stands for no table.
        let mut tables = Self { pctab: vec![0], ..Self::default() };
        if image.release < 18 {
            // Data of functions is never at the start: address 0 is none.
            tables.gofunc = vec![0; 8];
        }
        let mut records = Vec::new();
        let mut start = 0;
        for function in &image.functions {
            records.push((start, tables.record(function, start, image.release)));
            start += length(&function.words) * 4;
        }
        if image.release < 18 {
            tables.with_addresses(&image.functions, &records, start);
        } else {
            tables.with_offsets(&records, start);
        }
        for table in
            [&mut tables.funcnametab, &mut tables.cutab, &mut tables.filetab, &mut tables.pctab]
        {
            table.resize(table.len().next_multiple_of(8), 0);
        }
        tables
    }

    pub(super) fn in_order(&self) -> [&Vec<u8>; 5] {
        [&self.funcnametab, &self.cutab, &self.filetab, &self.pctab, &self.pclntable]
    }

    fn with_offsets(&mut self, records: &[(u32, Vec<u8>)], end: u32) {
        let mut at = length(records) * 8 + 4;
        for (start, record) in records {
            self.pclntable.extend([*start, at].iter().flat_map(|word| word.to_le_bytes()));
            at += length(record);
        }
        self.pclntable.extend(end.to_le_bytes());
        self.pclntable.extend(records.iter().flat_map(|(_, record)| record));
    }

    /// As go1.16 has it: entries are addresses, and so is data of functions,
    /// which is made of the offsets that the records end with.
    fn with_addresses(&mut self, all: &[GoFunction], records: &[(u32, Vec<u8>)], end: u32) {
        let mut at = records.len() * 16 + 8;
        for (start, record) in records {
            self.pointers.push((self.pclntable.len(), Target::Text(*start)));
            self.pclntable.extend([0; 8]);
            self.pclntable.extend((at as u64).to_le_bytes());
            let fixed = record.len() - DATA * 4;
            at += (fixed + 4).next_multiple_of(8) + DATA * 8;
        }
        self.pointers.push((self.pclntable.len(), Target::Text(end)));
        self.pclntable.extend([0; 8]);
        for ((start, record), function) in records.iter().zip(all) {
            self.pointers.push((self.pclntable.len(), Target::Text(*start)));
            // The entry has eight bytes; what is last are offsets of function data.
            let (fixed, data) = record.split_at(record.len() - DATA * 4);
            self.pclntable.extend([0; 8]);
            self.pclntable.extend(fixed.iter().skip(4));
            self.pclntable.resize(self.pclntable.len().next_multiple_of(8), 0);
            for offset in data.chunks_exact(4) {
                let offset = offset.try_into().map_or(0, u32::from_le_bytes);
                // Offset 0 stands for pointer maps. Assembly has those of its own.
                let target = match offset {
                    0 if function.flags & ASM != 0 => Target::Data(0),
                    0 => Target::Data(4),
                    offset => Target::Data(offset),
                };
                if offset != u32::MAX {
                    self.pointers.push((self.pclntable.len(), target));
                }
                self.pclntable.extend([0; 8]);
            }
        }
    }

    fn record(&mut self, function: &GoFunction, start: u32, release: u16) -> Vec<u8> {
        let unit = length(&self.cutab) / 4;
        let file = string(&mut self.filetab, &function.lines.0);
        self.cutab.extend(file.to_le_bytes());
        let name = string(&mut self.funcnametab, &function.name);
        let lines = length(&function.words);
        let files = if function.lines.1.is_empty() { vec![] } else { vec![(lines, 0)] };
        let mut words = vec![start, name, 0, 0];
        words.push(self.program(&function.depths));
        words.push(self.program(&files));
        words.push(self.program(&function.lines.1));
        words.extend([3, unit]);
        if release >= 20 {
            words.push(1);
        }
        // funcID, flag, padding, nfuncdata.
        let flags = if release < 18 { function.flags & !ASM } else { function.flags };
        words.push(u32::from_le_bytes([0, flags, 0, DATA as u8]));
        words.push(self.program(&function.unsafe_points));
        words.push(0);
        words.push(self.program(&function.inline_index));
        let maps = if function.pointer_maps { 0 } else { u32::MAX };
        words.extend([u32::MAX, maps, u32::MAX, self.inline_tree(function, release)]);
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn inline_tree(&mut self, function: &GoFunction, release: u16) -> u32 {
        if function.inlined.is_empty() {
            return u32::MAX;
        }
        let start = length(&self.gofunc);
        for name in &function.inlined {
            let name = string(&mut self.funcnametab, name);
            let words: &[u32] =
                if release < 20 { &[0xffff, 0, 1, name, 0] } else { &[0, name, 0, 1] };
            self.gofunc.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        }
        start
    }

    fn program(&mut self, runs: &[Run]) -> u32 {
        if runs.is_empty() {
            return 0;
        }
        let start = length(&self.pctab);
        let mut value = -1i32;
        for (length, next) in runs {
            let change = next.wrapping_sub(value);
            varint(&mut self.pctab, ((change << 1) ^ (change >> 31)).cast_unsigned());
            varint(&mut self.pctab, *length);
            value = *next;
        }
        self.pctab.push(0);
        start
    }
}

fn string(table: &mut Vec<u8>, text: &str) -> u32 {
    let start = length(table);
    table.extend(text.bytes());
    table.push(0);
    start
}

fn varint(table: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        table.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    table.push(value as u8);
}

fn length<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}
