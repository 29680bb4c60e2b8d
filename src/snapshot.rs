//! `midframe snapshot`: sequences that are pinned in small text files, which people
//! review.
//!
//! A file has a header, a blank line, and the sequences. Who begins one writes its
//! subject into the header, and `update` fills in the rest:
//!
//! ```text
//! midframe snapshot 1
//! policy: go1.24.6
//! frames: 4112, 65552
//! waiver: sp-row: leaves are not mended by this release
//! ```
//!
//! or, with a path from the file's own directory and a regular expression:
//!
//! ```text
//! midframe snapshot 1
//! binary: ../build/program
//! functions: ^main\.
//! ```
//!
//! Of a policy the whole functions are pinned, words and rows; of a program's functions
//! what [`crate::review`] compares, without addresses, so that a build that only moved
//! things does not differ. Each is verified, and what is refuted or undecided stands in
//! the file.
//!
//! `update` never accepts a sequence that breaks a rule unless the header has a waiver for
//! that rule, with a reason. It refuses a file that another version of midframe made, or
//! that is of another policy or release than it was, unless it is told to rebase.

mod header;
mod sequences;

pub use header::{Header, HeaderError, Made, Subject};

use crate::report::text::printable;
use anyhow::{Context as _, Result, bail};
use sequences::Sequences;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use verifier::Rule;
use walkdir::WalkDir;

/// How the name of a file ends.
pub const EXTENSION: &str = "snapshot";

/// The most bytes that a file may have; it is read as a whole.
const MAX_BYTES: u64 = 16 << 20;

/// A file, and what it would be if it were made now.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Its name in the directory.
    pub name: PathBuf,
    /// The file.
    pub path: PathBuf,
    header: Header,
    /// The sequences that are accepted.
    accepted: String,
    now: Sequences,
    made: Made,
}

/// Why a file cannot stay as it is, or cannot be updated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Problem {
    /// The sequences are other ones.
    Differs,
    /// Nothing is accepted yet.
    New,
    /// What it pins is there no more: no function has such a name.
    Stale,
    /// Functions that it pins are there no more.
    Disappeared(Vec<String>),
    /// A rule is broken, and there is no waiver for it.
    Unwaived(Rule),
    /// It was made by something else; what, and what would make it now.
    Rebase(String, String),
    /// A waiver is for a rule that nothing breaks.
    IdleWaiver(Rule),
}

impl Snapshot {
    /// Reads a file, and makes its sequences anew.
    ///
    /// # Errors
    /// When the file, or the program that it names, cannot be read, or the header is none.
    pub fn read(directory: &Path, name: &Path) -> Result<Self> {
        let path = directory.join(name);
        if std::fs::metadata(&path).context("cannot be read")?.len() > MAX_BYTES {
            bail!("is longer than {MAX_BYTES} bytes: expected a snapshot");
        }
        let text = std::fs::read_to_string(&path).context("cannot be read")?;
        // Git may have given lines other ends.
        let text = text.replace("\r\n", "\n");
        let (head, accepted) = text.split_once("\n\n").unwrap_or((&text, ""));
        let header = Header::read(head)?;
        let parent = path.parent().unwrap_or(directory);
        let (now, made) = sequences::make(&header.subject, parent)?;
        let (name, accepted) = (name.to_owned(), accepted.to_owned());
        Ok(Self { name, path, header, accepted, now, made })
    }

    /// What is the matter with the file. Notes come last.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.now.text.is_empty() {
            problems.push(Problem::Stale);
        } else if self.accepted.is_empty() {
            problems.push(Problem::New);
        } else if self.accepted != self.now.text {
            problems.push(Problem::Differs);
        }
        let there: BTreeSet<_> = sequences::names(&self.now.text).collect();
        let gone = sequences::names(&self.accepted).filter(|name| !there.contains(name));
        let gone: Vec<_> = gone.map(str::to_owned).collect();
        if !gone.is_empty() {
            problems.push(Problem::Disappeared(gone));
        }
        let waived: BTreeSet<_> = self.header.waivers.keys().copied().collect();
        let unwaived = self.now.broken.difference(&waived).copied();
        problems.extend(unwaived.map(Problem::Unwaived));
        if let Some((was, is)) = self.header.made.differs(&self.made) {
            problems.push(Problem::Rebase(was, is));
        }
        let idle = waived.difference(&self.now.broken).copied();
        problems.extend(idle.map(Problem::IdleWaiver));
        problems
    }

    /// The unified difference between what is accepted and what is there.
    #[must_use]
    pub fn difference(&self) -> String {
        let diff = similar::TextDiff::from_lines(&self.accepted, &self.now.text);
        let name = self.name.display().to_string();
        let name = printable(&name);
        let diff = diff
            .unified_diff()
            .context_radius(3)
            .header(&format!("{name} (accepted)"), &format!("{name} (now)"))
            .to_string();
        let lines: Vec<_> = diff.lines().map(printable).collect();
        lines.join("\n") + if lines.is_empty() { "" } else { "\n" }
    }

    /// The file as it would be now.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}", self.header.write(&self.made), self.now.text)
    }

    /// Writes the file as it would be now, at once or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self) -> Result<()> {
        let partial = self.path.with_extension("snapshot.partial");
        std::fs::write(&partial, self.text()).context("cannot be written")?;
        std::fs::rename(&partial, &self.path).context("cannot be written")
    }
}

impl Problem {
    /// Whether `check` fails for it.
    #[must_use]
    pub const fn fails(&self) -> bool {
        !matches!(self, Self::Rebase(..) | Self::IdleWaiver(_))
    }

    /// What is the matter, in a line.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Differs => "is not what was accepted".to_owned(),
            Self::New => "is not accepted yet".to_owned(),
            Self::Stale => "is stale: it pins functions, and none has such a name".to_owned(),
            Self::Disappeared(names) => {
                let names: Vec<_> = names.iter().map(|name| printable(name)).collect();
                format!("pins what disappeared: {}", names.join(", "))
            }
            Self::Unwaived(rule) => {
                format!("breaks {rule}, and has no waiver: \"waiver: {rule}: REASON\"")
            }
            Self::Rebase(was, is) => format!("was made by {was}, now by {is}"),
            Self::IdleWaiver(rule) => format!("has a waiver for {rule}, which nothing breaks"),
        }
    }
}

/// The names of the files of a directory, in order; only those that are asked for, if
/// any are.
///
/// # Errors
/// When the directory cannot be walked, has no such file, or one that is asked for is
/// not in it.
pub fn names(directory: &Path, only: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let shown = directory.display().to_string();
    let mut names = BTreeSet::new();
    for entry in WalkDir::new(directory) {
        let entry = entry.with_context(|| shown.clone())?;
        if entry.file_type().is_file()
            && entry.path().extension().is_some_and(|extension| extension == EXTENSION)
            && let Ok(name) = entry.path().strip_prefix(directory)
        {
            names.insert(name.to_owned());
        }
    }
    if names.is_empty() {
        bail!("{shown} has no files whose names end in .{EXTENSION}");
    }
    if let Some(missing) = only.iter().find(|name| !names.contains(*name)) {
        bail!("{shown} has no snapshot {:?}", missing.display().to_string());
    }
    names.retain(|name| only.is_empty() || only.contains(name));
    Ok(names.into_iter().collect())
}
