//! Text for people. What comes from a file, such as a name, is shown so that it
//! can neither start a line of its own nor command the terminal.
//!
//! Reports have colours in them (`paint`), which whoever writes them elsewhere than to a
//! terminal takes off again ([`plain`]). Words and numbers that other formats use too
//! have none.

mod budget;
mod conform;
mod explain;
mod finding;
mod lower;
mod paint;
mod review;
mod scan;
mod snapshot;
mod width;

pub use budget::budget;
pub use conform::conform;
pub use explain::{FACTS, cell, ending, explain, facts, from_sp};
pub use lower::lower;
pub(crate) use paint::paint;
pub use paint::{Tone, plain};
pub use review::{
    change, costs, details, examples, headline, is_listed, named, nouns, part, review, rules, side,
    title,
};
pub use scan::{ScanText, VERDICTS, notes, scan, seen_by, verdict};
pub use snapshot::difference;
pub use width::Width;

use crate::prove::{Proof, Theorem};
use core::fmt::Write as _;
use lowering::Policy;
use std::borrow::Cow;
use verifier::{Rule, Severity, Verdict};

/// A number with its thousands set apart.
pub(crate) fn grouped(number: impl ToString) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Text from outside, its control characters escaped as in Rust.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let escape = |character: char| match character.is_control() {
        true => character.escape_default().to_string(),
        false => character.to_string(),
    };
    Cow::Owned(text.chars().map(escape).collect())
}

pub(crate) fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// Rows as a table: columns as wide as their widest cell, the ones that `right`
/// names flush right.
fn table(rows: &[Vec<String>], right: &[usize]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| paint::columns(cell)).max()
    };
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for ((column, cell), &width) in row.iter().enumerate().zip(&widths) {
            let gap = if column == 0 { "" } else { "  " };
            let room = " ".repeat(width.saturating_sub(paint::columns(cell)));
            let (before, behind) =
                if right.contains(&column) { (&*room, "") } else { ("", &*room) };
            let _ = write!(line, "{gap}{before}{cell}{behind}");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The theorem table.
#[must_use]
pub fn prove(proof: &Proof) -> String {
    let header = ["policy", "function", "verdict", "refuted", "smallest"];
    let rules = Rule::ALL.map(Rule::id);
    let mut rows = vec![header.into_iter().chain(rules).map(str::to_owned).collect::<Vec<_>>()];
    rows.extend(proof.theorems.iter().map(|theorem| {
        let mut row = self::theorem(theorem);
        if let Some(verdict) = row.get_mut(2) {
            *verdict = paint(theorem.tally.verdict(), &verdict);
        }
        row
    }));
    let numbers: Vec<_> = (3..header.len() + rules.len()).collect();
    let mut text = table(&rows, &numbers);
    let frames: u64 = proof.theorems.iter().map(|theorem| theorem.tally.frames).sum();
    let boundaries: u64 = proof.theorems.iter().map(|theorem| theorem.tally.boundaries).sum();
    let sizes = proof.theorems.iter().map(|theorem| theorem.tally.frames).max().unwrap_or(0);
    let _ = writeln!(
        text,
        "\nA theorem is about {}. {} decided, {}; {} verified one by one, in {:.1} s.",
        plural(sizes, "frame size", "frame sizes"),
        plural(frames, "frame", "frames"),
        plural(boundaries, "boundary", "boundaries"),
        plural(proof.sequences, "distinct sequence", "distinct sequences"),
        proof.elapsed.as_secs_f64(),
    );
    text.push_str("Sizes are in bytes; a rule's column counts the frame sizes that break it.\n");
    text
}

/// What can happen at worst, in brackets behind what it is about; nothing for none.
#[must_use]
pub fn severity(severity: Option<Severity>) -> String {
    severity.map_or_else(String::new, |severity| format!(" ({severity})"))
}

/// A row of the theorem table: policy, kind, verdict, and numbers.
#[must_use]
pub fn theorem(theorem: &Theorem) -> Vec<String> {
    let tally = &theorem.tally;
    let verdict = match tally.verdict() {
        Verdict::Undecided => format!("undecided ({})", grouped(tally.undecided)),
        verdict => verdict.to_string(),
    };
    let mut row = vec![
        theorem.policy.name.to_owned(),
        theorem.kind.to_string(),
        verdict,
        grouped(tally.refuted),
        tally.smallest.map_or_else(|| "-".to_owned(), grouped),
    ];
    row.extend(tally.rules.map(grouped));
    row
}

fn releases(policy: &Policy) -> String {
    if policy.releases.is_empty() {
        return "of no release".to_owned();
    }
    let ranges: Vec<_> = policy.releases.iter().map(ToString::to_string).collect();
    ranges.join(", ")
}

/// The table of policies.
#[must_use]
pub fn policies(policies: &[Policy]) -> String {
    let header = ["policy", "releases", "what it does"].map(str::to_owned).to_vec();
    let row =
        |policy: &Policy| vec![policy.name.to_owned(), releases(policy), policy.summary.to_owned()];
    let rows: Vec<_> = core::iter::once(header).chain(policies.iter().map(row)).collect();
    table(&rows, &[])
}
