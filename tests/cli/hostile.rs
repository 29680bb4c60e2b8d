//! `midframe scan` of what is not a Go program for arm64, or no longer whole:
//! exit status 2, and one line for each file that names it.

use crate::fixtures::{Files, clean, image, two_steps};
use crate::schema;
use crate::support::{Run, json, list, midframe};
use std::process::Command;

/// Scans a file that cannot be read, with each format.
fn check(path: &str, parts: &[&str]) {
    let text = midframe(&["scan", path]);
    assert_eq!((text.status, text.stdout.as_str()), (2, ""), "{text:?}");
    let message = check_line(&text, path);
    for part in parts {
        assert!(message.contains(part), "{part:?} in {message}");
    }
    let machine = midframe(&["scan", path, "--format", "json", "--fail-on", "never"]);
    assert_eq!((machine.status, &machine.stderr), (2, &text.stderr), "{machine:?}");
    let document = json(&machine);
    schema::check(&document, &schema::SCAN, "scan");
    let expected = serde_json::json!([{ "path": path, "error": message }]);
    assert_eq!(document["errors"], expected);
    assert_eq!(list(&document["images"]).len(), 0);
}

/// The message of a run that complains of one file, on one line.
fn check_line(run: &Run, path: &str) -> String {
    let lines: Vec<_> = run.stderr.lines().collect();
    let [line] = lines.as_slice() else { panic!("one line: {run:?}") };
    let message = line.strip_prefix(&format!("midframe: {path}: "));
    message.unwrap_or_else(|| panic!("{line} names {path}")).to_owned()
}

/// An ELF header and one loadable segment of code: `ADD R1, R0, R0; RET`, padded.
/// The layout is that of the System V ABI, chapters 4 and 5.
pub(crate) fn elf_without_go(machine: u16) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    bytes.extend([2, 0]);
    bytes.extend(machine.to_le_bytes());
    bytes.extend([1, 0, 0, 0]);
    for word in [0x1_0078_u64, 64, 0] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend([0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 64, 0, 0, 0, 0, 0]);
    bytes.extend([1, 0, 0, 0, 5, 0, 0, 0]);
    for word in [0_u64, 0x1_0000, 0x1_0000, 0x200, 0x200, 0x1000] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend([0, 0, 0x01, 0x8b, 0xc0, 0x03, 0x5f, 0xd6]);
    bytes.resize(0x200, 0);
    bytes
}

#[test]
fn files_of_another_kind() {
    let files = Files::new();
    let file = |name: &str, bytes: &[u8]| files.write(name, bytes);
    check(&file("empty", b""), &["empty file", "ELF"]);
    check(&file("short", b"\x7fEL"), &["truncated", "offset 0x0"]);
    check(&file("text", b"#!/bin/sh\n"), &["not an executable", "offset 0", "23 21 2f 62"]);
    check(&file("one", b"M"), &["not an executable", "4d"]);
    check(&file("macho", b"\xcf\xfa\xed\xfe\x0c\0\0\x01"), &["truncated", "Mach-O header"]);
    check(&file("x86-64", &elf_without_go(62)), &["not an arm64 executable", "62 (x86-64)"]);
    check(&file("arm", &elf_without_go(40)), &["not an arm64 executable", "40 (Arm)"]);
    check(&file("no-go", &elf_without_go(183)), &["no Go function table", "not a Go program"]);
    let patched = |at: usize, byte: u8| {
        let mut bytes = elf_without_go(183);
        bytes[at] = byte;
        bytes
    };
    check(&file("32-bit", &patched(4, 1)), &["not a 64-bit ELF file", "offset 4"]);
    check(&file("big-endian", &patched(5, 2)), &["not a little-endian ELF file", "offset 5"]);
    check(&file("object", &patched(16, 1)), &["no Go function table"]);
    check(&file("core", &patched(16, 4)), &["not an executable", "4 (core dump)"]);
}

#[test]
fn paths_that_are_no_files() {
    let files = Files::new();
    let path = |name: &str| files.path(name).into_os_string().into_string().expect("UTF-8");
    check(&path("missing"), &["cannot be read", "No such file"]);
    check(&format!("{}/x", files.write("file", "")), &["cannot be read"]);
    // Nobody writes to it: whoever opens it waits for ever.
    let fifo = path("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs");
    assert!(made.success());
    check(&fifo, &["not a regular file"]);
    check("/dev/zero", &["not a regular file"]);
}

/// All lengths in one run: a file that ends inside its last loadable segment is
/// refused; one that lost no more than its section headers is read.
#[test]
fn truncated_images() {
    let files = Files::new();
    let image = image(&[clean("main.main"), two_steps("main.f")]);
    let (bytes, offsets) = image.layout();
    let lengths: Vec<usize> =
        (0..80).chain((80..bytes.len()).step_by(7)).chain([offsets.end - 1, offsets.end]).collect();
    let paths: Vec<_> =
        lengths.iter().map(|&length| files.write(length.to_string(), &bytes[..length])).collect();
    let run = midframe(
        &[&["scan", "--format=json"], &*paths.iter().map(|p| &**p).collect::<Vec<_>>()].concat(),
    );
    assert_eq!(run.status, 2);
    let document = json(&run);
    schema::check(&document, &schema::SCAN, "scan");
    let (images, errors) = (list(&document["images"]), list(&document["errors"]));
    let (whole, cut): (Vec<_>, Vec<_>) =
        lengths.iter().zip(&paths).partition(|&(&length, _)| length >= offsets.end);
    assert!(!whole.is_empty() && cut.len() > 100);
    assert_eq!((images.len(), errors.len()), (whole.len(), cut.len()));
    for ((_, path), error) in cut.iter().zip(errors) {
        assert_eq!(error["path"], **path);
        let line = format!("midframe: {path}: {}", error["error"].as_str().expect("a string"));
        assert_eq!(run.stderr.lines().filter(|found| **found == line).count(), 1, "{line}");
    }
    assert_eq!(run.stderr.lines().count(), cut.len(), "one line a file");
    for image in images {
        assert_eq!(list(&image["findings"]).len(), 1, "{image}");
    }
}

/// Tables that contradict themselves cost a verdict, never the run: each byte
/// of the Go tables is overwritten once.
#[test]
fn damaged_tables() {
    let files = Files::new();
    let (bytes, offsets) = image(&[clean("main.main"), two_steps("main.f")]).layout();
    let damaged = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0xff;
        files.write(at.to_string(), bytes)
    };
    let paths: Vec<String> = (offsets.pclntab..offsets.end).map(damaged).collect();
    for chunk in paths.chunks(200) {
        let paths: Vec<_> = chunk.iter().map(|path| &**path).collect();
        let run = midframe(&[&["scan", "--format=json"], &*paths].concat());
        let document = json(&run);
        schema::check(&document, &schema::SCAN, "scan");
        let reported = list(&document["images"]).len() + list(&document["errors"]).len();
        assert_eq!(reported, paths.len(), "each file is reported once");
        assert_eq!(run.stderr.lines().count(), list(&document["errors"]).len());
    }
}

#[test]
fn a_file_that_cannot_be_read_outranks_findings() {
    let files = Files::new();
    let good = files.write("good", image(&[two_steps("main.f")]).bytes());
    let bad = files.write("bad", "text");
    for paths in [[&*good, &*bad], [&*bad, &*good]] {
        let run = midframe(&[&["scan"], &paths[..]].concat());
        assert_eq!(run.status, 2);
        check_line(&run, &bad);
        assert!(run.stdout.starts_with(&good) && run.stdout.contains("main.f"), "{run:?}");
        let run = midframe(&[&["scan", "--format", "json"], &paths[..]].concat());
        assert_eq!(run.status, 2);
        let document = json(&run);
        assert_eq!(list(&document["images"][0]["findings"]).len(), 1);
        assert_eq!(document["errors"][0]["path"], bad);
    }
}
