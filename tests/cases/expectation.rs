//! `expected.json`: what a scan has to find in a case, and how its program ends.

use crate::build::With;
use crate::command::{Found, Scan};
use crate::directory;
use crate::run::Run;
use serde::Deserialize;
use std::collections::BTreeSet;

/// What is expected of a case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expectation {
    /// Why, for the reader.
    #[serde(rename = "why")]
    _why: String,
    /// The toolchains that build it.
    pub(crate) toolchains: Vec<With>,
    /// The exit statuses of a scan of the whole program that are right; empty where the case
    /// says nothing about it.
    #[serde(default)]
    pub(crate) status: Vec<i32>,
    /// What is expected of functions.
    pub(crate) functions: Vec<Expected>,
    /// How the program ends.
    pub(crate) runs: Vec<Run>,
}

/// What is expected of a function.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    /// Its name; with `*` at the end, all functions whose names begin so.
    pub(crate) name: String,
    /// Why, for the reader.
    #[serde(default, rename = "why")]
    _why: String,
    /// The verdict, over all observers.
    pub(crate) verdict: Judgement,
    /// For whom nothing may be proved, beside those of the findings.
    #[serde(default)]
    unproved: Vec<String>,
    /// For whom everything has to be proved, although not for all.
    #[serde(default)]
    proved: Vec<String>,
    /// The findings. There may be no other.
    #[serde(default)]
    findings: Vec<Pattern>,
}

/// Why what a marked function leaves its caller is not decided.
const BEHIND_SP_WRITE: &str = "code behind a write of SP";

/// A verdict of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Judgement {
    /// No finding, and nothing undecided.
    Proved,
    /// A finding.
    Refuted,
    /// A finding, or something undecided.
    RefutedOrUndecided,
    /// The function is marked `SPWRITE` and its rows are not judged: no finding, and nothing
    /// undecided but what it leaves its caller behind the write.
    SpWrite,
}

/// Findings that are alike.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pattern {
    /// The rules, any of which will do.
    rules: Vec<String>,
    /// Who has to be among those who see it; empty for whomever.
    observers: Vec<String>,
    /// The boundaries: `+0x10`, or `+0x10..+0x24` with both ends.
    at: Vec<String>,
    /// At how many of them.
    how_often: HowOften,
    /// The declared depth.
    declared: Option<i64>,
    /// The actual depth.
    actual: Option<i64>,
    /// The severities, any of which will do.
    severity: Vec<String>,
}

/// At how many of its boundaries a finding is expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum HowOften {
    /// At each.
    Each,
    /// At one at least.
    Some,
    /// At any number of them.
    May,
}

impl Expectation {
    /// Reads what is expected of a case.
    pub(crate) fn read(case: &str) -> Self {
        let path = directory(case).join("expected.json");
        let text = std::fs::read_to_string(&path).expect("an expectation");
        let read: Self = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(!read.functions.is_empty() && !read.toolchains.is_empty(), "{case}");
        read
    }
}

impl Expected {
    /// The regular expression that a scan is asked with.
    pub(crate) fn pattern(&self) -> String {
        let literal = |name: &str| name.replace('.', "\\.");
        match self.name.strip_suffix('*') {
            Some(prefix) => format!("^{}", literal(prefix)),
            None => format!("^{}$", literal(&self.name)),
        }
    }

    /// In what a scan is not as expected, a line each.
    pub(crate) fn complaints(&self, scan: &Scan) -> Vec<String> {
        let mut complaints = Vec::new();
        if scan.functions == 0 {
            complaints.push("no function of this name".to_owned());
        }
        let is_refuted = !scan.findings.is_empty();
        let is_undecided = !scan.undecided.is_empty();
        match self.verdict {
            Judgement::SpWrite => {
                let is_behind = |line: &String| line.starts_with(BEHIND_SP_WRITE);
                if !scan.undecided.iter().all(is_behind) {
                    complaints.push(format!("undecided: {}", scan.undecided.join("; ")));
                }
            }
            Judgement::Proved => {
                if is_undecided {
                    complaints.push(format!("undecided: {}", scan.undecided.join("; ")));
                }
            }
            Judgement::Refuted if !is_refuted => complaints.push("not refuted".to_owned()),
            Judgement::RefutedOrUndecided if !is_refuted && !is_undecided => {
                complaints.push("proved".to_owned());
            }
            Judgement::Refuted | Judgement::RefutedOrUndecided => {}
        }
        if self.verdict == Judgement::SpWrite && scan.sp_write == 0 {
            complaints.push("not among the functions that write SP".to_owned());
        }
        self.by_observer(scan, &mut complaints);
        for pattern in &self.findings {
            complaints.extend(pattern.missing(&scan.findings));
            complaints.extend(pattern.understated(&scan.findings));
        }
        let others = scan.findings.iter().filter(|found| !self.expects(found));
        complaints.extend(others.map(|found| format!("unexpected: {}", found.line())));
        complaints
    }

    /// What the verdicts for single observers have to be.
    fn by_observer(&self, scan: &Scan, complaints: &mut Vec<String>) {
        let of = |observer: &String| scan.verdicts.get(observer).map(String::as_str);
        for observer in &self.unproved {
            if !matches!(of(observer), Some("refuted" | "undecided")) {
                complaints.push(format!("{:?} for {observer}", of(observer)));
            }
        }
        for observer in &self.proved {
            if of(observer) != Some("proved") {
                complaints.push(format!("{:?} for {observer}", of(observer)));
            }
        }
        if matches!(self.verdict, Judgement::Proved) {
            for (observer, verdict) in &scan.verdicts {
                if !matches!(verdict.as_str(), "proved" | "not-observed") {
                    complaints.push(format!("{verdict} for {observer}"));
                }
            }
        }
    }

    fn expects(&self, found: &Found) -> bool {
        // Whatever refutes will do where nothing particular is expected.
        (self.verdict == Judgement::RefutedOrUndecided && self.findings.is_empty())
            || self.findings.iter().any(|pattern| pattern.fits(found))
    }
}

impl Pattern {
    /// Findings with another severity than one of those that are expected.
    fn understated(&self, findings: &[Found]) -> Option<String> {
        let is_right = |found: &Found| {
            found.severity.as_ref().is_some_and(|severity| self.severity.contains(severity))
        };
        let wrong = findings.iter().filter(|found| self.fits(found) && !is_right(found));
        let wrong: Vec<_> = wrong.map(Found::line).collect();
        let severity = self.severity.join("/");
        (!wrong.is_empty()).then(|| format!("not {severity}: {}", wrong.join("; ")))
    }

    /// What is missing of the findings.
    fn missing(&self, findings: &[Found]) -> Option<String> {
        let offsets = self.offsets();
        assert!(!offsets.is_empty(), "{:?}", self.at);
        let fitting: BTreeSet<u64> =
            findings.iter().filter(|found| self.fits(found)).map(|found| found.offset).collect();
        let missing: Vec<_> = match self.how_often {
            HowOften::Each => offsets.difference(&fitting).collect(),
            HowOften::Some if fitting.is_empty() => offsets.iter().collect(),
            HowOften::Some | HowOften::May => Vec::new(),
        };
        let missing: Vec<_> = missing.iter().map(|offset| format!("{offset:+#x}")).collect();
        let Self { rules, observers, severity, .. } = self;
        (!missing.is_empty()).then(|| {
            let (rules, observers) = (rules.join("/"), observers.join(", "));
            let (depths, places) = (self.depths(), missing.join(" "));
            let one = if self.how_often == HowOften::Some { "one of " } else { "" };
            format!(
                "missing: {rules} for {observers} ({}){depths} at {one}{places}",
                severity.join("/")
            )
        })
    }

    fn depths(&self) -> String {
        let text = |name, depth: Option<i64>| depth.map(|depth| format!(" {name} {depth}"));
        [text("declared", self.declared), text("actual", self.actual)]
            .map(Option::unwrap_or_default)
            .concat()
    }

    fn fits(&self, found: &Found) -> bool {
        let same = |wanted: Option<i64>, depth| wanted.is_none() || wanted == depth;
        self.rules.contains(&found.rule)
            && self.observers.iter().all(|observer| found.observers.contains(observer))
            && self.offsets().contains(&found.offset)
            && same(self.declared, found.declared)
            && same(self.actual, found.actual)
    }

    fn offsets(&self) -> BTreeSet<u64> {
        let offset = |text: &str| {
            let digits = text.strip_prefix("+0x").expect("an offset");
            u64::from_str_radix(digits, 16).expect("hexadecimal digits")
        };
        let range = |text: &String| {
            let (first, last) = text.split_once("..").unwrap_or((text, text));
            (offset(first)..=offset(last)).step_by(4)
        };
        self.at.iter().flat_map(range).collect()
    }
}

impl Found {
    /// This finding on one line.
    pub(crate) fn line(&self) -> String {
        let observers: Vec<_> = self.observers.iter().map(String::as_str).collect();
        let severity = self.severity.as_deref().unwrap_or("no severity");
        let depth = |depth: Option<i64>| depth.map_or("-".to_owned(), |depth| depth.to_string());
        let (declared, actual) = (depth(self.declared), depth(self.actual));
        format!(
            "{:+#x} {} for {} ({severity}) declared {declared} actual {actual}",
            self.offset,
            self.rule,
            observers.join(", ")
        )
    }
}
