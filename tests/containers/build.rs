//! Programs in every container, built under `target/containers`.

use anyhow::{Context as _, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use xtask::cross::Compiler;
use xtask::toolchain::{Toolchain, repository, run};

/// A way to build the specimen.
#[derive(Clone, Copy)]
pub(crate) struct Build {
    /// The name of the way.
    pub(crate) name: &'static str,
    /// The system.
    pub(crate) goos: &'static str,
    /// Whether its DWARF is compared.
    pub(crate) frames: bool,
    /// `-buildmode`.
    mode: &'static str,
    /// Whether there is C in it.
    cgo: bool,
    /// What is done to it afterwards.
    after: After,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Nothing,
    /// The linker leaves symbols and DWARF out.
    Unnamed,
    /// `strip` takes them out.
    Stripped,
    /// `go.o` is taken from the archive.
    Member,
}

/// A program, and the same one with its symbols if `strip` took them from it.
pub(crate) struct Built {
    pub(crate) file: PathBuf,
    pub(crate) named: PathBuf,
}

const fn build(name: &'static str, goos: &'static str, mode: &'static str) -> Build {
    Build { name, goos, mode, frames: true, cgo: false, after: After::Nothing }
}

const fn unnamed(name: &'static str, goos: &'static str) -> Build {
    Build { frames: false, after: After::Unnamed, ..build(name, goos, "exe") }
}

const fn cgo(name: &'static str, mode: &'static str) -> Build {
    Build { cgo: true, ..build(name, "linux", mode) }
}

/// Flags for a linker that leaves names and DWARF in.
const NAMED: &str = "-compressdwarf=false";

/// Held while the specimen is written: tests run side by side.
static WRITING: Mutex<()> = Mutex::new(());

impl Build {
    /// All of them; the plain one first, and what is stripped behind what it is made of.
    pub(crate) const ALL: [Self; 17] = [
        build("exe", "linux", "exe"),
        build("pie", "linux", "pie"),
        unnamed("exe-unnamed", "linux"),
        Self { after: After::Stripped, ..build("exe-stripped", "linux", "exe") },
        Self { after: After::Stripped, ..build("pie-stripped", "linux", "pie") },
        cgo("cgo", "exe"),
        cgo("cgo-pie", "pie"),
        Self { after: After::Stripped, ..cgo("cgo-pie-stripped", "pie") },
        cgo("c-shared", "c-shared"),
        Self { after: After::Stripped, ..cgo("c-shared-stripped", "c-shared") },
        cgo("plugin", "plugin"),
        Self { after: After::Stripped, ..cgo("plugin-stripped", "plugin") },
        Self { after: After::Member, ..cgo("c-archive", "c-archive") },
        build("darwin", "darwin", "exe"),
        unnamed("darwin-unnamed", "darwin"),
        build("windows", "windows", "exe"),
        build("windows-pie", "windows", "pie"),
    ];

    /// Whether the linker left the symbols out.
    pub(crate) fn is_unnamed(&self) -> bool {
        self.after == After::Unnamed
    }

    /// Builds it.
    pub(crate) fn make(&self, toolchain: &Toolchain) -> Result<Built> {
        let directory = repository().join("target/containers").join(&toolchain.version);
        fs::create_dir_all(&directory)?;
        if self.cgo || self.after == After::Stripped {
            Compiler::install()?;
        }
        let file = directory.join(self.name);
        let named = match self.after {
            After::Stripped => directory.join(self.name.trim_end_matches("-stripped")),
            _ => file.clone(),
        };
        match self.after {
            After::Nothing => self.link(toolchain, &file, NAMED)?,
            After::Unnamed => self.link(toolchain, &file, "-s -w")?,
            After::Stripped => {
                let mut strip = Command::new("aarch64-linux-gnu-strip");
                run(strip.arg("-o").arg(&file).arg(&named))?;
            }
            After::Member => {
                self.link(toolchain, &file, NAMED)?;
                let parts = directory.join("archive");
                let _ = fs::remove_dir_all(&parts);
                fs::create_dir_all(&parts)?;
                let mut ar = Command::new("aarch64-linux-gnu-ar");
                run(ar.arg("x").arg(&named).current_dir(&parts))?;
                let member = parts.join("go.o");
                return Ok(Built { file: member.clone(), named: member });
            }
        }
        Ok(Built { file, named })
    }

    fn link(&self, toolchain: &Toolchain, file: &Path, flags: &str) -> Result<()> {
        let source = specimen()?;
        let mut go = Command::new(toolchain.goroot.join("bin/go"));
        go.env("GOROOT", &toolchain.goroot).env("GOTOOLCHAIN", "local");
        go.env("GOOS", self.goos).env("GOARCH", "arm64").env("GOFLAGS", "-buildvcs=false");
        go.env("GOCACHE", repository().join("target/go-cache"));
        go.env("CGO_ENABLED", if self.cgo { "1" } else { "0" }).env("CC", "aarch64-linux-gnu-gcc");
        go.args(["build", "-buildmode", self.mode, "-ldflags", flags, "-o"]).arg(file).arg(".");
        run(go.current_dir(source))
            .map(drop)
            .context("the specimen; C in it needs gcc-aarch64-linux-gnu")
    }
}

/// The directory with the source of the program.
fn specimen() -> Result<PathBuf> {
    let source = repository().join("target/containers/specimen");
    let _guard = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    fs::create_dir_all(&source)?;
    for (name, text) in [
        ("go.mod", "module example.com/specimen\n\ngo 1.19\n"),
        ("main.go", include_str!("specimen.go")),
        ("cgo.go", include_str!("specimen_cgo.go")),
    ] {
        // What another build may be reading is not written again.
        let path = source.join(name);
        if fs::read_to_string(&path).ok().as_deref() != Some(text) {
            fs::write(path, text)?;
        }
    }
    Ok(source)
}
