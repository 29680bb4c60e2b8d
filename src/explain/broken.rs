//! Broken rules, with how grave each is in a release.

use unwind::Index;
use verifier::{Observers, Rule, Severity, Violation};

/// A boundary of the function that the story is not about, at which rules are broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// The boundary.
    pub at: Index,
    /// The rules.
    pub rules: Vec<Rule>,
    /// What can happen at worst; none if nobody looks.
    pub severity: Option<Severity>,
}

/// A rule that is broken at a boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The rule.
    pub rule: Rule,
    /// Who would see it, in a release that has such observers.
    pub observers: Observers,
    /// What can happen at worst; none if the release has none of them.
    pub severity: Option<Severity>,
    /// Whether the return address in force is the boundary itself.
    pub returns_to_itself: bool,
}

impl Broken {
    /// A violation for those who see it, in a release that has no `unobserving`.
    pub(crate) fn new(
        violation: &Violation,
        observers: Observers,
        unobserving: Observers,
    ) -> Option<Self> {
        (observers != Observers::NONE).then(|| Self {
            rule: violation.rule,
            observers,
            severity: violation.worst(observers.difference(unobserving)),
            returns_to_itself: violation.returns_to_itself,
        })
    }
}

/// What can happen at worst where several rules are broken.
#[must_use]
pub fn worst(broken: &[Broken]) -> Option<Severity> {
    broken.iter().filter_map(|broken| broken.severity).max()
}
