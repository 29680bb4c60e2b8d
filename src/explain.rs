//! `midframe explain`: the story of one boundary. What the machine holds there,
//! what preemption writes, and what each observer makes of it, beside the same
//! boundary under a policy that satisfies every rule.
//!
//! The state comes from the verifier ([`Checker::state_at`]), what the observers do
//! from `unwind`; this module puts the two together and judges nothing.

mod beside;
mod binary;
mod broken;
mod consequence;
mod near;
mod observe;
mod stack;

pub use binary::explain_binary;
pub use broken::{Broken, Other, worst};
pub use consequence::{consequence, consequence_in};
pub use near::Near;
pub use observe::{Account, observer_name};
pub(crate) use observe::{below_cfa, offset};
pub use stack::{Content, Slot};

use crate::prove;
use crate::scan::unobserving;
use a64::decode::decode;
use a64::{SpEffect, sp_effect};
use anyhow::{Result, bail};
use beside::{beside, return_of};
use lowering::{Frame, Kind, Lowered, Policy, lower};
use unwind::{Depth, FuncFlags, Index, Pc, Preemption, Release, Row, Word};
use verifier::{
    Checker, Function, Observer, Observers, Report, SignalStack, State, Undecided, Verdict,
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
    /// The other boundaries of the function at which a rule is broken.
    pub others: Vec<Other>,
    /// What could not be decided in the function.
    pub undecided: Vec<Undecided>,
    /// How many of the function's boundaries were checked.
    pub boundaries: u32,
}

impl Explained {
    /// Whether every rule holds at every boundary of the function.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.boundaries > 0
            && self.story.broken.is_empty()
            && self.others.is_empty()
            && self.undecided.is_empty()
    }
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
    /// The boundaries around it and itself, in order: more of them.
    pub boundaries: Vec<Near>,
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
    /// On whose stack handlers of signals run.
    pub signals: SignalStack,
    /// The largest depth that the function declares.
    pub frame_size: Depth,
    /// What is known there; none where execution does not come.
    pub state: Option<State>,
    /// The rules that are broken.
    pub broken: Vec<Broken>,
    /// For whom something in the function is undecided.
    pub undecided: Observers,
    /// Where the function made a pair of frame pointer and return address for a callee
    /// without a frame, just before.
    pub callees_pair: Option<Depth>,
    /// The words around SP, from the highest.
    pub stack: Vec<Slot>,
    /// What each observer does.
    pub accounts: Vec<Account>,
}

impl Story {
    /// The verdict on the boundary for one observer: that it is not observed in a release
    /// or code that has no such observer, and where one never looks.
    #[must_use]
    pub fn verdict(&self, observer: Observer) -> Verdict {
        let is_preempted = self.preemption == Preemption::Async;
        if unobserving(self.release).contains(observer) {
            Verdict::NotObserved
        } else if self.broken.iter().any(|broken| broken.observers.contains(observer)) {
            Verdict::Refuted
        } else if observer == Observer::AsyncPreemption && !is_preempted {
            Verdict::NotObserved
        } else if self.undecided.contains(observer) || self.state.is_none() {
            Verdict::Undecided
        } else if self.accounts.iter().any(|account| account.observer == observer && !account.looks)
        {
            Verdict::NotObserved
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
    let (undecided, boundaries) = (checked.undecided().to_vec(), checked.boundaries());
    let (subject, kind) = (Subject::Frame, frame.kind);
    Ok(Explained { subject, kind, story, beside, others, undecided, boundaries })
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
        let Pc(entry) = self.function.entry;
        // A frame that is lowered lies nowhere.
        let or_address = match entry {
            0 => String::new(),
            _ => format!(", or its address, from {entry:#x} to {:#x}", entry.wrapping_add(last)),
        };
        bail!(
            "{text} is not a boundary of the function: expected a multiple of 4 from +0x0 to \
             +{last:#x}{or_address}"
        )
    }
}

/// The release whose runtime runs what was asked for: the one named, or the last
/// of the policy.
pub(crate) fn release(policy: &Policy, asked: &str) -> Option<Release> {
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
    fn findings(&self, scene: &Scene<'_>) -> impl Iterator<Item = (Index, Broken)> {
        let unobserving = unobserving(scene.release);
        self.report.violations.iter().filter_map(move |violation| {
            let observers = violation.observers((scene.preemption)(scene.pc(violation.at)));
            Some((violation.at, Broken::new(violation, observers, unobserving)?))
        })
    }

    pub(crate) fn first_finding(&self, scene: &Scene<'_>) -> Option<Index> {
        self.findings(scene).map(|(at, ..)| at).min()
    }

    pub(crate) fn undecided(&self) -> &[Undecided] {
        &self.report.undecided
    }

    /// How many boundaries were checked.
    pub(crate) const fn boundaries(&self) -> u32 {
        self.report.boundaries
    }

    /// The boundaries with findings but one.
    pub(crate) fn others(&self, scene: &Scene<'_>, but: Index) -> Vec<Other> {
        let mut others: Vec<Other> = Vec::new();
        for (at, Broken { rule, severity, .. }) in self.findings(scene) {
            match others.last_mut() {
                _ if at == but => {}
                Some(last) if last.at == at => {
                    last.rules.push(rule);
                    last.severity = last.severity.max(severity);
                }
                _ => others.push(Other { at, rules: vec![rule], severity }),
            }
        }
        others
    }

    /// The story of a boundary of the function.
    pub(crate) fn story(&mut self, scene: &Scene<'_>, at: Index) -> Story {
        let function = &scene.function;
        let span = function.rows.span(at);
        let row = span.map(|span| span.row).unwrap_or_default();
        let preemption = (scene.preemption)(scene.pc(at));
        let rows = function.rows;
        let resume = span.and_then(|span| Some((rows.resume(at)?, rows.resume_depth(span)?)));
        let depths = function.rows.spans().iter().map(|span| span.row.depth);
        let around = at.0.saturating_sub(2)..at.0.saturating_add(3);
        let around =
            around.filter_map(|index| Some((Index(index), *word(function, Index(index))?)));
        let broken = self.findings(scene).filter(|(place, ..)| *place == at);
        let undecided = self.report.undecided.iter().map(|undecided| undecided.reason.observers());
        let mut story = Story {
            name: scene.name.clone(),
            entry: function.entry,
            at,
            around: around.collect(),
            boundaries: Vec::new(),
            word: word(function, at).copied().unwrap_or(Word::new(0)),
            row,
            resume,
            preemption,
            release: scene.release,
            flags: function.flags,
            signals: function.signals,
            frame_size: depths.max().unwrap_or_default(),
            state: None,
            callees_pair: None,
            broken: broken.map(|(_, broken)| broken).collect(),
            undecided: undecided.fold(Observers::NONE, Observers::union),
            stack: Vec::new(),
            accounts: Vec::new(),
        };
        story.boundaries = self.near(scene, at);
        story.state = self.checker.state_at(function, at);
        story.callees_pair =
            (story.state.as_ref()).and_then(|state| stack::callees_pair(function, at, state.depth));
        story.stack = stack::around(&story);
        story.accounts = Observer::ALL.map(|observer| observe::account(observer, &story)).into();
        story
    }
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
