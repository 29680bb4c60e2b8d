//! Debian's packages: installed for this machine, or unpacked into a directory.

use crate::toolchain::{repository, run};
use anyhow::{Context as _, Result};
use std::fs;
use std::path::{Path, PathBuf};
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

/// Downloads packages for this machine into a directory and unpacks them there.
///
/// # Errors
/// When one cannot be had.
pub(crate) fn unpacked(packages: &[&str], directory: &Path) -> Result<()> {
    for package in download(&[], packages, directory)? {
        unpack(&package, directory)?;
        fs::remove_file(package)?;
    }
    Ok(())
}

/// Downloads a package for arm64 into a directory, where none is yet, and returns its file.
///
/// # Errors
/// When it cannot be had.
pub(crate) fn download_for_arm64(package: &str, directory: &Path) -> Result<PathBuf> {
    // Beside what is known of this machine.
    let state = repository().join("target/apt");
    fs::create_dir_all(state.join("lists/partial"))?;
    fs::create_dir_all(state.join("cache/archives/partial"))?;
    fs::write(state.join("status"), "")?;
    let place = |option: &str, name| format!("{option}={}", state.join(name).display());
    let options = [
        "APT::Architecture=arm64".to_owned(),
        "APT::Architectures=arm64".to_owned(),
        place("Dir::State::Lists", "lists"),
        place("Dir::Cache", "cache"),
        place("Dir::State::status", "status"),
    ];
    let files = download(&options, &[package], directory)?.into_iter().next();
    files.with_context(|| format!("apt-get has left no package {package} in {directory:?}"))
}

/// Unpacks a package into a directory.
///
/// # Errors
/// When it is none.
pub(crate) fn unpack(package: &Path, directory: &Path) -> Result<()> {
    run(Command::new("dpkg").arg("-x").arg(package).arg(directory)).map(drop)
}

/// The files of packages in a directory.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn packages(directory: &Path) -> Result<Vec<PathBuf>> {
    let paths = fs::read_dir(directory)?.map(|entry| Ok(entry?.path()));
    let paths: Vec<PathBuf> = paths.collect::<Result<_>>()?;
    let is_package = |path: &PathBuf| path.extension().is_some_and(|end| end == "deb");
    Ok(paths.into_iter().filter(is_package).collect())
}

/// Downloads packages into a directory, and returns the files that are there then. What is
/// known of packages is brought up to date if it has to be.
fn download(options: &[String], names: &[&str], directory: &Path) -> Result<Vec<PathBuf>> {
    let _guard = APT.lock().unwrap_or_else(PoisonError::into_inner);
    let apt = |arguments: &[&str]| {
        let options = options.iter().flat_map(|option| ["-o", option]);
        let mut command = Command::new("apt-get");
        run(command.arg("--quiet").args(options).args(arguments).current_dir(directory))
    };
    let wanted = [&["download"], names].concat();
    if apt(&wanted).is_err() {
        apt(&["update"])?;
        apt(&wanted)?;
    }
    packages(directory)
}
