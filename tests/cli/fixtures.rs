//! Small images for `scan`, written by `image::testing`. The instructions are
//! Go's assembler's; so are the unsafe points. The depths are those that the
//! design shows for the frame of the report: 65616 from behind `MOVD R20, RSP`
//! up to and with the last ADD.

use crate::assembler::{
    LEAF_1_19_8, LOADS_SP, NO_FRAME, NON_LEAF_1_24_3, NOSPLIT_1_24_3, OVERWRITES_LR, words,
};
use image::testing::{GoFunction, GoImage};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// `FuncFlagSPWrite` (`internal/abi/symtab.go`).
pub(crate) const SP_WRITE: u8 = 2;

/// `FuncFlagAsm` (`internal/abi/symtab.go`).
pub(crate) const ASM: u8 = 4;

/// How many boundaries the function of [`two_steps`] has.
pub(crate) const TWO_STEPS_BOUNDARIES: u64 = 19;

/// The offset of the second ADD in [`two_steps`].
pub(crate) const SECOND_ADD: u64 = 0x38;

/// A function with the frame of the report, popped in two steps.
pub(crate) fn two_steps(name: &str) -> GoFunction {
    GoFunction {
        depths: vec![(10, 0), (5, 65616), (4, 0)],
        unsafe_points: vec![(1, -1), (5, -2), (3, -1), (1, -2), (6, -1), (2, -2), (1, -1)],
        lines: ("/src/netlink.go".to_owned(), vec![(11, 40), (1, 41), (7, 42)]),
        ..GoFunction::new(name, &words(NON_LEAF_1_24_3))
    }
}

/// The same without a check for stack space, written in assembly: what the call of morestack
/// keeps is known from the name of the function there, which images of one function lack.
pub(crate) fn two_steps_assembly(name: &str) -> GoFunction {
    GoFunction {
        depths: vec![(4, 0), (5, 65616), (1, 0)],
        unsafe_points: vec![(3, -1), (1, -2), (6, -1)],
        lines: ("/src/netlink.go".to_owned(), vec![(5, 40), (1, 41), (4, 42)]),
        flags: ASM,
        ..GoFunction::new(name, &words(NOSPLIT_1_24_3))
    }
}

/// How many boundaries that has.
pub(crate) const ASSEMBLY_BOUNDARIES: u64 = 10;

/// The offset of the second ADD in it.
pub(crate) const ASSEMBLY_SECOND_ADD: u64 = 0x20;

/// A leaf of go1.19.8 that moves SP before R29 (golang/go#63830).
pub(crate) fn leaf(name: &str) -> GoFunction {
    let depths = vec![(1, 0), (4, 32), (2, 0)];
    GoFunction { depths, ..GoFunction::new(name, &words(LEAF_1_19_8)) }
}

/// The offset of the boundary in [`leaf`] at which R29 points below SP.
pub(crate) const SP_WITHOUT_R29: u64 = 0x14;

/// A function in assembly with a frame of 32 bytes that stores a local over the saved
/// LR: from behind the store up to the ADD that pops the frame the word at SP is no
/// return address.
pub(crate) fn overwrites_lr(name: &str) -> GoFunction {
    let depths = vec![(1, 0), (11, 32), (1, 0)];
    GoFunction { depths, flags: ASM, ..GoFunction::new(name, &words(OVERWRITES_LR)) }
}

/// A function of two instructions that never moves SP.
pub(crate) fn clean(name: &str) -> GoFunction {
    GoFunction::new(name, &words(NO_FRAME))
}

/// A function of two instructions that sets SP from a register: undecided.
pub(crate) fn loads_sp(name: &str) -> GoFunction {
    GoFunction::new(name, &words(LOADS_SP))
}

/// An image of go1.24.1 with everything, at fixed addresses.
pub(crate) fn image(functions: &[GoFunction]) -> GoImage {
    GoImage::new(24, functions.to_vec())
}

/// A directory of files that goes away.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    /// The path of a name, written or not.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("a file is written");
        path.into_os_string().into_string().expect("a path in UTF-8")
    }
}
