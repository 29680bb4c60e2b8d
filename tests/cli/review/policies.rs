//! Two policies. What releases emit is held against the recorded toolchains; `complete`
//! is of none: its pops have as many instructions as those before the fix (RFC 0003).

use super::{LARGE, counts, recorded};
use crate::schema;
use crate::support::{args, json, list, midframe};
use serde_json::{Value, json};

fn review(line: &str, status: i32) -> Value {
    let run = midframe(&[&["review", "--format", "json"], &*args(line)].concat());
    assert_eq!(run.status, status, "{line}: {run:?}");
    let document = json(&run);
    schema::check(&document, &schema::REVIEW, "review");
    for format in ["text", "markdown"] {
        let run = midframe(&[&["review", "--format", format], &*args(line)].concat());
        assert_eq!(run.status, status, "{format} {line}: {run:?}");
    }
    document
}

/// The words of a side of the only difference of a group.
fn words(group: &Value, side: &str) -> Vec<String> {
    let [difference] = list(&group["differences"]) else { panic!("one difference: {group}") };
    let words = list(&difference[side]).iter().map(|line| line["word"].as_str());
    words.map(|word| word.expect("a word").trim_start_matches("0x").to_owned()).collect()
}

/// The same change as between the toolchains themselves.
#[test]
fn the_fix_as_policies_is_the_fix_of_the_toolchains() {
    let document = review("--policy go1.24.3 go1.24.11 --frames 65552..65552", 0);
    assert_eq!((&document["subject"], &document["old"]), (&json!("frames"), &json!("go1.24.3")));
    assert_eq!(counts(&document), json!({"mended": 1, "still-refuted": 1}));
    let [group] = list(&document["groups"]) else { panic!("one change: {document}") };
    assert_eq!(group["examples"], json!(["non-leaf with a frame of 65552"]));
    for (side, release) in [("old", "go1.24.3"), ("new", "go1.24.11")] {
        let function = recorded(release, LARGE, "main.f");
        // Behind the prologue of 11 instructions and the call; before the call of
        // morestack, of 3.
        let epilogue = function.words[12..function.words.len() - 3].iter();
        let epilogue: Vec<_> = epilogue.map(|word| format!("{word:08x}")).collect();
        assert_eq!(words(group, side), epilogue, "{side}");
    }
    let reverse = review("--policy go1.24.11 go1.24.3 --frames 65552..65552", 1);
    let headline = "1 frame broken: sp-row for async-preemption and a profiler in non-leaf with a \
                    frame of 65552";
    assert_eq!(reverse["headline"], headline);
}

/// The leaf hole is closed, for fewer instructions than the fix takes.
#[test]
fn complete_closes_the_hole_that_the_fix_leaves() {
    let document = review("--policy go1.24.6 complete --frames 65552..65552", 0);
    assert_eq!(counts(&document), json!({"mended": 1, "changed-property-kept": 1}));
    let mended = &document["groups"][0];
    assert_eq!(mended["examples"], json!(["leaf with a frame of 65552"]));
    let rule = |rule: &Value| json!([rule["rule"], rule["observer"], rule["change"]]);
    let expected = json!([
        ["sp-row", "async-preemption", "mended"],
        ["sp-row", "profiler", "mended"],
        ["frame-pointer", "frame-pointer", "mended"],
    ]);
    assert_eq!(list(&mended["rules"]).iter().map(rule).collect::<Value>(), expected);
    let all = &document["costs"]["all"];
    let epilogues = |side: &str| all[side]["epilogue_instructions"].clone();
    // Of the leaf four ADDs and RET, of the other LDP, MOVD, MOVK, ADD, RET; now each as
    // before the fix: 4.
    assert_eq!((epilogues("old"), epilogues("new")), (json!(10), json!(8)));
    assert_eq!(all["old"]["prologue_instructions"], all["new"]["prologue_instructions"]);
    review("--policy complete go1.24.6 --frames 65552..65552", 1);
}

/// Every frame of a range, leaf and not, is compared; a policy is no change of itself.
#[test]
fn every_frame_of_the_range_is_compared() {
    for (line, frames) in [
        ("--policy go1.24.3 go1.24.3 --frames 0..64KiB", 2 * 4097),
        ("--policy go1.24.0 go1.24.5 --frames 64KiB..80KiB --nosplit --jobs 2", 2 * 1025),
        ("--policy complete complete --frames 16..16 --target aarch64-apple-ios", 2),
    ] {
        let document = review(line, 0);
        let counts = document["counts"].as_object().expect("an object");
        let all: u64 = counts.values().filter_map(Value::as_u64).sum();
        assert_eq!(all, frames, "{line}");
        assert_eq!(document["costs"]["all"]["functions"], frames);
        assert_eq!(document["groups"], json!([]), "{line}");
        assert_eq!(document["pairs"][0]["new"]["functions"], frames);
    }
}

/// Without a check the prologue is the shorter by its instructions: 6 of them.
#[test]
fn nosplit_leaves_the_check_out() {
    let cost = |line: &str| {
        let document = review(line, 0);
        document["costs"]["all"]["old"]["prologue_instructions"].as_u64().expect("a count")
    };
    let line = "--policy go1.24.6 complete --frames 65552..65552";
    assert_eq!(cost(line) - cost(&format!("{line} --nosplit")), 12);
}
