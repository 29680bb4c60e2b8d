//! Damaged copies of a real program, each scanned: none may panic, take long or take
//! much memory, whatever comes of it.

use crate::toolchain::{Toolchain, repository};
use anyhow::{Context as _, Result, bail};
use core::fmt;
use indicatif::{ProgressBar, ProgressStyle};
use midframe::progress::Progress;
use midframe::scan::{Options, scan_bytes};
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long one copy may take.
const MOST_TIME: Duration = Duration::from_secs(2);

/// How much memory the process may take, beside four times the file.
const MOST_MEMORY: u64 = 64 << 20;

/// The release that builds the program.
const RELEASE: &str = "1.24.3";

/// The program: it prints, sorts and formats, so that there is something to scan.
const PROGRAM: &str = "package main

import (
\t\"fmt\"
\t\"os\"
\t\"sort\"
)

func main() {
\tsort.Strings(os.Args)
\tfmt.Println(os.Args, len(os.Environ()))
}
";

/// What came of the copies.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    copies: u64,
    /// The copies of which functions were checked.
    scanned: u64,
    /// Those that were refused.
    refused: u64,
    slowest: Duration,
    /// The size of the program, and the most memory that the process took, in bytes.
    file: u64,
    memory: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { copies, scanned, refused, slowest, file, memory } = *self;
        write!(
            f,
            "{copies} copies of {file} bytes: {scanned} scanned, {refused} refused; the slowest took \
             {:.3} s, the process {:.1} MiB",
            slowest.as_secs_f64(),
            memory as f64 / 1_048_576.0
        )
    }
}

/// Scans so many damaged copies.
///
/// # Errors
/// When the program cannot be built, or a copy panics, takes too long or too much.
pub fn run(copies: u64) -> Result<Tally> {
    let original = fs::read(program()?)?;
    let mut tally = Tally { file: original.len() as u64, ..Tally::default() };
    let style = ProgressStyle::with_template("copies {wide_bar} {human_pos}/{human_len}");
    let bar =
        ProgressBar::new(copies).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut bytes = original.clone();
    for seed in 0..copies {
        bytes.clear();
        bytes.extend_from_slice(&original);
        damage(&mut bytes, &mut Random(seed));
        let started = Instant::now();
        let scanned = catch_unwind(|| {
            scan_bytes(Path::new("copy"), &bytes, &Options::default(), &Progress::hidden()).is_ok()
        });
        let took = started.elapsed();
        let Ok(scanned) = scanned else { bail!("copy {seed} panics") };
        if took > MOST_TIME {
            bail!("copy {seed} takes {took:?}");
        }
        tally.copies += 1;
        tally.scanned += u64::from(scanned);
        tally.refused += u64::from(!scanned);
        tally.slowest = tally.slowest.max(took);
        bar.inc(1);
    }
    bar.finish_and_clear();
    tally.memory = most_memory()?;
    if tally.memory > 4 * tally.file + MOST_MEMORY {
        bail!("too much memory: {tally}");
    }
    if tally.scanned == 0 || tally.refused == 0 {
        bail!("the damage does not vary: {tally}");
    }
    Ok(tally)
}

/// Builds the program, unless it is there.
fn program() -> Result<PathBuf> {
    let directory = repository().join("target/hostile");
    let program = directory.join("program");
    if !program.exists() {
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("go.mod"), "module hostile\n\ngo 1.20\n")?;
        fs::write(directory.join("main.go"), PROGRAM)?;
        Toolchain::install(RELEASE)?.build(&directory, &program)?;
    }
    Ok(program)
}

/// Damages a copy in one to eight places: bytes, words and whole stretches, near its
/// start as often as anywhere, or its end is missing.
fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(8) {
        let range = if random.below(2) == 0 { 4096 } else { bytes.len() as u64 };
        let at = random.below(range.min(bytes.len() as u64).max(1)) as usize;
        let width = 1 << random.below(4);
        let value = random.next().to_le_bytes();
        let extreme = [[0; 8], [0xff; 8], [0, 0, 0, 0x80, 0, 0, 0, 0x80], value];
        let written = extreme[random.below(4) as usize];
        match random.below(16) {
            0 => bytes.truncate(at),
            1 => {
                let end = (at + random.below(4096) as usize).min(bytes.len());
                let from = random.below(bytes.len().max(1) as u64) as usize;
                let stretch: Vec<u8> = bytes.iter().skip(from).take(end - at).copied().collect();
                for (to, byte) in bytes.iter_mut().skip(at).zip(stretch) {
                    *to = byte;
                }
            }
            2..8 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            _ => {
                for (to, byte) in bytes.iter_mut().skip(at / width * width).zip(&written[..width]) {
                    *to = *byte;
                }
            }
        }
    }
}

/// The most memory that this process has had, in bytes.
fn most_memory() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB"));
    let kilobytes: u64 = kilobytes.context("VmHWM in /proc/self/status")?.trim().parse()?;
    Ok(kilobytes << 10)
}

/// Pseudo-random numbers (splitmix64, Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below a limit.
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
