//! SARIF 2.1.0 (OASIS), in the subset that GitHub's code scanning reads: rules with
//! help, results with a place in the source, and fingerprints that outlive a build.
//!
//! A finding stands where its source is; if the image does not say, at the image.
//! Its function is the logical location, the image the target of the analysis. What
//! the baseline accepts is suppressed; files that could not be read, undecided
//! functions and entries of the baseline that are of no use are notifications.

mod place;
mod rules;

use crate::baseline::{Note, Used};
use crate::scan::{Accepted, Finding, Scanned, ScannedImage};
use a64::syntax::GoSyntax;
use place::{location, target};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use serde_sarif::sarif::{
    Invocation, Location, Message, Notification, PhysicalLocation, PropertyBag, Result,
    ResultLevel, RunAutomationDetails, Suppression, Tool, ToolComponent,
};
use std::collections::BTreeMap;
use verifier::{Observer, Rule, Severity};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The fingerprint that code scanning goes by.
const PRIMARY: &str = "primaryLocationLineHash";

/// Ours, should the other be replaced.
const OURS: &str = "midframeFinding/v1";

/// How many results code scanning takes in a run; a file with more in one is refused
/// (docs.github.com, "SARIF support for code scanning").
pub const MOST_RESULTS: usize = 25_000;

/// A SARIF log. Its results are made while it is written. More than [`MOST_RESULTS`] go
/// into several runs, which code scanning tells apart by their names.
#[derive(Debug, Serialize)]
pub struct SarifLog<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: Vec<Run<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool,
    #[serde(skip_serializing_if = "Option::is_none")]
    automation_details: Option<RunAutomationDetails>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invocations: Option<[Invocation; 1]>,
    results: Results<'a>,
    properties: PropertyBag,
}

#[derive(Debug)]
struct Results<'a> {
    scanned: &'a Scanned,
    /// The position of the run.
    run: usize,
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let Self { scanned, run } = *self;
        let results = scanned.images.iter().flat_map(|image| {
            let of = move |finding| result(image, finding, scanned.baseline.is_some());
            image.findings.iter().map(of)
        });
        serializer.collect_seq(results.skip(run * MOST_RESULTS).take(MOST_RESULTS))
    }
}

/// The log of a scan.
#[must_use]
pub fn sarif(scanned: &Scanned) -> SarifLog<'_> {
    let driver = ToolComponent::builder()
        .name("midframe")
        .semantic_version(env!("CARGO_PKG_VERSION"))
        .information_uri("https://github.com/golang/go/issues/73259")
        .rules(Rule::ALL.map(rules::descriptor))
        .build();
    let totals = scanned.totals();
    let counts = [
        ("images", totals.images),
        ("skippedFiles", totals.skipped),
        ("boundaries", totals.boundaries),
        ("findings", totals.findings),
        ("acceptedFindings", totals.accepted),
    ];
    let counts = counts.map(|(name, count)| (name, json!(count)));
    let properties = bag(counts.into_iter().chain([("verdicts", json!(totals.by_observer()))]));
    let findings = usize::try_from(totals.findings).unwrap_or(usize::MAX);
    let runs = findings.div_ceil(MOST_RESULTS).max(1);
    let name = |run: usize| format!("midframe/part-{}", run + 1);
    let run = |run| Run {
        tool: Tool::builder().driver(driver.clone()).build(),
        automation_details: (runs > 1)
            .then(|| RunAutomationDetails::builder().id(name(run)).build()),
        // What concerns all of them is said once.
        invocations: (run == 0).then(|| [invocation(scanned)]),
        results: Results { scanned, run },
        properties: properties.clone(),
    };
    SarifLog { schema: SCHEMA, version: "2.1.0", runs: (0..runs).map(run).collect() }
}

fn invocation(scanned: &Scanned) -> Invocation {
    let errors = scanned.errors.iter().map(|(path, error)| {
        let at = place::physical(target(&path.to_string_lossy()));
        notification(ResultLevel::Error, format!("{}: {error}", path.display()), Some(at))
    });
    let undecided = scanned.images.iter().flat_map(|image| {
        image.summary.undecided.iter().map(|(reason, unsettled)| {
            let functions = unsettled.functions;
            let text = format!("undecided: {functions} functions: {reason}: {}", unsettled.example);
            let at = place::physical(target(&image.path.to_string_lossy()));
            notification(ResultLevel::Note, text, Some(at))
        })
    });
    let baseline = scanned.baseline.iter().flat_map(baseline);
    let notifications: Vec<_> = errors.chain(undecided).chain(baseline).collect();
    Invocation::builder()
        .execution_successful(scanned.errors.is_empty())
        .tool_execution_notifications(notifications)
        .build()
}

fn baseline(used: &Used) -> Vec<Notification> {
    let path = used.path.to_string_lossy();
    let text = format!("{} findings are accepted by {path}", used.accepted);
    let note = |note: &Note| {
        let at = PhysicalLocation::builder()
            .artifact_location(target(&path))
            .region(place::line(note.line as u64))
            .build();
        let at = Location::builder().physical_location(at).build();
        notification(ResultLevel::Warning, note.message(), Some(at))
    };
    let notes = used.notes.iter().map(note);
    std::iter::once(notification(ResultLevel::Note, text, None)).chain(notes).collect()
}

fn notification(level: ResultLevel, text: String, at: Option<Location>) -> Notification {
    let mut notification =
        Notification::builder().message(message(text)).level(level.to_string()).build();
    notification.locations = at.map(|at| vec![at]);
    notification
}

fn result(image: &ScannedImage, finding: &Finding, has_baseline: bool) -> Result {
    let fingerprint = finding.fingerprint();
    let fingerprints = [PRIMARY, OURS].map(|key| (key.to_owned(), fingerprint.clone()));
    let mut result = Result::builder()
        .rule_id(finding.rule.id())
        .level(level(finding.severity))
        .message(message(sentence(finding)))
        .analysis_target(target(&image.path.to_string_lossy()))
        .locations(vec![location(image, finding)])
        .partial_fingerprints(BTreeMap::from(fingerprints))
        .properties(properties(image, finding))
        .build();
    let index = Rule::ALL.iter().position(|rule| *rule == finding.rule);
    result.rule_index = index.and_then(|index| i64::try_from(index).ok());
    // With the list, a result without a suppression is known not to be suppressed.
    result.suppressions = has_baseline.then(|| {
        let suppressed = finding.accepted.iter();
        suppressed.map(|accepted| suppression(accepted)).collect()
    });
    result
}

fn suppression(accepted: &Accepted) -> Suppression {
    let mut suppression = Suppression::builder()
        .kind("external")
        .status("accepted")
        .justification(&accepted.reason)
        .build();
    suppression.properties = accepted.expires.map(|day| bag([("expires", json!(day.to_string()))]));
    suppression
}

/// How grave a finding is: what ends or hangs the program is an error.
const fn level(severity: Severity) -> ResultLevel {
    match severity {
        Severity::Crash | Severity::Hang => ResultLevel::Error,
        Severity::WrongSample => ResultLevel::Warning,
    }
}

/// The message: no addresses in it, which differ between builds.
fn sentence(finding: &Finding) -> String {
    let consequence = finding.consequences().join(" ");
    format!(
        "{} is broken in {}, before {} in a frame of {} bytes: the row declares a depth of {}, SP \
         is at {}. {consequence} {}",
        finding.rule,
        finding.function,
        GoSyntax(finding.word),
        finding.frame_size,
        finding.declared,
        finding.actual,
        finding.remedy.sentence(),
    )
}

fn properties(image: &ScannedImage, finding: &Finding) -> PropertyBag {
    let observers = Observer::ALL.into_iter().filter(|&who| finding.observers.contains(who));
    bag([
        ("image", json!(image.path.to_string_lossy())),
        ("goVersion", json!(image.go_version)),
        ("observer", json!(finding.observer.id())),
        ("observers", observers.map(Observer::id).collect()),
        ("severity", json!(finding.severity.id())),
        ("ordinal", json!(finding.ordinal)),
        ("pc", json!(finding.pc.to_string())),
        ("leaf", json!(finding.leaf)),
        ("fixedIn", json!(finding.remedy.fixed_in())),
        ("rebuildIsEnough", json!(finding.remedy.rebuild_is_enough)),
    ])
}

fn bag<'a>(properties: impl IntoIterator<Item = (&'a str, Value)>) -> PropertyBag {
    let properties = properties.into_iter().map(|(name, value)| (name.to_owned(), value));
    let properties: BTreeMap<_, _> = properties.collect();
    PropertyBag::builder().additional_properties(properties).build()
}

fn message(text: String) -> Message {
    Message::builder().text(text).build()
}
