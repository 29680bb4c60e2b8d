//! One function: its code, its rows, and where its instructions came from.

use crate::bytes::{c_string, i32_at, u32_at};
use crate::error::PcTableRule;
use crate::inline::{self, FUNCDATA_INL_TREE, PCDATA_INL_TREE_INDEX};
use crate::pclntab::Layout;
use crate::pctab::Program;
use crate::{Error, Image};
use unwind::{
    Columns, Depth, FuncFlags, Index, Pc, Preemption, RowTable, Rows as _, UnsafePoint, Word,
};

/// Index of the unsafe points (`internal/abi/symtab.go`).
const PCDATA_UNSAFE_POINT: usize = 0;

/// Index of the pointer maps of locals (`internal/abi/symtab.go`).
pub(crate) const FUNCDATA_LOCALS_POINTER_MAPS: usize = 1;

/// A function of an image.
#[derive(Clone, Copy, Debug)]
pub struct Function<'i> {
    /// Where it starts.
    pub entry: Pc,
    /// Its instructions, with the padding up to the next function.
    pub code: &'i [Word],
    /// The same with what lies behind it in the text.
    pub text: &'i [Word],
    /// Its flags.
    pub flags: FuncFlags,
    /// What the runtime knows it as; 0 for most (`internal/abi/symtab.go`,
    /// `FuncID`). The numbers differ between releases.
    pub func_id: u8,
    /// From its name on.
    names: &'i [u8],
    /// `_func` with its `pcdata` and `funcdata`.
    record: &'i [u8],
    /// The address of that.
    record_address: u64,
    image: &'i Image<'i>,
}

/// A place in the source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position<'i> {
    /// The file, as the compiler was given it or as `-trimpath` left it.
    pub file: &'i [u8],
    /// The line, from 1.
    pub line: u32,
}

impl<'i> Function<'i> {
    /// The name in the table: the package path, a dot, the rest.
    #[must_use]
    pub fn name(&self) -> &'i [u8] {
        c_string(self.names, 0).unwrap_or_default()
    }

    /// Reads the row of each boundary into `table`.
    ///
    /// # Errors
    /// Those of [`Function::columns`]; there are no rows then.
    pub fn rows(&self, table: &mut RowTable) -> Result<(), Error> {
        table.clear();
        let mut columns = Columns::new();
        self.columns(&mut columns)?;
        columns.table(table);
        Ok(())
    }

    /// Reads the row of each boundary into `columns`.
    ///
    /// The rows may end before the code does: what follows is padding, which
    /// no table describes. (The linkers of go1.19 to go1.27 give the padding
    /// between functions to the last run, so that rows cover all code.)
    ///
    /// # Errors
    /// [`Error::NoStackTable`] where Go has no `pcsp` either; [`Error::PcTable`]
    /// and [`Error::UnsafePoint`] where a table is malformed. The columns are then
    /// not to be used.
    pub fn columns(&self, columns: &mut Columns) -> Result<(), Error> {
        columns.clear();
        let Columns { depths, classes } = columns;
        let entry = self.entry;
        let program = self.program(self.word(16)).ok_or(Error::NoStackTable { entry })?;
        program.read(|_, run| {
            depths.push(Depth(i64::from(run.value)), Index(run.end));
            Ok(())
        })?;
        let end = depths.end();
        let Some(program) = self.pcdata(PCDATA_UNSAFE_POINT) else {
            classes.push(UnsafePoint::Safe, end);
            return Ok(());
        };
        let program = program.read(|program, run| {
            let class = UnsafePoint::from_pcdata(run.value).ok_or_else(|| Error::UnsafePoint {
                address: program.address(),
                value: run.value,
            })?;
            if run.end > end.0 {
                return Err(program.fault(PcTableRule::SameEnd));
            }
            classes.push(class, Index(run.end));
            Ok(())
        })?;
        match classes.end() == end {
            true => Ok(()),
            false => Err(program.fault(PcTableRule::SameEnd)),
        }
    }

    /// Where execution goes on after a panic was recovered in a deferred call:
    /// the call of `runtime.deferreturn` (`_func.deferreturn`). `None` in a
    /// function without deferred calls.
    #[must_use]
    pub fn recovery(&self) -> Option<Index> {
        match self.word(12) {
            0 => None,
            offset => self.boundary(Pc(self.entry.0.wrapping_add(u64::from(offset)))),
        }
    }

    /// The file and line of a boundary: those of the innermost function that
    /// was inlined there, as a traceback prints them. `None` where the tables
    /// do not say.
    #[must_use]
    pub fn position(&self, pc: Pc) -> Option<Position<'i>> {
        let boundary = self.boundary(pc)?.0;
        let file = self.program(self.word(20))?.value(boundary).ok()??;
        let line = self.program(self.word(24))?.value(boundary).ok()??;
        let unit = usize::try_from(self.word(32)).ok()?;
        let at = unit.checked_add(usize::try_from(file).ok()?)?.checked_mul(4)?;
        let offset = u32_at(self.image.module.pclntab.cutab.bytes, at)?;
        let filetab = self.image.module.pclntab.filetab.bytes;
        // An offset of all ones, `no file`, is beyond any table.
        let file = c_string(filetab, usize::try_from(offset).ok()?)?;
        let line = u32::try_from(line).ok().filter(|&line| line > 0)?;
        Some(Position { file, line })
    }

    /// The name of the function that was inlined at a boundary, the innermost
    /// if several; else its own name.
    ///
    /// Where the inline trees are not found ([`Image::has_inline_trees`]), the
    /// answer is the function's own name.
    ///
    /// # Errors
    /// [`Error::NoSuchBoundary`], [`Error::PcTable`], [`Error::InlineTree`].
    pub fn innermost_name(&self, pc: Pc) -> Result<&'i [u8], Error> {
        let entry = self.entry;
        let boundary = self.boundary(pc).ok_or(Error::NoSuchBoundary { pc, entry })?;
        let Some(indices) = self.pcdata(PCDATA_INL_TREE_INDEX) else { return Ok(self.name()) };
        let Some(tree) = self.inline_tree() else { return Ok(self.name()) };
        let index = match indices.value(boundary.0)? {
            Some(index) if index >= 0 => index,
            _ => return Ok(self.name()),
        };
        let pclntab = &self.image.module.pclntab;
        let name = inline::name(pclntab.layout, tree, pclntab.funcnametab.bytes, index);
        name.ok_or(Error::InlineTree { entry, index })
    }

    /// Whether a goroutine can be preempted at a boundary, if the boundary is
    /// not an unsafe point.
    ///
    /// # Errors
    /// Those of [`Function::innermost_name`].
    pub fn preemption(&self, pc: Pc) -> Result<Preemption, Error> {
        Ok(self.preemption_as(self.innermost_name(pc)?))
    }

    /// The same for the boundaries that no other function was inlined at.
    #[must_use]
    pub fn function_preemption(&self) -> Preemption {
        self.preemption_as(self.name())
    }

    /// Whether it has `FUNCDATA_LocalsPointerMaps`.
    #[must_use]
    pub fn has_locals_pointer_maps(&self) -> bool {
        match self.image.module.pclntab.layout {
            Layout::Go116 => {
                let maps = self.funcdata_address(FUNCDATA_LOCALS_POINTER_MAPS);
                maps.is_some_and(|maps| Some(maps) != self.image.no_pointers)
            }
            Layout::Go118 | Layout::Go120 => self.funcdata(FUNCDATA_LOCALS_POINTER_MAPS).is_some(),
        }
    }

    pub(crate) fn read(image: &'i Image<'_>, index: usize) -> Result<Self, Error> {
        let pclntab = &image.module.pclntab;
        let text = image.text();
        let wrong = |expected| {
            let address = pclntab.entry_address(index);
            Error::FunctionRecord { index, address, expected }
        };
        let entry = match pclntab.entry(&image.space, text.address, index) {
            Some(entry) => entry,
            None if index < pclntab.count => return Err(wrong("ascending starts inside the text")),
            None => return Err(Error::NoSuchFunction { index, count: pclntab.count }),
        };
        let code = text.bytes.get(entry.start as usize..entry.end as usize);
        let code = code.ok_or_else(|| wrong("ascending starts inside the text"))?;
        // The text may end inside a word: go1.24 and later end it with
        // `go:textfipsend`, a marker of one byte.
        let last = index.saturating_add(1) == pclntab.count;
        if !entry.start.is_multiple_of(4) || !(last || entry.end.is_multiple_of(4)) {
            return Err(wrong("starts at multiples of 4"));
        }
        let layout = pclntab.layout;
        let record = (entry.record as usize).checked_add(layout.record_skip());
        let record = record.and_then(|at| pclntab.pclntable.bytes.get(at..));
        let skipped = u64::from(entry.record).saturating_add(layout.record_skip() as u64);
        let record_address = pclntab.pclntable.address.saturating_add(skipped);
        let record = record.and_then(|bytes| whole_record(layout, bytes, record_address));
        let record = record.ok_or_else(|| wrong("a whole function record in the table"))?;
        let start = match layout {
            Layout::Go116 => {
                let start = image.space.pointer(record_address.wrapping_sub(4));
                start.and_then(|start| u32::try_from(start.checked_sub(text.address)?).ok())
            }
            Layout::Go118 | Layout::Go120 => u32_at(record, 0),
        };
        if start != Some(entry.start) {
            return Err(wrong("a function record with the same start"));
        }
        let name = i32_at(record, 4).and_then(|at| usize::try_from(at).ok());
        let names =
            name.and_then(|at| image.module.names.get(at..)).filter(|names| !names.is_empty());
        let tail = layout.record_size().saturating_sub(4);
        let byte = |skip: usize| record.get(tail.saturating_add(skip)).copied().unwrap_or(0);
        Ok(Self {
            entry: Pc(text.address.wrapping_add(u64::from(entry.start))),
            code: Word::slice(code),
            text: Word::slice(text.bytes.get(entry.start as usize..).unwrap_or(code)),
            flags: FuncFlags(byte(1)),
            func_id: byte(0),
            names: names.ok_or_else(|| wrong("a name in the table"))?,
            record,
            record_address,
            image,
        })
    }

    fn preemption_as(&self, innermost: &[u8]) -> Preemption {
        Preemption::of(self.flags, self.has_locals_pointer_maps(), innermost, self.image.release)
    }

    fn boundary(&self, pc: Pc) -> Option<Index> {
        let offset = pc.0.checked_sub(self.entry.0)?;
        let inside = offset.is_multiple_of(4) && offset / 4 < self.code.len() as u64;
        u32::try_from(offset / 4).ok().filter(|_| inside).map(Index)
    }

    /// A field of the record. The record is whole, so there is no other case.
    #[inline]
    fn word(&self, at: usize) -> u32 {
        u32_at(self.record, at).unwrap_or(0)
    }

    #[inline]
    fn program(&self, offset: u32) -> Option<Program<'i>> {
        let pctab = self.image.module.pclntab.pctab;
        // A function's code is shorter than 4 GiB: both its ends are u32.
        let limit = u32::try_from(self.code.len()).unwrap_or(u32::MAX);
        Program::new(pctab.bytes, pctab.address, offset, limit)
    }

    #[inline]
    fn pcdata(&self, index: usize) -> Option<Program<'i>> {
        let (fixed, count) = (self.image.module.pclntab.layout.record_size(), self.word(28));
        if index >= count as usize {
            return None;
        }
        self.program(u32_at(self.record, fixed.checked_add(index.checked_mul(4)?)?)?)
    }

    fn inline_tree(&self) -> Option<&'i [u8]> {
        match self.image.module.pclntab.layout {
            Layout::Go116 => self.image.space.bytes_from(self.funcdata_address(FUNCDATA_INL_TREE)?),
            Layout::Go118 | Layout::Go120 => {
                let offset = self.funcdata(FUNCDATA_INL_TREE)?;
                self.image.module.gofunc?.get(usize::try_from(offset).ok()?..)
            }
        }
    }

    /// The offset of function data from gofunc; all ones stand for none.
    #[inline]
    fn funcdata(&self, index: usize) -> Option<u32> {
        let fixed = self.image.module.pclntab.layout.record_size();
        let skip = (self.word(28) as usize).checked_add(index)?.checked_mul(4)?;
        let offset = u32_at(self.record, fixed.checked_add(skip)?)?;
        (offset != u32::MAX).then_some(offset)
    }

    /// The address of function data in the layout of go1.16; 0 stands for none.
    pub(crate) fn funcdata_address(&self, index: usize) -> Option<u64> {
        let layout = self.image.module.pclntab.layout;
        let start = funcdata_of_addresses(layout, self.word(28), self.record_address)?;
        let at = start.checked_add(index.checked_mul(8)?)?;
        self.record.get(at..)?.get(..8)?;
        let address = self.record_address.checked_add(at as u64)?;
        self.image.space.pointer(address).filter(|&address| address != 0)
    }
}

/// `_func` with the arrays behind it: `npcdata` is the word at 28, `nfuncdata`
/// the last byte of the fixed part.
fn whole_record(layout: Layout, bytes: &[u8], address: u64) -> Option<&[u8]> {
    let fixed = layout.record_size();
    let pcdata = u32_at(bytes, 28)?;
    let funcdata = usize::from(*bytes.get(fixed.checked_sub(1)?)?);
    let end = match layout {
        Layout::Go116 => {
            funcdata_of_addresses(layout, pcdata, address)?.checked_add(funcdata.checked_mul(8)?)?
        }
        Layout::Go118 | Layout::Go120 => {
            let words = usize::try_from(pcdata).ok()?.checked_add(funcdata)?.checked_mul(4)?;
            fixed.checked_add(words)?
        }
    };
    bytes.get(..end)
}

/// Where the pointers to function data start in a record that is at `address`:
/// behind the pc-value tables, at a multiple of 8 in memory (`funcdata` in
/// `runtime/symtab.go` of go1.17).
fn funcdata_of_addresses(layout: Layout, pcdata: u32, address: u64) -> Option<usize> {
    let tables = usize::try_from(pcdata).ok()?.checked_mul(4)?;
    let start = layout.record_size().checked_add(tables)?;
    let padding = address.wrapping_add(start as u64) & 4;
    start.checked_add(usize::try_from(padding).ok()?)
}
