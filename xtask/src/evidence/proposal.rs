//! Experiment 6: the policy `complete` in the real compiler. The sources of a release
//! are copied and changed ([`patch`]), and the compiler and the assembler are built
//! from them ([`compiler`]). What they make is held against the model ([`agreement`]),
//! run, scanned and compared with what the release makes ([`large`]), and Go's own
//! tests are run ([`own_tests`]).

pub mod agreement;
pub mod compiler;
pub mod edit;
pub mod large;
pub mod own_tests;
pub mod patch;

use super::crash::{self, Case};
use super::{Outcome, Report, Row};
use crate::toolchain::Toolchain;
use crate::truth::emulator::Emulator;
use anyhow::{Context as _, Result};
use lowering::Kind;
use std::time::Instant;

/// The release whose sources are changed.
const RELEASE: &str = "1.27.3";

/// What dies with the release and has to survive with the change; and what survives
/// with both, on the other side of the thresholds.
const CASES: [Case; 6] = [
    Case::survives(RELEASE, Kind::Leaf, 65_552),
    Case::survives(RELEASE, Kind::Leaf, 65_616),
    Case::survives(RELEASE, Kind::Leaf, 131_088),
    Case::survives(RELEASE, Kind::NonLeaf, 4_112),
    Case::survives(RELEASE, Kind::NonLeaf, 65_616),
    Case::survives(RELEASE, Kind::NonLeaf, 131_072),
];

/// Builds the changed compiler, and holds it against each claim.
///
/// # Errors
/// When something cannot be had or built.
pub fn run(report: &mut Report) -> Result<()> {
    let emulator = Emulator::install()?;
    report.emulated_by(&emulator);
    let release = Toolchain::install(RELEASE)?;
    let started = Instant::now();
    let changed = compiler::build(&release).context("the changed compiler")?;
    report.add(Row {
        toolchain: changed.version.clone(),
        subject: "compiler and assembler".to_owned(),
        exposure: "built from the changed sources".to_owned(),
        seconds: started.elapsed().as_secs_f64(),
        ..Row::of(Outcome::Holds, Outcome::Holds)
    });
    report.add(agreement::row(&changed)?);
    for case in &CASES {
        report.add(crash::observe(case, &changed, &emulator, false)?);
    }
    for row in large::rows(&release, &changed)? {
        report.add(row);
    }
    own_tests::run(&release, &changed, &emulator, report)
}
