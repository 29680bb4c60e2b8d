//! Text for people. What comes from a file, such as a name, is shown so that it
//! can neither start a line of its own nor command the terminal.

mod conform;
mod explain;

pub use conform::conform;
pub use explain::explain;

use crate::lower::{Boundary, Listing};
use crate::prove::Proof;
use crate::scan::{Finding, Scanned, ScannedImage};
use core::fmt::Write as _;
use lowering::{Kind, Policy};
use std::borrow::Cow;
use unwind::UnsafePoint;
use verifier::syntax::GoSyntax;
use verifier::{Observer, Rule, Verdict};

/// A number with its thousands set apart.
fn grouped(number: impl ToString) -> String {
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

fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// Rows as a table: columns as wide as their widest cell, the ones that `right`
/// names flush right.
fn table(rows: &[Vec<String>], right: &[usize]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for ((column, cell), &width) in row.iter().enumerate().zip(&widths) {
            let gap = if column == 0 { "" } else { "  " };
            let _ = if right.contains(&column) {
                write!(line, "{gap}{cell:>width$}")
            } else {
                write!(line, "{gap}{cell:<width$}")
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The theorem table.
#[must_use]
pub fn prove(proof: &Proof) -> String {
    let header = ["policy", "releases", "function", "frames", "verdict", "refuted", "smallest"];
    let rules = Rule::ALL.map(Rule::id);
    let mut rows = vec![header.into_iter().chain(rules).map(str::to_owned).collect::<Vec<_>>()];
    for theorem in &proof.theorems {
        let tally = &theorem.tally;
        let verdict = match tally.verdict() {
            Verdict::Undecided => format!("undecided ({})", grouped(tally.undecided)),
            verdict => verdict.to_string(),
        };
        let mut row = vec![
            theorem.policy.name.to_owned(),
            releases(&theorem.policy),
            theorem.kind.to_string(),
            grouped(tally.frames),
            verdict,
            grouped(tally.refuted),
            tally.smallest.map_or_else(|| "-".to_owned(), grouped),
        ];
        row.extend(tally.rules.map(grouped));
        rows.push(row);
    }
    let frames: u64 = proof.theorems.iter().map(|theorem| theorem.tally.frames).sum();
    let boundaries: u64 = proof.theorems.iter().map(|theorem| theorem.tally.boundaries).sum();
    let seconds = proof.elapsed.as_secs_f64();
    let mut text = table(&rows, &[3, 5, 6, 7]);
    let _ = writeln!(
        text,
        "\n{} lowered and verified one by one, {}, in {seconds:.1} s.",
        plural(frames, "frame", "frames"),
        plural(boundaries, "boundary", "boundaries"),
    );
    text.push_str("Sizes are in bytes; a rule's column counts the frame sizes that break it.\n");
    text
}

fn releases(policy: &Policy) -> String {
    let ranges: Vec<_> = policy.releases.iter().map(ToString::to_string).collect();
    ranges.join(", ")
}

/// The listing of one frame.
#[must_use]
pub fn lower(listing: &Listing) -> String {
    let frame = &listing.frame;
    let mut text = format!("{}  {}  frame {}\n", listing.asked, frame.kind, frame.size);
    let rows: Vec<_> = listing.boundaries.iter().map(boundary).collect();
    text.push_str(&table(&rows, &[5, 7]));
    let (name, releases) = (listing.policy.name, releases(&listing.policy));
    let body = match frame.kind {
        Kind::Leaf => "the NOOP",
        Kind::NonLeaf => "the first CALL",
    };
    let _ = writeln!(text, "policy {name}: {releases}; {body} stands for the body");
    text.push_str(match listing.verdict {
        Verdict::Refuted => {
            "refuted: a goroutine preempted at a boundary marked > cannot be unwound\n"
        }
        Verdict::Undecided => "undecided\n",
        Verdict::Proved => "proved: SP is as declared at every boundary\n",
    });
    text
}

fn boundary(boundary: &Boundary) -> Vec<String> {
    let mut row = vec![
        if boundary.rules.is_empty() { " " } else { ">" }.to_owned(),
        format!("+{:#04x}", boundary.at.offset()),
        boundary.word.to_string(),
        GoSyntax(boundary.word).to_string(),
        "declared".to_owned(),
        boundary.declared.to_string(),
        "actual".to_owned(),
        boundary.actual.to_string(),
    ];
    if boundary.rules.is_empty() {
        row.push(unsafe_point(boundary).to_owned());
    } else {
        let rules: Vec<_> = boundary.rules.iter().map(|rule| rule.id()).collect();
        row.push(format!("mid-frame: {}", rules.join(", ")));
    }
    row
}

/// The class of the boundary, where it is not simply safe.
fn unsafe_point(boundary: &Boundary) -> &'static str {
    match boundary.unsafe_point {
        UnsafePoint::Safe => "",
        UnsafePoint::Unsafe => "unsafe point",
        UnsafePoint::Restart1 | UnsafePoint::Restart2 => "restartable",
        UnsafePoint::RestartAtEntry => "restarts at entry",
    }
}

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
        let count = image.findings.iter().filter(|finding| finding.observers.contains(observer));
        let detail = match count.count() as u64 {
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

fn function(findings: &[Finding]) -> String {
    let Some(first) = findings.first() else { return String::new() };
    let kind = if first.leaf { "leaf" } else { "non-leaf" };
    let name = printable(&first.function);
    let mut text = format!("\n  {name}  {kind}  frame {}\n", first.frame_size);
    let rows: Vec<Vec<String>> = findings.iter().map(finding).collect();
    text.push_str(&table(&rows, &[5, 7]));
    text
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

/// The table of policies.
#[must_use]
pub fn policies(policies: &[Policy]) -> String {
    let header = ["policy", "releases", "what it does"].map(str::to_owned).to_vec();
    let row =
        |policy: &Policy| vec![policy.name.to_owned(), releases(policy), policy.summary.to_owned()];
    let rows: Vec<_> = core::iter::once(header).chain(policies.iter().map(row)).collect();
    table(&rows, &[])
}
