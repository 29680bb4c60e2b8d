//! What a newer LLVM calls words: that of the Rust compiler, which has no machine layer to ask,
//! but its C interface.

use super::check::{Finding, Kind};
use super::llvm::answers;
use super::model::Claim;
use super::parts::Set;
use crate::debian;
use crate::toolchain::{repository, run};
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Our program that asks the newer LLVM.
#[derive(Clone, Debug)]
pub struct Newer {
    program: PathBuf,
    /// What it says of itself, such as `LLVM 22.1.2`.
    pub version: String,
}

impl Newer {
    /// Finds the compiler's library and compiles the program; nothing, if the compiler has no library
    /// of its own.
    ///
    /// # Errors
    /// When the program cannot be compiled.
    pub fn install() -> Result<Option<Self>> {
        debian::install("gcc", "--version", "gcc")?;
        let output = run(Command::new("rustc").args(["--print", "sysroot"]))?;
        let libraries = Path::new(String::from_utf8(output.stdout)?.trim()).join("lib");
        let is_llvm = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libLLVM.so."))
        };
        let mut files = fs::read_dir(&libraries)?.filter_map(|entry| Some(entry.ok()?.path()));
        let Some(library) = files.find(is_llvm) else { return Ok(None) };
        let directory = repository().join("target/semantics");
        fs::create_dir_all(&directory)?;
        let program = directory.join("name");
        let mut compiler = Command::new("gcc");
        compiler.args(["-O1", "-o"]).arg(&program);
        compiler.arg(repository().join("xtask/src/semantics/guest/name.c")).arg(library);
        run(compiler.arg(format!("-Wl,-rpath,{}", libraries.display())))?;
        let output = run(Command::new(&program).arg("version"))?;
        let version = String::from_utf8(output.stdout)?.trim().to_owned();
        Ok(Some(Self { program, version }))
    }

    /// The text of each word, if it is known.
    ///
    /// # Errors
    /// When the program fails.
    pub fn texts(&self, words: &[u32]) -> Result<Vec<Option<String>>> {
        let output = answers(&mut Command::new(&self.program), words)?;
        let text = String::from_utf8(output).context("not a text")?;
        let known = |line: &str| (line != "-").then(|| line.trim().to_owned());
        let texts: Vec<_> = text.lines().map(known).collect();
        if texts.len() != words.len() {
            bail!("{} has answered {} of {} words", self.version, texts.len(), words.len());
        }
        Ok(texts)
    }
}

/// What a claim and the text of an instruction disagree about: the general registers and SP in the text have to
/// be those that are read or written. Only the first of a pair is named in some texts.
#[must_use]
pub fn against_text(claim: &Claim, text: &str) -> Option<Finding> {
    let operands = text.split_once(' ').map_or("", |(_, operands)| operands);
    let words = operands.split(|character: char| !character.is_ascii_alphanumeric());
    let names = words.map(|word| match word.split_at_checked(1) {
        Some(("x" | "w", number)) if number.parse::<u8>().is_ok() => format!("X{number}"),
        _ if matches!(word, "sp" | "wsp") => "SP".to_owned(),
        _ => String::new(),
    });
    let named = Set::parse(&names.collect::<Vec<_>>().join(",")).0;
    let registers = Set::EXACT.without(Set::of(super::parts::FLAGS));
    let claimed = claim.reads.or(claim.writes).and(registers);
    (claimed != named).then(|| Finding { kind: Kind::Named, detail: format!("{claimed}; {text}") })
}
