//! A baseline of what is found now. The reasons are left empty, and an entry with an
//! empty reason is refused when it is read: accepting is somebody's decision.

use crate::scan::{Finding, ScannedImage};
use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

const HEADER: &str = "\
# Findings of midframe that are known and accepted. Give each a reason; as long as one
# is empty the file is refused. `expires = 2027-01-31` ends an acceptance.
";

#[derive(Serialize)]
struct Document<'a> {
    accepted: [Table<'a>; 1],
}

#[derive(Serialize)]
struct Table<'a> {
    image: String,
    rule: &'static str,
    function: &'a str,
    ordinal: Ordinal,
    reason: &'static str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Ordinal {
    One(u32),
    Range(String),
}

/// The text of a baseline that is being collected.
#[derive(Clone, Debug, Default)]
pub struct FileOfEntries(String);

impl FileOfEntries {
    /// Begins one that is to become a new file.
    ///
    /// # Errors
    /// When there is such a file already.
    pub fn new(path: &Path) -> Result<Self> {
        if path.symlink_metadata().is_ok() {
            bail!("baseline {} exists already: expected the name of a new file", path.display());
        }
        Ok(Self::default())
    }

    /// Adds the findings of an image that no baseline accepts: an entry for those of
    /// a rule in a function that follow each other.
    ///
    /// # Errors
    /// When a name cannot be written.
    pub fn add(&mut self, image: &ScannedImage) -> Result<()> {
        let mut open: Vec<_> = image.findings.iter().filter(|f| f.accepted.is_none()).collect();
        open.sort_by_key(|finding| (finding.rule, &finding.function, finding.ordinal));
        let joins = |a: &&Finding, b: &&Finding| {
            (a.rule, &a.function) == (b.rule, &b.function) && a.ordinal + 1 == b.ordinal
        };
        for run in open.chunk_by(joins) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            let table = Table {
                image: globset::escape(&image.path.to_string_lossy()),
                rule: first.rule.id(),
                function: &first.function,
                ordinal: match first.ordinal == last.ordinal {
                    true => Ordinal::One(first.ordinal),
                    false => Ordinal::Range(format!("{}..{}", first.ordinal, last.ordinal)),
                },
                reason: "",
            };
            let text = toml::to_string(&Document { accepted: [table] });
            self.0.push('\n');
            self.0.push_str(&text.context("cannot write TOML")?);
        }
        Ok(())
    }
}

/// Writes a new file.
///
/// # Errors
/// When it exists already, or cannot be written.
pub fn write(path: &Path, entries: &FileOfEntries) -> Result<()> {
    let text = format!("{HEADER}{}", entries.0);
    let file = File::create_new(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("baseline {} cannot be written", path.display()))
}
