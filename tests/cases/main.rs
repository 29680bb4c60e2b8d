//! Programs that went wrong, or were wrongly called so: each directory beside this file is a
//! small Go program with `expected.json`, which says what a scan has to find in which function,
//! and how the program ends when the emulator runs it. The programs are built by real
//! toolchains. Needs the feature `toolchains`.
//!
//! Where the numbers come from: the programs were made after public bug reports; the offsets are
//! those of llvm's disassembly of what go1.26.6 builds; depths are followed by hand over those
//! instructions, and declared depths are those of `go tool asm -d pctab=pctospadj`. That a
//! program dies, hangs or survives is tested here, under the emulator.

mod build;
mod command;
mod executed;
mod expectation;
mod run;
mod table;
#[path = "../case_words/word_case.rs"]
mod word_case;

use build::Build;
use command::{Scan, told_apart};
use expectation::Expectation;
use std::collections::BTreeSet;
use std::path::PathBuf;
use table::Table;
use xtask::toolchain::repository;

/// The directory of a case.
fn directory(case: &str) -> PathBuf {
    repository().join("tests/cases").join(case)
}

/// Builds a case with each of its toolchains, and holds what a scan says of its functions
/// against what is expected.
#[track_caller]
fn check(case: &str) {
    let expectation = Expectation::read(case);
    let mut table = Table::default();
    for toolchain in &expectation.toolchains {
        let build = Build::new(case, toolchain);
        for function in &expectation.functions {
            let scan = Scan::of(&build.program, &function.pattern());
            let mut complaints = function.complaints(&scan);
            complaints.extend(told_apart(&build.program, &scan, &function.name));
            table.add(&build.name, function, &scan, complaints);
        }
        if !expectation.status.is_empty() {
            let status = Scan::of(&build.program, "").status;
            table.status(&build.name, &expectation.status, status);
        }
    }
    table.finish(case);
}

/// Runs a case, built by the first of its toolchains, in each of the ways that it names.
#[track_caller]
fn execute(case: &str) {
    let expectation = Expectation::read(case);
    assert!(!expectation.runs.is_empty(), "{case}: nothing to run");
    let toolchain = expectation.toolchains.first().expect("a toolchain");
    let build = Build::new(case, toolchain);
    for run in &expectation.runs {
        run.check(case, &build.program);
    }
}

/// Two tests of a case: what a scan says of it, and how it ends.
macro_rules! case {
    ($module:ident, $case:literal) => {
        mod $module {
            #[test]
            fn is_scanned_as_expected() {
                super::check($case);
            }

            #[test]
            fn runs_as_expected() {
                super::execute($case);
            }
        }
    };
}

case!(arrow_word_frame, "arrow-word-frame");
case!(atomics_v8_1, "atomics-v8.1");
case!(caller_slot, "caller-slot");
case!(fp_crash, "fp-crash");
case!(g_clobber, "g-clobber");
case!(prof_stuck, "prof-stuck");
case!(ret_wrong, "ret-wrong");
case!(rust2go_lr, "rust2go-lr");
case!(sonic_asm2asm, "sonic-asm2asm");
case!(spwrite_call, "spwrite-call");
case!(spwrite_realign, "spwrite-realign");
case!(thirty_floats, "thirty-floats");

/// A directory that no test names would never be looked at.
#[test]
fn every_directory_has_its_tests() {
    let source = include_str!("main.rs");
    let named: BTreeSet<String> = source
        .lines()
        .filter_map(|line| line.strip_prefix("case!(")?.split('"').nth(1))
        .map(str::to_owned)
        .collect();
    let entries = std::fs::read_dir(directory("")).expect("the cases").flatten();
    let present = entries.filter(|entry| entry.path().join("go.mod").exists());
    let present: BTreeSet<String> =
        present.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    assert!(present.len() >= 12, "{present:?}");
    assert_eq!(named, present);
}
