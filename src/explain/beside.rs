//! The same boundary of the same frame under a policy that satisfies every rule.

use super::{Checked, Scene, Story, word};
use a64::decode::{Inst, decode};
use lowering::{Frame, Policy, lower};
use unwind::{Depth, Index, Word};
use verifier::Function;

/// The policy that others are shown beside.
const FIXED: &str = "complete";

/// The boundary of the same frame under the fixed policy that corresponds to `at`:
/// at the same distance from the entry in a prologue, from the return in an epilogue,
/// from the end behind it.
pub(super) fn beside(frame: Frame, function: &Function<'_>, at: Index) -> Option<Story> {
    let policy = Policy::resolve(FIXED).ok()?;
    let lowered = lower(&frame, policy);
    let scene = Scene::lowered(&lowered, frame, policy, policy.name);
    let fixed = &scene.function;
    let there = counterpart(function, fixed, at);
    Some(Checked::new(fixed).story(&scene, there))
}

fn counterpart(function: &Function<'_>, fixed: &Function<'_>, at: Index) -> Index {
    let (mine, theirs) = (opened(function), opened(fixed));
    let same = theirs.0.saturating_add(at.0).saturating_sub(mine.0);
    let in_prologue = at.0 <= mine.0.saturating_add(PROLOGUE_REST)
        && word(function, at) == word(fixed, Index(same));
    if at <= mine || in_prologue {
        Index(same)
    } else if let (Some(distance), Some(end)) = (to_return(function, at), return_of(fixed)) {
        Index(end.0.saturating_sub(distance).max(theirs.0.saturating_add(1)))
    } else if return_of(function).is_some_and(|end| at > end) {
        Index(end(fixed).saturating_sub(end(function).saturating_sub(at.0)))
    } else {
        Index(theirs.0.saturating_add(1))
    }
}

/// How many instructions of a prologue follow the one that moves SP: the stores, and
/// the one that sets R29.
const PROLOGUE_REST: u32 = 2;

/// The first boundary that declares a frame.
fn opened(function: &Function<'_>) -> Index {
    let open = function.rows.spans().iter().find(|span| span.row.depth > Depth(0));
    open.map(|span| span.start).unwrap_or_default()
}

/// How far a return may be from a boundary of its epilogue, in instructions.
const EPILOGUE: u32 = 12;

/// How many instructions run from a boundary up to the return, if they are those of
/// an epilogue.
fn to_return(function: &Function<'_>, at: Index) -> Option<u32> {
    for distance in 0..EPILOGUE {
        match decode(*word(function, Index(at.0.checked_add(distance)?))?) {
            Inst::Return { .. } => return Some(distance),
            Inst::Call { .. } | Inst::CallReg { .. } | Inst::Branch { .. } => return None,
            _ => {}
        }
    }
    None
}

/// The boundary behind the last instruction, padding left out.
fn end(function: &Function<'_>) -> u32 {
    let last = function.words.iter().rposition(|word| word.get() != 0);
    last.map_or(0, |last| u32::try_from(last + 1).unwrap_or(u32::MAX))
}

/// The last return.
pub(super) fn return_of(function: &Function<'_>) -> Option<Index> {
    let is_return = |word: &Word| matches!(decode(*word), Inst::Return { .. });
    let last = function.words.iter().rposition(is_return)?;
    u32::try_from(last).ok().map(Index)
}
