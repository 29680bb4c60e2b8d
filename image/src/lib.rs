//! Turns the bytes of an executable file into Go functions: machine words and
//! the rows that Go's tables declare for them.
//!
//! All parsing of foreign bytes is here. The bytes are hostile: each read is
//! checked, memory is bounded by the size of the file, each loop by what it
//! reads, and an error names an offset or an address.
//!
//! The stages, each in its module: `elf` makes an address `space` of the file,
//! as a loader would; `locate` finds in it the `pclntab`, the `moduledata` and
//! the text; `function` reads one function, with the pc-value programs of
//! `pctab` and the `inline` tree. Another container would only add a sibling
//! of `elf`.

mod buildinfo;
mod bytes;
mod elf;
mod error;
mod function;
mod inline;
mod locate;
mod moduledata;
mod pclntab;
mod pctab;
mod space;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use error::{Error, FileType, Machine, Magic, PcTableRule};
pub use function::{Function, Position};

use core::fmt;
use locate::Module;
use space::AddressSpace;
use unwind::Release;

/// The format of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Container {
    /// The Executable and Linkable Format.
    Elf,
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Elf => "elf",
        })
    }
}

/// An executable file with Go functions.
#[derive(Clone, Debug)]
pub struct Image<'a> {
    space: AddressSpace<'a>,
    module: Module<'a>,
    go_version: Option<&'a str>,
    release: Option<Release>,
}

impl<'a> Image<'a> {
    /// Finds the function table of a file. The functions are not read yet.
    ///
    /// # Errors
    /// Any [`Error`] that concerns the file or its tables as a whole.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let space = elf::read(bytes)?;
        let module = locate::module(&space)?;
        let go_version = buildinfo::version(&space);
        let release = go_version.and_then(buildinfo::release);
        Ok(Self { space, module, go_version, release })
    }

    /// The format of the file.
    #[must_use]
    pub fn container(&self) -> Container {
        Container::Elf
    }

    /// The architecture of the code, as `GOARCH` names it.
    #[must_use]
    pub fn architecture(&self) -> &'static str {
        "arm64"
    }

    /// The version of Go that built it (`go1.24.3`), if the file says.
    #[must_use]
    pub fn go_version(&self) -> Option<&'a str> {
        self.go_version
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
        self.module.gofunc.is_some()
    }

    /// Reads a function, without reading its tables.
    ///
    /// # Errors
    /// [`Error::NoSuchFunction`], [`Error::FunctionRecord`].
    pub fn function(&self, index: usize) -> Result<Function<'_>, Error> {
        Function::read(self, index)
    }

    /// The pointer at an address, as a loader would leave it at load bias 0:
    /// with the dynamic relocations applied. `None` where the file has no
    /// eight bytes, or their value is not known before the program runs.
    #[must_use]
    pub fn pointer(&self, address: u64) -> Option<u64> {
        self.space.pointer(address)
    }
}
