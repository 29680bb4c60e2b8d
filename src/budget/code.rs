//! The functions of a file: those of Go from its own tables, those of C from the symbols
//! of an ELF file.

mod elf;
#[cfg(test)]
mod tests;

use super::step::Convention;
use super::subject::Link;
use image::Image;
use std::borrow::Cow;
use std::collections::BTreeMap;
use unwind::Word;

/// Why a file has no functions that can be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodeError {
    /// It is neither an image of Go nor one that is read by its symbols.
    #[error(transparent)]
    Image(#[from] image::Error),
    /// The ELF file is malformed.
    #[error("is a malformed ELF file: {0}")]
    Elf(#[from] object::Error),
    /// There is nothing to go by.
    #[error("has no functions: neither Go's function table nor symbols of functions in code")]
    NoFunctions,
}

/// A function.
#[derive(Clone, Debug)]
pub(super) struct Routine {
    /// Its names: an address can have several, and some have none.
    pub(super) names: Vec<String>,
    pub(super) entry: u64,
    pub(super) words: Vec<Word>,
    pub(super) convention: Convention,
    pub(super) links: BTreeMap<u32, Link>,
}

impl Routine {
    /// The name that it is shown by.
    pub(super) fn name(&self) -> Cow<'_, str> {
        self.names.first().map_or_else(|| format!("{:#x}", self.entry).into(), Cow::from)
    }

    /// The address behind it.
    pub(super) fn end(&self) -> u64 {
        self.entry.saturating_add(self.words.len() as u64 * Word::BYTES)
    }

    /// Whether a call of it asks for stack, and execution starts anew (`morestack` in
    /// `runtime/asm_arm64.s`).
    pub(super) fn asks_for_stack(&self) -> bool {
        self.convention == Convention::Go && self.name().starts_with("runtime.morestack")
    }
}

/// The functions of a file, by address.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) container: String,
    pub(super) routines: Vec<Routine>,
    /// What stands at addresses that no function has.
    outside: elf::Outside,
}

impl Code {
    /// Reads a file.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, CodeError> {
        let code = match Image::parse(bytes) {
            Ok(image) => go(&image)?,
            Err(image::Error::NoFunctionTable) if bytes.starts_with(b"\x7fELF") => {
                elf::read(bytes)?
            }
            Err(error) => return Err(error.into()),
        };
        if code.routines.is_empty() {
            return Err(CodeError::NoFunctions);
        }
        Ok(code)
    }

    /// The function that an address lies in, and where in it.
    pub(super) fn at(&self, address: u64) -> Option<(usize, u32)> {
        let behind = self.routines.partition_point(|routine| routine.entry <= address);
        let rank = behind.checked_sub(1)?;
        let routine = self.routines.get(rank)?;
        let offset = address.checked_sub(routine.entry)?;
        let is_inside = address < routine.end() && offset.is_multiple_of(Word::BYTES);
        Some((rank, u32::try_from(offset / Word::BYTES).ok()?)).filter(|_| is_inside)
    }

    /// What is at an address that no function has: the name of what is jumped to from
    /// there, if it is a step to another image.
    pub(super) fn import(&self, address: u64) -> Option<&str> {
        self.outside.import(address)
    }

    /// Functions and nothing else.
    #[cfg(test)]
    pub(super) fn of(routines: Vec<Routine>) -> Self {
        Self::new("words".to_owned(), routines, elf::Outside::default())
    }

    /// Sorts, and makes one of those that are at the same address.
    fn new(container: String, mut routines: Vec<Routine>, outside: elf::Outside) -> Self {
        routines.sort_by(|one, other| {
            (one.entry, other.words.len()).cmp(&(other.entry, one.words.len()))
        });
        routines.dedup_by(|other, kept| {
            let same = other.entry == kept.entry;
            if same {
                kept.names.append(&mut other.names);
            }
            same
        });
        for routine in &mut routines {
            routine.names.sort();
            routine.names.dedup();
        }
        Self { container, routines, outside }
    }
}

/// The functions of Go.
fn go(image: &Image<'_>) -> Result<Code, CodeError> {
    let mut routines = Vec::with_capacity(image.function_count());
    for index in 0..image.function_count() {
        let function = image.function(index)?;
        routines.push(Routine {
            names: vec![String::from_utf8_lossy(function.name()).into_owned()],
            entry: function.entry.0,
            words: function.code.to_vec(),
            convention: Convention::Go,
            links: BTreeMap::new(),
        });
    }
    Ok(Code::new(image.container().to_string(), routines, elf::Outside::default()))
}
