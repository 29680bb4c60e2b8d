//! Commands that are bounded in time.

use anyhow::{Context as _, Result, bail};
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What a command printed on both of its outputs, and its status.
#[derive(Debug)]
pub struct Printed {
    /// How it ended.
    pub status: ExitStatus,
    /// What it said.
    pub text: String,
}

/// Runs a command to its end, with what it prints in a file.
///
/// # Errors
/// When it cannot be run, or does not end in time.
pub fn run(command: &mut Command, log: &Path, limit: Duration) -> Result<Printed> {
    let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let mut child = command.spawn().with_context(|| format!("cannot run {command:?}"))?;
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > limit {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
            bail!("{command:?} did not end within {} s", limit.as_secs());
        }
        sleep(Duration::from_millis(50));
    };
    Ok(Printed { status, text: String::from_utf8_lossy(&fs::read(log)?).into_owned() })
}

/// Runs a command that has to succeed.
///
/// # Errors
/// As [`run`], and when it fails; the message has what it printed.
pub fn succeed(command: &mut Command, log: &Path, limit: Duration) -> Result<Printed> {
    let printed = run(command, log, limit)?;
    if !printed.status.success() {
        bail!("{command:?} failed ({}): {}", printed.status, printed.text);
    }
    Ok(printed)
}

#[cfg(test)]
mod tests {
    use super::{run, succeed};
    use std::path::PathBuf;
    use std::process::Command;
    use std::time::Duration;

    fn log(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("xtask-{}-{name}", std::process::id()))
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_is_printed_and_the_status_are_kept() {
        let log = log("kept");
        let limit = Duration::from_secs(60);
        let printed = run(&mut shell("echo a; echo b >&2; exit 3"), &log, limit).expect("an end");
        assert_eq!((printed.status.code(), printed.text.as_str()), (Some(3), "a\nb\n"));
        let error = succeed(&mut shell("echo no; exit 1"), &log, limit).expect_err("a failure");
        assert!(error.to_string().ends_with("no\n"), "{error}");
        std::fs::remove_file(log).expect("the log is there");
    }

    #[test]
    fn what_does_not_end_is_ended() {
        let log = log("late");
        let late = run(&mut shell("exec sleep 60"), &log, Duration::from_millis(100));
        assert!(late.expect_err("too late").to_string().contains("did not end within"));
        std::fs::remove_file(log).expect("the log is there");
    }
}
