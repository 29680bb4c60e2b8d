//! Our own programs, built by a toolchain, with functions of the frame that is asked
//! for, and what midframe says of them.

use crate::toolchain::{Toolchain, repository};
use crate::truth::emulator::empty_directory;
use anyhow::{Context as _, Result, bail};
use image::Image;
use lowering::Kind;
use midframe::progress::Progress;
use midframe::scan::{self, ScannedImage};
use regex::bytes::Regex;
use std::fs;
use std::path::{Path, PathBuf};
use unwind::{Depth, RowTable};

/// The function that is called in a loop.
pub const VICTIM: &str = "main.victim";

/// A program of ours.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// Its files, but for the one with its sizes.
    pub files: &'static [(&'static str, &'static str)],
    /// More constants of its own, in Go.
    pub constants: &'static str,
    /// How many rounds it runs.
    pub collections: u64,
}

const MAIN: &str = include_str!("guest/crash/main.go");
const LEAF: &str = include_str!("guest/crash/leaf.go");
const NON_LEAF: &str = include_str!("guest/crash/non_leaf.go");

/// The program in which one goroutine calls a function while another collects.
#[must_use]
pub const fn crash(kind: Kind, collections: u64) -> Source {
    let files: &[_] = match kind {
        Kind::Leaf => &[("main.go", MAIN), ("victim.go", LEAF)],
        Kind::NonLeaf => &[("main.go", MAIN), ("victim.go", NON_LEAF)],
    };
    Source { files, constants: "", collections }
}

/// Builds a program whose function [`VICTIM`] has a frame of so many bytes.
///
/// The compiler decides how much room it adds to the locals, so the first build says
/// how many locals the second one has to have.
///
/// # Errors
/// When it cannot be built, or no number of locals makes this frame.
pub fn build(toolchain: &Toolchain, name: &str, source: Source, frame: u64) -> Result<PathBuf> {
    let directory =
        repository().join("target/evidence").join(&toolchain.version).join(name).join("source");
    empty_directory(&directory)?;
    // The language of the oldest toolchain.
    fs::write(directory.join("go.mod"), "module evidence\n\ngo 1.19\n")?;
    for (file, text) in source.files {
        fs::write(directory.join(file), text)?;
    }
    let program = directory.with_file_name("program");
    // The least that is added. A variable of more than 128 KiB is no local any more.
    let mut locals = frame.saturating_sub(16);
    for _ in 0..3 {
        let Source { constants, collections, .. } = source;
        let sizes = format!("const locals = {locals}\nconst collections = {collections}\n");
        fs::write(directory.join("sizes.go"), format!("package main\n\n{sizes}{constants}"))?;
        toolchain.build(&directory, &program)?;
        let made = frame_size(&program, VICTIM)?;
        if made == frame {
            return Ok(program);
        }
        locals = (locals + frame).saturating_sub(made);
    }
    bail!("{} makes no frame of {frame} bytes for {VICTIM}", toolchain.version)
}

/// The frame size of a function, from its rows: the greatest depth that one declares.
///
/// # Errors
/// When the program cannot be read, or does not have the function.
pub fn frame_size(program: &Path, name: &str) -> Result<u64> {
    let bytes = fs::read(program)?;
    let image = Image::parse(&bytes)?;
    let mut rows = RowTable::new();
    for index in 0..image.function_count() {
        let function = image.function(index)?;
        if function.name() == name.as_bytes() {
            function.rows(&mut rows)?;
            let depths = rows.spans().iter().map(|span| span.row.depth);
            let Depth(depth) = depths.max().unwrap_or_default();
            return u64::try_from(depth).context("a frame of negative size");
        }
    }
    bail!("{} has no function {name}", program.display())
}

/// What `midframe scan --only-function` says of one function.
///
/// # Errors
/// When the program cannot be read, or does not have the function.
pub fn scan(program: &Path, function: &str) -> Result<ScannedImage> {
    let bytes = fs::read(program)?;
    let only = Some(Regex::new(&format!("^{}$", regex::escape(function)))?);
    let scanned = scan::scan_bytes(program, &bytes, &scan::Options { only }, &Progress::hidden())?;
    if scanned.summary.functions == 0 {
        bail!("{} has no function {function}", program.display());
    }
    Ok(scanned)
}
