//! One trace of one program: each step is followed by the shadow stacks and held
//! against the program's rows.

use super::code::{Code, FunctionId};
use super::compare::{Disagreement, Memory, Outcome, Subject};
use super::log::Step;
use super::shadow::{Counts, Gap, Place, Shadow};
use anyhow::Result;
use image::Image;
use std::collections::BTreeMap;
use unwind::Word;

/// What came of a trace.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// How many boundaries were executed.
    pub steps: u64,
    /// How many of them were compared with their rows.
    pub compared: u64,
    /// How many different boundaries those were.
    pub distinct: u64,
    /// How many were compared, by what came of it; and those that were followed
    /// but not compared.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// How many were not followed, by reason.
    pub gaps: BTreeMap<Gap, u64>,
    /// The boundaries at which rows or findings are wrong, with how often they
    /// were executed so.
    pub disagreements: BTreeMap<(u64, Outcome), (Disagreement, u64)>,
}

impl Tally {
    /// How often something came of a comparison.
    #[must_use]
    pub fn outcome(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(&outcome).copied().unwrap_or(0)
    }

    /// How many were not followed for a reason.
    #[must_use]
    pub fn gap(&self, gap: Gap) -> u64 {
        self.gaps.get(&gap).copied().unwrap_or(0)
    }

    /// The boundaries where the scan is wrong.
    pub fn failures(&self) -> impl Iterator<Item = &Disagreement> {
        let all = self.disagreements.values().map(|(disagreement, _)| disagreement);
        all.filter(|disagreement| disagreement.outcome.is_failure())
    }
}

/// Holds a trace against a program.
#[derive(Debug)]
pub struct Examiner<'c, 'i> {
    image: &'c Image<'i>,
    code: &'c Code<'c>,
    shadow: Shadow<'c, 'c>,
    subjects: Vec<Option<Examined>>,
    memory: Memory,
    tally: Tally,
}

/// A function that was executed.
#[derive(Debug)]
struct Examined {
    subject: Subject,
    /// Which of its boundaries were compared.
    seen: Vec<bool>,
}

impl<'c, 'i> Examiner<'c, 'i> {
    /// Nothing executed yet.
    #[must_use]
    pub fn new(image: &'c Image<'i>, code: &'c Code<'c>) -> Self {
        let subjects = (0..code.count()).map(|_| None).collect();
        let (shadow, memory) = (Shadow::new(code), Memory::default());
        Self { image, code, shadow, subjects, memory, tally: Tally::default() }
    }

    /// Takes a step of the trace.
    ///
    /// # Errors
    /// When the program's function cannot be read.
    pub fn step(&mut self, step: &Step) -> Result<()> {
        self.tally.steps += 1;
        match self.shadow.step(step) {
            Place::Not(gap) => *self.tally.gaps.entry(gap).or_default() += 1,
            Place::In { function, cfa } => {
                self.compare(step.pc, function, cfa.wrapping_sub(step.sp).cast_signed())?;
            }
        }
        Ok(())
    }

    /// What came of the trace so far.
    #[must_use]
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// What happened in it.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        self.shadow.counts()
    }

    fn compare(&mut self, pc: u64, id: FunctionId, actual: i64) -> Result<()> {
        let entry = self.code.function(id).map_or(pc, |function| function.entry);
        let at = u32::try_from(pc.wrapping_sub(entry) / Word::BYTES).unwrap_or(u32::MAX);
        let Some(slot) = self.subjects.get_mut(id.0) else { return Ok(()) };
        let examined = match slot {
            Some(examined) => examined,
            None => {
                let subject = Subject::of(self.image, id.0, &mut self.memory)?;
                let seen = vec![false; subject.declared.len()];
                slot.insert(Examined { subject, seen })
            }
        };
        let outcome = examined.subject.compare(at, actual);
        *self.tally.outcomes.entry(outcome).or_default() += 1;
        if !matches!(outcome, Outcome::OwnedUp | Outcome::NoRow) {
            self.tally.compared += 1;
            if let Some(seen) = examined.seen.get_mut(at as usize).filter(|seen| !**seen) {
                *seen = true;
                self.tally.distinct += 1;
            }
        }
        if !matches!(outcome, Outcome::Agrees | Outcome::OwnedUp | Outcome::NoRow) {
            let declared = examined.subject.declared.get(at as usize).copied().unwrap_or(0);
            let claimed = examined.subject.claims.get(&at).copied();
            let new = Disagreement { pc, declared, claimed, actual, outcome };
            self.tally.disagreements.entry((pc, outcome)).or_insert((new, 0)).1 += 1;
        }
        Ok(())
    }
}
