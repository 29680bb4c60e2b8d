//! The C compiler for arm64, from Debian.

use crate::debian;
use crate::toolchain::run;
use anyhow::Result;
use std::path::Path;
use std::process::Command;

/// The compiler.
const COMPILER: &str = "aarch64-linux-gnu-gcc";

/// A C compiler for arm64 that is installed.
#[derive(Clone, Debug)]
pub struct Compiler {
    /// What it says of itself.
    pub version: String,
}

impl Compiler {
    /// Finds the compiler, and installs Debian's package `gcc-aarch64-linux-gnu` if there is
    /// none, saying so.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn install() -> Result<Self> {
        debian::install(COMPILER, "--version", "gcc-aarch64-linux-gnu")?;
        let output = run(Command::new(COMPILER).arg("--version"))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(Self { version: said.lines().next().unwrap_or_default().to_owned() })
    }

    /// Compiles with these arguments into a file.
    ///
    /// # Errors
    /// When it fails.
    pub fn compile(&self, arguments: &[&str], sources: &[&Path], file: &Path) -> Result<()> {
        let mut command = Command::new(COMPILER);
        run(command.args(arguments).arg("-o").arg(file).args(sources)).map(drop)
    }
}
