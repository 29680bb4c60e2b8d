//! Every policy before the judge: what it finds in each function is what the verifier
//! reports, no more and no less.

use crate::judge::judge;
use crate::subject::{Line, Rule, Signals, Subject, findings};
use lowering::{Frame, FrameSize, Kind, Os, Policy, StackCheck, lower, strategies};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use unwind::{Index, Word};
use verifier::{Checker, Observer};

/// A function that a policy lowers.
pub(crate) fn lowered(frame: &Frame, policy: &Policy) -> Subject {
    let lowered = lower(frame, policy);
    let line = |(at, word): (u32, &Word)| {
        let row = lowered.rows().row(Index(at)).expect("a row at each boundary");
        Line { word: word.get(), depth: row.depth.0, class: row.unsafe_point.pcdata() }
    };
    let lines = (0_u32..).zip(lowered.words()).map(line).collect();
    let signals = if frame.os == Os::Ios { Signals::Goroutine } else { Signals::Own };
    Subject { lines, signals, flags: 0 }
}

/// Holds the judge's findings against the verifier's, and returns them.
fn compare(frame: &Frame, policy: &Policy) -> BTreeSet<(Rule, Observer)> {
    let subject = lowered(frame, policy);
    let judged = judge(&subject);
    let report = subject.report(&mut Checker::new());
    let what = || format!("{} {frame:?}\n{}{report:?}", policy.name, subject.listing());
    assert!(judged.is_complete(), "{judged:?}\n{}", what());
    assert_eq!(judged.findings, findings(&report), "judge, verifier: {}", what());
    assert_eq!(report, subject.analysed(&mut Checker::new()), "the analysis alone: {}", what());
    assert!(report.undecided.is_empty(), "{}", what());
    assert_eq!(judged.boundaries, report.boundaries as usize, "{}", what());
    judged.findings.iter().map(|finding| (finding.rule, finding.observer)).collect()
}

/// Frame sizes at and around which a sequence changes: ranges of operands, and the
/// sums of two.
pub(crate) fn thresholds() -> BTreeSet<u32> {
    let bits = (4..=30).map(|bit| 1_i64 << bit);
    let sums = [128, 240, 256, 4096, 65536, 1 << 24]
        .into_iter()
        .flat_map(|low| [128, 4096, 65536, 1 << 20, 1 << 24].map(|high| high + low));
    let edges = bits.chain(sums).flat_map(|edge| (-2..=2).map(move |step| edge + step * 16));
    let sizes = edges.filter_map(|size| FrameSize::new(size.try_into().ok()?).ok());
    sizes.map(FrameSize::bytes).collect()
}

const KINDS: [Kind; 2] = [Kind::Leaf, Kind::NonLeaf];
const CHECKS: [StackCheck; 2] = [StackCheck::WhereNeeded, StackCheck::NoSplit];
const SYSTEMS: [Os; 3] = [Os::Linux, Os::Darwin, Os::Ios];

/// Every frame of a size that differs in anything but its policy.
pub(crate) fn frames(size: u32) -> impl Iterator<Item = Frame> {
    let size = FrameSize::new(u64::from(size)).expect("a frame size");
    let checks = KINDS.into_iter().flat_map(|kind| CHECKS.map(|check| (kind, check)));
    checks.flat_map(move |(kind, check)| SYSTEMS.map(|os| Frame { size, kind, check, os }))
}

#[test]
fn at_every_threshold_the_verifier_finds_what_the_judge_sees() {
    let (mut functions, mut broken) = (0, BTreeMap::<_, u32>::new());
    for policy in &Policy::BUILT_IN {
        for frame in thresholds().into_iter().flat_map(frames) {
            functions += 1;
            for found in compare(&frame, policy) {
                *broken.entry(found).or_default() += 1;
            }
        }
    }
    println!("{functions} functions of {} policies", Policy::BUILT_IN.len());
    for ((rule, observer), functions) in &broken {
        println!("  {:<14} {:<17} {functions:>6}", rule.id(), observer.id());
    }
    assert!(functions > 10_000, "{functions}");
    for (rule, observer) in [
        (Rule::SpRow, Observer::AsyncPreemption),
        (Rule::SpRow, Observer::Profiler),
        (Rule::FramePointer, Observer::FramePointer),
        (Rule::BelowSp, Observer::Profiler),
    ] {
        let functions = broken.get(&(rule, observer)).copied().unwrap_or_default();
        assert!(functions > 1000, "{}: {functions}", rule.id());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn of_any_frame_the_verifier_finds_what_the_judge_sees(
        frame in strategies::frame(),
        policy in strategies::policy(),
    ) {
        compare(&frame, &policy);
    }
}

/// How many instructions of a function are this one, but for the bits of `mask`.
fn count(subject: &Subject, word: u32, mask: u32) -> usize {
    subject.lines.iter().filter(|line| line.word & !mask == word).count()
}

/// What is known of the policies from golang/go#73259, golang/go#63830 and their
/// fixes, held against the judge alone; on linux and darwin.
#[test]
fn the_judge_sees_what_is_known_of_the_policies() {
    // ADD (immediate), and its shift and immediate.
    let (add, any) = (0x9100_0000, 0x007f_fc00);
    let mut seen = BTreeMap::<_, u32>::new();
    for policy in &Policy::BUILT_IN {
        for frame in thresholds().into_iter().flat_map(frames).filter(|frame| frame.os != Os::Ios) {
            let subject = lowered(&frame, policy);
            let (size, is_leaf) = (frame.size.bytes(), frame.kind == Kind::Leaf);
            let mut expected = BTreeSet::new();
            // SP moved by two instructions: ADD of RSP to RSP.
            if count(&subject, add | 31 << 5 | 31, any) > 1 {
                expected.insert(Rule::SpRow);
            }
            // R29 computed by two, ADD of R29 to R29; or behind the pop.
            let late = policy.name == "go1.19" && is_leaf && size > 0;
            if count(&subject, add | 29 << 5 | 29, any) > 0 || late {
                expected.insert(Rule::FramePointer);
            }
            let judged = judge(&subject);
            let rules: BTreeSet<_> = judged.findings.iter().map(|found| found.rule).collect();
            assert_eq!(rules, expected, "{} {frame:?}\n{}", policy.name, subject.listing());
            for rule in rules {
                *seen.entry((policy.name, frame.kind.to_string(), rule)).or_default() += 1;
            }
        }
    }
    // The fix is for the others, not for leaves; `complete` is for all.
    for policy in &Policy::BUILT_IN {
        let broken = |kind: Kind, rule| {
            seen.get(&(policy.name, kind.to_string(), rule)).copied().unwrap_or_default()
        };
        let fixed = matches!(policy.name, "go1.23.12" | "go1.24.6" | "go1.26");
        let complete = policy.name == "complete";
        for rule in [Rule::SpRow, Rule::FramePointer] {
            let others = rule == Rule::SpRow && !fixed && !complete;
            assert_eq!(broken(Kind::NonLeaf, rule) > 0, others, "{} {rule:?}", policy.name);
            assert_eq!(broken(Kind::Leaf, rule) > 0, !complete, "{} {rule:?}", policy.name);
        }
    }
}
