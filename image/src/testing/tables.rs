//! The tables behind the header: names, files, pc-value programs, functions.

use super::{GoFunction, GoImage, Run};

/// The tables, and the data of functions.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) funcnametab: Vec<u8>,
    pub(super) cutab: Vec<u8>,
    pub(super) filetab: Vec<u8>,
    pub(super) pctab: Vec<u8>,
    pub(super) pclntable: Vec<u8>,
    pub(super) gofunc: Vec<u8>,
}

impl Tables {
    pub(super) fn new(image: &GoImage) -> Self {
        // Offset 0 of the pctab stands for no table.
        let mut tables = Self { pctab: vec![0], ..Self::default() };
        let mut records = Vec::new();
        let mut start = 0;
        for function in &image.functions {
            records.push((start, tables.record(function, start, image.release)));
            start += length(&function.words) * 4;
        }
        let mut at = length(&records) * 8 + 4;
        for (start, record) in &records {
            tables.pclntable.extend([*start, at].iter().flat_map(|word| word.to_le_bytes()));
            at += length(record);
        }
        tables.pclntable.extend(start.to_le_bytes());
        tables.pclntable.extend(records.into_iter().flat_map(|(_, record)| record));
        for table in [&mut tables.funcnametab, &mut tables.filetab, &mut tables.pctab] {
            table.resize(table.len().next_multiple_of(8), 0);
        }
        tables
    }

    pub(super) fn in_order(&self) -> [&Vec<u8>; 5] {
        [&self.funcnametab, &self.cutab, &self.filetab, &self.pctab, &self.pclntable]
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
        words.push(u32::from_le_bytes([0, function.flags, 0, 4]));
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
