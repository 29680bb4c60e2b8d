//! The report of a measurement: the functions that exceed the budget, those that are not
//! decided, and how many are within.

use super::paint::{Tone, paint};
use super::{grouped, plural, printable, table};
use crate::budget::{Budget, Measured, Open, Place};
use a64::syntax::GoSyntax;
use core::fmt::Write as _;
use std::collections::BTreeMap;
use verifier::Verdict;

/// How many functions are listed of each verdict, if none was asked for by name; JSON
/// lists all.
const MAX_LISTED: usize = 20;

/// The report of a measurement.
#[must_use]
pub fn budget(budget: &Budget) -> String {
    let mut text = format!(
        "{}: arm64 {}, {}, budget {}\n",
        printable(&budget.path.display().to_string()),
        budget.container,
        plural(budget.functions.len() as u64, "function", "functions"),
        bytes(budget.bytes),
    );
    let shown: &[Verdict] = match budget.is_asked {
        true => &[Verdict::Refuted, Verdict::Undecided, Verdict::Proved],
        false => &[Verdict::Refuted, Verdict::Undecided],
    };
    for &verdict in shown {
        let of =
            budget.functions.iter().filter(|function| function.verdict(budget.bytes) == verdict);
        let mut of: Vec<_> = of.collect();
        // The deepest first; the sort keeps the order of addresses.
        of.sort_by_key(|function| core::cmp::Reverse(function.depth));
        let most = if budget.is_asked { of.len() } else { MAX_LISTED };
        for measured in of.iter().take(most) {
            function(&mut text, measured, verdict);
        }
        if let Some(more @ 1..) = of.len().checked_sub(most) {
            let _ = writeln!(text, "  and {} more", grouped(more));
        }
    }
    text.push_str(&reasons(budget));
    text.push_str(&conclusion(budget));
    text
}

fn bytes(count: u64) -> String {
    plural(count, "byte", "bytes")
}

fn function(text: &mut String, measured: &Measured, verdict: Verdict) {
    let name = measured.names.first().map_or("?", String::as_str);
    let (word, least) = match verdict {
        Verdict::Proved => ("within", ""),
        Verdict::Refuted if measured.open.is_empty() => ("exceeds", ""),
        Verdict::Refuted => ("exceeds", "at least "),
        Verdict::Undecided | Verdict::NotObserved => ("undecided", "at least "),
    };
    let (word, depth) = (paint(verdict, word), bytes(measured.depth));
    let _ = writeln!(text, "  {}  {word}: {least}{depth}", printable(name));
    let mut rows = Vec::new();
    for step in &measured.chain {
        rows.push(row(&step.at, &format!("SP {} below entry", grouped(step.depth))));
    }
    let is_listed =
        measured.chain.last().is_some_and(|step| Some(&step.at) == measured.at.as_ref());
    if let Some(at) = measured.at.as_ref().filter(|_| !is_listed) {
        rows.push(row(at, "the deepest byte"));
    }
    for open in &measured.open {
        rows.push(row(&open.at, &reason(open)));
    }
    text.push_str(&table(&rows, &[]));
}

fn row(place: &Place, what: &str) -> Vec<String> {
    let offset = place.pc.0.wrapping_sub(place.entry.0);
    vec![
        format!("    {} (+{offset:#04x})", place.pc),
        GoSyntax(place.word).to_string(),
        printable(&place.function).into_owned(),
        what.to_owned(),
    ]
}

fn reason(open: &Open<Place>) -> String {
    match &open.detail {
        Some(detail) => format!("{}: {}", open.reason, printable(detail)),
        None => open.reason.to_string(),
    }
}

/// How many functions are undecided for each reason.
fn reasons(budget: &Budget) -> String {
    let mut counts = BTreeMap::new();
    for open in budget.functions.iter().flat_map(|function| &function.open) {
        *counts.entry(open.reason).or_insert(0_u64) += 1;
    }
    let rows: Vec<_> = counts
        .iter()
        .map(|(reason, &count)| {
            let functions = plural(count, "function", "functions");
            vec![format!("  {reason}"), functions, reason.summary().to_owned()]
        })
        .collect();
    table(&rows, &[1])
}

fn conclusion(budget: &Budget) -> String {
    let of = |verdict| {
        let of =
            budget.functions.iter().filter(|function| function.verdict(budget.bytes) == verdict);
        of.count() as u64
    };
    let within = budget.functions.iter().filter(|function| function.open.is_empty());
    let within = within.map(|function| function.depth).filter(|&depth| depth <= budget.bytes).max();
    let most = within.map_or_else(String::new, |depth| format!(", the most {}", bytes(depth)));
    let word = match budget.verdict() {
        Verdict::Refuted => "exceeded",
        Verdict::Proved | Verdict::Undecided | Verdict::NotObserved => "exceeding",
    };
    let counted = |verdict, word| {
        let count = of(verdict);
        let tone = if count == 0 { Tone::Plain } else { verdict.into() };
        format!("{}: {}", paint(tone, word), grouped(count))
    };
    format!(
        "{}; {}; {}{most}\n",
        counted(Verdict::Refuted, word),
        counted(Verdict::Undecided, "undecided"),
        counted(Verdict::Proved, "within the budget"),
    )
}
