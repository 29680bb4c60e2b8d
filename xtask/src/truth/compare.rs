//! Executed boundaries against the rows that the program declares for them, and
//! against what the verifier says of the function.

use anyhow::{Context as _, Result};
use core::fmt;
use image::{Error, Image};
use midframe::surroundings::Surrounded;
use std::collections::BTreeMap;
use unwind::{Index, RowTable};
use verifier::{Checker, Observers, Report, Rule};

/// What is declared and what the scan says of one function.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// The depth that is declared for each boundary, in bytes.
    pub declared: Vec<i64>,
    /// The findings of rule `sp-row`: the boundary and the depth that SP has there
    /// by the scan.
    pub claims: BTreeMap<u32, i64>,
    /// Whether the verifier could not decide something that concerns everybody.
    pub undecided: bool,
    /// Whether the function says that it writes SP (`SPWRITE`), and the verifier
    /// has found where: unwinders do not read its rows.
    pub owns_up: bool,
}

/// What comes of one executed boundary.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Outcome {
    /// SP is where the row says.
    Agrees,
    /// It is not, and the scan has the finding, with the depth that SP has.
    Found,
    /// It is not, and the scan has left the function undecided.
    Undecided,
    /// It is not, in a function whose rows are not read, as the scan knows.
    OwnedUp,
    /// It is not, and the scan does not know: a failure.
    Missed,
    /// The scan has a finding, with another depth than SP has: a failure.
    Misjudged,
    /// There is no row.
    NoRow,
}

/// A boundary whose row is wrong or whose finding is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Disagreement {
    /// The boundary.
    pub pc: u64,
    /// The depth that the row declares.
    pub declared: i64,
    /// The depth that the scan's finding has, if there is one.
    pub claimed: Option<i64>,
    /// The depth that SP had when the boundary was first executed so.
    pub actual: i64,
    /// What came of it.
    pub outcome: Outcome,
}

impl Subject {
    /// Reads and checks a function as `midframe scan` does.
    ///
    /// # Errors
    /// When there is no such function.
    pub fn of(image: &Image<'_>, index: usize, memory: &mut Memory) -> Result<Self> {
        let function = image.function(index).context("a function of the image")?;
        match function.rows(&mut memory.rows) {
            Ok(()) => {}
            // Go has no rows for it either.
            Err(Error::NoStackTable { .. }) => return Ok(Self::default()),
            Err(error) => return Err(error).context("the rows of a function"),
        }
        let surrounded = Surrounded::new(image, &function);
        let subject = surrounded.subject(&memory.rows);
        memory.checker.check(&subject, &mut memory.report);
        // As the scan: what nobody can observe is no finding.
        let preemption = function.function_preemption();
        let is_seen = |violation: &verifier::Violation| {
            let pc = unwind::Pc(function.entry.0.wrapping_add(violation.at.offset()));
            let preemption = function.preemption(pc).unwrap_or(preemption);
            violation.observers(preemption) != Observers::NONE
        };
        Ok(Self::judged(&subject, &memory.report, is_seen))
    }

    /// What follows from a report on a function, for the violations that are seen.
    pub fn judged(
        function: &verifier::Function<'_>,
        report: &Report,
        is_seen: impl Fn(&verifier::Violation) -> bool,
    ) -> Self {
        let row = |at| function.rows.row(Index(at)).map(|row| row.depth.0);
        let boundaries = 0..u32::try_from(function.words.len()).unwrap_or(u32::MAX);
        let claims = report.violations.iter().filter(|violation| violation.rule == Rule::SpRow);
        let claims = claims.filter(|violation| is_seen(violation));
        let concerns_all = |reason: verifier::Reason| reason.observers() == Observers::ALL;
        Self {
            declared: boundaries.map_while(row).collect(),
            claims: claims.map(|claim| (claim.at.0, claim.actual.0)).collect(),
            undecided: report.undecided.iter().any(|undecided| concerns_all(undecided.reason)),
            owns_up: report.sp_write.is_some(),
        }
    }

    /// Holds an executed boundary, with SP `actual` bytes below the CFA, against its
    /// row and its finding.
    #[must_use]
    pub fn compare(&self, at: u32, actual: i64) -> Outcome {
        let Some(&declared) = self.declared.get(at as usize) else { return Outcome::NoRow };
        match self.claims.get(&at) {
            Some(&claimed) if claimed != actual => Outcome::Misjudged,
            Some(_) if declared != actual => Outcome::Found,
            // It is about the row where a goroutine would resume.
            Some(_) => Outcome::Agrees,
            None if declared == actual => Outcome::Agrees,
            None if self.undecided => Outcome::Undecided,
            None if self.owns_up => Outcome::OwnedUp,
            None => Outcome::Missed,
        }
    }
}

/// The memory that functions are checked in.
#[derive(Debug, Default)]
pub struct Memory {
    rows: RowTable,
    checker: Checker,
    report: Report,
}

impl Outcome {
    /// Whether the scan is wrong.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Missed | Self::Misjudged)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Agrees => "agrees",
            Self::Found => "found",
            Self::Undecided => "undecided",
            Self::OwnedUp => "SPWRITE",
            Self::Missed => "no finding",
            Self::Misjudged => "another finding",
            Self::NoRow => "no row",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Subject};
    use unwind::{Depth, Pc, Row, RowTable, UnsafePoint, Word};
    use verifier::{Checker, Report};

    /// `STR LR, -32(SP)!`, NOP, `ADD $32, SP`, RET: words from llvm-mc 14.
    const WORDS: [u32; 4] = [0xf81e_0ffe, 0xd503_201f, 0x9100_83ff, 0xd65f_03c0];

    /// What SP is when it runs.
    const ACTUAL: [i64; 4] = [0, 32, 32, 0];

    fn rows(depths: [i64; 4]) -> RowTable {
        let mut rows = RowTable::new();
        for depth in depths {
            rows.push(Row { depth: Depth(depth), unsafe_point: UnsafePoint::Safe }, 1);
        }
        rows
    }

    /// The verifier looks at rows that say `checked`; `declared` is what is in the
    /// program.
    fn subject(checked: [i64; 4], declared: [i64; 4]) -> Subject {
        let words = WORDS.map(Word::new);
        let mut report = Report::new();
        let rows = rows(checked);
        let function = verifier::Function::new(Pc(0x1000), &words, &rows);
        Checker::new().check(&function, &mut report);
        let subject = Subject::judged(&function, &report, |_| true);
        Subject { declared: declared.to_vec(), ..subject }
    }

    fn outcomes(subject: &Subject) -> Vec<Outcome> {
        (0..4).zip(ACTUAL).map(|(at, actual)| subject.compare(at, actual)).collect()
    }

    #[test]
    fn true_rows_agree() {
        assert_eq!(outcomes(&subject(ACTUAL, ACTUAL)), [Outcome::Agrees; 4]);
    }

    /// Every row of the function that changes, one instruction early or late.
    #[test]
    fn a_shifted_row_that_the_scan_does_not_know_is_a_failure() {
        let shifted = [([32, 32, 32, 0], 0), ([0, 0, 32, 0], 1), ([0, 32, 0, 0], 2)];
        for (declared, at) in shifted.into_iter().chain([([0, 32, 32, 32], 3)]) {
            let outcomes = outcomes(&subject(ACTUAL, declared));
            for (index, outcome) in outcomes.into_iter().enumerate() {
                let expected = if index == at { Outcome::Missed } else { Outcome::Agrees };
                assert_eq!(outcome, expected, "{declared:?} at {index}");
                assert_eq!(outcome.is_failure(), index == at);
            }
        }
    }

    #[test]
    fn a_shifted_row_that_the_scan_finds_is_none() {
        for (declared, at) in [([0, 0, 32, 0], 1), ([0, 32, 0, 0], 2)] {
            let outcomes = outcomes(&subject(declared, declared));
            assert_eq!(outcomes[at], Outcome::Found, "{declared:?}");
            assert!(!outcomes[at].is_failure());
        }
    }

    #[test]
    fn a_finding_with_another_depth_is_a_failure_even_where_the_row_is_true() {
        let mut subject = subject(ACTUAL, ACTUAL);
        subject.claims.insert(1, 16);
        assert_eq!(subject.compare(1, 32), Outcome::Misjudged);
        assert!(subject.compare(1, 32).is_failure());
        subject.claims.insert(1, 32);
        assert_eq!(subject.compare(1, 32), Outcome::Agrees);
    }

    #[test]
    fn what_the_scan_leaves_open_is_counted_apart() {
        let wrong = [0, 0, 32, 0];
        let undecided = Subject { undecided: true, ..subject(ACTUAL, wrong) };
        assert_eq!(undecided.compare(1, 32), Outcome::Undecided);
        let owns_up = Subject { owns_up: true, ..subject(ACTUAL, wrong) };
        assert_eq!(owns_up.compare(1, 32), Outcome::OwnedUp);
        assert_eq!(owns_up.compare(4, 32), Outcome::NoRow);
    }
}
