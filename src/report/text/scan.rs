//! What a scan found: the verdict for each observer, what is undecided, and the
//! findings by function, each with what its observer would do and what would mend
//! it. In 100 columns, where names allow.

use super::{grouped, plural, printable, table};
use crate::baseline::Used;
use crate::explain::consequence;
use crate::scan::{Finding, Scanned, ScannedImage, Skip, Totals};
use core::fmt::Write as _;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use unwind::Word;
use verifier::syntax::GoSyntax;
use verifier::{Observer, Verdict};

/// The width of a line.
const WIDTH: usize = 100;

/// A run of neighbouring boundaries with the same finding that has more of them
/// is shown by its ends.
const LONGEST: usize = 4;

/// Writes the text of a scan piece by piece, as its images end.
#[derive(Clone, Debug, Default)]
pub struct ScanText {
    summary: bool,
    totals: Totals,
    /// How many files were passed over for each reason, and the first of them.
    skipped: BTreeMap<Skip, (u64, String)>,
    /// How many lines the image before took.
    lines: usize,
}

impl ScanText {
    /// With a summary an image is one line, without its findings.
    #[must_use]
    pub fn new(summary: bool) -> Self {
        Self { summary, ..Self::default() }
    }

    /// The text of one more image.
    #[must_use]
    pub fn image(&mut self, image: &ScannedImage) -> String {
        self.totals.add(image);
        if self.summary {
            return line(image);
        }
        let text = block(image);
        let lines = text.lines().count();
        let apart = self.lines > 1 || self.lines == 1 && lines > 1;
        self.lines = lines;
        if apart { format!("\n{text}") } else { text }
    }

    /// A file that could not be read.
    pub fn error(&mut self) {
        self.totals.errors += 1;
    }

    /// A file that was passed over.
    pub fn skipped(&mut self, path: &Path, reason: &Skip) {
        self.totals.skipped += 1;
        match self.skipped.get_mut(reason) {
            Some((count, _)) => *count += 1,
            None => {
                self.skipped.insert(reason.clone(), (1, path.display().to_string()));
            }
        }
    }

    /// What stands below the last image.
    #[must_use]
    pub fn end(&self, baseline: Option<&Used>) -> String {
        let mut text = String::new();
        // What a single image is, it says itself; of a file that cannot be read, the
        // message does.
        let Totals { images, errors, skipped, .. } = self.totals;
        if images > 1 || skipped > 0 || self.summary && images > 0 || images + errors == 0 {
            let apart = if images > 0 { "\n" } else { "" };
            text = format!("{apart}{}", totals(&self.totals));
        }
        for (reason, (count, first)) in &self.skipped {
            let files = plural(*count, "file", "files");
            let (reason, first) = (printable(reason.reason()), printable(first));
            let _ = writeln!(text, "  passed over: {files}, {reason}: {first}");
        }
        if let Some(used) = baseline {
            text = format!("{text}\n{}", self::baseline(used));
        }
        text
    }
}

/// The whole text of a scan.
#[must_use]
pub fn scan(scanned: &Scanned) -> String {
    let mut writer = ScanText::default();
    let mut text: String = scanned.images.iter().map(|image| writer.image(image)).collect();
    scanned.errors.iter().for_each(|_| writer.error());
    scanned.skipped.iter().for_each(|(path, reason)| writer.skipped(path, reason));
    text.push_str(&writer.end(scanned.baseline.as_ref()));
    text
}

/// An image with its findings, by function.
fn block(image: &ScannedImage) -> String {
    let summary = &image.summary;
    let mut text = heading(image);
    if image.is_filtered_out() {
        text.push_str("no function matches\n");
        return text;
    }
    let functions = plural(summary.functions, "function", "functions");
    let _ = write!(text, "{functions}, {}", plural(summary.boundaries, "boundary", "boundaries"));
    let proved = |observer| summary.verdict(observer) == Verdict::Proved;
    if Observer::ALL.into_iter().all(proved) && summary.unobserved == 0 {
        text.push_str(": proved\n");
    } else {
        text.push('\n');
        for observer in Observer::ALL {
            let _ = writeln!(text, "  {observer:<16}  {}", verdict(image, observer));
        }
    }
    notes(image, &mut text);
    let by_function = |first: &&Finding, second: &&Finding| first.entry == second.entry;
    let open: Vec<_> = image.findings.iter().filter(|found| found.accepted.is_none()).collect();
    let mut functions: Vec<_> = open.chunk_by(by_function).collect();
    // What crashes comes first.
    functions.sort_by_key(|findings| findings.iter().map(|finding| finding.observer).min());
    for findings in functions {
        text.push_str(&function(findings));
    }
    text
}

/// An image in one line.
fn line(image: &ScannedImage) -> String {
    let mut text = heading(image);
    if image.is_filtered_out() {
        text.push_str("no function matches\n");
        return text;
    }
    let verdict = |observer| {
        let verdict = image.summary.verdict(observer);
        match refuted_boundaries(image, observer, |_| true) {
            0 => format!("{observer} {verdict}"),
            count => format!("{observer} {verdict} ({})", grouped(count)),
        }
    };
    text.push_str(&Observer::ALL.map(verdict).join(", "));
    if image.accepted() > 0 {
        let _ = write!(text, ", {} accepted", grouped(image.accepted()));
    }
    text.push('\n');
    text
}

/// The counts over all images.
fn totals(totals: &Totals) -> String {
    let mut text = plural(totals.images, "image", "images");
    if totals.errors > 0 {
        let _ = write!(text, ", {} that could not be read", plural(totals.errors, "file", "files"));
    }
    let functions = plural(totals.functions, "function", "functions");
    let boundaries = plural(totals.boundaries, "boundary", "boundaries");
    let findings = plural(totals.findings, "finding", "findings");
    let _ = writeln!(
        text,
        ": {functions}, {boundaries}, {findings}, {} accepted",
        grouped(totals.accepted)
    );
    for observer in Observer::ALL {
        let counts = [Verdict::Refuted, Verdict::Undecided, Verdict::Proved]
            .map(|verdict| format!("{} {verdict}", grouped(totals.verdicts(observer, verdict))));
        let _ = writeln!(text, "  {observer:<16}  {}", counts.join(", "));
    }
    text
}

/// What became of the baseline.
fn baseline(used: &Used) -> String {
    let mut text = format!(
        "baseline {}: {}, {} accepted\n",
        printable(&used.path.display().to_string()),
        plural(used.entries, "entry", "entries"),
        plural(used.accepted, "finding", "findings"),
    );
    for note in &used.notes {
        let _ = writeln!(text, "  line {}: {}", note.line, printable(&note.message()));
    }
    text
}

/// Who sees a broken rule, in a sentence: two of them are named as a rule and as a
/// package are.
#[must_use]
pub const fn seen_by(observer: Observer) -> &'static str {
    match observer {
        Observer::AsyncPreemption => "async-preemption",
        Observer::FramePointer => "the frame-pointer unwinder",
        Observer::Profiler => "a profiler",
    }
}

fn heading(image: &ScannedImage) -> String {
    format!(
        "{}: {} {}, {}, ",
        printable(&image.path.display().to_string()),
        image.architecture,
        image.container,
        printable(image.go_version.as_deref().unwrap_or("unknown Go version")),
    )
}

/// The verdict on an image for an observer, and at how many boundaries.
#[must_use]
pub fn verdict(image: &ScannedImage, observer: Observer) -> String {
    let summary = &image.summary;
    if summary.unobserving.contains(observer) {
        let version = image.go_version.as_deref().unwrap_or("this release");
        let boundaries = plural(summary.unobserved, "boundary", "boundaries");
        let version = printable(version);
        return format!(
            "not observed: nobody walks along R29 in {version} (astray at {boundaries})"
        );
    }
    let mut text = summary.verdict(observer).to_string();
    let count = refuted_boundaries(image, observer, |_| true);
    if count > 0 {
        let _ = write!(text, " at {}", plural(count, "boundary", "boundaries"));
    }
    let accepted = refuted_boundaries(image, observer, |finding| finding.accepted.is_some());
    if accepted > 0 {
        let _ = write!(text, ", accepted at {}", grouped(accepted));
    }
    text
}

/// How many boundaries an observer finds a rule broken at; some break several.
fn refuted_boundaries(
    image: &ScannedImage,
    observer: Observer,
    counts: impl Fn(&Finding) -> bool,
) -> u64 {
    let seen = image.findings.iter().filter(|found| found.observers.contains(observer));
    seen.filter(|found| counts(found)).map(|found| found.pc).collect::<BTreeSet<_>>().len() as u64
}

/// What else there is to know of an image.
pub fn notes(image: &ScannedImage, text: &mut String) {
    let summary = &image.summary;
    if image.accepted() > 0 {
        let findings = plural(image.accepted(), "finding", "findings");
        let _ = writeln!(text, "  accepted by the baseline and not shown: {findings}");
    }
    if summary.filtered > 0 {
        let functions = plural(summary.filtered, "function", "functions");
        let _ = writeln!(text, "  not checked, by name: {functions}");
    }
    if summary.sp_write > 0 {
        let functions = plural(summary.sp_write, "function writes", "functions write");
        let _ = writeln!(text, "  {functions} SP as marked (SPWRITE): unwinders stop there");
    }
    if !image.has_inline_trees {
        let sentence = "no inline trees found: a finding in code inlined from the runtime counts \
                        as the caller's";
        text.push_str(&wrapped("  ", sentence));
    }
    for (reason, unsettled) in &summary.undecided {
        let functions = plural(unsettled.functions, "function", "functions");
        let preemptible = match unsettled.preemptible {
            0 => "never preempted".to_owned(),
            count => format!("{} preemptible", grouped(count)),
        };
        let example = printable(&unsettled.example);
        let line = format!("undecided: {functions} ({preemptible}): {reason}: {example}");
        text.push_str(&wrapped("  ", &line));
    }
}

/// What was found in one function, by rule and observer.
fn function(findings: &[&Finding]) -> String {
    let Some(first) = findings.first() else { return String::new() };
    let kind = if first.leaf { "leaf" } else { "non-leaf" };
    let name = printable(&first.function);
    let mut text = format!("\n  {name}  {kind}  frame {}\n", first.frame_size);
    let mut groups: BTreeMap<_, Vec<&Finding>> = BTreeMap::new();
    for &finding in findings {
        groups.entry((finding.observer, finding.rule)).or_default().push(finding);
    }
    for ((observer, rule), findings) in groups {
        let _ = writeln!(text, "    {rule}, seen by {}", seen_by(observer));
        text.push_str(&rows(&findings));
        if let Some(sentence) = consequence(rule, observer) {
            text.push_str(&wrapped("      ", sentence));
        }
        let remedies: BTreeSet<_> = findings.iter().map(|finding| finding.remedy).collect();
        for remedy in remedies {
            text.push_str(&wrapped("      ", &remedy.sentence()));
        }
    }
    text
}

/// The boundaries of a group, each with its place in the source: beside it, or below
/// if there is no room.
fn rows(findings: &[&Finding]) -> String {
    let rows: Vec<_> = findings.chunk_by(continues).flat_map(run).collect();
    let (cells, places): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    let plain = table(&cells, &[3, 5]);
    let width = |text: &str| text.chars().count();
    let widest = plain.lines().map(width).max().unwrap_or(0);
    if places.iter().all(|place| widest + 2 + width(place) <= WIDTH) {
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

/// A paragraph in lines that begin with `indent`, those behind the first with two
/// columns more.
pub(super) fn wrapped(indent: &str, paragraph: &str) -> String {
    let mut text = String::new();
    let mut line = indent.to_owned();
    for word in paragraph.split(' ') {
        let begun = !line.trim_start().is_empty();
        if begun && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(text, "{line}");
            line = format!("{indent}  {word}");
        } else {
            line.push_str(if begun { " " } else { "" });
            line.push_str(word);
        }
    }
    let _ = writeln!(text, "{line}");
    text
}
