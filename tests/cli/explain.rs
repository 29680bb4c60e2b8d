//! `midframe explain`
//!
//! What the runtime prints when it crashes was seen in programs built by the
//! releases named, which preempt a loop over such a function under `qemu-aarch64
//! -singlestep`: `traceback did not unwind completely` where the word at SP was
//! zero; where it was another, a fault at 0x118 (go1.24.3, go1.26.0) or 0x110
//! (go1.25.5), and `unknown caller pc` (go1.19.8, go1.27.3).

mod files;
mod usage;

use crate::schema::{self, Type};
use crate::support::{Run, args, json, list, midframe};
use Type::{Count, Flag, Hex, Integer, Is, List, Object, Optional, Text};
use serde_json::{Value, json};

const STORY: Type = Object(&[
    ("policy", Text),
    ("offset", Count),
    ("pc", Hex),
    ("word", Hex),
    ("instruction", Text),
    ("frame_size", Integer),
    ("declared", Integer),
    ("actual", Optional(&Integer)),
    ("preemptible", Flag),
    ("resume", Optional(&Count)),
    ("rules", List(&Text)),
    (
        "stack",
        List(&Object(&[
            ("offset", Integer),
            ("depth", Integer),
            ("content", Text),
            ("overwritten", Flag),
            ("taken", Flag),
            ("pushed", Optional(&Text)),
        ])),
    ),
    (
        "observers",
        List(&Object(&[
            ("observer", Text),
            ("verdict", Text),
            ("looks", Flag),
            ("return_address", Optional(&Text)),
            ("sentences", List(&Text)),
            ("crashes", List(&Object(&[("word", Text), ("message", Text)]))),
        ])),
    ),
]);

const EXPLAIN: Type = Object(&[
    ("schema", Is("midframe/explain/1")),
    ("path", Optional(&Text)),
    ("function", Optional(&Text)),
    ("go_version", Optional(&Text)),
    ("leaf", Flag),
    ("boundary", STORY),
    ("beside", Optional(&STORY)),
    ("undecided", List(&Object(&[("offset", Count), ("reason", Text)]))),
    ("others", List(&Object(&[("offset", Count), ("rules", List(&Text))]))),
]);

/// Runs the command for text and for JSON, and checks what holds for every story:
/// the same status, the schema, lines of at most 80 columns without trailing blanks.
fn explain(arguments: &[&str]) -> (Run, Value) {
    let arguments = [&["explain"], arguments].concat();
    let text = midframe(&arguments);
    let machine = midframe(&[arguments.as_slice(), &["--format", "json"]].concat());
    assert_eq!(text.status, machine.status, "{text:?}");
    let document = json(&machine);
    schema::check(&document, &EXPLAIN, "explain");
    assert!(text.stdout.lines().count() > 20, "{text:?}");
    for line in text.stdout.lines() {
        assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
        assert_eq!(line.trim_end(), line);
    }
    (text, document)
}

/// What one observer does, of the boundary or of the one beside.
fn observer<'v>(story: &'v Value, name: &str) -> &'v Value {
    let mut observers = list(&story["observers"]).iter();
    observers.find(|observer| observer["observer"] == name).expect("an observer")
}

/// The text with its blanks made single, so that a sentence can be found in it.
fn flowing(run: &Run) -> String {
    run.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
}

// The frame of the report. ADD $80 has run: SP is CFA - 65536, and what the prologue
// saved at CFA - 65616 is 80 bytes below it.
#[test]
fn the_boundary_of_the_report() {
    let (run, document) = explain(&args("--frame 65616 --policy go1.24.5"));
    assert_eq!(run.status, 1);
    let story = &document["boundary"];
    assert_eq!(story["offset"], 0x38);
    assert_eq!(story["word"], "0x914043ff");
    assert_eq!((&story["declared"], &story["actual"]), (&json!(65616), &json!(65536)));
    assert_eq!(story["rules"], json!(["sp-row"]));
    let stack: Vec<_> = list(&story["stack"])
        .iter()
        .map(|slot| (slot["offset"].as_i64(), slot["content"].as_str(), slot["pushed"].as_str()))
        .collect();
    assert_eq!(
        stack,
        [
            (Some(8), Some("local"), None),
            (Some(0), Some("local"), None),
            (Some(-8), Some("local"), None),
            (Some(-16), Some("local"), Some("lr")),
            (Some(-24), Some("local"), Some("r29")),
            (Some(-80), Some("return-address"), None),
            (Some(-88), Some("saved-r29"), None),
        ]
    );
    let lost: Vec<_> =
        list(&story["stack"]).iter().map(|slot| slot["overwritten"] == true).collect();
    assert_eq!(lost, [false, false, false, true, true, true, true]);
    let preempted = observer(story, "async-preemption");
    assert_eq!(preempted["verdict"], "refuted");
    assert_eq!(preempted["return_address"], "word-at-sp");
    let text = flowing(&run);
    for part in [
        "go1.24.5 non-leaf frame 65616 boundary +0x38",
        "> +0x38 914043ff ADD $(16<<12), RSP, RSP",
        "declared 65616 65616",
        "actual 65536 65616",
        "SP local <- taken return address <- taken",
        "SP-80 return address -> overwritten",
        "the word at SP, CFA - 65536, is taken for the return address. It is none",
        "if it is zero: fatal error: traceback did not unwind completely",
        "if it is no address of code: SIGSEGV: segmentation violation, addr=0x118",
        "The same boundary under complete:",
    ] {
        assert!(text.contains(part), "{part:?} in {}", run.stdout);
    }
    let (named, again) = explain(&args("--frame 0x10050 --policy go1.24.5 --boundary +0x38"));
    assert_eq!((named.stdout, again), (run.stdout, document));
}

#[test]
fn the_fixed_policy_stands_beside_and_holds() {
    for line in [
        "--frame 65616 --policy go1.24.5",
        "--frame 65616 --policy go1.27.3 --leaf",
        "--frame 65616 --policy go1.27.3 --leaf --boundary +0x3c",
        "--frame 65616 --policy go1.24.5 --nosplit",
        "--frame 65616 --policy go1.24.5 --target aarch64-apple-darwin",
        "--frame 32 --leaf --policy go1.19",
    ] {
        let (_, document) = explain(&args(line));
        let beside = &document["beside"];
        assert_eq!(beside["policy"], "complete", "{line}");
        assert_eq!(list(&beside["rules"]).len(), 0, "{line}");
        assert_eq!(beside["declared"], beside["actual"], "{line}");
        for observer in list(&beside["observers"]) {
            assert_eq!(observer["verdict"], "proved", "{line}: {observer}");
        }
    }
}

#[test]
fn how_the_crash_looks_depends_on_the_release() {
    let incomplete = ("traceback did not unwind completely", Value::Null);
    let unknown = ("unknown caller pc", Value::Null);
    let fault = |address: &str| ("segmentation violation", json!(address));
    for (line, zero, other) in [
        ("--policy go1.19.8", unknown.clone(), unknown.clone()),
        ("--policy go1.21.13", incomplete.clone(), fault("0x118")),
        ("--policy go1.24.3", incomplete.clone(), fault("0x118")),
        ("--leaf --boundary +0x3c --policy go1.25.5", incomplete.clone(), fault("0x110")),
        ("--leaf --boundary +0x3c --policy go1.26.0", incomplete.clone(), fault("0x118")),
        ("--leaf --boundary +0x3c --policy go1.27.3", incomplete, unknown),
    ] {
        let line = format!("--frame 65616 {line}");
        let (run, document) = explain(&args(&line));
        assert_eq!(run.status, 1, "{line}");
        let crashes = &observer(&document["boundary"], "async-preemption")["crashes"];
        let expected = [("zero", zero), ("not-code", other)].map(|(word, (message, address))| {
            json!({"word": word, "message": message, "address": address})
        });
        assert_eq!(*crashes, json!(expected), "{line}");
    }
}

// LEAF_1_27_3: R29 is computed by two ADDs, +0x30 and +0x34, then SP by two more.
#[test]
fn a_leaf_has_two_bad_boundaries() {
    let (run, document) = explain(&args("--frame 65616 --policy go1.27.3 --leaf"));
    // R29 is half computed: a matter of the frame-pointer unwinder.
    assert_eq!((run.status, &document["boundary"]["offset"]), (0, &json!(0x34)));
    assert_eq!(document["boundary"]["rules"], json!(["frame-pointer"]));
    assert_eq!(document["leaf"], true);
    assert_eq!(
        document["others"],
        json!([{"offset": 0x3c, "rules": ["sp-row"], "severity": "crash"}])
    );
    let walk = observer(&document["boundary"], "frame-pointer");
    assert_eq!((&walk["verdict"], &walk["looks"]), (&json!("refuted"), &json!(true)));
    // 65616 - 72.
    assert!(flowing(&run).contains("R29 points at CFA - 65544, where no frame pointer"));
    let (run, document) = explain(&args("--frame 65616 --leaf --boundary +0x3c --policy go1.27.3"));
    assert_eq!((run.status, &document["boundary"]["actual"]), (1, &json!(65536)));
    // R29 was restored first.
    assert_eq!(observer(&document["boundary"], "frame-pointer")["verdict"], "proved");
}

// `SUB $8, RSP, R29` behind the ADD: golang/go#63830.
#[test]
fn the_leaf_of_the_older_issue_leaves_r29_below_sp() {
    let (run, document) = explain(&args("--frame 32 --leaf --policy go1.21.3"));
    assert_eq!(run.status, 0);
    let story = &document["boundary"];
    assert_eq!((&story["actual"], &story["rules"]), (&json!(0), &json!(["frame-pointer"])));
    assert!(flowing(&run).contains("R29 points at CFA - 40, below SP"), "{}", run.stdout);
}

#[test]
fn a_boundary_without_a_finding_has_a_story_too() {
    // Where the entry's row declares no frame, LR is what is asked; an injected call
    // pushes it.
    let (run, document) = explain(&args("--frame 65616 --policy go1.24.5 --boundary +0x0"));
    assert_eq!(run.status, 0);
    let story = &document["boundary"];
    assert_eq!(observer(story, "async-preemption")["return_address"], "pushed-lr");
    assert_eq!(observer(story, "profiler")["return_address"], "lr");
    assert!(flowing(&run).contains("LR is taken for the return address, and it is."));
    // The first of the instructions that the fix marks: nothing is pushed there.
    let (run, document) = explain(&args("--frame 65616 --policy go1.24.6 --boundary +0x38"));
    assert_eq!(run.status, 0);
    assert_eq!(document["boundary"]["preemptible"], false);
    assert!(list(&document["boundary"]["stack"]).iter().all(|slot| slot["pushed"].is_null()));
    assert!(run.stdout.contains("The row says unsafe point"), "{}", run.stdout);
    // No finding at all: the boundary before SP is popped, +0x3c with the fix.
    let (run, document) = explain(&args("--frame 65616"));
    assert_eq!((run.status, &document["boundary"]["offset"]), (0, &json!(0x3c)));
    assert_eq!(document["others"], json!([]));
}

// go1.19's pushCall has no store of R29.
#[test]
fn what_is_pushed_depends_on_the_release() {
    let pushed = |line: &str| {
        let (_, document) = explain(&args(line));
        let stack = list(&document["boundary"]["stack"]);
        let pushed = stack.iter().filter(|slot| !slot["pushed"].is_null());
        pushed.map(|slot| slot["offset"].as_i64().expect("a number")).collect::<Vec<_>>()
    };
    assert_eq!(pushed("--frame 65616 --policy go1.19.8"), [-16]);
    assert_eq!(pushed("--frame 65616 --policy go1.21.13"), [-16, -24]);
}

#[test]
fn every_boundary_has_a_story_that_agrees_with_the_listing() {
    let mut boundaries = 0;
    for line in [
        "--frame 65616 --policy go1.24.5",
        "--frame 65616 --policy go1.27.3 --leaf",
        "--frame 1GiB --policy go1.19.8 --leaf --target aarch64-apple-ios",
        "--frame 0 --leaf --policy go1.22 --nosplit",
    ] {
        let line = args(line);
        let listing = json(&midframe(&[&["lower", "--format=json"], line.as_slice()].concat()));
        for expected in list(&listing["boundaries"]) {
            let place = format!("+{:#x}", expected["offset"].as_u64().expect("a number"));
            let (_, document) = explain(&[line.as_slice(), &["--boundary", &place]].concat());
            let story = &document["boundary"];
            for field in ["offset", "word", "instruction", "declared", "actual", "unsafe_point"] {
                assert_eq!(story[field], expected[field], "{line:?} {place} {field}");
            }
            assert_eq!(list(&story["rules"]).len(), list(&expected["rules"]).len(), "{place}");
            assert_eq!(list(&story["observers"]).len(), 4);
            assert_eq!(story["severity"], expected["severity"], "{line:?} {place}");
            for observer in list(&story["observers"]) {
                assert!(!list(&observer["sentences"]).is_empty(), "{line:?} {place}");
            }
            boundaries += 1;
        }
    }
    assert!(boundaries > 50, "{boundaries}");
}
