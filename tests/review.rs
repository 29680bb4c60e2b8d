//! `midframe review` of a real program built by a release before the fix of
//! golang/go#73259 and by one with it. Needs the feature `toolchains`.
//!
//! Which functions have a large frame, and how often each is popped, is read from the
//! programs themselves by the Go objdump of the release that built them; that the fix
//! takes an instruction more at each pop of such a frame is what RFC 0003 has from the
//! toolchains.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use xtask::toolchain::{Toolchain, run};

/// The program in two builds.
struct Builds {
    _directory: TempDir,
    old: PathBuf,
    new: PathBuf,
    objdump: String,
}

fn builds() -> Builds {
    let gopath = xtask::packages::install().expect("Debian's packages");
    let directory = tempfile::tempdir().expect("a directory");
    let source = directory.path().join("main.go");
    std::fs::write(&source, include_str!("review/main.go")).expect("a source file");
    let build = |version: &str| {
        let toolchain = Toolchain::install(version).expect("an installed toolchain");
        let program = directory.path().join(version);
        toolchain.build_with(&gopath, directory.path(), &program).expect("a program");
        (toolchain, program)
    };
    let (toolchain, old) = build("1.24.3");
    let (_, new) = build("1.24.11");
    let mut objdump = Command::new(toolchain.goroot.join("bin/go"));
    objdump.env("GOROOT", &toolchain.goroot).env("GOTOOLCHAIN", "local");
    let output = run(objdump.args(["tool", "objdump"]).arg(&old)).expect("a listing");
    let objdump = String::from_utf8_lossy(&output.stdout).into_owned();
    Builds { _directory: directory, old, new, objdump }
}

/// The functions that pop a frame by two additions right behind the load of R29 and LR,
/// and how often each does.
fn popped_in_two_steps(listing: &str) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for text in listing.split("TEXT ").skip(1) {
        let name = text.split("(SB)").next().expect("a name");
        // The symbol's; the table of functions has no suffix.
        let name = name.strip_suffix(".abi0").unwrap_or(name);
        // Place, address, word, instruction.
        let instruction = |line: &str| {
            let field = line.split('\t').filter(|field| !field.trim().is_empty()).nth(3);
            field.unwrap_or_default().trim().to_owned()
        };
        let instructions: Vec<_> = text.lines().skip(1).map(instruction).collect();
        let pops = instructions.windows(4).filter(|window| {
            window[0].starts_with("LDP -8(RSP), (R29, R30)")
                && window[1..3].iter().all(|inst| inst.starts_with("ADD $"))
                && window[1..3].iter().all(|inst| inst.ends_with(", RSP, RSP"))
                && window[3].starts_with("RET")
        });
        match pops.count() as u64 {
            0 => {}
            pops => {
                found.insert(name.to_owned(), pops);
            }
        }
    }
    found
}

fn review(old: &Path, new: &Path, format: &str) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_midframe"));
    command.arg("review").args([old, new]).args(["--format", format, "--examples", "1000"]);
    let output = command.output().expect("the command starts");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    (output.status.code().expect("no signal ends it"), text)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("an array: {value}"))
}

#[test]
fn the_fix_in_a_program_with_large_frames() {
    let builds = builds();
    let popped = popped_in_two_steps(&builds.objdump);
    for name in ["nl.(*NetlinkSocket).Receive", "s2.encodeBlockGo", "(*Watcher).readEvents"] {
        assert!(popped.keys().any(|found| found.ends_with(name)), "{name} in {popped:?}");
    }
    let (status, text) = review(&builds.old, &builds.new, "json");
    assert_eq!(status, 0);
    let document: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        (&document["counts"]["broken"], &document["counts"]["now-undecided"]),
        (&json!(0), &json!(0))
    );
    let functions = list(&document["pairs"][0]["functions"]);
    let mended: Vec<_> = functions.iter().filter(|found| found["class"] == "mended").collect();
    let names: Vec<_> = mended.iter().map(|found| found["function"].as_str()).collect();
    let expected: Vec<_> = popped.keys().map(|name| Some(name.as_str())).collect();
    assert_eq!(names, expected, "those that were popped in two steps, and no others");
    // What is left refuted is assembly, and nothing of it has a large frame: the one such
    // leaf, `debugCall65536`, goes on behind a BRK where a debugger says, and is undecided.
    let still = functions.iter().filter(|found| found["class"] == "still-refuted");
    let large = still.filter(|found| found["new"]["frame_size"].as_i64() > Some(65536));
    let large: Vec<_> = large.map(|found| found["function"].as_str()).collect();
    assert_eq!(large, []);
    let leaf = functions.iter().find(|found| found["function"] == "debugCall65536");
    assert_eq!(leaf.map(|found| &found["class"]), Some(&json!("still-undecided")));
    let async_still = functions.iter().filter(|found| {
        list(&found["new"]["findings"])
            .iter()
            .any(|finding| list(&finding["observers"]).contains(&json!("async-preemption")))
    });
    assert_eq!(async_still.count(), 0);
    // One instruction more at each pop.
    let above = &document["costs"]["sizes"][3];
    let epilogues = |side: &str| above[side]["epilogue_instructions"].as_u64().expect("a count");
    assert_eq!(epilogues("new") - epilogues("old"), popped.values().sum::<u64>());
    assert_eq!(above["old"]["prologue_instructions"], above["new"]["prologue_instructions"]);
    println!("{} functions mended, {} pops", popped.len(), popped.values().sum::<u64>());

    let (status, markdown) = review(&builds.old, &builds.new, "markdown");
    assert_eq!(status, 0);
    assert!(markdown.lines().count() < 60, "{markdown}");
    let (status, reverse) = review(&builds.new, &builds.old, "text");
    assert_eq!(status, 1);
    let first = reverse.lines().next().expect("a line");
    let broken = format!(
        "{} functions broken: sp-row for async-preemption and a profiler in ",
        popped.len()
    );
    assert!(first.starts_with(&broken), "{first}");
}
