//! `midframe/conform/1`

use crate::conform::predict::Part;
use crate::conform::{Conformed, Deviation, Variation, names};
use a64::syntax::GoSyntax;
use lowering::Kind;
use serde::Serialize;
use std::collections::BTreeMap;
use unwind::{Index, Word};

/// `midframe/conform/1`
#[derive(Debug, Serialize)]
pub struct ConformDocument {
    schema: &'static str,
    path: String,
    container: String,
    architecture: &'static str,
    go_version: Option<String>,
    /// The policy, or those that lower every frame alike, joined by `/`.
    policy: Option<String>,
    candidates: Vec<&'static str>,
    evidence: Vec<&'static str>,
    functions: u64,
    assembly: u64,
    frameless: u64,
    never_returning: u64,
    unreadable: u64,
    prologues: u64,
    epilogues: u64,
    matched: u64,
    matched_prologues: u64,
    matched_epilogues: u64,
    unexplained: u64,
    kinds: BTreeMap<&'static str, u64>,
    policies: Vec<PolicyObject>,
    unlisted_deviations: u64,
    deviations: Vec<DeviationObject>,
}

#[derive(Debug, Serialize)]
struct PolicyObject {
    policy: &'static str,
    matched: u64,
    unexplained: u64,
}

#[derive(Debug, Serialize)]
struct DeviationObject {
    function: String,
    entry: String,
    pc: String,
    part: &'static str,
    /// Null for what has no name: the model does not explain it.
    kind: Option<&'static str>,
    frame_size: u32,
    leaf: bool,
    predicted: Vec<InstructionObject>,
    actual: Vec<InstructionObject>,
}

#[derive(Debug, Serialize)]
struct InstructionObject {
    offset: u64,
    word: String,
    instruction: String,
}

/// The document of a comparison.
#[must_use]
pub fn conform(conformed: &Conformed) -> ConformDocument {
    let (survey, choice) = (&conformed.survey, &conformed.choice);
    let best = choice.best;
    let kinds = Variation::ALL.map(|variation| (variation.id(), survey.varied(best, variation)));
    let policies = conformed.policies.iter().enumerate().map(|(rank, policy)| PolicyObject {
        policy: policy.name,
        matched: survey.matched(rank, None),
        unexplained: survey.unexplained(rank),
    });
    let (prologues, epilogues) = (survey.prologues(), survey.epilogues());
    let listed = conformed.deviations.len() as u64;
    ConformDocument {
        schema: "midframe/conform/1",
        path: conformed.path.display().to_string(),
        container: conformed.container.clone(),
        architecture: conformed.architecture,
        go_version: conformed.go_version.clone(),
        policy: choice.policy.clone(),
        candidates: names(&conformed.policies, choice.candidates).collect(),
        evidence: choice.evidence.iter().map(|evidence| evidence.id()).collect(),
        functions: survey.functions,
        assembly: survey.assembly,
        frameless: survey.frameless,
        never_returning: survey.never_returning,
        unreadable: survey.unreadable.0,
        prologues,
        epilogues,
        matched: conformed.matched(),
        matched_prologues: survey.matched(best, Some(true)),
        matched_epilogues: survey.matched(best, Some(false)),
        unexplained: conformed.unexplained(),
        kinds: kinds.into_iter().collect(),
        policies: policies.collect(),
        unlisted_deviations: prologues + epilogues - conformed.matched() - listed,
        deviations: conformed.deviations.iter().map(deviation).collect(),
    }
}

fn deviation(deviation: &Deviation) -> DeviationObject {
    let at = deviation.at;
    DeviationObject {
        function: deviation.function.clone(),
        entry: deviation.entry.to_string(),
        pc: deviation.pc().to_string(),
        part: match deviation.part {
            Part::Prologue(_) => "prologue",
            Part::MoreStack => "morestack",
            Part::Epilogue => "epilogue",
        },
        kind: deviation.variation.map(Variation::id),
        frame_size: deviation.frame_size.bytes(),
        leaf: deviation.kind == Kind::Leaf,
        predicted: instructions(at, &deviation.predicted),
        actual: instructions(at, &deviation.actual),
    }
}

fn instructions(start: Index, words: &[Word]) -> Vec<InstructionObject> {
    let words = (start.0..).map(Index).zip(words);
    let instruction = |(at, &word): (Index, &Word)| InstructionObject {
        offset: at.offset(),
        word: format!("{:#010x}", word.get()),
        instruction: GoSyntax(word).to_string(),
    };
    words.map(instruction).collect()
}
