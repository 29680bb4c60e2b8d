//! Mutants of correct functions: what the judge shows to be wrong is not proved, and
//! what is proved was executed on all paths and agrees with its rows.

use crate::functions::recorded;
use crate::mutants::{Mutation, mutants};
use crate::policies::lowered;
use crate::subject::{Rule, Subject};
use crate::tally::{Tally, Trial};
use lowering::{Frame, FrameSize, Kind, Os, Policy, StackCheck};
use std::collections::{BTreeMap, BTreeSet};
use verifier::{Checker, Observer, Verdict};

/// Frame sizes, one for each shape of prologue and epilogue, and then some.
const SIZES: [u64; 13] =
    [0, 16, 32, 240, 256, 4080, 4096, 4112, 65552, 65616, 1 << 24, (1 << 24) + 80, 1 << 30];

/// What all policies make of frames of these sizes, each function once.
fn lowered_functions(check: StackCheck, systems: &[Os]) -> BTreeSet<Subject> {
    let mut functions = BTreeSet::new();
    for policy in &Policy::BUILT_IN {
        for &os in systems {
            for size in SIZES {
                let size = FrameSize::new(size).expect("a frame size");
                for kind in [Kind::Leaf, Kind::NonLeaf] {
                    functions.insert(lowered(&Frame { size, kind, check, os }, policy));
                }
            }
        }
    }
    functions
}

/// Those of the functions in which nothing is wrong.
fn correct(functions: BTreeSet<Subject>) -> Vec<Subject> {
    let mut checker = Checker::new();
    let proved = |function: &Subject| {
        let trial = Trial::of(function, &mut checker);
        trial.report.verdict() == Verdict::Proved && trial.judged.findings.is_empty()
    };
    functions.into_iter().filter(proved).collect()
}

/// Tries every mutant of these functions.
fn run(functions: &[Subject]) -> (BTreeMap<Mutation, Tally>, Vec<String>) {
    let (mut tallies, mut objections) = (BTreeMap::<_, Tally>::new(), Vec::new());
    let mut checker = Checker::new();
    for function in functions {
        for mutant in mutants(function) {
            let trial = Trial::of(&mutant.subject, &mut checker);
            tallies.entry(mutant.mutation).or_default().count(&trial);
            objections.extend(trial.objection().map(|objection| {
                let (mutation, at) = (mutant.mutation, mutant.at);
                let listing = mutant.subject.listing();
                format!("{mutation:?} at {at}: {objection}\n{listing}{:?}\n", trial.report)
            }));
        }
    }
    (tallies, objections)
}

/// How many mutants of a kind are judged at least, and what part of them may be refuted
/// at most though nothing is seen: of those of the class a sequence that stores its pair
/// twice, or again when it is restarted.
fn bounds(mutation: Mutation) -> (u32, f64) {
    match mutation {
        Mutation::Drop | Mutation::Duplicate | Mutation::Swap => (1_000, 0.0),
        Mutation::Immediate | Mutation::Depth => (2_000, 0.0),
        Mutation::Retarget => (3_500, 0.0),
        Mutation::Class => (4_500, 0.02),
        Mutation::Split => (200, 0.0),
        Mutation::Vector => (500, 0.0),
        Mutation::Atomic => (3_000, 0.0),
        Mutation::Register => (5_000, 0.0),
    }
}

/// What part of the functions may be undecided at most though nothing is seen: of
/// mutants, and of pairs of mutations.
const MAX_DOUBTED: f64 = 0.06;

/// What part of the functions that are refuted for each observer may be those in which the judge
/// sees nothing: where it is preempted, words below SP that are loaded and were never stored, and
/// sequences that come to the same when they run again.
const MAX_UNSEEN: [f64; Observer::ALL.len()] = [0.0, 0.02, 0.0, 0.0];

/// Holds a tally against a floor of judged functions and ceilings of those in which
/// nothing is seen and which are not proved.
pub(crate) fn assert_within(what: &str, tally: &Tally, floor: u32, accused: f64, doubted: f64) {
    let part = |count: u32| f64::from(count) / f64::from(tally.judged());
    assert!(tally.judged() >= floor, "{what}: fewer than {floor} are judged: {tally:?}");
    assert!(part(tally.accused) <= accused, "{what}: too many right ones are refuted: {tally:?}");
    assert!(part(tally.doubted) <= doubted, "{what}: too many are undecided: {tally:?}");
}

pub(crate) fn assert_none(objections: &[String]) {
    let shown: String = objections.iter().take(8).map(String::as_str).collect();
    assert!(objections.is_empty(), "{} objections, such as\n{shown}", objections.len());
}

#[test]
fn no_mutant_that_the_judge_sees_to_be_wrong_is_proved() {
    let checks = [StackCheck::WhereNeeded, StackCheck::NoSplit];
    let lowered = checks.map(|check| lowered_functions(check, &[Os::Linux]));
    let lowered = correct(lowered.into_iter().flatten().collect());
    assert!(lowered.len() > 80, "{} correct functions", lowered.len());
    let mut functions: Vec<_> = recorded().into_iter().map(|(_, function)| function).collect();
    functions.extend(lowered);
    let (tallies, objections) = run(&functions);
    let mut all = Tally::default();
    println!("{} functions\n{:<10} {}", functions.len(), "mutation", Tally::HEADER);
    for mutation in Mutation::ALL {
        let tally = tallies.get(&mutation).expect("mutants of each kind");
        println!("{:<10} {tally}", format!("{mutation:?}"));
        all.add(tally);
    }
    println!("{:<10} {all}", "all");
    all.print_rules();
    assert_none(&objections);
    for (mutation, tally) in &tallies {
        let (floor, accused) = bounds(*mutation);
        assert!(tally.refuted > 100, "{mutation:?}: {tally:?}");
        assert_within(&format!("{mutation:?}"), tally, floor, accused, 2.0 * MAX_DOUBTED);
    }
    assert!(all.proved > 8_000, "{all:?}");
    all.assert_refuted("all", MAX_UNSEEN);
    assert_within("all", &all, 22_000, 0.005, MAX_DOUBTED);
    for (rule, (seen, _)) in Rule::ALL.into_iter().zip(all.rules) {
        assert!(seen > 100, "{}: {seen}", rule.id());
    }
}

/// Signals that run on the same stack are a trial of their own.
#[test]
fn no_mutant_on_ios_that_the_judge_sees_to_be_wrong_is_proved() {
    // Few are correct there.
    let functions: Vec<_> =
        lowered_functions(StackCheck::NoSplit, &[Os::Ios]).into_iter().collect();
    let (tallies, objections) = run(&functions);
    let mut all = Tally::default();
    tallies.values().for_each(|tally| all.add(tally));
    println!("{} functions on ios\n{:<10} {}", functions.len(), "", Tally::HEADER);
    println!("{:<10} {all}", "all");
    all.print_rules();
    assert_none(&objections);
    assert!(functions.len() > 40 && all.refuted > 10_000 && all.proved > 300, "{all:?}");
    all.assert_refuted("ios", MAX_UNSEEN);
    assert_within("ios", &all, 12_000, 0.0, MAX_DOUBTED);
    for mutation in Mutation::ALL {
        assert!(tallies[&mutation].judged() > 150, "{mutation:?}: {tallies:?}");
    }
}

#[test]
fn no_pair_of_mutations_that_is_seen_to_be_wrong_is_proved() {
    // Two changes can make up for each other at one boundary and not at another.
    let mut functions: BTreeSet<_> = recorded().into_iter().map(|(_, function)| function).collect();
    functions.extend(lowered_functions(StackCheck::NoSplit, &[Os::Linux]));
    functions.retain(|function| function.lines.len() <= 7);
    let functions = correct(functions);
    let (mut all, mut objections) = (Tally::default(), Vec::new());
    let mut checker = Checker::new();
    for function in &functions {
        let mut seen = BTreeSet::new();
        for first in mutants(function) {
            for second in mutants(&first.subject) {
                if !seen.insert(second.subject.clone()) {
                    continue;
                }
                let trial = Trial::of(&second.subject, &mut checker);
                all.count(&trial);
                objections.extend(trial.objection().map(|objection| {
                    let (mutation, listing) = (first.mutation, second.subject.listing());
                    let (other, at) = (second.mutation, second.at);
                    let report = &trial.report;
                    format!("{mutation:?}, {other:?} at {at}: {objection}\n{listing}{report:?}\n")
                }));
            }
        }
    }
    println!("pairs in {} functions\n{:<10} {}", functions.len(), "", Tally::HEADER);
    println!("{:<10} {all}", "all");
    all.print_rules();
    assert_none(&objections);
    assert!(all.refuted > 50_000 && all.proved > 5_000, "{all:?}");
    all.assert_refuted("pairs", MAX_UNSEEN);
    assert_within("pairs", &all, 60_000, 0.0, MAX_DOUBTED);
}
