//! The sequences of a snapshot, as text.

use super::header::{Made, Subject};
use crate::lower;
use crate::map::FileBytes;
use crate::report::text::printable;
use crate::review::Line;
use crate::review::group::line;
use crate::review::image_pair::{Table, judge};
use crate::review::parts::Parts;
use crate::review::step::{Class, Code, Step};
use crate::review::verdict::Judged;
use crate::scan::{Options, Scanner, Summary, unobserving};
use a64::syntax::GoSyntax;
use anyhow::{Context as _, Result};
use core::fmt::Write as _;
use image::{Function, Image};
use lowering::{Frame, FrameSize, Kind, Policy};
use regex::bytes::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use unwind::{RowTable, UnsafePoint};
use verifier::Rule;

/// The sequences, and the rules that they break.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Sequences {
    pub(super) text: String,
    pub(super) broken: BTreeSet<Rule>,
}

/// What the line above a function begins with.
const FUNCTION: &str = "function ";

/// The functions that a text has sequences of.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.strip_prefix(FUNCTION))
}

/// Makes the sequences of a subject; a program's path is one from `directory`.
///
/// # Errors
/// When the program cannot be read, or is not an executable with Go functions for arm64.
pub(super) fn make(subject: &Subject, directory: &Path) -> Result<(Sequences, Made)> {
    match subject {
        Subject::Policy { asked, frames } => {
            let policy = *Policy::resolve(asked)?;
            let mut sequences = Sequences::default();
            for &size in frames {
                for kind in [Kind::Leaf, Kind::NonLeaf] {
                    sequences.frame(&policy, size, kind);
                }
            }
            Ok((sequences, Made::now(Some(policy.name.to_owned()))))
        }
        Subject::Binary { path, functions } => {
            let path = directory.join(path);
            let shown = || path.display().to_string();
            let file = FileBytes::open(&path).with_context(shown)?;
            let image = Image::parse(file.bytes()).with_context(shown)?;
            let made = Made::now(image.go_version().map(str::to_owned));
            Ok((binary(&image, functions), made))
        }
    }
}

impl Sequences {
    /// A whole function, word by word.
    fn frame(&mut self, policy: &Policy, size: FrameSize, kind: Kind) {
        let listing = lower::list(Frame::new(size, kind), *policy, policy.name);
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        let _ = writeln!(self.text, "{kind}, frame {size}");
        for boundary in &listing.boundaries {
            let (word, instruction) = (boundary.word, GoSyntax(boundary.word).to_string());
            let _ = write!(
                self.text,
                "  +{:#04x}  {word}  {instruction:<26}  {:>8}  {}",
                boundary.at.offset(),
                boundary.declared.to_string(),
                class(boundary.unsafe_point),
            );
            for rule in boundary.rules() {
                let _ = write!(self.text, "  ! {rule}");
                self.broken.insert(rule);
            }
            trim(&mut self.text);
        }
    }

    /// The frame code of a function, without addresses.
    fn function(&mut self, name: &str, parts: &Parts<'_>, judged: &Judged) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        let _ = writeln!(self.text, "{FUNCTION}{name}\n  frame {}", parts.frame);
        let mut observers: BTreeMap<Rule, Vec<&str>> = BTreeMap::new();
        for (rule, observer) in judged.refuted() {
            observers.entry(rule).or_default().push(observer.id());
        }
        for (rule, observers) in observers {
            let _ = writeln!(self.text, "  refuted: {rule} for {}", observers.join(", "));
            self.broken.insert(rule);
        }
        for reason in &judged.reasons {
            let _ = writeln!(self.text, "  undecided: {reason}");
        }
        self.part("prologue", parts.prologue(), judged);
        self.part("morestack", parts.more_stack(), judged);
        for steps in parts.distinct_epilogues() {
            self.part("epilogue", steps, judged);
        }
    }

    fn part(&mut self, part: &str, steps: &[Step<'_>], judged: &Judged) {
        if steps.is_empty() {
            return;
        }
        let _ = writeln!(self.text, "  {part}");
        for Line { text, depth, safety, rules, .. } in steps.iter().map(|step| line(step, judged)) {
            let depth = depth.map_or_else(|| "-".to_owned(), |depth| depth.to_string());
            let (text, safety) = (printable(&text), safety_of(safety));
            let _ = write!(self.text, "    {text:<32}  {depth:>8}  {safety}");
            for rule in rules {
                let _ = write!(self.text, "  ! {rule}");
            }
            trim(&mut self.text);
        }
    }
}

/// Ends a line, without spaces before its end.
fn trim(text: &mut String) {
    text.truncate(text.trim_end_matches(' ').len());
    text.push('\n');
}

const fn class(point: UnsafePoint) -> &'static str {
    match point {
        UnsafePoint::Safe => "",
        UnsafePoint::Unsafe => "unsafe",
        UnsafePoint::Restart1 => "restart 1",
        UnsafePoint::Restart2 => "restart 2",
        UnsafePoint::RestartAtEntry => "restart at entry",
    }
}

const fn safety_of(class: Class) -> &'static str {
    match class {
        Class::None => "no row",
        Class::Safe => "",
        Class::Unsafe => "unsafe",
        Class::Begins => "restart begins",
        Class::Restarts => "restart",
        Class::AtEntry => "restart at entry",
    }
}

/// The functions whose names match, in the order of their names.
fn binary(image: &Image<'_>, pattern: &Regex) -> Sequences {
    let table = Table::new(image);
    let mut named: Vec<_> = table.functions.iter().collect();
    named.retain(|(_, function)| pattern.is_match(function.name()));
    named.sort_by_key(|(_, function)| function.name());
    let (mut sequences, mut scanner) = (Sequences::default(), Scanner::default());
    let (mut rows, mut parts, mut judged) = (RowTable::new(), Parts::default(), Judged::default());
    let unobserving = unobserving(image.release());
    for &&(index, function) in &named {
        match function.rows(&mut rows) {
            Ok(()) => {
                let code = Code { entry: function.entry, words: function.code, rows: &rows };
                parts.read(&code, &|pc| table.name_at(pc));
            }
            // The scanner says what is the matter.
            Err(_) => parts.clear(),
        }
        let (mut summary, mut findings) =
            (Summary { unobserving, ..Summary::default() }, Vec::new());
        scanner.function(image, index, &Options::default(), &mut summary, &mut findings);
        judge(&function, &summary, &findings, &mut judged);
        sequences.function(&name(&function), &parts, &judged);
    }
    sequences
}

fn name(function: &Function<'_>) -> String {
    printable(&String::from_utf8_lossy(function.name())).into_owned()
}
