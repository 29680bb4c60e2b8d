//! The page of a scan: each image with its verdicts, all findings in one table, and each
//! distinct sequence that has one, drawn and listed.

use super::depth::{Boundary, figures, key, listing, point, rules};
use super::markup::Html;
use super::page::page;
use super::table::{Cell, Column, Row, Use, table};
use crate::report::text;
use crate::scan::{Finding, Scanned, ScannedImage, Totals};
use a64::syntax::GoSyntax;
use std::collections::{BTreeMap, BTreeSet};
use unwind::{Depth, Index};
use verifier::{Observer, Rule, Verdict};

/// How many sequences of an image are shown unfolded.
const UNFOLDED: usize = 6;

/// How many functions are named for a sequence.
const NAMED: usize = 5;

/// The page of a scan.
#[must_use]
pub fn scan(scanned: &Scanned) -> String {
    let totals = scanned.totals();
    page("scan", &headline(&totals), |html| {
        over_all(html, &totals);
        if scanned.images.iter().any(|image| !image.findings.is_empty()) {
            key(html);
        }
        for (number, image) in scanned.images.iter().enumerate() {
            self::image(html, number + 1, image);
        }
        not_read(html, scanned);
    })
}

fn headline(totals: &Totals) -> String {
    let images = text::plural(totals.images, "image", "images");
    let failed = match totals.errors {
        0 => String::new(),
        failed => format!("{} could not be read; ", text::plural(failed, "file", "files")),
    };
    let functions = text::plural(totals.functions, "function", "functions");
    match totals.findings - totals.accepted {
        0 => format!("{failed}no open finding in {functions} of {images}"),
        open => {
            let findings = text::plural(open, "finding", "findings");
            format!("{failed}{findings} in {functions} of {images}")
        }
    }
}

fn over_all(html: &mut Html, totals: &Totals) {
    if totals.images < 2 {
        return;
    }
    const COLUMNS: [Column; 5] = [
        ("observer", false),
        ("refuted", true),
        ("undecided", true),
        ("proved", true),
        ("not observed", true),
    ];
    let rows = Observer::ALL.into_iter().map(|observer| {
        let count = |verdict| Cell::new(text::grouped(totals.verdicts(observer, verdict)));
        let counts = text::VERDICTS.map(count);
        Row::from(core::iter::once(Cell::new(observer)).chain(counts).collect::<Vec<_>>())
    });
    table(html, "Images by verdict", &COLUMNS, rows.collect(), Use::Sort);
}

fn image(html: &mut Html, number: usize, image: &ScannedImage) {
    html.leaf("h2", &[], image.path.display());
    let version = image.go_version.as_deref().unwrap_or("unknown Go version");
    html.leaf("p", &[], format!("{} {}, {version}", image.architecture, image.container));
    if image.is_filtered_out() {
        html.leaf("p", &[], "no function matches");
        return;
    }
    let summary = &image.summary;
    let functions = text::plural(summary.functions, "function", "functions");
    let boundaries = text::plural(summary.boundaries, "boundary", "boundaries");
    html.leaf("p", &[], format!("{functions}, {boundaries}"));
    html.element("dl", &[], |html| {
        for observer in Observer::ALL {
            let class = match summary.verdict(observer) {
                Verdict::Refuted => "bad",
                Verdict::Proved => "good",
                Verdict::Undecided | Verdict::NotObserved => "",
            };
            html.leaf("dt", &[], observer);
            html.leaf("dd", &[("class", &class)], text::verdict(image, observer));
        }
    });
    for note in text::notes(image) {
        html.leaf("p", &[("class", &"soft")], note);
    }
    findings(html, number, image);
    sequences(html, image);
}

const FINDINGS: [Column; 10] = [
    ("function", false),
    ("rule", false),
    ("severity", false),
    ("seen by", false),
    ("address", false),
    ("instruction", false),
    ("declared", true),
    ("actual", true),
    ("source", false),
    ("baseline", false),
];

fn findings(html: &mut Html, number: usize, image: &ScannedImage) {
    if image.findings.is_empty() {
        return;
    }
    let mut findings: Vec<_> = image.findings.iter().collect();
    // What crashes comes first, what is accepted last.
    findings.sort_by_key(|finding| (finding.accepted.is_some(), finding.gravity()));
    let rows = findings.into_iter().map(|finding| {
        let seen =
            Observer::ALL.into_iter().filter(|observer| finding.observers.contains(*observer));
        let seen: Vec<_> = seen.map(Observer::id).collect();
        let source = finding.position.as_ref();
        let accepted = finding.accepted.as_ref();
        let cells = vec![
            Cell::code(&finding.function).class("name"),
            Cell::new(finding.rule),
            Cell::new(finding.severity),
            Cell::new(seen.join(", ")).class("list"),
            Cell::code(finding.pc),
            Cell::code(GoSyntax(finding.word)),
            Cell::new(finding.declared),
            Cell::new(finding.actual),
            Cell::code(source.map_or("-".to_owned(), |(file, line)| format!("{file}:{line}")))
                .class("name"),
            Cell::new(
                accepted.map_or("open".to_owned(), |why| format!("accepted: {}", why.reason)),
            ),
        ];
        Row { class: "finding", cells }
    });
    let path = image.path.display();
    table(html, &format!("Findings in {path}"), &FINDINGS, rows.collect(), Use::Filter(number));
}

/// Boundaries around findings that are the same in several places.
struct Sequence<'a> {
    boundaries: Vec<Boundary>,
    /// The findings of the first place.
    findings: Vec<&'a Finding>,
    /// The functions, in their order, one with several places several times.
    functions: Vec<&'a str>,
}

/// The distinct sequences: what crashes first, then the most frequent.
fn distinct(image: &ScannedImage) -> Vec<Sequence<'_>> {
    let mut sequences: Vec<Sequence<'_>> = Vec::new();
    let mut known: BTreeMap<Vec<Form>, usize> = BTreeMap::new();
    for findings in image.findings.chunk_by(|one, other| one.entry == other.entry) {
        let boundaries = boundaries(findings);
        for run in boundaries.chunk_by(|one, other| one.at.0.saturating_add(1) == other.at.0) {
            let start = run.first().map_or(0, |boundary| boundary.at.0);
            let form = run.iter().map(|boundary| form(boundary, start)).collect();
            let at = |finding: &&Finding| run.iter().any(|b| b.at.offset() == offset(finding));
            let findings: Vec<_> = findings.iter().filter(at).collect();
            let Some(first) = findings.first() else { continue };
            match known.get(&form).and_then(|&place| sequences.get_mut(place)) {
                Some(sequence) => sequence.functions.push(&first.function),
                None => {
                    known.insert(form, sequences.len());
                    let functions = vec![first.function.as_str()];
                    sequences.push(Sequence { boundaries: run.to_vec(), findings, functions });
                }
            }
        }
    }
    sequences.sort_by_key(|sequence| {
        let gravest = sequence.findings.iter().map(|finding| finding.gravity()).min();
        (gravest, usize::MAX - sequence.functions.len())
    });
    sequences
}

/// How far a finding is from the function's entry, in bytes.
const fn offset(finding: &Finding) -> u64 {
    finding.pc.0.wrapping_sub(finding.entry.0)
}

/// What makes boundaries the same: all but where they are, and where they branch to.
type Form = (u32, String, Option<Depth>, Option<Depth>, &'static str, Vec<Rule>);

fn form(boundary: &Boundary, start: u32) -> Form {
    let plain = |operand: &str| match operand.split_once("(PC)") {
        Some((_, rest)) => format!("(PC){rest}"),
        None => operand.to_owned(),
    };
    let text: Vec<_> = boundary.text.split(' ').map(plain).collect();
    let Boundary { at, declared, actual, point, rules, .. } = boundary;
    (at.0 - start, text.join(" "), *declared, *actual, point, rules.clone())
}

/// The boundaries around the findings of one function, each once.
fn boundaries(findings: &[Finding]) -> Vec<Boundary> {
    let near: BTreeMap<Index, _> =
        findings.iter().flat_map(|finding| &finding.around).map(|near| (near.at, near)).collect();
    let boundary = |(at, near): (Index, &crate::scan::Near)| {
        let here = || findings.iter().filter(move |finding| offset(finding) == at.offset());
        let declared = near.row.map(|row| row.depth);
        let broken: BTreeSet<_> = here().map(|finding| finding.rule).collect();
        Boundary {
            at,
            text: GoSyntax(near.word).to_string(),
            declared,
            actual: here().next().map(|finding| finding.actual).or(declared),
            point: near.row.map_or("no row", |row| point(row.unsafe_point)),
            rules: broken.into_iter().collect(),
            is_here: false,
        }
    };
    near.into_iter().map(boundary).collect()
}

fn sequences(html: &mut Html, image: &ScannedImage) {
    let sequences = distinct(image);
    let split = sequences.len().min(UNFOLDED);
    let (shown, folded) = sequences.split_at(split);
    shown.iter().for_each(|sequence| self::sequence(html, sequence));
    if folded.is_empty() {
        return;
    }
    html.element("details", &[], |html| {
        let more = text::plural(folded.len() as u64, "more sequence", "more sequences");
        html.leaf("summary", &[], more);
        folded.iter().for_each(|sequence| self::sequence(html, sequence));
    });
}

fn sequence(html: &mut Html, sequence: &Sequence<'_>) {
    html.element("section", &[("class", &"panel sequence")], |html| {
        let mut functions = sequence.functions.clone();
        functions.dedup();
        let names: Vec<_> = functions.iter().take(NAMED).copied().collect();
        let names = match functions.len() - names.len() {
            0 => names.join(", "),
            more => format!("{} and {} more", names.join(", "), text::grouped(more)),
        };
        let broken: BTreeSet<_> = sequence.findings.iter().map(|finding| finding.rule).collect();
        let broken: Vec<_> = broken.into_iter().collect();
        let places = text::plural(sequence.functions.len() as u64, "place", "places");
        let count = text::plural(functions.len() as u64, "function", "functions");
        let heading = format!("{}: {places} in {count}", rules(&broken));
        html.leaf("h3", &[("class", &"bad")], heading);
        html.leaf("p", &[("class", &"soft")], &names);
        let first = sequence.functions.first().copied().unwrap_or_default();
        let caption = format!("Around the findings in {first}");
        figures(html, &[(caption, sequence.boundaries.clone())]);
        listing(html, &format!("Listing: {first}"), &sequence.boundaries);
        let findings = || sequence.findings.iter();
        let consequences = findings().flat_map(|found| found.consequences());
        let consequences: BTreeSet<_> = consequences.collect();
        consequences.iter().for_each(|sentence| html.leaf("p", &[], sentence));
        let remedies: BTreeSet<_> = findings().map(|found| found.remedy.sentence()).collect();
        remedies.iter().for_each(|sentence| html.leaf("p", &[], sentence));
    });
}

fn not_read(html: &mut Html, scanned: &Scanned) {
    if scanned.errors.is_empty() && scanned.skipped.is_empty() {
        return;
    }
    html.leaf("h2", &[], "Not scanned");
    html.element("ul", &[], |html| {
        for (path, error) in &scanned.errors {
            html.leaf("li", &[("class", &"bad")], format!("{}: {error}", path.display()));
        }
        for (path, reason) in &scanned.skipped {
            html.leaf("li", &[], format!("{}: passed over: {}", path.display(), reason.reason()));
        }
    });
}
