//! Experiments 1, 2 and 3: a function with a large frame is called in a loop while
//! another goroutine collects, and every boundary can take a signal. What happens is
//! held against the claim, and so is what a scan says of the function beforehand.

use super::program::{self, Source, VICTIM};
use super::trial::{Observation, Trial};
use super::{Outcome, Report, Row};
use crate::toolchain::Toolchain;
use crate::truth::emulator::Emulator;
use anyhow::{Context as _, Result};
use lowering::Kind;
use std::path::Path;
use std::time::Duration;
use verifier::{Observer, Verdict};

/// How many collections a program has to survive, and in the short form. Of those that
/// die, half did within 30 when this was written.
const SURVIVED: [u64; 2] = [500, 300];

/// How many collections a program gets to die in. When this was written none lived
/// through 250.
const DIED_IN: u64 = 2000;

/// The longest that a run takes: many times what 500 collections took when this was
/// written, 15 to 30 seconds on two cores with other work.
const LIMIT: Duration = Duration::from_secs(600);

/// A function of which something is claimed.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    version: &'static str,
    kind: Kind,
    frame: u64,
    /// `GODEBUG`, or nothing.
    setting: &'static str,
    /// What is claimed of the run.
    expected: Outcome,
    /// What is claimed of the scan, for the observer that collects.
    verdict: Verdict,
    /// Whether the short form has it.
    is_short: bool,
}

impl Case {
    const fn dies(version: &'static str, kind: Kind, frame: u64) -> Self {
        let (expected, verdict) = (Outcome::Dies, Verdict::Refuted);
        Self { version, kind, frame, setting: "", expected, verdict, is_short: false }
    }

    /// A case that survives, and whose function is proved.
    #[must_use]
    pub const fn survives(version: &'static str, kind: Kind, frame: u64) -> Self {
        let (expected, verdict) = (Outcome::Survives, Verdict::Proved);
        Self { version, kind, frame, setting: "", expected, verdict, is_short: false }
    }

    const fn in_short(self) -> Self {
        Self { is_short: true, ..self }
    }

    /// The same code, with nobody preempted in it.
    const fn without_preemption(self) -> Self {
        Self { setting: "asyncpreemptoff=1", expected: Outcome::Survives, ..self }
    }
}

/// The frame of the report: `ADD $80` and `ADD $(16<<12)`.
const REPORTED: u64 = 65_616;

/// The program of `rfcs/upstream/leaf-epilogue.md`.
const UPSTREAM: [(&str, &str); 1] =
    [("main.go", include_str!("../../../rfcs/upstream/leaf-epilogue.go"))];

/// 1: the function that was reported, before the fix and after it.
pub const REPORTED_CRASH: [Case; 9] = [
    Case::dies("1.19.8", Kind::NonLeaf, REPORTED),
    Case::dies("1.21.13", Kind::NonLeaf, REPORTED),
    Case::dies("1.22.10", Kind::NonLeaf, REPORTED),
    Case::dies("1.23.9", Kind::NonLeaf, REPORTED),
    Case::dies("1.24.3", Kind::NonLeaf, REPORTED).in_short(),
    Case::survives("1.24.11", Kind::NonLeaf, REPORTED).in_short(),
    Case::survives("1.25.5", Kind::NonLeaf, REPORTED),
    Case::survives("1.26.0", Kind::NonLeaf, REPORTED),
    Case::survives("1.27.3", Kind::NonLeaf, REPORTED),
];

/// 2: a leaf, which the fix does not concern.
pub const LEAF_CRASH: [Case; 10] = [
    Case::dies("1.19.8", Kind::Leaf, REPORTED),
    Case::dies("1.21.13", Kind::Leaf, REPORTED),
    Case::dies("1.22.10", Kind::Leaf, REPORTED),
    Case::dies("1.23.9", Kind::Leaf, REPORTED),
    Case::dies("1.24.3", Kind::Leaf, REPORTED),
    Case::dies("1.24.11", Kind::Leaf, REPORTED),
    Case::dies("1.25.5", Kind::Leaf, REPORTED),
    Case::dies("1.26.0", Kind::Leaf, REPORTED),
    Case::dies("1.27.3", Kind::Leaf, REPORTED).in_short(),
    Case::dies("1.27.3", Kind::Leaf, 131_088),
];

/// 3: frames on both sides of each threshold, and the same code with nobody preempted.
///
/// 4112 does not fit an immediate, nor does 65520, but one wide move builds either;
/// 65536 and 69632 are shifted immediates, 131056 (0x1fff0) is a bitmask; 65552 is the
/// first size that takes two ADDs. From 2^24 on constants are built in a register.
pub const CONTROLS: [Case; 13] = [
    Case::survives("1.24.3", Kind::NonLeaf, 4_112),
    Case::survives("1.24.3", Kind::NonLeaf, 65_520),
    Case::survives("1.24.3", Kind::NonLeaf, 65_536),
    Case::dies("1.24.3", Kind::NonLeaf, 65_552),
    Case::survives("1.24.3", Kind::NonLeaf, 69_632),
    Case::survives("1.24.3", Kind::NonLeaf, 131_056),
    Case::dies("1.24.3", Kind::NonLeaf, REPORTED).without_preemption(),
    Case::survives("1.27.3", Kind::Leaf, 65_520),
    Case::survives("1.27.3", Kind::Leaf, 65_536),
    Case::dies("1.27.3", Kind::Leaf, 65_552),
    Case::survives("1.27.3", Kind::Leaf, 69_632),
    Case::survives("1.27.3", Kind::Leaf, 131_056),
    Case::dies("1.27.3", Kind::Leaf, REPORTED).without_preemption(),
];

/// Runs the cases, one after the other, once each.
///
/// # Errors
/// When a toolchain, a program or the emulator cannot be had.
pub fn run(cases: &[Case], is_short: bool, report: &mut Report) -> Result<()> {
    let emulator = Emulator::install()?;
    report.emulated_by(&emulator);
    for case in cases.iter().filter(|case| case.is_short || !is_short) {
        let toolchain = Toolchain::install(case.version)?;
        report.add(observe(case, &toolchain, &emulator, is_short)?);
    }
    Ok(())
}

/// How many collections a program gets.
const fn collections(expected: Outcome, is_short: bool) -> u64 {
    let [long, short] = SURVIVED;
    match expected {
        Outcome::Dies => DIED_IN,
        _ if is_short => short,
        _ => long,
    }
}

/// Runs the program of the report to Go's developers as it stands there. It counts
/// nothing, and does not end by itself.
///
/// # Errors
/// As [`run`].
pub fn run_reported(report: &mut Report) -> Result<()> {
    let emulator = Emulator::install()?;
    let toolchain = Toolchain::install("1.27.3")?;
    let source = Source { files: &UPSTREAM, constants: "", collections: 0 };
    let path = program::build(&toolchain, "upstream", source, REPORTED)?;
    let scanned = program::scan(&path, VICTIM)?;
    let observation = collect(&emulator, &path, "")?;
    report.add(Row {
        toolchain: toolchain.version,
        subject: "leaf-epilogue.go".to_owned(),
        frame: Some(REPORTED),
        scan: Some((Verdict::Refuted, scanned.summary.verdict(Observer::AsyncPreemption))),
        exposure: "not counted".to_owned(),
        seconds: observation.seconds,
        message: observation.message,
        ..Row::of(Outcome::Dies, observation.outcome)
    });
    Ok(())
}

/// Builds a case with a toolchain, scans it and runs it.
///
/// # Errors
/// When the program cannot be built, or the emulator not be run.
pub fn observe(
    case: &Case,
    toolchain: &Toolchain,
    emulator: &Emulator,
    is_short: bool,
) -> Result<Row> {
    let Case { kind, frame, setting, expected, verdict, .. } = *case;
    let named = || format!("{}, {kind}, frame {frame}", toolchain.version);
    let source = program::crash(kind, collections(expected, is_short));
    let path =
        program::build(toolchain, &format!("{kind}-{frame}"), source, frame).with_context(named)?;
    let scanned = program::scan(&path, VICTIM).with_context(named)?;
    let observation = collect(emulator, &path, setting).with_context(named)?;
    Ok(Row {
        toolchain: toolchain.version.clone(),
        subject: kind.to_string(),
        frame: Some(frame),
        setting: setting.to_owned(),
        scan: Some((verdict, scanned.summary.verdict(Observer::AsyncPreemption))),
        expected,
        observed: observation.outcome,
        exposure: observation.exposure.to_string(),
        seconds: observation.seconds,
        message: observation.message,
    })
}

fn collect(emulator: &Emulator, program: &Path, setting: &str) -> Result<Observation> {
    let directory = program.parent().context("a program has no directory")?;
    let environment = [("GODEBUG", setting)];
    Trial { program, environment: &environment, directory, limit: LIMIT }.run(emulator)
}

#[cfg(test)]
mod tests {
    use super::{CONTROLS, Case, Kind, LEAF_CRASH, REPORTED_CRASH, UPSTREAM};
    use crate::evidence::Outcome;
    use crate::toolchain::TOOLCHAINS;
    use verifier::Verdict;

    fn all() -> impl Iterator<Item = Case> {
        REPORTED_CRASH.into_iter().chain(LEAF_CRASH).chain(CONTROLS)
    }

    #[test]
    fn every_case_has_a_frame_that_exists_and_a_toolchain_that_is_held_against_the_lowering() {
        for case in all() {
            assert!(case.frame.is_multiple_of(16), "{case:?}");
            assert!(TOOLCHAINS.contains(&case.version), "{case:?}");
        }
    }

    #[test]
    fn only_preemption_stands_between_what_a_scan_refutes_and_a_death() {
        for case in all() {
            let dies = case.verdict == Verdict::Refuted && case.setting.is_empty();
            assert_eq!(case.expected == Outcome::Dies, dies, "{case:?}");
        }
    }

    #[test]
    fn the_report_shows_the_program_that_is_run() {
        let report = include_str!("../../../rfcs/upstream/leaf-epilogue.md");
        let [(_, program)] = UPSTREAM;
        assert!(report.contains(&format!("```go\n{program}```")));
    }

    #[test]
    fn the_short_form_has_a_death_and_a_survival_of_each_claim() {
        let short = |cases: &[Case], expected| {
            cases.iter().filter(|case| case.is_short && case.expected == expected).count()
        };
        assert_eq!(short(&REPORTED_CRASH, Outcome::Dies), 1);
        assert_eq!(short(&REPORTED_CRASH, Outcome::Survives), 1);
        assert_eq!(short(&LEAF_CRASH, Outcome::Dies), 1);
        assert!(LEAF_CRASH.iter().all(|case| case.kind == Kind::Leaf));
    }
}
