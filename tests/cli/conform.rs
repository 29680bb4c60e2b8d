//! `midframe conform`: the policy, the counts and what deviates. The words are those
//! of `go tool asm -S` for linux/arm64; the depths are read off its listing too.

use crate::assembler::{NO_FRAME, NON_LEAF_1_24_3, NON_LEAF_1_24_11, SMALL_1_24_3, words};
use crate::fixtures::{ASM, Files, image, leaf, two_steps};
use crate::schema::{self, Type};
use crate::support::{args, check_error, json, list, midframe};
use Type::{Count, Flag, Hex, Is, List, Object, OneOf, Optional, Text};
use image::testing::{GoFunction, GoImage};
use serde_json::{Value, json};

/// `TEXT ·f(SB), $8-0; CALL ·g(SB); RET` under go1.19.8 and under go1.23.9.
const SMALL_1_23_9: &str = "
    90 0b 40 f9 ff 63 30 eb 09 01 00 54 fe 0f 1e f8
    fd 83 1f f8 fd 23 00 d1 00 00 00 94 fd fb 7f a9
    ff 83 00 91 c0 03 5f d6 e3 03 1e aa 00 00 00 94
    f4 ff ff 17";

/// `TEXT ·f(SB), $8-0; NOOP; RET` under go1.23.9, go1.24.3 and go1.27.3.
const LEAF_1_23_9: &str = "
    fe 0f 1e f8 fd 83 1f f8 fd 23 00 d1 1f 20 03 d5
    fd 63 00 91 ff 83 00 91 c0 03 5f d6";

/// `TEXT ·f(SB), WRAPPER, $8-0; CALL ·g(SB); RET` under go1.24.3. Under go1.27.3 it
/// is that of `SMALL_1_24_3`.
const WRAPPER_1_24_3: &str = "
    90 0b 40 f9 ff 63 30 eb 49 01 00 54 fe 0f 1e f8
    fd 83 1f f8 fd 23 00 d1 90 13 40 f9 10 01 00 b5
    00 00 00 94 fd 83 5f f8 fe 07 42 f8 c0 03 5f d6
    e3 03 1e aa 00 00 00 94 f2 ff ff 17 11 02 40 f9
    f4 a3 00 91 9f 02 11 eb c1 fe ff 54 f4 23 00 91
    14 02 00 f9 f3 ff ff 17";

/// `midframe conform --format json`
const CONFORM: Type = Object(&[
    ("schema", Is("midframe/conform/1")),
    ("policy", Optional(&Text)),
    ("candidates", List(&Text)),
    ("go_version", Optional(&Text)),
    ("functions", Count),
    ("assembly", Count),
    ("prologues", Count),
    ("epilogues", Count),
    ("matched", Count),
    (
        "deviations",
        List(&Object(&[
            ("function", Text),
            ("entry", Hex),
            ("pc", Hex),
            ("part", OneOf(&["prologue", "morestack", "epilogue"])),
            ("kind", Optional(&Text)),
            ("frame_size", Count),
            ("leaf", Flag),
            ("predicted", List(&INSTRUCTION)),
            ("actual", List(&INSTRUCTION)),
        ])),
    ),
]);

const INSTRUCTION: Type = Object(&[("offset", Count), ("word", Hex), ("instruction", Text)]);

fn function(name: &str, listing: &str, depths: &[(u32, i32)]) -> GoFunction {
    GoFunction { depths: depths.to_vec(), ..GoFunction::new(name, &words(listing)) }
}

fn small(listing: &str) -> GoFunction {
    function("main.small", listing, &[(4, 0), (5, 32), (4, 0)])
}

fn leaf_1_23_9() -> GoFunction {
    function("main.leaf", LEAF_1_23_9, &[(1, 0), (5, 32), (1, 0)])
}

fn fixed(name: &str) -> GoFunction {
    function(name, NON_LEAF_1_24_11, &[(10, 0), (6, 65616), (4, 0)])
}

fn wrapper() -> GoFunction {
    function("main.T.M-fm", WRAPPER_1_24_3, &[(4, 0), (7, 32), (4, 0), (7, 32)])
}

/// Compares an image, as text and as JSON: the exit status is the same for both,
/// and the counts add up. Returns the document.
fn conform_image(image: &GoImage, status: i32) -> Value {
    let files = Files::new();
    let path = files.write("program", image.bytes());
    let text = midframe(&["conform", &path]);
    let machine = midframe(&["conform", &path, "--format", "json"]);
    let document = json(&machine);
    schema::check(&document, &CONFORM, "conform");
    let alone = midframe(&["conform", &path, "--format", "json", "--jobs", "1"]);
    assert_eq!(alone.stdout, machine.stdout, "the threads change nothing");
    assert_eq!((text.status, machine.status), (status, status), "{document}");
    assert!(text.stdout.starts_with(&format!("{path}: arm64 elf, ")), "{}", text.stdout);
    let count = |field: &str| document[field].as_u64().unwrap_or(0);
    let deviations = list(&document["deviations"]).len() as u64;
    assert_eq!(count("prologues") + count("epilogues"), count("matched") + deviations);
    document
}

fn conform(functions: &[GoFunction], status: i32) -> Value {
    conform_image(&image(functions), status)
}

/// The policy and the candidates of functions that are all explained.
fn check(functions: &[GoFunction], policy: Option<&str>, candidates: &[&str]) {
    let document = conform(functions, 0);
    assert_eq!(document["policy"], json!(policy), "{document}");
    assert_eq!(document["candidates"], json!(candidates), "{document}");
    assert_eq!(document["deviations"], json!([]));
    // The version that the image names has no say.
    for release in [19, 27] {
        let other = conform_image(&GoImage::new(release, functions.to_vec()), 0);
        assert_eq!(other["policy"], document["policy"], "go1.{release}");
    }
}

#[test]
fn the_policy_is_found_from_the_code() {
    let (large, fixed) = (two_steps("main.f"), fixed("main.f"));
    let old = [leaf("main.leaf"), small(SMALL_1_23_9), large.clone()];
    check(&old, Some("go1.19"), &["go1.19"]);
    let second = [leaf_1_23_9(), small(SMALL_1_23_9), large.clone()];
    check(&second, Some("go1.22"), &["go1.22"]);
    let third = [leaf_1_23_9(), small(SMALL_1_23_9), fixed.clone()];
    check(&third, Some("go1.23.12"), &["go1.23.12"]);
    let fourth = [leaf_1_23_9(), small(SMALL_1_24_3), large];
    check(&fourth, Some("go1.24"), &["go1.24"]);
    let last = [leaf_1_23_9(), small(SMALL_1_24_3), fixed];
    check(&last, Some("go1.24.6/go1.26"), &["go1.24.6", "go1.26"]);
}

#[test]
fn what_cannot_be_told_apart_is_not() {
    check(&[small(SMALL_1_24_3)], None, &["go1.24", "go1.24.6", "go1.26"]);
    check(&[small(SMALL_1_23_9)], None, &["go1.19", "go1.22", "go1.23.12"]);
    let all = ["go1.19", "go1.22", "go1.23.12", "go1.24", "go1.24.6", "go1.26"];
    let never = function("main.never", "fe 0f 1e f8 fd 83 1f f8 fd 23 00 d1", &[(1, 0), (2, 32)]);
    check(&[never], None, &all);
}

/// The same assembler lowers the frames of assembly: where compiled functions leave
/// a choice it decides, and where they do not it has no say.
#[test]
fn assembly_is_apart_and_breaks_ties() {
    let assembly = |function: GoFunction| GoFunction { flags: ASM, ..function };
    let functions = [small(SMALL_1_24_3), assembly(two_steps("runtime.call65536"))];
    check(&functions, Some("go1.24"), &["go1.24"]);
    let functions = [small(SMALL_1_24_3), assembly(fixed("runtime.call65536"))];
    check(&functions, Some("go1.24.6/go1.26"), &["go1.24.6", "go1.26"]);
    let functions = [small(SMALL_1_24_3), fixed("main.f"), assembly(two_steps("main.g"))];
    check(&functions, Some("go1.24.6/go1.26"), &["go1.24.6", "go1.26"]);
    let document = conform(&functions, 0);
    assert_eq!((&document["functions"], &document["assembly"]), (&json!(2), &json!(1)));
    assert_eq!((&document["prologues"], &document["epilogues"]), (&json!(2), &json!(2)));
}

/// obj7.go gives wrappers a panic check up to go1.25 and none from go1.26 on.
#[test]
fn wrappers_tell_the_last_two_policies_apart() {
    let document = conform(&[small(SMALL_1_24_3), fixed("main.f"), wrapper()], 0);
    assert_eq!(document["policy"], "go1.24.6");
    let [deviation] = list(&document["deviations"]) else { panic!("one: {document}") };
    assert_eq!(deviation["kind"], "wrapper-panic-check");
    assert_eq!(deviation["function"], "main.T.M-fm");
    let bare = GoFunction { name: "main.T.M-fm".to_owned(), ..small(SMALL_1_24_3) };
    check(&[fixed("main.f"), bare], Some("go1.26"), &["go1.26"]);
}

#[test]
fn a_tail_jump_has_a_name() {
    let mut function = small(SMALL_1_24_3);
    function.words[9] = 0x17ff_ff00; // B, far before the function
    let document = conform(&[function.clone()], 0);
    let [deviation] = list(&document["deviations"]) else { panic!("one: {document}") };
    assert_eq!((&deviation["kind"], &deviation["part"]), (&json!("tail-jump"), &json!("epilogue")));
    // The pop before it is still held against the policies.
    function.words[8] = 0xd503_201f;
    let document = conform(&[function], 1);
    assert!(list(&document["deviations"]).iter().any(|deviation| deviation["kind"].is_null()));
}

/// Every word of the check, the prologue, the epilogue, the call of morestack and a
/// wrapper's panic check counts: none can be a NOOP without a deviation that has no
/// name. The body is the function's own.
#[test]
fn every_word_counts() {
    let cases = [
        (leaf("main.leaf"), vec![3]),
        (leaf_1_23_9(), vec![3]),
        (small(SMALL_1_23_9), vec![6]),
        (small(SMALL_1_24_3), vec![6]),
        (two_steps("main.f"), vec![11]),
        (fixed("main.f"), vec![11]),
        // Without its load the panic check is no more, and the rest is a body.
        (wrapper(), vec![6, 7, 8, 15, 16, 17, 18, 19, 20, 21]),
    ];
    for (function, body) in cases {
        conform(std::slice::from_ref(&function), 0);
        for at in (0..function.words.len()).filter(|at| !body.contains(at)) {
            let mut changed = function.clone();
            changed.words[at] = 0xd503_201f;
            let document = conform(&[changed, leaf_1_23_9()], 1);
            assert_eq!(document["policy"], Value::Null, "{} at {at}", function.name);
            let unnamed = |deviation: &Value| deviation["kind"].is_null();
            assert!(list(&document["deviations"]).iter().any(unnamed), "{document}");
        }
    }
    for at in [7, 15, 16, 17, 18, 19, 20, 21] {
        let mut changed = wrapper();
        changed.words[at] = 0xd503_201f;
        conform(&[changed], 1);
    }
}

#[test]
fn a_deviation_shows_both_listings() {
    let mut function = fixed("main.f");
    function.words[15] = 0x8b3a_63ff; // ADD R26, RSP, RSP
    let document = conform(&[small(SMALL_1_24_3), function], 1);
    assert_eq!(document["candidates"].as_array().map(Vec::len), Some(3));
    let [deviation] = list(&document["deviations"]) else { panic!("one: {document}") };
    assert_eq!((&deviation["part"], &deviation["leaf"]), (&json!("epilogue"), &json!(false)));
    assert_eq!(deviation["frame_size"], 65616);
    let texts = |field: &str| -> Vec<String> {
        let words = list(&deviation[field]).iter();
        words.map(|word| word["instruction"].as_str().unwrap_or("").to_owned()).collect()
    };
    // The nearest policy is the first of those that explain the rest: go1.24.
    let pair = "LDP -8(RSP), (R29, R30)";
    assert_eq!(texts("predicted"), [pair, "ADD $80, RSP, RSP", "ADD $(16<<12), RSP, RSP", "RET"]);
    assert_eq!(texts("actual").last().map(String::as_str), Some("RET"));
    assert_eq!(texts("actual")[2], "ADD R26, RSP, RSP");
}

/// A jump into the call of morestack, a call without a frame, a pop that no return
/// follows.
#[test]
fn what_the_model_excludes_is_a_deviation() {
    let mut elsewhere = small(SMALL_1_24_3);
    elsewhere.words[12] = 0x17ff_fff5; // B to the second word, not the first
    conform(&[elsewhere], 1);
    let call = GoFunction::new("main.f", &[0x9400_0000, 0xd65f_03c0]);
    conform(&[call], 1);
    let no_return = function("main.f", SMALL_1_24_3, &[(4, 0), (2, 32), (1, 0), (2, 32), (4, 0)]);
    conform(&[no_return], 1);
    let early = function("main.f", SMALL_1_24_3, &[(4, 0), (6, 32), (3, 0)]);
    conform(&[early], 1);
    let unaligned = function("main.f", SMALL_1_24_3, &[(4, 0), (5, 24), (4, 0)]);
    conform(&[unaligned], 1);
}

/// Data in the code looks like a return, and is read by an LDR (literal).
#[test]
fn data_is_not_an_epilogue() {
    let mut function = small(SMALL_1_24_3);
    function.words[6] = 0x5800_00e0; // MOVD 28(PC), R0
    function.words.extend([0xd65f_03c0, 0xd65f_03c0]);
    function.depths = vec![(4, 0), (5, 32), (4, 0), (2, 32)];
    // Without its call it is a leaf below 128 bytes, which has no check.
    conform(std::slice::from_ref(&function), 1);
    function.words.insert(6, 0x9400_0000);
    function.words[2] = 0x5400_0129; // BLS to the call of morestack
    function.words[13] = 0x17ff_fff3; // B to the entry
    function.depths = vec![(4, 0), (6, 32), (4, 0), (2, 32)];
    conform(std::slice::from_ref(&function), 0);
    function.words[7] = 0xd503_201f;
    let document = conform(&[function], 1);
    assert_eq!(list(&document["deviations"]).len(), 2);
}

#[test]
fn without_a_frame_there_is_nothing_to_compare() {
    let functions = [function("main.f", NO_FRAME, &[(2, 0)])];
    let document = conform(&functions, 3);
    assert_eq!((&document["policy"], &document["functions"]), (&Value::Null, &json!(1)));
    conform(&[GoFunction { flags: ASM, ..two_steps("main.f") }], 3);
}

#[test]
fn errors_name_the_file() {
    let files = Files::new();
    let (missing, text) = (files.path("missing"), files.write("text", "no ELF file"));
    check_error(&["conform", &missing.display().to_string()], &["missing", "cannot be read"]);
    check_error(&["conform", &text], &["text"]);
    check_error(&args("conform"), &["PATH"]);
    check_error(&["conform", &text, &text], &["unexpected argument"]);
    check_error(&["conform", &text, "--jobs", "0"], &["0 is not a number of jobs"]);
    assert_eq!(words(NON_LEAF_1_24_3).len(), 19);
}
