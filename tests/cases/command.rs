//! What the command says of a program: `scan`, and `explain` at each boundary.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// What a scan says of the functions that it was asked for.
#[derive(Debug)]
pub(crate) struct Scan {
    /// The exit status.
    pub(crate) status: i32,
    /// How many functions were checked.
    pub(crate) functions: u64,
    /// The verdict for each observer.
    pub(crate) verdicts: BTreeMap<String, String>,
    /// Why something is undecided.
    pub(crate) undecided: Vec<String>,
    /// How many functions say of themselves that they write SP.
    pub(crate) sp_write: u64,
    /// The findings, by address.
    pub(crate) findings: Vec<Found>,
}

/// A finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Found {
    /// How far behind the entry the boundary is.
    pub(crate) offset: u64,
    /// The rule.
    pub(crate) rule: String,
    /// All who see it.
    pub(crate) observers: BTreeSet<String>,
    /// What can happen at worst, if the scan says so.
    pub(crate) severity: Option<String>,
    /// The declared depth.
    pub(crate) declared: Option<i64>,
    /// The actual depth.
    pub(crate) actual: Option<i64>,
}

impl Scan {
    /// Scans the functions of a program whose names match; all for an empty expression.
    pub(crate) fn of(program: &Path, functions: &str) -> Self {
        let mut arguments = vec!["scan", "--format", "json"];
        if !functions.is_empty() {
            arguments.extend(["--only-function", functions]);
        }
        let (status, document) = midframe(&arguments, program, &[]);
        let image = &document["images"][0];
        assert!(image.is_object(), "{document}");
        let verdicts = image["verdicts"].as_object().expect("verdicts").iter();
        let verdicts = verdicts.map(|(observer, verdict)| (observer.clone(), text(verdict)));
        let undecided = array(&image["undecided"])
            .map(|entry| format!("{} ({})", text(&entry["reason"]), text(&entry["example"])));
        Self {
            status,
            functions: image["functions"].as_u64().expect("a count"),
            verdicts: verdicts.collect(),
            undecided: undecided.collect(),
            sp_write: image["sp_write_functions"].as_u64().expect("a count"),
            findings: array(&image["findings"]).map(Found::read).collect(),
        }
    }
}

impl Found {
    fn read(finding: &Value) -> Self {
        Self {
            offset: address(&finding["pc"]) - address(&finding["entry"]),
            rule: text(&finding["rule"]),
            observers: array(&finding["observers"]).map(text).collect(),
            severity: finding["severity"].as_str().map(str::to_owned),
            declared: finding["declared"].as_i64(),
            actual: finding["actual"].as_i64(),
        }
    }
}

/// In what `explain` tells another story than a scan of the same function, a line each. At each
/// boundary it names the rules that the scan names there and no other, and the same severity, and
/// says `refuted` of the observers that the scan names; and it lists the same boundaries, with
/// their severities, and the same reasons for what is undecided.
pub(crate) fn told_apart(program: &Path, scan: &Scan, function: &str) -> Vec<String> {
    let mut differences = Vec::new();
    // Stories are of one function.
    if function.ends_with('*') || scan.functions != 1 {
        return differences;
    }
    let entry = compare(program, function, "+0x0", &at(scan, 0), &mut differences);
    let listed = &entry["others"];
    let listed: BTreeSet<u64> =
        array(listed).filter_map(|other| other["offset"].as_u64()).chain([0]).collect();
    let found: BTreeSet<u64> = scan.findings.iter().map(|found| found.offset).chain([0]).collect();
    if listed != found {
        differences.push(format!("explain lists {listed:x?}, scan {found:x?}"));
    }
    for other in array(&entry["others"]) {
        let offset = other["offset"].as_u64().expect("an offset");
        let (told, scanned) = (other["severity"].as_str(), worst(&at(scan, offset)));
        if told != scanned {
            differences.push(format!("explain lists {told:?} at {offset:+#x}, scan {scanned:?}"));
        }
    }
    let told: BTreeSet<String> =
        array(&entry["undecided"]).map(|place| text(&place["reason"])).collect();
    let is_told = |line: &String| told.iter().any(|reason| line.starts_with(reason));
    if told.len() != scan.undecided.len() || !scan.undecided.iter().all(is_told) {
        differences.push(format!("explain: undecided, {told:?}, scan: {:?}", scan.undecided));
    }
    let last = scan.findings.iter().map(|found| found.offset).max().unwrap_or_default();
    for offset in (4..=last).step_by(4) {
        let place = format!("{offset:+#x}");
        compare(program, function, &place, &at(scan, offset), &mut differences);
    }
    differences
}

/// What was found at an offset.
fn at(scan: &Scan, offset: u64) -> Vec<&Found> {
    scan.findings.iter().filter(|found| found.offset == offset).collect()
}

/// The gravest severity of findings.
fn worst<'a>(found: &[&'a Found]) -> Option<&'a str> {
    const GRAVEST_FIRST: [&str; 3] = ["crash", "hang", "wrong-sample"];
    let severities = found.iter().filter_map(|found| found.severity.as_deref());
    severities.min_by_key(|severity| GRAVEST_FIRST.iter().position(|known| known == severity))
}

/// Compares what `explain` says of one boundary with what was found there, and returns all that
/// it says.
fn compare(
    program: &Path,
    function: &str,
    place: &str,
    found: &[&Found],
    differences: &mut Vec<String>,
) -> Value {
    let arguments = ["explain", "--format", "json", "--boundary", place];
    let (_, document) = midframe(&arguments, program, &[function]);
    let story = &document["boundary"];
    let rules: BTreeSet<String> = array(&story["rules"]).map(text).collect();
    let expected: BTreeSet<String> = found.iter().map(|found| found.rule.clone()).collect();
    if rules != expected {
        differences.push(format!("explain {place}: {rules:?}, scan: {expected:?}"));
    }
    let (told, scanned) = (story["severity"].as_str(), worst(found));
    if told != scanned {
        differences.push(format!("explain {place}: {told:?}, scan: {scanned:?}"));
    }
    let refuted: BTreeSet<String> = array(&story["observers"])
        .filter(|account| account["verdict"] == "refuted")
        .map(|account| text(&account["observer"]))
        .collect();
    let expected: BTreeSet<String> =
        found.iter().flat_map(|found| found.observers.iter().cloned()).collect();
    if refuted != expected {
        differences.push(format!("explain {place}: refuted for {refuted:?}, scan: {expected:?}"));
    }
    document
}

/// Runs the command on a program, and returns its status and the document that it prints.
fn midframe(before: &[&str], program: &Path, behind: &[&str]) -> (i32, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_midframe"));
    let output = command.args(before).arg(program).args(behind).output().expect("the command");
    let document = serde_json::from_slice(&output.stdout);
    let complaint = || format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    (
        output.status.code().expect("a status"),
        document.unwrap_or_else(|_| panic!("{}", complaint())),
    )
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().expect("an array").iter()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

fn address(value: &Value) -> u64 {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x")).expect("an address");
    u64::from_str_radix(digits, 16).expect("hexadecimal digits")
}
