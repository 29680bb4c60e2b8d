//! The frame code of a function: what opens its frame and what closes it.
//!
//! - The *prologue* is what stands before the first boundary that declares the depth
//!   of the body, with the check for stack space, and the stores of R29 and LR and the
//!   computation of R29 right behind it. The depth of the body is the one that most
//!   boundaries declare, 0 aside.
//! - The *call of morestack* is what the check branches to, up to the branch back; the
//!   register arguments that it saves and loads again are the function's, not the
//!   frame's, and are left out.
//! - An *epilogue* ends with a return, a jump to another function, or where the rows
//!   go back to 0. It begins with the first of the instructions that stand before that
//!   without a gap and write SP, R29 or LR, or a register that such an instruction
//!   reads. An end that nothing of this kind stands before pops nothing, and is none.
//!
//! A function without a frame has none of these. What stands between is the body, which
//! is the source's and is not compared; nor is how many returns it has. In assembly
//! whatever stands before the frame is open counts as prologue.

use super::step::{Code, Names, Places, Step};
use crate::conform::is_argument_access;
use a64::decode::{Access, Inst, Mode, Reg, Wide, decode, direct_branch};
use a64::{SpEffect, may_write, sp_effect};
use core::hash::{Hash as _, Hasher as _};
use core::ops::Range;
use std::collections::{BTreeMap, HashSet};
use std::hash::DefaultHasher;
use unwind::{Depth, Index, RowTable, Word};

/// How many instructions an epilogue has at most, its return left out. The longest that
/// the lowering emits has 9.
const LONGEST: u32 = 16;

/// How many instructions set up a frame behind the one that moves SP, at most.
const SET_UP: u32 = 4;

/// How many instructions the call of morestack has at most, with 16 integer and 16
/// floating-point arguments that it saves and loads.
const LONGEST_CALL: u32 = 80;

/// The frame code of one function. Made to be reused.
#[derive(Clone, Debug, Default)]
pub struct Parts<'a> {
    /// The depth of the body: the frame size. 0 without a frame.
    pub frame: Depth,
    steps: Vec<Step<'a>>,
    prologue: usize,
    more_stack: usize,
    epilogues: Vec<Range<usize>>,
}

impl<'a> Parts<'a> {
    /// The prologue.
    #[must_use]
    pub fn prologue(&self) -> &[Step<'a>] {
        self.steps.get(..self.prologue).unwrap_or_default()
    }

    /// The call of morestack, without arguments.
    #[must_use]
    pub fn more_stack(&self) -> &[Step<'a>] {
        self.steps.get(self.prologue..self.more_stack).unwrap_or_default()
    }

    /// The epilogues, in order.
    pub fn epilogues(&self) -> impl Iterator<Item = &[Step<'a>]> {
        self.epilogues.iter().map(|range| self.steps.get(range.clone()).unwrap_or_default())
    }

    /// The epilogues, each form of them once.
    #[must_use]
    pub fn distinct_epilogues(&self) -> Vec<&[Step<'a>]> {
        let mut known = HashSet::new();
        self.epilogues().filter(|steps| known.insert(digest(steps))).collect()
    }

    /// How many instructions the prologue and the epilogues have.
    #[must_use]
    pub fn instructions(&self) -> [u64; 2] {
        let epilogues = self.epilogues.iter().map(|range| range.len() as u64).sum();
        [self.prologue as u64, epilogues]
    }

    /// No frame code.
    pub fn clear(&mut self) {
        self.frame = Depth(0);
        self.steps.clear();
        (self.prologue, self.more_stack) = (0, 0);
        self.epilogues.clear();
    }

    /// Reads the frame code of a function.
    pub fn read(&mut self, code: &Code<'_>, names: &Names<'_, 'a>) {
        self.clear();
        let Some((frame, opened)) = body(code) else { return };
        self.frame = frame;
        let body = opened + set_up(code, opened);
        let more_stack = check_target(code.words, body);
        let places = Places { body, more_stack };
        let step = |at| Step::new(code, Index(at), places, names);
        self.steps.extend((0..body).map(step));
        self.prologue = self.steps.len();
        if let Some(start) = more_stack {
            self.steps.extend(call(code.words, start).map(step));
        }
        self.more_stack = self.steps.len();
        for at in (body..length(code.words)).filter(|&at| is_end(code.words, at)) {
            self.epilogue(places, code, names, at..at + 1);
        }
        // Where the rows go back to 0 and no end is near.
        let ended = self.epilogues.len();
        for pair in code.rows.spans().windows(2) {
            let [before, span] = pair else { continue };
            let at = span.start.0;
            let pops = before.row.depth != Depth(0) && span.row.depth == Depth(0);
            if pops && at > body && more_stack != Some(at) && !self.covers(ended, span.start) {
                self.epilogue(places, code, names, at..at);
            }
        }
    }

    /// Whether a boundary is one of the first epilogues, which are in order.
    fn covers(&self, ended: usize, at: Index) -> bool {
        let epilogues = self.epilogues.get(..ended).unwrap_or_default();
        let steps = |range: &Range<usize>| self.steps.get(range.clone()).unwrap_or_default();
        let begun = |range: &Range<usize>| steps(range).first().is_some_and(|step| step.at <= at);
        let before = epilogues.partition_point(begun).checked_sub(1);
        let before = before.and_then(|position| epilogues.get(position));
        before.is_some_and(|range| steps(range).last().is_some_and(|step| step.at >= at))
    }

    /// What pops the frame before `end`, and `end`, if anything does.
    fn epilogue(
        &mut self,
        places: Places,
        code: &Code<'_>,
        names: &Names<'_, 'a>,
        end: Range<u32>,
    ) {
        let start = walk_back(code.words, end.start, places.body);
        if start < end.start {
            let first = self.steps.len();
            let step = |at| Step::new(code, Index(at), places, names);
            self.steps.extend((start..end.end).map(step));
            self.epilogues.push(first..self.steps.len());
        }
    }
}

/// What two sequences that are the same have in common.
pub(super) fn digest(steps: &[Step<'_>]) -> u64 {
    let mut hasher = DefaultHasher::new();
    steps.iter().for_each(|step| step.normal().hash(&mut hasher));
    hasher.finish()
}

fn length(words: &[Word]) -> u32 {
    u32::try_from(words.len()).unwrap_or(u32::MAX)
}

fn word(words: &[Word], at: u32) -> Option<Word> {
    words.get(at as usize).copied()
}

/// The depth of the body, and the first boundary that declares it.
fn body(code: &Code<'_>) -> Option<(Depth, u32)> {
    let spans = code.rows.spans();
    let framed = || spans.iter().map(|span| span.row.depth).filter(|&depth| depth != Depth(0));
    let first = framed().next()?;
    let depth = match framed().all(|depth| depth == first) {
        true => first,
        false => most_declared(code.rows)?,
    };
    let opened = spans.iter().find(|span| span.row.depth == depth)?;
    ((opened.start.0 as usize) < code.words.len()).then_some((depth, opened.start.0))
}

/// The depth that most boundaries declare, 0 aside; the largest of several.
fn most_declared(rows: &RowTable) -> Option<Depth> {
    let spans = rows.spans();
    let ends = spans.iter().skip(1).map(|span| span.start.0).chain([rows.end().0]);
    let mut counts: BTreeMap<Depth, u64> = BTreeMap::new();
    for (span, end) in spans.iter().zip(ends).filter(|(span, _)| span.row.depth != Depth(0)) {
        *counts.entry(span.row.depth).or_default() += u64::from(end - span.start.0);
    }
    counts.into_iter().max_by_key(|&(depth, count)| (count, depth)).map(|(depth, _)| depth)
}

/// How many instructions from `at` on store R29 or LR, or make R29 of SP.
fn set_up(code: &Code<'_>, at: u32) -> u32 {
    let sets_up = |at| word(code.words, at).is_some_and(sets_up);
    (0..SET_UP).take_while(|&count| sets_up(at.saturating_add(count))).count() as u32
}

fn sets_up(word: Word) -> bool {
    let saved = |reg| matches!(reg, Reg::FP | Reg::LR);
    match decode(word) {
        Inst::Pair { access: Access::Store, rt, rt2, rn: Reg::SP, mode: Mode::Offset, .. } => {
            saved(rt) || saved(rt2)
        }
        Inst::Single { access: Access::Store, rt, rn: Reg::SP, mode: Mode::Offset, .. } => {
            saved(rt)
        }
        Inst::ArithImm { rd: Reg::FP, rn: Reg::SP | Reg::FP, .. } => true,
        _ => false,
    }
}

/// Where the check for stack space branches to: the first conditional branch of the
/// prologue that leaves it.
fn check_target(words: &[Word], body: u32) -> Option<u32> {
    let branches = (0..body).filter_map(|at| Some((at, direct_branch(word(words, at)?)?)));
    let targets = branches.filter(|(_, branch)| branch.conditional);
    let targets = targets.map(|(at, branch)| i64::from(at) + (branch.offset >> 2));
    let outside = |&target: &i64| target >= i64::from(body) && target < i64::from(length(words));
    targets.filter(outside).find_map(|target| u32::try_from(target).ok())
}

/// The instructions of the call of morestack at `start`.
fn call(words: &[Word], start: u32) -> impl Iterator<Item = u32> + '_ {
    let ends = |&at: &u32| word(words, at).is_some_and(|word| is_jump(decode(word)));
    let last = (start..length(words)).take(LONGEST_CALL as usize).find(ends);
    let is_argument = |word| is_argument_access(word, true) || is_argument_access(word, false);
    let counts = move |&at: &u32| !word(words, at).is_some_and(is_argument);
    (start..last.map_or(start, |last| last + 1)).filter(counts)
}

const fn is_jump(inst: Inst) -> bool {
    matches!(inst, Inst::Branch { .. } | Inst::JumpReg { .. } | Inst::Return { .. })
}

/// Whether a function is left at `at`: by a return, or by a jump to another one.
fn is_end(words: &[Word], at: u32) -> bool {
    let Some(word) = word(words, at) else { return false };
    // All of B, BR and RET begin so.
    if word.get() >> 26 != 0b00_0101 && word.get() >> 25 != 0b110_1011 {
        return false;
    }
    match decode(word) {
        Inst::Return { .. } | Inst::JumpReg { .. } => true,
        Inst::Branch { offset } => {
            let target = i64::from(at) + (offset >> 2);
            target < 0 || target >= i64::from(length(words))
        }
        _ => false,
    }
}

/// Where the epilogue begins whose last instruction stands before `end`.
fn walk_back(words: &[Word], end: u32, body: u32) -> u32 {
    let mut start = end;
    let mut needed = 0_u32;
    while start > body && end - start < LONGEST {
        let Some(word) = word(words, start - 1) else { break };
        let inst = decode(word);
        if is_jump(inst) || is_call(inst) {
            break;
        }
        let writes = |register: u8| may_write(word, Reg(register));
        let written = (0..29).filter(|&register| needed >> register & 1 == 1 && writes(register));
        let written = written.fold(0, |set, register| set | 1 << register);
        let is_frame = sp_effect(&inst) != SpEffect::Unchanged || writes(29) || writes(30);
        if !is_frame && written == 0 {
            break;
        }
        needed = needed & !written | sources(inst);
        start -= 1;
    }
    start
}

const fn is_call(inst: Inst) -> bool {
    matches!(
        inst,
        Inst::Call { .. }
            | Inst::CallReg { .. }
            | Inst::BranchIf { .. }
            | Inst::Trap
            | Inst::Unknown
    )
}

/// The registers that an instruction of an epilogue reads, of R0 to R27: R28 is the
/// goroutine.
fn sources(inst: Inst) -> u32 {
    let one = |reg: Reg| if reg.0 < 28 { 1_u32 << reg.0 } else { 0 };
    match inst {
        Inst::ArithImm { rn, .. } | Inst::LogicImm { rn, .. } => one(rn),
        Inst::ArithExt { rn, rm, .. }
        | Inst::ArithReg { rn, rm, .. }
        | Inst::LogicReg { rn, rm, .. } => one(rn) | one(rm),
        Inst::MoveWide { op: Wide::Movk, rd, .. } => one(rd),
        Inst::Pair { rn, .. } | Inst::Single { rn, .. } => one(rn),
        Inst::LoadIndexed { rn, rm, .. } => one(rn) | one(rm),
        _ => 0,
    }
}
