//! Functions in files.

use super::{explain, flowing, observer};
use crate::fixtures::{
    ASM, ASSEMBLY_SECOND_ADD, Files, clean, image, leaf, loads_sp, two_steps, two_steps_assembly,
};
use crate::support::{check_error, json, list, midframe};
use image::testing::{GoFunction, GoImage};
use serde_json::json;

const RECEIVE: &str = "github.com/vishvananda/netlink/nl.(*NetlinkSocket).Receive";

#[test]
fn a_function_in_a_file() {
    let files = Files::new();
    let functions = [clean("main.main"), two_steps(RECEIVE), loads_sp("main.loads")];
    let path = files.write("program", image(&functions).bytes());
    let (run, document) = explain(&[&path, RECEIVE]);
    assert_eq!(run.status, 1);
    assert_eq!((&document["path"], &document["function"]), (&json!(path), &json!(RECEIVE)));
    assert_eq!(document["go_version"], "go1.24.1");
    let story = &document["boundary"];
    assert_eq!((&story["offset"], &story["actual"]), (&json!(0x38), &json!(65536)));
    assert_eq!(document["beside"]["frame_size"], 65616);
    assert!(run.stdout.starts_with(RECEIVE), "{}", run.stdout);
    assert!(run.stdout.contains("addr=0x118"), "{}", run.stdout);
    // By its address, and another one by its offset.
    let pc = story["pc"].as_str().expect("a string");
    let (by_address, again) = explain(&[&path, RECEIVE, "--boundary", pc]);
    assert_eq!((by_address.status, &again["boundary"]), (1, story));
    let (clean, _) = explain(&[&path, RECEIVE, "--boundary", "+0x34"]);
    assert_eq!(clean.status, 0);
    let (undecided, document) = explain(&[&path, "main.loads"]);
    assert_eq!(list(&document["undecided"]).len(), 1);
    assert_eq!(undecided.status, 3, "{}", undecided.stdout);
    assert_eq!(observer(&document["boundary"], "async-preemption")["verdict"], "undecided");
}

#[test]
fn assembly_is_a_matter_of_the_profiler() {
    let files = Files::new();
    let path = files.write("program", image(&[two_steps_assembly("main.f")]).bytes());
    let (run, document) = explain(&[&path, "main.f"]);
    assert_eq!(run.status, 0);
    assert_eq!(document["boundary"]["offset"], ASSEMBLY_SECOND_ADD);
    assert_eq!(observer(&document["boundary"], "async-preemption")["looks"], false);
    assert_eq!(observer(&document["boundary"], "profiler")["verdict"], "refuted");
    assert!(run.stdout.contains("never: assembly"), "{}", run.stdout);
}

// Words by GNU as 2.40; the first boundary at which each rule is broken by hand.
#[test]
fn each_rule_has_a_story() {
    let function = |name: &str, words: &[u32], depths: &[(u32, i32)], classes: &[(u32, i32)]| {
        let (depths, unsafe_points) = (depths.to_vec(), classes.to_vec());
        GoFunction { depths, unsafe_points, ..GoFunction::new(name, words) }
    };
    let (nop, ret) = (0xd503_201f, 0xd65f_03c0);
    // str x30, [sp, #-16]; ldr x30, [sp, #-16]
    let below = function("f.below", &[0xf81f_03fe, 0xf85f_03fe, ret], &[(3, 0)], &[]);
    // add x0, x0, #1, inside a restartable sequence
    let again = [(1, -1), (2, -3), (1, -1)];
    let restart = function("f.restart", &[nop, 0x9100_0400, nop, ret], &[(4, 0)], &again);
    // sub sp, sp, #8; add sp, sp, #8
    let words = [0xd100_23ff, nop, 0x9100_23ff, ret];
    let align = function("f.align", &words, &[(1, 0), (2, 8), (1, 0)], &[]);
    // str x30, [sp, #-32]!; mov x0, #1; str x0, [sp]; ldr x30, [sp], #32
    let words = [0xf81e_0ffe, 0xd280_0020, 0xf900_03e0, 0xf842_07fe, ret];
    let saved = function("f.saved", &words, &[(1, 0), (3, 32), (1, 0)], &[]);
    let files = Files::new();
    let assembly = GoFunction { flags: ASM, name: "f.assembly".to_owned(), ..saved.clone() };
    let path = files.write("program", image(&[below, restart, align, saved, assembly]).bytes());
    for (name, at, rule, who, status, part) in [
        (
            "f.below",
            4,
            "below-sp",
            "async-preemption",
            1,
            "A word below SP that the function still",
        ),
        ("f.restart", 8, "restart", "async-preemption", 1, "resumes at the start of the"),
        ("f.align", 4, "sp-align", "async-preemption", 1, "through a misaligned SP"),
        ("f.saved", 12, "saved-lr", "async-preemption", 1, "SP local <- taken"),
        ("f.assembly", 12, "saved-lr", "profiler", 0, "the sample is cut short"),
    ] {
        let (run, document) = explain(&[&path, name]);
        let story = &document["boundary"];
        assert_eq!((run.status, &story["offset"]), (status, &json!(at)), "{}", run.stdout);
        assert!(list(&story["rules"]).contains(&json!(rule)), "{name}: {}", run.stdout);
        assert_eq!(observer(story, who)["verdict"], "refuted", "{name}");
        assert!(flowing(&run).contains(part), "{part:?} in {}", run.stdout);
    }
}

/// Two paths with SP at two depths: the story is about the one that the row does not declare,
/// as the finding is. Words by GNU as 2.40: cbz x0, .+8; sub sp, sp, #32; nop; ret.
#[test]
fn of_two_depths_the_story_is_about_the_wrong_one() {
    let files = Files::new();
    let words = [0xb400_0040, 0xd100_83ff, 0xd503_201f, 0xd65f_03c0];
    let function = GoFunction { flags: ASM, ..GoFunction::new("main.f", &words) };
    let path = files.write("program", image(&[function]).bytes());
    let scanned = json(&midframe(&["scan", &path, "--format", "json"]));
    for finding in list(&scanned["images"][0]["findings"]) {
        let pc = finding["pc"].as_str().expect("an address");
        let (_, document) = explain(&[&path, "main.f", "--boundary", pc]);
        let story = &document["boundary"];
        for field in ["declared", "actual"] {
            assert_eq!(story[field], finding[field], "{field}: {finding}");
        }
        assert_eq!(story["actual"], 32, "{finding}");
        assert!(list(&story["rules"]).contains(&finding["rule"]), "{finding}");
    }
    // sp-row at the last two boundaries, and callee at the RET.
    assert_eq!(list(&scanned["images"][0]["findings"]).len(), 3, "{scanned}");
}

#[test]
fn unwinders_stop_at_marked_functions() {
    let files = Files::new();
    let marked = |name: &str, flags| GoFunction { flags, ..two_steps(name) };
    let functions = [marked("main.top", 1), marked("main.write", 2 | ASM)];
    let path = files.write("program", image(&functions).bytes());
    let (_, document) = explain(&[&path, "main.top", "--boundary", "+0x34"]);
    let story = &document["boundary"];
    assert_eq!(observer(story, "profiler")["return_address"], "end-of-stack");
    let (_, document) = explain(&[&path, "main.write", "--boundary", "+0x34"]);
    assert_eq!(observer(&document["boundary"], "profiler")["return_address"], "stop");
}

#[test]
fn long_and_hostile_names_stay_in_their_lines() {
    let files = Files::new();
    let long = "x".repeat(500);
    let hostile = "main.f\n\x1b[31m";
    let path = files.write(&long[..200], image(&[two_steps(&long), two_steps(hostile)]).bytes());
    explain(&[&path, &long]);
    let (run, _) = explain(&[&path, hostile]);
    assert!(run.stdout.starts_with("main.f\\n\\u{1b}[31m\n"), "{}", run.stdout);
    check_error(&["explain", &path, "\x1b[31m"], &["\\u{1b}[31m"]);
}

#[test]
fn a_function_without_a_finding_holds() {
    let files = Files::new();
    let functions = [clean("main.main"), two_steps("main.f"), loads_sp("main.loads")];
    let path = files.write("program", image(&functions).bytes());
    let (run, document) = explain(&[&path, "main.main"]);
    assert_eq!((run.status, &document["boundary"]["offset"]), (0, &json!(0)));
    for observer in list(&document["boundary"]["observers"]) {
        assert_eq!(observer["verdict"], "proved", "{observer}");
    }
    let holds = "\nNo finding: every rule holds at the function's ";
    // The words of [`clean`]: NOP, RET.
    assert!(run.stdout.ends_with(&format!("{holds}2 boundaries.\n")), "{}", run.stdout);
    // Not where another boundary has one, nor where one is undecided.
    for (function, boundary) in [("main.f", "+0x0"), ("main.loads", "+0x0")] {
        let (run, _) = explain(&[&path, function, "--boundary", boundary]);
        assert!(!run.stdout.contains(holds), "{}", run.stdout);
    }
}

/// The call of DUFFZERO as go1.23.5 makes it in esbuild 0.25.0 (`llvm-objdump -d`), in a
/// frame of 32 bytes. A pair of R29 and the address behind the call lies at SP - 24.
fn calls_duffzero(name: &str, unsafe_points: &[(u32, i32)]) -> GoFunction {
    let words = [
        0xf81e_0ffe, // str x30, [sp, #-32]!
        0xf81f_83fd, // stur x29, [sp, #-8]
        0xd100_23fd, // sub x29, sp, #8
        0x1000_009b, // adr x27, .+16
        0xa93e_effd, // stp x29, x27, [sp, #-24]
        0xd100_63fd, // sub x29, sp, #24
        0x9400_0000, // bl
        0xd100_23fd, // sub x29, sp, #8
        0xf85f_83fd, // ldur x29, [sp, #-8]
        0xf842_07fe, // ldr x30, [sp], #32
        0xd65f_03c0, // ret
    ];
    let depths = vec![(1, 0), (9, 32), (1, 0)];
    GoFunction { depths, unsafe_points: unsafe_points.to_vec(), ..GoFunction::new(name, &words) }
}

#[test]
fn the_pair_of_duffzero_is_there_and_an_injected_call_overwrites_it() {
    let files = Files::new();
    // `isUnsafePoint` marks the STP from go1.23 on.
    let marked = [(4, -1), (1, -2), (6, -1)];
    let functions = [calls_duffzero("main.marked", &marked), calls_duffzero("main.unmarked", &[])];
    let path = files.write("program", image(&functions).bytes());
    let pair = "R29 points at CFA - 56, below SP, at the pair that was made there for a callee \
                without a frame, which the injected call overwrites.";
    for boundary in ["+0x18", "+0x1c"] {
        let (run, document) = explain(&[&path, "main.marked", "--boundary", boundary]);
        let walk = observer(&document["boundary"], "frame-pointer");
        assert_eq!((run.status, &walk["verdict"]), (0, &json!("refuted")), "{}", run.stdout);
        assert_eq!(list(&walk["sentences"])[0], pair);
        let held = |offset: i64| {
            let mut slots = list(&document["boundary"]["stack"]).iter();
            slots.find(|slot| slot["offset"] == offset).map(|slot| slot["content"].clone())
        };
        assert_eq!(held(-16), Some(json!("callee-return-address")));
        assert_eq!(held(-24), Some(json!("callee-r29")));
    }
    let (first, _) = explain(&[&path, "main.marked"]);
    assert!(first.stdout.contains("boundary +0x18"), "{}", first.stdout);
    assert!(first.stdout.contains("R29, for the callee -> R29"), "{}", first.stdout);
    // Behind the ADR, R27 is lost.
    let (run, document) = explain(&[&path, "main.unmarked"]);
    let preempted = observer(&document["boundary"], "async-preemption");
    assert_eq!((run.status, &document["boundary"]["offset"]), (1, &json!(0x10)));
    assert_eq!(document["boundary"]["rules"], json!(["restart"]));
    let lost = "R27 does not come back: the injected call returns through it.";
    assert!(list(&preempted["sentences"]).contains(&json!(lost)), "{}", run.stdout);
}

/// A pair below SP is the callee's only with R29 and an ADR in it, and while nothing has
/// moved SP or branched since.
#[test]
fn what_is_no_pair_of_a_callee_is_not_taken_for_one() {
    let files = Files::new();
    let function = |name: &str, at: usize, word: u32| {
        let GoFunction { words, depths, .. } = calls_duffzero(name, &[]);
        let mut words = words.clone();
        words[at] = word;
        GoFunction { depths, ..GoFunction::new(name, &words) }
    };
    let functions = [
        function("main.no_adr", 3, 0xd503_201f),      // nop
        function("main.other_adr", 3, 0x1000_009a),   // adr x26, .+16
        function("main.other_first", 4, 0xa93e_effc), // stp x28, x27, [sp, #-24]
        function("main.load", 4, 0xa97e_effc),        // ldp x28, x27, [sp, #-24]
        function("main.other_place", 4, 0xa93d_effd), // stp x29, x27, [sp, #-40]
    ];
    let path = files.write("program", image(&functions).bytes());
    for name in ["no_adr", "other_adr", "other_first", "load", "other_place"] {
        let (run, document) = explain(&[&path, &format!("main.{name}"), "--boundary", "+0x18"]);
        let walk = observer(&document["boundary"], "frame-pointer");
        let nothing = "R29 points at CFA - 56, where no frame pointer and no return address lie.";
        assert_eq!(list(&walk["sentences"])[0], nothing, "{name}: {}", run.stdout);
    }
}

/// Go 1.19 has nobody who walks along frame pointers: R29 below SP is told, and nothing
/// comes of it.
#[test]
fn where_nobody_walks_that_is_said() {
    let files = Files::new();
    let check = |minor, looks: bool| {
        let image = GoImage::new(minor, vec![leaf("main.f")]);
        let path = files.write(format!("go1.{minor}"), image.bytes());
        let (run, document) = explain(&[&path, "main.f"]);
        let walk = observer(&document["boundary"], "frame-pointer");
        assert_eq!((run.status, &walk["looks"]), (0, &json!(looks)), "{}", run.stdout);
        let says = |part: &str| flowing(&run).contains(part);
        let nobody = format!("Nobody walks along frame pointers in go1.{minor}: the first release");
        assert_eq!(says(&nobody), !looks, "{}", run.stdout);
        assert_eq!(says("The frame-pointer unwinder follows R29"), looks, "{}", run.stdout);
        assert!(says("R29 points at CFA - 40, below SP"), "{}", run.stdout);
        // What nobody looks at is neither refuted nor proved.
        let (word, id) = match looks {
            true => ("refuted", "refuted"),
            false => ("not observed", "not-observed"),
        };
        assert!(says(&format!("frame-pointer unwinder: {word}")), "{}", run.stdout);
        assert_eq!(walk["verdict"], id, "{}", run.stdout);
        let severity = if looks { json!("crash") } else { json!(null) };
        assert_eq!(document["boundary"]["severity"], severity, "{}", run.stdout);
    };
    check(19, false);
    check(20, false);
    check(21, true);
    check(24, true);
}
