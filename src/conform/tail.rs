//! The ends of a function, held against the predictions: each return and each
//! jump out of the function, with the pop before it, and each place where the
//! rows say that the frame is gone.

use super::Variation;
use super::head::{Code, Head};
use super::predict::{PolicySet, Variant};
use super::words::{is_branch, literals, return_register, target, word};
use lowering::encode::Reg;
use unwind::{Depth, Index, RowTable, Word};

/// An end of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tail {
    /// The return or jump, or where the frame is gone without either.
    pub(super) at: Index,
    /// Who predicts it, with the pop.
    pub(super) policies: PolicySet,
    /// What is there besides.
    pub(super) variation: Option<Variation>,
}

/// Finds the returns and the jumps out of a function.
pub(super) fn exits(code: &[Word], exits: &mut Vec<Index>) {
    exits.clear();
    for (at, &word) in (0_u32..).map(Index).zip(code) {
        let leaves = || is_branch(word) && target(code, at).is_none();
        if return_register(word).is_some() || leaves() {
            exits.push(at);
        }
    }
}

/// Holds the ends of a function with a frame against the epilogue's variants. The
/// call of morestack is the one place without a frame that is not an end.
pub(super) fn read(
    code: &Code<'_>,
    rows: &RowTable,
    epilogue: &[Variant],
    head: &Head,
    exits: &[Index],
    tails: &mut Vec<Tail>,
) {
    tails.clear();
    let mut data = None;
    let mut is_data = |at| {
        let data = data.get_or_insert_with(|| literals(code.words));
        data.binary_search(&at).is_ok()
    };
    for &at in exits {
        let found = tail(code.words, at, epilogue);
        let popped = rows.row(at).is_some_and(|row| row.depth == Depth(0));
        match found {
            Some(tail) if popped => tails.push(tail),
            _ if is_data(at) => {}
            _ => tails.push(Tail { at, policies: PolicySet::NONE, variation: None }),
        }
    }
    let ended = tails.len();
    for pair in rows.spans().windows(2) {
        let [before, span] = pair else { continue };
        if span.start < head.body {
            continue;
        }
        let pops = before.row.depth != Depth(0) && span.row.depth == Depth(0);
        // An older leaf moves SP one instruction before it returns.
        let after = tails.get(..ended).unwrap_or_default();
        let after = after.get(after.partition_point(|tail| tail.at < span.start));
        let ends = |tail: &Tail| tail.at.0 - span.start.0 <= 1;
        let explained = !pops
            || head.more_stack == Some(span.start)
            || after.is_some_and(ends)
            || span.start.0 as usize >= code.words.len();
        if !explained {
            let at = span.start;
            tails.push(Tail { at, policies: PolicySet::NONE, variation: None });
        }
    }
}

/// The end at `at`, if a variant's pop stands before it.
fn tail(code: &[Word], at: Index, epilogue: &[Variant]) -> Option<Tail> {
    let end = at.0 as usize;
    let popped_by = |variant: &&Variant| {
        let pop = variant.words.split_last().map_or(&[][..], |(_, pop)| pop);
        let start = end.checked_sub(pop.len());
        start.and_then(|start| code.get(start..end)) == Some(pop)
    };
    let policies = epilogue
        .iter()
        .filter(popped_by)
        .fold(PolicySet::NONE, |policies, variant| policies.union(variant.policies));
    let returns = word(code, at).and_then(return_register) == Some(Reg::LR);
    let variation = (!returns).then_some(Variation::TailJump);
    (!policies.is_empty()).then_some(Tail { at, policies, variation })
}
