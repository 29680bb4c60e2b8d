//! Colour: where it is and where it is not, and that nothing else depends on it. The codes
//! are those of ECMA-48, the variables those of no-color.org and bixense.com/clicolors.

use crate::fixtures::{Files, clean, image, loads_sp, two_steps};
use crate::review::{LARGE, recorded};
use crate::support::command;
use clap::CommandFactory as _;
use image::testing::GoFunction;
use midframe::cli::Arguments;
use regex::Regex;

/// A name that a search for words would colour, and that commands a terminal: to clear
/// the screen, and in the second way to write the same (C1) to go red.
const HOSTILE: &str = "main.refuted \x1b[2J\u{9b}31m proved";

/// What a run left behind, whatever is in it.
struct Shown {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

fn show(arguments: &[&str], environment: &[(&str, &str)]) -> Shown {
    let output = command(arguments).envs(environment.iter().copied()).output();
    let output = output.expect("the command starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    Shown { status: output.status.code(), stdout, stderr }
}

/// A text without its colours. How long a proof took is another time each time.
pub(crate) fn stripped(text: &str) -> String {
    let codes = Regex::new("\x1b\\[[0-9;]*m").expect("a pattern");
    let seconds = Regex::new(r"in [0-9]+\.[0-9] s\.").expect("a pattern");
    seconds.replace(&codes.replace_all(text, ""), "in 0.0 s.").into_owned()
}

/// Command lines with everything that there is to colour.
pub(crate) struct Lines {
    _files: Files,
    paths: Vec<(&'static str, String)>,
}

impl Lines {
    const ALL: [&str; 19] = [
        "prove --frames 65520..65616",
        "lower --frame 65616 --policy go1.24.5",
        "lower --frame 65616 --policy go1.24.6",
        "explain --frame 65616 --policy go1.24.5",
        "explain --frame 65616 --policy complete",
        "explain PROGRAM HOSTILE",
        "scan PROGRAM",
        "scan PROGRAM FIXED",
        "scan --summary PROGRAM FIXED",
        "conform PROGRAM",
        "conform MIXED",
        "budget PROGRAM --bytes 80",
        "budget FIXED --bytes 0",
        "review PROGRAM FIXED",
        "review FIXED PROGRAM",
        "review --policy go1.24.6 complete --frames 64KiB..65KiB",
        "review --policy complete go1.24.5 --frames 64KiB..65KiB",
        "snapshot check PINNED",
        "snapshot update PINNED",
    ];

    pub(crate) fn new() -> Self {
        let files = Files::new();
        let open = GoFunction { depths: vec![(2, 0)], ..loads_sp("main.open") };
        let program = image(&[two_steps(HOSTILE), two_steps("main.large"), open]);
        let fixed = image(&[clean(HOSTILE), clean("main.large"), clean("main.open")]);
        // No release pops in both of these ways.
        let other = format!("{HOSTILE}, too");
        let mixed = [recorded("go1.24.3", LARGE, HOSTILE), recorded("go1.24.11", LARGE, &other)];
        let mixed = files.write("mixed", image(&mixed).bytes());
        let program = files.write("program", program.bytes());
        let fixed = files.write("fixed", fixed.bytes());
        std::fs::create_dir(files.path("pinned")).expect("a directory");
        let pinned = "midframe snapshot 1\npolicy: go1.24.5\nframes: 65552\n\nleaf\n-- gone\n";
        files.write("pinned/a.snapshot", pinned);
        let directory = files.path("pinned").display().to_string();
        let paths =
            vec![("PROGRAM", program), ("FIXED", fixed), ("MIXED", mixed), ("PINNED", directory)];
        Self { _files: files, paths }
    }

    /// The words of a line.
    pub(crate) fn words<'a>(&'a self, line: &'a str) -> Vec<&'a str> {
        let of = |word| {
            let path = self.paths.iter().find(|(name, _)| *name == word);
            path.map_or(word, |(_, path)| &**path)
        };
        let word = |word| if word == "HOSTILE" { HOSTILE } else { of(word) };
        line.split(' ').map(word).collect()
    }
}

#[test]
fn colour_changes_nothing_else() {
    let lines = Lines::new();
    for line in Lines::ALL {
        let words = lines.words(line);
        let piped = show(&words, &[("CI", "")]);
        assert!(matches!(piped.status, Some(0 | 1 | 3)), "{line}: {}", piped.stderr);
        assert!(!piped.stdout.contains('\x1b'), "{line}: {}", piped.stdout);
        let before = [&["--color", "always"], &*words].concat();
        let behind = [&*words, &["--color=always"]].concat();
        for painted in [show(&before, &[("CI", "")]), show(&behind, &[("CI", "")])] {
            assert_eq!(painted.status, piped.status, "{line}");
            assert!(painted.stdout.contains("\x1b[3"), "{line}: {}", painted.stdout);
            assert_eq!(stripped(&painted.stdout), stripped(&piped.stdout), "{line}");
        }
    }
    let named = |name: &str| Lines::ALL.iter().any(|line| line.split(' ').next() == Some(name));
    for command in Arguments::command().get_subcommands() {
        let name = command.get_name();
        assert_ne!(named(name), ["policies", "completions", "man"].contains(&name), "{name}");
    }
}

/// Tones stand for something: the words are those that README.md explains.
#[test]
fn what_is_which_colour() {
    let lines = Lines::new();
    let shown = |line: &str| {
        let words = [lines.words(line), vec!["--color", "always"]].concat();
        show(&words, &[("CI", "")]).stdout
    };
    for (line, parts) in [
        ("prove --frames 65616..65616", &["\x1b[31mrefuted\x1b[0m", "\x1b[32mproved\x1b[0m"][..]),
        ("lower --frame 65616 --policy go1.24.5", &["\n\x1b[31m>  +0x38  914043ff  ADD"]),
        ("explain --frame 65616 --policy go1.24.5", &["\n\x1b[31m > +0x38 ", ": \x1b[32mholds"]),
        (
            "scan PROGRAM",
            &["  \x1b[31mrefuted\x1b[0m at 2 boundaries", "\x1b[33mundecided\x1b[0m: 1"],
        ),
        ("scan FIXED", &["boundaries: \x1b[32mproved\x1b[0m\n"]),
        ("conform PROGRAM", &["\n\x1b[32mexplained\x1b[0m: "]),
        ("conform MIXED", &["\x1b[31m   > ", "\n\x1b[31mnot explained\x1b[0m: "]),
        ("budget FIXED --bytes 0", &["\x1b[32mwithin the budget\x1b[0m: 3"]),
        (
            "review FIXED PROGRAM",
            &["\n  \x1b[31mbroken\x1b[0m ", "\n  \x1b[33mnow undecided\x1b[0m"],
        ),
        ("review PROGRAM FIXED", &["\x1b[32mnothing is worse", "\n  \x1b[32mmended\x1b[0m "]),
        ("snapshot check PINNED", &["\n\x1b[31m--- gone\x1b[0m\n", "\n\x1b[32m+leaf, frame 65552"]),
    ] {
        let text = shown(line);
        for part in parts {
            assert!(text.contains(part), "{part:?} in {line}: {text:?}");
        }
    }
    assert!(shown("snapshot check PINNED").contains("\n--- a.snapshot (accepted)\n"));
}

#[test]
fn documents_have_none() {
    let lines = Lines::new();
    for line in [
        "prove --frames 65616..65616",
        "lower --frame 65616 --policy go1.24.5",
        "explain PROGRAM HOSTILE",
        "scan PROGRAM",
        "conform PROGRAM",
        "budget PROGRAM --bytes 80",
        "review FIXED PROGRAM",
        "policies",
    ] {
        let words = lines.words(line);
        let command = Arguments::command();
        let subcommand = command.find_subcommand(words[0]).expect("a subcommand");
        let format = subcommand.get_arguments().find(|flag| flag.get_long() == Some("format"));
        let formats = format.expect("--format").get_possible_values();
        assert!(formats.len() > 1, "{line}");
        for format in formats.iter().filter(|format| format.get_name() != "text") {
            let flags = ["--format", format.get_name(), "--color", "always"];
            let shown = show(&[&*words, &flags].concat(), &[("CLICOLOR_FORCE", "1")]);
            assert!(matches!(shown.status, Some(0 | 1 | 3)), "{line}: {}", shown.stderr);
            assert!(shown.stdout.len() > 100 && !shown.stdout.contains('\x1b'), "{line} {flags:?}");
        }
    }
    for line in ["policies", "completions bash", "completions fish", "man"] {
        let shown = show(&lines.words(&format!("{line} --color always")), &[]);
        assert_eq!(shown.status, Some(0), "{line}");
        assert!(shown.stdout.len() > 100 && !shown.stdout.contains('\x1b'), "{line}");
    }
}

/// What is asked for outranks the environment, and there a wish for none the others.
#[test]
fn the_environment_is_asked() {
    const NONE: &[(&str, &str)] = &[];
    for (environment, flag, expected) in [
        (NONE, "auto", false),
        (NONE, "always", true),
        (NONE, "never", false),
        (&[("CLICOLOR_FORCE", "1")], "auto", true),
        (&[("CLICOLOR_FORCE", "1")], "never", false),
        (&[("NO_COLOR", "1")], "always", true),
        (&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], "auto", false),
        (&[("NO_COLOR", ""), ("CLICOLOR_FORCE", "1")], "auto", true),
        (&[("TERM", "dumb"), ("CLICOLOR_FORCE", "1")], "auto", true),
        (&[("TERM", "xterm-256color")], "auto", false),
    ] {
        for line in ["lower --frame 65616", "lower --frame 1", "lower", "lower --help", "--help"] {
            let line = format!("{line} --color {flag}");
            let shown = show(&line.split(' ').collect::<Vec<_>>(), environment);
            let text = shown.stdout + &shown.stderr;
            assert_eq!(text.contains('\x1b'), expected, "{environment:?} {line}: {text:?}");
        }
    }
    // An error of ours is marked, and its text is not.
    let shown = show(&["lower", "--frame", "1", "--color", "always"], &[]);
    let (mark, rest) = shown.stderr.split_once(' ').expect("a message");
    assert_eq!(stripped(mark), "midframe:");
    assert!(mark.contains("\x1b[31m") && !rest.contains('\x1b'), "{:?}", shown.stderr);
    // What is no value is the parser's to refuse; and behind -- are paths.
    let wrong = show(&["lower", "--color", "sometimes"], &[]);
    assert!(wrong.status == Some(2) && wrong.stderr.contains("sometimes"), "{}", wrong.stderr);
    let path = show(&["scan", "--", "--color", "always"], &[]);
    assert!(path.status == Some(2) && !path.stderr.contains('\x1b'), "{}", path.stderr);
}

/// A name stays one word in one line, uncoloured, and commands nothing.
#[test]
fn a_name_commands_no_terminal() {
    let lines = Lines::new();
    let shown_name = r"main.refuted \u{1b}[2J\u{9b}31m proved";
    for line in ["scan PROGRAM", "review FIXED PROGRAM", "conform MIXED", "explain PROGRAM HOSTILE"]
    {
        let words = [lines.words(line), vec!["--color", "always"]].concat();
        let shown = show(&words, &[]);
        assert!(shown.stdout.contains(shown_name), "{line}: {:?}", shown.stdout);
        let plain = stripped(&shown.stdout);
        let control = plain.chars().find(|character| character.is_control() && *character != '\n');
        assert_eq!(control, None, "{line}: {plain:?}");
    }
    // An argument that an error quotes is no other matter.
    let shown = show(&["explain", "absent\x1b[2J", "main.main", "--color", "always"], &[]);
    assert_eq!(shown.status, Some(2));
    assert!(!stripped(&shown.stderr).contains('\x1b'), "{:?}", shown.stderr);
}
