//! `cargo xtask`: the chores of the repository.

use anyhow::Result;
use clap::{Parser, Subcommand};
use xtask::toolchain::{LIVE, RECORDED, Toolchain};
use xtask::{corpus, programs};

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
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Toolchains { versions } => {
            let live = LIVE.map(str::to_owned).to_vec();
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
            for version in RECORDED {
                let path = corpus::record(&Toolchain::install(version)?, &date)?;
                println!("{}", path.display());
            }
        }
    }
    Ok(())
}
