//! Frames as assembler source, and the assembler's listing as words and rows.

use crate::toolchain::{Toolchain, repository};
use anyhow::{Context as _, Result, bail};
use core::fmt::Write as _;
use lowering::{Frame, Kind, Os, StackCheck};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many functions are assembled at a time: a listing has about 2 KB for each.
const BATCH: usize = 16_000;

/// What an assembler made of one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assembled {
    /// The frame.
    pub frame: Frame,
    /// The machine words, without padding.
    pub words: Vec<u32>,
    /// For each word the depth (`pcsp`) and the unsafe-point class
    /// (`PCDATA_UnsafePoint`) of the boundary before it.
    pub rows: Vec<(i64, i32)>,
}

/// Has a toolchain assemble a function for each frame.
///
/// # Errors
/// When the assembler fails, or its listing is not of the form that is known.
pub fn assemble(toolchain: &Toolchain, frames: &[Frame]) -> Result<Vec<Assembled>> {
    let mut assembled = Vec::new();
    for (os, goos) in [(Os::Linux, "linux"), (Os::Darwin, "darwin"), (Os::Ios, "ios")] {
        let frames: Vec<_> = frames.iter().filter(|frame| frame.os == os).copied().collect();
        if frames.is_empty() {
            continue;
        }
        for batch in frames.chunks(BATCH) {
            let parsed = assemble_batch(toolchain, batch, goos);
            assembled.extend(parsed.with_context(|| format!("{} for {goos}", toolchain.version))?);
        }
    }
    Ok(assembled)
}

fn assemble_batch(toolchain: &Toolchain, frames: &[Frame], goos: &str) -> Result<Vec<Assembled>> {
    // One directory each, so that tests can run side by side.
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let directory = format!("target/assembled/{}-{serial}", std::process::id());
    let directory = repository().join(directory);
    fs::create_dir_all(&directory)?;
    let file = directory.join("frames.s");
    fs::write(&file, source(frames))?;
    let listing = toolchain.assemble(&file, goos);
    fs::remove_dir_all(&directory)?;
    parse(&listing?, frames)
}

/// Has a toolchain build a program of a function for each frame, linked for
/// linux, and returns the file. The functions are `main.f0`, `main.f1`, ...
///
/// # Errors
/// When the toolchain fails.
pub fn link(toolchain: &Toolchain, frames: &[Frame]) -> Result<PathBuf> {
    let directory = repository().join("target/linked").join(&toolchain.version);
    fs::create_dir_all(&directory)?;
    fs::write(directory.join("go.mod"), "module frames\n\ngo 1.19\n")?;
    let assembly = source(frames) + "TEXT ·g(SB), 4, $0-0\n\tRET\n";
    fs::write(directory.join("frames_arm64.s"), assembly)?;
    let mut main = "package main\n\nimport \"os\"\n\nfunc g()\n".to_owned();
    for index in 0..frames.len() {
        let _ = writeln!(main, "func f{index}()");
    }
    main.push_str("\nfunc main() {\n\tg()\n\tif len(os.Args) < 100 {\n\t\treturn\n\t}\n");
    for index in 0..frames.len() {
        let _ = writeln!(main, "\tf{index}()");
    }
    main.push_str("}\n");
    fs::write(directory.join("main.go"), main)?;
    let program = directory.join("frames");
    toolchain.build(&directory, &program)?;
    Ok(program)
}

/// A function named `f0`, `f1`, ... for each frame.
fn source(frames: &[Frame]) -> String {
    let mut source = String::new();
    for (index, frame) in frames.iter().enumerate() {
        let size = frame.size.bytes();
        // Without a frame (NOFRAME, 512) nothing is called: the assembler would warn
        // that the save of LR is suppressed. Otherwise 16 bytes hold the saved
        // registers.
        let flags = match (frame.check, size) {
            (StackCheck::NoSplit, 0) => 4 | 512,
            (StackCheck::NoSplit, _) => 4,
            (StackCheck::WhereNeeded, 0) => 512,
            (StackCheck::WhereNeeded, _) => 0,
        };
        let locals = size.saturating_sub(16);
        let body = match frame.kind {
            Kind::NonLeaf if size > 0 => "CALL ·g(SB)",
            Kind::Leaf | Kind::NonLeaf => "NOOP",
        };
        let _ = writeln!(source, "TEXT ·f{index}(SB), {flags}, ${locals}-0\n\t{body}\n\tRET");
    }
    source
}

/// One function of a listing as it is read.
#[derive(Default)]
struct Function {
    bytes: Vec<u8>,
    /// Offset and depth, where the depth changes.
    depths: Vec<(u64, i64)>,
    /// Offset and class, where the class is set.
    classes: Vec<(u64, i32)>,
}

fn parse(listing: &str, frames: &[Frame]) -> Result<Vec<Assembled>> {
    let mut functions: BTreeMap<usize, Function> = BTreeMap::new();
    let (mut in_table, mut in_text) = (None, None);
    for line in listing.lines() {
        if let Some(rest) = line.strip_prefix("funcpctab ") {
            in_table = function_index(rest.split(' ').next().unwrap_or(""));
            in_text = None;
        } else if let Some((symbol, _)) = line.split_once(" STEXT ") {
            in_text = function_index(symbol);
            in_table = None;
        } else if let Some(index) = in_table {
            depth(line, &mut functions.entry(index).or_default().depths);
        } else if let Some(index) = in_text {
            text(line, functions.entry(index).or_default())?;
        }
    }
    if functions.len() != frames.len() {
        bail!("the listing has {} functions, expected {}", functions.len(), frames.len());
    }
    functions.into_iter().map(|(index, function)| finish(function, frames, index)).collect()
}

/// The number in `x.f12` or `"".f12`.
fn function_index(symbol: &str) -> Option<usize> {
    symbol.rsplit_once(".f")?.1.parse().ok()
}

/// A line of `-d pctab`: an offset, the value if it changes, the instruction.
fn depth(line: &str, depths: &mut Vec<(u64, i64)>) {
    let (Some(offset), Some(value)) = (line.get(..6), line.get(7..13)) else { return };
    let offset = u64::from_str_radix(offset.trim(), 16);
    // A value wider than its column pushes the rest to the right.
    let value = line
        .get(7..)
        .and_then(|rest| rest.trim_start().split(' ').next())
        .filter(|_| !value.trim().is_empty());
    let value = value.and_then(|value| value.parse().ok());
    if let (Ok(offset), Some(value)) = (offset, value)
        && !line.contains("\tTEXT\t")
    {
        depths.push((offset, value));
    }
}

/// A line of `-S`: an instruction, or sixteen bytes.
fn text(line: &str, function: &mut Function) -> Result<()> {
    let Some(rest) = line.strip_prefix("\t0x") else { return Ok(()) };
    let (offset, rest) = rest.split_once(' ').context("a line of a listing without an offset")?;
    let offset = u64::from_str_radix(offset, 16).context("an offset of a listing")?;
    if let Some((_, instruction)) = rest.split_once(")\t") {
        if let Some(class) = instruction.strip_prefix("PCDATA\t$0, $") {
            function.classes.push((offset, class.parse().context("a PCDATA value")?));
        }
        return Ok(());
    }
    if offset != function.bytes.len() as u64 {
        bail!("bytes at {offset:#x} of a listing, expected {:#x}", function.bytes.len());
    }
    for byte in rest.get(..48).unwrap_or(rest).split_whitespace() {
        function.bytes.push(u8::from_str_radix(byte, 16).context("a byte of a listing")?);
    }
    Ok(())
}

fn finish(function: Function, frames: &[Frame], index: usize) -> Result<Assembled> {
    let frame = *frames.get(index).context("a function that was not asked for")?;
    let mut words: Vec<u32> = function
        .bytes
        .chunks_exact(4)
        .map(|bytes| bytes.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte)))
        .collect();
    // Functions are padded to 16 bytes with zeros.
    while words.last() == Some(&0) {
        words.pop();
    }
    if words.is_empty() || function.depths.is_empty() {
        bail!("no words or no depths for frame {}", frame.size);
    }
    let rows = (0..words.len() as u64).map(|at| {
        let offset = at * 4;
        let depth = function.depths.iter().rev().find(|&&(from, _)| from <= offset);
        let class = function.classes.iter().rev().find(|&&(from, _)| from <= offset);
        (depth.map_or(0, |&(_, depth)| depth), class.map_or(-1, |&(_, class)| class))
    });
    let rows = rows.collect();
    Ok(Assembled { frame, words, rows })
}
