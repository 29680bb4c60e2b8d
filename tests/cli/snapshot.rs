//! `midframe snapshot`: files that pin policies and functions of programs. The words that
//! an accepted file has are held against those of the recorded toolchains.

use crate::fixtures::{Files, clean, image};
use crate::review::{LARGE, recorded};
use crate::support::{Run, args, check_error, command, run};
use image::testing::{GoFunction, GoImage};
use std::ffi::OsStr;

/// A file that pins two frames of the release with the fix, with the waivers that it
/// needs: its leaves are refuted (RFC 0003).
const POLICY: &str = "midframe snapshot 1\npolicy: go1.24.11\nframes: 32, 65552\n\
                      waiver: sp-row: leaves are not mended\n\
                      waiver: frame-pointer: leaves are not mended\n";

/// Runs the command where CI is not set.
fn midframe<S: AsRef<OsStr>>(arguments: &[S]) -> Run {
    let output = command(arguments).env_remove("CI").output().expect("the command starts");
    run(output)
}

/// A directory with files, of which each has a name and a text.
struct Pinned(Files);

impl Pinned {
    fn new(files: &[(&str, &str)]) -> Self {
        let pinned = Self(Files::new());
        std::fs::create_dir(pinned.0.path("pinned")).expect("a directory");
        files.iter().for_each(|(name, text)| pinned.write(name, text));
        pinned
    }

    fn directory(&self) -> String {
        self.0.path("pinned").into_os_string().into_string().expect("UTF-8")
    }

    fn write(&self, name: &str, text: &str) {
        self.0.write(format!("pinned/{name}"), text);
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.path(format!("pinned/{name}"))).expect("a file")
    }

    fn program(&self, functions: &[GoFunction]) {
        self.0.write("program", image(functions).bytes());
    }

    fn check(&self, status: i32) -> String {
        let run = midframe(&["snapshot", "check", &self.directory()]);
        assert_eq!((run.status, run.stderr.as_str()), (status, ""), "{run:?}");
        run.stdout
    }

    fn update(&self, line: &str, status: i32) -> String {
        let directory = self.directory();
        let run = midframe(&[&["snapshot", "update", &directory], &*args(line)].concat());
        assert_eq!((run.status, run.stderr.as_str()), (status, ""), "{run:?}");
        run.stdout
    }

    /// Runs the command that `check` prints for a file.
    fn accept(&self, checked: &str, status: i32) {
        let mut commands = checked.lines().filter_map(|line| line.split_once("midframe snapshot "));
        let (_, line) = commands.next_back().expect("a command");
        let run = midframe(&[&["snapshot"], &*args(line)].concat());
        assert_eq!(run.status, status, "{run:?}");
    }
}

#[test]
fn an_accepted_policy_has_the_words_of_the_toolchain() {
    let pinned = Pinned::new(&[("fix.snapshot", POLICY)]);
    let new = pinned.check(1);
    assert!(new.starts_with("fix.snapshot: is not accepted yet\n"), "{new}");
    assert!(new.contains("+leaf, frame 32\n"), "all of it is the difference: {new}");
    pinned.accept(&new, 0);
    assert_eq!(pinned.check(0), "fix.snapshot: as accepted\n");
    assert_eq!(pinned.update("", 0), "fix.snapshot: as accepted\n");
    let text = pinned.text("fix.snapshot");
    for (size, kind) in [(32, "leaf"), (32, "non-leaf"), (65552, "leaf"), (65552, "non-leaf")] {
        let title = format!("\n{kind}, frame {size}\n");
        let (_, block) = text.split_once(&title).unwrap_or_else(|| panic!("{title} in {text}"));
        let lines = block.lines().take_while(|line| !line.is_empty());
        let words = lines.map(|line| line.split_whitespace().nth(1).expect("a word").to_owned());
        let function = recorded("go1.24.11", &format!("{size} {kind} split linux"), "f");
        let expected = function.words.iter().map(|word| format!("{word:08x}"));
        assert_eq!(words.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "{title}");
    }
    let header = "midframe snapshot 1\nmade-by: midframe 0.1.0\npolicy: go1.24.11\n\
                  lowered-as: go1.24.6\nframes: 32, 65552\nwaiver: sp-row: leaves";
    assert!(text.starts_with(header), "{text}");
    assert_eq!(text.matches("! sp-row").count(), 1, "{text}");
}

/// The difference is unified, and the command that is printed accepts it.
#[test]
fn a_change_is_shown_and_the_printed_command_accepts_it() {
    let pinned = Pinned::new(&[("fix.snapshot", POLICY), ("it's b.snapshot", POLICY)]);
    pinned.update("", 0);
    let accepted = pinned.text("fix.snapshot");
    assert!(accepted.contains("  8b3b63ff  ADD R27, RSP, RSP"), "{accepted}");
    pinned.write("fix.snapshot", &accepted.replace("ADD R27, RSP, RSP", "ADD R26, RSP, RSP"));
    let checked = pinned.check(1);
    assert!(checked.starts_with("fix.snapshot: is not what was accepted\n"), "{checked}");
    for part in [
        "--- fix.snapshot (accepted)\n+++ fix.snapshot (now)\n@@ ",
        "  8b3b63ff  ADD R26, RSP, RSP",
        "\nto accept after a review of the difference: midframe snapshot update ",
        "\nit's b.snapshot: as accepted\n",
    ] {
        assert!(checked.contains(part), "{part:?} in {checked}");
    }
    let changed = |sign: char| checked.lines().filter(|line| line.starts_with(sign)).count();
    assert_eq!((changed('-'), changed('+')), (2, 2), "the header and one line: {checked}");
    let end = format!("midframe snapshot update {} --only fix.snapshot", pinned.directory());
    assert!(checked.contains(&format!("{end}\n")), "{checked}");
    pinned.accept(&checked, 0);
    assert_eq!(pinned.text("fix.snapshot"), accepted);
    // A name with a quote is one word for a shell.
    pinned.write("it's b.snapshot", POLICY);
    let checked = pinned.check(1);
    assert!(checked.contains(r"--only 'it'\''s b.snapshot'"), "{checked}");
}

/// No sequence that breaks a rule without a waiver for that rule, with a reason.
#[test]
fn a_broken_rule_needs_a_waiver_with_a_reason() {
    let bare: String = POLICY.lines().take(3).map(|line| format!("{line}\n")).collect();
    let pinned = Pinned::new(&[("fix.snapshot", &bare)]);
    let checked = pinned.check(1);
    for rule in ["sp-row", "frame-pointer"] {
        let line = format!("breaks {rule}, and has no waiver: \"waiver: {rule}: REASON\"\n");
        assert!(checked.contains(&line), "{checked}");
    }
    pinned.accept(&checked, 1);
    for line in ["", "--rebase"] {
        let refused = pinned.update(line, 1);
        assert!(refused.starts_with("fix.snapshot: refused: breaks sp-row"), "{refused}");
        assert_eq!(pinned.text("fix.snapshot"), bare, "the file stays as it was");
    }
    pinned.write("fix.snapshot", &format!("{bare}waiver: sp-row: half of it\n"));
    assert_eq!(pinned.update("", 1).lines().count(), 1, "the other is still without one");
    let idle = "midframe snapshot 1\npolicy: complete\nframes: 65552\nwaiver: sp-row: was once\n";
    pinned.write("fix.snapshot", idle);
    pinned.update("", 0);
    let note = "fix.snapshot: has a waiver for sp-row, which nothing breaks\n";
    assert_eq!(pinned.check(0), note);
}

/// Whoever accepts is a person.
#[test]
fn nothing_is_accepted_in_ci() {
    let pinned = Pinned::new(&[("fix.snapshot", POLICY)]);
    let directory = pinned.directory();
    let output = command(&["snapshot", "update", &directory]).env("CI", "true").output();
    let refused = run(output.expect("the command starts"));
    assert_eq!((refused.status, refused.stdout.as_str()), (2, ""));
    assert!(refused.stderr.starts_with("midframe: CI is set: "), "{refused:?}");
    assert_eq!(pinned.text("fix.snapshot"), POLICY);
    let output = command(&["snapshot", "check", &directory]).env("CI", "true").output();
    assert_eq!(run(output.expect("the command starts")).status, 1, "checked it is");
}

/// What another version made, or what is of another policy now, is not taken over by the
/// way.
#[test]
fn another_origin_needs_a_rebase() {
    let pinned = Pinned::new(&[("fix.snapshot", POLICY)]);
    pinned.update("", 0);
    let accepted = pinned.text("fix.snapshot");
    pinned.write("fix.snapshot", &accepted.replace("midframe 0.1.0", "midframe 0.0.9"));
    let checked = pinned.check(0);
    let note = "fix.snapshot: was made by midframe 0.0.9 from go1.24.6, now by midframe 0.1.0 \
                from go1.24.6\n";
    assert!(checked.starts_with(note), "the sequences are the same: {checked}");
    assert!(checked.contains("--only fix.snapshot --rebase\n"), "{checked}");
    assert!(pinned.update("", 1).contains(": --rebase accepts that\n"));
    assert_eq!(pinned.update("--rebase", 0), "fix.snapshot: accepted\n");
    assert_eq!(pinned.text("fix.snapshot"), accepted);
    // The release of another policy.
    pinned.write("fix.snapshot", &accepted.replace("policy: go1.24.11", "policy: go1.24.3"));
    let checked = pinned.check(1);
    assert!(checked.contains("from go1.24.6, now by midframe 0.1.0 from go1.24\n"), "{checked}");
    assert!(checked.contains("\n+  +0x34  910043ff  ADD $16, RSP, RSP"), "{checked}");
    pinned.update("", 1);
    pinned.accept(&checked, 0);
    assert!(pinned.text("fix.snapshot").contains("\nlowered-as: go1.24\n"));
}

#[test]
fn an_update_can_be_limited_by_name() {
    let pinned = Pinned::new(&[("a.snapshot", POLICY), ("b.snapshot", POLICY), ("c.txt", "no")]);
    assert_eq!(pinned.update("--only b.snapshot", 0), "b.snapshot: accepted\n");
    assert_eq!(pinned.text("a.snapshot"), POLICY);
    let directory = pinned.directory();
    let run = midframe(&["snapshot", "check", &directory, "--only", "b.snapshot"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, "b.snapshot: as accepted\n"));
    for what in ["check", "update"] {
        let line = ["snapshot", what, &directory, "--only", "d.snapshot"];
        let run = midframe(&line);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{run:?}");
        assert!(run.stderr.contains("d.snapshot"), "{run:?}");
    }
}

/// What a program's functions have is pinned without addresses.
#[test]
fn functions_of_a_program() {
    let header = "midframe snapshot 1\nbinary: ../program\nfunctions: ^main\\.\n";
    let pinned = Pinned::new(&[("main.snapshot", header)]);
    let large = |release: &str| recorded(release, LARGE, "main.f");
    let small = recorded("go1.24.11", "32 non-leaf split linux", "main.g");
    pinned.program(&[large("go1.24.11"), small.clone()]);
    pinned.accept(&pinned.check(1), 0);
    let text = pinned.text("main.snapshot");
    for part in ["\nbuilt-by: go1.24.1\n", "\nfunction main.f\n  frame 65552\n  prologue\n"] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    // Everything moves.
    pinned.program(&[clean("other.f"), large("go1.24.11"), clean("other.g"), small.clone()]);
    assert_eq!(pinned.check(0), "main.snapshot: as accepted\n");
    // The pop in two steps comes back.
    pinned.program(&[large("go1.24.3"), small.clone()]);
    let checked = pinned.check(1);
    for part in [
        "\n-    ADD R27, RSP, RSP",
        "\n+    ADD $(16<<12), RSP, RSP",
        "  ! sp-row\n",
        "\n+  refuted: sp-row for async-preemption, profiler\n",
        "main.snapshot: breaks sp-row, and has no waiver",
    ] {
        assert!(checked.contains(part), "{part:?} in {checked}");
    }
    pinned.accept(&checked, 1);
    assert_eq!(pinned.text("main.snapshot"), text);
    // A function goes away, then all.
    pinned.program(&[small]);
    let checked = pinned.check(1);
    assert!(checked.contains("main.snapshot: pins what disappeared: main.f\n"), "{checked}");
    pinned.program(&[clean("other.f")]);
    let checked = pinned.check(1);
    assert!(checked.contains("main.snapshot: is stale: "), "{checked}");
    assert!(checked.ends_with("delete the file, or mend its pattern\n"), "{checked}");
    assert!(pinned.update("", 1).starts_with("main.snapshot: refused: is stale"));
    assert_eq!(pinned.text("main.snapshot"), text);
}

/// A program that another release built is another subject, if its sequences are the same.
#[test]
fn a_program_of_another_release_needs_a_rebase() {
    let header = "midframe snapshot 1\nbinary: ../program\nfunctions: ^main\\.f$\n";
    let pinned = Pinned::new(&[("main.snapshot", header)]);
    let functions = || vec![recorded("go1.24.11", LARGE, "main.f")];
    pinned.program(&functions());
    pinned.update("", 0);
    pinned.0.write("program", GoImage::new(26, functions()).bytes());
    let checked = pinned.check(0);
    assert!(checked.contains("from go1.24.1, now by midframe 0.1.0 from go1.26.1\n"), "{checked}");
    pinned.update("", 1);
    pinned.update("--rebase", 0);
    assert_eq!(pinned.check(0), "main.snapshot: as accepted\n");
}

#[test]
fn what_is_no_snapshot_is_an_error() {
    let pinned = Pinned::new(&[("good.snapshot", POLICY)]);
    pinned.update("", 0);
    let line = |line: &str| format!("midframe snapshot 1\n{line}\n");
    for (text, parts) in [
        ("".to_owned(), ["is not a snapshot", "midframe snapshot 1"]),
        ("midframe snapshot 2\n".to_owned(), ["is not a snapshot", "midframe snapshot 1"]),
        (line(""), ["pins nothing", "policy and frames"]),
        (line("policy: complete"), ["pins nothing", "binary and functions"]),
        (line("policy: complete\nframes: 16\nbinary: x"), ["pins nothing", "policy"]),
        (line("policy: go1.2\nframes: 16"), ["line 2", "go1.2"]),
        (line("policy: complete\nframes: 8"), ["line 3", "8 is not a frame size"]),
        (line("frames: 16\nframes: 16"), ["line 3", "twice"]),
        (line("functions: ("), ["line 2", "regular expression"]),
        (line("colour: red"), ["line 2", "colour"]),
        (line("waiver: sp-row:"), ["line 2", "no reason"]),
        (line("waiver: sp-row"), ["line 2", "RULE: REASON"]),
        (line("waiver: sp: because"), ["line 2", "is not a rule"]),
        (line("binary: ../missing\nfunctions: x"), ["missing", "cannot be read"]),
    ] {
        pinned.write("bad.snapshot", &text);
        for what in ["check", "update"] {
            let run = midframe(&["snapshot", what, &pinned.directory()]);
            assert_eq!((run.status, run.stderr.lines().count()), (2, 1), "{text:?}: {run:?}");
            assert!(run.stdout.contains("good.snapshot: as accepted\n"), "{run:?}");
            for part in ["bad.snapshot: "].iter().chain(&parts) {
                assert!(run.stderr.contains(part), "{part:?} in {run:?}");
            }
        }
        assert_eq!(pinned.text("bad.snapshot"), text);
    }
    let empty = Pinned::new(&[]);
    for (line, part) in [
        (vec!["snapshot".to_owned(), "check".to_owned(), empty.directory()], ".snapshot"),
        (vec!["snapshot".to_owned(), "check".to_owned(), empty.directory() + "/x"], "/x"),
        (vec!["snapshot".to_owned(), "check".to_owned()], "DIR"),
    ] {
        check_error(&line, &[part]);
    }
}
