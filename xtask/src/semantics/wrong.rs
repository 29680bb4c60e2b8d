//! Wrong models, each of which has to be caught.

use super::model::{Claim, Range};
use super::parts::{MEMORY, Set};
use super::{Judges, Request, against_llvm, against_machine};
use anyhow::Result;

/// A word, what the manual says of it, how a model may be wrong about it, and who has to see that.
pub(super) struct Wrong {
    /// What is wrong.
    pub(super) name: &'static str,
    /// The word.
    pub(super) word: u32,
    /// The right claim (Arm ARM, DDI 0487, C6.2).
    right: fn() -> Claim,
    /// Makes it wrong.
    spoil: fn(&mut Claim),
    /// Whether LLVM sees it, and whether the machine does.
    pub(super) seen: (bool, bool),
}

impl Wrong {
    /// The right claim.
    pub(super) fn right(&self) -> Claim {
        (self.right)()
    }

    /// The wrong claim.
    pub(super) fn wrong(&self) -> Claim {
        let mut claim = self.right();
        (self.spoil)(&mut claim);
        claim
    }
}

/// The wrong models that a judge takes for right, and the right ones that it takes for wrong.
///
/// # Errors
/// When a judge fails.
pub fn not_caught(judges: &Judges) -> Result<Vec<String>> {
    let mut failures = Vec::new();
    for case in CASES {
        let view = judges.llvm.views(&[case.word])?.remove(0);
        for (claim, expected) in [(case.right(), (false, false)), (case.wrong(), case.seen)] {
            let (word, states) = (case.word, 6);
            let request = Request { word, claim: Some(claim.clone()), may_store: true, states };
            let answer = judges.machine.execute(&[request], |_| ())?.remove(0);
            let by_llvm = view.as_ref().is_some_and(|view| !against_llvm(&claim, view).is_empty());
            let seen = (by_llvm, !against_machine(&claim, &answer).is_empty());
            if seen != expected {
                failures.push(format!("{}: {seen:?} instead of {expected:?}", case.name));
            }
        }
    }
    Ok(failures)
}

/// The cases. What the machine cannot see is what a claim has too much of.
pub(super) const CASES: &[Wrong] = &[
    case("STR Z stores nothing", 0xe580_43e0, str_z, |claim| claim.stores = None, (true, true)),
    case("STR Z does not read SP", 0xe580_43e0, str_z, |claim| keep(claim, "V0"), (true, true)),
    case("CAS does not write Rs", 0xc8be_7c41, cas, |claim| change(claim, ""), (true, true)),
    case(
        "LDADDAL of X26 reads X27",
        0xf8fa_0022,
        ldaddal,
        |claim| keep(claim, "X1,X26,X27"),
        (true, false),
    ),
    case(
        "LDADDAL does not read X26",
        0xf8fa_0022,
        ldaddal,
        |claim| keep(claim, "X1"),
        (true, true),
    ),
    case("SCVTF D27 writes X27", 0x9e62_005b, scvtf, |claim| change(claim, "X27"), (true, true)),
    case(
        "STP stores one word",
        0xa93e_effd,
        stp,
        |claim| claim.stores = at(31, -24, 8),
        (false, true),
    ),
    case(
        "STP stores elsewhere",
        0xa93e_effd,
        stp,
        |claim| claim.stores = at(31, -16, 16),
        (false, true),
    ),
    case(
        "LDR loads elsewhere",
        0xf85f_03e0,
        ldr,
        |claim| claim.loads = at(31, -8, 8),
        (false, true),
    ),
    case("LDR loads nothing", 0xf85f_03e0, ldr, |claim| claim.loads = None, (true, true)),
    case("SUBPS keeps the flags", 0xbac3_0041, subps, |claim| change(claim, "X1"), (true, true)),
    case("SUBPS writes X4", 0xbac3_0041, subps, |claim| change(claim, "X1,X4,NZCV"), (true, true)),
    case(
        "CBNZ does not branch",
        0xb500_0040,
        cbnz,
        |claim| claim.branches = Some(false),
        (true, true),
    ),
    case("CBNZ does not read X0", 0xb500_0040, cbnz, |claim| keep(claim, ""), (true, true)),
];

const fn case(
    name: &'static str,
    word: u32,
    right: fn() -> Claim,
    spoil: fn(&mut Claim),
    seen: (bool, bool),
) -> Wrong {
    Wrong { name, word, right, spoil, seen }
}

/// Has a claim read these registers alone.
fn keep(claim: &mut Claim, reads: &str) {
    claim.reads = Set::parse(reads).0.or(claim.reads.and(Set::of(MEMORY)));
}

/// Has a claim write these registers alone, all of them for sure.
fn change(claim: &mut Claim, writes: &str) {
    claim.surely = Set::parse(writes).0;
    claim.writes = claim.surely.or(claim.writes.and(Set::of(MEMORY)));
}

/// STR Z0, [SP]. How many bytes a vector has, a model cannot know.
fn str_z() -> Claim {
    let stores = at(31, 0, 32).map(|range| Range { bytes: None, ..range });
    Claim { stores, ..claim("SP,V0", "") }
}

/// CAS X30, X1, [X2]
fn cas() -> Claim {
    let stores = at(2, 0, 8).map(|range| Range { surely: false, ..range });
    Claim { loads: at(2, 0, 8), stores, ..claim("X1,X2,X30", "X30") }
}

/// LDADDAL X26, X2, [X1]
fn ldaddal() -> Claim {
    Claim { loads: at(1, 0, 8), stores: at(1, 0, 8), ..claim("X1,X26", "X2") }
}

/// SCVTF D27, X2
fn scvtf() -> Claim {
    claim("X2", "V27")
}

/// STP X29, X27, [SP, #-24]
fn stp() -> Claim {
    Claim { stores: at(31, -24, 16), ..claim("X27,X29,SP", "") }
}

/// LDUR X0, [SP, #-16]
fn ldr() -> Claim {
    Claim { loads: at(31, -16, 8), ..claim("SP", "X0") }
}

/// SUBPS X1, X2, X3
fn subps() -> Claim {
    claim("X2,X3", "X1,NZCV")
}

/// CBNZ X0, .+8
fn cbnz() -> Claim {
    Claim { branches: Some(true), ..claim("X0", "") }
}

/// A claim of what is read, and of what is written for sure.
fn claim(reads: &str, writes: &str) -> Claim {
    let (reads, writes) = (Set::parse(reads).0, Set::parse(writes).0);
    Claim { reads, writes, surely: writes, branches: Some(false), ..Claim::default() }
}

/// A range that is accessed for sure.
fn at(base: u8, offset: i64, bytes: u32) -> Option<Range> {
    Some(Range { base: Some(base), offset: Some(offset), bytes: Some(bytes), surely: true })
}
