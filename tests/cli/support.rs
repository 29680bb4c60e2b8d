//! Runs the command.

use serde_json::Value;
use std::ffi::OsStr;
use std::process::{Command, Output};

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// What the environment says of colour and width.
const TERMINAL: [&str; 5] = ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "TERM"];

/// The command, not yet started, without what the environment says of terminals.
pub(crate) fn command<S: AsRef<OsStr>>(args: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_midframe"));
    command.args(args);
    for variable in TERMINAL {
        command.env_remove(variable);
    }
    command
}

/// Runs the command and checks what holds for every run: an exit status of the
/// contract, no panic, no colour, and a quiet standard error unless it failed.
pub(crate) fn midframe<S: AsRef<OsStr>>(args: &[S]) -> Run {
    let output = command(args).output().expect("the command starts");
    let run = run(output);
    if run.status != 2 {
        assert_eq!(run.stderr, "", "a run that did not fail has nothing to complain about");
    }
    run
}

/// The streams of a run that is over.
pub(crate) fn run(output: Output) -> Run {
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let status = output.status.code().expect("no signal ends the command");
    let run = Run { status, stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!((0..=3).contains(&run.status), "an exit status of the contract: {run:?}");
    for stream in [&run.stdout, &run.stderr] {
        assert!(!stream.contains("panicked"), "no panic: {run:?}");
        assert!(!stream.contains('\x1b'), "no colour without a terminal: {run:?}");
    }
    run
}

/// Words of a command line.
pub(crate) fn args(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// The JSON document of a run, which is held against its schema.
pub(crate) fn json(run: &Run) -> Value {
    let document = serde_json::from_str(&run.stdout);
    let document = document.unwrap_or_else(|error| panic!("{error}: {run:?}"));
    crate::schemas::validate(&document);
    document
}

/// The elements of a JSON array.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("an array: {value}"))
}

/// Runs a command line that cannot be done, and checks that it says so: exit
/// status 2, nothing on standard output, and on standard error one line from
/// us, or clap's message with its usage, that contains each of `parts`.
pub(crate) fn check_error<S: AsRef<OsStr>>(args: &[S], parts: &[&str]) {
    let run = midframe(args);
    assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{run:?}");
    let ours = run.stderr.starts_with("midframe: ") && run.stderr.lines().count() == 1;
    let claps = run.stderr.starts_with("error: ");
    assert!(ours || claps, "one line, or clap's message: {run:?}");
    for part in parts {
        assert!(run.stderr.contains(part), "{part:?} in {run:?}");
    }
}
