//! What a scan found: the verdict for each observer, what is undecided, and the
//! findings by function, each with what its observer would do.

use super::{grouped, plural, printable, table};
use crate::explain::consequence;
use crate::scan::{Finding, Scanned, ScannedImage};
use core::fmt::Write as _;
use std::collections::{BTreeMap, BTreeSet};
use unwind::Word;
use verifier::Observer;
use verifier::syntax::GoSyntax;

/// A run of neighbouring boundaries with the same finding that has more of them
/// is shown by its ends.
const LONGEST: usize = 4;

/// Images with their findings, by function.
#[must_use]
pub fn scan(scanned: &Scanned) -> String {
    scanned.images.iter().map(image).collect::<Vec<_>>().join("\n")
}

fn image(image: &ScannedImage) -> String {
    let summary = &image.summary;
    let mut text = format!(
        "{}: {} {}, {}, {}, {}\n",
        printable(&image.path.display().to_string()),
        image.architecture,
        image.container,
        printable(image.go_version.as_deref().unwrap_or("unknown Go version")),
        plural(summary.functions, "function", "functions"),
        plural(summary.boundaries, "boundary", "boundaries"),
    );
    for observer in Observer::ALL {
        let detail = match refuted_boundaries(image, observer) {
            0 => String::new(),
            count => format!(" at {}", plural(count, "boundary", "boundaries")),
        };
        let _ = writeln!(text, "  {observer:<16}  {}{detail}", summary.verdict(observer));
    }
    if summary.sp_write > 0 {
        let functions = plural(summary.sp_write, "function writes", "functions write");
        let _ = writeln!(text, "  {functions} SP as marked (SPWRITE): unwinders stop there");
    }
    if !image.has_inline_trees {
        text.push_str("  no inline trees found: a finding in code inlined from the runtime counts as the caller's\n");
    }
    for (reason, unsettled) in &summary.undecided {
        let functions = plural(unsettled.functions, "function", "functions");
        let preemptible = match unsettled.preemptible {
            0 => "never preempted".to_owned(),
            count => format!("{} preemptible", grouped(count)),
        };
        let example = printable(&unsettled.example);
        let _ = writeln!(text, "  undecided: {functions} ({preemptible}): {reason}: {example}");
    }
    let by_function = |first: &Finding, second: &Finding| first.entry == second.entry;
    let mut functions: Vec<_> = image.findings.chunk_by(by_function).collect();
    // What crashes comes first.
    functions.sort_by_key(|findings| findings.iter().map(|finding| finding.observer).min());
    for findings in functions {
        text.push_str(&function(findings));
    }
    text
}

/// How many boundaries an observer finds a rule broken at; some break several.
fn refuted_boundaries(image: &ScannedImage, observer: Observer) -> u64 {
    let seen = image.findings.iter().filter(|finding| finding.observers.contains(observer));
    seen.map(|finding| finding.pc).collect::<BTreeSet<_>>().len() as u64
}

/// What was found in one function, by rule and observer.
fn function(findings: &[Finding]) -> String {
    let Some(first) = findings.first() else { return String::new() };
    let kind = if first.leaf { "leaf" } else { "non-leaf" };
    let name = printable(&first.function);
    let mut text = format!("\n  {name}  {kind}  frame {}\n", first.frame_size);
    let mut groups: BTreeMap<_, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        groups.entry((finding.observer, finding.rule)).or_default().push(finding);
    }
    for ((observer, rule), findings) in groups {
        let rows: Vec<_> = findings.chunk_by(continues).flat_map(run).collect();
        text.push_str(&table(&rows, &[5, 7]));
        if let Some(sentence) = consequence(rule, observer) {
            let _ = writeln!(text, "     {sentence}");
        }
    }
    text
}

/// Whether a finding says of the next boundary what another says of the one before.
fn continues(before: &&Finding, next: &&Finding) -> bool {
    next.pc.0.wrapping_sub(before.pc.0) == Word::BYTES
        && (before.declared, before.actual) == (next.declared, next.actual)
}

/// The rows of a run of findings; of a long one the first and the last.
fn run(findings: &[&Finding]) -> Vec<Vec<String>> {
    match findings {
        [first, between @ .., last] if findings.len() > LONGEST => {
            let count = plural(between.len() as u64, "boundary", "boundaries");
            let mut between = ["   ", "...", "", "", "", "", "", ""].map(str::to_owned).to_vec();
            between.push(format!("and the {count} between"));
            vec![finding(first), between, finding(last)]
        }
        _ => findings.iter().map(|found| finding(found)).collect(),
    }
}

fn finding(finding: &Finding) -> Vec<String> {
    let place = match &finding.position {
        Some((file, line)) => format!("{}:{line}", printable(file)),
        None => "no source position".to_owned(),
    };
    vec![
        "   ".to_owned(),
        format!("{} (+{:#x})", finding.pc, finding.pc.0.wrapping_sub(finding.entry.0)),
        GoSyntax(finding.word).to_string(),
        format!("{}, {}", finding.rule, finding.observer),
        "declared".to_owned(),
        finding.declared.to_string(),
        "actual".to_owned(),
        finding.actual.to_string(),
        place,
    ]
}
