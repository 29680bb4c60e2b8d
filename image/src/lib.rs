//! Turns the bytes of an executable file into Go functions: machine words and
//! the rows that Go's tables declare for them.
//!
//! All parsing of foreign bytes is here. The bytes are hostile: each read is
//! checked, memory is bounded by the size of the file, each loop by what it
//! reads, and an error names an offset or an address.
//!
//! The stages, each in its module: `container` tells files apart, and `elf`,
//! `macho` or `pe` makes an address `space` of the file, as a loader would;
//! `locate` finds in it the `pclntab`, the `moduledata` and the text; `function`
//! reads one function, with the pc-value programs of `pctab` and the `inline`
//! tree. `buildinfo` is what the file says of its build.

mod buildinfo;
mod bytes;
mod container;
mod elf;
mod error;
mod function;
mod inline;
mod locate;
mod macho;
mod moduledata;
mod pclntab;
mod pctab;
mod pe;
mod relocations;
mod space;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use container::{Container, Os};
pub use error::{Error, ErrorKind, FileType, Machine, Magic, PcTableRule};
pub use function::{Function, Position};

use buildinfo::BuildInfo;
use core::cmp::Ordering;
use locate::Module;
use pclntab::{Layout, Table};
use space::{AddressSpace, Patch};
use unwind::{Pc, Release};

/// An executable file with Go functions.
#[derive(Clone, Debug)]
pub struct Image<'a> {
    space: AddressSpace<'a>,
    module: Module<'a>,
    build: BuildInfo<'a>,
    release: Option<Release>,
    os: Option<Os>,
    /// The text with its relocations applied, where a linker has not done so.
    linked: Option<Box<[u8]>>,
    /// The map that assembly says it has no pointers with, in go1.16 and go1.17.
    no_pointers: Option<u64>,
}

impl<'a> Image<'a> {
    /// Finds the function table of a file. The functions are not read yet.
    ///
    /// # Errors
    /// Any [`Error`] that concerns the file or its tables as a whole;
    /// [`Error::kind`] says what that means for the file.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut space = container::read(bytes)?;
        let module = locate::module(&space)?;
        let patches = std::mem::take(&mut space.patches);
        let linked = (!patches.is_empty()).then(|| linked(&module.text, &patches));
        let build = BuildInfo::find(&space);
        let release = build.version.and_then(buildinfo::release);
        let os = build.setting("GOOS").and_then(Os::named).or(space.os);
        let mut image = Self { space, module, build, release, os, linked, no_pointers: None };
        image.no_pointers = image.find_no_pointers();
        Ok(image)
    }

    /// The format of the file.
    #[must_use]
    pub fn container(&self) -> Container {
        self.space.container
    }

    /// The system that the file is for: the `GOOS` of its build if it says (go1.18
    /// and later), else what the container says. An ELF file that names none is
    /// for Linux. `None` where neither says.
    #[must_use]
    pub fn os(&self) -> Option<Os> {
        self.os
    }

    /// The architecture of the code, as `GOARCH` names it.
    #[must_use]
    pub fn architecture(&self) -> &'static str {
        "arm64"
    }

    /// The version of Go that built it (`go1.24.3`), if the file says.
    #[must_use]
    pub fn go_version(&self) -> Option<&'a str> {
        self.build.version
    }

    /// The path of the main module (`example.com/tool`), if the file says: what
    /// `go version -m` prints behind `mod`.
    #[must_use]
    pub fn main_module(&self) -> Option<&'a str> {
        self.build.line("mod")
    }

    /// The path of the main package (`example.com/tool/cmd/tool`), if the file
    /// says: what `go version -m` prints behind `path`.
    #[must_use]
    pub fn main_package(&self) -> Option<&'a str> {
        self.build.line("path")
    }

    /// The release of that version.
    #[must_use]
    pub fn release(&self) -> Option<Release> {
        self.release
    }

    /// How many functions the table has.
    #[must_use]
    pub fn function_count(&self) -> usize {
        self.module.pclntab.count
    }

    /// Whether the inline trees of functions were found. If not, a function's
    /// own name stands for those inlined in it: [`Function::innermost_name`].
    #[must_use]
    pub fn has_inline_trees(&self) -> bool {
        self.module.gofunc.is_some() || self.module.pclntab.layout == Layout::Go116
    }

    /// Reads a function, without reading its tables.
    ///
    /// # Errors
    /// [`Error::NoSuchFunction`], [`Error::FunctionRecord`].
    pub fn function(&self, index: usize) -> Result<Function<'_>, Error> {
        Function::read(self, index)
    }

    /// The function whose first instruction is at an address. `None` where none begins, or
    /// where a record that the search comes to cannot be read.
    #[must_use]
    pub fn function_at(&self, entry: Pc) -> Option<Function<'_>> {
        // The table is sorted by entry.
        let (mut low, mut high) = (0, self.function_count());
        while low < high {
            let middle = low + (high - low) / 2;
            let function = self.function(middle).ok()?;
            match function.entry.cmp(&entry) {
                Ordering::Equal => return Some(function),
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// The pointer at an address, as a loader would leave it at load bias 0:
    /// with the dynamic relocations applied. `None` where the file has no
    /// eight bytes, or their value is not known before the program runs.
    #[must_use]
    pub fn pointer(&self, address: u64) -> Option<u64> {
        self.space.pointer(address)
    }

    /// The code, as it will run.
    #[inline]
    fn text(&self) -> Table<'_> {
        let bytes = self.linked.as_deref().unwrap_or(self.module.text.bytes);
        Table { address: self.module.text.address, bytes }
    }

    /// In go1.16 and go1.17 there is no flag for assembly. Its functions have
    /// `runtime.no_pointers_stackmap` for pointer maps if they have one, and are
    /// never preempted (`isAsyncSafePoint` in `runtime/preempt.go`). That symbol
    /// is not in the tables; `runtime.call32`, which every program has, uses it.
    fn find_no_pointers(&self) -> Option<u64> {
        if self.module.pclntab.layout != Layout::Go116 {
            return None;
        }
        let functions = (0..self.function_count()).filter_map(|index| self.function(index).ok());
        let mut calls = functions.filter(|function| function.name() == b"runtime.call32");
        calls.find_map(|call| call.funcdata_address(function::FUNCDATA_LOCALS_POINTER_MAPS))
    }
}

/// A copy of the text with its words changed.
fn linked(text: &Table<'_>, patches: &[Patch]) -> Box<[u8]> {
    let mut bytes: Box<[u8]> = text.bytes.into();
    for patch in patches {
        let at = patch.at.checked_sub(text.address).and_then(|at| usize::try_from(at).ok());
        let word = at.and_then(|at| bytes.get_mut(at..)?.first_chunk_mut());
        if let Some(word) = word {
            *word = patch.word.to_le_bytes();
        }
    }
    bytes
}
