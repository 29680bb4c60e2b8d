//! `midframe prove`, on ranges of frame sizes that can be counted by hand.

use crate::schema;
use crate::support::{args, check_error, json, list, midframe};
use serde_json::{Value, json};

/// Every policy, in order, and whether it pops the frames of functions that are
/// not leaves in two steps: golang/go#73259 was fixed in go1.23.12, go1.24.6 and
/// go1.25.0.
const POLICIES: [(&str, bool); 6] = [
    ("go1.19", true),
    ("go1.22", true),
    ("go1.23.12", false),
    ("go1.24", true),
    ("go1.24.6", false),
    ("go1.26", false),
];

/// The theorems of a run, and its exit status in both formats.
fn theorems(line: &str, status: i32) -> Vec<Value> {
    let arguments = [&["prove"], args(line).as_slice()].concat();
    let run = midframe(&[arguments.as_slice(), &["--format", "json"]].concat());
    let document = json(&run);
    schema::check(&document, &schema::PROVE, "prove");
    assert_eq!(run.status, status, "{line}");
    assert_eq!(midframe(&arguments).status, status, "{line}, as text");
    let theorems = list(&document["theorems"]).to_vec();
    let refuted = theorems.iter().any(|theorem| theorem["verdict"] == "refuted");
    assert_eq!(refuted, status == 1, "{line}");
    theorems
}

/// What a theorem has to say: leaf, frames, refuted frames, the smallest.
type Expected = (bool, u64, u64, Option<u64>);

/// Proves a range under one policy: one theorem for leaves, one for the others.
fn check(line: &str, expected: [Expected; 2]) {
    let status = i32::from(expected.iter().any(|&(_, _, refuted, _)| refuted > 0));
    let theorems = theorems(line, status);
    assert_eq!(theorems.len(), 2, "{line}");
    for expected in expected {
        let theorem = theorems.iter().find(|theorem| theorem["leaf"] == expected.0);
        check_theorem(theorem.expect("a theorem for leaves and one for others"), expected);
    }
}

fn check_theorem(theorem: &Value, (_, frames, refuted, smallest): Expected) {
    assert_eq!(theorem["frames"], frames, "{theorem}");
    assert_eq!(theorem["refuted_frames"], refuted, "{theorem}");
    assert_eq!(theorem["smallest"], json!(smallest), "{theorem}");
    assert_eq!(theorem["rules"]["sp-row"], refuted, "{theorem}");
    let verdict = if refuted > 0 { "refuted" } else { "proved" };
    assert_eq!(theorem["verdict"], verdict, "{theorem}");
}

#[test]
fn the_frame_of_the_report() {
    let refuted = |leaf| (leaf, 1, 1, Some(65616));
    let proved = |leaf| (leaf, 1, 0, None);
    check("--frames 65616..65616 --policy go1.24.5", [refuted(true), refuted(false)]);
    check("--frames 65616..65616 --policy go1.24.6", [refuted(true), proved(false)]);
    check("--frames 0x10050..64KiB+80 --policy go1.27.3", [refuted(true), proved(false)]);
}

/// Up to 64 KiB each constant is one 12-bit immediate or one wide move.
#[test]
fn every_policy_is_proved_up_to_64_kib() {
    let theorems = theorems("--frames 0..64KiB", 0);
    assert_eq!(theorems.len(), 2 * POLICIES.len());
    for theorem in &theorems {
        check_theorem(theorem, (false, 65536 / 16 + 1, 0, None));
    }
}

/// 65552 is 0x10010: the smallest that is neither one 12-bit immediate, shifted
/// or not, nor one wide move, nor a bitmask.
#[test]
fn the_smallest_refuted_frame_is_65552() {
    let theorems = theorems("--frames 65536..65616", 1);
    let names: Vec<_> = theorems.iter().map(|theorem| theorem["policy"].as_str()).collect();
    let expected: Vec<_> = POLICIES.iter().flat_map(|(name, _)| [Some(*name); 2]).collect();
    assert_eq!(names, expected);
    for (leaf, (name, two_steps)) in
        POLICIES.iter().flat_map(|policy| [(true, policy), (false, policy)])
    {
        let of = |theorem: &&Value| theorem["policy"] == *name && theorem["leaf"] == leaf;
        let theorem = theorems.iter().find(of).expect("one for each policy and kind");
        match leaf || *two_steps {
            true => check_theorem(theorem, (leaf, 6, 5, Some(65552))),
            false => check_theorem(theorem, (leaf, 6, 0, None)),
        }
    }
}

/// From 65552 to 131072 there are 4096 sizes. 16 are multiples of 4096: one
/// shifted immediate. 8 are a bitmask and no such multiple, 0x1f800, 0x1fc00,
/// ..., 0x1fff0: restartable, as `go tool asm -S` of go1.24.3 shows for 130560
/// and 131056. The others take two ADDs.
#[test]
fn one_immediate_or_a_bitmask_is_enough() {
    let refuted = 4096 - 16 - 8;
    let expected = |leaf| (leaf, 4096, refuted, Some(65552));
    check("--frames 65552..128KiB --policy go1.24.3", [expected(true), expected(false)]);
    check("--frames 65552..128KiB --policy go1.24.3 --nosplit", [true, false].map(expected));
    check(
        "--frames 130560..130560 --policy go1.24.3",
        [true, false].map(|leaf| (leaf, 1, 0, None)),
    );
}

/// From 16 MiB on a constant does not fit two immediates: `go tool asm -S` of
/// go1.24.3 builds 16777232 in R27.
#[test]
fn frames_beyond_two_immediates_are_proved() {
    let proved = |leaf| (leaf, 11, 0, None);
    check("--frames 16MiB..16MiB+160 --policy go1.24.5", [proved(true), proved(false)]);
}

#[test]
fn targets_and_nosplit_change_neither_count() {
    for target in ["aarch64-unknown-linux-gnu", "aarch64-apple-darwin", "aarch64-apple-ios"] {
        for nosplit in ["", "--nosplit"] {
            let line =
                format!("--frames 64KiB..64KiB+80 --policy go1.22 --target {target} {nosplit}");
            check(&line, [true, false].map(|leaf| (leaf, 6, 5, Some(65552))));
        }
    }
}

#[test]
fn policies_keep_the_order_that_they_are_named_in() {
    let theorems = theorems("--frames 0..16 --policy go1.26 --policy go1.22.10 --policy go1.19", 0);
    let names: Vec<_> = theorems.iter().map(|theorem| theorem["policy"].as_str()).collect();
    let expected = ["go1.26", "go1.26", "go1.22", "go1.22", "go1.19", "go1.19"].map(Some);
    assert_eq!(names, expected);
}

#[test]
fn the_number_of_threads_changes_nothing_but_the_time() {
    let runs = ["1", "2", "7"].map(|jobs| {
        let line = format!("--frames 64KiB..65KiB --policy go1.24.5 --jobs {jobs}");
        theorems(&line, 1)
    });
    assert!(runs.iter().all(|run| *run == runs[0]));
    assert_eq!(theorems("--frames 0..16 --policy go1.26 --jobs 64", 0).len(), 2);
    check_error(&args("prove --frames 0..16 --jobs 0"), &["0", "at least 1"]);
    // It used to start as many, for half a minute.
    check_error(&args("prove --frames 0..16 --jobs 100000"), &["100000", "at most 1024"]);
    check_error(&args("prove --frames 0..16 --jobs -1"), &["--jobs", "-1"]);
    check_error(&args("prove --frames 0..16 --jobs many"), &["--jobs", "many"]);
}

#[test]
fn the_table_has_a_row_for_each_theorem() {
    let run = midframe(&args("prove --frames 65616..65616 --policy go1.24.5 --policy go1.24.6"));
    assert_eq!(run.status, 1);
    let rows: Vec<Vec<_>> =
        run.stdout.lines().take(5).map(|line| line.split("  ").collect()).collect();
    let cells = |row: usize| -> Vec<&str> {
        rows[row].iter().map(|cell| cell.trim()).filter(|cell| !cell.is_empty()).collect()
    };
    let header = ["policy", "releases", "function", "frames", "verdict", "refuted", "smallest"];
    assert_eq!(&cells(0)[..7], header);
    let row = |row, kind: &str, verdict: &str| {
        let cells = cells(row);
        assert_eq!((cells[2], cells[3], cells[4]), (kind, "1", verdict), "{cells:?}");
    };
    row(1, "leaf", "refuted");
    row(2, "non-leaf", "refuted");
    row(3, "leaf", "refuted");
    row(4, "non-leaf", "proved");
    assert_eq!(cells(1)[6], "65,616");
    assert_eq!(cells(4)[6], "-");
}

#[test]
fn what_is_no_range_policy_or_target_is_named() {
    let check = |flag: &str, value: &str, parts: &[&str]| {
        check_error(&["prove", flag, value], parts);
        check_error(&["prove", "--format=json", flag, value], parts);
    };
    check("--frames", "65616", &["\"65616\"", "FIRST..LAST"]);
    check("--frames", "", &["\"\"", "FIRST..LAST"]);
    check("--frames", "32..16", &["32..16", "empty"]);
    check("--frames", "0..8", &["8 is not a frame size", "16"]);
    check("--frames", "0..2GiB", &["2147483648", "1 GiB"]);
    check("--frames", "a..b", &["\"a\"", "65616"]);
    check("--frames", "..16", &["\"\""]);
    check("--policy", "go1.18.10", &["go1.18.10", "go1.19.0", "go1.27"]);
    check("--policy", "go1.21.7", &["go1.21.7", "go1.21.13"]);
    check("--policy", "rustc", &["\"rustc\"", "go1.24.6"]);
    check("--target", "wasm32-unknown-unknown", &["wasm32", "aarch64-unknown-linux-gnu"]);
    check("--target", "", &["\"\"", "aarch64-unknown-linux-gnu"]);
    check_error(&args("prove --policy go1.24.5 --policy go2"), &["\"go2\""]);
}
