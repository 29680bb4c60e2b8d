//! `midframe prove`, on ranges of frame sizes that can be counted by hand.

use crate::schema;
use crate::support::{args, check_error, json, list, midframe};
use serde_json::{Value, json};

/// Every policy, in order, and whether it pops the frames of functions that are
/// not leaves in two steps: golang/go#73259 was fixed in go1.23.12, go1.24.6 and
/// go1.25.0. The last is of no release.
const POLICIES: [(&str, bool); 7] = [
    ("go1.19", true),
    ("go1.22", true),
    ("go1.23.12", false),
    ("go1.24", true),
    ("go1.24.6", false),
    ("go1.26", false),
    ("complete", false),
];

/// The rules, and with that the order of the table's columns.
const RULES: [&str; 7] =
    ["sp-row", "saved-lr", "frame-pointer", "below-sp", "restart", "sp-align", "callee"];

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

/// What a theorem has to say.
struct Expected {
    leaf: bool,
    frames: u64,
    smallest: Option<u64>,
    /// How many frame sizes break a rule; none break the others. Every refuted frame
    /// breaks the one that is broken most.
    rules: &'static [(&'static str, u64)],
}

impl Expected {
    fn refuted(&self) -> u64 {
        self.rules.iter().map(|(_, count)| *count).max().unwrap_or(0)
    }
}

/// A theorem that is proved.
const fn proved(leaf: bool, frames: u64) -> Expected {
    Expected { leaf, frames, smallest: None, rules: &[] }
}

/// Proves a range under one policy: one theorem for leaves, one for the others.
fn check(line: &str, expected: [Expected; 2]) {
    let status = i32::from(expected.iter().any(|expected| expected.refuted() > 0));
    let theorems = theorems(line, status);
    assert_eq!(theorems.len(), 2, "{line}");
    for expected in expected {
        let theorem = theorems.iter().find(|theorem| theorem["leaf"] == expected.leaf);
        check_theorem(theorem.expect("a theorem for leaves and one for others"), &expected);
    }
}

fn check_theorem(theorem: &Value, expected: &Expected) {
    let refuted = expected.refuted();
    assert_eq!(theorem["frames"], expected.frames, "{theorem}");
    assert_eq!(theorem["refuted_frames"], refuted, "{theorem}");
    assert_eq!(theorem["smallest"], json!(expected.smallest), "{theorem}");
    assert_eq!(theorem["rules"].as_object().map(serde_json::Map::len), Some(RULES.len()));
    for rule in RULES {
        let count = expected.rules.iter().find(|(of, _)| *of == rule).map_or(0, |(_, n)| *n);
        assert_eq!(theorem["rules"][rule], count, "{rule}: {theorem}");
    }
    let verdict = if refuted > 0 { "refuted" } else { "proved" };
    assert_eq!(theorem["verdict"], verdict, "{theorem}");
}

/// A leaf makes up R29 in two ADDs too: `ADD $72, RSP, R29; ADD $(16<<12), R29, R29`
/// (`go tool asm -S` of go1.24.3 and of go1.27.3).
#[test]
fn the_frame_of_the_report() {
    let smallest = Some(65616);
    let leaf = || {
        let rules = &[("sp-row", 1), ("frame-pointer", 1)];
        Expected { leaf: true, frames: 1, smallest, rules }
    };
    let non_leaf = Expected { leaf: false, frames: 1, smallest, rules: &[("sp-row", 1)] };
    check("--frames 65616..65616 --policy go1.24.5", [leaf(), non_leaf]);
    check("--frames 65616..65616 --policy go1.24.6", [leaf(), proved(false, 1)]);
    check("--frames 0x10050..64KiB+80 --policy go1.27.3", [leaf(), proved(false, 1)]);
    check("--frames 65616..65616 --policy complete", [true, false].map(|leaf| proved(leaf, 1)));
}

/// Up to 64 KiB each constant is one 12-bit immediate or one wide move. Before the
/// fix of golang/go#63830 a leaf moves SP over every frame there is before it
/// computes R29 again.
#[test]
fn up_to_64_kib_only_the_leaves_of_go1_19_are_refuted() {
    let theorems = theorems("--frames 0..64KiB", 1);
    assert_eq!(theorems.len(), 2 * POLICIES.len());
    for theorem in &theorems {
        let leaf = theorem["leaf"] == true;
        if leaf && theorem["policy"] == "go1.19" {
            let rules = &[("frame-pointer", 65536 / 16)];
            let expected = Expected { leaf, frames: 65536 / 16 + 1, smallest: Some(16), rules };
            check_theorem(theorem, &expected);
        } else {
            check_theorem(theorem, &proved(leaf, 65536 / 16 + 1));
        }
    }
}

/// 65552 is 0x10010: the smallest that is neither one 12-bit immediate, shifted
/// or not, nor one wide move, nor a bitmask. 65544, by which its leaf restores R29,
/// is the smallest such address from R29 as well; 65528, for 65536, is one wide move.
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
        let refuted = |smallest, rules| Expected { leaf, frames: 6, smallest, rules };
        let expected = match *name {
            "complete" => proved(leaf, 6),
            "go1.19" if leaf => refuted(Some(65536), &[("sp-row", 5), ("frame-pointer", 6)]),
            _ if leaf => refuted(Some(65552), &[("sp-row", 5), ("frame-pointer", 5)]),
            _ if *two_steps => refuted(Some(65552), &[("sp-row", 5)]),
            _ => proved(leaf, 6),
        };
        check_theorem(theorem, &expected);
    }
}

/// From 65552 to 131072 there are 4096 sizes. 16 are multiples of 4096: one
/// shifted immediate. 8 are a bitmask and no such multiple, 0x1f800, 0x1fc00,
/// ..., 0x1fff0: restartable, as `go tool asm -S` of go1.24.3 shows for 130560
/// and 131056. The others take two ADDs. Of what a leaf adds for R29, 8 less, only
/// 0x1fff8 is a bitmask, for 131072: restartable there, two ADDs for 130560.
#[test]
fn one_immediate_or_a_bitmask_is_enough() {
    let refuted = |leaf| Expected {
        leaf,
        frames: 4096,
        smallest: Some(65552),
        rules: match leaf {
            true => &[("sp-row", 4096 - 16 - 8), ("frame-pointer", 4096 - 1)],
            false => &[("sp-row", 4096 - 16 - 8)],
        },
    };
    check("--frames 65552..128KiB --policy go1.24.3", [true, false].map(refuted));
    check("--frames 65552..128KiB --policy go1.24.3 --nosplit", [true, false].map(refuted));
    let rules = &[("frame-pointer", 1)];
    let leaf = Expected { leaf: true, frames: 1, smallest: Some(130560), rules };
    check("--frames 130560..130560 --policy go1.24.3", [leaf, proved(false, 1)]);
    check("--frames 128KiB..128KiB --policy go1.24.3", [true, false].map(|leaf| proved(leaf, 1)));
}

/// From 16 MiB on a constant does not fit two immediates: `go tool asm -S` of
/// go1.24.3 builds 16777232 in R27.
#[test]
fn frames_beyond_two_immediates_are_proved() {
    check(
        "--frames 16MiB..16MiB+160 --policy go1.24.5",
        [true, false].map(|leaf| proved(leaf, 11)),
    );
}

/// On ios a handler of signals runs on the goroutine's stack (obj7.go: no
/// `SA_ONSTACK`). What the prologue of a large frame stored far below SP may be lost
/// before SP is moved, whoever is preempted or not; from there until it is stored
/// again the word at SP is no return address.
#[test]
fn only_ios_loses_what_is_below_sp() {
    for (target, is_ios) in [
        ("aarch64-unknown-linux-gnu", false),
        ("aarch64-apple-darwin", false),
        ("aarch64-apple-ios", true),
    ] {
        for nosplit in ["", "--nosplit"] {
            let line =
                format!("--frames 64KiB..64KiB+80 --policy go1.22 --target {target} {nosplit}");
            let expected = |leaf| Expected {
                leaf,
                frames: 6,
                smallest: Some(if is_ios { 65536 } else { 65552 }),
                rules: match (leaf, is_ios) {
                    (true, false) => &[("sp-row", 5), ("frame-pointer", 5)],
                    (false, false) => &[("sp-row", 5)],
                    (true, true) => &[("sp-row", 5), ("frame-pointer", 5), ("below-sp", 6)],
                    (false, true) => &[("sp-row", 5), ("below-sp", 6)],
                },
            };
            check(&line, [true, false].map(expected));
        }
    }
}

/// Under go1.19 a leaf with a frame of 16 bytes moves SP before R29: refuted.
#[test]
fn policies_keep_the_order_that_they_are_named_in() {
    let theorems = theorems("--frames 0..16 --policy go1.26 --policy go1.22.10 --policy go1.19", 1);
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

/// The end of a column of numbers is the end of its heading or of its widest number.
#[test]
fn the_table_has_a_row_for_each_theorem() {
    let run = midframe(&args("prove --frames 65552..128KiB --policy go1.24.5 --policy complete"));
    assert_eq!(run.status, 1);
    let rows: Vec<_> = run.stdout.lines().take(5).collect();
    let cells = |row: usize| rows[row].split_whitespace().collect::<Vec<_>>();
    let header = ["policy", "function", "verdict", "refuted", "smallest"];
    assert_eq!(cells(0), [&header[..], &RULES].concat());
    let zeros = ["0"; 5];
    let refuted = ["go1.24", "leaf", "refuted", "4,095", "65,552", "4,072", "0", "4,095"];
    assert_eq!(cells(1), [&refuted[..], &zeros[1..]].concat());
    let refuted = ["go1.24", "non-leaf", "refuted", "4,072", "65,552", "4,072", "0"];
    assert_eq!(cells(2), [&refuted[..], &zeros].concat());
    for (row, kind) in [(3, "leaf"), (4, "non-leaf")] {
        let proved = ["complete", kind, "proved", "0", "-", "0", "0"];
        assert_eq!(cells(row), [&proved[..], &zeros].concat());
    }
    let widths: Vec<_> = rows.iter().map(|row| row.len()).collect();
    assert!(widths.iter().all(|&width| width == widths[0] && width <= 120), "{}", run.stdout);
    let summary = run.stdout.lines().find(|line| line.contains("decided,")).expect("a summary");
    assert!(
        summary.contains("4,096 frame sizes") && summary.contains("16,384 frames"),
        "{summary}"
    );
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
