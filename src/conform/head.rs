//! The start of a function, held against the predictions: the stack check, the
//! prologue, the call of morestack, and what Go's assembler puts around them that
//! does not depend on the frame (`obj7.go`, `stacksplit` and `preprocess`).

use super::Variation;
use super::predict::{Part, PolicySet, Prediction, Variant};
use super::words::{
    alike, argument_access, call_offset, is_branch, is_call, placeless, target, word,
};
use core::ops::Range;
use lowering::StackCheck;
use lowering::constant::{LongConstants, Words, expand_arith, select_arith};
use lowering::encode::{self, Arith, Reg};
use unwind::{Index, Pc, Word};

/// `MOVD 16(R28), R16`: the stack guard of a goroutine (`stackguard0`).
const STACK_GUARD: Word = Word::new(0xf940_0b90);

/// `MOVD 24(R28), R16`: the stack guard of the system stack (`stackguard1`).
const SYSTEM_STACK_GUARD: Word = Word::new(0xf940_0f90);

/// `MOVD 32(R28), R16`: the innermost panic (`g._panic`).
const LOAD_PANIC: Word = Word::new(0xf940_1390);

/// `CBNZ R16`, without its distance.
const IF_PANIC: u32 = 0xb500_0010;

/// `BNE`, without its distance.
const IF_NOT_EQUAL: u32 = 0x5400_0001;

/// `B`, without its distance.
const BRANCH: u32 = 0x1400_0000;

/// What `-d=maymorestack` puts before the stack check, without its arguments: a
/// frame of 32 bytes around a call, with R26 saved in it.
const MAY_MORE_STACK: [Word; 8] = [
    Word::new(0xf81e_0ffe), // MOVD.W R30, -32(RSP)
    Word::new(0xf81f_83fd), // MOVD R29, -8(RSP)
    Word::new(0xd100_23fd), // SUB $8, RSP, R29
    Word::new(0xf900_07fa), // MOVD R26, 8(RSP)
    Word::new(0x9400_0000), // CALL
    Word::new(0xf940_07fa), // MOVD 8(RSP), R26
    Word::new(0xf85f_83fd), // MOVD -8(RSP), R29
    Word::new(0xf842_07fe), // MOVD.P 32(RSP), R30
];

/// The code of a function, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code<'a> {
    pub(super) words: &'a [Word],
    pub(super) entry: Pc,
    /// The entries of `runtime.morestack`, `morestack_noctxt` and `morestackc`;
    /// empty where none of them has its name.
    pub(super) more_stack: &'a [Pc],
}

/// How a function starts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Head {
    /// What was predicted of it.
    pub(super) part: Part,
    /// Who predicts it.
    pub(super) policies: PolicySet,
    /// What is there besides.
    pub(super) variation: Option<Variation>,
    /// Whether the panic check of a wrapper follows.
    pub(super) checks_panic: bool,
    /// What stands there.
    pub(super) range: Range<Index>,
    /// Where the frame is open.
    pub(super) body: Index,
    /// Where the check branches to.
    pub(super) more_stack: Option<Index>,
    /// How many calls the assembler added.
    pub(super) calls: u32,
}

/// Where the prologue that `-d=maymorestack` puts first ends.
pub(super) fn may_more_stack(code: &[Word]) -> Option<Index> {
    let spilled = arguments(code, Index(0), true);
    let mut at = spilled;
    for expected in MAY_MORE_STACK {
        if !alike(word(code, at)?, expected) {
            return None;
        }
        at = next(at);
    }
    let end = arguments(code, at, false);
    (end.0 - at.0 == spilled.0).then_some(end)
}

/// Holds the start of a function with a frame against a prediction.
pub(super) fn read(code: &Code<'_>, prediction: &Prediction, frame: u32) -> Head {
    let prefix = may_more_stack(code.words);
    let start = prefix.unwrap_or_default();
    let split = StackCheck::WhereNeeded;
    let checked = opening(code.words, start, &prediction.prologue).map(|found| (split, found));
    let found = checked.or_else(|| {
        let found = opening(code.words, start, &prediction.nosplit)?;
        Some((StackCheck::NoSplit, found))
    });
    let prefix_calls = u32::from(prefix.is_some());
    let Some((check, found)) = found else {
        let length = prediction.prologue.first().map_or(0, |variant| variant.words.len() as u32);
        let end = Index(start.0.saturating_add(length));
        return Head {
            part: Part::Prologue(split),
            policies: PolicySet::NONE,
            variation: None,
            checks_panic: false,
            range: start..end,
            body: start,
            more_stack: None,
            calls: prefix_calls,
        };
    };
    let mut head = Head {
        part: Part::Prologue(check),
        policies: found.policies,
        variation: prefix.map(|_| Variation::MayMoreStack).or(found.variation),
        checks_panic: word(code.words, found.end) == Some(LOAD_PANIC),
        range: Index(0)..found.end,
        body: found.end,
        more_stack: found.more_stack,
        calls: prefix_calls + u32::from(found.more_stack.is_some()),
    };
    if let Some(at) = found.more_stack
        && !calls_more_stack(code, at, start)
    {
        let end = Index(at.0.saturating_add(prediction.more_stack.len() as u32));
        return Head { part: Part::MoreStack, policies: PolicySet::NONE, range: at..end, ..head };
    }
    if head.checks_panic {
        match panic_check(code.words, found.end, frame) {
            Some(end) => {
                head.variation = head.variation.or(Some(Variation::WrapperPanicCheck));
                head.range.end = end;
            }
            None => head.policies = PolicySet::NONE,
        }
    }
    head
}

/// A prologue that was found.
struct Opening {
    policies: PolicySet,
    variation: Option<Variation>,
    end: Index,
    more_stack: Option<Index>,
}

/// The variant that stands at `start`. The branches of the check all go to the
/// same place.
fn opening(code: &[Word], start: Index, variants: &[Variant]) -> Option<Opening> {
    variants.iter().find_map(|variant| {
        let mut found =
            Opening { policies: variant.policies, variation: None, end: start, more_stack: None };
        for &expected in &variant.words {
            let actual = word(code, found.end)?;
            if expected == STACK_GUARD && actual == SYSTEM_STACK_GUARD {
                found.variation = Some(Variation::SystemStackCheck);
                found.end = next(found.end);
            } else if placeless(expected) == expected.get() {
                if actual != expected {
                    return None;
                }
                found.end = next(found.end);
            } else {
                let branch = branch(code, found.end, placeless(expected))?;
                if found.more_stack.is_some_and(|first| first != branch.target) {
                    return None;
                }
                found.more_stack = Some(branch.target);
                if branch.far {
                    found.variation = found.variation.or(Some(Variation::FarBranch));
                }
                found.end = branch.end;
            }
        }
        Some(found)
    })
}

/// A conditional branch that was found.
struct Branch {
    target: Index,
    end: Index,
    far: bool,
}

/// The conditional branch at `at`, whose word is `expected` but for the distance.
/// One that is out of range goes to a B behind it, which a second one jumps over
/// (`asm7.go`, `fixUpLongBranch`).
fn branch(code: &[Word], at: Index, expected: u32) -> Option<Branch> {
    if placeless(word(code, at)?) != expected {
        return None;
    }
    let (near, end) = (target(code, at)?, next(at));
    let far = next(end);
    let branches = |at| word(code, at).is_some_and(is_branch);
    if near == far && branches(end) && branches(far) && target(code, end)? == next(far) {
        return Some(Branch { target: target(code, far)?, end: next(far), far: true });
    }
    Some(Branch { target: near, end, far: false })
}

/// Whether the call of morestack stands at `at`: the arguments that came in
/// registers are spilled, morestack is called with LR in R3, they are reloaded,
/// and the function starts again.
fn calls_more_stack(code: &Code<'_>, at: Index, start: Index) -> bool {
    let words = code.words;
    let saves_lr = arguments(words, at, true);
    let call = next(saves_lr);
    let reloads = next(call);
    let again = arguments(words, reloads, false);
    let callee = word(words, call)
        .and_then(call_offset)
        .map(|offset| Pc(code.entry.0.wrapping_add(call.offset()).wrapping_add_signed(offset)));
    let known = |callee| code.more_stack.is_empty() || code.more_stack.contains(&callee);
    word(words, saves_lr) == Some(encode::move_register(Reg::R3, Reg::LR))
        && callee.is_some_and(known)
        && saves_lr.0 - at.0 == again.0 - reloads.0
        && word(words, again).is_some_and(is_branch)
        && target(words, again) == Some(start)
}

/// Where the accesses of register arguments from `at` on end.
fn arguments(code: &[Word], at: Index, store: bool) -> Index {
    let mut words = code.get(at.0 as usize..).unwrap_or_default();
    let mut end = at;
    while let Some(taken) = argument_access(words, store) {
        words = words.get(taken..).unwrap_or_default();
        end = Index(end.0 + taken as u32);
    }
    end
}

/// Where the panic check of a wrapper ends that starts at `at`, if all of it is
/// there: `if g._panic != nil && g._panic.argp == FP { g._panic.argp = bottom of
/// frame }` (`obj7.go` up to go1.25, `Wrapper`).
fn panic_check(code: &[Word], at: Index, frame: u32) -> Option<Index> {
    let found = branch(code, next(at), IF_PANIC)?;
    let (mut at, end) = (found.target, found.end);
    let mut expected = Words::new();
    expected.push(Word::new(0xf940_0211)); // MOVD (R16), R17
    let (bottom, long) = (i64::from(frame) + 8, LongConstants::WideMoves);
    let selection = select_arith(Arith::Add, bottom, long);
    expand_arith(Arith::Add, Reg::R20, Reg::SP, bottom, selection, long, &mut expected);
    expected.push(encode::compare(Reg::R20, Reg::RT2));
    for expected in expected {
        at = exactly(code, at, expected)?;
    }
    let back = branch(code, at, IF_NOT_EQUAL)?;
    at = exactly(code, back.end, Word::new(0x9100_23f4))?; // ADD $8, RSP, R20
    at = exactly(code, at, Word::new(0xf900_0214))?; // MOVD R20, (R16)
    let ends = placeless(word(code, at)?) == BRANCH && target(code, at) == Some(end);
    (ends && back.target == end).then_some(end)
}

fn exactly(code: &[Word], at: Index, expected: Word) -> Option<Index> {
    (word(code, at)? == expected).then_some(next(at))
}

fn next(at: Index) -> Index {
    Index(at.0.saturating_add(1))
}

/// How many calls there are in a function, the assembler's own among them.
pub(super) fn calls(code: &[Word]) -> u32 {
    code.iter().filter(|&&word| is_call(word)).count() as u32
}
