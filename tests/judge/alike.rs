//! Functions that begin alike, checked together: each report is the one that a check of
//! the function alone makes, in every detail.

use crate::functions::recorded;
use crate::mutants::mutants;
use crate::policies::{frames, lowered, thresholds};
use crate::subject::{Line, Subject};
use lowering::{Frame, FrameSize, Kind, Os, Policy, StackCheck};
use std::collections::BTreeSet;
use verifier::{Checker, Report};

/// What became of functions that were checked together.
#[derive(Default)]
struct Together {
    checker: Checker,
    functions: u32,
    /// How many of them have more than a few instructions in common with the first.
    alike: u32,
    /// How many of those are not proved.
    not_proved: u32,
}

impl Together {
    fn check(&mut self, subjects: &[Subject]) {
        let parts: Vec<_> = subjects.iter().map(Subject::parts).collect();
        let [(words, rows), others @ ..] = parts.as_slice() else { return };
        let mut reports = Vec::new();
        let (mut report, first) = (Report::new(), &subjects[0]);
        let others = others.iter().map(|(words, rows)| (words.as_slice(), rows));
        let told = |report: &Report| reports.push(report.clone());
        self.checker.check_alike(&first.function(words, rows), others, &mut report, told);
        assert_eq!(reports.len(), subjects.len());
        for (subject, together) in subjects.iter().zip(reports) {
            let alone = subject.report(&mut Checker::new());
            assert_eq!(together, alone, "{}\n{}", first.listing(), subject.listing());
            let pairs = first.lines.iter().zip(&subject.lines);
            let is_alike = first.lines.len() == subject.lines.len()
                && subject != first
                && pairs.take_while(|(mine, theirs)| mine == theirs).count() > 12;
            self.functions += 1;
            self.alike += u32::from(is_alike);
            let found = !alone.violations.is_empty() || !alone.undecided.is_empty();
            self.not_proved += u32::from(is_alike && found);
        }
    }

    /// Enough of each, or the test shows little.
    fn assert_more_than(&self, alike: u32, not_proved: u32) {
        let Self { functions, alike: seen, not_proved: found, .. } = self;
        println!("{functions} functions, {seen} alike, {found} of them not proved");
        assert!(*seen > alike && *found > not_proved);
    }
}

#[test]
fn a_frame_under_all_policies_is_reported_as_under_each() {
    let mut together = Together::default();
    for frame in thresholds().into_iter().flat_map(frames) {
        let subjects: BTreeSet<_> =
            Policy::BUILT_IN.iter().map(|policy| lowered(&frame, policy)).collect();
        let mut subjects: Vec<_> = subjects.into_iter().collect();
        for _ in 0..subjects.len() {
            subjects.rotate_left(1);
            together.check(&subjects);
        }
    }
    together.assert_more_than(1_000, 100);
}

#[test]
fn mutants_are_reported_as_each_alone() {
    let mut together = Together::default();
    let mut functions: BTreeSet<_> = recorded().into_iter().map(|(_, function)| function).collect();
    let thresholds = thresholds().into_iter().step_by(11).flat_map(frames);
    for (frame, policy) in thresholds.zip(Policy::BUILT_IN.iter().cycle()) {
        functions.insert(lowered(&frame, policy));
    }
    for function in functions {
        // Those of neighbouring instructions have the most in common, and what is wrong
        // with the first may be in it.
        let mutants: Vec<_> = mutants(&function).into_iter().map(|mutant| mutant.subject).collect();
        mutants.chunks(5).for_each(|mutants| together.check(mutants));
        let [first, rest @ ..] = mutants.as_slice() else { continue };
        let others = rest.iter().rev().step_by(7).cloned();
        together.check(&core::iter::once(first.clone()).chain(others).collect::<Vec<_>>());
        let far = rest.iter().rev().take(60).cloned();
        together.check(&core::iter::once(function.clone()).chain(far).collect::<Vec<_>>());
    }
    together.assert_more_than(1_000, 500);
}

/// A frame that one instruction cannot pop, with a call.
fn large() -> Subject {
    let size = FrameSize::new((1 << 24) + 80).expect("a frame size");
    let (check, os) = (StackCheck::WhereNeeded, Os::Linux);
    lowered(&Frame { size, kind: Kind::NonLeaf, check, os }, &Policy::BUILT_IN[0])
}

/// Holds two functions against each other in both orders.
fn check_both(first: &Subject, second: &Subject) {
    let mut together = Together::default();
    together.check(&[first.clone(), second.clone()]);
    together.check(&[second.clone(), first.clone()]);
    assert_eq!(together.alike, if first.lines.len() == second.lines.len() { 2 } else { 0 });
}

#[test]
fn what_comes_behind_a_call_is_looked_at_in_each() {
    let function = large();
    let call = function.lines.iter().position(|line| line.word == 0x9400_0000).expect("a call");
    let mut stops = function.clone();
    // UDF.
    stops.lines[call + 1].word = 0;
    check_both(&function, &stops);
}

#[test]
fn how_long_a_sequence_is_restartable_is_looked_at_in_each() {
    let mut long = large();
    let last = long.lines.iter().rposition(|line| line.class <= -3).expect("a sequence");
    let nop = Line { word: 0xd503_201f, ..long.lines[last] };
    long.lines.splice(last..last, [nop; 6]);
    // The branches across them.
    for line in &mut long.lines {
        line.word = match line.word {
            0x5400_0000..0x5500_0000 => line.word + (6 << 5),
            0x1400_0000..0x1800_0000 => line.word - 6,
            word => word,
        };
    }
    let mut short = long.clone();
    short.lines[last + 1..]
        .iter_mut()
        .filter(|line| line.class <= -3)
        .for_each(|line| line.class = -1);
    let restarts = |function: &Subject| {
        let report = function.report(&mut Checker::new());
        let restarts = report.violations.iter().filter(|found| found.rule.id() == "restart");
        restarts.map(|found| found.at.0 as usize).min()
    };
    // In the one the sequence is too long, in the other R27 is lost behind it.
    assert!(restarts(&long).is_some_and(|at| at > last) && restarts(&short) != restarts(&long));
    check_both(&short, &long);
}

#[test]
fn whether_a_branch_leaves_the_function_is_looked_at_in_each() {
    let function = large();
    let mut cut = function.clone();
    cut.lines.truncate(function.lines.len() - 3);
    check_both(&function, &cut);
}

const NOP: u32 = 0xd503_201f;

/// A function with these words and depths, preemptible or not.
fn function(lines: &[(u32, i64)], class: i32) -> Subject {
    let line = |&(word, depth): &(u32, i64)| Line { word, depth, class };
    Subject::new(lines.iter().map(line).collect())
}

/// The reports of a group are as those of each, and not all alike.
fn check_group(subjects: &[Subject]) {
    Together::default().check(subjects);
    let verdict = |subject: &Subject| subject.report(&mut Checker::new()).verdict();
    let verdicts: Vec<_> = subjects.iter().map(verdict).collect();
    assert!(verdicts.iter().any(|verdict| *verdict != verdicts[0]), "{verdicts:?}");
}

/// One that shares nothing is checked in between.
#[test]
fn what_is_known_at_a_branch_outlives_the_check_of_another_function() {
    // MOVZ $5, R29; NOPs; CBZ to the last but one; NOP; UDF or BRK; UDF; RET.
    let with = |last: u32| {
        let mut lines = vec![(0xd280_00bd, 0)];
        lines.extend([(NOP, 0); 7]);
        lines.extend([(0xb400_0080, 0), (NOP, 0), (last, 0), (0, 0), (0xd65f_03c0, 0)]);
        let mut function = function(&lines, -2);
        function.lines[12].class = -1;
        function
    };
    // MOVD R30, (RSP); CBZ to the RET.
    let words = [0xf900_03fe, 0xb400_0040, NOP, 0xd65f_03c0];
    let other = function(&words.map(|word| (word, 0)), -1);
    check_group(&[with(0), other, with(0xd420_0000)]);
}

/// `LDR X20` of the literal behind the RET, which is what SP comes back by.
#[test]
fn a_literal_is_looked_for_in_each() {
    let with = |nop: u32, literal: u32| {
        let mut lines = vec![(0x5800_01b4, 0), (0xf81f_0ffe, 0)];
        lines.extend([(NOP, 16); 7]);
        lines.extend([(nop, 16), (0xf940_03fe, 16), (0x8b34_63ff, 16), (0xd65f_03c0, 0)]);
        lines.extend([(literal, 0), (0, 0)]);
        function(&lines, -1)
    };
    check_group(&[with(NOP, 16), with(0xd503_203f, 32)]);
    check_group(&[with(NOP, 32), with(0xd503_203f, 16)]);
}

/// What is stored over the saved LR may be a copy of it, if there is one anywhere.
#[test]
fn a_copy_of_lr_is_looked_for_in_each() {
    let with = |word: u32| {
        let mut lines = vec![(0xf81f_03fe, 0), (0xf81f_03e0, 0)];
        lines.extend([(NOP, 0); 8]);
        lines.extend([(word, 0), (0xd100_43ff, 0), (0x9100_43ff, 16), (0xd65f_03c0, 0)]);
        function(&lines, -1)
    };
    // MOVD R30, R3.
    check_group(&[with(NOP), with(0xaa1e_03e3)]);
    check_group(&[with(0xaa1e_03e3), with(NOP)]);
}
