//! A compiler and an assembler built from changed sources, in a copy of a release.

use super::patch;
use crate::evidence::bounded;
use crate::toolchain::{Toolchain, repository, run};
use crate::truth::emulator::empty_directory;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The tools that contain the lowering.
const TOOLS: [&str; 2] = ["compile", "asm"];

/// The longest that building one of them takes.
const LIMIT: Duration = Duration::from_secs(1200);

/// Copies a release, changes the copy, and has the release's own compiler build the
/// tools from it.
///
/// The version stays as it is, so the tools would share the release's cache; each of
/// the two has its own, and that of the changed compiler begins empty.
///
/// # Errors
/// When the release is not as the change expects it, or a tool cannot be built.
pub fn build(release: &Toolchain) -> Result<Toolchain> {
    let directory = repository().join("target/evidence/proposal");
    let goroot = directory.join("goroot");
    empty_directory(&goroot)?;
    copy(&release.goroot, &goroot)?;
    patch::apply(&goroot)?;
    let cache = directory.join("cache");
    empty_directory(&cache)?;
    let changed = Toolchain { version: format!("{}-complete", release.version), goroot, cache };
    let mut built = Vec::new();
    for tool in TOOLS {
        let path = directory.join(tool);
        let mut command = changed.command();
        // Tools are for this machine; they are built by what they replace.
        command.env_remove("GOARCH").env_remove("GOOS");
        command.env("GOCACHE", directory.join("cache-tools"));
        command.args(["build", "-trimpath", "-o"]).arg(&path).arg(format!("cmd/{tool}"));
        let log = directory.join(format!("{tool}.log"));
        bounded::succeed(&mut command, &log, LIMIT).with_context(|| format!("cmd/{tool}"))?;
        built.push(path);
    }
    let place = tool_directory(&changed)?;
    for path in built {
        let name = path.file_name().context("a tool has no name")?;
        fs::copy(&path, place.join(name))?;
    }
    Ok(changed)
}

fn tool_directory(toolchain: &Toolchain) -> Result<std::path::PathBuf> {
    let said = toolchain.go(&["env", "GOTOOLDIR"])?;
    let directory = Path::new(&said);
    if !directory.starts_with(&toolchain.goroot) {
        bail!("the tools of the copy are in {said}, not in it");
    }
    Ok(directory.to_owned())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    run(Command::new("cp").arg("-R").arg(from.join(".")).arg(to)).map(drop)
}
