//! The flags of `midframe scan`: what counts, which functions, how much is printed.

use crate::fixtures::{
    ASSEMBLY_BOUNDARIES, Files, TWO_STEPS_BOUNDARIES, clean, image, leaf, loads_sp, two_steps,
    two_steps_assembly,
};
use crate::schema;
use crate::support::{args, check_error, json, list, midframe};
use image::testing::GoFunction;
use serde_json::Value;

/// Scans functions with flags, in each format, which all end with the same status;
/// returns the JSON of the image.
fn scan(functions: &[GoFunction], line: &str, status: i32) -> Value {
    let files = Files::new();
    let path = files.write("program", image(functions).bytes());
    for format in ["text", "sarif", "markdown"] {
        let run = midframe(&[&["scan", &path, "--format", format], &*args(line)].concat());
        assert_eq!(run.status, status, "{format} {line}: {run:?}");
    }
    let run = midframe(&[&["scan", &path, "--format", "json"], &*args(line)].concat());
    assert_eq!(run.status, status, "json {line}: {run:?}");
    let document = json(&run);
    schema::check(&document, &schema::SCAN, "scan");
    document["images"][0].clone()
}

/// `undecided` is no observer: what is refuted for preemption still counts, unless
/// `never` says otherwise.
#[test]
fn undecided_can_fail() {
    // Nobody is preempted in assembly: undecided for all others.
    let assembly = GoFunction { flags: crate::fixtures::ASM, ..loads_sp("main.f") };
    let (main, undecided) = (clean("main.main"), [assembly, clean("main.main")]);
    for (line, status) in [
        ("", 3),
        ("--fail-on async-preemption", 0),
        ("--fail-on undecided", 1),
        ("--fail-on never", 0),
        ("--fail-on never --fail-on undecided", 1),
        ("--fail-on undecided,profiler", 1),
        ("--fail-on profiler", 3),
    ] {
        scan(&undecided, line, status);
        scan(std::slice::from_ref(&main), line, 0);
    }
    let refuted = [two_steps("main.f")];
    for (line, status) in [
        ("--fail-on undecided", 1),
        ("--fail-on never,undecided", 0),
        ("--fail-on frame-pointer", 0),
        ("--fail-on never,async-preemption", 1),
    ] {
        scan(&refuted, line, status);
    }
    check_error(&args("scan x --fail-on undecided,grave"), &["grave", "async-preemption"]);
}

#[test]
fn only_the_functions_that_match_are_checked() {
    let functions = [two_steps("main.f"), clean("main.g"), two_steps_assembly("other.f")];
    for (line, status, names, left_out, boundaries) in [
        (r"--only-function ^main\.", 1, vec!["main.f"], 1, TWO_STEPS_BOUNDARIES + 2),
        (r"--only-function \.g$", 0, vec![], 2, 2),
        (
            r"--only-function \.f$",
            1,
            vec!["main.f", "other.f"],
            1,
            TWO_STEPS_BOUNDARIES + ASSEMBLY_BOUNDARIES,
        ),
        (r"--only-function other", 0, vec!["other.f"], 2, ASSEMBLY_BOUNDARIES),
        (r"--only-function (?i)MAIN.F", 1, vec!["main.f"], 2, TWO_STEPS_BOUNDARIES),
    ] {
        let image = scan(&functions, line, status);
        let found = list(&image["findings"]).iter().map(|finding| finding["function"].as_str());
        assert_eq!(found.collect::<Option<Vec<_>>>(), Some(names), "{line}");
        assert_eq!(image["filtered_functions"], left_out, "{line}");
        assert_eq!(image["functions"], 3 - left_out, "{line}");
        assert_eq!(image["boundaries"], boundaries, "{line}");
    }
    let error = ["--only-function", "regular expression", "(main", "unclosed group"];
    check_error(&["scan", "x", "--only-function", "(main"], &error);
}

/// Nothing was checked, so nothing is proved; but an image without the function says
/// nothing about one that has it.
#[test]
fn where_no_name_matches_nothing_is_decided() {
    let main = [clean("main.f")];
    scan(&main, "--only-function ^x$", 3);
    scan(&main, "--only-function ^x$ --fail-on undecided", 1);
    scan(&main, "--only-function ^x$ --fail-on never", 0);
    let files = Files::new();
    let without = files.write("without", image(&[clean("main.f")]).bytes());
    let with = files.write("with", image(&[clean("main.g")]).bytes());
    for paths in [[&with, &without], [&without, &with]] {
        let run = midframe(&["scan", "--only-function", "g$", paths[0], paths[1]]);
        assert_eq!(run.status, 0, "{run:?}");
        let line = format!("{without}: arm64 elf, go1.24.1, no function matches\n");
        assert!(run.stdout.contains(&line), "{}", run.stdout);
    }
}

/// Many files in their order, one line each, and what they add up to.
#[test]
fn a_summary_has_one_line_an_image() {
    let files = Files::new();
    let kinds: [(&dyn Fn() -> GoFunction, &str); 4] = [
        (
            &|| clean("main.f"),
            "everybody proved, async-preemption proved, frame-pointer proved, profiler proved",
        ),
        (
            &|| two_steps("main.f"),
            "everybody proved, async-preemption refuted (1), frame-pointer proved, profiler refuted (1)",
        ),
        (
            &|| loads_sp("main.f"),
            "everybody undecided, async-preemption undecided, frame-pointer undecided, \
             profiler undecided",
        ),
        (
            &|| leaf("main.f"),
            "everybody proved, async-preemption proved, frame-pointer refuted (1), profiler proved",
        ),
    ];
    let mut expected = Vec::new();
    let mut paths = Vec::new();
    for number in 0..60 {
        let (function, verdicts) = &kinds[number % kinds.len()];
        let path = files.write(format!("{number}"), image(&[function()]).bytes());
        expected.push(format!("{path}: arm64 elf, go1.24.1, {verdicts}"));
        paths.push(path);
    }
    paths.insert(7, files.write("text", "no program"));
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    for jobs in ["1", "2", "7"] {
        let run = midframe(&[&["scan", "--summary", "--jobs", jobs], &*paths].concat());
        assert_eq!((run.status, run.stderr.lines().count()), (2, 1), "{run:?}");
        let lines: Vec<_> = run.stdout.lines().collect();
        assert_eq!(lines[..60], expected);
        assert_eq!(lines[60], "");
        let start = "60 images, 1 file that could not be read: 60 functions, ";
        assert!(lines[61].starts_with(start), "{}", lines[61]);
        assert!(lines[61].ends_with(" boundaries, 30 findings, 0 accepted"), "{}", lines[61]);
        let counts = [
            "0 refuted, 15 undecided, 45 proved, 0 not observed",
            "15 refuted, 15 undecided, 30 proved, 0 not observed",
            "15 refuted, 15 undecided, 30 proved, 0 not observed",
            "15 refuted, 15 undecided, 30 proved, 0 not observed",
        ];
        for (line, counts) in lines[62..].iter().zip(counts) {
            assert!(line.ends_with(counts), "{line}");
        }
        assert_eq!(lines.len(), 66);
    }
    for format in ["json", "sarif"] {
        let line = ["scan", paths[0], "--summary", "--format", format];
        check_error(&line, &["--summary", "text and markdown"]);
    }
}

/// A clean image is one line, without a verdict for each observer.
#[test]
fn what_is_proved_takes_one_line() {
    let files = Files::new();
    let path = files.write("program", image(&[clean("main.f"), clean("main.g")]).bytes());
    let run = midframe(&["scan", &path]);
    let line = format!("{path}: arm64 elf, go1.24.1, 2 functions, 4 boundaries: proved\n");
    assert_eq!((run.status, run.stdout), (0, line));
}
