//! A case, built by a toolchain.

use crate::directory;
use serde::Deserialize;
use std::path::PathBuf;
use xtask::toolchain::{Toolchain, repository, run};

/// What a case is built with.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct With {
    /// The version: `1.26.6`.
    go: String,
    /// The value of `GOARM64`, of the releases that know it (from go1.23 on).
    goarm64: Option<String>,
}

/// A program that is built.
#[derive(Debug)]
pub(crate) struct Build {
    /// What it was built with: `go1.26.6`.
    pub(crate) name: String,
    /// The executable file.
    pub(crate) program: PathBuf,
}

impl Build {
    /// Builds a case.
    pub(crate) fn new(case: &str, with: &With) -> Self {
        let toolchain = Toolchain::install(&with.go).expect("an installed toolchain");
        let parent = repository().join("target/cases").join(&toolchain.version);
        std::fs::create_dir_all(&parent).expect("a directory");
        // Tests of one case may run side by side: each builds a file of its own and moves it.
        let partial = tempfile::NamedTempFile::new_in(&parent).expect("a file").into_temp_path();
        let mut command = toolchain.command();
        if let Some(level) = &with.goarm64 {
            command.env("GOARM64", level);
        }
        command.current_dir(directory(case)).args(["build", "-trimpath", "-o"]).arg(&partial);
        run(command.arg(".")).expect("a program");
        let program = parent.join(case);
        partial.persist(&program).expect("the program's place");
        Self { name: toolchain.version, program }
    }
}
