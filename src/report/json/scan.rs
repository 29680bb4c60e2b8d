//! `midframe/scan/1`

use super::verdicts;
use crate::baseline::{Note, Used};
use crate::scan::{Finding, Scanned, ScannedImage, Totals};
use a64::syntax::GoSyntax;
use serde::Serialize;
use std::collections::BTreeMap;
use verifier::Observer;

/// `midframe/scan/1`
#[derive(Debug, Serialize)]
pub struct ScanDocument {
    schema: &'static str,
    images: Vec<ImageObject>,
    errors: Vec<ErrorObject>,
    /// The files that were passed over in directories and archives.
    skipped: Vec<SkippedObject>,
    totals: TotalsObject,
    /// What became of the baseline, if there was one.
    baseline: Option<BaselineObject>,
}

#[derive(Debug, Serialize)]
struct ErrorObject {
    path: String,
    error: String,
}

#[derive(Debug, Serialize)]
struct SkippedObject {
    path: String,
    reason: String,
}

#[derive(Debug, Serialize)]
struct TotalsObject {
    images: u64,
    errors: u64,
    skipped: u64,
    functions: u64,
    boundaries: u64,
    findings: u64,
    accepted: u64,
    /// How many images have each verdict, by observer.
    verdicts: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
}

#[derive(Debug, Serialize)]
struct BaselineObject {
    path: String,
    entries: u64,
    accepted: u64,
    notes: Vec<NoteObject>,
}

#[derive(Debug, Serialize)]
struct NoteObject {
    line: usize,
    kind: &'static str,
    rule: &'static str,
    function: String,
    message: String,
}

#[derive(Debug, Serialize)]
struct ImageObject {
    path: String,
    container: String,
    architecture: &'static str,
    os: Option<&'static str>,
    main_module: Option<String>,
    go_version: Option<String>,
    functions: u64,
    /// Those that were not asked for.
    filtered_functions: u64,
    boundaries: u64,
    sp_write_functions: u64,
    verdicts: BTreeMap<&'static str, &'static str>,
    /// The observers that this release does not have: for them the verdict is `not-observed`.
    unobserving: Vec<&'static str>,
    /// How many boundaries break a rule that only those could see.
    unobserved_boundaries: u64,
    undecided: Vec<UndecidedObject>,
    /// How many of the findings the baseline accepts.
    accepted: u64,
    findings: Vec<FindingObject>,
}

#[derive(Debug, Serialize)]
struct UndecidedObject {
    reason: String,
    functions: u64,
    preemptible_functions: u64,
    example: String,
}

#[derive(Debug, Serialize)]
struct FindingObject {
    rule: &'static str,
    observer: &'static str,
    /// All who see it, the gravest first.
    observers: Vec<&'static str>,
    /// What can happen at worst.
    severity: &'static str,
    /// What comes of it, in sentences.
    consequence: Option<String>,
    function: String,
    entry: String,
    pc: String,
    /// Which of the findings of this rule in functions of this name, from 1.
    ordinal: u32,
    /// The same in every build in which rule, function and ordinal are.
    fingerprint: String,
    declared: i64,
    actual: i64,
    frame_size: i64,
    leaf: bool,
    instruction: String,
    file: Option<String>,
    line: Option<u32>,
    /// The first releases that mend it.
    fixed_in: &'static [&'static str],
    rebuild_is_enough: bool,
    remedy: String,
    accepted: Option<AcceptedObject>,
}

#[derive(Debug, Serialize)]
struct AcceptedObject {
    reason: String,
    expires: Option<String>,
}

/// The document of a scan.
#[must_use]
pub fn scan(scanned: &Scanned) -> ScanDocument {
    let errors = scanned.errors.iter().map(|(path, error)| ErrorObject {
        path: path.display().to_string(),
        error: error.clone(),
    });
    let skipped = scanned.skipped.iter().map(|(path, reason)| SkippedObject {
        path: path.display().to_string(),
        reason: reason.reason().to_owned(),
    });
    ScanDocument {
        schema: "midframe/scan/1",
        images: scanned.images.iter().map(image).collect(),
        errors: errors.collect(),
        skipped: skipped.collect(),
        totals: totals(&scanned.totals()),
        baseline: scanned.baseline.as_ref().map(baseline),
    }
}

fn totals(totals: &Totals) -> TotalsObject {
    TotalsObject {
        images: totals.images,
        errors: totals.errors,
        skipped: totals.skipped,
        functions: totals.functions,
        boundaries: totals.boundaries,
        findings: totals.findings,
        accepted: totals.accepted,
        verdicts: totals.by_observer(),
    }
}

fn baseline(used: &Used) -> BaselineObject {
    let note = |note: &Note| NoteObject {
        line: note.line,
        kind: note.kind.id(),
        rule: note.rule.id(),
        function: note.function.clone(),
        message: note.message(),
    };
    BaselineObject {
        path: used.path.display().to_string(),
        entries: used.entries,
        accepted: used.accepted,
        notes: used.notes.iter().map(note).collect(),
    }
}

fn image(image: &ScannedImage) -> ImageObject {
    let summary = &image.summary;
    let undecided = summary.undecided.iter().map(|(reason, unsettled)| UndecidedObject {
        reason: reason.clone(),
        functions: unsettled.functions,
        preemptible_functions: unsettled.preemptible,
        example: unsettled.example.clone(),
    });
    ImageObject {
        path: image.path.display().to_string(),
        container: image.container.clone(),
        architecture: image.architecture,
        os: image.os,
        main_module: image.main_module.clone(),
        go_version: image.go_version.clone(),
        functions: summary.functions,
        filtered_functions: summary.filtered,
        boundaries: summary.boundaries,
        sp_write_functions: summary.sp_write,
        verdicts: verdicts(|observer| summary.verdict(observer)),
        unobserving: ids(|observer| summary.unobserving.contains(observer)),
        unobserved_boundaries: summary.unobserved,
        undecided: undecided.collect(),
        accepted: image.accepted(),
        findings: image.findings.iter().map(finding).collect(),
    }
}

fn finding(finding: &Finding) -> FindingObject {
    let (file, line) = finding.position.clone().unzip();
    FindingObject {
        rule: finding.rule.id(),
        observer: finding.observer.id(),
        observers: ids(|observer| finding.observers.contains(observer)),
        severity: finding.severity.id(),
        consequence: consequences(finding),
        function: finding.function.clone(),
        entry: finding.entry.to_string(),
        pc: finding.pc.to_string(),
        ordinal: finding.ordinal,
        fingerprint: finding.fingerprint(),
        declared: finding.declared.0,
        actual: finding.actual.0,
        frame_size: finding.frame_size.0,
        leaf: finding.leaf,
        instruction: GoSyntax(finding.word).to_string(),
        file,
        line,
        fixed_in: finding.remedy.fixed_in(),
        rebuild_is_enough: finding.remedy.rebuild_is_enough,
        remedy: finding.remedy.sentence(),
        accepted: finding.accepted.as_ref().map(|accepted| AcceptedObject {
            reason: accepted.reason.clone(),
            expires: accepted.expires.map(|day| day.to_string()),
        }),
    }
}

/// Null for none, which no rule has for who sees it broken.
fn consequences(finding: &Finding) -> Option<String> {
    Some(finding.consequences().join(" ")).filter(|sentences| !sentences.is_empty())
}

fn ids(contains: impl Fn(Observer) -> bool) -> Vec<&'static str> {
    Observer::ALL.into_iter().filter(|&observer| contains(observer)).map(Observer::id).collect()
}
