//! Which policy built an image.
//!
//! The compiled functions decide: a policy that predicts all of their prologues
//! and epilogues, named kinds of deviations aside, is a candidate. Candidates
//! that remain predict the same words for all of these functions. What else there
//! is tells them apart, in this order:
//!
//! 1. assembly, since the same assembler lowers its frames: the runtime's
//!    `call65536` has a frame that few compiled functions have. Only pieces that
//!    some candidate predicts and another does not have a say, and the candidate
//!    that predicts most of them stays;
//! 2. wrappers, which check for a panic in all releases before go1.26 and in none
//!    from it on (`obj7.go`).

use super::names;
use super::predict::PolicySet;
use super::survey::{Piece, Survey};
use lowering::Policy;

/// The minor release that dropped the panic check of wrappers.
const NO_PANIC_CHECK: u16 = 26;

/// Who built an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The policy, or all that lower every frame alike, joined by `/`; `None`
    /// where no policy predicts the whole image or several different ones do.
    pub policy: Option<String>,
    /// The policies that predict most of the image and cannot be told apart.
    pub candidates: PolicySet,
    /// The rank of the first candidate.
    pub best: usize,
    /// What told the candidates apart.
    pub evidence: Vec<Evidence>,
}

/// What tells policies apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Evidence {
    /// The prologues and epilogues of compiled functions.
    Compiled,
    /// Those of assembly.
    Assembly,
    /// The panic check of wrappers.
    Wrappers,
}

impl Evidence {
    /// The name in output.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Compiled => "compiled-functions",
            Self::Assembly => "assembly",
            Self::Wrappers => "wrappers",
        }
    }
}

/// Chooses among the policies that a survey was made with.
#[must_use]
pub fn choose(survey: &Survey, policies: &[Policy]) -> Choice {
    let mut evidence = Vec::new();
    let mut narrow = |from: PolicySet, to: PolicySet, by| {
        if to.is_empty() || to == from {
            return from;
        }
        evidence.push(by);
        to
    };
    let all = PolicySet::first(policies.len());
    let fewest = all.ranks().map(|rank| survey.unexplained(rank)).min().unwrap_or(0);
    let least = |rank: &usize| survey.unexplained(*rank) == fewest;
    let mut candidates = narrow(all, collect(all.ranks().filter(least)), Evidence::Compiled);
    candidates = narrow(candidates, by_assembly(survey, candidates), Evidence::Assembly);
    candidates = narrow(candidates, by_wrappers(survey, candidates, policies), Evidence::Wrappers);
    let decided = fewest == 0 && !survey.pieces.is_empty() && alike(policies, candidates);
    let joined = || names(policies, candidates).collect::<Vec<_>>().join("/");
    Choice {
        policy: decided.then(joined),
        candidates,
        best: candidates.ranks().next().unwrap_or(0),
        evidence,
    }
}

fn collect(ranks: impl Iterator<Item = usize>) -> PolicySet {
    ranks.fold(PolicySet::NONE, PolicySet::with)
}

fn by_assembly(survey: &Survey, candidates: PolicySet) -> PolicySet {
    let telling: Vec<&Piece> = survey
        .assembly_pieces
        .iter()
        .filter(|piece| {
            let predicted = piece.policies.intersection(candidates);
            !predicted.is_empty() && predicted != candidates
        })
        .collect();
    let score = |rank: usize| telling.iter().filter(|piece| piece.policies.contains(rank)).count();
    let best = candidates.ranks().map(score).max().unwrap_or(0);
    collect(candidates.ranks().filter(|&rank| score(rank) == best))
}

fn by_wrappers(survey: &Survey, candidates: PolicySet, policies: &[Policy]) -> PolicySet {
    let checked = survey.checked_wrappers > 0;
    if !checked && survey.bare_wrappers == 0 {
        return candidates;
    }
    let fits = |rank: &usize| {
        policies.get(*rank).is_some_and(|policy| {
            let mut ranges = policy.releases.iter();
            ranges.any(|range| (range.first.minor < NO_PANIC_CHECK) == checked)
        })
    };
    collect(candidates.ranks().filter(fits))
}

/// Whether policies lower every frame alike. How constants of several halves are
/// built does not matter: no frame has one that they differ for.
fn alike(policies: &[Policy], set: PolicySet) -> bool {
    let choices = |rank: usize| {
        let policy = policies.get(rank)?;
        Some((policy.leaf_pop, policy.small_pop, policy.large_pop))
    };
    let mut choices = set.ranks().map(choices);
    let first = choices.next();
    choices.all(|other| Some(other) == first)
}
