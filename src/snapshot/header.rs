//! The header of a snapshot: what it pins, what made it, and what it may break.

use lowering::{FrameSize, Policy};
use regex::bytes::Regex;
use std::collections::BTreeMap;
use std::path::PathBuf;
use thiserror::Error;
use verifier::Rule;

/// The first line of a file.
const FIRST: &str = "midframe snapshot 1";

/// This version of midframe.
const VERSION: &str = concat!("midframe ", env!("CARGO_PKG_VERSION"));

/// What a file begins with.
#[derive(Clone, Debug)]
pub struct Header {
    /// What is pinned.
    pub subject: Subject,
    /// What made the file.
    pub made: Made,
    /// The rules that may be broken, each with the reason.
    pub waivers: BTreeMap<Rule, String>,
}

/// What a file pins.
#[derive(Clone, Debug)]
pub enum Subject {
    /// Frames under a policy, leaf and not.
    Policy {
        /// As asked for: a release, or a policy.
        asked: String,
        /// The sizes.
        frames: Vec<FrameSize>,
    },
    /// The functions of a program whose names match.
    Binary {
        /// The program, from the directory of the file.
        path: PathBuf,
        /// The pattern.
        functions: Regex,
    },
}

/// What made a file. Nothing is known of one that was only begun.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Made {
    /// The version of midframe.
    pub by: Option<String>,
    /// The policy that lowered it, or the release that built it.
    pub from: Option<String>,
}

/// Why a text is no header.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// Another kind of file, or another version.
    #[error("is not a snapshot: expected {FIRST:?} as the first line")]
    First,
    /// Something that nobody knows.
    #[error("line {line}: {text:?} is not understood: expected one of {KEYS}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What it is.
        text: String,
    },
    /// A value that is none.
    #[error("line {line}: {message}")]
    Value {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// Neither of the two subjects, or half of one.
    #[error("pins nothing: expected policy and frames, or binary and functions")]
    Subject,
}

/// What the lines of a header begin with.
const KEYS: &str = "made-by, policy, lowered-as, frames, binary, built-by, functions, waiver";

impl Made {
    /// By this version of midframe.
    pub(super) fn now(from: Option<String>) -> Self {
        Self { by: Some(VERSION.to_owned()), from }
    }

    /// What made it and what would make it now, in words, if those differ and it was made
    /// at all.
    pub(super) fn differs(&self, now: &Self) -> Option<(String, String)> {
        let differs = self.by.is_some() && self != now;
        let words = |made: &Self| {
            let parts = [made.by.clone(), made.from.clone()];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" from ")
        };
        differs.then(|| (words(self), words(now)))
    }
}

/// The lines of a header as they come.
#[derive(Default)]
struct Lines {
    policy: Option<String>,
    frames: Option<Vec<FrameSize>>,
    binary: Option<PathBuf>,
    functions: Option<Regex>,
    made: Made,
    waivers: BTreeMap<Rule, String>,
}

impl Header {
    /// Reads the lines before the first blank one.
    ///
    /// # Errors
    /// When they are no header.
    pub fn read(text: &str) -> Result<Self, HeaderError> {
        let mut lines = text.lines();
        if lines.next().map(str::trim_end) != Some(FIRST) {
            return Err(HeaderError::First);
        }
        let mut found = Lines::default();
        for (line, text) in (2..).zip(lines).filter(|(_, text)| !text.trim().is_empty()) {
            let unknown = || HeaderError::Line { line, text: text.to_owned() };
            let (key, value) = text.split_once(':').ok_or_else(unknown)?;
            let wrong = |message: String| HeaderError::Value { line, message };
            if !found.take(key.trim(), value.trim()).map_err(wrong)? {
                return Err(unknown());
            }
        }
        let subject = match (found.policy, found.frames, found.binary, found.functions) {
            (Some(asked), Some(frames), None, None) => Subject::Policy { asked, frames },
            (None, None, Some(path), Some(functions)) => Subject::Binary { path, functions },
            _ => return Err(HeaderError::Subject),
        };
        Ok(Self { subject, made: found.made, waivers: found.waivers })
    }

    /// The header as it is written by what makes the file now.
    #[must_use]
    pub(super) fn write(&self, made: &Made) -> String {
        let mut lines = vec![FIRST.to_owned()];
        lines.extend(made.by.as_ref().map(|by| format!("made-by: {by}")));
        let from = made.from.as_ref();
        match &self.subject {
            Subject::Policy { asked, frames } => {
                lines.push(format!("policy: {asked}"));
                lines.extend(from.map(|from| format!("lowered-as: {from}")));
                let frames: Vec<_> = frames.iter().map(ToString::to_string).collect();
                lines.push(format!("frames: {}", frames.join(", ")));
            }
            Subject::Binary { path, functions } => {
                lines.push(format!("binary: {}", path.display()));
                lines.extend(from.map(|from| format!("built-by: {from}")));
                lines.push(format!("functions: {functions}"));
            }
        }
        let waivers = self.waivers.iter();
        lines.extend(waivers.map(|(rule, reason)| format!("waiver: {rule}: {reason}")));
        lines.join("\n") + "\n"
    }
}

impl Lines {
    /// Takes a line; says whether it is understood.
    fn take(&mut self, key: &str, value: &str) -> Result<bool, String> {
        let text = || Some(value.to_owned());
        let twice = match key {
            "made-by" => self.made.by.replace(value.to_owned()).is_some(),
            "lowered-as" | "built-by" => self.made.from.replace(value.to_owned()).is_some(),
            "policy" => {
                Policy::resolve(value).map_err(|error| error.to_string())?;
                core::mem::replace(&mut self.policy, text()).is_some()
            }
            "frames" => self.frames.replace(frames(value)?).is_some(),
            "binary" => self.binary.replace(PathBuf::from(value)).is_some(),
            "functions" => {
                let pattern = Regex::new(value).map_err(|_| {
                    format!("{value:?} is not a regular expression for names of functions")
                })?;
                self.functions.replace(pattern).is_some()
            }
            "waiver" => {
                let (rule, reason) = waiver(value)?;
                self.waivers.insert(rule, reason).is_some()
            }
            _ => return Ok(false),
        };
        if twice { Err(format!("{key} stands there twice")) } else { Ok(true) }
    }
}

fn frames(text: &str) -> Result<Vec<FrameSize>, String> {
    let size = |text: &str| crate::settings::frame_size(text.trim()).map_err(|e| e.to_string());
    text.split(',').map(size).collect()
}

fn waiver(text: &str) -> Result<(Rule, String), String> {
    let expected = || format!("{text:?} is no waiver: expected RULE: REASON");
    let (id, reason) = text.split_once(':').ok_or_else(expected)?;
    let rule = Rule::ALL.into_iter().find(|rule| rule.id() == id.trim());
    let rule = rule.ok_or_else(|| format!("{:?} is not a rule", id.trim()))?;
    match reason.trim() {
        "" => Err(format!("the waiver for {rule} has no reason")),
        reason => Ok((rule, reason.to_owned())),
    }
}
