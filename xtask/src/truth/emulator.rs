//! `qemu-aarch64`, one instruction at a time, with its log as a stream.

use super::log::Log;
use crate::debian;
use crate::toolchain::run;
use anyhow::{Context as _, Result, bail};
use std::io::{BufReader, PipeReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// The emulator of this machine.
#[derive(Clone, Debug)]
pub struct Emulator {
    /// What it says of itself: `7.2.22 (Debian ...)`.
    pub version: String,
    /// Its option for one instruction at a time.
    single: &'static str,
}

/// A program to run and all that it is given.
#[derive(Clone, Debug, Default)]
pub struct Invocation {
    /// The executable file.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its environment, whole.
    pub environment: Vec<(String, String)>,
    /// The directory that it runs in.
    pub directory: PathBuf,
    /// Where the dynamic linker is looked for, if it needs one.
    pub root: Option<PathBuf>,
}

/// A program that runs.
#[derive(Debug)]
pub struct Running {
    /// What it executes.
    pub log: Log<BufReader<PipeReader>>,
    child: Emulated,
    /// Tells the watchdog that all is well.
    done: Sender<()>,
    watchdog: JoinHandle<bool>,
}

/// The emulator's process, which ends with its owner: by itself it would go on
/// without a reader of its log.
#[derive(Debug)]
struct Emulated(Arc<Mutex<Child>>);

impl Emulated {
    fn lock(&self) -> MutexGuard<'_, Child> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Emulated {
    fn drop(&mut self) {
        let mut child = self.lock();
        // It has ended by itself if it cannot be killed.
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// How a program has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// By itself.
    Exited(ExitStatus),
    /// It was stopped when it had run long enough.
    Stopped,
    /// It was stopped because it ran for too long.
    TimedOut,
}

impl Emulator {
    /// Finds the emulator, and installs Debian's package `qemu-user` if there is
    /// none, saying so.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn install() -> Result<Self> {
        debian::install("qemu-aarch64", "--version", "qemu-user")?;
        let said = |argument| {
            let output = run(Command::new("qemu-aarch64").arg(argument))?;
            Ok::<_, anyhow::Error>(String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let version = said("--version")?;
        let version = version.lines().next().and_then(|line| line.split_once("version "));
        let (_, version) = version.context("qemu-aarch64 does not say its version")?;
        // qemu 8.1 has renamed it.
        let options = ["-one-insn-per-tb", "-singlestep"];
        let help = said("-h")?;
        let single = options.into_iter().find(|option| help.contains(option));
        let single = single.context("qemu-aarch64 has no option for single instructions")?;
        Ok(Self { version: version.to_owned(), single })
    }

    /// The emulator, executing one instruction at a time: a signal can arrive at
    /// every boundary.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new("qemu-aarch64");
        command.arg(self.single);
        command
    }

    /// Starts a program, which is killed after `limit`. Its own output is thrown
    /// away.
    ///
    /// # Errors
    /// When the emulator cannot be started.
    pub fn start(&self, invocation: &Invocation, limit: Duration) -> Result<Running> {
        let (reader, writer) = std::io::pipe().context("cannot make a pipe")?;
        let mut command = self.command();
        // The log has a pipe of its own: what the program prints would break lines
        // of it. It is the standard input because that is inherited without more.
        command.args(["-d", "exec,cpu,nochain", "-D", "/proc/self/fd/0"]);
        if let Some(root) = &invocation.root {
            command.arg("-L").arg(root);
        }
        command.env_clear();
        for (name, value) in &invocation.environment {
            command.arg("-E").arg(format!("{name}={value}"));
        }
        command.arg(&invocation.program).args(&invocation.arguments);
        command.current_dir(&invocation.directory);
        command.stdin(writer).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().with_context(|| format!("cannot run {command:?}"))?;
        // The command keeps the writing end, and the log would never end.
        drop(command);
        let child = Emulated(Arc::new(Mutex::new(child)));
        let (done, finished) = channel();
        let watched = Arc::clone(&child.0);
        let watchdog = std::thread::spawn(move || {
            let timed_out = finished.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
            if timed_out {
                // It may have ended by itself.
                let _ = watched.lock().unwrap_or_else(PoisonError::into_inner).kill();
            }
            timed_out
        });
        let log = Log::new(BufReader::with_capacity(1 << 16, reader));
        Ok(Running { log, child, done, watchdog })
    }
}

impl Running {
    /// Waits for the end of a program whose log was read to its end, or stops it.
    ///
    /// # Errors
    /// When the emulator cannot be waited for.
    pub fn end(self, is_at_end: bool) -> Result<End> {
        let mut child = self.child.lock();
        if !is_at_end {
            child.kill().context("cannot stop the emulator")?;
        }
        let status = child.wait().context("cannot wait for the emulator")?;
        drop(child);
        // The watchdog has gone if it has bitten.
        let _ = self.done.send(());
        match self.watchdog.join() {
            Ok(true) => Ok(End::TimedOut),
            Ok(false) if is_at_end => Ok(End::Exited(status)),
            Ok(false) => Ok(End::Stopped),
            Err(_) => bail!("the emulator's watchdog has failed"),
        }
    }
}

/// Makes an empty directory.
///
/// # Errors
/// When it cannot be made.
pub fn empty_directory(directory: &Path) -> Result<()> {
    if directory.exists() {
        std::fs::remove_dir_all(directory)
            .with_context(|| format!("cannot empty {}", directory.display()))?;
    }
    std::fs::create_dir_all(directory)
        .with_context(|| format!("cannot make {}", directory.display()))
}
