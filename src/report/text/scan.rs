//! What a scan found: the verdict for each observer, what is undecided, and the
//! findings by function (`finding`). As wide as the reader has it, where names allow.

use super::finding::function;
use super::paint::{Tone, paint};
use super::width::{Width, wrapped};
use super::{grouped, plural, printable};
use crate::baseline::Used;
use crate::scan::{Finding, Scanned, ScannedImage, Skip, Totals};
use core::fmt::Write as _;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use verifier::{Observer, Verdict};

/// Writes the text of a scan piece by piece, as its images end.
#[derive(Clone, Debug, Default)]
pub struct ScanText {
    summary: bool,
    width: Width,
    totals: Totals,
    /// How many files were passed over for each reason, and the first of them.
    skipped: BTreeMap<Skip, (u64, String)>,
    /// How many lines the image before took.
    lines: usize,
}

impl ScanText {
    /// With a summary an image is one line, without its findings.
    #[must_use]
    pub fn new(summary: bool, width: Width) -> Self {
        Self { summary, width, ..Self::default() }
    }

    /// The text of one more image.
    #[must_use]
    pub fn image(&mut self, image: &ScannedImage) -> String {
        self.totals.add(image);
        if self.summary {
            return line(image);
        }
        let text = block(image, self.width);
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
fn block(image: &ScannedImage, width: Width) -> String {
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
        let _ = writeln!(text, ": {}", paint(Verdict::Proved, Verdict::Proved));
    } else {
        text.push('\n');
        for observer in Observer::ALL {
            let (tone, word, rest) = judged(image, observer);
            let _ = writeln!(text, "  {observer:<16}  {}{rest}", paint(tone, word));
        }
    }
    for note in notes(image) {
        let note = match note.split_once(": ") {
            Some((UNDECIDED, rest)) => format!("{}: {rest}", paint(Tone::Open, UNDECIDED)),
            _ => note,
        };
        text.push_str(&wrapped("  ", &note, width));
    }
    let by_function = |first: &&Finding, second: &&Finding| first.entry == second.entry;
    let open: Vec<_> = image.findings.iter().filter(|found| found.accepted.is_none()).collect();
    let mut functions: Vec<_> = open.chunk_by(by_function).collect();
    // What crashes comes first.
    functions.sort_by_key(|findings| findings.iter().map(|finding| finding.gravity()).min());
    for findings in functions {
        text.push_str(&function(findings, width));
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
        let verdict = paint(verdict, verdict);
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
        let counts = VERDICTS.map(|verdict| {
            let count = totals.verdicts(observer, verdict);
            let tone = if count == 0 { Tone::Plain } else { verdict.into() };
            paint(tone, format!("{} {verdict}", grouped(count)))
        });
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
        Observer::Everybody => "everybody who executes it",
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
    let (_, word, rest) = judged(image, observer);
    format!("{word}{rest}")
}

/// The verdict in a word, with its tone, and what stands behind it.
fn judged(image: &ScannedImage, observer: Observer) -> (Tone, String, String) {
    let summary = &image.summary;
    if summary.unobserving.contains(observer) {
        let version = image.go_version.as_deref().unwrap_or("this release");
        let astray = match summary.unobserved {
            0 => String::new(),
            count => format!(" (astray at {})", plural(count, "boundary", "boundaries")),
        };
        let version = printable(version);
        let why = format!(": nobody walks along R29 in {version}{astray}");
        return (Tone::Plain, "not observed".to_owned(), why);
    }
    let verdict = summary.verdict(observer);
    let mut text = String::new();
    let count = refuted_boundaries(image, observer, |_| true);
    if count > 0 {
        let _ = write!(text, " at {}", plural(count, "boundary", "boundaries"));
    }
    let accepted = refuted_boundaries(image, observer, |finding| finding.accepted.is_some());
    if accepted > 0 {
        let _ = write!(text, ", accepted at {}", grouped(accepted));
    }
    (verdict.into(), verdict.to_string(), text)
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

/// What else there is to know of an image, in paragraphs.
#[must_use]
pub fn notes(image: &ScannedImage) -> Vec<String> {
    let summary = &image.summary;
    let mut notes = Vec::new();
    if image.accepted() > 0 {
        let findings = plural(image.accepted(), "finding", "findings");
        notes.push(format!("accepted by the baseline and not shown: {findings}"));
    }
    if summary.filtered > 0 {
        let functions = plural(summary.filtered, "function", "functions");
        notes.push(format!("not checked, by name: {functions}"));
    }
    if summary.sp_write > 0 {
        let functions = plural(summary.sp_write, "function writes", "functions write");
        notes.push(format!("{functions} SP as marked (SPWRITE): profilers stop there"));
    }
    if !image.has_inline_trees {
        let sentence = "no inline trees found: a finding in code inlined from the runtime counts \
                        as the caller's";
        notes.push(sentence.to_owned());
    }
    for (reason, unsettled) in &summary.undecided {
        let functions = plural(unsettled.functions, "function", "functions");
        let preemptible = match unsettled.preemptible {
            0 => "never preempted".to_owned(),
            count => format!("{} preemptible", grouped(count)),
        };
        let example = printable(&unsettled.example);
        notes.push(format!("{UNDECIDED}: {functions} ({preemptible}): {reason}: {example}"));
    }
    notes
}

/// The verdicts in the order of the columns of totals.
pub const VERDICTS: [Verdict; 4] =
    [Verdict::Refuted, Verdict::Undecided, Verdict::Proved, Verdict::NotObserved];

/// How a note begins that says what is undecided.
const UNDECIDED: &str = "undecided";
