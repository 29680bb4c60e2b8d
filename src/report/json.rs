//! JSON. Each document names its schema; fields may be added to a schema, never
//! changed or removed. Addresses, offsets and words are strings of lower-case
//! hexadecimal.

mod budget;
mod conform;
mod explain;
mod review;
mod scan;

pub use budget::{BudgetDocument, budget};
pub use conform::{ConformDocument, conform};
pub use explain::{ExplainDocument, explain};
pub use review::{ReviewDocument, review};
pub use scan::{ScanDocument, scan};

use crate::explain::worst;
use crate::lower::Listing;
use crate::prove::Proof;
use a64::syntax::GoSyntax;
use lowering::{Kind, Policy};
use serde::Serialize;
use std::collections::BTreeMap;
use unwind::UnsafePoint;
use verifier::{Observer, Rule, Severity, Verdict};

/// `midframe/prove/1`
#[derive(Debug, Serialize)]
pub struct ProveDocument {
    schema: &'static str,
    seconds: f64,
    /// How many distinct sequences were verified, counted for each frame anew.
    sequences: u64,
    theorems: Vec<TheoremObject>,
}

#[derive(Debug, Serialize)]
struct TheoremObject {
    policy: &'static str,
    releases: Vec<String>,
    leaf: bool,
    frames: u64,
    boundaries: u64,
    verdict: String,
    refuted_frames: u64,
    undecided_frames: u64,
    smallest: Option<u32>,
    rules: BTreeMap<&'static str, u64>,
    /// What can happen at worst in the releases of the policy; null if no rule is broken, or
    /// nobody looks.
    severity: Option<&'static str>,
}

/// The document of a proof.
#[must_use]
pub fn prove(proof: &Proof) -> ProveDocument {
    let theorems = proof.theorems.iter().map(|theorem| TheoremObject {
        policy: theorem.policy.name,
        releases: releases(&theorem.policy),
        leaf: theorem.kind == Kind::Leaf,
        frames: theorem.tally.frames,
        boundaries: theorem.tally.boundaries,
        verdict: theorem.tally.verdict().to_string(),
        refuted_frames: theorem.tally.refuted,
        undecided_frames: theorem.tally.undecided,
        smallest: theorem.tally.smallest.map(lowering::FrameSize::bytes),
        rules: Rule::ALL.map(Rule::id).into_iter().zip(theorem.tally.rules).collect(),
        severity: theorem.severity().map(Severity::id),
    });
    ProveDocument {
        schema: "midframe/prove/1",
        seconds: proof.elapsed.as_secs_f64(),
        sequences: proof.sequences,
        theorems: theorems.collect(),
    }
}

fn releases(policy: &Policy) -> Vec<String> {
    policy.releases.iter().map(ToString::to_string).collect()
}

/// `midframe/lower/1`
#[derive(Debug, Serialize)]
pub struct LowerDocument {
    schema: &'static str,
    /// As asked for.
    policy: String,
    releases: Vec<String>,
    leaf: bool,
    frame_size: u32,
    verdicts: BTreeMap<&'static str, &'static str>,
    boundaries: Vec<BoundaryObject>,
}

#[derive(Debug, Serialize)]
struct BoundaryObject {
    offset: u64,
    word: String,
    instruction: String,
    declared: i64,
    actual: i64,
    preemptible: bool,
    unsafe_point: i32,
    rules: Vec<&'static str>,
    /// What can happen at worst; null if no rule is broken, or nobody looks.
    severity: Option<&'static str>,
}

/// The document of a listing.
#[must_use]
pub fn lower(listing: &Listing) -> LowerDocument {
    let boundaries = listing.boundaries.iter().map(|boundary| BoundaryObject {
        offset: boundary.at.offset(),
        word: format!("{:#010x}", boundary.word.get()),
        instruction: GoSyntax(boundary.word).to_string(),
        declared: boundary.declared.0,
        actual: boundary.actual.0,
        preemptible: boundary.unsafe_point != UnsafePoint::Unsafe,
        unsafe_point: boundary.unsafe_point.pcdata(),
        rules: boundary.rules().map(Rule::id).collect(),
        severity: worst(&boundary.broken).map(Severity::id),
    });
    LowerDocument {
        schema: "midframe/lower/1",
        policy: listing.asked.clone(),
        releases: releases(&listing.policy),
        leaf: listing.frame.kind == Kind::Leaf,
        frame_size: listing.frame.size.bytes(),
        verdicts: verdicts(|observer| listing.verdict(observer)),
        boundaries: boundaries.collect(),
    }
}

fn verdicts(of: impl Fn(Observer) -> Verdict) -> BTreeMap<&'static str, &'static str> {
    let verdict = |observer| (Observer::id(observer), of(observer).id());
    Observer::ALL.into_iter().map(verdict).collect()
}

/// `midframe/policies/1`
#[derive(Debug, Serialize)]
pub struct PoliciesDocument {
    schema: &'static str,
    policies: Vec<PolicyObject>,
}

#[derive(Debug, Serialize)]
struct PolicyObject {
    policy: &'static str,
    releases: Vec<String>,
    summary: &'static str,
}

/// The document of the policies.
#[must_use]
pub fn policies(policies: &[Policy]) -> PoliciesDocument {
    let policies = policies.iter().map(|policy| PolicyObject {
        policy: policy.name,
        releases: releases(policy),
        summary: policy.summary,
    });
    PoliciesDocument { schema: "midframe/policies/1", policies: policies.collect() }
}
