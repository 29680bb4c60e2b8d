//! A model's claim about one word against what the judges know of it.

use super::llvm::View;
use super::machine::{Answer, Change};
use super::model::{Claim, Range};
use super::parts::{MEMORY, Set};
use std::fmt;

/// How many states have to agree before something is taken for what always happens.
const ENOUGH: u32 = 3;

/// What a claim and a judge disagree about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// LLVM defines what is not in `writes`.
    Undeclared,
    /// LLVM does not define a general register, SP or the flags that are in `writes`.
    NotDefined,
    /// LLVM uses what is not in `reads`.
    Unread,
    /// LLVM does not use a general register, SP or the flags that are in `reads`.
    NotUsed,
    /// LLVM has a store and the claim has none.
    NoStore,
    /// The claim has a store and LLVM has none.
    NotStored,
    /// LLVM has a load and the claim has none.
    NoLoad,
    /// The claim has a load and LLVM has none.
    NotLoaded,
    /// Only one of LLVM and the claim has a branch.
    Branch,
    /// Neither LLVM nor the machine knows a word that the model knows.
    Invented,
    /// The newer LLVM's text names other registers.
    Named,
    /// Something changed that is not in `writes`.
    Changed,
    /// Memory changed outside of what the claim stores.
    Elsewhere,
    /// Memory changed in less than what the claim stores for sure.
    Short,
    /// Something kept its value that is written for sure.
    Kept,
    /// Something depends on what is not in `reads`.
    Depends,
    /// Something depends on memory outside of what the claim loads.
    LoadsElsewhere,
    /// Execution went elsewhere and the claim does not branch.
    Went,
}

/// A disagreement about a word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What kind.
    pub kind: Kind,
    /// What it is about.
    pub detail: String,
}

impl Kind {
    /// What the claim and the judge say, in a few words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Undeclared => "LLVM defines, writes lacks",
            Self::NotDefined => "writes has, LLVM does not define",
            Self::Unread => "LLVM uses, reads lacks",
            Self::NotUsed => "reads has, LLVM does not use",
            Self::NoStore => "LLVM stores, the model does not",
            Self::NotStored => "the model stores, LLVM does not",
            Self::NoLoad => "LLVM loads, the model does not",
            Self::NotLoaded => "the model loads, LLVM does not",
            Self::Branch => "one branches, the other does not",
            Self::Invented => "known to the model alone",
            Self::Named => "other registers than in the text",
            Self::Changed => "changed, writes lacks",
            Self::Elsewhere => "stored outside of the range",
            Self::Short => "not stored in the whole range",
            Self::Kept => "kept, though written for sure",
            Self::Depends => "depends on, reads lacks",
            Self::LoadsElsewhere => "loaded outside of the range",
            Self::Went => "went elsewhere",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.detail)
    }
}

/// What a claim and LLVM disagree about.
#[must_use]
pub fn against_llvm(claim: &Claim, view: &View) -> Vec<Finding> {
    let registers = |set: Set| set.and(Set::REGISTERS);
    let exact = |set: Set| set.and(Set::EXACT);
    let sets = [
        (Kind::Undeclared, registers(view.defs).without(claim.writes)),
        (Kind::NotDefined, exact(claim.writes).without(view.defs)),
        (Kind::Unread, registers(view.uses).without(claim.reads)),
        (Kind::NotUsed, exact(claim.reads).without(view.uses)),
    ];
    let mut findings: Vec<_> =
        sets.into_iter().filter_map(|(kind, set)| of_set(kind, set)).collect();
    let differences = [
        (Kind::NoStore, view.may_store && claim.stores.is_none()),
        (Kind::NotStored, !view.may_store && claim.stores.is_some()),
        (Kind::NoLoad, view.may_load && claim.loads.is_none()),
        (Kind::NotLoaded, !view.may_load && claim.loads.is_some()),
        (Kind::Branch, claim.branches.is_some_and(|branches| branches != view.branches)),
    ];
    let present = differences.into_iter().filter(|&(_, differs)| differs);
    findings.extend(present.map(|(kind, _)| Finding { kind, detail: String::new() }));
    findings
}

/// What a claim and the machine disagree about.
#[must_use]
pub fn against_machine(claim: &Claim, answer: &Answer) -> Vec<Finding> {
    let registers = |set: Set| set.and(Set::REGISTERS);
    let mut findings = Vec::new();
    let undeclared = registers(answer.changed).without(claim.writes);
    findings.extend(of_set(Kind::Changed, undeclared));
    // What is its own input may be written with what it was.
    let kept = registers(claim.surely).and(answer.kept).without(claim.reads);
    if answer.states >= ENOUGH {
        findings.extend(of_set(Kind::Kept, kept));
    }
    let mut unread = registers(answer.depends).without(claim.reads);
    if answer.depends.has(MEMORY) && claim.loads.is_none() {
        unread = unread.or(Set::of(MEMORY));
    }
    findings.extend(of_set(Kind::Depends, unread));
    if answer.loads_elsewhere {
        findings.push(Finding { kind: Kind::LoadsElsewhere, detail: String::new() });
    }
    if answer.branched && claim.branches == Some(false) {
        findings.push(Finding { kind: Kind::Went, detail: String::new() });
    }
    findings.extend(stored(claim, answer));
    findings
}

/// What of the changes of memory is not as claimed.
fn stored(claim: &Claim, answer: &Answer) -> Option<Finding> {
    let finding = |kind, detail| Some(Finding { kind, detail });
    let Some(stores) = &claim.stores else {
        let stored = answer.stores || !answer.memory.is_empty();
        return stored.then(|| Finding { kind: Kind::Elsewhere, detail: "no store".to_owned() });
    };
    // An atomic operation may store what was there.
    let for_sure = stores.surely && claim.loads.is_none() && answer.states >= ENOUGH;
    if for_sure && answer.memory.is_empty() {
        return finding(Kind::Short, "nothing".to_owned());
    }
    let (start, end) = extent(stores, &answer.memory)?;
    let bytes = i64::from(stores.bytes?);
    if start < 0 || end > bytes {
        return finding(Kind::Elsewhere, format!("{start}..{end} of 0..{bytes}"));
    }
    if for_sure && (start, end) != (0, bytes) {
        return finding(Kind::Short, format!("{start}..{end} of 0..{bytes}"));
    }
    None
}

/// What changed in any state, from where the store starts; nothing where that is not known.
fn extent(stores: &Range, changes: &[Change]) -> Option<(i64, i64)> {
    let (base, offset) = (usize::from(stores.base?), stores.offset?);
    let place = |change: &Change, address: u64| {
        let start = change.registers[base].wrapping_add_signed(offset);
        address.wrapping_sub(start).cast_signed()
    };
    let start = changes.iter().map(|change| place(change, change.first)).min()?;
    let end = changes.iter().map(|change| place(change, change.end)).max()?;
    Some((start, end))
}

fn of_set(kind: Kind, set: Set) -> Option<Finding> {
    (!set.is_empty()).then(|| Finding { kind, detail: set.to_string() })
}
