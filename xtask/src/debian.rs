//! Programs that come as Debian packages for this machine.

use crate::toolchain::run;
use anyhow::Result;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// Held while `apt-get` is at work: it refuses to run beside itself, and tests run side by
/// side.
static APT: Mutex<()> = Mutex::new(());

/// Installs a package unless a program of it starts with this argument, and says so.
///
/// # Errors
/// When it cannot be had.
pub(crate) fn install(program: &str, argument: &str, package: &str) -> Result<()> {
    let _guard = APT.lock().unwrap_or_else(PoisonError::into_inner);
    if Command::new(program).arg(argument).output().is_err() {
        eprintln!("{program} is not installed; installing {package} with apt-get");
        run(Command::new("apt-get").args(["update", "--quiet"]))?;
        run(Command::new("apt-get").args(["install", "--quiet", "--yes", package]))?;
    }
    Ok(())
}

/// Downloads packages into a directory and unpacks them there; nothing is installed.
///
/// # Errors
/// When one cannot be had.
pub(crate) fn unpack(packages: &[&str], directory: &Path) -> Result<()> {
    let _guard = APT.lock().unwrap_or_else(PoisonError::into_inner);
    let download = || {
        let mut command = Command::new("apt-get");
        command.args(["download", "--quiet"]).args(packages).current_dir(directory);
        run(&mut command)
    };
    if download().is_err() {
        run(Command::new("apt-get").args(["update", "--quiet"]))?;
        download()?;
    }
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            run(Command::new("dpkg").arg("-x").arg(&path).arg(directory))?;
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}
