//! What a change does to each rule: the verdicts on a function before and after.

use core::fmt;
use unwind::{Depth, Index, Preemption};
use verifier::{Observer, Observers, Report, Rule, Severity};

/// What became of a function.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    /// A rule is refuted for an observer for whom it was not.
    Broken,
    /// Something is undecided for an observer for whom nothing was.
    NowUndecided,
    /// What was refuted is, at least in part.
    StillRefuted,
    /// Something was refuted for an observer that the release does not have any more, and
    /// nothing is refuted for the others.
    NotObserved,
    /// Something was refuted, and everything is proved now.
    Mended,
    /// Something was undecided, and still is.
    StillUndecided,
    /// Something was undecided, and everything is proved now.
    NowProved,
    /// The frame code is another one; everything was proved and is.
    Kept,
    /// The frame code is the same; everything was proved and is.
    Unchanged,
}

impl Class {
    /// All of them, the gravest first.
    pub const ALL: [Self; 9] = [
        Self::Broken,
        Self::NowUndecided,
        Self::StillRefuted,
        Self::NotObserved,
        Self::Mended,
        Self::StillUndecided,
        Self::NowProved,
        Self::Kept,
        Self::Unchanged,
    ];

    /// The name in JSON.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::NowUndecided => "now-undecided",
            Self::StillRefuted => "still-refuted",
            Self::NotObserved => "not-observed",
            Self::Mended => "mended",
            Self::StillUndecided => "still-undecided",
            Self::NowProved => "now-proved",
            Self::Kept => "changed-property-kept",
            Self::Unchanged => "unchanged",
        }
    }

    /// The name for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::NowUndecided => "now undecided",
            Self::StillRefuted => "still refuted",
            Self::NotObserved => "not observed any more",
            Self::Mended => "mended",
            Self::StillUndecided => "still undecided",
            Self::NowProved => "now proved",
            Self::Kept => "changed, property kept",
            Self::Unchanged => "unchanged",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.words())
    }
}

/// What the verifier says of a function. Made to be reused.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Judged {
    /// Who sees each rule broken, in the order of [`Rule::ALL`].
    refuted: [Observers; Rule::ALL.len()],
    /// To whom nothing is proved.
    undecided: Observers,
    /// The observers that the release does not have.
    unobserving: Observers,
    /// Where rules are broken.
    pub spots: Vec<Spot>,
    /// Why something is undecided, each reason once.
    pub reasons: Vec<String>,
}

/// A boundary at which a rule is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spot {
    /// The rule.
    pub rule: Rule,
    /// Who sees it.
    pub observers: Observers,
    /// What can happen at worst to any of them.
    pub severity: Severity,
    /// The boundary.
    pub at: Index,
    /// The depth that is declared.
    pub declared: Depth,
    /// The depth that SP has.
    pub actual: Depth,
}

impl Judged {
    /// Forgets everything, for a function of a release that does not have these observers.
    pub fn begin(&mut self, unobserving: Observers) {
        self.unobserving = unobserving;
        self.refuted = Default::default();
        self.undecided = Observers::NONE;
        self.spots.clear();
        self.reasons.clear();
    }

    /// A broken rule.
    pub(super) fn spot(&mut self, spot: Spot) {
        let seen = Rule::ALL.iter().zip(&mut self.refuted);
        for (_, observers) in seen.filter(|(rule, _)| **rule == spot.rule) {
            *observers = observers.union(spot.observers);
        }
        self.spots.push(spot);
    }

    /// Something undecided, to those who look.
    pub(super) fn reason(&mut self, reason: String, observers: Observers) {
        self.undecided = self.undecided.union(observers);
        if observers != Observers::NONE && !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    /// Takes over what a check of a lowered function found, which can be preempted.
    pub(super) fn report(&mut self, report: &Report) {
        for violation in &report.violations {
            let observers = violation.observers(Preemption::Async).difference(self.unobserving);
            if let Some(severity) = violation.worst(observers) {
                let (rule, at) = (violation.rule, violation.at);
                let (declared, actual) = (violation.declared, violation.actual);
                self.spot(Spot { rule, observers, severity, at, declared, actual });
            }
        }
        for undecided in &report.undecided {
            self.reason(
                undecided.reason.to_string(),
                undecided.reason.observers().difference(self.unobserving),
            );
        }
    }

    /// Whether a rule is refuted for an observer.
    #[must_use]
    pub fn is_refuted(&self, rule: Rule, observer: Observer) -> bool {
        let mut all = Rule::ALL.iter().zip(&self.refuted);
        all.any(|(&each, observers)| each == rule && observers.contains(observer))
    }

    /// The refuted rules, each with an observer.
    pub fn refuted(&self) -> impl Iterator<Item = (Rule, Observer)> {
        let all = Rule::ALL.into_iter().flat_map(|rule| Observer::ALL.map(|who| (rule, who)));
        all.filter(|&(rule, observer)| self.is_refuted(rule, observer))
    }

    /// Those to whom something is undecided and nothing refuted.
    fn doubtful(&self) -> impl Iterator<Item = Observer> {
        let refuted = |who: Observer| self.refuted.iter().any(|seen| seen.contains(who));
        let doubts = move |who: &Observer| self.undecided.contains(*who) && !refuted(*who);
        Observer::ALL.into_iter().filter(doubts)
    }

    fn is_proved(&self) -> bool {
        self.undecided == Observers::NONE && self.spots.is_empty()
    }
}

/// What became of a rule for an observer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Change {
    /// It is refuted, and was not.
    Broken,
    /// It was refuted, and is.
    Still,
    /// It was refuted, and the release does not have such an observer any more.
    NotObserved,
    /// It was refuted, and is not.
    Mended,
}

impl Change {
    /// All of them, the gravest first.
    pub const ALL: [Self; 4] = [Self::Broken, Self::Still, Self::NotObserved, Self::Mended];

    /// The name in JSON.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Still => "still-refuted",
            Self::NotObserved => "not-observed",
            Self::Mended => "mended",
        }
    }

    /// The name for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Still => "still refuted",
            Self::NotObserved => "not observed any more",
            Self::Mended => "mended",
        }
    }
}

/// What became of the rules: each that was or is refuted, by observer, and those to
/// whom something is undecided now.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Changes {
    /// By rule and observer.
    pub rules: Vec<(Rule, Observer, Change)>,
    /// To whom something is undecided that was decided.
    pub undecided: Vec<Observer>,
}

/// What became of a function with these verdicts, whose frame code is the same or not.
#[must_use]
pub fn classify(old: &Judged, new: &Judged, is_same: bool) -> (Class, Changes) {
    let mut changes = Changes::default();
    if old.is_proved() && new.is_proved() {
        return (if is_same { Class::Unchanged } else { Class::Kept }, changes);
    }
    for rule in Rule::ALL {
        for observer in Observer::ALL {
            let change = match (old.is_refuted(rule, observer), new.is_refuted(rule, observer)) {
                (false, false) => continue,
                (false, true) => Change::Broken,
                (true, true) => Change::Still,
                (true, false) if new.unobserving.contains(observer) => Change::NotObserved,
                (true, false) => Change::Mended,
            };
            changes.rules.push((rule, observer, change));
        }
    }
    changes.undecided = new.doubtful().filter(|&who| !old.undecided.contains(who)).collect();
    let has = |wanted| changes.rules.iter().any(|&(.., change)| change == wanted);
    let class = if has(Change::Broken) {
        Class::Broken
    } else if !changes.undecided.is_empty() {
        Class::NowUndecided
    } else if has(Change::Still) {
        Class::StillRefuted
    } else if new.doubtful().next().is_some() {
        Class::StillUndecided
    } else if has(Change::NotObserved) {
        Class::NotObserved
    } else if has(Change::Mended) {
        Class::Mended
    } else {
        Class::NowProved
    };
    (class, changes)
}
