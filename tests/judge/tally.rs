//! Judge and verifier side by side, and the counts of what became of functions.

use crate::judge::{Judgement, judge};
use crate::subject::{Rule, Subject, findings};
use core::fmt;
use verifier::{Checker, Observer, Report, Verdict, Violation};

/// What became of functions.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Tally {
    /// Wrong in the judge's eyes, and refuted.
    pub(crate) refuted: u32,
    /// Wrong in the judge's eyes, and undecided.
    pub(crate) undecided: u32,
    /// Executed on all paths with nothing found, and proved: the trace agrees with
    /// the rows.
    pub(crate) proved: u32,
    /// Nothing found, and undecided.
    pub(crate) doubted: u32,
    /// Nothing found, and refuted: what the verifier sees does not show, such as a
    /// register that is lost and was never set.
    pub(crate) accused: u32,
    /// Not executed on all paths, and not proved.
    pub(crate) unjudged: u32,
    /// In how many the judge sees each rule broken, in the order of [`Rule::ALL`], and
    /// in how many of these the verifier reports it.
    pub(crate) rules: [(u32, u32); Rule::ALL.len()],
    /// For how many the verifier refutes each observer's, in the order of [`Observer::ALL`],
    /// and in how many of these the judge sees nothing wrong for that observer.
    pub(crate) observers: [(u32, u32); Observer::ALL.len()],
}

/// A function before both.
pub(crate) struct Trial {
    /// What the judge saw.
    pub(crate) judged: Judgement,
    /// What the verifier found.
    pub(crate) report: Report,
    /// What its analysis found without the fast path.
    analysed: Report,
}

impl Trial {
    /// Runs both.
    pub(crate) fn of(subject: &Subject, checker: &mut Checker) -> Self {
        let (report, analysed) = (subject.report(checker), subject.analysed(checker));
        Self { judged: judge(subject), report, analysed }
    }

    /// Why the verifier's word cannot be trusted here: it proves what the judge saw to
    /// be wrong, or could not see to the end.
    pub(crate) fn objection(&self) -> Option<String> {
        let Self { judged, report, analysed } = self;
        if report != analysed {
            return Some(format!("the analysis alone says {analysed:?}"));
        }
        for observer in Observer::ALL {
            if judged.misleads(observer) && report.verdict_for(observer) == Verdict::Proved {
                return Some(format!("proved for {observer}, and wrong: {:?}", judged.findings));
            }
        }
        if let Some(at) = self.hangs_in_vain().filter(|_| judged.is_complete()) {
            return Some(format!("said to hang at {at}, and does not: {judged:?}"));
        }
        let proved = report.verdict() == Verdict::Proved;
        (proved && !judged.is_complete()).then(|| format!("proved, and not judged: {judged:?}"))
    }
}

impl Trial {
    /// For whom the verifier refutes the function though the judge, who executed all of it,
    /// sees nothing wrong.
    pub(crate) fn accused(&self) -> impl Iterator<Item = Observer> {
        let Self { judged, report, .. } = self;
        let is_seen =
            move |observer| judged.misleads(observer) || judged.behind.contains(&observer);
        let is_refuted = move |observer| report.verdict_for(observer) == Verdict::Refuted;
        let is_accused = move |&observer: &Observer| is_refuted(observer) && !is_seen(observer);
        Observer::ALL.into_iter().filter(is_accused).filter(move |_| judged.is_complete())
    }

    /// A place where the verifier says that execution hangs, and it does not.
    fn hangs_in_vain(&self) -> Option<usize> {
        let hang = |found: &&Violation| {
            found.observers.contains(Observer::Everybody) && found.returns_to_itself
        };
        let places = self.report.violations.iter().filter(hang).map(|found| found.at.0 as usize);
        places.into_iter().find(|at| !self.judged.hangs.contains(at))
    }
}

impl Tally {
    /// Counts a function.
    pub(crate) fn count(&mut self, trial: &Trial) {
        let Trial { judged, report, .. } = trial;
        for (observer, accused) in Observer::ALL.into_iter().zip(&mut self.observers) {
            accused.0 += u32::from(report.verdict_for(observer) == Verdict::Refuted);
            accused.1 += u32::from(trial.accused().any(|other| other == observer));
        }
        let reported = findings(report);
        for (rule, (seen, shared)) in Rule::ALL.into_iter().zip(&mut self.rules) {
            if judged.findings.iter().any(|finding| finding.rule == rule) {
                *seen += 1;
                *shared += u32::from(reported.iter().any(|finding| finding.rule == rule));
            }
        }
        let wrong = !judged.findings.is_empty();
        *match report.verdict() {
            Verdict::Proved | Verdict::NotObserved => &mut self.proved,
            Verdict::Refuted if wrong => &mut self.refuted,
            Verdict::Undecided if wrong => &mut self.undecided,
            _ if !judged.is_complete() => &mut self.unjudged,
            Verdict::Undecided => &mut self.doubted,
            Verdict::Refuted => &mut self.accused,
        } += 1;
    }

    /// Asserts that what the verifier refutes for an observer is what the judge sees, but for
    /// so small a part of these functions.
    pub(crate) fn assert_refuted(&self, what: &str, parts: [f64; Observer::ALL.len()]) {
        let observers = Observer::ALL.into_iter().zip(self.observers).zip(parts);
        for ((observer, (refuted, vain)), part) in observers {
            let is_few = f64::from(vain) <= part * f64::from(refuted);
            assert!(is_few, "{what}: {vain} of {refuted} are refuted in vain for {observer}");
        }
    }

    /// How many functions were counted.
    pub(crate) fn functions(&self) -> u32 {
        let wrong = self.refuted + self.undecided;
        wrong + self.proved + self.doubted + self.accused + self.unjudged
    }

    /// How many of them were executed on all paths.
    pub(crate) fn judged(&self) -> u32 {
        self.functions() - self.unjudged
    }

    /// Those of both.
    pub(crate) fn add(&mut self, other: &Self) {
        self.refuted += other.refuted;
        self.undecided += other.undecided;
        self.proved += other.proved;
        self.doubted += other.doubted;
        self.accused += other.accused;
        self.unjudged += other.unjudged;
        for (mine, theirs) in self.rules.iter_mut().zip(other.rules) {
            *mine = (mine.0 + theirs.0, mine.1 + theirs.1);
        }
        for (mine, theirs) in self.observers.iter_mut().zip(other.observers) {
            *mine = (mine.0 + theirs.0, mine.1 + theirs.1);
        }
    }

    /// The names of the columns that a tally prints.
    pub(crate) const HEADER: &str =
        "  total  wrong: refuted undecided  not: proved undecided refuted  unjudged";

    /// For each rule in how many functions the judge sees it broken, and the verifier.
    pub(crate) fn print_rules(&self) {
        for (rule, (seen, shared)) in Rule::ALL.into_iter().zip(self.rules) {
            println!("  {:<14} seen in {seen:>7}, reported in {shared:>7} of these", rule.id());
        }
        for (observer, (refuted, vain)) in Observer::ALL.into_iter().zip(self.observers) {
            println!(
                "  {:<17} refuted in {refuted:>7}, unseen in {vain:>5} of these",
                observer.id()
            );
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { refuted, undecided, proved, doubted, accused, unjudged, .. } = self;
        let all = self.functions();
        write!(
            f,
            "{all:>7} {refuted:>15} {undecided:>9} {proved:>12} {doubted:>9} {accused:>7} {unjudged:>9}"
        )
    }
}
