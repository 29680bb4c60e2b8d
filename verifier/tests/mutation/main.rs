//! Mutants of correct functions: what an interpreter shows to be wrong is not
//! proved.
//!
//! The functions and their rows are from Go's assembler (the file says which);
//! each mutant differs in one place.

mod interpreter;
mod random;

use interpreter::{Line, execute};
use std::collections::BTreeMap;
use unwind::{Depth, FuncFlags, Pc, Row, RowTable, UnsafePoint, Word};
use verifier::{Checker, Function, Report, Verdict};

/// The functions, with a header that says what printed them.
const FUNCTIONS: &str = include_str!("../functions-go1.24.11.txt");

fn functions() -> Vec<(&'static str, Vec<Line>)> {
    let mut functions = Vec::new();
    for line in FUNCTIONS.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix("func ") {
            functions.push((name, Vec::new()));
            continue;
        }
        let mut fields = line.split_ascii_whitespace();
        let mut field = || fields.next().expect("a word, a depth, a class");
        let word = u32::from_str_radix(field(), 16).expect("a word in hexadecimal");
        let depth = field().parse().expect("a depth");
        let class = field().parse().expect("a class");
        let (_, lines) = functions.last_mut().expect("a function");
        lines.push(Line { word, depth, class });
    }
    functions
}

fn verdict(lines: &[Line]) -> Verdict {
    report(lines).verdict()
}

fn report(lines: &[Line]) -> Report {
    let words: Vec<_> = lines.iter().map(|line| Word::new(line.word)).collect();
    let mut rows = RowTable::new();
    for line in lines {
        let unsafe_point = UnsafePoint::from_pcdata(line.class).expect("a class of Go's");
        rows.push(Row { depth: Depth(line.depth), unsafe_point }, 1);
    }
    let mut report = Report::new();
    Checker::new().check(
        &Function {
            entry: Pc(0x1_0000),
            words: &words,
            rows: &rows,
            flags: FuncFlags(0),
            recovery: None,
            pointer: &|_| None,
        },
        &mut report,
    );
    report
}

/// A kind of mutation. Immediates and branches change by one unit, branches also
/// to every other instruction, depths by 16.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    Drop,
    Duplicate,
    Swap,
    Immediate,
    Retarget,
    Depth,
    Class,
}

const KINDS: [Kind; 7] = [
    Kind::Drop,
    Kind::Duplicate,
    Kind::Swap,
    Kind::Immediate,
    Kind::Retarget,
    Kind::Depth,
    Kind::Class,
];

/// The immediate fields of a word, high and low bit (Arm ARM, C4.1), and whether
/// they are the target of a branch.
fn fields(word: u32) -> (&'static [(u32, u32)], Kind) {
    match word {
        _ if word & 0x7c00_0000 == 0x1400_0000 => (&[(25, 0)], Kind::Retarget),
        _ if word & 0xff00_0000 == 0x5400_0000 => (&[(23, 5)], Kind::Retarget),
        _ if word & 0x7e00_0000 == 0x3400_0000 => (&[(23, 5)], Kind::Retarget),
        _ if word & 0x1f80_0000 == 0x1100_0000 => (&[(21, 10), (22, 22)], Kind::Immediate),
        _ if word & 0x1fe0_0000 == 0x0b20_0000 => (&[(12, 10)], Kind::Immediate),
        _ if word & 0x1f80_0000 == 0x1200_0000 => (&[(21, 16), (15, 10)], Kind::Immediate),
        _ if word & 0x1f80_0000 == 0x1280_0000 => (&[(20, 5), (22, 21)], Kind::Immediate),
        _ if word & 0x3f00_0000 == 0x3900_0000 => (&[(21, 10)], Kind::Immediate),
        _ if word & 0x3f20_0000 == 0x3800_0000 => (&[(20, 12)], Kind::Immediate),
        _ if word & 0x3e00_0000 == 0x2800_0000 => (&[(21, 15)], Kind::Immediate),
        _ => (&[], Kind::Immediate),
    }
}

/// The word with a field one unit up or down.
fn stepped(word: u32, (high, low): (u32, u32), up: bool) -> u32 {
    let mask = (u32::MAX >> (31 - (high - low))) << low;
    let step = 1 << low;
    let value = if up { word.wrapping_add(step) } else { word.wrapping_sub(step) };
    word & !mask | value & mask
}

/// The branch at `at` with another target.
fn aimed(word: u32, (high, low): (u32, u32), at: usize, target: usize) -> u32 {
    let mask = (u32::MAX >> (31 - (high - low))) << low;
    let distance = (target as u32).wrapping_sub(at as u32);
    word & !mask | distance << low & mask
}

/// Every function that differs from this one in one place.
fn mutants(lines: &[Line]) -> Vec<(Kind, usize, Vec<Line>)> {
    let mut mutants = Vec::new();
    for (at, &line) in lines.iter().enumerate() {
        let with = |kind, change: &dyn Fn(&mut Vec<Line>)| {
            let mut mutant = lines.to_vec();
            change(&mut mutant);
            (kind, at, mutant)
        };
        mutants.push(with(Kind::Drop, &|mutant| {
            mutant.remove(at);
        }));
        mutants.push(with(Kind::Duplicate, &|mutant| mutant.insert(at, line)));
        if at + 1 < lines.len() {
            mutants.push(with(Kind::Swap, &|mutant| {
                (mutant[at].word, mutant[at + 1].word) = (lines[at + 1].word, line.word);
            }));
        }
        let (fields, kind) = fields(line.word);
        for &field in fields {
            for up in [false, true] {
                mutants.push(with(kind, &|mutant| mutant[at].word = stepped(line.word, field, up)));
            }
        }
        if let ([field], Kind::Retarget) = (fields, kind) {
            let far = (0..lines.len()).map(|target| aimed(line.word, *field, at, target));
            mutants.extend(far.map(|word| with(kind, &|mutant| mutant[at].word = word)));
        }
        for by in [-16, 16] {
            mutants.push(with(Kind::Depth, &|mutant| mutant[at].depth += by));
        }
        for class in [-1, -2, -3, -4, -5] {
            mutants.push(with(Kind::Class, &|mutant| mutant[at].class = class));
        }
    }
    mutants.retain(|(_, _, mutant)| mutant != lines);
    mutants
}

/// What became of the mutants of one kind.
#[derive(Default, Debug)]
struct Outcome {
    /// Shown to be wrong by the interpreter, and refuted.
    refuted: u32,
    /// Shown to be wrong by the interpreter, and undecided.
    undecided: u32,
    /// Nothing shown, and proved.
    harmless: u32,
    /// Nothing shown, and not proved.
    doubted: u32,
}

#[test]
fn the_functions_are_correct_but_for_the_leaf_of_golang_73259() {
    let functions = functions();
    assert_eq!(functions.len(), 11);
    for (name, lines) in functions {
        // The pair of ADDs that go1.24.11 still emits for leaves in assembly.
        let (wrong, expected) = match name {
            "leaf65616" => (Some(9), Verdict::Refuted),
            _ => (None, Verdict::Proved),
        };
        assert_eq!((execute(&lines).any(), verdict(&lines)), (wrong, expected), "{name}");
    }
}

#[test]
fn no_mutant_that_the_interpreter_shows_to_be_wrong_is_proved() {
    let mut outcomes = BTreeMap::<Kind, Outcome>::new();
    // The leaf of 65616 bytes is wrong as it is.
    for (name, lines) in functions().into_iter().filter(|(name, _)| *name != "leaf65616") {
        for (kind, at, mutant) in mutants(&lines) {
            let outcome = outcomes.entry(kind).or_default();
            match (execute(&mutant).any(), verdict(&mutant)) {
                (Some(wrong), Verdict::Proved) => {
                    panic!("{name}: {kind:?} at {at} is proved, and wrong at {wrong}: {mutant:x?}")
                }
                (Some(_), Verdict::Refuted) => outcome.refuted += 1,
                (Some(_), Verdict::Undecided) => outcome.undecided += 1,
                (None, Verdict::Proved) => outcome.harmless += 1,
                (None, _) => outcome.doubted += 1,
            }
        }
    }
    let mut all = 0;
    for kind in KINDS {
        let outcome = outcomes.get(&kind).expect("mutants of each kind");
        println!("{kind:?}: {outcome:?}");
        assert!(outcome.refuted > 0, "{kind:?}: {outcome:?}");
        all += outcome.refuted + outcome.undecided + outcome.harmless + outcome.doubted;
    }
    println!("{all} mutants");
    assert!(all > 2000, "{all} mutants");
}

#[test]
fn no_pair_of_mutations_that_is_shown_to_be_wrong_is_proved() {
    // Two changes can make up for each other at one boundary and not at another.
    let (mut wrong, mut harmless) = (0, 0);
    for (name, lines) in functions().into_iter().filter(|(_, lines)| lines.len() <= 8) {
        for (first, _, once) in mutants(&lines) {
            for (second, at, twice) in mutants(&once) {
                if execute(&twice).any().is_none() {
                    harmless += 1;
                    continue;
                }
                wrong += 1;
                let shown = verdict(&twice);
                assert_ne!(
                    shown,
                    Verdict::Proved,
                    "{name}: {first:?}, {second:?} at {at}: {twice:x?}"
                );
            }
        }
    }
    println!("{wrong} wrong, {harmless} harmless");
    assert!(wrong > 10_000 && harmless > 1_000, "{wrong} wrong, {harmless} harmless");
}
