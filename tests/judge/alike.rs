//! The fast path beside the analysis: it proves nothing that the analysis does not, and what
//! both of them say of a function is the same in every detail.

use crate::functions::recorded;
use crate::mutants::mutants;
use crate::policies::{frames, lowered, thresholds};
use crate::random::{Random, function};
use crate::subject::Subject;
use lowering::Policy;
use std::collections::BTreeSet;
use verifier::Checker;

/// How many random functions.
const FUNCTIONS: u32 = if cfg!(debug_assertions) { 20_000 } else { 200_000 };

/// What became of functions that were checked in both ways.
#[derive(Default)]
struct Both {
    checker: Checker,
    functions: u32,
    /// How many of them have nothing found in them.
    clean: u32,
}

impl Both {
    fn check(&mut self, subject: &Subject) {
        let report = subject.report(&mut self.checker);
        let analysed = subject.analysed(&mut self.checker);
        assert_eq!(report, analysed, "in a fast way, analysed:\n{}", subject.listing());
        self.functions += 1;
        let is_clean = report.violations.is_empty() && report.undecided.is_empty();
        self.clean += u32::from(is_clean);
    }

    /// Enough of each, or the test shows little.
    fn assert_more_than(&self, clean: u32, others: u32) {
        let Self { functions, clean: seen, .. } = self;
        println!("{functions} functions, nothing found in {seen}");
        assert!(*seen > clean && functions - seen > others);
    }
}

#[test]
fn functions_of_every_policy_are_reported_alike() {
    let mut both = Both::default();
    for frame in thresholds().into_iter().flat_map(frames) {
        let subjects: BTreeSet<_> =
            Policy::BUILT_IN.iter().map(|policy| lowered(&frame, policy)).collect();
        subjects.iter().for_each(|subject| both.check(subject));
    }
    both.assert_more_than(1_000, 1_000);
}

#[test]
fn mutants_are_reported_alike() {
    let mut both = Both::default();
    let mut functions: BTreeSet<_> = recorded().into_iter().map(|(_, function)| function).collect();
    let thresholds = thresholds().into_iter().step_by(5).flat_map(frames);
    for (frame, policy) in thresholds.zip(Policy::BUILT_IN.iter().cycle()) {
        functions.insert(lowered(&frame, policy));
    }
    for function in functions {
        mutants(&function).iter().for_each(|mutant| both.check(&mutant.subject));
    }
    both.assert_more_than(10_000, 10_000);
}

#[test]
fn random_functions_are_reported_alike() {
    let (mut both, mut random) = (Both::default(), Random::new(18));
    for _ in 0..FUNCTIONS {
        both.check(&function(&mut random));
    }
    both.assert_more_than(FUNCTIONS / 100, FUNCTIONS / 10);
}
