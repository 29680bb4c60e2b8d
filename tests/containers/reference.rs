//! The functions of a program as Go's standard library reads them
//! (`reference.go`, built by the newest toolchain for this machine).

use anyhow::{Context as _, Result};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use xtask::toolchain::{TOOLCHAINS, Toolchain, repository, run};

/// A function, as both sides describe it.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Described {
    pub(crate) entry: u64,
    /// Up to the next function, in whole instructions.
    pub(crate) instructions: u64,
    /// File and line of the entry.
    pub(crate) position: Option<String>,
    pub(crate) name: String,
}

/// The reader.
pub(crate) struct Reference {
    program: PathBuf,
}

/// Held while it is built: tests run side by side.
static BUILDING: Mutex<()> = Mutex::new(());

impl Reference {
    /// Builds it.
    pub(crate) fn install() -> Result<Self> {
        let _guard = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = TOOLCHAINS.last().context("a toolchain")?;
        let toolchain = Toolchain::install(newest)?;
        let program = repository().join("target/containers/reference");
        let source = repository().join("tests/containers/reference.go");
        let mut go = Command::new(toolchain.goroot.join("bin/go"));
        go.env("GOROOT", &toolchain.goroot).env("GOTOOLCHAIN", "local").env("GOFLAGS", "");
        go.env("CGO_ENABLED", "0").env_remove("GOOS").env_remove("GOARCH");
        go.env("GOCACHE", repository().join("target/go-cache")).env("GO111MODULE", "off");
        run(go.args(["build", "-o"]).arg(&program).arg(source))?;
        Ok(Self { program })
    }

    /// The functions of a file, and the addresses that its linker gave symbols to in
    /// its text. `named` is the file itself or the same one with symbols.
    pub(crate) fn read(
        &self,
        file: &Path,
        named: &Path,
    ) -> Result<(Vec<Described>, BTreeSet<u64>)> {
        let output = run(Command::new(&self.program).args([file, named]))?;
        let (mut functions, mut symbols) = (Vec::new(), BTreeSet::new());
        for line in String::from_utf8(output.stdout)?.lines() {
            let fields: Vec<_> = line.splitn(5, '\t').collect();
            match fields.as_slice() {
                ["func", entry, end, position, name] => {
                    let (entry, end): (u64, u64) = (entry.parse()?, end.parse()?);
                    functions.push(Described {
                        entry,
                        instructions: (end - entry) / 4,
                        position: known(position),
                        name: (*name).to_owned(),
                    });
                }
                ["symbol", address, ..] => drop(symbols.insert(address.parse()?)),
                _ => anyhow::bail!("{line:?}"),
            }
        }
        Ok((functions, symbols))
    }
}

/// A position without a file or a line is none.
fn known(position: &str) -> Option<String> {
    let (file, line) = position.rsplit_once(':')?;
    let line: i64 = line.parse().ok()?;
    (!file.is_empty() && file != "?" && line > 0).then(|| position.to_owned())
}
