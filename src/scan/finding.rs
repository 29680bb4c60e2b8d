//! A broken rule at a boundary.

use super::Remedy;
use crate::explain::consequence;
use core::cmp::Reverse;
use jiff::civil::Date;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use unwind::{Depth, Index, Pc, Row, Word};
use verifier::{Observer, Observers, Rule, Severity};

/// A broken rule at a boundary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// The gravest observer.
    pub observer: Observer,
    /// All observers.
    pub observers: Observers,
    /// What can happen at worst to any of them.
    pub severity: Severity,
    /// Whether the return address in force is the boundary itself.
    pub returns_to_itself: bool,
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
    /// The order of findings: by severity, the gravest first, and of one severity by observer.
    #[must_use]
    pub const fn gravity(&self) -> (Reverse<Severity>, Observer) {
        (Reverse(self.severity), self.observer)
    }

    /// What findings that are told together have in common, the gravest first.
    #[must_use]
    pub const fn kind(&self) -> (Observer, Rule, Severity, bool) {
        (self.observer, self.rule, self.severity, self.returns_to_itself)
    }

    /// What comes of it, in sentences: of the gravest observer, and of a graver end that
    /// another one meets.
    #[must_use]
    pub fn consequences(&self) -> Vec<&'static str> {
        let own = Severity::of(self.rule, self.observer, self.returns_to_itself);
        let graver = Observer::ALL.into_iter().find(|&observer| {
            let severity = Severity::of(self.rule, observer, self.returns_to_itself);
            self.observers.contains(observer) && severity == self.severity && severity > own
        });
        let observers = core::iter::once(self.observer).chain(graver);
        observers.filter_map(|who| consequence(self.rule, who, self.returns_to_itself)).collect()
    }

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
