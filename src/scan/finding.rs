//! A broken rule at a boundary.

use super::Remedy;
use jiff::civil::Date;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use unwind::{Depth, Index, Pc, Row, Word};
use verifier::{Observer, Observers, Rule};

/// A broken rule at a boundary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// The gravest observer.
    pub observer: Observer,
    /// All observers.
    pub observers: Observers,
    /// The function's name.
    pub function: String,
    /// The function's first instruction.
    pub entry: Pc,
    /// The boundary.
    pub pc: Pc,
    /// Which of the findings of this rule in functions of this name it is, from
    /// 1, by address.
    pub ordinal: u32,
    /// The depth that is declared where execution would resume.
    pub declared: Depth,
    /// The depth that SP has.
    pub actual: Depth,
    /// The largest depth that the function declares.
    pub frame_size: Depth,
    /// Whether the function calls no other from inside its frame.
    pub leaf: bool,
    /// The instruction that is about to run.
    pub word: Word,
    /// The source, if the table says.
    pub position: Option<(String, u32)>,
    /// The boundaries around it and itself, in order.
    pub around: Vec<Near>,
    /// What would mend it.
    pub remedy: Remedy,
    /// The baseline's entry that accepts it, if one does.
    pub accepted: Option<Arc<Accepted>>,
}

/// A boundary near a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Near {
    /// Its place in the function.
    pub at: Index,
    /// The instruction behind it.
    pub word: Word,
    /// What the table declares.
    pub row: Option<Row>,
}

/// Why a finding is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The reason that the baseline gives.
    pub reason: String,
    /// The last day on which it is.
    pub expires: Option<Date>,
}

impl Finding {
    /// What stays the same when the program is built again and addresses move:
    /// a digest of the rule, the function's name and the ordinal, in hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut digest = Sha256::new();
        // No name contains the byte that ends it.
        for part in [self.rule.id().as_bytes(), self.function.as_bytes()] {
            digest.update(part);
            digest.update([0]);
        }
        digest.update(self.ordinal.to_le_bytes());
        digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}
