//! How grave a finding is, for whom a rule is not observed, and that every format says so.
//!
//! What can happen comes from programs that did it: golang/go#73259 (the collector),
//! golang/go#63830 (the tracer), golang/go#62086 and golang/go#80771 (`traceback stuck`).

use crate::fixtures::{Files, clean, image, leaf, two_steps, two_steps_assembly};
use crate::support::{args, json, list, midframe};
use image::testing::{GoFunction, GoImage};
use midframe::report::text;
use midframe::report::{html, json, markdown, sarif};
use midframe::scan::{Cause, Finding, Near, Remedy, Scanned, ScannedImage, Summary};
use serde_json::{Value, json};
use unwind::{Depth, Index, Pc, Row, Word};
use verifier::{Observer, Observers, Rule, Severity, Verdict};

/// A walk along frame pointers is a crash, a profiler alone has a wrong sample; and a graver
/// finding does not count for a lesser severity that is named.
#[test]
fn a_finding_fails_by_its_severity() {
    let files = Files::new();
    let cases: [(&str, GoFunction, &str); 3] = [
        ("collector", two_steps("main.f"), "crash"),
        ("walk", leaf("main.f"), "crash"),
        ("profiler", two_steps_assembly("main.f"), "wrong-sample"),
    ];
    for (name, function, severity) in cases {
        let path = files.write(name, image(&[function]).bytes());
        for named in ["crash", "hang", "wrong-sample"] {
            let run = midframe(&["scan", &path, "--format", "json", "--fail-on", named]);
            assert_eq!(run.status, i32::from(named == severity), "{name} {named}");
            let document = json(&run);
            let [finding] = list(&document["images"][0]["findings"]) else { panic!("{document}") };
            assert_eq!(finding["severity"], severity, "{name}");
        }
        let any = midframe(&["scan", &path, "--fail-on", "crash,hang,wrong-sample"]);
        assert_eq!(any.status, 1, "{name}");
        // A severity stands beside observers, and stands in for the default.
        let beside = midframe(&["scan", &path, "--fail-on", "hang,profiler"]);
        assert_eq!(beside.status, i32::from(name != "walk"), "{name}");
        assert_eq!(midframe(&["scan", &path, "--fail-on", "hang"]).status, 0, "{name}");
        assert_eq!(midframe(&["scan", &path, "--fail-on", "everybody"]).status, 0, "{name}");
    }
}

#[test]
fn an_accepted_finding_has_no_severity_that_counts() {
    let files = Files::new();
    let path = files.write("program", image(&[two_steps("main.f")]).bytes());
    let baseline = files.path("baseline.toml").display().to_string();
    let written = midframe(&["scan", &path, "--write-baseline", &baseline, "--fail-on", "never"]);
    assert_eq!(written.status, 0, "{written:?}");
    let entries = std::fs::read_to_string(&baseline).expect("a baseline");
    let filled = entries.replace("reason = \"\"", "reason = \"known\"");
    assert_ne!(entries, filled);
    let accepted = files.write("accepted.toml", filled);
    let line = ["scan", &path, "--fail-on", "crash"];
    assert_eq!(midframe(&line).status, 1);
    assert_eq!(midframe(&[&line[..], &["--baseline", &accepted]].concat()).status, 0);
}

/// A program of go1.19 with a leaf whose R29 lies below SP: nobody walks along frame
/// pointers there (`runtime/trace.go` of go1.21 is the first), which proves nothing.
#[test]
fn what_nobody_observes_is_not_called_proved() {
    let files = Files::new();
    for (name, function) in [("astray", leaf("main.f")), ("clean", clean("main.f"))] {
        let path = files.write(name, GoImage::new(19, vec![function]).bytes());
        let out = |line: &str| {
            let run = midframe(&[&["scan", &path], &*args(line)].concat());
            assert_eq!(run.status, 0, "{line}: {run:?}");
            run
        };
        let full = out("").stdout;
        let line = "  frame-pointer     not observed: nobody walks along R29 in go1.19.1";
        assert!(full.contains(line), "{full}");
        let verdicts = "everybody proved, async-preemption proved, frame-pointer not observed, \
                        profiler proved\n";
        let summary = out("--summary").stdout;
        assert!(summary.contains(verdicts), "{summary}");
        for line in ["--format markdown", "--format markdown --summary"] {
            let text = out(line).stdout;
            assert!(text.contains("- frame-pointer: not observed in this release\n"), "{text}");
            assert!(text.contains("| frame-pointer | 0 | 0 | 0 | 1 |\n"), "{text}");
        }
        let document = json(&out("--format json"));
        assert_eq!(document["images"][0]["verdicts"]["frame-pointer"], "not-observed");
        let none = json!({"not-observed": 0, "proved": 1, "undecided": 0, "refuted": 0});
        let all = json!({"not-observed": 1, "proved": 0, "undecided": 0, "refuted": 0});
        assert_eq!(document["totals"]["verdicts"]["profiler"], none);
        assert_eq!(document["totals"]["verdicts"]["frame-pointer"], all);
        let log = json(&out("--format sarif"));
        assert_eq!(log["runs"][0]["properties"]["verdicts"]["frame-pointer"], all);
        let page = out("--format html").stdout;
        let row =
            page.split("<dt>frame-pointer</dt>").nth(1).and_then(|rest| rest.split_once("</dd>"));
        let (row, _) = row.expect("a row for the observer");
        assert!(row.contains("not observed: nobody walks along R29"), "{row}");
        assert!(!row.contains("good") && !row.contains("bad"), "{row}");
        // Where nobody looks nothing fails, and nothing is accepted.
        out("--fail-on frame-pointer");
        let baseline = files.path(format!("{name}.toml")).display().to_string();
        out(&format!("--write-baseline {baseline}"));
        let entries = std::fs::read_to_string(&baseline).expect("a baseline");
        assert!(!entries.contains("frame-pointer"), "{entries}");
    }
}

/// Totals count it by itself, and not among what is proved.
#[test]
fn totals_count_what_is_not_observed() {
    let files = Files::new();
    let images = [(19, leaf("main.f")), (21, leaf("main.f")), (24, clean("main.f"))];
    let paths = images.map(|(minor, function)| {
        files.write(format!("{minor}"), GoImage::new(minor, vec![function]).bytes())
    });
    let paths = paths.each_ref().map(String::as_str);
    let scan = |line: &str| midframe(&[&["scan"], &paths[..], &*args(line)].concat()).stdout;
    let text = scan("--summary");
    let counts = "  frame-pointer     1 refuted, 0 undecided, 1 proved, 1 not observed\n";
    assert!(text.contains(counts), "{text}");
    assert!(scan("--format markdown").contains("| frame-pointer | 1 | 0 | 1 | 1 |\n"));
    let page = scan("--format html");
    assert!(page.contains("not observed</th>") || page.contains("not observed</button>"), "{page}");
}

/// Going back to a release that has no such observer mends nothing.
#[test]
fn a_review_tells_what_is_not_observed_from_what_is_mended() {
    let files = Files::new();
    let build = |minor: u16| {
        let image = GoImage::new(minor, vec![leaf("main.f")]);
        files.write(format!("go1.{minor}"), image.bytes())
    };
    let review = |old: u16, new: u16, status: i32| {
        let (old, new) = (build(old), build(new));
        let run = midframe(&["review", &old, &new]);
        assert_eq!(run.status, status, "{run:?}");
        let document = json(&midframe(&["review", &old, &new, "--format", "json"]));
        let function = document["pairs"][0]["functions"][0].clone();
        (function, run.stdout)
    };
    let (function, text) = review(24, 19, 0);
    assert_eq!(function["class"], "not-observed", "{function}");
    let [rule] = list(&function["rules"]) else { panic!("{function}") };
    let expected =
        json!({"rule": "frame-pointer", "observer": "frame-pointer", "change": "not-observed"});
    assert_eq!(*rule, expected);
    assert_eq!(function["old"]["findings"][0]["severity"], "crash");
    assert!(text.contains("not observed any more"), "{text}");
    assert!(!text.contains("mended"), "{text}");
    let (function, _) = review(19, 24, 1);
    assert_eq!(function["class"], "broken", "{function}");
    // The same frame as the policies lower it.
    let line = "review go1.21.3 go1.19.8 --policy --frames 32..32 --format json";
    let document = json(&midframe(&args(line)));
    assert_eq!(document["counts"]["mended"], 0, "{document}");
}

/// The theorem about a policy is one about words; what can happen depends on its releases.
#[test]
fn a_theorem_has_the_severity_of_its_releases() {
    let line = "prove --format json --frames 65552..65616 --policy go1.24 --policy complete";
    let document = json(&midframe(&args(line)));
    let theorems = list(&document["theorems"]);
    assert_eq!(theorems.len(), 4, "{document}");
    for theorem in theorems {
        let expected = if theorem["policy"] == "complete" { json!(null) } else { json!("crash") };
        assert_eq!(theorem["severity"], expected, "{theorem}");
    }
}

/// Made up, as no program of the fixtures has it: a RET that jumps to itself, and one that
/// misleads a profiler at its own boundary.
fn stuck() -> Scanned {
    let finding = |observers: Observers, pc: u64| Finding {
        rule: Rule::Callee,
        observer: observers.gravest().expect("an observer"),
        observers,
        severity: Severity::Crash,
        returns_to_itself: true,
        function: "main.f".to_owned(),
        entry: Pc(0x10000),
        pc: Pc(pc),
        ordinal: 1,
        declared: Depth(0),
        actual: Depth(0),
        frame_size: Depth(0),
        leaf: true,
        word: Word::new(0xd65f_03c0),
        position: None,
        around: vec![Near {
            at: Index(((pc - 0x10000) / Word::BYTES) as u32),
            word: Word::new(0xd65f_03c0),
            row: Some(Row::default()),
        }],
        remedy: Remedy { cause: Cause::Assembly, rebuild_is_enough: false },
        accepted: None,
    };
    let hang = Finding {
        severity: Severity::Hang,
        ..finding(Observers::NONE.with(Observer::Everybody), 0x10004)
    };
    let both = Observers::NONE.with(Observer::Everybody).with(Observer::Profiler);
    let findings = vec![hang, finding(both, 0x10008)];
    let refuted_for = both;
    Scanned {
        images: vec![ScannedImage {
            path: "program".into(),
            container: "elf".to_owned(),
            architecture: "arm64",
            os: None,
            main_module: None,
            go_version: Some("go1.26.6".to_owned()),
            has_inline_trees: true,
            summary: Summary { functions: 1, boundaries: 3, refuted_for, ..Summary::default() },
            findings,
        }],
        ..Scanned::default()
    }
}

#[test]
fn every_format_tells_a_hang_and_who_makes_no_progress() {
    let scanned = stuck();
    let [image] = &scanned.images[..] else { panic!("one image") };
    assert_eq!(image.open_severity(Severity::Hang), Verdict::Refuted);
    assert_eq!(image.open_severity(Severity::Crash), Verdict::Refuted);
    assert_eq!(image.open_severity(Severity::WrongSample), Verdict::Proved);
    assert_eq!(image.open_verdict(Observer::Everybody), Verdict::Refuted);
    let [hang, crash] = &image.findings[..] else { panic!("two findings") };
    let [told] = hang.consequences()[..] else { panic!("one sentence") };
    assert_eq!(told, "RET jumps to itself: every execution hangs, whether or not anybody looks.");
    // The gravest observer hangs, another one crashes: both are told.
    let [_, stuck] = crash.consequences()[..] else { panic!("two sentences") };
    assert!(stuck.ends_with("ends the program: fatal error: traceback stuck."), "{stuck}");
    let flowing = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let by_hand = "which no release of the compiler changes: a rebuild is not enough";
    for text in [text::scan(&scanned), markdown::markdown(&scanned, false), html::scan(&scanned)] {
        let text = flowing(text);
        for part in [told, stuck, by_hand, "hang", "crash"] {
            let escaped = part.replace('\'', "&#39;");
            assert!(text.contains(part) || text.contains(&escaped), "{part:?} in {text}");
        }
    }
    let text = text::plain(&text::scan(&scanned)).to_string();
    assert!(text.contains("    callee, seen by everybody who executes it: hang\n"), "{text}");
    let document = serde_json::to_value(json::scan(&scanned)).expect("a document");
    crate::schemas::validate(&document);
    let severity = |finding: &Value| finding["severity"].clone();
    let findings = list(&document["images"][0]["findings"]);
    assert_eq!(findings.iter().map(severity).collect::<Value>(), json!(["hang", "crash"]));
    let log = serde_json::to_value(sarif::sarif(&scanned)).expect("a log");
    for result in list(&log["runs"][0]["results"]) {
        assert_eq!((&result["ruleId"], &result["level"]), (&json!("callee"), &json!("error")));
    }
}
