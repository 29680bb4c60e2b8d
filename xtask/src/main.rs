//! `cargo xtask`: the chores of the repository.

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use xtask::toolchain::{TOOLCHAINS, Toolchain};
use xtask::{corpus, decoder, evidence, findings, hostile, programs, semantics, survey, truth};

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
    /// Scan damaged copies of a program: none may panic, take long or take much memory. Takes
    /// `cargo run --release`.
    Hostile {
        /// How many.
        #[arg(long, default_value_t = 100_000)]
        copies: u64,
    },
    /// Compare the model of instructions with LLVM and with an emulator. Takes
    /// `cargo run --release`.
    Semantics {
        /// How many words by chance are compared with LLVM.
        #[arg(long, default_value_t = 20_000_000)]
        words: u64,
        /// How many words of each opcode are compared with LLVM and executed.
        #[arg(long, default_value_t = 8)]
        samples: usize,
        /// In how many states each of them is executed.
        #[arg(long, default_value_t = 4)]
        states: u16,
        /// Write the record in xtask/records, with this date, YYYY-MM-DD.
        #[arg(long)]
        date: Option<String>,
    },
    /// Scan the Go programs of twenty Debian packages, as trees and as .deb files. Takes
    /// `cargo run --release`.
    Survey {
        /// Write the table in rfcs/surveys, with this date, YYYY-MM-DD.
        #[arg(long)]
        date: Option<String>,
    },
    /// Scan programs with as much of Go's own assembly as one can link, built by each toolchain,
    /// and the programs of `survey`, and list the findings by function. Takes
    /// `cargo run --release`.
    Findings {
        /// Only the programs that the toolchains build.
        #[arg(long)]
        short: bool,
    },
    /// Execute programs in an emulator, one instruction at a time, and hold each
    /// boundary against its row and against what the verifier found. Takes
    /// `cargo run --release`.
    Truth {
        /// How many boundaries are compared in each case before it is stopped.
        #[arg(long, default_value_t = 3_000_000)]
        boundaries: u64,
        /// The program whose cases are executed [default: all].
        #[arg(long)]
        program: Option<String>,
        /// Write the record in xtask/records, with this date, YYYY-MM-DD.
        #[arg(long, conflicts_with = "program")]
        date: Option<String>,
    },
    /// Reproduce the claims of the RFCs: crashes that happen, and code in which they
    /// cannot.
    Evidence {
        /// The number of an experiment [default: all].
        #[arg(long = "experiment", value_name = "NUMBER")]
        experiments: Vec<u8>,
        /// One case of each claim of the experiments 1, 2 and 4.
        #[arg(long)]
        short: bool,
        /// Write a record of each in rfcs/evidence, with this date, YYYY-MM-DD.
        #[arg(long)]
        date: Option<String>,
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
        Command::Hostile { copies } => println!("{}", hostile::run(copies)?),
        Command::Semantics { words, samples, states, date } => {
            judge(semantics::Options { words, samples, states }, date.as_deref())?;
        }
        Command::Survey { date } => survey_packages(date.as_deref())?,
        Command::Findings { short: is_short } => {
            print!("{}", findings::Findings::gather(is_short)?);
        }
        Command::Truth { boundaries, program, date } => {
            execute(&truth::Options { boundaries, program }, date.as_deref())?;
        }
        Command::Evidence { experiments, short: is_short, date } => {
            show(&evidence::Options { experiments, is_short, date })?;
        }
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

fn judge(options: semantics::Options, date: Option<&str>) -> Result<()> {
    let judges = semantics::Judges::install()?;
    let not_caught = semantics::not_caught(&judges)?;
    if !not_caught.is_empty() {
        bail!("the judges are wrong:\n{}", not_caught.join("\n"));
    }
    let tally = judges.compare(options, &semantics::ours)?;
    println!("{tally}");
    if let Some(date) = date {
        println!("{}", semantics::record(&judges, options, &tally, date)?.display());
    }
    if tally.disagreements() > 0 {
        eprint!("{}", tally.listing());
        bail!("the model and the judges disagree: {}", tally.disagreements());
    }
    Ok(())
}

fn survey_packages(date: Option<&str>) -> Result<()> {
    let survey = survey::survey()?;
    print!("{survey}");
    if !survey.failures.is_empty() {
        eprintln!("{}", survey.failures.join("\n"));
        bail!("the survey has failed: {}", survey.failures.len());
    }
    if let Some(date) = date {
        println!("{}", survey.record(date)?.display());
    }
    Ok(())
}

fn execute(options: &truth::Options, date: Option<&str>) -> Result<()> {
    let truth = truth::trace(options)?;
    print!("{truth}");
    if let Some(date) = date {
        println!("{}", truth.record(date, options.boundaries)?.display());
    }
    let failures = truth.failures();
    if !failures.is_empty() {
        eprintln!("{}", failures.join("\n"));
        bail!("the scan and the machine disagree, or too little was seen: {}", failures.len());
    }
    Ok(())
}

fn show(options: &evidence::Options) -> Result<()> {
    let reports = evidence::gather(options)?;
    let failures: Vec<_> = reports.iter().flat_map(evidence::Report::failures).collect();
    if !failures.is_empty() {
        eprintln!("{}", failures.join("\n"));
        bail!("not as claimed: {}", failures.len());
    }
    Ok(())
}
