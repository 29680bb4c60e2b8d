//! The verifier on small functions that were called proved and break, or were refuted and are
//! right, and on more of their kinds. They are in `tests/cases/words`, each with its argument;
//! words are from LLVM's assembler (19, and 22 for what is newer), answers from the Arm manual,
//! from what Go's runtime reads where, and, where a case says how it runs, from the emulator.

mod word_case;

use std::path::Path;
use unwind::{Depth, FuncFlags, Pc, Row, RowTable, UnsafePoint, Word};
use verifier::{Callee, Checker, Function, Observer, Observers, Report, Surroundings, Violation};
use word_case::{Answer, Around, Called, WordCase};

/// Where the functions are.
const ENTRY: u64 = 0x1_0000;

fn cases() -> Vec<WordCase> {
    word_case::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/words"))
}

impl Surroundings for Around {
    fn pointer(&self, _: u64) -> Option<u64> {
        None
    }

    fn callee(&self, _: u64) -> Callee {
        match self.callee {
            Called::Unknown => Callee::Unknown,
            Called::Leaf => Callee::Leaf,
            Called::Morestack => Callee::Morestack,
            Called::NoReturn => Callee::NoReturn,
        }
    }

    fn is_runtime(&self) -> bool {
        self.is_runtime
    }

    fn ignores_mark(&self) -> bool {
        self.ignores_mark
    }
}

/// What the verifier says of a case: the same with the fast path and without it.
fn report(case: &WordCase) -> Report {
    let (mut words, mut rows) = (Vec::new(), RowTable::new());
    for line in &case.lines {
        words.push(Word::new(line.word));
        let unsafe_point = UnsafePoint::from_pcdata(line.class).expect("a class of Go's");
        rows.push(Row { depth: Depth(line.depth), unsafe_point }, 1);
    }
    let function = Function::new(Pc(ENTRY), &words, &rows)
        .with_flags(FuncFlags(case.flags))
        .with_surroundings(&case.around);
    let (mut checker, mut report, mut analysed) = (Checker::new(), Report::new(), Report::new());
    checker.check(&function, &mut report);
    checker.analyse(&function, &mut analysed);
    assert_eq!(report, analysed, "{}", case.name);
    report
}

/// The findings of a case, and who sees each.
fn violations<'a>(
    case: &WordCase,
    report: &'a Report,
) -> impl Iterator<Item = (&'a Violation, Observers)> {
    let is_assembly = FuncFlags(case.flags).contains(FuncFlags::ASM);
    let seen = report
        .violations
        .iter()
        .map(move |found| (found, if is_assembly { found.unpreempted } else { found.observers }));
    seen.filter(|(_, observers)| *observers != Observers::NONE)
}

/// These observers, the gravest first.
fn each(observers: Observers) -> impl Iterator<Item = Observer> {
    Observer::ALL.into_iter().filter(move |&observer| observers.contains(observer))
}

/// The observer of this name.
fn named(name: &str) -> Option<Observer> {
    Observer::ALL.into_iter().find(|observer| observer.id() == name)
}

/// Whether nothing is refuted or undecided for an observer; `None` if there is none of this
/// name.
fn is_proved(case: &WordCase, report: &Report, name: &str) -> Option<bool> {
    let observer = named(name)?;
    let is_refuted = violations(case, report).any(|(_, observers)| observers.contains(observer));
    let mut undecided = report.undecided.iter();
    let is_undecided = undecided.any(|place| place.reason.observers().contains(observer));
    Some(report.boundaries > 0 && !is_refuted && !is_undecided)
}

/// In what the verifier's answer is not the right one, a line each.
fn complaints(case: &WordCase, report: &Report) -> Vec<String> {
    let found: Vec<_> = violations(case, report).collect();
    let mut complaints = Vec::new();
    for answer in &case.answers {
        match answer {
            Answer::Proved => {
                if !found.is_empty() || !report.undecided.is_empty() || report.boundaries == 0 {
                    complaints.push("not proved".to_owned());
                }
            }
            Answer::NotRefuted => {
                if !found.is_empty() {
                    complaints.push("refuted".to_owned());
                }
            }
            Answer::NotProved(observers) => {
                let all = Observer::ALL.into_iter().map(Observer::id);
                if observers == &["any"]
                    && all.into_iter().all(|name| is_proved(case, report, name) == Some(true))
                {
                    complaints.push("proved for everyone".to_owned());
                }
                for observer in observers.iter().filter(|name| *name != "any") {
                    match is_proved(case, report, observer) {
                        Some(false) => {}
                        Some(true) => complaints.push(format!("proved for {observer}")),
                        None => complaints.push(format!("there is no observer {observer}")),
                    }
                }
            }
            Answer::Refuted { .. } => {
                if !found.iter().any(|&(found, seen)| fits(answer, found, seen)) {
                    complaints.push(format!("no {answer:?}"));
                }
            }
        }
    }
    complaints
}

/// Whether a finding is the one that an answer wants.
fn fits(answer: &Answer, found: &Violation, seen: Observers) -> bool {
    let Answer::Refuted { rules, observers, boundaries: (first, last), severity } = answer else {
        return false;
    };
    let named = observers.iter().map(|name| named(name).expect("an observer"));
    let named = named.fold(Observers::NONE, Observers::with);
    let concerned = if named == Observers::NONE { seen } else { named };
    rules.iter().any(|rule| rule == found.rule.id())
        && (*first..=*last).contains(&found.at.0)
        && named.difference(seen) == Observers::NONE
        && found.worst(concerned).is_some_and(|worst| worst.id() == severity)
}

/// What the verifier says, on one line.
fn said(case: &WordCase, report: &Report) -> String {
    let mut parts = Vec::new();
    for (found, seen) in violations(case, report) {
        let seen = each(seen).map(|observer| format!("{observer} ({})", found.severity(observer)));
        let seen: Vec<_> = seen.collect();
        parts.push(format!("{}: {} for {}", found.at.0, found.rule, seen.join(", ")));
    }
    let undecided = report.undecided.iter();
    parts.extend(undecided.map(|place| format!("{}: undecided, {}", place.at.0, place.reason)));
    if report.sp_write.is_some() {
        parts.push("marked as a write of SP".to_owned());
    }
    if parts.is_empty() { "proved".to_owned() } else { parts.join("; ") }
}

#[test]
fn every_case_has_its_answer() {
    let cases = cases();
    assert!(cases.len() >= 23, "{}", cases.len());
    let mut failed = Vec::new();
    for case in &cases {
        let report = report(case);
        let complaints = complaints(case, &report);
        let word = if complaints.is_empty() { "as expected" } else { "FAILED" };
        println!("{}: {}: {word}", case.name, said(case, &report));
        for complaint in &complaints {
            println!("    {complaint}");
        }
        if !complaints.is_empty() {
            failed.push(format!("{}: {}", case.name, complaints.join("; ")));
        }
    }
    println!("{} of {} cases as expected", cases.len() - failed.len(), cases.len());
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), cases.len(), failed.join("\n"));
}
