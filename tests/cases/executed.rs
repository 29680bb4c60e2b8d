//! The word cases, executed: a caller (`call.s`) calls each as Go code would, and says what it
//! finds when the function has returned.
//!
//! `!runs returns`: all is as the caller left it. `!runs` with names: these things are not
//! (`sp`, `r29`, `r28`, `lr-slot` for the word at the CFA and `r29-slot` for the one at CFA-8).
//! `!runs dies`, `!runs hangs`: it does not return. `za` beside them: the function needs the
//! array ZA. What only a signal would see is not seen here.

use crate::run::{Ends, run};
use crate::word_case::{Answer, WordCase, read};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use xtask::cross::Compiler;
use xtask::toolchain::repository;

/// What is a bit each in the exit status.
const FOUND: [(i32, &str); 5] =
    [(1, "sp"), (2, "r29"), (4, "r28"), (16, "lr-slot"), (32, "r29-slot")];

/// How long a function may run; it would need a hundredth.
const LIMIT: Duration = Duration::from_secs(2);

#[test]
fn word_cases_run_as_they_say() {
    let compiler = Compiler::install().expect("an assembler");
    let cases = read(&repository().join("tests/cases/words"));
    let directory = repository().join("target/cases/words");
    std::fs::create_dir_all(&directory).expect("a directory");
    let (mut executed, mut failed) = (0, Vec::new());
    for case in &cases {
        let Some(expected) = &case.runs else { continue };
        let found = executed_as(&compiler, &directory, case, expected.contains("za"));
        executed += 1;
        let expected: BTreeSet<&str> = expected.split(' ').filter(|&word| word != "za").collect();
        let found: BTreeSet<&str> = found.iter().copied().collect();
        if found != expected {
            failed.push(format!("{}: {found:?}, not {expected:?}", case.name));
        }
        // What breaks for its caller is never called proved.
        let is_broken = !found.contains("returns");
        if is_broken && case.answers.contains(&Answer::Proved) {
            failed.push(format!("{}: said to be proved, and {found:?}", case.name));
        }
    }
    println!("{executed} of {} cases executed", cases.len());
    assert!(executed > 100, "{executed}");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// What the caller of a case finds.
fn executed_as(
    compiler: &Compiler,
    directory: &Path,
    case: &WordCase,
    needs_za: bool,
) -> Vec<&'static str> {
    let program = program(compiler, directory, case, needs_za);
    match run(&program, &[], LIMIT) {
        (Ends::Survives, ..) => vec!["returns"],
        (Ends::Hangs, ..) => vec!["hangs"],
        (Ends::Dies, Some(status), _) if status < 64 => {
            FOUND.iter().filter(|(bit, _)| status & bit != 0).map(|&(_, name)| name).collect()
        }
        (Ends::Dies, ..) => vec!["dies"],
    }
}

/// Builds the caller around a case.
fn program(compiler: &Compiler, directory: &Path, case: &WordCase, needs_za: bool) -> PathBuf {
    let mut subject = String::new();
    for line in &case.lines {
        writeln!(subject, "\t.inst\t{:#010x}", line.word).expect("a string takes all");
    }
    std::fs::write(directory.join("subject.s"), subject).expect("a source");
    let program = directory.join("program");
    let include = format!("-Wa,-I,{}", directory.display());
    let mut arguments = vec!["-nostdlib", "-static", &include];
    if needs_za {
        arguments.push("-Wa,--defsym,NEEDS_ZA=1");
    }
    let caller = repository().join("tests/cases/call.s");
    compiler.compile(&arguments, &[&caller], &program).expect("a program");
    program
}
