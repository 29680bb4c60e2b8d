//! The findings of a scan in one function: the boundaries by rule and observer, what that
//! observer would do, and what would mend it.

use super::paint::{Tone, columns, paint};
use super::width::{Width, wrapped};
use super::{plural, printable, seen_by, table};
use crate::scan::Finding;
use a64::syntax::GoSyntax;
use core::fmt::Write as _;
use std::collections::{BTreeMap, BTreeSet};
use unwind::Word;

/// A run of neighbouring boundaries with the same finding that has more of them
/// is shown by its ends.
const LONGEST: usize = 4;

/// What was found in one function, by rule and observer.
pub(super) fn function(findings: &[&Finding], width: Width) -> String {
    let Some(first) = findings.first() else { return String::new() };
    let kind = if first.leaf { "leaf" } else { "non-leaf" };
    let name = printable(&first.function);
    let mut text = format!("\n  {name}  {kind}  frame {}\n", first.frame_size);
    let mut groups: BTreeMap<_, Vec<&Finding>> = BTreeMap::new();
    for &finding in findings {
        groups.entry(finding.kind()).or_default().push(finding);
    }
    for ((observer, rule, severity, _), findings) in groups {
        let rule_id = paint(Tone::Bad, rule);
        let _ = writeln!(text, "    {rule_id}, seen by {}: {severity}", seen_by(observer));
        text.push_str(&rows(&findings, width));
        for sentence in findings.first().map(|finding| finding.consequences()).into_iter().flatten()
        {
            text.push_str(&wrapped("      ", sentence, width));
        }
        let remedies: BTreeSet<_> = findings.iter().map(|finding| finding.remedy).collect();
        for remedy in remedies {
            text.push_str(&wrapped("      ", &remedy.sentence(), width));
        }
    }
    text
}

/// The boundaries of a group, each with its place in the source: beside it, or below
/// if there is no room.
fn rows(findings: &[&Finding], width: Width) -> String {
    let rows: Vec<_> = findings.chunk_by(continues).flat_map(run).collect();
    let (cells, places): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    let plain = table(&cells, &[3, 5]);
    let widest = plain.lines().map(columns).max().unwrap_or(0);
    if places.iter().all(|place| widest + 2 + columns(place) <= width.columns()) {
        let beside = |(mut row, place): (Vec<String>, String)| {
            row.push(place);
            row
        };
        let rows: Vec<_> = cells.into_iter().zip(places).map(beside).collect();
        return table(&rows, &[3, 5]);
    }
    let mut text = String::new();
    for (at, line) in plain.lines().enumerate() {
        let _ = writeln!(text, "{line}");
        // Boundaries that follow each other are mostly of one line.
        if let Some(place) = places.get(at).filter(|place| places.get(at + 1) != Some(place)) {
            let _ = writeln!(text, "        {place}");
        }
    }
    text
}

/// Whether a finding says of the next boundary what another says of the one before.
fn continues(before: &&Finding, next: &&Finding) -> bool {
    next.pc.0.wrapping_sub(before.pc.0) == Word::BYTES
        && (before.declared, before.actual) == (next.declared, next.actual)
}

/// The rows of a run of findings, with their places; of a long one the first and the
/// last.
fn run(findings: &[&Finding]) -> Vec<(Vec<String>, String)> {
    match findings {
        [first, between @ .., last] if findings.len() > LONGEST => {
            let count = plural(between.len() as u64, "boundary", "boundaries");
            let cells = ["      ...".to_owned(), format!("and the {count} between")];
            vec![row(first), (cells.to_vec(), place(first)), row(last)]
        }
        _ => findings.iter().map(|found| row(found)).collect(),
    }
}

fn row(finding: &Finding) -> (Vec<String>, String) {
    let cells = vec![
        format!("      {} (+{:#x})", finding.pc, finding.pc.0.wrapping_sub(finding.entry.0)),
        GoSyntax(finding.word).to_string(),
        "declared".to_owned(),
        finding.declared.to_string(),
        "actual".to_owned(),
        finding.actual.to_string(),
    ];
    (cells, place(finding))
}

fn place(finding: &Finding) -> String {
    match &finding.position {
        Some((file, line)) => format!("{}:{line}", printable(file)),
        None => "no source position".to_owned(),
    }
}
