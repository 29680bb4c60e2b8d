//! One run of a program under the emulator, bounded in time, and how it ended.
//!
//! The emulator runs on one processor of the machine, and the program in it as on two.
//! A goroutine that another one stops also finds out by itself, in the next prologue:
//! on two processors it mostly gets there before the signal does, and a program with a
//! mid-frame boundary lives through anything from 70 to over 2000 collections. On one,
//! whoever stops it runs while it does not, so it finds the signal where it was left,
//! at any boundary, and mostly dies within 100.

use super::Outcome;
use crate::truth::emulator::Emulator;
use anyhow::{Context as _, Result};
use core::fmt;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// How many lines of what a dying program says are kept.
const KEPT: usize = 4;

/// How many goroutines run at a time: it would be as many as there are processors.
const AT_A_TIME: (&str, &str) = ("GOMAXPROCS", "2");

/// What the runtime dies of when it unwinds a stack at a wrong depth, or follows a
/// word that is no frame pointer: a stack that ends too early, a return address that
/// is none, an access to a wild address.
const DEATHS: [&str; 4] = [
    "fatal error: traceback did not unwind completely",
    "fatal error: unknown caller pc",
    "fatal error: unexpected signal during runtime execution",
    "SIGSEGV: segmentation violation",
];

/// A program to run under the emulator.
#[derive(Clone, Copy, Debug)]
pub struct Trial<'a> {
    /// The program.
    pub program: &'a Path,
    /// What it finds in its environment, beside `AT_A_TIME`.
    pub environment: &'a [(&'a str, &'a str)],
    /// The directory that it runs in.
    pub directory: &'a Path,
    /// The longest that it may take.
    pub limit: Duration,
}

/// What the program counted of itself: what it says last before it ends, so at least
/// so much.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Exposure {
    /// How often the function was called.
    pub calls: u64,
    /// How many collections ended.
    pub collections: u64,
}

/// How a run went.
#[derive(Clone, PartialEq, Debug)]
pub struct Observation {
    /// How it ended.
    pub outcome: Outcome,
    /// What it was exposed to until then.
    pub exposure: Exposure,
    /// The first lines of what it said besides.
    pub message: Vec<String>,
    /// How long it took, in seconds.
    pub seconds: f64,
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} calls, {} collections", self.calls, self.collections)
    }
}

impl Trial<'_> {
    /// Runs it to its end, or to its limit.
    ///
    /// # Errors
    /// When the emulator cannot be run.
    pub fn run(&self, emulator: &Emulator) -> Result<Observation> {
        let mut command = emulator.command();
        command.env_clear();
        for (name, value) in self.environment.iter().chain([&AT_A_TIME]) {
            command.arg("-E").arg(format!("{name}={value}"));
        }
        command.arg(self.program).current_dir(self.directory);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let started = Instant::now();
        let mut child = spawn_on_one_processor(&mut command)
            .with_context(|| format!("cannot run {command:?}"))?;
        let said = child.stderr.take().context("the emulator has no standard error")?;
        let (sender, receiver) = channel();
        let reader = std::thread::spawn(move || {
            let heard = Heard::listen(said);
            // The receiver is there until the time is up.
            let _ = sender.send(());
            heard
        });
        let is_late = receiver.recv_timeout(self.limit).is_err();
        let code = end(&mut child, is_late)?;
        let heard = reader.join().ok().context("what the program says cannot be read")?;
        let outcome = if is_late { Outcome::TimesOut } else { heard.outcome(code) };
        let seconds = started.elapsed().as_secs_f64();
        Ok(Observation { outcome, exposure: heard.exposure, message: heard.message, seconds })
    }
}

/// A process that never runs in two places at once: it inherits that from the thread
/// that starts it.
fn spawn_on_one_processor(command: &mut Command) -> Result<Child> {
    std::thread::scope(|scope| {
        let starter = scope.spawn(|| {
            let allowed = sched_getaffinity(None)?;
            let first = (0..CpuSet::MAX_CPU).find(|&cpu| allowed.is_set(cpu));
            let mut one = CpuSet::new();
            one.set(first.context("no processor is allowed")?);
            sched_setaffinity(None, &one)?;
            Ok(command.spawn()?)
        });
        starter.join().ok().context("a thread has failed")?
    })
}

/// Waits for a program that has closed its standard error, or stops one that is late.
fn end(child: &mut Child, is_late: bool) -> Result<Option<i32>> {
    if is_late {
        // It may have ended by itself.
        let _ = child.kill();
    }
    Ok(child.wait().context("cannot wait for the emulator")?.code())
}

/// What a program said.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Heard {
    exposure: Exposure,
    message: Vec<String>,
    /// Whether one of the lines is what the runtime dies of.
    is_death: bool,
}

impl Heard {
    /// Reads to the end; what cannot be read ends it too.
    fn listen(said: impl Read) -> Self {
        let mut heard = Self::default();
        for line in BufReader::new(said).split(b'\n').map_while(core::result::Result::ok) {
            heard.line(String::from_utf8_lossy(&line).trim_end());
        }
        heard
    }

    fn line(&mut self, line: &str) {
        if let Some(exposure) = exposure(line) {
            self.exposure = exposure;
            return;
        }
        let is_death = DEATHS.contains(&line);
        self.is_death |= is_death;
        if !line.is_empty() && (self.message.len() < KEPT || is_death) {
            self.message.push(line.trim_start().to_owned());
        }
    }

    fn outcome(&self, code: Option<i32>) -> Outcome {
        match code {
            Some(0) => Outcome::Survives,
            // The status of the runtime's own fatal errors.
            Some(2) if self.is_death => Outcome::Dies,
            _ => Outcome::Fails,
        }
    }
}

/// Reads `calls 5 collections 7`.
fn exposure(line: &str) -> Option<Exposure> {
    let (calls, collections) = line.strip_prefix("calls ")?.split_once(" collections ")?;
    Some(Exposure { calls: calls.parse().ok()?, collections: collections.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::{Exposure, Heard, spawn_on_one_processor};
    use crate::evidence::Outcome;
    use std::process::{Command, Stdio};

    /// What go1.24.3 printed, under qemu-aarch64 7.2.22.
    const DEATH: &str = "calls 4000 collections 1\ncalls 9000 collections 2\n\
        runtime: g20: frame.sp=0x40000c7fb0 top=0x40000d7fd0\n\
        \tstack=[0x40000b8000-0x40000d8000\n\
        fatal error: traceback did not unwind completely\n\nruntime stack:\n\
        runtime.throw({0xae480?, 0x5500800598?})\n";

    #[test]
    fn a_death_is_known_by_its_fatal_error_and_its_status() {
        let heard = Heard::listen(DEATH.as_bytes());
        assert_eq!(heard.exposure, Exposure { calls: 9000, collections: 2 });
        assert_eq!(heard.message.len(), 4);
        assert_eq!(heard.message[2], "fatal error: traceback did not unwind completely");
        assert_eq!(heard.message[1], "stack=[0x40000b8000-0x40000d8000");
        assert_eq!(heard.outcome(Some(2)), Outcome::Dies);
        assert_eq!(heard.outcome(Some(1)), Outcome::Fails);
        assert_eq!(heard.outcome(None), Outcome::Fails, "a signal");
    }

    #[test]
    fn another_fatal_error_is_not_the_death_that_is_claimed() {
        let other = "fatal error: all goroutines are asleep - deadlock!\n";
        assert_eq!(Heard::listen(other.as_bytes()).outcome(Some(2)), Outcome::Fails);
    }

    #[test]
    fn a_survivor_says_what_it_was_exposed_to() {
        let heard = Heard::listen("calls 1000 collections 1\ncalls x collections 2\n".as_bytes());
        assert_eq!(heard.exposure, Exposure { calls: 1000, collections: 1 });
        assert_eq!(heard.message, ["calls x collections 2"]);
        assert_eq!(heard.outcome(Some(0)), Outcome::Survives);
    }

    #[test]
    fn a_program_has_one_processor_and_its_observer_has_all_of_them() {
        let before = rustix::thread::sched_getaffinity(None).unwrap();
        let mut command = Command::new("nproc");
        let child = spawn_on_one_processor(command.stdout(Stdio::piped())).unwrap();
        assert_eq!(child.wait_with_output().unwrap().stdout, b"1\n");
        assert_eq!(rustix::thread::sched_getaffinity(None).unwrap(), before);
    }
}
