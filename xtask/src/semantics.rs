//! The model of A64 instructions against two judges: LLVM's machine layer, and execution in an
//! emulator.
//!
//! LLVM says of a word which registers it defines and uses, whether it may load or store, and whether
//! it branches. The model has to have all of that, and of X0 to X30, SP and the flags it must not
//! have more.
//!
//! The emulator executes each word in several states that are made by chance, and again in each of
//! them with one register after the other changed, and with another memory. What changes has to be in what
//! the model says is written, in the memory that it says is stored; what is written for sure must not
//! keep its value; and nothing may depend on a register or on memory that the model does not
//! say is read.
//!
//! A word that neither judge knows has to be unknown to the model. Words come from all of LLVM's
//! opcodes that a word can be found for, and from chance.
//!
//! What is not held: the flags of floating point (FPSR) and other system state, tags, ZT0, and
//! what the emulator's release does not know, for which LLVM is the only judge.

mod check;
mod classes;
mod excuses;
mod llvm;
mod machine;
mod model;
mod newer;
mod parts;
mod tally;
mod wrong;

pub use check::{Finding, Kind, against_llvm, against_machine};
pub use llvm::{Llvm, View};
pub use machine::{Answer, Change, Machine, Request};
pub use model::{Claim, Model, Range, ours};
pub use newer::{Newer, against_text};
pub use parts::Set;
pub use tally::{Group, Tally};
pub use wrong::not_caught;

use crate::toolchain::repository;
use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use std::fs;
use std::path::PathBuf;

/// How much is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// How many words by chance are compared with LLVM.
    pub words: u64,
    /// How many words of each opcode are compared with LLVM and executed.
    pub samples: usize,
    /// In how many states each word is executed.
    pub states: u16,
}

/// The judges.
#[derive(Clone, Debug)]
pub struct Judges {
    /// LLVM.
    pub llvm: Llvm,
    /// A newer LLVM, for words that the other does not know.
    pub newer: Option<Newer>,
    /// The emulator.
    pub machine: Machine,
}

impl Judges {
    /// Installs both.
    ///
    /// # Errors
    /// When one cannot be had.
    pub fn install() -> Result<Self> {
        Ok(Self { llvm: Llvm::install()?, newer: Newer::install()?, machine: Machine::install()? })
    }

    /// What the judges say of themselves.
    #[must_use]
    pub fn versions(&self) -> String {
        let newer = self.newer.as_ref().map_or("none newer", |newer| &newer.version);
        format!("{}; {newer}; {}", self.llvm.version, self.machine.version)
    }

    /// Holds a model against both.
    ///
    /// # Errors
    /// When one of them fails.
    pub fn compare(&self, options: Options, model: Model<'_>) -> Result<Tally> {
        let classes = classes::find(&self.llvm)?;
        let reached = classes.len();
        let sampled =
            classes::sample(&self.llvm, &classes, options.samples, |word| model(word).is_some())?;
        let words: Vec<u32> = sampled.into_values().flatten().collect();
        let opcodes = self.llvm.opcodes.len();
        let mut tally = Tally { opcodes, reached, ..Tally::default() };
        let mut foreign = Vec::new();
        let mut numbers = classes::random(options.words);
        loop {
            let chance: Vec<u32> = numbers.by_ref().take(1 << 18).collect();
            if chance.is_empty() {
                break;
            }
            foreign.extend(self.views(&chance, model, &mut tally)?);
        }
        foreign.extend(self.views(&words, model, &mut tally)?);
        foreign.sort_unstable();
        foreign.dedup();
        let foreign = self.without_variants(foreign)?;
        self.execute(&words, options.states, model, &mut tally)?;
        self.execute(&foreign, options.states, model, &mut tally)?;
        Ok(tally)
    }

    /// Holds the model against LLVM; returns words that the model knows and neither LLVM does.
    fn views(&self, words: &[u32], model: Model<'_>, tally: &mut Tally) -> Result<Vec<u32>> {
        /// How many of them are executed, of one call.
        const FOREIGN: usize = 256;
        let chunks: Vec<_> =
            words.par_chunks(1 << 15).map(|words| self.llvm.views(words)).collect::<Result<_>>()?;
        let views: Vec<Option<View>> = chunks.into_iter().flatten().collect();
        let mut rest = Vec::new();
        for (&word, view) in words.iter().zip(views) {
            tally.words += 1;
            let Some(view) = view else {
                rest.push(word);
                continue;
            };
            tally.known += 1;
            match model(word) {
                None => _ = tally.unknown.entry(view.opcode).or_insert(word),
                Some(claim) => {
                    tally.modelled.insert(view.opcode.clone());
                    tally.add(&view.opcode, word, against_llvm(&claim, &view));
                }
            }
        }
        let mut foreign = Vec::new();
        for (&word, text) in rest.iter().zip(self.texts(&rest)?) {
            tally.newer += u64::from(text.is_some());
            match (text, model(word)) {
                (None, None) => {}
                (None, Some(_)) => foreign.push(word),
                (Some(text), None) => _ = tally.unknown.entry(mnemonic(&text)).or_insert(word),
                (Some(text), Some(claim)) => {
                    let finding = against_text(&claim, &text);
                    tally.modelled.insert(mnemonic(&text));
                    tally.add(&mnemonic(&text), word, finding.into_iter().collect());
                }
            }
        }
        foreign.truncate(FOREIGN);
        Ok(foreign)
    }

    /// The words of which LLVM does not know those with one other register either: it rejects some
    /// instructions that name a register twice, where what they do is unpredictable within
    /// limits.
    fn without_variants(&self, words: Vec<u32>) -> Result<Vec<u32>> {
        let bits = [0, 1, 5, 10, 16];
        let variants = |word: &u32| bits.map(|bit| word ^ 1 << bit);
        let all: Vec<u32> = words.iter().flat_map(variants).collect();
        let (known, texts) = (self.llvm.classes(&all)?, self.texts(&all)?);
        let is_known: Vec<bool> =
            known.iter().zip(&texts).map(|(opcode, text)| *opcode != 0 || text.is_some()).collect();
        let variants = is_known.chunks(bits.len());
        let alone = words.into_iter().zip(variants).filter(|(_, known)| !known.contains(&true));
        Ok(alone.map(|(word, _)| word).collect())
    }

    /// What the newer LLVM calls words.
    fn texts(&self, words: &[u32]) -> Result<Vec<Option<String>>> {
        match &self.newer {
            Some(newer) => newer.texts(words),
            None => Ok(vec![None; words.len()]),
        }
    }

    /// Executes words and holds the model against what they did.
    fn execute(
        &self,
        words: &[u32],
        states: u16,
        model: Model<'_>,
        tally: &mut Tally,
    ) -> Result<()> {
        let views = self.llvm.views(words)?;
        let asked: Vec<_> =
            words.iter().zip(&views).filter(|(word, _)| !must_not_run(**word)).collect();
        let request = |(word, view): &(&u32, &Option<View>)| {
            let word = **word;
            let claim = model(word);
            let stores = |view: &View| view.may_store;
            let may_store = view.as_ref().is_none_or(stores)
                || claim.as_ref().is_none_or(|claim| claim.stores.is_some());
            Request { word, claim, may_store, states }
        };
        let requests: Vec<_> = asked.iter().map(request).collect();
        let bar = progress(requests.len());
        let answers = self.machine.execute(&requests, |count| bar.inc(count as u64))?;
        bar.finish_and_clear();
        for (((_, view), request), answer) in asked.into_iter().zip(&requests).zip(&answers) {
            count(view.as_ref(), request, answer, tally);
        }
        Ok(())
    }
}

/// The mnemonic of a text, as the newer LLVM has no names of opcodes.
fn mnemonic(text: &str) -> String {
    let name = text.split(' ').next().unwrap_or_default();
    format!("{name} (newer)")
}

/// Counts an executed word and what is wrong about it.
fn count(view: Option<&View>, request: &Request, answer: &Answer, tally: &mut Tally) {
    let word = request.word;
    // Words that LLVM does not know are put together by the bits that tell classes apart.
    let opcode =
        view.map_or_else(|| format!("{:03x}-----", word >> 20), |view| view.opcode.clone());
    tally.executions += answer.executions;
    tally.deaths += u64::from(answer.died);
    tally.not_executed += u64::from(!answer.is_known());
    if answer.states > 0 {
        tally.executed += 1;
        tally.executed_opcodes.insert(opcode.clone());
    }
    let findings = match &request.claim {
        None => Vec::new(),
        Some(_) if view.is_none() && !answer.is_known() => {
            vec![Finding { kind: Kind::Invented, detail: String::new() }]
        }
        Some(claim) => against_machine(claim, answer),
    };
    tally.add(&opcode, word, findings);
}

/// Whether a word ends the process or does not come to an end, by what it is made for: SVC, and
/// branches to themselves.
const fn must_not_run(word: u32) -> bool {
    let calls = word & 0xffe0_001f == 0xd400_0001;
    let branches = word & 0x7fff_ffff == 0x1400_0000;
    let branches_if = word & 0xffff_ffe0 == 0x5400_0000;
    let compares = word & 0x7eff_ffe0 == 0x3400_0000;
    let tests = word & 0x7e07_ffe0 == 0x3600_0000;
    calls || branches || branches_if || compares || tests
}

/// Writes what came of a comparison, and returns the file.
///
/// # Errors
/// As writing.
pub fn record(judges: &Judges, options: Options, tally: &Tally, date: &str) -> Result<PathBuf> {
    let path = repository().join("xtask/records/semantics.txt");
    let Options { words, samples, states } = options;
    let text = format!(
        "# what: midframe-a64, each instruction's reads, writes, loads and stores, against two judges\n\
         # from: {}\n\
         # command: cargo run --release --package xtask -- semantics --words {words} --samples {samples} \
         --states {states} --date {date}\n\
         # date: {date}\n\
         {tally}\n",
        judges.versions(),
    );
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

fn progress(count: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {percent}% {eta} left");
    let bar = ProgressBar::new(count as u64);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

#[cfg(test)]
mod tests;
