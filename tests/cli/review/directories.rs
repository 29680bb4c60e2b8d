//! Two directories, and what cannot be compared.

use super::{LARGE, recorded};
use crate::fixtures::{Files, clean, image};
use crate::hostile::elf_without_go;
use crate::schema;
use crate::support::{args, check_error, json, list, midframe};
use serde_json::{Value, json};

/// A path as an argument.
fn text(files: &Files, name: &str) -> String {
    files.path(name).into_os_string().into_string().expect("UTF-8")
}

/// Two directories, with a directory in each.
fn trees(files: &Files) -> [String; 2] {
    ["old", "new"].map(|tree| {
        std::fs::create_dir_all(files.path(format!("{tree}/bin"))).expect("a directory");
        text(files, tree)
    })
}

fn names(document: &Value, field: &str) -> Value {
    document[field].clone()
}

#[test]
fn programs_of_two_directories_go_by_their_names() {
    let files = Files::new();
    let trees = trees(&files);
    let program = |release: &str| image(&[recorded(release, LARGE, "main.f")]).bytes();
    files.write("old/bin/a", program("go1.24.3"));
    files.write("new/bin/a", program("go1.24.11"));
    files.write("old/b", program("go1.24.3"));
    files.write("new/b", program("go1.24.11"));
    files.write("old/gone", program("go1.24.3"));
    files.write("new/fresh", program("go1.24.3"));
    files.write("old/readme", "no program");
    files.write("new/readme", "another one");
    files.write("old/foreign", elf_without_go(62));
    files.write("new/script", "#!/bin/sh");
    // A program that is none any more.
    files.write("old/turned", program("go1.24.11"));
    files.write("new/turned", "#!/bin/sh");
    std::os::unix::fs::symlink(files.path("old/b"), files.path("old/link")).expect("a link");
    let run = midframe(&["review", &trees[0], &trees[1], "--format", "json"]);
    assert_eq!(run.status, 0, "{run:?}");
    let document = json(&run);
    schema::check(&document, &schema::REVIEW, "review");
    let pairs = list(&document["pairs"]).iter().map(|pair| pair["name"].clone());
    assert_eq!(pairs.collect::<Value>(), json!(["b", "bin/a"]));
    assert_eq!(names(&document, "only_old"), json!(["gone", "turned"]));
    assert_eq!(names(&document, "only_new"), json!(["fresh"]));
    assert_eq!(document["counts"]["mended"], 2);
    let [group] = list(&document["groups"]) else { panic!("one change: {document}") };
    assert_eq!(group["examples"], json!(["b: main.f", "bin/a: main.f"]));
    let reverse = midframe(&["review", &trees[1], &trees[0]]);
    assert_eq!(reverse.status, 1);
    let first =
        "2 functions broken: sp-row for async-preemption and a profiler in main.f and 1 other";
    assert_eq!(reverse.stdout.lines().next(), Some(first));
    for part in ["2 programs in both", "only in old: fresh", "only in new: gone", "bin/a: main.f"] {
        assert!(reverse.stdout.contains(part), "{part:?} in {}", reverse.stdout);
    }
    let markdown = midframe(&["review", "--format", "markdown", &trees[0], &trees[1]]);
    assert!(markdown.stdout.contains("- only in old: `gone` and 1 more\n"), "{markdown:?}");
}

/// A file that cannot be read outranks what is worse, and the others are compared.
#[test]
fn a_damaged_program_is_an_error() {
    let files = Files::new();
    let trees = trees(&files);
    let program = |release: &str| image(&[recorded(release, LARGE, "main.f")]).bytes();
    files.write("old/whole", program("go1.24.11"));
    files.write("new/whole", program("go1.24.3"));
    files.write("old/cut", program("go1.24.11"));
    let bytes = program("go1.24.11");
    let cut = files.write("new/cut", &bytes[..bytes.len() / 2]);
    let run = midframe(&["review", &trees[0], &trees[1]]);
    assert_eq!((run.status, run.stderr.lines().count()), (2, 1), "{run:?}");
    assert!(run.stderr.starts_with(&format!("midframe: {cut}: truncated")), "{run:?}");
    let first = "1 file could not be read; 1 function broken: ";
    assert!(run.stdout.starts_with(first), "{}", run.stdout);
    assert!(!run.stdout.contains("only in"), "what is damaged is not gone: {}", run.stdout);
    let run = midframe(&["review", &trees[0], &trees[1], "--format", "json"]);
    let document = json(&run);
    assert_eq!((run.status, &document["errors"][0]["path"]), (2, &json!(cut)));
}

/// Where no program is in both nothing is known.
#[test]
fn directories_without_a_common_program_do_not_pass() {
    let files = Files::new();
    let trees = trees(&files);
    files.write("old/a", image(&[clean("main.f")]).bytes());
    files.write("new/b", image(&[clean("main.f")]).bytes());
    let run = midframe(&["review", &trees[0], &trees[1]]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(run.stdout.starts_with("nothing to compare: no function is in both\n"), "{run:?}");
}

#[test]
fn what_is_no_pair_is_an_error() {
    let files = Files::new();
    let trees = trees(&files);
    let program = files.write("program", image(&[clean("main.f")]).bytes());
    let other = files.write("other", "no program");
    let foreign = files.write("foreign", elf_without_go(62));
    let missing = text(&files, "missing");
    for (old, new, parts) in [
        (&program, &missing, [missing.as_str(), "cannot be read"]),
        (&missing, &program, [missing.as_str(), "cannot be read"]),
        (&program, &other, [other.as_str(), ": "]),
        (&foreign, &program, [foreign.as_str(), ": "]),
        (&trees[0], &program, [trees[0].as_str(), "is a directory"]),
        (&program, &trees[1], [trees[1].as_str(), "is a directory"]),
        (&trees[0], &missing, [missing.as_str(), "cannot be read"]),
    ] {
        check_error(&["review", old, new], &parts);
    }
    for (line, parts) in [
        ("review", ["OLD", "NEW"]),
        ("review one", ["<NEW>", "OLD"]),
        ("review one two three", ["three", "Usage"]),
        ("review a b --frames 0..16", ["--policy", "required"]),
        ("review a b --nosplit", ["--policy", "required"]),
        ("review a b --target aarch64-apple-ios", ["--policy", "required"]),
        ("review a b --format pdf", ["pdf", "markdown"]),
        ("review a b --jobs 0", ["0", "jobs"]),
        ("review --policy go1.24.3 go1.2", ["go1.2", "go1."]),
        ("review --policy go1.24.3 complete --frames 0..8", ["8", "frame"]),
        ("review --policy go1.24.3 complete --target arm64", ["arm64", "target"]),
    ] {
        check_error(&args(line), &parts);
    }
}
