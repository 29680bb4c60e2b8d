//! Help, versions, wrong usage; and that no flag is without a test.

use crate::support::{args, check_error, midframe};
use clap::CommandFactory as _;
use midframe::cli::Arguments;

/// The tests of each subcommand.
const SOURCES: [(&str, &str); 11] = [
    ("prove", concat!(include_str!("prove.rs"), include_str!("html.rs"))),
    ("lower", include_str!("lower.rs")),
    ("explain", concat!(include_str!("explain.rs"), include_str!("html.rs"))),
    (
        "scan",
        concat!(
            include_str!("scan_flags.rs"),
            include_str!("severity.rs"),
            include_str!("baseline.rs"),
            include_str!("html.rs")
        ),
    ),
    ("conform", include_str!("conform.rs")),
    ("budget", include_str!("budget.rs")),
    (
        "review",
        concat!(
            include_str!("review.rs"),
            include_str!("review/directories.rs"),
            include_str!("review/policies.rs"),
            include_str!("html.rs"),
        ),
    ),
    ("snapshot", include_str!("snapshot.rs")),
    ("policies", include_str!("policies.rs")),
    ("completions", include_str!("shell.rs")),
    ("man", include_str!("shell.rs")),
];

#[test]
fn every_flag_and_every_value_has_a_test() {
    let command = Arguments::command();
    let subcommands: Vec<_> = command.get_subcommands().collect();
    assert!(!subcommands.is_empty());
    for subcommand in subcommands {
        let name = subcommand.get_name();
        let tests = SOURCES.iter().find(|(of, _)| *of == name);
        let (_, tests) = tests.unwrap_or_else(|| panic!("no tests for {name}"));
        for argument in subcommand.get_arguments() {
            let Some(flag) = argument.get_long() else {
                assert!(argument.is_positional(), "{argument} has a long name");
                continue;
            };
            assert!(tests.contains(&format!("--{flag}")), "no test of {name} --{flag}");
            let takes_values = argument.get_action().takes_values();
            let values = if takes_values { argument.get_possible_values() } else { Vec::new() };
            for value in values.iter().filter(|value| value.get_name() != "text") {
                let value = value.get_name();
                assert!(tests.contains(value), "no test of {name} --{flag} {value}");
            }
        }
    }
}

#[test]
fn help_and_versions_are_not_errors() {
    let command = Arguments::command();
    let check = |line: &str, parts: &[&str]| {
        let run = midframe(&args(line));
        assert_eq!(run.status, 0, "{line}");
        for part in parts {
            assert!(run.stdout.contains(part), "{part:?} in {line}: {}", run.stdout);
        }
        assert!(run.stdout.lines().all(|line| line.chars().count() <= 100), "{}", run.stdout);
    };
    let names: Vec<_> = command.get_subcommands().map(clap::Command::get_name).collect();
    for line in ["--help", "-h", "help"] {
        check(line, &names);
    }
    check("--help", &["Exit status: 0", "1 a rule is refuted", "2 wrong usage", "3 something"]);
    for subcommand in command.get_subcommands() {
        let name = subcommand.get_name();
        let flags = subcommand.get_arguments().filter_map(clap::Arg::get_long);
        let flags: Vec<_> = flags.map(|flag| format!("--{flag}")).collect();
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        for line in [format!("{name} --help"), format!("{name} -h"), format!("help {name}")] {
            check(&line, &flags);
        }
    }
    let version = concat!("midframe ", env!("CARGO_PKG_VERSION"), "\n");
    for line in ["--version", "-V"] {
        let run = midframe(&[line]);
        assert_eq!((run.status, run.stdout.as_str()), (0, version));
    }
}

#[test]
fn wrong_usage_is_an_error() {
    let run = midframe::<&str>(&[]);
    assert_eq!((run.status, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("Usage: midframe"), "{}", run.stderr);
    for line in ["prove", "lower --frame 16", "scan program", "policies", ""] {
        let unknown = [args(line).as_slice(), &["--unknown"]].concat();
        check_error(&unknown, &["--unknown", "Usage: midframe"]);
    }
    check_error(&["audit"], &["audit"]);
    check_error(&["scan"], &["<PATH>"]);
    check_error(&["scan", ""], &["<PATH>"]);
    check_error(&args("scan program --fail-on everything"), &["everything", "async-preemption"]);
    check_error(&args("scan program --format pdf"), &["pdf", "json"]);
    check_error(&args("policies --format toml"), &["toml", "json"]);
    check_error(&args("policies go1.24"), &["go1.24"]);
    check_error(&args("prove --frames"), &["--frames"]);
    check_error(&args("lower --frame 16 --frame 32"), &["--frame"]);
    check_error(&args("prove 65616"), &["65616"]);
}
