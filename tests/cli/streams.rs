//! The streams: machine output alone on standard output, messages on standard
//! error, and readers that go away.

use crate::fixtures::{Files, clean, image, two_steps};
use crate::support::{args, command, run};
use std::fs::File;
use std::process::Stdio;

/// Command lines with output in each form, and their exit status.
const LINES: [(&str, i32); 8] = [
    ("prove --frames 65616..65616", 1),
    ("prove --frames 0..16 --policy go1.26 --format json", 0),
    ("lower --frame 65616 --leaf", 1),
    ("lower --frame 65616 --format json", 0),
    ("policies", 0),
    ("policies --format json", 0),
    ("--help", 0),
    ("scan --help", 0),
];

#[test]
fn a_reader_that_went_away_changes_nothing() {
    let check = |args: &[&str], status: i32| {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = command(args).stdout(writer).stderr(Stdio::piped()).output();
        let run = run(output.expect("the command starts"));
        assert_eq!((run.status, run.stderr.as_str()), (status, ""), "{args:?}");
    };
    for (line, status) in LINES {
        check(&args(line), status);
    }
    let files = Files::new();
    let functions: Vec<_> = (0..500).map(|n| two_steps(&format!("main.f{n}"))).collect();
    let path = files.write("program", image(&functions).bytes());
    check(&["scan", &path], 1);
    check(&["scan", &path, "--format", "json"], 1);
}

/// Nobody reads messages either: the exit status is what is left.
#[test]
fn messages_that_nobody_reads_change_nothing() {
    for line in ["scan /nonexistent", "lower --frame 1", "prove --jobs 0", "--unknown"] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = command(&args(line)).stdout(Stdio::piped()).stderr(writer).output();
        assert_eq!(run(output.expect("the command starts")).status, 2, "{line}");
    }
}

/// A full disk is an error, not a short report: /dev/full fails every write.
#[test]
fn output_that_cannot_be_written_is_an_error() {
    let files = Files::new();
    let path = files.write("program", image(&[clean("main.main")]).bytes());
    let lines = LINES.iter().filter(|(line, _)| !line.contains("--help"));
    let lines = lines.map(|(line, _)| args(line)).chain([vec!["scan", &path]]);
    for arguments in lines {
        let full = File::options().write(true).open("/dev/full").expect("/dev/full");
        let output = command(&arguments).stdout(full).stderr(Stdio::piped()).output();
        let run = run(output.expect("the command starts"));
        assert_eq!(run.status, 2, "{arguments:?}");
        assert!(run.stderr.starts_with("midframe: cannot write to standard output"), "{run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
    }
}
