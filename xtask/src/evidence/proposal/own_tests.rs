//! Go's own tests with the changed compiler: those of the packages that contain it,
//! and those of the runtime about stacks, built for arm64 and run one instruction at a
//! time. Where one fails, the same tests are run with the release: what passes there has
//! to pass here.

use crate::evidence::bounded::{self, Printed};
use crate::evidence::{Outcome, Report, Row};
use crate::toolchain::{Toolchain, repository};
use crate::truth::emulator::Emulator;
use anyhow::Result;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// The packages whose tests run on this machine.
const PACKAGES: [&str; 3] =
    ["cmd/internal/obj/arm64", "cmd/asm/internal/asm", "cmd/compile/internal/ssa"];

/// The tests of `runtime` that are about stacks and what unwinds them.
const ABOUT_STACKS: &str = "Stack|Traceback|Unwind|Preempt|Callers|FramePointer|FPUnwind|DebugCall";

/// The longest that one package takes.
const LIMIT: Duration = Duration::from_secs(1800);

/// Runs them all.
///
/// # Errors
/// When tests cannot be built or run.
pub fn run(
    release: &Toolchain,
    changed: &Toolchain,
    emulator: &Emulator,
    report: &mut Report,
) -> Result<()> {
    for package in PACKAGES {
        report
            .add(row(release, changed, package, |toolchain| on_this_machine(toolchain, package))?);
    }
    report.add(row(release, changed, "runtime, emulated", |toolchain| {
        emulated(toolchain, emulator)
    })?);
    Ok(())
}

fn row(
    release: &Toolchain,
    changed: &Toolchain,
    package: &str,
    test: impl Fn(&Toolchain) -> Result<Results>,
) -> Result<Row> {
    let started = Instant::now();
    let after = test(changed)?;
    let before = if after.is_success { None } else { Some(test(release)?) };
    let count = |wanted| after.tests.values().filter(|&&result| result == wanted).count();
    let mut exposure = format!(
        "{} pass, {} are skipped, {} fail",
        count(Passed::Yes),
        count(Passed::Skipped),
        count(Passed::No)
    );
    let mut message = Vec::new();
    let mut holds = count(Passed::Yes) > 0;
    if let Some(before) = before {
        let worse = before.worse_in(&after);
        exposure += &format!("; {} of those that pass with the release do not", worse.len());
        message = after.described(&before);
        holds &= worse.is_empty();
    }
    Ok(Row {
        toolchain: changed.version.clone(),
        subject: format!("tests of {package}"),
        exposure,
        seconds: started.elapsed().as_secs_f64(),
        message,
        ..Row::of(Outcome::Holds, if holds { Outcome::Holds } else { Outcome::Fails })
    })
}

fn on_this_machine(toolchain: &Toolchain, package: &str) -> Result<Results> {
    let directory = directory(toolchain)?;
    let mut command = toolchain.command();
    command.env_remove("GOARCH").env_remove("GOOS");
    // Some tests leave files there.
    command.env("TMPDIR", &directory);
    command.args(["test", "-short", "-v", "-count=1", package]);
    let log = directory.join(format!("{}.log", package.replace('/', "-")));
    Ok(Results::of(&bounded::run(&mut command, &log, LIMIT)?))
}

fn emulated(toolchain: &Toolchain, emulator: &Emulator) -> Result<Results> {
    let directory = directory(toolchain)?;
    let program = directory.join("runtime.test");
    let mut command = toolchain.command();
    command.args(["test", "-c", "-o"]).arg(&program).arg("runtime");
    bounded::succeed(&mut command, &directory.join("runtime-build.log"), LIMIT)?;
    let mut command: Command = emulator.command();
    command.arg(&program).args(["-test.short", "-test.v", "-test.run", ABOUT_STACKS]);
    // Tests read files beside them.
    command.current_dir(toolchain.goroot.join("src/runtime"));
    Ok(Results::of(&bounded::run(&mut command, &directory.join("runtime.log"), LIMIT)?))
}

fn directory(toolchain: &Toolchain) -> Result<PathBuf> {
    let directory = repository().join("target/evidence").join(&toolchain.version).join("tests");
    fs::create_dir_all(&directory)?;
    Ok(directory)
}

/// What became of a test.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Passed {
    Yes,
    Skipped,
    No,
}

/// What became of tests.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Results {
    /// Each by its name. A test that did not come to its end is not in it.
    tests: BTreeMap<String, Passed>,
    /// Whether all of it ended well.
    is_success: bool,
}

impl Results {
    fn of(printed: &Printed) -> Self {
        Self { tests: Self::read(&printed.text), is_success: printed.status.success() }
    }

    /// Reads what `go test -v` prints. Subtests are indented, and part of theirs.
    fn read(text: &str) -> BTreeMap<String, Passed> {
        let mut results = BTreeMap::new();
        for line in text.lines() {
            let known = [
                ("--- PASS: ", Passed::Yes),
                ("--- SKIP: ", Passed::Skipped),
                ("--- FAIL: ", Passed::No),
            ];
            for (prefix, result) in known {
                if let Some(rest) = line.strip_prefix(prefix) {
                    let name = rest.split(' ').next().unwrap_or(rest);
                    results.insert(name.to_owned(), result);
                }
            }
        }
        results
    }

    /// The tests that pass here and not in the other.
    fn worse_in(&self, other: &Self) -> Vec<&str> {
        let passed = self.tests.iter().filter(|&(_, &result)| result == Passed::Yes);
        let worse = passed.filter(|(name, _)| other.tests.get(*name) != Some(&Passed::Yes));
        worse.map(|(name, _)| name.as_str()).collect()
    }

    /// What fails, and whether it fails with the release too.
    fn described(&self, before: &Self) -> Vec<String> {
        let mut lines: Vec<_> = before
            .worse_in(self)
            .into_iter()
            .map(|name| format!("{name} passes with the release only"))
            .collect();
        for (name, _) in self.tests.iter().filter(|&(_, &result)| result == Passed::No) {
            if before.tests.get(name) == Some(&Passed::No) {
                lines.push(format!("{name} fails with the release too"));
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::Results;

    /// The form of `go test -v`, of go1.27.3.
    const BEFORE: &str = "=== RUN   TestA\n--- PASS: TestA (0.00s)\n=== RUN   TestB\n    b_test.go:1: \
        no\n    --- FAIL: TestB/one (0.0s)\n--- FAIL: TestB (0.02s)\n--- SKIP: TestC (0.00s)\nFAIL\n";

    #[test]
    fn what_passed_before_has_to_pass() {
        let results = |text: &str| Results { tests: Results::read(text), is_success: false };
        let before = results(BEFORE);
        assert_eq!(before.tests.len(), 3, "subtests are part of theirs");
        assert_eq!(before.worse_in(&before), <[&str; 0]>::default());
        let failed = results(&BEFORE.replace("PASS: TestA", "FAIL: TestA"));
        assert_eq!(before.worse_in(&failed), ["TestA"]);
        let died = results("=== RUN   TestA\nfatal error: x\n");
        assert_eq!(before.worse_in(&died), ["TestA"]);
        assert_eq!(
            failed.described(&before),
            ["TestA passes with the release only", "TestB fails with the release too"]
        );
    }
}
