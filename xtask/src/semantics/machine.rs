//! Words executed one by one in an emulator, in states made by chance.

use super::model::{Claim, Range};
use super::parts::Set;
use crate::cross::Compiler;
use crate::debian;
use crate::toolchain::{repository, run};
use anyhow::{Context as _, Result, bail};
use rayon::prelude::*;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

/// The emulator, and the program in it that executes words.
#[derive(Clone, Debug)]
pub struct Machine {
    program: PathBuf,
    /// What the emulator says of itself.
    pub version: String,
}

/// What is known of a word before it is executed.
#[derive(Clone, Debug)]
pub struct Request {
    /// The word.
    pub word: u32,
    /// What the model says of it.
    pub claim: Option<Claim>,
    /// Whether memory may change, to LLVM or to the model.
    pub may_store: bool,
    /// How many states it is executed in.
    pub states: u16,
}

/// What a word did.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Answer {
    /// In how many states it was executed to its end.
    pub states: u32,
    /// The first letters of the signals that it raised in others.
    pub faults: String,
    /// How often it was executed in all.
    pub executions: u64,
    /// What changed in some state.
    pub changed: Set,
    /// What kept its value in all states, whatever it was.
    pub kept: Set,
    /// What something else, or its own new value, depends on.
    pub depends: Set,
    /// Whether execution went elsewhere than to the next word.
    pub branched: bool,
    /// Whether something depends on memory outside of the range that the model names.
    pub loads_elsewhere: bool,
    /// Whether memory changed where neither LLVM nor the model expects it.
    pub stores: bool,
    /// Where memory changed, state by state.
    pub memory: Vec<Change>,
    /// Whether the process ended, so that nothing is known.
    pub died: bool,
}

/// A change of memory in one state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The address of the first byte that changed.
    pub first: u64,
    /// The address after the last byte that changed.
    pub end: u64,
    /// X0 to X30 and SP before.
    pub registers: Vec<u64>,
}

impl Answer {
    /// Whether the emulator knows the word.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.states > 0 || self.faults.contains(['s', 'b', 't']) || self.died
    }

    /// Reads the first line of an answer, and the word that it is for.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(line: &str) -> Result<(u32, Self)> {
        let fields: Vec<_> = line.split(' ').collect();
        let [word, states, _, faults, executions, changed, kept, depends, notes] = fields[..]
        else {
            bail!("no answer: {line}");
        };
        let set = |field| u128::from_str_radix(field, 16).map(Set);
        let answer = Self {
            states: states.parse()?,
            faults: faults.trim_start_matches('.').to_owned(),
            executions: executions.parse()?,
            changed: set(changed)?,
            kept: set(kept)?,
            depends: set(depends)?,
            branched: notes.contains('b'),
            loads_elsewhere: notes.contains('l'),
            stores: notes.contains('s'),
            memory: Vec::new(),
            died: false,
        };
        Ok((u32::from_str_radix(word, 16)?, answer))
    }
}

impl Change {
    /// Reads a line that says where memory changed.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(line: &str) -> Result<Self> {
        let number = |field| u64::from_str_radix(field, 16);
        let numbers: Vec<u64> = line.split(' ').skip(1).map(number).collect::<Result<_, _>>()?;
        let [first, end, registers @ ..] = numbers.as_slice() else { bail!("no change: {line}") };
        if registers.len() != 32 {
            bail!("no change: {line}");
        }
        Ok(Self { first: *first, end: *end, registers: registers.to_vec() })
    }
}

impl Machine {
    /// Installs the emulator and compiles the program.
    ///
    /// # Errors
    /// When either fails.
    pub fn install() -> Result<Self> {
        debian::install("qemu-aarch64", "--version", "qemu-user")?;
        let compiler = Compiler::install()?;
        let directory = repository().join("target/semantics");
        fs::create_dir_all(&directory)?;
        let program = directory.join("run");
        let guest = repository().join("xtask/src/semantics/guest");
        // Far from the start of memory, where direct branches find nothing.
        let place = "-Wl,-Ttext-segment=0x10000000,--no-warn-rwx-segments";
        let sources = ["run.c", "state.c", "enter.S"].map(|name| guest.join(name));
        let sources = sources.each_ref().map(PathBuf::as_path);
        let flags = ["-O3", "-static", "-Wno-parentheses", place];
        compiler.compile(&flags, &sources, &program)?;
        let output = run(Command::new("qemu-aarch64").arg("--version"))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(Self { program, version: said.lines().next().unwrap_or_default().to_owned() })
    }

    /// Executes words on all cores; the answers come in the order of the requests.
    ///
    /// # Errors
    /// When the program cannot be run.
    pub fn execute(
        &self,
        requests: &[Request],
        done: impl Fn(usize) + Sync,
    ) -> Result<Vec<Answer>> {
        let chunk = |requests: &[Request]| {
            let answers = self.execute_chunk(requests);
            done(requests.len());
            answers
        };
        let chunks: Vec<_> = requests.par_chunks(128).map(chunk).collect::<Result<_>>()?;
        Ok(chunks.into_iter().flatten().collect())
    }

    /// Executes words in one process, and in another one after a word that ended it.
    fn execute_chunk(&self, requests: &[Request]) -> Result<Vec<Answer>> {
        let mut answers = Vec::new();
        while answers.len() < requests.len() {
            let rest = &requests[answers.len()..];
            answers.extend(self.execute_until_death(rest)?);
            if answers.len() < requests.len() {
                answers.push(Answer { died: true, ..Answer::default() });
            }
        }
        Ok(answers)
    }

    fn execute_until_death(&self, requests: &[Request]) -> Result<Vec<Answer>> {
        let cpu = "max,sve-default-vector-length=32,sme-default-vector-length=32";
        let input: Vec<u8> = requests.iter().flat_map(Request::bytes).collect();
        let mut command = Command::new("qemu-aarch64");
        let command = command.args(["-cpu", cpu]).arg(&self.program);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().context("cannot start qemu-aarch64")?;
        let mut stdin = child.stdin.take().context("the emulator has no input")?;
        let writer = thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output()?;
        // What it did not read shows in its answers, which are too few then.
        let _ = writer.join();
        let mut answers: Vec<Answer> = Vec::new();
        // A last line without an end is of a word that was not executed to the end.
        let text = String::from_utf8_lossy(&output.stdout);
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            if line.starts_with('@') {
                let answer = answers.last_mut().context("memory changed before any word")?;
                answer.memory.push(Change::parse(line)?);
                continue;
            }
            let (word, answer) = Answer::parse(line)?;
            let asked = requests.get(answers.len()).map(|request| request.word);
            if asked != Some(word) {
                bail!("the emulator has answered {word:08x} instead of {asked:08x?}");
            }
            answers.push(answer);
        }
        Ok(answers)
    }
}

impl Request {
    /// The request as the program reads it.
    fn bytes(&self) -> Vec<u8> {
        let claim = self.claim.as_ref();
        let exact = claim.and_then(|claim| claim.loads.as_ref()).and_then(Range::exact);
        let (base, offset, bytes) =
            exact.map_or((-1, 0, 0), |(base, offset, bytes)| (i32::from(base), offset, bytes));
        let salt = 1_u32;
        let tries = 48_u16;
        let mut out = Vec::with_capacity(32);
        out.extend(self.word.to_le_bytes());
        out.extend(base.to_le_bytes());
        out.extend(offset.to_le_bytes());
        out.extend(bytes.to_le_bytes());
        out.extend(salt.to_le_bytes());
        out.extend(self.states.to_le_bytes());
        out.extend(tries.to_le_bytes());
        // qemu 7.2 leaves what SVE has above 128 bits alone where it should become zero, in
        // Advanced SIMD of some classes.
        let is_simd = self.word >> 25 & 7 == 0b111;
        out.extend((u32::from(self.may_store) | u32::from(is_simd) << 1).to_le_bytes());
        out
    }
}
