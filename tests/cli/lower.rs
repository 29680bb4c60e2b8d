//! `midframe lower`

use crate::assembler::{
    LEAF_1_19_8, LEAF_1_27_3, NON_LEAF_1_24_3, NON_LEAF_1_24_11, NON_LEAF_IOS_1_24_3,
    NOSPLIT_1_24_3, SMALL_1_24_3, words,
};
use crate::schema;
use crate::support::{Run, args, check_error, json, list, midframe};
use serde_json::Value;

/// What a listing has to show.
struct Expected {
    status: i32,
    /// The assembler's bytes.
    listing: &'static str,
    /// The frame size, and the offsets between which the frame is declared.
    frame: (i64, core::ops::Range<u64>),
    /// Where `PCDATA $0, $-2` holds, from the assembler's listing.
    unsafe_points: &'static [(u64, u64)],
    /// The boundaries at which rules are broken, with the instruction, the actual
    /// depth and the rules.
    refuted: &'static [(u64, &'static str, i64, &'static [&'static str])],
}

/// Lowers a frame, as text and as JSON, and holds every boundary of both
/// against what is expected.
fn check(line: &str, expected: &Expected) {
    let arguments = [&["lower"], args(line).as_slice()].concat();
    let text = midframe(&arguments);
    let machine = midframe(&[arguments.as_slice(), &["--format", "json"]].concat());
    assert_eq!((text.status, machine.status), (expected.status, expected.status), "{text:?}");
    let document = json(&machine);
    schema::check(&document, &schema::LOWER, "lower");
    assert_eq!(document["frame_size"], expected.frame.0);
    assert_eq!(document["leaf"], line.contains("--leaf"));
    let boundaries = list(&document["boundaries"]);
    let lines: Vec<_> = text.stdout.lines().filter(|line| line.contains(" +0x")).collect();
    let words = words(expected.listing);
    assert_eq!((boundaries.len(), lines.len()), (words.len(), words.len()), "{line}");
    for ((offset, word), (boundary, line)) in
        (0..).step_by(4).zip(&words).zip(boundaries.iter().zip(lines))
    {
        check_boundary(offset, *word, boundary, expected);
        check_line(line, boundary);
    }
}

fn check_boundary(offset: u64, word: u32, boundary: &Value, expected: &Expected) {
    let (size, framed) = &expected.frame;
    let declared = if framed.contains(&offset) { *size } else { 0 };
    let unsafe_point =
        expected.unsafe_points.iter().any(|&(from, to)| from <= offset && offset < to);
    let refuted = expected.refuted.iter().find(|(at, ..)| *at == offset);
    assert_eq!(boundary["offset"], offset);
    assert_eq!(boundary["word"], format!("{word:#010x}"), "at {offset:#x}");
    assert_eq!(boundary["declared"], declared, "at {offset:#x}");
    assert_eq!(boundary["preemptible"], !unsafe_point, "at {offset:#x}");
    assert_eq!(boundary["actual"], refuted.map_or(declared, |(.., actual, _)| *actual));
    match refuted {
        Some((_, instruction, _, rules)) => {
            assert_eq!(boundary["rules"], serde_json::json!(rules));
            assert_eq!(boundary["instruction"], *instruction);
        }
        None => assert_eq!(list(&boundary["rules"]).len(), 0, "at {offset:#x}"),
    }
}

/// A line of the text says what the JSON says.
fn check_line(line: &str, boundary: &Value) {
    let text = |field: &str| boundary[field].as_str().expect("a string");
    let rules: Vec<_> = list(&boundary["rules"]).iter().filter_map(Value::as_str).collect();
    assert_eq!(line.trim_start().starts_with('>'), !rules.is_empty(), "{line}");
    assert!(line.ends_with(&rules.join(", ")), "{line}");
    // Only where SP is not at the declared depth.
    assert_eq!(line.contains("mid-frame: sp-row"), rules.contains(&"sp-row"), "{line}");
    assert_eq!(line.contains("mid-frame"), rules.contains(&"sp-row"), "{line}");
    let offset = boundary["offset"].as_u64().expect("a number");
    let plain = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let word = text("word").trim_start_matches("0x");
    let start = format!("+{offset:#04x} {word} {} declared", text("instruction"));
    assert!(plain.contains(&start), "{start:?} in {line}");
    let depths = format!("declared {} actual {}", boundary["declared"], boundary["actual"]);
    assert!(plain.contains(&depths), "{depths:?} in {line}");
    let class = if boundary["preemptible"] == true { "" } else { "unsafe point" };
    assert_eq!(line.contains("unsafe point"), !class.is_empty(), "{line}");
}

const BEFORE_THE_FIX: Expected = Expected {
    status: 1,
    listing: NON_LEAF_1_24_3,
    frame: (65616, 0x28..0x3c),
    unsafe_points: &[(0x04, 0x18), (0x24, 0x28), (0x40, 0x48)],
    refuted: &[(0x38, "ADD $(16<<12), RSP, RSP", 65536, &["sp-row"])],
};

/// The last line of the text: for whom the frame is refuted and for whom proved.
fn last(run: &Run) -> &str {
    run.stdout.lines().last().expect("a verdict")
}

#[test]
fn the_frame_of_the_report_is_refuted_between_the_two_adds() {
    check("--frame 65616 --policy go1.24.5", &BEFORE_THE_FIX);
    check("--frame 65616 --policy go1.24.5 --target aarch64-apple-darwin", &BEFORE_THE_FIX);
    let run = midframe(&args("lower --frame 65616 --policy go1.24.5"));
    let lines: Vec<_> = run.stdout.lines().collect();
    // What was asked for, and which releases that means.
    assert_eq!(lines[0], "go1.24.5  non-leaf  frame 65616");
    let policy = "policy go1.24: go1.24.0 to go1.24.5; the first CALL stands for the body";
    assert!(lines.contains(&policy), "{lines:?}");
    let marked = lines.iter().position(|line| line.starts_with('>')).expect("a marked line");
    assert!(lines[marked - 1].contains("ADD $80, RSP, RSP"));
    assert!(lines[marked].contains("ADD $(16<<12), RSP, RSP"));
    assert_eq!(
        last(&run),
        "refuted: async-preemption, profiler; proved: everybody, frame-pointer unwinder"
    );
    let reason = "sp-row, async-preemption (crash): The garbage collector";
    assert!(lines.iter().any(|line| line.starts_with(reason)), "{lines:?}");
}

#[test]
fn the_frame_of_the_report_is_proved_with_the_fix() {
    let fixed = Expected {
        status: 0,
        listing: NON_LEAF_1_24_11,
        frame: (65616, 0x28..0x40),
        unsafe_points: &[(0x04, 0x18), (0x24, 0x28), (0x34, 0x40), (0x44, 0x4c)],
        refuted: &[],
    };
    check("--frame 65616 --policy go1.24.6", &fixed);
    check("--frame 65616 --policy go1.27.3", &fixed);
    check("--frame 65616", &fixed);
    let run = midframe(&args("lower --frame 65616 --policy go1.24.6"));
    assert_eq!(last(&run), "proved: every rule holds at every boundary");
}

#[test]
fn the_leaf_that_the_fix_missed_is_refuted() {
    let leaf = Expected {
        status: 1,
        listing: LEAF_1_27_3,
        frame: (65616, 0x28..0x40),
        unsafe_points: &[(0x04, 0x18), (0x24, 0x28), (0x44, 0x4c)],
        refuted: &[
            (0x34, "ADD $(16<<12), R29, R29", 65616, &["frame-pointer"]),
            (0x3c, "ADD $(16<<12), RSP, RSP", 65536, &["sp-row"]),
        ],
    };
    check("--frame 65616 --policy go1.27.3 --leaf", &leaf);
    check("--frame 65616 --policy go1.24.5 --leaf", &leaf);
}

/// Between the two instructions R29 points below SP (golang/go#63830): the walk along
/// frame pointers is misled, the garbage collector is not.
#[test]
fn what_only_others_see_does_not_decide_the_exit_status() {
    let leaf = Expected {
        status: 0,
        listing: LEAF_1_19_8,
        frame: (32, 0x04..0x14),
        unsafe_points: &[],
        refuted: &[(0x14, "SUB $8, RSP, R29", 0, &["frame-pointer"])],
    };
    check("--frame 32 --leaf --policy go1.19.8", &leaf);
    let run = midframe(&args("lower --frame 32 --leaf --policy go1.19.8"));
    // go1.19 has nobody who walks along frame pointers; go1.21 has.
    let proved = "proved: everybody, async-preemption, profiler";
    assert_eq!(last(&run), format!("{proved}; not observed: frame-pointer unwinder"));
    let walked = midframe(&args("lower --frame 32 --leaf --policy go1.21.3"));
    assert_eq!(walked.status, 0);
    assert_eq!(last(&walked), format!("refuted: frame-pointer unwinder; {proved}"));
    let document =
        json(&midframe(&args("lower --frame 32 --leaf --policy go1.19.8 --format json")));
    for (observer, verdict) in [
        ("everybody", "proved"),
        ("async-preemption", "proved"),
        ("frame-pointer", "not-observed"),
        ("profiler", "proved"),
    ] {
        assert_eq!(document["verdicts"][observer], verdict, "{observer}");
    }
}

/// The walk along frame pointers came with the execution tracer of go1.21: of older
/// releases it is said that they have none, as `explain` says it.
#[test]
fn what_comes_of_a_wrong_frame_pointer_depends_on_the_release() {
    let reason = |policy: &str| {
        let run = midframe(&["lower", "--frame", "32", "--leaf", "--policy", policy]);
        assert_eq!(run.status, 0, "{run:?}");
        let start = "frame-pointer, frame-pointer unwinder";
        let line = run.stdout.lines().find_map(|line| line.strip_prefix(start));
        // How grave it is stands there only if somebody looks.
        let is_walked = policy.starts_with("go1.21");
        let brackets = if is_walked { " (crash): " } else { ": " };
        let line = line.and_then(|line| line.strip_prefix(brackets));
        let reason = line.unwrap_or_else(|| panic!("{start:?} in {}", run.stdout)).to_owned();
        let story = midframe(&["explain", "--frame", "32", "--leaf", "--policy", policy]);
        let flowing = story.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flowing.contains(&reason), "{reason:?} in {}", story.stdout);
        reason
    };
    for (policy, release) in [("go1.19.0", 19), ("go1.19.8", 19), ("go1.20.14", 20)] {
        let nobody = format!("Nobody walks along frame pointers in go1.{release}: ");
        assert!(reason(policy).starts_with(&nobody), "{policy}");
    }
    let walk = "The frame-pointer unwinder follows R29 to words that are no frame's";
    assert!(reason("go1.21.3").starts_with(walk));
}

/// The same leaf with a large frame: at one boundary SP and R29 are both astray.
#[test]
fn a_boundary_can_break_several_rules() {
    let line = "lower --frame 65616 --leaf --policy go1.19.8";
    let run = midframe(&args(line));
    assert_eq!(run.status, 1);
    let marked: Vec<_> = run.stdout.lines().filter(|line| line.starts_with('>')).collect();
    let [second_add, sub] = marked[..] else { panic!("two boundaries: {}", run.stdout) };
    assert!(second_add.ends_with("mid-frame: sp-row, frame-pointer"), "{second_add}");
    assert!(sub.contains("SUB $8, RSP, R29") && sub.ends_with("  frame-pointer"), "{sub}");
    let others = "proved: everybody; not observed: frame-pointer unwinder";
    assert_eq!(last(&run), format!("refuted: async-preemption, profiler; {others}"));
}

#[test]
fn the_policy_of_no_release_says_so() {
    for line in
        ["lower --frame 65616 --policy complete", "lower --frame 48 --policy complete --leaf"]
    {
        let run = midframe(&args(line));
        assert_eq!(run.status, 0);
        assert!(run.stdout.contains("\npolicy complete: of no release; "), "{}", run.stdout);
        assert_eq!(last(&run), "proved: every rule holds at every boundary");
    }
}

#[test]
fn ios_stores_the_pair_again_once_sp_has_moved() {
    let ios = Expected {
        status: 1,
        listing: NON_LEAF_IOS_1_24_3,
        frame: (65616, 0x28..0x40),
        unsafe_points: &[(0x04, 0x18), (0x24, 0x28), (0x44, 0x4c)],
        refuted: &[
            (0x24, "MOVD R20, RSP", 0, &["below-sp"]),
            (0x3c, "ADD $(16<<12), RSP, RSP", 65536, &["sp-row"]),
        ],
    };
    check("--frame 65616 --policy go1.24.5 --target aarch64-apple-ios", &ios);
}

#[test]
fn nosplit_leaves_out_the_check() {
    let nosplit = Expected {
        status: 1,
        listing: NOSPLIT_1_24_3,
        frame: (65616, 0x10..0x24),
        unsafe_points: &[(0x0c, 0x10)],
        refuted: &[(0x20, "ADD $(16<<12), RSP, RSP", 65536, &["sp-row"])],
    };
    check("--frame 65616 --policy go1.24.5 --nosplit", &nosplit);
}

#[test]
fn small_frames_are_pushed_and_popped_at_once() {
    let small = Expected {
        status: 0,
        listing: SMALL_1_24_3,
        frame: (32, 0x10..0x24),
        unsafe_points: &[(0x04, 0x0c), (0x28, 0x30)],
        refuted: &[],
    };
    check("--frame 32 --policy go1.24", &small);
    check("--frame 0x20", &small);
}

#[test]
fn a_frame_size_has_several_forms() {
    for size in ["65616", "0x10050", "64KiB+80", "64KiB+0x50", "64KiB + 80", "80+64KiB"] {
        let size = format!("--frame={size}");
        let run = midframe(&["lower", "--policy", "go1.24.5", "--format", "json", &size]);
        assert_eq!(json(&run)["frame_size"], 65616, "{size}");
        assert_eq!(run.status, 1, "{size}");
    }
    let run = midframe(&args("lower --frame 1GiB --format json"));
    assert_eq!(json(&run)["frame_size"], 1 << 30);
}

#[test]
fn what_is_no_frame_size_is_named() {
    let check = |size: &str, parts: &[&str]| {
        check_error(&["lower", "--frame", size], parts);
        check_error(&["lower", &format!("--frame={size}"), "--format=json"], parts);
    };
    check("65617", &["65617", "multiple of 16"]);
    check("2GiB", &["2147483648", "1 GiB"]);
    check("1GiB+16", &["1073741840", "1 GiB"]);
    check("-16", &["\"-16\"", "65616"]);
    check("", &["\"\"", "65616"]);
    check("large", &["\"large\"", "65616"]);
    check("64KB", &["\"64KB\"", "64KiB+80"]);
    check("0x", &["\"0x\""]);
    check("64KiB+", &["\"64KiB+\""]);
    check("16.0", &["\"16.0\""]);
    check("99999999999999999999", &["\"99999999999999999999\""]);
    check("18446744073709551615+1", &["18446744073709551615+1"]);
    check_error(&["lower"], &["--frame"]);
}

#[test]
fn what_is_no_policy_or_target_is_named() {
    let check = |flag: &str, value: &str, parts: &[&str]| {
        check_error(&["lower", "--frame", "32", flag, value], parts);
    };
    check("--policy", "go1.17", &["go1.17", "go1.19.0", "go1.27"]);
    check("--policy", "go1.28.1", &["go1.28.1", "go1.19.0", "go1.27"]);
    check("--policy", "gcc", &["\"gcc\"", "go1.24.6", "release"]);
    check("--policy", "", &["\"\""]);
    check("--target", "x86_64-unknown-linux-gnu", &["x86_64", "aarch64-unknown-linux-gnu"]);
    check("--target", "nonsense", &["\"nonsense\"", "aarch64-apple-ios"]);
    check("--format", "yaml", &["yaml", "json"]);
}
