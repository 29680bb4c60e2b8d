//! Findings that are known and accepted: a file that people can review, with a
//! reason for each.
//!
//! ```toml
//! [[accepted]]
//! image = "**/podman"     # optional: a pattern for the file, or for its name alone
//! rule = "sp-row"
//! function = "github.com/vishvananda/netlink/nl.(*NetlinkSocket).Receive"
//! ordinal = 1             # optional: which of several, from 1; or "1..4"
//! reason = "not called by us; gone with the next release, see issue 17"
//! expires = 2027-01-31    # optional: the last day, in UTC
//! ```
//!
//! An entry whose day has passed accepts nothing. It is reported, and so is one that
//! no finding matches. What is accepted is left out of the exit status and of the
//! text; it is counted everywhere.

mod read;
mod write;

pub use write::{FileOfEntries, write};

use crate::scan::{Accepted, Finding, ScannedImage};
use anyhow::{Context as _, Result};
use globset::GlobMatcher;
use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use verifier::Rule;

/// The most bytes that a baseline may have; it is read as a whole.
const MAX_BYTES: u64 = 16 << 20;

/// The entries of a file, with what they accepted so far.
#[derive(Debug)]
pub struct Baseline {
    path: PathBuf,
    entries: Vec<Entry>,
}

/// One entry.
#[derive(Debug)]
struct Entry {
    /// Where it begins in the file, from 1.
    line: usize,
    image: Option<GlobMatcher>,
    rule: Rule,
    function: String,
    /// The first and the last ordinal; all for none.
    ordinals: Option<(u32, u32)>,
    accepted: Arc<Accepted>,
    expired: bool,
    /// How many findings it matches that no entry before it accepts.
    taken: u64,
    /// Whether it matches any.
    matched: bool,
}

/// What became of a baseline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// The file.
    pub path: PathBuf,
    /// How many entries it has.
    pub entries: u64,
    /// How many findings they accept.
    pub accepted: u64,
    /// The entries that are of no use as they are.
    pub notes: Vec<Note>,
}

/// An entry that is of no use as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where the entry begins in the file, from 1.
    pub line: usize,
    /// What is the matter.
    pub kind: NoteKind,
    /// The entry's rule.
    pub rule: Rule,
    /// The entry's function.
    pub function: String,
}

/// What is the matter with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// Its last day has passed; it would have accepted so many findings, which count
    /// again.
    Expired {
        /// The last day.
        on: Date,
        /// How many findings it would have accepted.
        findings: u64,
    },
    /// No finding matches it.
    Unmatched,
}

impl NoteKind {
    /// A word for it.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Expired { .. } => "expired",
            Self::Unmatched => "unmatched",
        }
    }
}

impl Note {
    /// What is the matter, in a sentence without an end.
    #[must_use]
    pub fn message(&self) -> String {
        let what = format!("{} in {}", self.rule, self.function);
        match self.kind {
            NoteKind::Unmatched => format!("no finding matches: {what}"),
            NoteKind::Expired { on, findings: 0 } => {
                format!("expired on {on}, and no finding matches: {what}")
            }
            NoteKind::Expired { on, findings: 1 } => {
                format!("expired on {on}, the finding counts again: {what}")
            }
            NoteKind::Expired { on, findings } => {
                format!("expired on {on}, {findings} findings count again: {what}")
            }
        }
    }
}

impl Baseline {
    /// Reads a file, as of today.
    ///
    /// # Errors
    /// When the file cannot be read, or is not a baseline; the message names the line.
    pub fn read(path: &Path) -> Result<Self> {
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        Self::read_as_of(path, today)
    }

    fn read_as_of(path: &Path, today: Date) -> Result<Self> {
        let name = || format!("baseline {}", path.display());
        let text = read::text(path).with_context(name)?;
        let entries = read::entries(&text, today).with_context(name)?;
        Ok(Self { path: path.to_owned(), entries })
    }

    /// Marks the findings of an image that an entry accepts; the first of several
    /// that do.
    pub fn accept(&mut self, image: &mut ScannedImage) {
        let path = image.path.to_string_lossy();
        let mut here: Vec<&mut Entry> =
            self.entries.iter_mut().filter(|entry| entry.is_of(&path)).collect();
        // Those that accept nothing come last: what they match counts again only if
        // no other entry accepts it.
        here.sort_by_key(|entry| entry.expired);
        for finding in &mut image.findings {
            for entry in &mut here {
                if !entry.matches(finding) {
                    continue;
                }
                entry.matched = true;
                if finding.accepted.is_none() {
                    entry.taken += 1;
                    if !entry.expired {
                        finding.accepted = Some(Arc::clone(&entry.accepted));
                    }
                }
            }
        }
    }

    /// What became of the entries, of those whose functions were asked for.
    #[must_use]
    pub fn used(&self, asked: impl Fn(&str) -> bool) -> Used {
        let open = self.entries.iter().filter(|entry| !entry.expired);
        Used {
            path: self.path.clone(),
            entries: self.entries.len() as u64,
            accepted: open.map(|entry| entry.taken).sum(),
            notes: self.entries.iter().filter_map(|entry| entry.note(&asked)).collect(),
        }
    }
}

impl Entry {
    fn is_of(&self, path: &str) -> bool {
        // A pattern without a slash is one for the name alone, also for that of a
        // member of an archive.
        let name = path.rsplit(['/', '!']).next().unwrap_or(path);
        self.image.as_ref().is_none_or(|image| image.is_match(path) || image.is_match(name))
    }

    fn matches(&self, finding: &Finding) -> bool {
        let ordinals = |(first, last)| (first..=last).contains(&finding.ordinal);
        self.rule == finding.rule
            && self.function == finding.function
            && self.ordinals.is_none_or(ordinals)
    }

    fn note(&self, asked: impl Fn(&str) -> bool) -> Option<Note> {
        let kind = match (self.expired, self.accepted.expires) {
            (true, Some(on)) if asked(&self.function) => {
                NoteKind::Expired { on, findings: self.taken }
            }
            _ if !self.matched && asked(&self.function) => NoteKind::Unmatched,
            _ => return None,
        };
        Some(Note { line: self.line, kind, rule: self.rule, function: self.function.clone() })
    }
}
