//! `midframe review`: what changed between two builds of the same source, and what
//! that does to each rule.
//!
//! What is held against each other is a function's frame code, [`parts`]: its prologue,
//! its call of morestack and its epilogues, with the row of each boundary, freed from
//! addresses ([`step`]). Functions are the same by their names (`image_pair`); in two
//! directories, programs are the same by their relative names; of two policies, frames
//! are by their size. The whole function, its body too, is verified in both builds, by
//! what `scan` and `prove` verify with, and a function's [`Class`] says what became of
//! its rules ([`verdict`]). Changes that are the same make one [`Group`].
//!
//! What is not compared: bodies, the number of returns, the register arguments that the
//! call of morestack saves, and functions without a counterpart of the same name, which
//! have appeared or disappeared.

pub mod cost;
mod directory;
pub(crate) mod group;
pub(crate) mod image_pair;
pub mod parts;
mod policy_pair;
pub mod step;
pub mod verdict;

pub use cost::{Cost, Costs, SIZES};
pub use directory::{review_directories, review_files};
pub use group::{Difference, Group, Line, Part};
pub use policy_pair::{Request, review_policies};
pub use verdict::{Change, Changes, Class};

use group::Groups;
use std::path::PathBuf;
use unwind::{Depth, Index, Pc};
use verifier::{Observer, Rule, Severity};

/// What is held against each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    /// The functions of programs.
    Functions,
    /// The frames of policies.
    Frames,
}

/// A review.
#[derive(Clone, Debug)]
pub struct Review {
    /// What is held against each other.
    pub subject: Subject,
    /// The two paths or policies.
    pub sides: [String; 2],
    /// The programs that are in both, in the order of names; or the two policies.
    pub pairs: Vec<Pair>,
    /// The changes, the gravest first.
    pub groups: Vec<Group>,
    /// The programs that only one of two directories has.
    pub alone: [Vec<PathBuf>; 2],
    /// What could not be read.
    pub errors: Vec<(PathBuf, String)>,
}

/// A program in two builds, or a frame under two policies.
#[derive(Clone, Debug, Default)]
pub struct Pair {
    /// Its name in both directories; empty for what was named itself.
    pub name: String,
    /// What is known of it, before and now.
    pub sides: [Side; 2],
    /// How many functions are of each class, in the order of [`Class::ALL`].
    pub counts: [u64; Class::ALL.len()],
    /// What their frames cost.
    pub costs: Costs,
    /// Those that are not unchanged, in the order of their names; empty for policies.
    pub functions: Vec<Reviewed>,
    /// The functions that disappeared, and those that appeared.
    pub alone: [Vec<Lone>; 2],
}

/// One of two builds.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// The file, or the policy.
    pub name: String,
    /// The format of the file.
    pub container: Option<String>,
    /// The version of Go that the file names.
    pub go_version: Option<String>,
    /// How many functions, or frames.
    pub functions: u64,
    /// How many functions could not be read, not even by name.
    pub unreadable: u64,
}

/// A function that is in both.
#[derive(Clone, Debug)]
pub struct Reviewed {
    /// Its name.
    pub name: String,
    /// Which of those of this name, from 1.
    pub ordinal: u32,
    /// What became of it.
    pub class: Class,
    /// What became of its rules.
    pub changes: Changes,
    /// Its address, before and now.
    pub entries: [Pc; 2],
    /// Its frame size, before and now.
    pub frames: [Depth; 2],
    /// Its change, in [`Review::groups`]; none if the frame code is the same.
    pub group: Option<usize>,
    /// Where rules are broken, before and now.
    pub sights: [Vec<Sight>; 2],
    /// Why something is undecided, before and now.
    pub reasons: [Vec<String>; 2],
}

/// A boundary at which a rule is broken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sight {
    /// The rule.
    pub rule: Rule,
    /// Who sees it, the gravest first.
    pub observers: Vec<Observer>,
    /// What can happen at worst to any of them.
    pub severity: Severity,
    /// The boundary.
    pub at: Index,
    /// The instruction behind it.
    pub instruction: String,
    /// The depth that is declared.
    pub declared: Depth,
    /// The depth that SP has.
    pub actual: Depth,
}

/// A function that only one of the builds has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lone {
    /// Its name.
    pub name: String,
    /// Which of those of this name, from 1.
    pub ordinal: u32,
    /// Its frame size.
    pub frame: Depth,
    /// The rules that are refuted in it, by observer.
    pub refuted: Vec<(Rule, Observer)>,
    /// Why something is undecided.
    pub reasons: Vec<String>,
}

impl Pair {
    /// How many functions are of a class.
    #[must_use]
    pub fn count(&self, class: Class) -> u64 {
        let counts = Class::ALL.iter().zip(&self.counts);
        counts.filter(|(each, _)| **each == class).map(|(_, count)| count).sum()
    }

    /// How many functions are in both.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How many functions can be read no more, not even by name.
    #[must_use]
    pub const fn newly_unreadable(&self) -> u64 {
        let [old, new] = &self.sides;
        new.unreadable.saturating_sub(old.unreadable)
    }

    fn add(&mut self, class: Class) {
        for (each, count) in Class::ALL.iter().zip(&mut self.counts) {
            *count += u64::from(*each == class);
        }
    }
}

impl Review {
    fn new(subject: Subject, sides: [String; 2]) -> Self {
        Self {
            subject,
            sides,
            pairs: Vec::new(),
            groups: Vec::new(),
            alone: Default::default(),
            errors: Vec::new(),
        }
    }

    /// How many functions are of a class. Those that can be read no more are now
    /// undecided.
    #[must_use]
    pub fn count(&self, class: Class) -> u64 {
        let lost = |pair: &Pair| match class {
            Class::NowUndecided => pair.newly_unreadable(),
            _ => 0,
        };
        self.pairs.iter().map(|pair| pair.count(class) + lost(pair)).sum()
    }

    /// How many functions are in both.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.pairs.iter().map(Pair::compared).sum()
    }

    /// Whether something is worse than it was.
    #[must_use]
    pub fn is_worse(&self) -> bool {
        self.count(Class::Broken) > 0 || self.count(Class::NowUndecided) > 0
    }

    /// What the frames of all pairs cost.
    #[must_use]
    pub fn costs(&self) -> Costs {
        let mut costs = Costs::default();
        self.pairs.iter().for_each(|pair| costs.merge(&pair.costs));
        costs
    }

    /// The functions of a class, each with its program.
    pub fn functions(&self, class: Class) -> impl Iterator<Item = (&Pair, &Reviewed)> {
        let of = move |function: &&Reviewed| function.class == class;
        self.pairs
            .iter()
            .flat_map(move |pair| pair.functions.iter().filter(of).map(move |found| (pair, found)))
    }

    /// Takes over a pair with its groups.
    fn push(&mut self, mut pair: Pair, groups: Groups, all: &mut Groups) {
        let places = all.merge(groups);
        renumber(&mut pair, &places);
        self.pairs.push(pair);
    }

    /// Puts the groups in their order.
    fn finish(mut self, groups: Groups) -> Self {
        let (sorted, places) = groups.sorted();
        self.groups = sorted;
        self.pairs.iter_mut().for_each(|pair| renumber(pair, &places));
        self
    }
}

/// Groups are elsewhere now.
fn renumber(pair: &mut Pair, places: &[usize]) {
    for function in &mut pair.functions {
        function.group = function.group.and_then(|group| places.get(group).copied());
    }
}
