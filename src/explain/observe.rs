//! What each observer does at a boundary, in words.

use super::consequence::{consequence, nobody_walks};
use super::stack::{Content, content};
use super::{Broken, Story};
use a64::decode::{Inst, decode};
use unwind::frame_pointer::{BELOW_SP, CALLER_OFFSET, RETURN_ADDRESS_OFFSET};
use unwind::{
    Crash, Depth, Index, LOST_REGISTER, Mistaken, Preemption, ReturnAddress, Stopped, inject,
};
use verifier::{Fp, Lr, Observer, Rule, Saved, State};

/// What an observer does at a boundary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The observer.
    pub observer: Observer,
    /// Whether it ever looks from this boundary.
    pub looks: bool,
    /// Where it looks for the return address, if that is what it looks for.
    pub return_address: Option<ReturnAddress>,
    /// What it does, a sentence each.
    pub sentences: Vec<String>,
    /// How the program then ends, by what was taken for the return address.
    pub crashes: Vec<(Mistaken, Crash)>,
}

/// An observer as text for people names it: its id, but where that is a rule's too.
#[must_use]
pub const fn observer_name(observer: Observer) -> &'static str {
    match observer {
        Observer::FramePointer => "frame-pointer unwinder",
        other => other.id(),
    }
}

/// What an observer does at the boundary of a story.
pub(super) fn account(observer: Observer, story: &Story) -> Account {
    let mut account = Account {
        observer,
        looks: false,
        return_address: None,
        sentences: Vec::new(),
        crashes: Vec::new(),
    };
    match &story.state {
        None => account.say("Execution does not come here, or is not followed so far."),
        Some(state) => match observer {
            Observer::Everybody => account.execute(story, state),
            Observer::AsyncPreemption => account.preempt(story, state),
            Observer::FramePointer => account.walk(story, state),
            Observer::Profiler => account.sample(story, state),
        },
    }
    for broken in story.broken.iter().filter(|broken| broken.observers.contains(observer)) {
        account.suffer(story, broken);
    }
    account
}

impl Account {
    fn say(&mut self, sentence: impl Into<String>) {
        self.sentences.push(sentence.into());
    }

    /// What comes of a broken rule, unless there is nobody to see it.
    fn suffer(&mut self, story: &Story, broken: &Broken) {
        if self.observer == Observer::FramePointer && nobody_walks(story.release).is_some() {
            return;
        }
        let &Broken { rule, returns_to_itself, .. } = broken;
        let Some(sentence) = consequence(rule, self.observer, returns_to_itself) else { return };
        self.looks = true;
        // Where nothing runs again, it is the one that the injected call does not restore.
        if rule == Rule::Restart && story.resume.is_some_and(|(at, _)| at == story.at) {
            self.say(format!(
                "R{LOST_REGISTER} does not come back: the injected call returns through it."
            ));
        }
        self.say(sentence);
        let unwinds = matches!(self.observer, Observer::AsyncPreemption | Observer::Profiler);
        if returns_to_itself && unwinds {
            self.crashes = vec![(Mistaken::Itself, Crash::of(Mistaken::Itself, story.release))];
        }
    }

    /// What the instruction does to whoever executes the function, where it leaves it.
    fn execute(&mut self, story: &Story, state: &State) {
        self.looks = true;
        if !matches!(decode(story.word), Inst::Return { .. }) {
            return self.say("Whoever executes it goes on: the function does not return here.");
        }
        let target = match state.lr {
            Lr::Return => "which is the return address",
            Lr::Unknown => "which is not followed so far",
            Lr::Other => "which holds something else",
        };
        self.say(format!("RET jumps to LR, {target}."));
        match state.depth {
            Depth(0) => self.say("SP is the caller's."),
            depth => self.say(format!("SP is not the caller's: it is at {}.", below_cfa(depth))),
        }
    }

    fn preempt(&mut self, story: &Story, state: &State) {
        if let Preemption::Never(reason) = story.preemption {
            return self.say(format!("No goroutine is preempted in this code: {reason}."));
        }
        let Some((resume, declared)) = story.resume else {
            return self.say("The row says unsafe point: no goroutine is preempted here.");
        };
        self.looks = true;
        if resume != story.at {
            self.say(format!(
                "The goroutine resumes at the start of the restartable sequence, {}.",
                offset(resume)
            ));
        }
        self.unwind(story, state, declared, Stopped::Preempted);
    }

    fn sample(&mut self, story: &Story, state: &State) {
        self.looks = true;
        self.unwind(story, state, story.row.depth, Stopped::Signal);
    }

    /// One step of the unwinder, with what it finds.
    fn unwind(&mut self, story: &Story, state: &State, declared: Depth, stopped: Stopped) {
        let place = ReturnAddress::of(declared, stopped, story.flags);
        self.return_address = Some(place);
        let right = match place {
            ReturnAddress::EndOfStack => {
                return self.say("The function is marked TOPFRAME: unwinding ends at it.");
            }
            ReturnAddress::Stop => {
                return self.say("The function is marked SPWRITE: unwinding stops at it.");
            }
            ReturnAddress::Throw => {
                return self.say(
                    "The function is marked SPWRITE, which the garbage collector does not bear: \
                     fatal error: traceback.",
                );
            }
            ReturnAddress::Register => self.register(state, "LR"),
            ReturnAddress::PushedWord => self.register(state, "the LR that was pushed"),
            ReturnAddress::WordAtSp => self.word_at_sp(story, state, declared),
        };
        if declared != state.depth {
            let above = declared.0.saturating_sub(state.depth.0);
            self.say(format!(
                "It takes the caller's frame to begin at {}, not at the CFA.",
                below_cfa(Depth(above.saturating_neg()))
            ));
        }
        if !right && stopped == Stopped::Preempted {
            let ends = |word| (word, Crash::of(word, story.release));
            self.crashes = [Mistaken::Zero, Mistaken::NotCode].map(ends).into();
        }
    }

    fn register(&mut self, state: &State, what: &str) -> bool {
        let (text, right) = match state.lr {
            Lr::Return => ("and it is", true),
            Lr::Unknown => ("which is not followed so far", true),
            Lr::Other => ("which holds something else", false),
        };
        let declared = "The row declares no frame";
        self.say(format!("{declared}: {what} is taken for the return address, {text}."));
        right
    }

    fn word_at_sp(&mut self, story: &Story, state: &State, declared: Depth) -> bool {
        let found = content(state, story.frame_size, state.depth);
        let at = below_cfa(state.depth);
        let taken = format!(
            "The row declares {declared}: the word at SP, {at}, is taken for the return address"
        );
        if found == Content::ReturnAddress {
            self.say(format!("{taken}, and it is."));
            return true;
        }
        if state.return_at == Saved::Unknown {
            self.say(format!("{taken}, which is not followed so far."));
            return true;
        }
        self.say(format!("{taken}. It is none: it holds {}.", in_words(found)));
        if let Saved::At(saved) = state.return_at {
            let below = saved.0.saturating_sub(state.depth.0);
            let lost = story.is_injectable() && inject::is_lost(below);
            let fate = if lost { ", where the injected call overwrites it" } else { "" };
            let side = if below > 0 { "below" } else { "above" };
            self.say(format!(
                "The return address was saved {} bytes {side} SP, at {}{fate}.",
                below.unsigned_abs(),
                below_cfa(saved)
            ));
        }
        if state.lr == Lr::Return {
            self.say("LR holds it, but it is not asked.");
        }
        false
    }

    fn walk(&mut self, story: &Story, state: &State) {
        let is_call = matches!(decode(story.word), Inst::Call { .. } | Inst::CallReg { .. });
        if !is_call && !story.is_injectable() {
            return self.say(
                "No walk along frame pointers meets this boundary: it is no call, and no \
                 goroutine is preempted here.",
            );
        }
        match nobody_walks(story.release) {
            Some(sentence) => self.say(sentence),
            None => self.looks = true,
        }
        let at = match state.fp {
            Fp::Unknown => return self.say("R29 is not followed so far."),
            Fp::Other => return self.say("R29 points at no frame: what lies there is read."),
            Fp::Caller | Fp::Below(Depth(BELOW_SP)) => {
                return self.say(
                    "R29 is the caller's: the walk goes on with the caller's frame, and leaves \
                     the caller out.",
                );
            }
            Fp::Below(at) => at,
        };
        let lost = inject::is_lost(at.0.saturating_sub(state.depth.0)) && story.is_injectable();
        self.say(format!("R29 points at {}, {}.", below_cfa(at), step(story, state, at, lost)));
    }
}

/// What a step of the walk finds where R29 points, `lost` if an injected call
/// overwrites it.
fn step(story: &Story, state: &State, at: Depth, lost: bool) -> &'static str {
    let found = [CALLER_OFFSET, RETURN_ADDRESS_OFFSET]
        .map(|offset| content(state, story.frame_size, Depth(at.0.saturating_sub(offset))));
    let saved = found == [Content::SavedR29, Content::ReturnAddress];
    match (saved, story.callees_pair == Some(at), lost) {
        (true, _, false) => "where the caller's R29 is saved, with the return address above it",
        (true, _, true) => "below SP, where the injected call overwrites it",
        (false, true, false) => {
            "below SP, at the pair that was made there for a callee without a frame"
        }
        (false, true, true) => {
            "below SP, at the pair that was made there for a callee without a frame, which the \
             injected call overwrites"
        }
        (false, false, _) => "where no frame pointer and no return address lie",
    }
}

/// A boundary as an offset.
pub(crate) fn offset(at: Index) -> String {
    format!("+{:#04x}", at.offset())
}

/// A place in the stack.
pub(crate) fn below_cfa(depth: Depth) -> String {
    match depth.0 {
        0 => "the CFA".to_owned(),
        depth @ 1.. => format!("CFA - {depth}"),
        depth => format!("CFA + {}", depth.unsigned_abs()),
    }
}

const fn in_words(content: Content) -> &'static str {
    match content {
        Content::Caller => "a word of the caller's frame",
        Content::CallersLr => "the LR that the caller saved, which leads to its own caller",
        Content::CallersR29 => "the R29 that the caller saved",
        Content::ReturnAddress => "the return address",
        Content::SavedR29 => "the caller's R29",
        Content::Local => "a local, or what an earlier call left there",
        Content::CalleesR29 => "R29, kept for a callee",
        Content::CalleesReturn => "the address behind a call, kept for the callee",
        Content::Unused => "what an earlier call left there",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::{Place, explain_frame};
    use lowering::{Frame, FrameSize, Kind, Policy};
    use verifier::{Observers, Severity};

    // `frame.pc == frame.lr && frame.sp == frame.fp` in `runtime/traceback.go`, go1.19.8 to
    // go1.27.3; seen in programs built by go1.24.3, go1.26.6 and go1.27.3.
    #[test]
    fn a_profiler_that_makes_no_progress_ends_the_program() {
        let size = FrameSize::new(32).unwrap_or_else(|error| panic!("{error}"));
        let policy = Policy::resolve("go1.24.11").unwrap_or_else(|error| panic!("{error}"));
        let frame = Frame::new(size, Kind::Leaf);
        let explained = explain_frame(frame, policy, "go1.24.11", Some(Place::Offset(0)));
        let mut story = explained.unwrap_or_else(|error| panic!("{error}")).story;
        for observer in [Observer::Profiler, Observer::AsyncPreemption] {
            story.broken = vec![Broken {
                rule: Rule::SavedLr,
                observers: Observers::NONE.with(observer),
                severity: Some(Severity::Crash),
                returns_to_itself: true,
            }];
            let account = account(observer, &story);
            assert_eq!(account.crashes, [(Mistaken::Itself, Crash::Stuck)], "{observer}");
            let told = account.sentences.last().map(String::as_str).unwrap_or_default();
            assert!(told.ends_with("fatal error: traceback stuck."), "{told}");
        }
    }
}
