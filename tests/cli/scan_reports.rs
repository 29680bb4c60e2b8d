//! `midframe scan`: several files, threads, and the text.

use crate::fixtures::{
    Files, clean, image, leaf, loads_sp, overwrites_lr, two_steps, two_steps_assembly,
};
use crate::schema;
use crate::support::{check_error, json, list, midframe};
use image::testing::GoImage;

#[test]
fn several_files_are_reported_in_the_order_of_the_arguments() {
    let files = Files::new();
    let clean = files.write("z-clean", image(&[clean("main.main")]).bytes());
    let refuted = files.write("a-refuted", image(&[two_steps("main.f")]).bytes());
    let undecided = files.write("m-undecided", image(&[loads_sp("main.f")]).bytes());
    let check = |paths: &[&str], status| {
        let arguments = [&["scan", "--format", "json"], paths].concat();
        let run = midframe(&arguments);
        assert_eq!(run.status, status, "{run:?}");
        let document = json(&run);
        schema::check(&document, &schema::SCAN, "scan");
        let images = list(&document["images"]).iter();
        let found: Vec<_> = images.map(|image| image["path"].as_str()).collect();
        assert_eq!(found, paths.iter().copied().map(Some).collect::<Vec<_>>());
        let text = midframe(&[&["scan"], paths].concat());
        assert_eq!(text.status, status);
        let place = |path: &&str| text.stdout.find(&format!("{path}: "));
        let places: Vec<_> = paths.iter().map(place).collect();
        let totals = format!("\n\n{} images: ", paths.len());
        assert!(text.stdout.contains(&totals), "{totals:?} in {}", text.stdout);
        assert!(places.is_sorted() && places.iter().all(Option::is_some), "{}", text.stdout);
    };
    check(&[&clean, &undecided], 3);
    check(&[&undecided, &clean, &refuted], 1);
    check(&[&refuted, &undecided], 1);
    check(&[&clean, &clean], 0);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let files = Files::new();
    let functions: Vec<_> = (0..200).map(|n| two_steps(&format!("main.f{n}"))).collect();
    let path = files.write("program", image(&functions).bytes());
    let run = |jobs: &[&str]| midframe(&[&["scan", &path, "--format=json"], jobs].concat());
    let all = run(&[]);
    assert_eq!(all.status, 1);
    for jobs in ["1", "2", "9"] {
        assert_eq!(run(&["--jobs", jobs]).stdout, all.stdout, "{jobs} jobs");
    }
    check_error(&["scan", &path, "--jobs", "0"], &["0", "at least 1"]);
    check_error(&["scan", &path, "--jobs", "-1"], &["-1", "--jobs"]);
}

#[test]
fn the_text_says_what_was_found_and_where() {
    let files = Files::new();
    let functions = [two_steps("main.f"), two_steps_assembly("main.g"), loads_sp("main.h")];
    let path = files.write("program", image(&functions).bytes());
    let run = midframe(&["scan", &path]);
    assert_eq!(run.status, 1);
    let plain = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<_> = run.stdout.lines().map(plain).collect();
    let contains = |parts: &[&str]| {
        let count = lines.iter().filter(|line| parts.iter().all(|part| line.contains(part)));
        assert_eq!(count.count(), 1, "one line with {parts:?} in {}", run.stdout);
    };
    // 19 and 10, and the one before SP becomes unknown.
    contains(&[&path, "arm64 elf", "go1.24.1", "3 functions", "30 boundaries"]);
    contains(&["async-preemption refuted at 1 boundary"]);
    contains(&["profiler refuted at 2 boundaries"]);
    contains(&["undecided: 1 function", "main.h"]);
    contains(&["main.f", "non-leaf", "frame 65616"]);
    contains(&["main.g", "non-leaf", "frame 65616"]);
    let finding = ["ADD $(16<<12), RSP, RSP", "declared 65616 actual 65536"];
    let mut places =
        (0..lines.len()).filter(|&at| finding.iter().all(|part| lines[at].contains(part)));
    for (observer, severity, offset) in
        [("async-preemption", "crash", "+0x38"), ("a profiler", "wrong-sample", "+0x20")]
    {
        let at = places.next().expect("a finding for each");
        assert!(lines[at].contains(offset), "{}", lines[at]);
        assert_eq!(lines[at - 1], format!("sp-row, seen by {observer}: {severity}"));
        assert!(lines[at].ends_with("/src/netlink.go:42"), "{}", lines[at]);
        // golang/go#73259; the pair is popped by the assembler in both.
        assert!(lines[at + 1..at + 4].iter().any(|line| {
            line.starts_with("Fixed in go1.23.12, go1.24.6, go1.25.0 and later: a rebuild")
        }));
    }
    assert_eq!(places.next(), None);
    let widest = run.stdout.lines().skip(1).map(|line| line.chars().count()).max();
    assert!(widest.is_some_and(|widest| widest <= 100), "{widest:?} columns: {}", run.stdout);
}

/// Once for each rule and observer of a function, and only the ends of a long run.
#[test]
fn the_text_says_what_the_observer_would_do() {
    let files = Files::new();
    let functions = [leaf("main.f"), overwrites_lr("main.g"), two_steps("main.h")];
    let path = files.write("program", image(&functions).bytes());
    let run = midframe(&["scan", &path]);
    assert_eq!(run.status, 1);
    let lines: Vec<_> = run.stdout.lines().map(str::trim).collect();
    let place = |part: &str| {
        let mut places = (0..lines.len()).filter(|&at| lines[at].contains(part));
        let (first, second) = (places.next(), places.next());
        assert_eq!(second, None, "one line with {part:?} in {}", run.stdout);
        first.unwrap_or_else(|| panic!("{part:?} in {}", run.stdout))
    };
    // What crashes comes first.
    let collector = place("The garbage collector looks for the return address");
    let walk = place("The frame-pointer unwinder follows R29");
    let profiler = place("The profiler takes a word for the return address");
    assert!(collector < walk && walk < profiler, "{}", run.stdout);
    let (header, group) = (place("main.f  leaf"), place("frame-pointer, seen by"));
    assert_eq!(lines[group], "frame-pointer, seen by the frame-pointer unwinder: crash");
    assert_eq!((header + 1, group + 2), (group, walk));
    // Of the eight boundaries from +0x10 to +0x2c six are between the ends.
    let (first, last) = (place("(+0x10)"), place("(+0x2c)"));
    assert!(lines[first + 1].starts_with("... "));
    assert_eq!(first + 1, place("and the 6 boundaries between"));
    assert_eq!((first + 2, last + 1), (last, profiler));
    place("profiler          refuted at 9 boundaries");
}

#[test]
fn the_text_says_what_it_does_not_know() {
    let files = Files::new();
    let mut function = two_steps("main.f");
    function.lines = Default::default();
    let image = GoImage { buildinfo: false, moduledata: false, ..image(&[function]) };
    let run = midframe(&["scan", &files.write("program", image.bytes())]);
    for part in ["unknown Go version", "no source position", "no inline trees"] {
        assert!(run.stdout.contains(part), "{part:?} in {}", run.stdout);
    }
}

/// A name in a program is foreign text: it used to reach the terminal as it is.
#[test]
fn names_neither_break_lines_nor_command_the_terminal() {
    let files = Files::new();
    let mut function = two_steps("main.f\x1b[2J\r\n  main.g");
    function.lines.0 = "evil\x07.go\n".to_owned();
    let mut undecided = loads_sp("main.h\x1b]0;title\x07\n");
    undecided.lines.0.clone_from(&function.lines.0);
    let path = files.write("pro\ngram\x1b", image(&[function, undecided]).bytes());
    let run = midframe(&["scan", &path]);
    assert_eq!(run.status, 1);
    let control = run.stdout.chars().find(|&found| found.is_control() && found != '\n');
    assert_eq!(control, None, "{:?}", run.stdout);
    for part in ["main.f\\u{1b}[2J\\r\\n  main.g", "evil\\u{7}.go\\n:42", "pro\\ngram\\u{1b}: "] {
        assert!(run.stdout.contains(part), "{part:?} in {}", run.stdout);
    }
    // A program that reads the JSON gets the name itself.
    let document = json(&midframe(&["scan", &path, "--format", "json"]));
    assert_eq!(document["images"][0]["findings"][0]["function"], "main.f\x1b[2J\r\n  main.g");
    // So does a message.
    check_error(&["scan", &format!("{path}-missing")], &["pro\\ngram\\u{1b}-missing: "]);
}
