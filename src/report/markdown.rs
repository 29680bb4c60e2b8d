//! Markdown for a ticket (CommonMark). Whatever comes from a file stands in a code
//! span, where nothing is markup, a link or a mention; and never in a table, whose
//! cells end at any `|`.

mod review;

pub use review::{MAX_LINES, review};

use super::text::{VERDICTS, grouped, plural, printable, seen_by};
use crate::baseline::Used;
use crate::scan::{Finding, Scanned, ScannedImage, Totals};
use a64::syntax::GoSyntax;
use core::fmt::Write as _;
use std::collections::{BTreeMap, BTreeSet};
use verifier::{Observer, Verdict};

/// The document of a scan. The summary leaves out the findings one by one.
#[must_use]
pub fn markdown(scanned: &Scanned, summary: bool) -> String {
    let mut text = "# midframe scan\n\n".to_owned();
    totals(&scanned.totals(), &mut text);
    if let Some(used) = &scanned.baseline {
        baseline(used, &mut text);
    }
    if !scanned.errors.is_empty() {
        text.push_str("\n## Not read\n\n");
        for (path, error) in &scanned.errors {
            let path = code(&path.display().to_string());
            let _ = writeln!(text, "- {path}: {}", code(error));
        }
    }
    for scanned in &scanned.images {
        image(scanned, summary, &mut text);
    }
    text
}

/// Foreign text as a code span: longer runs of backticks around it than any in it.
fn code(text: &str) -> String {
    let text = printable(text);
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // One space on each side is taken away again; an empty span is none.
    let pad = if text.is_empty() || text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A table of our own words and numbers.
fn totals(totals: &Totals, text: &mut String) {
    let images = plural(totals.images, "image", "images");
    let boundaries = plural(totals.boundaries, "boundary", "boundaries");
    let findings = plural(totals.findings, "finding", "findings");
    let accepted = grouped(totals.accepted);
    let _ = writeln!(text, "{images}, {boundaries}, {findings}, {accepted} accepted.\n");
    if totals.skipped > 0 {
        let _ = writeln!(text, "{} passed over.\n", plural(totals.skipped, "file", "files"));
    }
    text.push_str("| observer | refuted | undecided | proved | not observed |\n");
    text.push_str("| --- | ---: | ---: | ---: | ---: |\n");
    for observer in Observer::ALL {
        let counts = VERDICTS.map(|verdict| grouped(totals.verdicts(observer, verdict)));
        let _ = writeln!(text, "| {observer} | {} |", counts.join(" | "));
    }
}

fn baseline(used: &Used, text: &mut String) {
    let path = code(&used.path.display().to_string());
    let entries = plural(used.entries, "entry", "entries");
    let accepted = plural(used.accepted, "finding", "findings");
    let _ = writeln!(text, "\n## Baseline {path}\n\n{entries}, {accepted} accepted.\n");
    for note in &used.notes {
        let _ = writeln!(text, "- line {}: {}", note.line, code(&note.message()));
    }
}

fn image(image: &ScannedImage, summary: bool, text: &mut String) {
    let counts = &image.summary;
    let _ = writeln!(text, "\n## {}\n", code(&image.path.display().to_string()));
    let version = image.go_version.as_deref().map_or("unknown Go version".to_owned(), code);
    let functions = plural(counts.functions, "function", "functions");
    let boundaries = plural(counts.boundaries, "boundary", "boundaries");
    let (architecture, container) = (image.architecture, &image.container);
    let _ = writeln!(text, "{architecture} {container}, {version}, {functions}, {boundaries}.\n");
    for observer in Observer::ALL {
        let verdict = counts.verdict(observer);
        let release = if verdict == Verdict::NotObserved { " in this release" } else { "" };
        let _ = writeln!(text, "- {observer}: {verdict}{release}");
    }
    if counts.unobserved > 0 {
        let boundaries = plural(counts.unobserved, "boundary", "boundaries");
        let _ = writeln!(text, "- astray, but nobody looks in this release: {boundaries}");
    }
    if counts.filtered > 0 {
        let functions = plural(counts.filtered, "function", "functions");
        let _ = writeln!(text, "- not checked, by name: {functions}");
    }
    for (reason, unsettled) in &counts.undecided {
        let functions = plural(unsettled.functions, "function", "functions");
        let _ = writeln!(text, "- undecided: {functions}: {reason}: {}", code(&unsettled.example));
    }
    if image.accepted() > 0 {
        let findings = plural(image.accepted(), "finding", "findings");
        let _ = writeln!(text, "- accepted by the baseline: {findings}");
    }
    if summary {
        return;
    }
    // What counts comes first, what crashes before that.
    let by_function = |first: &Finding, second: &Finding| first.entry == second.entry;
    let mut functions: Vec<_> = image.findings.chunk_by(by_function).collect();
    functions.sort_by_key(|findings| {
        let open = findings.iter().any(|finding| finding.accepted.is_none());
        (!open, findings.iter().map(Finding::gravity).min())
    });
    functions.into_iter().for_each(|findings| function(findings, text));
}

fn function(findings: &[Finding], text: &mut String) {
    let Some(first) = findings.first() else { return };
    let kind = if first.leaf { "leaf" } else { "non-leaf" };
    let size = first.frame_size;
    let _ = writeln!(text, "\n### {}\n\n{kind}, frame {size}\n", code(&first.function));
    let mut groups: BTreeMap<_, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        groups.entry(finding.kind()).or_default().push(finding);
    }
    for ((observer, rule, severity, _), findings) in groups {
        let _ = write!(text, "- **{rule}**, seen by {}: {severity}.", seen_by(observer));
        let consequences = findings.first().map(|finding| finding.consequences());
        let mut sentences: BTreeSet<_> = BTreeSet::new();
        sentences.extend(findings.iter().map(|finding| finding.remedy.sentence()));
        let sentences = sentences.iter().map(String::as_str);
        for sentence in consequences.into_iter().flatten().chain(sentences) {
            let _ = write!(text, " {sentence}");
        }
        text.push('\n');
        findings.into_iter().for_each(|finding| line(finding, text));
    }
}

fn line(finding: &Finding, text: &mut String) {
    let place = match &finding.position {
        Some((file, line)) => code(&format!("{file}:{line}")),
        None => "no source position".to_owned(),
    };
    let _ = write!(
        text,
        "  - {} {}, declared {}, actual {}, {place}",
        code(&finding.pc.to_string()),
        code(&GoSyntax(finding.word).to_string()),
        finding.declared,
        finding.actual,
    );
    if let Some(accepted) = &finding.accepted {
        let until = accepted.expires.map_or(String::new(), |day| format!(" until {day}"));
        let _ = write!(text, "; accepted{until}: {}", code(&accepted.reason));
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    // CommonMark 0.31.2, 6.1 Code spans.
    #[test]
    fn a_code_span_is_longer_than_what_it_holds() {
        for (text, span) in [
            ("main.f", "`main.f`"),
            ("a`b", "``a`b``"),
            ("``", "``` `` ```"),
            ("", "`  `"),
            (" x", "`  x `"),
            ("a\nb", "`a\\nb`"),
        ] {
            assert_eq!(code(text), span);
        }
    }
}
