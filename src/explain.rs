//! `midframe explain`: the story of one boundary. What the machine holds there,
//! what preemption writes, and what each observer makes of it, beside the same
//! boundary under a policy that satisfies every rule.
//!
//! The state comes from the verifier ([`Checker::state_at`]), what the observers do
//! from `unwind`; this module puts the two together and judges nothing.

mod binary;
mod observe;
mod stack;

pub use binary::explain_binary;
pub use observe::{Account, consequence};
pub(crate) use observe::{below_cfa, offset};
pub use stack::{Content, Slot};

use crate::prove;
use anyhow::{Result, bail};
use lowering::{Frame, Kind, Lowered, Policy, lower};
use unwind::{Depth, FuncFlags, Index, Pc, Preemption, Release, Row, Word};
use verifier::decode::{Access, Inst, decode};
use verifier::{
    Checker, Function, Observer, Observers, Report, Rule, Saved, SpEffect, State, Verdict,
    sp_effect,
};

/// What was asked for, and its story.
#[derive(Clone, Debug)]
pub struct Explained {
    /// What the function is: the heading.
    pub subject: Subject,
    /// Leaf or not.
    pub kind: Kind,
    /// The story.
    pub story: Story,
    /// The same boundary of the same frame under a policy that satisfies every
    /// rule, if the frame is one that can be lowered.
    pub beside: Option<Story>,
    /// The other boundaries of the function at which a rule is broken, with the
    /// rules.
    pub others: Vec<(Index, Vec<Rule>)>,
}

/// Where the function comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// It was lowered.
    Frame,
    /// From a file.
    Binary {
        /// The file.
        path: String,
        /// The function's name.
        function: String,
        /// The version of Go that built it, if it says.
        go_version: Option<String>,
    },
}

/// One boundary.
#[derive(Clone, Debug)]
pub struct Story {
    /// Which policy or release it shows.
    pub name: String,
    /// The function's first instruction.
    pub entry: Pc,
    /// Which boundary.
    pub at: Index,
    /// The instructions around it, in order.
    pub around: Vec<(Index, Word)>,
    /// The instruction that is about to run.
    pub word: Word,
    /// What the table declares.
    pub row: Row,
    /// Where a goroutine that is preempted here resumes, and the depth declared
    /// there; none where none is.
    pub resume: Option<(Index, Depth)>,
    /// Whether goroutines are preempted in this code at all.
    pub preemption: Preemption,
    /// The release whose runtime looks at it; the newest for none.
    pub release: Option<Release>,
    /// The function's flags.
    pub flags: FuncFlags,
    /// The largest depth that the function declares.
    pub frame_size: Depth,
    /// What is known there; none where execution does not come.
    pub state: Option<State>,
    /// The rules that are broken, and who sees it.
    pub broken: Vec<(Rule, Observers)>,
    /// Whether something in the function is undecided.
    pub is_undecided: bool,
    /// The words around SP, from the highest.
    pub stack: Vec<Slot>,
    /// What each observer does.
    pub accounts: Vec<Account>,
}

impl Story {
    /// The verdict on the boundary for one observer.
    #[must_use]
    pub fn verdict(&self, observer: Observer) -> Verdict {
        if self.broken.iter().any(|(_, observers)| observers.contains(observer)) {
            Verdict::Refuted
        } else if self.is_undecided || self.state.is_none() {
            Verdict::Undecided
        } else {
            Verdict::Proved
        }
    }

    /// Whether a call can be injected at the boundary.
    #[must_use]
    pub fn is_injectable(&self) -> bool {
        self.resume.is_some() && self.preemption == Preemption::Async
    }
}

/// A boundary as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// By its distance from the function's entry, in bytes.
    Offset(u64),
    /// By its address.
    Address(Pc),
}

/// The story of a boundary of a frame that is lowered; of the first one with a
/// finding, or of the one before SP is popped, if none is named.
///
/// # Errors
/// When the function has no such boundary.
pub fn explain_frame(
    frame: Frame,
    policy: &Policy,
    asked: &str,
    place: Option<Place>,
) -> Result<Explained> {
    let lowered = lower(&frame, policy);
    let scene = Scene::lowered(&lowered, frame, policy, asked);
    let mut checked = Checked::new(&scene.function);
    let at = match place {
        Some(place) => scene.index(place)?,
        None => checked.first_finding(&scene).unwrap_or_else(|| pop(&scene.function)),
    };
    let story = checked.story(&scene, at);
    let beside = beside(frame, &scene.function, at);
    let others = checked.others(&scene, at);
    Ok(Explained { subject: Subject::Frame, kind: frame.kind, story, beside, others })
}

/// A function, and what its verifier is not told.
pub(crate) struct Scene<'a> {
    pub(crate) function: Function<'a>,
    pub(crate) name: String,
    pub(crate) release: Option<Release>,
    /// Whether goroutines are preempted at an address.
    pub(crate) preemption: &'a dyn Fn(Pc) -> Preemption,
}

impl<'a> Scene<'a> {
    fn lowered(lowered: &'a Lowered, frame: Frame, policy: &Policy, asked: &str) -> Self {
        Self {
            function: prove::function(lowered, frame.os),
            name: asked.to_owned(),
            release: release(policy, asked),
            preemption: &|_| Preemption::Async,
        }
    }

    pub(crate) fn pc(&self, at: Index) -> Pc {
        Pc(self.function.entry.0.wrapping_add(at.offset()))
    }

    /// The boundary at a place.
    pub(crate) fn index(&self, place: Place) -> Result<Index> {
        let (offset, text) = match place {
            Place::Offset(offset) => (Some(offset), format!("+{offset:#x}")),
            Place::Address(pc) => (pc.0.checked_sub(self.function.entry.0), pc.to_string()),
        };
        let count = self.function.words.len() as u64;
        if let Some(offset) = offset
            && offset.is_multiple_of(Word::BYTES)
            && offset / Word::BYTES < count
        {
            return Ok(Index(u32::try_from(offset / Word::BYTES)?));
        }
        let last = count.saturating_sub(1) * Word::BYTES;
        bail!("{text} is not a boundary: the function has those from +0x0 to +{last:#x} by 4")
    }
}

/// The release whose runtime runs what was asked for: the one named, or the last
/// of the policy.
fn release(policy: &Policy, asked: &str) -> Option<Release> {
    let minor = asked.strip_prefix("go1.").and_then(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest.get(..end)?.parse().ok()
    });
    let last = policy.releases.last().map(|range| range.last.minor);
    minor.filter(|_| last.is_some()).or(last).map(Release)
}

/// A checked function.
pub(crate) struct Checked {
    checker: Checker,
    report: Report,
}

impl Checked {
    pub(crate) fn new(function: &Function<'_>) -> Self {
        let (mut checker, mut report) = (Checker::new(), Report::new());
        checker.check(function, &mut report);
        Self { checker, report }
    }

    /// The broken rules that somebody sees, by boundary.
    fn findings(&self, scene: &Scene<'_>) -> impl Iterator<Item = (Index, Rule, Observers)> {
        self.report.violations.iter().filter_map(move |violation| {
            let observers = violation.observers((scene.preemption)(scene.pc(violation.at)));
            let seen = observers != Observers::NONE;
            seen.then_some((violation.at, violation.rule, observers))
        })
    }

    pub(crate) fn first_finding(&self, scene: &Scene<'_>) -> Option<Index> {
        self.findings(scene).map(|(at, ..)| at).min()
    }

    /// How many boundaries were checked.
    pub(crate) const fn boundaries(&self) -> u32 {
        self.report.boundaries
    }

    /// The boundaries with findings but one.
    pub(crate) fn others(&self, scene: &Scene<'_>, but: Index) -> Vec<(Index, Vec<Rule>)> {
        let mut others: Vec<(Index, Vec<Rule>)> = Vec::new();
        for (at, rule, _) in self.findings(scene).filter(|(at, ..)| *at != but) {
            match others.last_mut() {
                Some((last, rules)) if *last == at => rules.push(rule),
                _ => others.push((at, vec![rule])),
            }
        }
        others
    }

    /// What is known at a boundary, with where the caller's registers were saved if
    /// SP has been moved over those words since: they are there until something
    /// writes below SP.
    fn state(&mut self, function: &Function<'_>, at: Index) -> Option<State> {
        let mut state = self.checker.state_at(function, at)?;
        for back in 1..=EPILOGUE {
            if state.return_at != Saved::Nowhere && state.caller_at != Saved::Nowhere {
                break;
            }
            let Some(before) = at.0.checked_sub(back).map(Index) else { break };
            let straight = word(function, before).is_some_and(|word| is_plain(&decode(*word)));
            let Some(earlier) = self.checker.state_at(function, before).filter(|_| straight) else {
                break;
            };
            let below = |saved| matches!(saved, Saved::At(depth) if depth > state.depth);
            if state.return_at == Saved::Nowhere && below(earlier.return_at) {
                state.return_at = earlier.return_at;
            }
            if state.caller_at == Saved::Nowhere && below(earlier.caller_at) {
                state.caller_at = earlier.caller_at;
            }
        }
        Some(state)
    }

    /// The story of a boundary of the function.
    pub(crate) fn story(&mut self, scene: &Scene<'_>, at: Index) -> Story {
        let function = &scene.function;
        let span = function.rows.span(at);
        let row = span.map(|span| span.row).unwrap_or_default();
        let preemption = (scene.preemption)(scene.pc(at));
        let resume =
            span.and_then(|span| Some((span.resume(at)?, function.rows.resume_depth(span)?)));
        let depths = function.rows.spans().iter().map(|span| span.row.depth);
        let around = at.0.saturating_sub(2)..at.0.saturating_add(3);
        let around =
            around.filter_map(|index| Some((Index(index), *word(function, Index(index))?)));
        let broken = self.findings(scene).filter(|(place, ..)| *place == at);
        let mut story = Story {
            name: scene.name.clone(),
            entry: function.entry,
            at,
            around: around.collect(),
            word: word(function, at).copied().unwrap_or(Word::new(0)),
            row,
            resume,
            preemption,
            release: scene.release,
            flags: function.flags,
            frame_size: depths.max().unwrap_or_default(),
            state: None,
            broken: broken.map(|(_, rule, observers)| (rule, observers)).collect(),
            is_undecided: !self.report.undecided.is_empty(),
            stack: Vec::new(),
            accounts: Vec::new(),
        };
        story.state = self.state(function, at);
        story.stack = stack::around(&story);
        story.accounts = Observer::ALL.map(|observer| observe::account(observer, &story)).into();
        story
    }
}

/// Whether an instruction neither branches nor stores.
const fn is_plain(inst: &Inst) -> bool {
    matches!(
        inst,
        Inst::ArithImm { .. }
            | Inst::ArithExt { .. }
            | Inst::ArithReg { .. }
            | Inst::LogicImm { .. }
            | Inst::LogicReg { .. }
            | Inst::MoveWide { .. }
            | Inst::Pair { access: Access::Load, .. }
            | Inst::Single { access: Access::Load, .. }
            | Inst::Nop
    )
}

/// The policy that others are shown beside.
const FIXED: &str = "complete";

/// The boundary of the same frame under the fixed policy that corresponds to `at`:
/// at the same distance from the entry in a prologue, from the return in an epilogue,
/// from the end behind it.
pub(crate) fn beside(frame: Frame, function: &Function<'_>, at: Index) -> Option<Story> {
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
fn return_of(function: &Function<'_>) -> Option<Index> {
    let is_return = |word: &Word| matches!(decode(*word), Inst::Return { .. });
    let last = function.words.iter().rposition(is_return)?;
    u32::try_from(last).ok().map(Index)
}

/// The last boundary before the return at which SP is about to move.
fn pop(function: &Function<'_>) -> Index {
    let end = return_of(function).unwrap_or_default();
    let moves = |index: &u32| {
        let word = word(function, Index(*index));
        word.is_some_and(|word| sp_effect(&decode(*word)) != SpEffect::Unchanged)
    };
    (0..end.0).rev().find(moves).map_or(end, Index)
}

fn word<'a>(function: &Function<'a>, at: Index) -> Option<&'a Word> {
    function.words.get(at.0 as usize)
}
