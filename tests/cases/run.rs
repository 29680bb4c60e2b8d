//! How a program ends under the emulator: the truth that the expectations rest on.

use serde::Deserialize;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use xtask::truth::emulator::Emulator;

/// How long a program may take that is not expected to hang.
const LIMIT: Duration = Duration::from_secs(240);

/// How long a program is watched that is expected to hang; it would end within a tenth of a
/// second.
const WATCHED: Duration = Duration::from_secs(10);

/// A run of a program and its end.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Run {
    /// The arguments.
    #[serde(default)]
    arguments: Vec<String>,
    /// How it ends.
    ends: Ends,
    /// What it prints before, on either stream.
    #[serde(default)]
    says: String,
}

/// How a program ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ends {
    /// With status 0.
    Survives,
    /// Otherwise.
    Dies,
    /// Not within the time.
    Hangs,
}

impl Run {
    /// Runs a program and holds its end against the expected one.
    #[track_caller]
    pub(crate) fn check(&self, case: &str, program: &Path) {
        let limit = if self.ends == Ends::Hangs { WATCHED } else { LIMIT };
        let (end, _, said) = run(program, &self.arguments, limit);
        let arguments = self.arguments.join(" ");
        println!("{case} {arguments}: {end:?}, {:?}", said.lines().next().unwrap_or_default());
        assert_eq!(end, self.ends, "{case} {arguments}: {said}");
        assert!(said.contains(&self.says), "{case} {arguments}: {:?} in {said}", self.says);
    }
}

/// Runs a program under the emulator, for a limited time, and returns how it ended, its status
/// if it has one, and what it printed. Vectors have 16 bytes.
pub(crate) fn run(
    program: &Path,
    arguments: &[String],
    limit: Duration,
) -> (Ends, Option<i32>, String) {
    let emulator = Emulator::install().expect("an emulator");
    assert!(!emulator.version.is_empty());
    let (mut said, writer) = std::io::pipe().expect("a pipe");
    let mut command = Command::new("qemu-aarch64");
    command
        .args(["-cpu", "max,sve-default-vector-length=16,sme-default-vector-length=16"])
        .arg(program)
        .args(arguments)
        .stdin(Stdio::null());
    command.stdout(writer.try_clone().expect("a pipe's end")).stderr(writer);
    let mut child = command.spawn().expect("the emulator starts");
    // The command keeps the writing ends, and the pipe would never end.
    drop(command);
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read until then is what it said.
        let _ = said.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let (end, status) = wait(&mut child, limit);
    (end, status, reader.join().expect("what it said"))
}

/// Waits for a program, and ends one that is late.
fn wait(child: &mut Child, limit: Duration) -> (Ends, Option<i32>) {
    let started = Instant::now();
    while started.elapsed() < limit {
        match child.try_wait().expect("the emulator can be waited for") {
            Some(status) if status.success() => return (Ends::Survives, status.code()),
            Some(status) => return (Ends::Dies, status.code()),
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    child.kill().expect("the emulator can be stopped");
    child.wait().expect("the emulator ends");
    (Ends::Hangs, None)
}
