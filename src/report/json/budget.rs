//! `midframe/budget/1`

use crate::budget::{Budget, Measured, Open, Place, Step};
use a64::syntax::GoSyntax;
use serde::Serialize;
use verifier::Verdict;

/// `midframe/budget/1`
#[derive(Debug, Serialize)]
pub struct BudgetDocument {
    schema: &'static str,
    path: String,
    container: String,
    architecture: &'static str,
    bytes: u64,
    verdict: &'static str,
    totals: Totals,
    functions: Vec<FunctionObject>,
}

#[derive(Debug, Serialize)]
struct Totals {
    functions: usize,
    within: usize,
    exceeds: usize,
    undecided: usize,
}

#[derive(Debug, Serialize)]
struct FunctionObject {
    function: String,
    aliases: Vec<String>,
    entry: String,
    verdict: &'static str,
    /// `null` where it is not known.
    deepest: Option<u64>,
    /// As far as is known.
    at_least: u64,
    at: Option<PlaceObject>,
    chain: Vec<StepObject>,
    undecided: Vec<OpenObject>,
}

#[derive(Debug, Serialize)]
struct PlaceObject {
    function: String,
    entry: String,
    pc: String,
    word: String,
    instruction: String,
}

#[derive(Debug, Serialize)]
struct StepObject {
    depth: u64,
    #[serde(flatten)]
    at: PlaceObject,
}

#[derive(Debug, Serialize)]
struct OpenObject {
    reason: &'static str,
    target: Option<String>,
    #[serde(flatten)]
    at: PlaceObject,
}

/// The document of a measurement.
#[must_use]
pub fn budget(budget: &Budget) -> BudgetDocument {
    let count = |verdict| {
        let of =
            budget.functions.iter().filter(|function| function.verdict(budget.bytes) == verdict);
        of.count()
    };
    BudgetDocument {
        schema: "midframe/budget/1",
        path: budget.path.display().to_string(),
        container: budget.container.clone(),
        architecture: "arm64",
        bytes: budget.bytes,
        verdict: name(budget.verdict()),
        totals: Totals {
            functions: budget.functions.len(),
            within: count(Verdict::Proved),
            exceeds: count(Verdict::Refuted),
            undecided: count(Verdict::Undecided),
        },
        functions: budget.functions.iter().map(|measured| function(measured, budget)).collect(),
    }
}

fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Proved => "within",
        Verdict::Refuted => "exceeds",
        Verdict::Undecided | Verdict::NotObserved => "undecided",
    }
}

fn function(measured: &Measured, budget: &Budget) -> FunctionObject {
    let mut names = measured.names.iter().cloned();
    FunctionObject {
        function: names.next().unwrap_or_default(),
        aliases: names.collect(),
        entry: measured.entry.to_string(),
        verdict: name(measured.verdict(budget.bytes)),
        deepest: measured.open.is_empty().then_some(measured.depth),
        at_least: measured.depth,
        at: measured.at.as_ref().map(place),
        chain: measured.chain.iter().map(step).collect(),
        undecided: measured.open.iter().map(open).collect(),
    }
}

fn place(place: &Place) -> PlaceObject {
    PlaceObject {
        function: place.function.clone(),
        entry: place.entry.to_string(),
        pc: place.pc.to_string(),
        word: format!("{:#010x}", place.word.get()),
        instruction: GoSyntax(place.word).to_string(),
    }
}

fn step(step: &Step) -> StepObject {
    StepObject { depth: step.depth, at: place(&step.at) }
}

fn open(open: &Open<Place>) -> OpenObject {
    let (reason, target) = (open.reason.id(), open.detail.clone());
    OpenObject { reason, target, at: place(&open.at) }
}
