//! The decoder, `a64::decode`, against an independent one, over every word that there
//! is: four thousand million, some minutes with optimizations on.
//!
//! What is held:
//! - a word that is sorted as plain is known and harmless to `semantics`; neither to the
//!   verifier nor to `yaxpeax-arm` does it branch, write SP, LR, R29, R28 or R27, store LR or
//!   R29, store through SP to the word at SP or below, or load from further below; one that
//!   makes or uses R27 does nothing else of this (`passed`);
//! - `direct_branch` says the same as `decode`, and branches, calls and returns are sorted as
//!   both decoders say;
//! - a write of SP that `yaxpeax-arm` sees is never harmless to the verifier,
//!   and where both know the amount it is the same; nor does the verifier
//!   rely on a write that the other does not see;
//! - the same of branches, calls and returns, with their targets;
//! - a general register that `yaxpeax-arm` sees written (R29 and R30 among them)
//!   is never ruled out by `may_write`.
//!
//! What is not: words that `yaxpeax-arm` rejects (SVE and SME among them), and the
//! amount by which STGP moves SP.

mod compare;
mod passed;
mod registers;
mod tally;

pub use compare::{Comparison, Disagreement, Ours, Theirs, compare};
pub use tally::Tally;

use crate::toolchain::repository;
use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use std::fs;
use std::path::PathBuf;
use unwind::Word;

/// Which words to compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Words {
    /// All 2^32, in order.
    All,
    /// This many pseudo-random ones, the same in every run.
    Sample(u64),
}

impl Words {
    const fn count(self) -> u64 {
        match self {
            Self::All => 1 << 32,
            Self::Sample(count) => count,
        }
    }

    const fn at(self, index: u64) -> Word {
        Word::new(match self {
            Self::All => index as u32,
            Self::Sample(_) => sample(index),
        })
    }
}

/// SplitMix64 (Steele, Lea, Flood, 2014). Of four words one has Rd 31, one has
/// Rn 31.
const fn sample(index: u64) -> u32 {
    let mut z = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ z >> 31) as u32 | [0, 0x1f, 0, 0x3e0][index as usize % 4]
}

/// Compares the decoders on all cores, with a progress bar on a terminal.
#[must_use]
pub fn compare_all(words: Words) -> Tally {
    const CHUNK: u64 = 1 << 20;
    let style = ProgressStyle::with_template("{wide_bar} {percent}% {eta} left");
    let bar = ProgressBar::new(words.count());
    let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let chunk = |number: u64| {
        let mut tally = Tally::default();
        let end = words.count().min((number + 1) * CHUNK);
        for word in (number * CHUNK..end).map(|index| words.at(index)) {
            tally.add(word, compare(word));
        }
        bar.inc(tally.words());
        tally
    };
    let chunks = (0..words.count().div_ceil(CHUNK)).into_par_iter();
    let tally = chunks.map(chunk).reduce(Tally::default, Tally::merge);
    bar.finish_and_clear();
    tally
}

/// Writes what came of a comparison of all words, and returns the file.
///
/// # Errors
/// When the lock file does not name the other decoder, or as writing.
pub fn record(tally: &Tally, date: &str) -> Result<PathBuf> {
    let path = repository().join("xtask/records/decoder.txt");
    let version = locked_version("yaxpeax-arm")?;
    let text = format!(
        "# what: a64::decode, line by line, against yaxpeax-arm, column by column\n\
         # from: yaxpeax-arm {version} (armv8::a64)\n\
         # command: cargo run --release --package xtask -- decoder --date {date}\n\
         # date: {date}\n\
         # words: {} of 4294967296, {} compared with the other decoder\n\
         # disagreements: {}\n\
         {tally}\n",
        tally.words(),
        tally.compared(),
        tally.disagreements(),
    );
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// The version of a dependency in the lock file.
fn locked_version(package: &str) -> Result<String> {
    let lock = fs::read_to_string(repository().join("Cargo.lock"))?;
    let (_, rest) = lock
        .split_once(&format!("name = \"{package}\"\nversion = \""))
        .with_context(|| format!("Cargo.lock does not name {package}"))?;
    let (version, _) = rest.split_once('"').context("Cargo.lock is cut short")?;
    Ok(version.to_owned())
}

#[cfg(test)]
mod tests;
