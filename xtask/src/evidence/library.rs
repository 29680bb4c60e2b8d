//! Experiment 4: the library that was blamed. netlink's `Receive` has an array of
//! 64 KiB, and the goroutine that crashed stood in its epilogue. The same source is
//! built by a toolchain from before the fix and by one from after it, and scanned: the
//! boundary is in one program and not in the other, and it is in no source file.

use super::{Outcome, Report, Row, program};
use crate::programs::{self, Program, Source};
use crate::toolchain::{Toolchain, repository, run as run_command};
use crate::truth::emulator::empty_directory;
use a64::syntax::GoSyntax;
use anyhow::{Context as _, Result, bail};
use core::fmt;
use image::Image;
use midframe::scan::{Finding, ScannedImage};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;
use unwind::{Depth, Word};
use verifier::{Observer, Rule, Verdict};

/// The function.
const RECEIVE: &str = "github.com/vishvananda/netlink/nl.(*NetlinkSocket).Receive";

/// Debian's packages with the sources: the library, and what it imports.
const PACKAGES: [(&str, &str); 3] = [
    (
        "golang-github-vishvananda-netlink-dev",
        "usr/share/gocode/src/github.com/vishvananda/netlink/nl/nl_linux.go",
    ),
    (
        "golang-github-vishvananda-netns-dev",
        "usr/share/gocode/src/github.com/vishvananda/netns/netns_linux.go",
    ),
    ("golang-golang-x-sys-dev", "usr/share/gocode/src/golang.org/x/sys/unix/syscall_linux.go"),
];

/// A program that needs nothing else of the library.
const MAIN: &str = include_str!("guest/library.go");

/// The boundary of the core dumps in golang/go#73259: SP has gone up by 80 of 65616
/// bytes. The depth that is declared, the depth that SP has, and the instructions on
/// both sides of the boundary.
const REPORTED: (Depth, Depth, [u32; 2]) =
    (Depth(65_616), Depth(65_536), [0x9101_43ff, 0x9140_43ff]);

/// Each toolchain with what the scan has to say to whoever collects.
const CASES: [(&str, Verdict); 2] = [("1.24.3", Verdict::Refuted), ("1.24.11", Verdict::Proved)];

/// Builds the library with each toolchain and scans it.
///
/// # Errors
/// When a package, a toolchain or the program cannot be had.
pub fn run(report: &mut Report) -> Result<()> {
    let sources = PACKAGES.map(|(package, file)| install(package, file));
    let sources = sources.into_iter().collect::<Result<Vec<_>>>()?;
    let gopath: Vec<_> = sources.iter().map(|root| root.join("usr/share/gocode")).collect();
    let gopath = std::env::join_paths(gopath).context("a path with a colon in it")?;
    for (version, verdict) in CASES {
        let started = Instant::now();
        let toolchain = Toolchain::install(version)?;
        let directory =
            repository().join("target/evidence").join(&toolchain.version).join("library");
        empty_directory(&directory)?;
        fs::write(directory.join("main.go"), MAIN)?;
        let program = build(&toolchain, &directory, &gopath)?;
        let scanned = program::scan(&program, RECEIVE)?;
        let row = row(&toolchain, &program, &scanned, verdict)?;
        report.add(Row { seconds: started.elapsed().as_secs_f64(), ..row });
    }
    report.note(format!(
        "Both programs have the same source, {}: no line of it pops a frame. The two ADDs are \
         made by the assembler of go1.24.3 from one `ADD $65616, RSP, RSP`.",
        PACKAGES.map(|(package, _)| package).join(", ")
    ));
    Ok(())
}

fn install(package: &'static str, file: &'static str) -> Result<PathBuf> {
    let program = Program { name: package, source: Source::Debian(package), file };
    let path = programs::install(program)?;
    let root = path.ancestors().nth(Path::new(file).components().count());
    Ok(root.context("a package has no directory")?.to_owned())
}

fn build(toolchain: &Toolchain, directory: &Path, gopath: &OsStr) -> Result<PathBuf> {
    let program = directory.join("program");
    let mut command = toolchain.command();
    command.env("GO111MODULE", "off").env("GOPATH", gopath).current_dir(directory);
    run_command(command.args(["build", "-o"]).arg(&program).arg("main.go"))?;
    Ok(program)
}

/// A boundary that a collector can see broken, with the instructions around it.
struct Boundary<'f> {
    finding: &'f Finding,
    around: [Option<Word>; 2],
}

fn row(
    toolchain: &Toolchain,
    program: &Path,
    scanned: &ScannedImage,
    claimed: Verdict,
) -> Result<Row> {
    let bytes = fs::read(program)?;
    let image = Image::parse(&bytes)?;
    let mut boundaries = Vec::new();
    for finding in &scanned.findings {
        if finding.observers.contains(Observer::AsyncPreemption) {
            boundaries.push(Boundary { finding, around: around(&image, finding)? });
        }
    }
    let verdict = scanned.summary.verdict(Observer::AsyncPreemption);
    let observed = match verdict {
        Verdict::Proved if boundaries.is_empty() => Outcome::Clean,
        Verdict::Refuted if boundaries.iter().all(Boundary::is_reported) => Outcome::Named,
        _ => Outcome::Fails,
    };
    Ok(Row {
        toolchain: toolchain.version.clone(),
        subject: "nl.(*NetlinkSocket).Receive".to_owned(),
        frame: Some(program::frame_size(program, RECEIVE)?),
        setting: String::new(),
        scan: Some((claimed, verdict)),
        expected: if claimed == Verdict::Refuted { Outcome::Named } else { Outcome::Clean },
        observed,
        exposure: format!(
            "{} boundaries checked, {} broken",
            scanned.summary.boundaries,
            boundaries.len()
        ),
        seconds: 0.0,
        message: boundaries.iter().map(ToString::to_string).collect(),
    })
}

/// The instructions before and at a finding's boundary.
fn around(image: &Image<'_>, finding: &Finding) -> Result<[Option<Word>; 2]> {
    for index in 0..image.function_count() {
        let function = image.function(index)?;
        if function.entry == finding.entry {
            let at = (finding.pc.0 - finding.entry.0) / Word::BYTES;
            let word = |at| function.code.get(usize::try_from(at).ok()?).copied();
            return Ok([at.checked_sub(1).and_then(word), word(at)]);
        }
    }
    bail!("no function starts at {}", finding.entry)
}

impl Boundary<'_> {
    fn is_reported(&self) -> bool {
        let (declared, actual, words) = REPORTED;
        self.finding.rule == Rule::SpRow
            && (self.finding.declared, self.finding.actual) == (declared, actual)
            && self.around.map(|word| word.map(Word::get)) == words.map(Some)
    }
}

impl fmt::Display for Boundary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { rule, pc, entry, declared, actual, position, .. } = self.finding;
        let syntax =
            |word: Option<Word>| word.map_or_else(String::new, |word| GoSyntax(word).to_string());
        let [before, next] = self.around.map(syntax);
        let offset = pc.0.wrapping_sub(entry.0);
        write!(f, "{rule} at +{offset:#x}, between {before} and {next}: ")?;
        write!(f, "declared {declared}, actual {actual}")?;
        let Some((file, line)) = position else { return Ok(()) };
        write!(f, " ({}:{line})", file.rsplit('/').next().unwrap_or(file))
    }
}
