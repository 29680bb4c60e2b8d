//! `cargo xtask`: the chores of the repository.

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use xtask::toolchain::{TOOLCHAINS, Toolchain};
use xtask::{corpus, decoder, programs};

/// The chores of the repository.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install Go toolchains into target/toolchains.
    Toolchains {
        /// The versions, such as 1.24.3 [default: all that the checks need].
        versions: Vec<String>,
    },
    /// Install real arm64 programs into target/programs.
    Programs,
    /// Record again what each toolchain emits, in tests/recorded.
    Corpus {
        /// The date that the records bear, YYYY-MM-DD.
        #[arg(long)]
        date: String,
    },
    /// Compare the verifier's decoder with an independent one over all words, and
    /// record what comes of it in xtask/records. Takes `cargo run --release`.
    Decoder {
        /// The date that the record bears, YYYY-MM-DD.
        #[arg(long, required_unless_present = "words")]
        date: Option<String>,
        /// Compare so many pseudo-random words instead of all, and record
        /// nothing.
        #[arg(long, conflicts_with = "date")]
        words: Option<u64>,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Toolchains { versions } => {
            let live = TOOLCHAINS.map(str::to_owned).to_vec();
            for version in if versions.is_empty() { live } else { versions } {
                let toolchain = Toolchain::install(&version)?;
                println!("{} in {}", toolchain.version, toolchain.goroot.display());
            }
        }
        Command::Programs => {
            for program in programs::PROGRAMS {
                println!("{}", programs::install(program)?.display());
            }
        }
        Command::Corpus { date } => {
            for version in TOOLCHAINS {
                let path = corpus::record(&Toolchain::install(version)?, &date)?;
                println!("{}", path.display());
            }
        }
        Command::Decoder { date, words } => compare_decoders(date.as_deref(), words)?,
    }
    Ok(())
}

fn compare_decoders(date: Option<&str>, words: Option<u64>) -> Result<()> {
    let tally = decoder::compare_all(words.map_or(decoder::Words::All, decoder::Words::Sample));
    println!("{tally}");
    if tally.disagreements() > 0 {
        eprint!("{}", tally.first_disagreements());
        bail!("the decoders disagree about {} words", tally.disagreements());
    }
    if let Some(date) = date {
        println!("{}", decoder::record(&tally, date)?.display());
    }
    Ok(())
}
