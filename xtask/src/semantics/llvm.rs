//! What LLVM's machine layer knows of words.

use super::parts::Set;
use crate::debian;
use crate::toolchain::{repository, run};
use anyhow::{Context as _, Result, bail};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

/// Our program that asks LLVM, compiled against one version of it.
#[derive(Clone, Debug)]
pub struct Llvm {
    program: PathBuf,
    /// What it says of itself, such as `LLVM 19.1`.
    pub version: String,
    /// The names of the opcodes that a word may have, by number. LLVM has some of them under
    /// several names, of which no word bears but one.
    pub opcodes: BTreeMap<u16, String>,
}

/// What LLVM knows of one word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct View {
    /// LLVM's name of the instruction.
    pub opcode: String,
    /// Whether it may load.
    pub may_load: bool,
    /// Whether it may store.
    pub may_store: bool,
    /// Whether it branches, calls or returns.
    pub branches: bool,
    /// What it defines, explicitly and implicitly.
    pub defs: Set,
    /// What it uses, explicitly, implicitly and by being tied to a result.
    pub uses: Set,
}

impl Llvm {
    /// Installs LLVM's libraries and compiles the program that asks them.
    ///
    /// # Errors
    /// When either fails.
    pub fn install() -> Result<Self> {
        debian::install("llvm-config-19", "--version", "llvm-19-dev")?;
        debian::install("g++", "--version", "g++")?;
        let directory = repository().join("target/semantics");
        fs::create_dir_all(&directory)?;
        let program = directory.join("describe");
        let configured = |argument: &str| -> Result<String> {
            let output = run(Command::new("llvm-config-19").arg(argument))?;
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let source = repository().join("xtask/src/semantics/guest/describe.cpp");
        let mut compiler = Command::new("g++");
        compiler.args(["-std=c++17", "-O1", "-w", "-o"]).arg(&program).arg(source);
        compiler.args(configured("--cppflags")?.split_whitespace());
        compiler.arg(format!("-L{}", configured("--libdir")?)).arg("-lLLVM-19");
        run(&mut compiler)?;
        let output = run(Command::new(&program).arg("opcodes"))?;
        let text = String::from_utf8(output.stdout)?;
        let mut lines = text.lines();
        let version = lines.next().context("LLVM does not say which it is")?.to_owned();
        let opcode = |line: &str| -> Result<(u16, String)> {
            let (number, name) = line.split_once(' ').context("no opcode")?;
            Ok((number.parse()?, name.to_owned()))
        };
        let opcodes = lines.map(opcode).collect::<Result<_>>()?;
        Ok(Self { program, version, opcodes })
    }

    /// The number of the opcode of each word, 0 where LLVM knows none.
    ///
    /// # Errors
    /// When the program fails.
    pub fn classes(&self, words: &[u32]) -> Result<Vec<u16>> {
        let output = self.ask("classes", words)?;
        let opcodes: Vec<u16> =
            output.as_chunks().0.iter().map(|bytes| u16::from_le_bytes(*bytes)).collect();
        if opcodes.len() != words.len() {
            bail!("LLVM has answered {} of {} words", opcodes.len(), words.len());
        }
        Ok(opcodes)
    }

    /// What LLVM knows of each word.
    ///
    /// # Errors
    /// When the program fails.
    pub fn views(&self, words: &[u32]) -> Result<Vec<Option<View>>> {
        let text = String::from_utf8(self.ask("words", words)?)?;
        let views: Vec<_> = text.lines().map(View::parse).collect::<Result<_>>()?;
        if views.len() != words.len() {
            bail!("LLVM has answered {} of {} words", views.len(), words.len());
        }
        Ok(views)
    }

    fn ask(&self, mode: &str, words: &[u32]) -> Result<Vec<u8>> {
        answers(Command::new(&self.program).arg(mode), words)
    }
}

/// Runs a program with words on its input, and returns its output.
pub(super) fn answers(command: &mut Command, words: &[u32]) -> Result<Vec<u8>> {
    let input: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().context("cannot start the program that asks LLVM")?;
    let mut stdin = child.stdin.take().context("the program that asks LLVM has no input")?;
    let writer = thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output()?;
    // What it did not read shows in its answers, which are too few then.
    let _ = writer.join();
    if !output.status.success() {
        bail!("the program that asks LLVM has failed: {}", output.status);
    }
    Ok(output.stdout)
}

impl View {
    /// Reads a line of `describe words`.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(line: &str) -> Result<Option<Self>> {
        let fields: Vec<_> = line.split(' ').collect();
        let [_, opcode, rest @ ..] = fields.as_slice() else { bail!("not of LLVM's: {line}") };
        if *opcode == "-" {
            return Ok(None);
        }
        let [effects, defs, uses] = rest else { bail!("not of LLVM's: {line}") };
        Ok(Some(Self {
            opcode: (*opcode).to_owned(),
            may_load: effects.contains('l'),
            may_store: effects.contains('s'),
            branches: effects.contains(['b', 'c', 'r']),
            defs: Set::parse(defs.trim_start_matches('.')).0,
            uses: Set::parse(uses.trim_start_matches('.')).0,
        }))
    }
}
