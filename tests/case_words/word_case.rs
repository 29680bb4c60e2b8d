//! The files of word cases: functions as listings, with the right answer.
//!
//! A line is a word, the declared depth, the class of `PCDATA_UnsafePoint` and the instruction.
//! `== name` begins a case, if a file has several; the name of a file with one is the case's.
//! The answer is in lines that begin with `!`:
//!
//! - `!flags N`: the function's flags.
//! - `!callee leaf`, `morestack` or `noreturn`: what is known of whatever it calls.
//! - `!runtime`: it is one of the runtime's.
//! - `!ignores-mark`: its rows are read although it is marked `SPWRITE`.
//! - `!proved`: no violation, and nothing undecided.
//! - `!refuted RULES OBSERVERS BOUNDARIES SEVERITY`: a violation of one of the rules
//!   (`callee/saved-lr`) that all of these observers see (`everybody+profiler`; `any` for
//!   whomever), at one of the boundaries (`3`, or `3-5`, counted in instructions), and what
//!   happens to one of them at worst (`crash`, `hang` or `wrong-sample`).
//! - `!not-proved OBSERVERS`: refuted or undecided for each of them; `any`: for one at least.
//! - `!not-refuted`: no violation.
//! - `!runs OUTCOME`: what a caller finds when it has called the function; see
//!   `tests/cases/executed.rs`.
//! - `!why TEXT`: the argument.

use std::path::Path;

/// A function with the right answer.
#[derive(Clone, Debug)]
pub(crate) struct WordCase {
    /// The name.
    pub(crate) name: String,
    /// The function's flags.
    pub(crate) flags: u8,
    /// What is known of the program around it.
    pub(crate) around: Around,
    /// Its words with the row of each.
    pub(crate) lines: Vec<Line>,
    /// What is right.
    pub(crate) answers: Vec<Answer>,
    /// What a caller finds, if the function can be executed.
    pub(crate) runs: Option<String>,
}

/// What is known of the program around a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Around {
    /// Whatever the function calls.
    pub(crate) callee: Called,
    /// Whether it is one of the runtime's.
    pub(crate) is_runtime: bool,
    /// Whether unwinders read its rows although it is marked `SPWRITE`.
    pub(crate) ignores_mark: bool,
}

/// What is known of the functions that one calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Called {
    /// Nothing.
    #[default]
    Unknown,
    /// They call nothing themselves, and are not preempted.
    Leaf,
    /// They get a larger stack.
    Morestack,
    /// They do not return.
    NoReturn,
}

/// A word with its row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Line {
    /// The word.
    pub(crate) word: u32,
    /// The declared depth.
    pub(crate) depth: i64,
    /// The class of `PCDATA_UnsafePoint`.
    pub(crate) class: i32,
}

/// A part of the right answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    /// No violation, and nothing undecided.
    Proved,
    /// A violation.
    Refuted {
        /// One of these rules.
        rules: Vec<String>,
        /// Seen by all of these.
        observers: Vec<String>,
        /// The first and the last of the boundaries.
        boundaries: (u32, u32),
        /// What happens at worst.
        severity: String,
    },
    /// Refuted or undecided for each of these.
    NotProved(Vec<String>),
    /// No violation.
    NotRefuted,
}

/// The cases of the files in a directory, by name.
pub(crate) fn read(directory: &Path) -> Vec<WordCase> {
    let entries = std::fs::read_dir(directory).expect("the cases").flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a text");
        parse(&name, &text, &mut cases);
    }
    for case in &cases {
        assert!(!case.lines.is_empty() && !case.answers.is_empty(), "{}", case.name);
    }
    cases
}

/// Reads the cases of one file.
fn parse(file: &str, text: &str, cases: &mut Vec<WordCase>) {
    let empty = |name: &str| WordCase {
        name: name.to_owned(),
        flags: 0,
        around: Around::default(),
        lines: Vec::new(),
        answers: Vec::new(),
        runs: None,
    };
    let mut case = empty(file);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(name) = line.strip_prefix("== ") {
            let next = empty(&format!("{file}/{name}"));
            let before = core::mem::replace(&mut case, next);
            if !before.lines.is_empty() {
                cases.push(before);
            }
        } else if let Some(directive) = line.strip_prefix('!') {
            direct(&mut case, directive);
        } else if !line.starts_with('#') {
            case.lines.push(word(line));
        }
    }
    cases.push(case);
}

fn direct(case: &mut WordCase, directive: &str) {
    let (name, rest) = directive.split_once(' ').unwrap_or((directive, ""));
    let list = |text: &str, by| text.split(by).map(str::to_owned).collect::<Vec<_>>();
    match name {
        "flags" => case.flags = rest.parse().expect("the flags"),
        "runtime" => case.around.is_runtime = true,
        "ignores-mark" => case.around.ignores_mark = true,
        "callee" => {
            case.around.callee = match rest {
                "leaf" => Called::Leaf,
                "morestack" => Called::Morestack,
                "noreturn" => Called::NoReturn,
                _ => panic!("{}: !{directive}", case.name),
            }
        }
        "proved" => case.answers.push(Answer::Proved),
        "not-refuted" => case.answers.push(Answer::NotRefuted),
        "not-proved" => case.answers.push(Answer::NotProved(list(rest, ' '))),
        "refuted" => {
            let fields = list(rest, ' ');
            let [rules, observers, at, severity] = fields.as_slice() else {
                panic!("{}: !{directive}", case.name)
            };
            let (first, last) = at.split_once('-').unwrap_or((at, at));
            case.answers.push(Answer::Refuted {
                rules: list(rules, '/'),
                observers: list(observers, '+').into_iter().filter(|name| name != "any").collect(),
                boundaries: (first.parse().expect("a number"), last.parse().expect("a number")),
                severity: severity.clone(),
            });
        }
        "runs" => case.runs = Some(rest.to_owned()),
        "why" => {}
        _ => panic!("{}: !{directive}", case.name),
    }
}

fn word(line: &str) -> Line {
    let mut fields = line.split_ascii_whitespace();
    let mut next = || fields.next().unwrap_or_else(|| panic!("{line}"));
    Line {
        word: u32::from_str_radix(next(), 16).expect("a word in hexadecimal"),
        depth: next().parse().expect("a depth"),
        class: next().parse().expect("a class"),
    }
}
