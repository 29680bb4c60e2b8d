//! What each policy predicts for a frame: the words of its prologue, of the call
//! of morestack and of its epilogues.

use super::words::alike;
use lowering::pseudo::Region;
use lowering::{Expansion, Frame, FrameSize, Kind, Os, Policy, StackCheck, expansions, lower};
use std::collections::HashMap;
use unwind::Word;

/// A set of policies, by their rank in the list that they are taken from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct PolicySet(u32);

impl PolicySet {
    /// No policy.
    pub const NONE: Self = Self(0);

    /// The most policies of a set.
    pub const MAX: usize = 32;

    /// The first `count` policies, at most [`PolicySet::MAX`].
    #[must_use]
    pub fn first(count: usize) -> Self {
        (0..count).fold(Self::NONE, Self::with)
    }

    /// The set and the policy of this rank.
    #[must_use]
    pub const fn with(self, rank: usize) -> Self {
        if rank < Self::MAX { Self(self.0 | 1 << rank) } else { self }
    }

    /// Whether the policy of this rank is a member.
    #[must_use]
    pub const fn contains(self, rank: usize) -> bool {
        rank < Self::MAX && self.0 >> rank & 1 == 1
    }

    /// The members of either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The members of both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The ranks of the members, ascending.
    pub fn ranks(self) -> impl Iterator<Item = usize> {
        (0..Self::MAX).filter(move |&rank| self.contains(rank))
    }

    /// How many members there are.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Words, and the policies that predict them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Variant {
    /// The words.
    pub words: Vec<Word>,
    /// The policies.
    pub policies: PolicySet,
}

/// What is predicted for a frame size and kind of function.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Prediction {
    /// The stack check, where there is one, and the prologue.
    pub prologue: Vec<Variant>,
    /// The prologue of a NOSPLIT function.
    pub nosplit: Vec<Variant>,
    /// The epilogue, up to and with the return.
    pub epilogue: Vec<Variant>,
    /// The call of morestack, the same under every policy; empty where there is
    /// no check.
    pub more_stack: Vec<Word>,
}

/// Which words of a prediction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Part {
    /// What opens the frame, with the stack check.
    Prologue(StackCheck),
    /// The call of morestack that a prologue's check branches to.
    MoreStack,
    /// What pops the frame, with the return.
    Epilogue,
}

impl Prediction {
    /// What the policies predict.
    #[must_use]
    pub fn new(size: FrameSize, kind: Kind, policies: &[Policy]) -> Self {
        let mut prediction = Self::default();
        for (rank, policy) in policies.iter().enumerate().take(PolicySet::MAX) {
            let frame = Frame { size, kind, check: StackCheck::WhereNeeded, os: Os::Linux };
            let [check, prologue, epilogue, more_stack] = regions(&frame, policy);
            add(&mut prediction.prologue, [check, prologue.clone()].concat(), rank);
            add(&mut prediction.nosplit, prologue, rank);
            add(&mut prediction.epilogue, epilogue, rank);
            prediction.more_stack = more_stack;
        }
        prediction
    }

    /// The words that the policy of this rank predicts for a part.
    #[must_use]
    pub fn words(&self, part: Part, rank: usize) -> &[Word] {
        let variants = match part {
            Part::Prologue(StackCheck::WhereNeeded) => &self.prologue,
            Part::Prologue(StackCheck::NoSplit) => &self.nosplit,
            Part::Epilogue => &self.epilogue,
            Part::MoreStack => return &self.more_stack,
        };
        let variant = variants.iter().find(|variant| variant.policies.contains(rank));
        variant.map_or(&[], |variant| &variant.words)
    }
}

/// The words of the check, the prologue, the epilogue and the call of morestack.
fn regions(frame: &Frame, policy: &Policy) -> [Vec<Word>; 4] {
    let lowered = lower(frame, policy);
    let expansions = expansions(frame, policy);
    [Region::Check, Region::Prologue, Region::Epilogue, Region::MoreStack].map(|region| {
        let inside = expansions.iter().filter(|expansion| expansion.prog.region == region);
        let words = |e: &Expansion| lowered.words().get(e.start.0 as usize..e.end.0 as usize);
        inside.filter_map(words).flatten().copied().collect()
    })
}

fn add(variants: &mut Vec<Variant>, words: Vec<Word>, rank: usize) {
    // The distances of branches depend on what stands behind them.
    let same = |variant: &&mut Variant| {
        let pairs = variant.words.iter().zip(&words);
        variant.words.len() == words.len() && pairs.into_iter().all(|(&a, &b)| alike(a, b))
    };
    match variants.iter_mut().find(same) {
        Some(variant) => variant.policies = variant.policies.with(rank),
        None => variants.push(Variant { words, policies: PolicySet::NONE.with(rank) }),
    }
}

/// Predictions, made once for each frame size and kind.
#[derive(Debug)]
pub struct Predictions<'p> {
    policies: &'p [Policy],
    made: HashMap<(FrameSize, Kind), Prediction>,
}

impl<'p> Predictions<'p> {
    /// None yet, for these policies.
    #[must_use]
    pub fn new(policies: &'p [Policy]) -> Self {
        Self { policies, made: HashMap::new() }
    }

    /// What is predicted for a frame size and kind.
    pub fn get(&mut self, size: FrameSize, kind: Kind) -> &Prediction {
        let policies = self.policies;
        self.made.entry((size, kind)).or_insert_with(|| Prediction::new(size, kind, policies))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(size: u64, kind: Kind) -> Prediction {
        let size = FrameSize::new(size).expect("a frame size");
        let policies: Vec<_> = Policy::released().copied().collect();
        Prediction::new(size, kind, &policies)
    }

    fn epilogues(size: u64, kind: Kind) -> Vec<Vec<usize>> {
        let epilogue = prediction(size, kind).epilogue;
        epilogue.iter().map(|variant| variant.policies.ranks().collect()).collect()
    }

    // The ranks are those of `Policy::released()`; what sets them apart is in the
    // sources of obj7.go that its documentation names.
    #[test]
    fn policies_that_emit_the_same_words_are_one_variant() {
        assert_eq!(epilogues(32, Kind::NonLeaf), [vec![0, 1, 2], vec![3, 4, 5]]);
        assert_eq!(epilogues(256, Kind::NonLeaf), [vec![0, 1, 2, 3, 4, 5]]);
        assert_eq!(epilogues(65616, Kind::NonLeaf), [vec![0, 1, 3], vec![2, 4, 5]]);
        assert_eq!(epilogues(32, Kind::Leaf), [vec![0], vec![1, 2, 3, 4, 5]]);
        for size in [16, 128, 256, 4096, 65616] {
            assert_eq!(prediction(size, Kind::NonLeaf).prologue.len(), 1, "{size}");
        }
    }

    #[test]
    fn a_small_leaf_has_no_check() {
        let leaf = prediction(112, Kind::Leaf);
        assert_eq!((&leaf.prologue, leaf.more_stack.len()), (&leaf.nosplit, 0));
        let leaf = prediction(128, Kind::Leaf);
        assert!(leaf.prologue != leaf.nosplit && leaf.more_stack.len() == 3);
    }

    #[test]
    fn sets_of_policies() {
        let set = PolicySet::first(3);
        assert_eq!(set.ranks().collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(set.intersection(PolicySet::NONE.with(2).with(5)).len(), 1);
        assert!(!set.contains(3) && !set.contains(40) && set.with(40) == set);
        assert!(PolicySet::first(99).contains(31) && PolicySet::NONE.is_empty());
    }
}
