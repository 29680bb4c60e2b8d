//! Completions, manual pages, and the examples in the help.

use crate::fixtures::Files;
use crate::support::{args, check_error, midframe};
use clap::{Command, CommandFactory as _, Parser as _};
use midframe::cli::Arguments;

/// The subcommands, with the names of their flags.
fn subcommands() -> Vec<(String, Vec<String>)> {
    let command = Arguments::command();
    let of = |subcommand: &Command| {
        let flags = subcommand.get_arguments().filter_map(clap::Arg::get_long);
        (subcommand.get_name().to_owned(), flags.map(str::to_owned).collect())
    };
    let all: Vec<_> = command.get_subcommands().map(of).collect();
    assert!(all.len() > 5, "{all:?}");
    all
}

#[test]
fn completions_know_every_subcommand_and_flag() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let run = midframe(&["completions", shell]);
        assert_eq!(run.status, 0, "{shell}");
        for (name, flags) in subcommands() {
            assert!(run.stdout.contains(&name), "{shell}: {name}");
            for flag in flags {
                // fish names flags without their dashes.
                assert!(run.stdout.contains(&flag), "{shell}: {name} --{flag}");
            }
        }
        assert!(run.stdout.contains("color"), "{shell}");
        // The others complete no values.
        if ["bash", "fish", "zsh"].contains(&shell) {
            let values = ["auto", "always", "never"];
            assert!(values.iter().all(|value| run.stdout.contains(value)), "{shell}");
        }
    }
    check_error(&["completions", "cmd"], &["cmd", "bash"]);
    check_error(&["completions"], &["<SHELL>"]);
}

/// The pages as `man` finds them, each with its name, what it takes and its examples.
#[test]
fn a_page_for_each_subcommand() {
    let files = Files::new();
    let directory = files.path("share/man1");
    let run = midframe(&["man", directory.to_str().expect("UTF-8")]);
    assert_eq!((run.status, run.stdout.as_str()), (0, ""));
    let read = |name: &str| {
        let page = std::fs::read_to_string(directory.join(name)).expect("a page");
        // A dash is written so that it stays one.
        page.replace("\\-", "-")
    };
    let own = read("midframe.1");
    assert!(own.contains(".SH NAME\nmidframe - "), "{own}");
    assert!(own.contains("midframe prove --policy go1.24.5"), "{own}");
    let all = subcommands();
    for (name, flags) in &all {
        assert!(own.contains(&format!("midframe-{name}(1)")), "{name} in {own}");
        let page = read(&format!("midframe-{name}.1"));
        assert!(page.contains(&format!(".SH NAME\nmidframe-{name} - ")), "{page}");
        assert!(page.contains(&format!("midframe {name}")), "{page}");
        for flag in flags {
            assert!(page.contains(&format!("--{flag}")), "{name} --{flag}: {page}");
        }
        assert!(page.contains("--color"), "{name}: {page}");
        let version = concat!("midframe ", env!("CARGO_PKG_VERSION"));
        assert!(page.contains(version), "{page}");
    }
    assert!(read("midframe-review.1").contains(r"<\fIOLD\fR> <\fINEW\fR>"), "both sides");
    let count = std::fs::read_dir(&directory).expect("a directory").count();
    assert_eq!(count, all.len() + 1);
    // Without a directory: the first of them.
    assert_eq!(midframe(&["man"]).stdout.replace("\\-", "-"), own);
    let file = files.write("file", "");
    check_error(&["man", &file], &["file"]);
}

/// The command lines in a help text, without what a shell does with their output.
fn examples(help: &str) -> Vec<&str> {
    let behind = help.split_once("Examples:\n").map_or("", |(_, behind)| behind);
    let lines = behind.lines().map(str::trim).filter(|line| line.starts_with("midframe "));
    lines.map(|line| line.split(['>', '|']).next().unwrap_or(line).trim()).collect()
}

#[test]
fn the_help_teaches() {
    let long = midframe(&["--help"]).stdout;
    let short = midframe(&["-h"]).stdout;
    assert!(short.lines().count() < long.lines().count() / 2 + 5, "{short}");
    assert_eq!(examples(&short), [""; 0]);
    assert!(short.contains("midframe --help"), "{short}");
    let all = examples(&long);
    for (name, _) in subcommands() {
        assert!(all.iter().any(|line| args(line)[1] == name), "{name} in {all:?}");
        let own = midframe(&[&name, "--help"]).stdout;
        // What can be refuted has a status that says so.
        let decides = !["policies", "completions", "man"].contains(&name.as_str());
        assert_eq!(own.contains("Exit status: 0 "), decides, "{own}");
        let own = examples(&own);
        assert!(!own.is_empty(), "{name}");
        assert!(own.iter().all(|line| args(line)[1] == name), "{own:?}");
        assert_eq!(examples(&midframe(&[&name, "-h"]).stdout), [""; 0], "{name}");
        for line in own.iter().chain(&all) {
            if let Err(error) = Arguments::try_parse_from(args(line)) {
                panic!("{line}: {error}");
            }
        }
    }
}
