//! Assembly at random: functions that are right by construction, and the same with one or two
//! instructions changed. All of them are executed on all their paths.
//!
//! Right means: whoever calls the function gets back what it had. Frames are made by hand, in
//! the ways of assembly, so that a profiler may find a boundary where the word at SP is not
//! the return address; whether it does the judge says.

mod frame;
mod generator;

use crate::judge::judge;
use crate::mutants::mutated;
use crate::random::Random;
use crate::subject::{Rule, Subject};
use crate::tally::{Tally, Trial};
use generator::Generator;
use verifier::{Checker, Observer, Verdict};

/// How many functions: those of the variable's value, or enough for each run of the tests.
const COUNT: &str = "MIDFRAME_JUDGE_FUNCTIONS";

fn count() -> u32 {
    let default = if cfg!(debug_assertions) { 20_000 } else { 200_000 };
    std::env::var(COUNT).ok().and_then(|count| count.parse().ok()).unwrap_or(default)
}

/// How many mutants there are of each right function.
const MUTANTS: u32 = 4;

/// The observers for whom the functions are right by construction.
const CALLERS: [Observer; 2] = [Observer::Everybody, Observer::FramePointer];

/// What became of the right functions.
#[derive(Default)]
struct Right {
    functions: u32,
    proved: [u32; CALLERS.len()],
    instructions: usize,
    objections: Vec<String>,
}

impl Right {
    fn check(&mut self, subject: &Subject, trial: &Trial) {
        self.functions += 1;
        self.instructions += subject.lines.len();
        for (observer, proved) in CALLERS.into_iter().zip(&mut self.proved) {
            let verdict = trial.report.verdict_for(observer);
            *proved += u32::from(verdict == Verdict::Proved);
            let is_misled = trial.judged.misleads(observer) || !trial.judged.is_complete();
            if is_misled || verdict == Verdict::Refuted {
                let Trial { judged, report, .. } = trial;
                let listing = subject.listing();
                self.objections
                    .push(format!("right for {observer}: {judged:?}\n{listing}{report:?}\n"));
            }
        }
    }

    fn print(&self) {
        let Self { functions, proved, instructions, .. } = self;
        println!("{functions} right functions of {instructions} instructions");
        for (observer, proved) in CALLERS.into_iter().zip(proved) {
            println!(
                "  {:<17} proved in {proved:>7}, undecided in {:>5}",
                observer.id(),
                functions - proved
            );
        }
    }
}

#[test]
fn no_assembly_that_breaks_is_proved_and_none_that_is_right_is_refuted() {
    let (mut random, mut checker) = (Random::new(0x18), Checker::new());
    let (mut right, mut all, mut objections) = (Right::default(), Tally::default(), Vec::new());
    let (mut broken, mut astray, mut cut_off) = ([0_u32; Observer::ALL.len()], 0_u32, 0_u32);
    let count = count();
    while right.functions + all.functions() < count {
        let subject = Generator::new(&mut random).function();
        let trial = Trial::of(&subject, &mut checker);
        right.check(&subject, &trial);
        objections.extend(trial.objection().map(|objection| {
            format!("right: {objection}\n{}{:?}\n", subject.listing(), trial.report)
        }));
        for _ in 0..MUTANTS {
            let mutant = mutated(&subject, &mut random);
            let trial = Trial::of(&mutant, &mut checker);
            all.count(&trial);
            for (observer, broken) in Observer::ALL.into_iter().zip(&mut broken) {
                *broken += u32::from(trial.judged.misleads(observer));
            }
            // A loop that counts in what it tests has no end of paths.
            let is_cut_off = trial.judged.cut_off && trial.judged.findings.is_empty();
            match trial.objection() {
                Some(_) if is_cut_off => cut_off += 1,
                Some(_) if trial.judged.is_astray => astray += 1,
                Some(objection) => objections.push(format!(
                    "{objection}\n{}{:?}\n",
                    mutant.listing(),
                    trial.report
                )),
                None => {}
            }
        }
    }
    right.print();
    println!("mutants, {astray} against an assumption, {cut_off} proved and cut off");
    println!("{:<10} {}", "", Tally::HEADER);
    println!("{:<10} {all}", "all");
    all.print_rules();
    for (observer, broken) in Observer::ALL.into_iter().zip(broken) {
        println!("  {:<17} broken in {broken:>7}", observer.id());
    }
    crate::mutation::assert_none(&right.objections);
    crate::mutation::assert_none(&objections);
    assert!(astray <= count / 10_000 + 2 && cut_off <= count / 10_000 + 2, "{astray}, {cut_off}");
    // Nobody preempts assembly.
    all.assert_refuted("assembly", [0.0005, 1.0, 0.001, 0.0005]);
    for (observer, broken) in Observer::ALL.into_iter().zip(broken) {
        let enough = broken > count / 50 || observer == Observer::AsyncPreemption;
        assert!(enough, "{}: {broken}", observer.id());
    }
    let proved = right.proved.iter().all(|&proved| proved > right.functions / 10 * 9);
    assert!(proved && right.functions > count / 6, "{:?}", right.proved);
    assert!(all.refuted > count / 5 && all.proved > count / 20, "{all:?}");
    assert!(Rule::ALL.into_iter().zip(all.rules).all(|(rule, (seen, _))| {
        let is_checked = !matches!(rule, Rule::BelowSp | Rule::Restart | Rule::SpAlign);
        seen > count / 50 || !is_checked
    }));
}

/// What a function is that the generator makes is known without the verifier.
#[test]
fn functions_are_right_by_construction() {
    let mut random = Random::new(2);
    for _ in 0..1000 {
        let subject = Generator::new(&mut random).function();
        let judged = judge(&subject);
        let is_right = CALLERS.iter().all(|&observer| !judged.misleads(observer));
        assert!(is_right && judged.is_complete(), "{judged:?}\n{}", subject.listing());
        assert!(judged.findings.iter().all(|found| found.rule != Rule::SpRow), "{judged:?}");
    }
}
