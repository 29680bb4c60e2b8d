//! Counts of what two decoders make of many words.

use super::compare::{Comparison, Disagreement, Ours, Theirs};
use core::fmt;
use unwind::Word;

/// How many disagreements are kept.
const KEPT: usize = 20;

/// What the verifier makes of words, in the order of the table.
const OURS: [(Ours, &str); 12] = [
    (Ours::Plain, "plain (sorted)"),
    (Ours::Harmless, "harmless (decoded)"),
    (Ours::MovesSp, "moves SP, known amount"),
    (Ours::ComputesSp, "computes SP"),
    (Ours::ClobbersSp, "clobbers SP"),
    (Ours::Branch, "B"),
    (Ours::BranchIf, "B.cond, CBZ, TBZ"),
    (Ours::Call, "BL, BLR"),
    (Ours::Jump, "BR"),
    (Ours::Return, "RET"),
    (Ours::Trap, "trap"),
    (Ours::Unknown, "unknown"),
];

/// What the other decoder makes of them.
const THEIRS: [(Theirs, &str); 6] = [
    (Theirs::Rejected, "rejected"),
    (Theirs::Unnamed, "unnamed"),
    (Theirs::Harmless, "harmless"),
    (Theirs::MovesSp, "moves SP"),
    (Theirs::WritesSp, "writes SP"),
    (Theirs::Flow, "branches"),
];

/// The counts, and the first disagreements in the order of the words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    counts: [[u64; THEIRS.len()]; OURS.len()],
    disagreements: u64,
    first: Vec<(Word, Comparison, Disagreement)>,
}

impl Tally {
    /// Counts a word.
    pub fn add(&mut self, word: Word, comparison: Comparison) {
        self.counts[comparison.ours as usize][comparison.theirs as usize] += 1;
        if let Some(disagreement) = comparison.disagreement {
            self.disagreements += 1;
            if self.first.len() < KEPT {
                self.first.push((word, comparison, disagreement));
            }
        }
    }

    /// The counts of both, where `later` has the later words.
    #[must_use]
    pub fn merge(mut self, later: Self) -> Self {
        for (row, more) in self.counts.iter_mut().flatten().zip(later.counts.iter().flatten()) {
            *row += more;
        }
        self.disagreements += later.disagreements;
        self.first.extend(later.first);
        self.first.truncate(KEPT);
        self
    }

    /// How many words were counted.
    #[must_use]
    pub fn words(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// How many words the other decoder could be asked about.
    #[must_use]
    pub fn compared(&self) -> u64 {
        let aside = Theirs::Rejected as usize..=Theirs::Unnamed as usize;
        let aside = self.counts.iter().flat_map(|row| &row[aside.clone()]);
        self.words() - aside.sum::<u64>()
    }

    /// How many words the decoders disagree about.
    #[must_use]
    pub fn disagreements(&self) -> u64 {
        self.disagreements
    }

    /// The first disagreements, a line each.
    #[must_use]
    pub fn first_disagreements(&self) -> String {
        let line = |(word, comparison, disagreement): &(Word, Comparison, Disagreement)| {
            let Comparison { ours, theirs, .. } = comparison;
            format!("{word} {disagreement:?}: ours {ours:?}, theirs {theirs:?}\n")
        };
        self.first.iter().map(line).collect()
    }
}

impl fmt::Display for Tally {
    /// A table: a line for what the verifier says, a column for the other.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:24}{:>12}", "", "words")?;
        for (_, name) in THEIRS {
            write!(f, "{name:>12}")?;
        }
        for (ours, name) in OURS {
            let row = self.counts[ours as usize];
            write!(f, "\n{name:24}{:12}", row.iter().sum::<u64>())?;
            for (theirs, _) in THEIRS {
                write!(f, "{:12}", row[theirs as usize])?;
            }
        }
        write!(f, "\n{:24}{:12}", "all", self.words())?;
        for (theirs, _) in THEIRS {
            write!(f, "{:12}", self.counts.iter().map(|row| row[theirs as usize]).sum::<u64>())?;
        }
        Ok(())
    }
}
