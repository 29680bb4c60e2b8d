//! The syntax of the command line, and nothing else: values are resolved in
//! [`crate::settings`].

mod format;

pub use format::{Color, FailOn, Format, PageFormat, ReviewFormat, ScanFormat, color_of};

use crate::examples;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;

/// Proves, at every instruction boundary of Go's arm64 code, what the runtime relies
/// on when it stops a thread there: for the code that a compiler would emit, and for
/// the code that it did emit.
///
/// Seven rules: SP is where the unwind table says, the return address and the frame
/// pointer can be found, what is still needed survives, execution can go on, SP is
/// aligned, and the caller finds what it left.
///
/// Exit status: 0 nothing is refuted; 1 a rule is refuted for an observer that
/// counts (prove: any of them; scan: see --fail-on; elsewhere async-preemption and
/// everybody), a review found something worse, or a snapshot is not as accepted; 2
/// wrong usage, or something could not be read; 3 something is undecided, or there
/// was nothing to look at.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "midframe",
    version,
    max_term_width = 100,
    after_long_help = examples::ALL,
    after_help = "An example of each: midframe --help"
)]
pub struct Arguments {
    /// Whether text is coloured; this outranks NO_COLOR and CLICOLOR_FORCE.
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        global = true,
        display_order = 100
    )]
    pub color: Color,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Lower and verify every frame size under each policy, by every rule: the theorem table.
    ///
    /// Exit status: 0 every rule holds for every frame size under every policy; 1 one is refuted;
    /// 2 wrong usage; 3 something is undecided.
    Prove(Prove),
    /// Lower one frame and list its boundaries, declared and actual.
    ///
    /// Exit status: 0 no rule is broken for async-preemption or for everybody; 1 one is; 2
    /// wrong usage; 3 something is undecided.
    Lower(Lower),
    /// Tell the story of one boundary: stop, unwind, crash.
    ///
    /// The boundary is one of a frame that is lowered (--frame), or of a function in an
    /// executable file (BINARY FUNCTION). It is shown beside the same one under the policy
    /// `complete`.
    ///
    /// Exit status: 0 no rule is broken there for async-preemption or for everybody; 1 one
    /// is; 2 wrong usage, or nothing to explain; 3 something is undecided.
    Explain(Explain),
    /// Verify the Go functions of executable files.
    ///
    /// Exit status: 0 nothing is refuted for the observers of --fail-on, and no finding has a
    /// severity of it; 1 something is, or is undecided with --fail-on undecided; 2 wrong
    /// usage, or a file could not be read; 3 something is undecided for those observers, or
    /// for who could meet those severities. Findings that the baseline accepts do not count,
    /// nor does an observer that the release does not have.
    Scan(Scan),
    /// Tell which policy built an executable file, and where its code deviates from it.
    ///
    /// Exit status: 0 every compiled function is explained; 1 a prologue or an epilogue
    /// is not; 2 the file could not be read; 3 there is nothing to compare.
    Conform(Conform),
    /// Tell how far below SP the functions of a file reach, and hold it against a budget.
    ///
    /// What a function and all that it calls may touch below SP at its entry, probes included,
    /// must lie within the bytes that its caller guarantees. A function of Go that asks for
    /// stack takes what comes after that from nobody.
    ///
    /// Exit status: 0 every function keeps to the budget; 1 one exceeds it; 2 wrong usage, or
    /// the file could not be read; 3 it is not known of one.
    Budget(Budget),
    /// Tell what changed between two builds or two policies, and what that does to each rule.
    ///
    /// OLD and NEW are two executable files of the same source, two directories of them,
    /// matched by name, or with --policy two policies or releases. Prologues, epilogues and
    /// their rows are compared with addresses left out; bodies are not, but are verified.
    ///
    /// Exit status: 0 nothing is worse than it was; 1 a rule is refuted that was not, or
    /// something is undecided that was decided; 2 wrong usage, or a file could not be read;
    /// 3 there is nothing to compare.
    Review(Review),
    /// Check or update pinned sequences: of policies, and of functions of a program.
    ///
    /// Exit status: 0 everything is as it was accepted, or is now; 1 something is not, or breaks
    /// a rule that the file has no waiver for; 2 wrong usage, or a file could not be read or
    /// written.
    Snapshot(Snapshot),
    /// List the policies and the releases that they stand for.
    Policies(Policies),
    /// Write what a shell needs to complete command lines.
    Completions(Completions),
    /// Write the manual pages.
    ///
    /// Without DIR the page of midframe itself goes to standard output. With it, that page and
    /// one for each subcommand are written there.
    Man(Man),
}

/// `midframe prove`
#[derive(Args, Clone, Debug)]
#[command(after_long_help = examples::PROVE)]
pub struct Prove {
    /// A policy, or a Go release such as go1.24.5; can be repeated [default: all policies].
    #[arg(long = "policy", value_name = "POLICY")]
    pub policies: Vec<String>,
    /// Only the frame sizes from FIRST to LAST, both included: 64KiB..128KiB.
    #[arg(long, value_name = "FIRST..LAST")]
    pub frames: Option<String>,
    /// Without the stack-split check, as for functions marked NOSPLIT.
    #[arg(long)]
    pub nosplit: bool,
    /// The target of the code, a triple.
    #[arg(long, value_name = "TRIPLE", default_value = "aarch64-unknown-linux-gnu")]
    pub target: String,
    /// The form of the output.
    #[arg(long, value_enum, default_value_t)]
    pub format: PageFormat,
    /// How many threads work [default: one for each processor].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub jobs: Option<usize>,
}

/// `midframe lower`
#[derive(Args, Clone, Debug)]
#[command(after_long_help = examples::LOWER)]
pub struct Lower {
    /// The frame size in bytes: 65616, 0x10050, 64KiB+80.
    #[arg(long, value_name = "BYTES", allow_negative_numbers = true)]
    pub frame: String,
    /// A leaf function: one that calls no other.
    #[arg(long)]
    pub leaf: bool,
    /// Without the stack-split check, as for functions marked NOSPLIT.
    #[arg(long)]
    pub nosplit: bool,
    /// A policy, or a Go release such as go1.24.5 [default: the policy of the newest release].
    #[arg(long, value_name = "POLICY")]
    pub policy: Option<String>,
    /// The target of the code, a triple.
    #[arg(long, value_name = "TRIPLE", default_value = "aarch64-unknown-linux-gnu")]
    pub target: String,
    /// The form of the output.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `midframe explain`
#[derive(Args, Clone, Debug)]
#[command(after_long_help = examples::EXPLAIN)]
pub struct Explain {
    /// An executable file.
    #[arg(
        value_name = "BINARY",
        conflicts_with_all = ["frame", "leaf", "nosplit", "policy", "target"],
        requires = "function"
    )]
    pub binary: Option<PathBuf>,
    /// The name of a function in it, as scan shows it.
    #[arg(value_name = "FUNCTION")]
    pub function: Option<String>,
    /// The frame size in bytes: 65616, 0x10050, 64KiB+80.
    #[arg(long, value_name = "BYTES", allow_negative_numbers = true)]
    pub frame: Option<String>,
    /// A leaf function: one that calls no other.
    #[arg(long)]
    pub leaf: bool,
    /// Without the stack-split check, as for functions marked NOSPLIT.
    #[arg(long)]
    pub nosplit: bool,
    /// A policy, or a Go release such as go1.24.5 [default: the policy of the newest release].
    #[arg(long, value_name = "POLICY")]
    pub policy: Option<String>,
    /// The target of the code, a triple.
    #[arg(long, value_name = "TRIPLE", default_value = "aarch64-unknown-linux-gnu")]
    pub target: String,
    /// The boundary: +0x28, or in a file its address [default: the first with a finding].
    #[arg(long, value_name = "BOUNDARY")]
    pub boundary: Option<String>,
    /// The form of the output.
    #[arg(long, value_enum, default_value_t)]
    pub format: PageFormat,
}

/// `midframe scan`
#[derive(Args, Clone, Debug)]
#[command(after_long_help = examples::SCAN)]
pub struct Scan {
    /// Executable files, directories, archives and packages, or - for standard input.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The form of the output.
    #[arg(long, value_enum, default_value_t)]
    pub format: ScanFormat,
    /// What makes the exit status 1: observers, severities, undecided; can be repeated
    /// [default: async-preemption,everybody].
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    pub fail_on: Vec<FailOn>,
    /// Check only the functions whose names match, anywhere in the name.
    #[arg(long, value_name = "REGEX")]
    pub only_function: Option<String>,
    /// One line an image, without its findings; for text and markdown.
    #[arg(long)]
    pub summary: bool,
    /// Accept the findings that this file lists with a reason.
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write a new baseline of the findings that none accepts. Its reasons are empty, and
    /// it is refused until each is filled in.
    #[arg(long, value_name = "FILE")]
    pub write_baseline: Option<PathBuf>,
    /// How many threads work [default: one for each processor].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub jobs: Option<usize>,
}

/// `midframe conform`
#[derive(Args, Clone, Debug)]
#[command(after_long_help = examples::CONFORM)]
pub struct Conform {
    /// An executable file.
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// The form of the output.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// How many threads work [default: one for each processor].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub jobs: Option<usize>,
}

/// `midframe budget`
#[derive(Args, Clone, Debug)]
#[command(after_long_help = examples::BUDGET)]
pub struct Budget {
    /// A program or library of Go, or an ELF file with symbols: an executable, a shared
    /// object such as a vDSO, an object.
    #[arg(value_name = "IMAGE")]
    pub path: PathBuf,
    /// Only the function with this name; can be repeated [default: all].
    #[arg(long = "function", value_name = "NAME")]
    pub functions: Vec<String>,
    /// The budget in bytes: 104, 0x68, 4KiB.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub bytes: String,
    /// The form of the output.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// How many threads work [default: one for each processor].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub jobs: Option<usize>,
}

/// `midframe review`
#[derive(Args, Clone, Debug)]
#[command(after_long_help = examples::REVIEW)]
pub struct Review {
    /// A file, a directory, or with --policy a policy: what there was.
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// The same kind of thing: what there is now.
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// Compare how two policies, or releases such as go1.24.5, lower frames.
    #[arg(long)]
    pub policy: bool,
    /// With --policy: only the frame sizes from FIRST to LAST, both included.
    #[arg(long, value_name = "FIRST..LAST", requires = "policy")]
    pub frames: Option<String>,
    /// With --policy: without the stack-split check, as for functions marked NOSPLIT.
    #[arg(long, requires = "policy")]
    pub nosplit: bool,
    /// With --policy: the target of the code, a triple [default: aarch64-unknown-linux-gnu].
    #[arg(long, value_name = "TRIPLE", requires = "policy")]
    pub target: Option<String>,
    /// How many functions are named as examples of a change.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub examples: u16,
    /// The form of the output.
    #[arg(long, value_enum, default_value_t)]
    pub format: ReviewFormat,
    /// How many threads work [default: one for each processor].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub jobs: Option<usize>,
}

/// `midframe snapshot`
#[derive(Args, Clone, Debug)]
#[command(after_long_help = examples::SNAPSHOT)]
pub struct Snapshot {
    /// What to do.
    #[command(subcommand)]
    pub command: SnapshotCommand,
}

/// The subcommands of `midframe snapshot`.
#[derive(Clone, Debug, Subcommand)]
pub enum SnapshotCommand {
    /// Tell what is not as it was accepted, and how to accept it.
    ///
    /// Exit status: 0 everything is as it was accepted; 1 something is not, or breaks a rule
    /// that the file has no waiver for; 2 wrong usage, or a file could not be read.
    Check(SnapshotCheck),
    /// Accept what is there now. Refused where CI is set.
    ///
    /// Exit status: 0 it is accepted; 1 a file was refused; 2 wrong usage, or a file could
    /// not be read or written.
    Update(SnapshotUpdate),
}

/// `midframe snapshot check`
#[derive(Args, Clone, Debug)]
pub struct SnapshotCheck {
    /// A directory of files whose names end in .snapshot.
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
    /// Only the file with this name in it; can be repeated.
    #[arg(long, value_name = "NAME")]
    pub only: Vec<PathBuf>,
}

/// `midframe snapshot update`
#[derive(Args, Clone, Debug)]
pub struct SnapshotUpdate {
    /// A directory of files whose names end in .snapshot.
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
    /// Only the file with this name in it; can be repeated.
    #[arg(long, value_name = "NAME")]
    pub only: Vec<PathBuf>,
    /// Also files that another version of midframe made, or that are of another policy or
    /// release.
    #[arg(long)]
    pub rebase: bool,
}

/// `midframe policies`
#[derive(Args, Clone, Debug)]
#[command(after_long_help = examples::POLICIES)]
pub struct Policies {
    /// The form of the output.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `midframe completions`
#[derive(Args, Clone, Debug)]
#[command(after_long_help = examples::COMPLETIONS)]
pub struct Completions {
    /// The shell.
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// `midframe man`
#[derive(Args, Clone, Debug)]
#[command(after_long_help = examples::MAN)]
pub struct Man {
    /// A directory, which is made if there is none.
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
}
