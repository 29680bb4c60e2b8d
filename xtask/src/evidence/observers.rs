//! Experiment 5: the other observers. The execution tracer walks along frame pointers,
//! so an R29 that is half-computed when a goroutine is stopped leads it into the middle
//! of a frame; and a profiler's signal finds SP at no declared depth in assembly, where
//! nobody is preempted. What really happens to each.

use super::program::{self, Source, VICTIM};
use super::trial::{Observation, Trial};
use super::{Outcome, Report, Row, profile};
use crate::toolchain::Toolchain;
use crate::truth::emulator::Emulator;
use anyhow::{Context as _, Result};
use lowering::Kind;
use std::path::Path;
use std::time::Duration;
use unwind::Pc;
use verifier::{Observer, Verdict};

/// The longest that a run takes.
const LIMIT: Duration = Duration::from_secs(600);

/// A leaf of which something is claimed while the tracer runs, or does not.
struct Traced {
    version: &'static str,
    frame: u64,
    /// The constants of the program.
    constants: &'static str,
    setting: &'static str,
    expected: Outcome,
    /// What the scan says for who walks along frame pointers.
    verdict: Verdict,
}

/// A frame that one ADD pops and for which R29 takes two: nobody but who walks along
/// frame pointers sees it.
const TWO_FOR_R29: u64 = 69_632;

const WITH_TEXT: &str = "const traced, filled = true, true\n";
const WITHOUT: &str = "const traced, filled = true, false\n";
const UNTRACED: &str = "const traced, filled = false, true\n";

const TRACED: [Traced; 6] = [
    dies("1.21.13"),
    dies("1.24.11"),
    dies("1.27.3"),
    Traced {
        constants: WITHOUT,
        setting: "tracing, unused stack",
        expected: Outcome::Survives,
        ..dies("1.27.3")
    },
    Traced {
        constants: UNTRACED,
        setting: "not tracing",
        expected: Outcome::Survives,
        ..dies("1.27.3")
    },
    Traced {
        frame: 65_520,
        expected: Outcome::Survives,
        verdict: Verdict::Proved,
        ..dies("1.27.3")
    },
];

const fn dies(version: &'static str) -> Traced {
    let (frame, constants, setting) = (TWO_FOR_R29, WITH_TEXT, "tracing");
    let (expected, verdict) = (Outcome::Dies, Verdict::Refuted);
    Traced { version, frame, constants, setting, expected, verdict }
}

const TRACE: [(&str, &str); 2] = [
    ("main.go", include_str!("guest/observers/trace.go")),
    ("victim.go", include_str!("guest/crash/leaf.go")),
];

const PROFILE: [(&str, &str); 2] = [
    ("main.go", include_str!("guest/observers/profile.go")),
    ("victim_arm64.s", include_str!("guest/observers/victim_arm64.s")),
];

/// The frame of the assembly function, which its source fixes.
const ASSEMBLY: u64 = 65_616;

/// How long samples are taken, in milliseconds.
const SAMPLED: u64 = 10_000;

/// How many collections a program gets that survives, and one that dies.
const COLLECTIONS: [u64; 2] = [200, 2000];

/// The walk along frame pointers (`runtime/tracestack.go`, go1.23 and later; in
/// `runtime/trace.go` before).
const WALK: &str = "runtime.fpTracebackPCs";

/// Runs the cases.
///
/// # Errors
/// When a toolchain, a program or the emulator cannot be had.
pub fn run(report: &mut Report) -> Result<()> {
    let emulator = Emulator::install()?;
    report.emulated_by(&emulator);
    for case in &TRACED {
        report.add(traced(case, &emulator)?);
    }
    for (version, expected, verdict) in
        [("1.24.3", Outcome::Lost, Verdict::Refuted), ("1.24.11", Outcome::Kept, Verdict::Proved)]
    {
        report.add(profiled(version, expected, verdict, &emulator)?);
    }
    Ok(())
}

fn traced(case: &Traced, emulator: &Emulator) -> Result<Row> {
    let Traced { version, frame, constants, setting, expected, verdict } = *case;
    let toolchain = Toolchain::install(version)?;
    let [survived, died_in] = COLLECTIONS;
    let collections = if expected == Outcome::Dies { died_in } else { survived };
    let source = Source { files: &TRACE, constants, collections };
    let name = format!("trace-{frame}-{}", setting.replace([' ', ','], ""));
    let path = program::build(&toolchain, &name, source, frame)?;
    let scanned = program::scan(&path, VICTIM)?;
    let mut observation = observe(&path, emulator)?;
    let walks = observation.message.iter().any(|line| line.starts_with(WALK));
    if observation.outcome == Outcome::Dies && !walks {
        observation.outcome = Outcome::Fails;
    }
    Ok(Row {
        toolchain: toolchain.version.clone(),
        subject: Kind::Leaf.to_string(),
        frame: Some(frame),
        setting: setting.to_owned(),
        scan: Some((verdict, scanned.summary.verdict(Observer::FramePointer))),
        exposure: observation.exposure.to_string(),
        seconds: observation.seconds,
        message: observation.message,
        ..Row::of(expected, observation.outcome)
    })
}

fn observe(path: &Path, emulator: &Emulator) -> Result<Observation> {
    let directory = path.parent().context("a program has no directory")?;
    Trial { program: path, environment: &[], directory, limit: LIMIT }.run(emulator)
}

fn profiled(
    version: &str,
    expected: Outcome,
    verdict: Verdict,
    emulator: &Emulator,
) -> Result<Row> {
    let toolchain = Toolchain::install(version)?;
    let source = Source { files: &PROFILE, constants: "", collections: SAMPLED };
    let path = program::build(&toolchain, "profile", source, ASSEMBLY)?;
    let scanned = program::scan(&path, VICTIM)?;
    let boundaries: Vec<Pc> = scanned.findings.iter().map(|finding| finding.pc).collect();
    let observation = observe(&path, emulator)?;
    let samples = profile::read(&toolchain, &path.with_file_name("profile"))?;
    let seen = profile::Seen::of(&samples, VICTIM, &boundaries);
    let observed = match observation.outcome {
        Outcome::Survives => seen.outcome(),
        other => other,
    };
    Ok(Row {
        toolchain: toolchain.version.clone(),
        subject: "assembly, non-leaf".to_owned(),
        frame: Some(ASSEMBLY),
        setting: "profiling".to_owned(),
        scan: Some((verdict, scanned.summary.verdict(Observer::Profiler))),
        exposure: format!("{} calls; {seen}", observation.exposure.calls),
        seconds: observation.seconds,
        // The profiler says that it would rather choose the rate itself.
        message: if expected == observed { Vec::new() } else { observation.message },
        ..Row::of(expected, observed)
    })
}
