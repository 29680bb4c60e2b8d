//! Changes that are the same, as one group with a count.
//!
//! Two changes are the same if the same instructions with the same rows take the place
//! of the same ones, whatever the constants in them; if they do the same to each rule;
//! and if both keep the size of the frame or both do not. A group is listed by its
//! first function, with the constants of that one.

use super::parts::{Parts, digest};
use super::step::{Class as Safety, Step, Target};
use super::verdict::{Changes, Class, Judged};
use a64::syntax::GoSyntax;
use core::hash::{Hash as _, Hasher as _};
use std::collections::{HashMap, HashSet};
use std::hash::DefaultHasher;
use unwind::{Depth, Index, Word};
use verifier::{Observer, Rule};

/// A part of a function's frame code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Part {
    /// What opens the frame.
    Prologue,
    /// The call of morestack.
    MoreStack,
    /// What closes the frame.
    Epilogue,
}

impl Part {
    /// The name in output.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Prologue => "prologue",
            Self::MoreStack => "morestack",
            Self::Epilogue => "epilogue",
        }
    }
}

/// A part that is not the same in both.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Which.
    pub part: Part,
    /// As it was; empty if it is new.
    pub old: Vec<Line>,
    /// As it is; empty if it is gone.
    pub new: Vec<Line>,
}

/// An instruction of a listing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Its place in the function.
    pub at: Index,
    /// The instruction.
    pub word: Word,
    /// The same in Go's syntax, with the name of what it branches to.
    pub text: String,
    /// The depth that is declared.
    pub depth: Option<Depth>,
    /// The depth that SP has, as far as the verifier followed it: the declared one but where
    /// a rule is broken.
    pub actual: Option<Depth>,
    /// Whether a goroutine can be preempted.
    pub safety: Safety,
    /// The rules that are broken at the boundary before it.
    pub rules: Vec<Rule>,
    /// The instruction and its row without what its place decides.
    pub normal: u64,
}

/// Changes that are the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// What became of the functions.
    pub class: Class,
    /// What became of the rules.
    pub changes: Changes,
    /// Whether the functions keep the size of their frames.
    pub same_frame: bool,
    /// Whether nothing but constants differs.
    pub constants_only: bool,
    /// What differs, in the first function.
    pub differences: Vec<Difference>,
    /// How many functions.
    pub count: u64,
    /// The smallest and the largest frame that they have now.
    pub frames: (Depth, Depth),
    /// How many instructions their prologues and epilogues had, and have.
    pub instructions: [u64; 2],
    /// Some of the functions.
    pub examples: Vec<String>,
}

/// A function in two builds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Both<'s, 'a> {
    pub(super) old: &'s Parts<'a>,
    pub(super) new: &'s Parts<'a>,
    pub(super) judged: [&'s Judged; 2],
}

/// Groups by what they have in common.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    by_key: HashMap<Vec<u32>, usize>,
    pub(super) all: Vec<Group>,
    key: Vec<u32>,
    /// How many examples a group has at most.
    pub(super) examples: usize,
}

type Steps<'s, 'a> = Vec<&'s [Step<'a>]>;

impl<'s, 'a> Both<'s, 'a> {
    /// Whether the frame code is the same.
    pub(super) fn is_same(&self) -> bool {
        let (old, new) = (self.old, self.new);
        same(old.prologue(), new.prologue())
            && same(old.more_stack(), new.more_stack())
            && only(old, new).is_empty()
            && only(new, old).is_empty()
    }

    /// The parts that differ, each with those of both that the other does not have.
    fn differences(&self) -> Vec<(Part, Steps<'s, 'a>, Steps<'s, 'a>)> {
        let (old, new) = (self.old, self.new);
        let mut differences = Vec::new();
        for (part, old, new) in [
            (Part::Prologue, old.prologue(), new.prologue()),
            (Part::MoreStack, old.more_stack(), new.more_stack()),
        ] {
            if !same(old, new) {
                differences.push((part, vec![old], vec![new]));
            }
        }
        let (mine, theirs) = (only(old, new), only(new, old));
        if !mine.is_empty() || !theirs.is_empty() {
            differences.push((Part::Epilogue, mine, theirs));
        }
        differences
    }

    fn instructions(&self) -> [u64; 2] {
        [self.old, self.new].map(|parts| parts.instructions().into_iter().sum())
    }
}

fn same(one: &[Step<'_>], other: &[Step<'_>]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.is_same(other))
}

/// Up to how many pairs of epilogues each pair is compared.
const FEW: usize = 1 << 10;

/// The epilogues that the other build does not have, each once.
fn only<'s, 'a>(mine: &'s Parts<'a>, theirs: &Parts<'_>) -> Steps<'s, 'a> {
    if mine.epilogues().count().saturating_mul(theirs.epilogues().count()) > FEW {
        let known: HashSet<u64> = theirs.epilogues().map(digest).collect();
        let mut distinct = mine.distinct_epilogues();
        distinct.retain(|steps| !known.contains(&digest(steps)));
        return distinct;
    }
    let is_new = |steps: &&[Step<'a>]| !theirs.epilogues().any(|other| same(steps, other));
    let mut distinct: Steps<'s, 'a> = Vec::new();
    for steps in mine.epilogues().filter(is_new) {
        if !distinct.iter().any(|known| same(steps, known)) {
            distinct.push(steps);
        }
    }
    distinct
}

/// The forms of sequences, one after the other, in an order of their own.
fn forms(sequences: &Steps<'_, '_>, frame: Depth) -> Vec<Vec<u32>> {
    let form = |steps: &&[Step<'_>]| {
        let mut form = Vec::with_capacity(steps.len() * 4);
        steps.iter().for_each(|step| step.form(frame, &mut form));
        form
    };
    let mut forms: Vec<_> = sequences.iter().map(form).collect();
    forms.sort_unstable();
    forms.dedup();
    forms
}

impl Groups {
    pub(super) fn new(examples: usize) -> Self {
        Self { examples, ..Self::default() }
    }

    /// Counts a change, and tells its group.
    pub(super) fn add(
        &mut self,
        both: &Both<'_, '_>,
        (class, changes): (Class, &Changes),
        name: impl FnOnce() -> String,
    ) -> usize {
        let differences = both.differences();
        let same_frame = both.old.frame == both.new.frame;
        let mut hasher = DefaultHasher::new();
        (class, changes).hash(&mut hasher);
        let hash = hasher.finish();
        self.key.clear();
        self.key.extend([u32::from(same_frame), hash as u32, (hash >> 32) as u32]);
        let mut constants_only = true;
        for (part, old, new) in &differences {
            let (old, new) = (forms(old, both.old.frame), forms(new, both.new.frame));
            constants_only &= old == new;
            for forms in [old, new] {
                self.key.extend([*part as u32, forms.len() as u32]);
                let sized = |form: Vec<u32>| core::iter::once(form.len() as u32).chain(form);
                self.key.extend(forms.into_iter().flat_map(sized));
            }
        }
        let position = self.by_key.get(&self.key).copied().unwrap_or_else(|| {
            self.by_key.insert(self.key.clone(), self.all.len());
            let differences = differences.iter().flat_map(|d| listed(both, d)).collect();
            let frames = (both.new.frame, both.new.frame);
            let (changes, examples) = (changes.clone(), Vec::new());
            let (count, instructions) = (0, [0; 2]);
            self.all.push(Group {
                class,
                changes,
                same_frame,
                constants_only,
                differences,
                count,
                frames,
                instructions,
                examples,
            });
            self.all.len() - 1
        });
        if let Some(group) = self.all.get_mut(position) {
            let frame = both.new.frame;
            group.count += 1;
            group.frames = (group.frames.0.min(frame), group.frames.1.max(frame));
            for (sum, count) in group.instructions.iter_mut().zip(both.instructions()) {
                *sum += count;
            }
            if group.examples.len() < self.examples {
                group.examples.push(name());
            }
        }
        position
    }

    /// Takes over the groups of another part of the work; returns where each of them
    /// is now.
    pub(super) fn merge(&mut self, other: Self) -> Vec<usize> {
        let mut keys: Vec<_> = other.by_key.into_iter().collect();
        keys.sort_unstable_by_key(|&(_, position)| position);
        let mut places = Vec::new();
        for ((key, _), theirs) in keys.into_iter().zip(other.all) {
            let next = self.all.len();
            let place = *self.by_key.entry(key).or_insert(next);
            match self.all.get_mut(place) {
                Some(mine) => mine.merge(theirs, self.examples),
                None => self.all.push(theirs),
            }
            places.push(place);
        }
        places
    }

    /// The groups, the gravest first, then the largest; and where each is now.
    pub(super) fn sorted(self) -> (Vec<Group>, Vec<usize>) {
        let mut order: Vec<_> = self.all.into_iter().enumerate().collect();
        order.sort_by_key(|(position, group)| {
            let gravest = group.changes.rules.iter().map(|&(_, observer, _)| observer).min();
            let gravest = gravest.map_or(Observer::ALL.len(), |observer| observer as usize);
            let other_frame = !group.same_frame;
            let count = u64::MAX - group.count;
            (group.class, gravest, other_frame, group.constants_only, count, *position)
        });
        let mut places = vec![0; order.len()];
        for (place, &(position, _)) in order.iter().enumerate() {
            if let Some(slot) = places.get_mut(position) {
                *slot = place;
            }
        }
        (order.into_iter().map(|(_, group)| group).collect(), places)
    }
}

impl Group {
    fn merge(&mut self, other: Self, examples: usize) {
        self.count += other.count;
        self.frames = (self.frames.0.min(other.frames.0), self.frames.1.max(other.frames.1));
        for (mine, theirs) in self.instructions.iter_mut().zip(other.instructions) {
            *mine += theirs;
        }
        let room = examples.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.into_iter().take(room));
    }
}

/// The listings of a part: its sequences beside each other, in their order.
fn listed(
    both: &Both<'_, '_>,
    (part, old, new): &(Part, Steps<'_, '_>, Steps<'_, '_>),
) -> Vec<Difference> {
    let sequence = |steps: Option<&&[Step<'_>]>, judged: &Judged| -> Vec<Line> {
        steps.into_iter().copied().flatten().map(|step| line(step, judged)).collect()
    };
    let [before, now] = both.judged;
    let difference = |at| Difference {
        part: *part,
        old: sequence(old.get(at), before),
        new: sequence(new.get(at), now),
    };
    (0..old.len().max(new.len())).map(difference).collect()
}

/// An instruction as it is listed.
pub(crate) fn line(step: &Step<'_>, judged: &Judged) -> Line {
    let here = || judged.spots.iter().filter(|spot| spot.at == step.at);
    let mut rules: Vec<_> = here().map(|spot| spot.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    Line {
        at: step.at,
        word: step.word,
        text: shown(step),
        depth: step.depth,
        actual: here().next().map(|spot| spot.actual).or(step.depth),
        safety: step.class,
        rules,
        normal: step.normal(),
    }
}

/// An instruction in Go's syntax, with a name for where it branches to.
fn shown(step: &Step<'_>) -> String {
    let text = GoSyntax(step.word).to_string();
    let label = match step.target {
        Target::None => return text,
        Target::Value(value) => return format!("{text} ({value:#x})"),
        Target::Entry => "entry".to_owned(),
        Target::Prologue(index) => format!("+{:#x}", Index(index).offset()),
        Target::MoreStack => "morestack".to_owned(),
        Target::Body => "body".to_owned(),
        Target::Function(name) => String::from_utf8_lossy(name).into_owned(),
        Target::Outside => "elsewhere".to_owned(),
    };
    let operand = |operand: &str| match operand.split_once("(PC)") {
        Some((_, rest)) => format!("{label}{rest}"),
        None => operand.to_owned(),
    };
    text.split(' ').map(operand).collect::<Vec<_>>().join(" ")
}
