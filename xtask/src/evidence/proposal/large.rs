//! A large program built by the release and by the changed compiler: what conforms,
//! what is proved, what it costs.

use crate::evidence::{Outcome, Row, bounded};
use crate::toolchain::{Toolchain, repository};
use anyhow::Result;
use image::Image;
use lowering::Policy;
use midframe::conform::survey;
use midframe::progress::Progress;
use midframe::review::{Class, review_files};
use midframe::scan::scan_file;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use unwind::{Depth, RowTable};
use verifier::{Observer, Verdict};

/// The program: Go's own command, which none of the changed sources is part of.
const PROGRAM: &str = "cmd/go";

/// The longest that a build takes.
const LIMIT: Duration = Duration::from_secs(1200);

/// The policies: the proposal's, and that of the release.
const POLICIES: [&str; 2] = ["complete", "go1.26"];

/// From this size on the two compilers pop a frame in different ways.
const DIFFERENT: i64 = 4096;

/// Builds the program with both, and compares.
///
/// # Errors
/// When it cannot be built or read.
pub fn rows(release: &Toolchain, changed: &Toolchain) -> Result<Vec<Row>> {
    let before = build(release)?;
    let after = build(changed)?;
    Ok(vec![
        conforms(changed, &after)?,
        proved(changed, &after)?,
        reviewed(changed, &before, &after)?,
        costs(changed, &before, &after)?,
    ])
}

fn build(toolchain: &Toolchain) -> Result<PathBuf> {
    let directory = repository().join("target/evidence").join(&toolchain.version);
    fs::create_dir_all(&directory)?;
    let path = directory.join("large");
    let mut command = toolchain.command();
    command.args(["build", "-trimpath", "-o"]).arg(&path).arg(PROGRAM);
    bounded::succeed(&mut command, &directory.join("large.log"), LIMIT)?;
    Ok(path)
}

/// Whether every prologue and epilogue of every compiled function is as the policy
/// predicts, and the release's policy is told apart.
fn conforms(toolchain: &Toolchain, program: &Path) -> Result<Row> {
    let started = Instant::now();
    let bytes = fs::read(program)?;
    let image = Image::parse(&bytes)?;
    let mut policies = Vec::new();
    for name in POLICIES {
        policies.push(*Policy::resolve(name)?);
    }
    let survey = survey(&image, &policies);
    let [here, there] = [0, 1].map(|rank| survey.unexplained(rank));
    let pieces = survey.pieces.len() as u64;
    let matched = survey.matched(0, None);
    let holds = here == 0 && there > 0 && survey.unreadable.0 == 0 && pieces > 0;
    Ok(Row {
        toolchain: toolchain.version.clone(),
        subject: format!("{PROGRAM}, as complete predicts"),
        exposure: format!(
            "{} compiled functions, {pieces} prologues and epilogues: {matched} as predicted, {} of \
             a named kind, {here} not; by the policy {} {there} not",
            survey.functions,
            pieces - matched - here,
            POLICIES[1],
        ),
        seconds: started.elapsed().as_secs_f64(),
        ..Row::of(Outcome::Holds, if holds { Outcome::Holds } else { Outcome::Fails })
    })
}

/// Whether nothing in it is seen broken by whoever collects or walks along R29.
fn proved(toolchain: &Toolchain, program: &Path) -> Result<Row> {
    let started = Instant::now();
    let scanned = scan_file(program)?;
    let summary = &scanned.summary;
    let collector = summary.verdict(Observer::AsyncPreemption);
    let found = scanned.findings.iter().map(|finding| {
        let (function, rule) = (&finding.function, finding.rule);
        format!("{function}: {rule}, {}", finding.observer)
    });
    Ok(Row {
        toolchain: toolchain.version.clone(),
        subject: format!("{PROGRAM}, scanned"),
        scan: Some((Verdict::Proved, collector)),
        exposure: format!(
            "{} functions, {} boundaries; frame-pointer: {}, profiler: {}",
            summary.functions,
            summary.boundaries,
            summary.verdict(Observer::FramePointer),
            summary.verdict(Observer::Profiler),
        ),
        seconds: started.elapsed().as_secs_f64(),
        message: found.take(8).collect(),
        ..Row::of(
            Outcome::Holds,
            if collector == Verdict::Proved { Outcome::Holds } else { Outcome::Fails },
        )
    })
}

/// Whether nothing is worse than with the release, and something changed.
fn reviewed(toolchain: &Toolchain, before: &Path, after: &Path) -> Result<Row> {
    let started = Instant::now();
    let review = review_files([before, after], 0, &Progress::hidden())?;
    let count =
        |class: Class| -> u64 { review.pairs.iter().map(|pair| pair.counts[class as usize]).sum() };
    let counts = Class::ALL.map(|class| format!("{} {}", count(class), class.words()));
    let is_worse = count(Class::Broken) + count(Class::NowUndecided) > 0;
    let has_changed = count(Class::Mended) > 0 && count(Class::Kept) > 0;
    let holds = !is_worse && has_changed && review.errors.is_empty();
    Ok(Row {
        toolchain: toolchain.version.clone(),
        subject: format!("{PROGRAM}, reviewed"),
        exposure: counts.join("; "),
        seconds: started.elapsed().as_secs_f64(),
        ..Row::of(Outcome::Holds, if holds { Outcome::Holds } else { Outcome::Fails })
    })
}

/// How many functions differ in length, and by how many instructions; only those with
/// a large frame may.
fn costs(toolchain: &Toolchain, before: &Path, after: &Path) -> Result<Row> {
    let started = Instant::now();
    let [old, new] = [before, after].map(lengths);
    let (old, new) = (old?, new?);
    let mut wrong = Vec::new();
    let (mut longer, mut shorter) = (0_u64, 0_u64);
    let mut large = 0_u64;
    for (name, (frame, length)) in &new {
        large += u64::from(frame.0 >= DIFFERENT);
        match old.get(name) {
            Some((_, was)) if was == length => continue,
            Some((_, was)) if frame.0 >= DIFFERENT => {
                longer += length.saturating_sub(*was);
                shorter += was.saturating_sub(*length);
            }
            Some(_) => wrong.push(format!("{} differs in length", name.0)),
            None => wrong.push(format!("{} is new", name.0)),
        }
    }
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    wrong.extend(gone.map(|name| format!("{} is gone", name.0)));
    let bytes = |functions: &Lengths| functions.values().map(|(_, length)| length).sum::<u64>();
    let [size, was] = [fs::metadata(after)?.len(), fs::metadata(before)?.len()];
    let holds = wrong.is_empty() && !new.is_empty();
    Ok(Row {
        toolchain: toolchain.version.clone(),
        subject: format!("{PROGRAM}, its size"),
        exposure: format!(
            "functions {} bytes, with the release {}; {longer} longer, {shorter} shorter, all of it \
             in the {large} functions with frames from {DIFFERENT} bytes on; file {size} bytes, \
             with the release {was}",
            bytes(&new),
            bytes(&old),
        ),
        seconds: started.elapsed().as_secs_f64(),
        message: wrong.into_iter().take(8).collect(),
        ..Row::of(Outcome::Holds, if holds { Outcome::Holds } else { Outcome::Fails })
    })
}

/// The frame and the bytes of each function, by name and by which of that name it is.
type Lengths = BTreeMap<(String, u32), (Depth, u64)>;

fn lengths(program: &Path) -> Result<Lengths> {
    let bytes = fs::read(program)?;
    let image = Image::parse(&bytes)?;
    let mut rows = RowTable::new();
    let mut lengths = Lengths::new();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for index in 0..image.function_count() {
        let function = image.function(index)?;
        // Markers between parts of the text have no rows.
        let frame = match function.rows(&mut rows) {
            Ok(()) => rows.spans().iter().map(|span| span.row.depth).max().unwrap_or_default(),
            Err(_) => Depth(0),
        };
        let name = String::from_utf8_lossy(function.name()).into_owned();
        let ordinal = seen.entry(name.clone()).or_default();
        *ordinal += 1;
        lengths.insert((name, *ordinal), (frame, size_of_val(function.code) as u64));
    }
    Ok(lengths)
}
