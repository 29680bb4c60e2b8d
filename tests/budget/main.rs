//! `midframe budget` against compiled code: what a C compiler makes of the sources beside
//! this file is run in an emulator on a painted stack, the kernel's own vDSO is measured, and
//! the figures of a program of Go are held against those of its linker. Needs the feature
//! `toolchains`.

mod nosplit;
mod painted;
mod vdso;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use xtask::toolchain::repository;

/// What was measured of a function: as deep as is known, and whether all is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Figure {
    pub(crate) function: String,
    pub(crate) depth: u64,
    pub(crate) is_decided: bool,
    pub(crate) verdict: String,
}

/// Runs `midframe budget` and returns its status and what it says of each function.
pub(crate) fn budget(image: &Path, bytes: u64) -> (i32, Vec<Figure>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_midframe"));
    command.arg("budget").arg(image).args(["--format", "json", "--bytes", &bytes.to_string()]);
    let output = command.output().expect("the command starts");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{}", image.display());
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let functions = document["functions"].as_array().expect("functions").iter();
    let figures = functions.map(|function| Figure {
        function: function["function"].as_str().expect("a name").to_owned(),
        depth: function["at_least"].as_u64().expect("a figure"),
        is_decided: function["deepest"].is_u64(),
        verdict: function["verdict"].as_str().expect("a verdict").to_owned(),
    });
    (output.status.code().expect("a status"), figures.collect())
}

/// A directory for what the tests of a module build.
pub(crate) fn directory(name: &str) -> PathBuf {
    let directory = repository().join("target/budget").join(name);
    std::fs::create_dir_all(&directory).expect("a directory");
    directory
}

/// A source beside this file.
pub(crate) fn source(name: &str) -> PathBuf {
    repository().join("tests/budget").join(name)
}
