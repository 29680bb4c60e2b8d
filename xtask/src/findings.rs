//! What a scan finds in real programs, function by function: in assembly and in compiled code
//! apart, each kind of finding with the programs that have it. To be read by hand: each is a
//! discovery or a fault of ours.

use crate::survey;
use crate::toolchain::{Toolchain, repository};
use crate::truth::emulator::empty_directory;
use anyhow::{Context as _, Result};
use core::fmt;
use image::Image;
use midframe::scan::{Finding, Options, Scanner, Summary};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use unwind::{FramePointerWalk, FuncFlags};
use verifier::{Observer, Observers};

/// The toolchains that build a program of Go's own assembly: one of every release line, and of
/// go1.24 one from each side of the fix.
pub const VERSIONS: [&str; 9] =
    ["1.19.8", "1.21.13", "1.22.10", "1.23.9", "1.24.3", "1.24.11", "1.25.5", "1.26.6", "1.27.3"];

/// How many of the programs that have a kind of finding are named.
const NAMED: usize = 9;

/// A program that names the packages with assembly.
const GUEST: &str = include_str!("findings/guest/main.go");

/// What was found in all programs.
#[derive(Debug, Default)]
pub struct Findings {
    /// The programs that have each kind of finding.
    kinds: BTreeMap<Kind, BTreeSet<String>>,
    /// How many functions there are, and how many of them are assembly, by program.
    programs: BTreeMap<String, (u64, u64)>,
}

/// Findings that are alike, or functions that are undecided for one reason.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Kind {
    origin: Origin,
    function: String,
    /// The rule with its observers and the severity, or the reason.
    what: String,
    /// The boundaries, from the entry on; empty for functions that are undecided.
    offsets: Vec<u64>,
}

/// Who wrote a function.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Origin {
    Compiler,
    Assembly,
}

impl Findings {
    /// Scans programs that the toolchains build, and Debian's unless `is_short`.
    ///
    /// # Errors
    /// When a toolchain or a package cannot be had.
    pub fn gather(is_short: bool) -> Result<Self> {
        let mut findings = Self::default();
        for version in VERSIONS {
            findings.scan(&format!("go{version}"), &build(version)?)?;
        }
        if !is_short {
            for name in survey::PACKAGES {
                let tree = survey::Package::install(name)?.tree;
                for path in files(&tree)? {
                    findings.scan(&format!("{name}:{}", file_name(&path)), &path)?;
                }
            }
        }
        Ok(findings)
    }

    /// Scans a file; one that is no Go program for arm64 is passed over.
    fn scan(&mut self, program: &str, path: &Path) -> Result<()> {
        let bytes = fs::read(path).with_context(|| path.display().to_string())?;
        let Ok(image) = Image::parse(&bytes) else { return Ok(()) };
        eprintln!("{program}: {} functions", image.function_count());
        let unobserving = match FramePointerWalk::of(image.release()) {
            [] => Observers::NONE.with(Observer::FramePointer),
            _ => Observers::NONE,
        };
        let release = image.go_version().unwrap_or("go?");
        let program =
            if program == release { program.to_owned() } else { format!("{program} ({release})") };
        let (mut scanner, mut assembly) = (Scanner::default(), 0);
        for index in 0..image.function_count() {
            let mut summary = Summary { unobserving, ..Summary::default() };
            let mut found = Vec::new();
            scanner.function(&image, index, &Options::default(), &mut summary, &mut found);
            let Ok(function) = image.function(index) else { continue };
            let is_assembly = function.flags.contains(FuncFlags::ASM);
            assembly += u64::from(is_assembly);
            let origin = if is_assembly { Origin::Assembly } else { Origin::Compiler };
            let name = String::from_utf8_lossy(function.name()).into_owned();
            for (what, offsets) in kinds(&summary, &found) {
                let kind = Kind { origin, function: name.clone(), what, offsets };
                self.kinds.entry(kind).or_default().insert(program.clone());
            }
        }
        self.programs.insert(program, (image.function_count() as u64, assembly));
        Ok(())
    }
}

/// The findings of a function by rule, observers and severity, with the offsets of each, and the
/// reasons for which it is undecided.
fn kinds(summary: &Summary, found: &[Finding]) -> Vec<(String, Vec<u64>)> {
    let mut kinds: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for finding in found {
        let observers = Observer::ALL.into_iter();
        let observers = observers.filter(|&observer| finding.observers.contains(observer));
        let observers: Vec<_> = observers.map(Observer::id).collect();
        let observers = observers.join(", ");
        let what = format!("{} for {observers} ({})", finding.rule, finding.severity);
        kinds.entry(what).or_default().push(finding.pc.0 - finding.entry.0);
    }
    for (reason, unsettled) in &summary.undecided {
        let observers = Observer::ALL.into_iter();
        let observers = observers.filter(|&observer| unsettled.observers.contains(observer));
        let observers: Vec<_> = observers.map(Observer::id).collect();
        let preemptible = if unsettled.preemptible > 0 { ", preemptible" } else { "" };
        let what = format!("undecided for {}{preemptible}: {reason}", observers.join(", "));
        kinds.entry(what).or_default();
    }
    if summary.sp_write > 0 {
        kinds.entry("marked as a write of SP, and writes it".to_owned()).or_default();
    }
    kinds.into_iter().collect()
}

/// Builds the program with the assembly of a toolchain.
fn build(version: &str) -> Result<PathBuf> {
    let toolchain = Toolchain::install(version)?;
    let directory = repository().join("target/findings").join(&toolchain.version).join("source");
    empty_directory(&directory)?;
    // The language of the oldest toolchain.
    fs::write(directory.join("go.mod"), "module findings\n\ngo 1.19\n")?;
    fs::write(directory.join("main.go"), GUEST)?;
    let program = directory.with_file_name("program");
    toolchain.build(&directory, &program)?;
    Ok(program)
}

/// The files of a tree, without links.
fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            files.extend(self::files(&entry.path())?);
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (program, (functions, assembly)) in &self.programs {
            writeln!(f, "{program}: {functions} functions, {assembly} of them assembly")?;
        }
        for origin in [Origin::Assembly, Origin::Compiler] {
            writeln!(f, "\n== {origin:?}")?;
            for (kind, programs) in self.kinds.iter().filter(|(kind, _)| kind.origin == origin) {
                let offsets: Vec<_> =
                    kind.offsets.iter().map(|offset| format!(" {offset:+#x}")).collect();
                writeln!(f, "{}: {}{}", kind.function, kind.what, offsets.concat())?;
                let first: Vec<_> = programs.iter().take(NAMED).map(String::as_str).collect();
                let more = if programs.len() > NAMED { ", ..." } else { "" };
                writeln!(f, "    in {}: {}{more}", programs.len(), first.join(", "))?;
            }
        }
        Ok(())
    }
}
