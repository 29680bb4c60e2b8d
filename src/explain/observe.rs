//! What each observer does at a boundary, in words.

use super::Story;
use super::stack::{Content, content};
use std::borrow::Cow;
use unwind::frame_pointer::{BELOW_SP, CALLER_OFFSET, RETURN_ADDRESS_OFFSET};
use unwind::{
    Crash, Depth, FramePointerWalk, Index, LOST_REGISTER, Mistaken, Preemption, Release,
    ReturnAddress, Stopped, inject,
};
use verifier::decode::{Inst, decode};
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

/// What an observer does where a rule is broken, in one sentence; none where it
/// cannot see that rule.
#[must_use]
pub const fn consequence(rule: Rule, observer: Observer) -> Option<&'static str> {
    use Observer::{AsyncPreemption, FramePointer, Profiler};
    Some(match (rule, observer) {
        (Rule::SpRow, AsyncPreemption) => {
            "The garbage collector looks for the return address at the wrong depth, and the \
             program crashes."
        }
        (Rule::SpRow, Profiler) => {
            "The profiler looks for the return address at the wrong depth: the sample is cut \
             short, or names functions that did not run."
        }
        (Rule::SavedLr, AsyncPreemption) => {
            "The garbage collector takes a word for the return address that is another one, and \
             the program crashes."
        }
        (Rule::SavedLr, Profiler) => {
            "The profiler takes a word for the return address that is another one: the sample is \
             cut short, or names functions that did not run."
        }
        (Rule::FramePointer, FramePointer) => {
            "The frame-pointer unwinder follows R29 to words that are no frame's: it faults, or \
             the trace is wrong."
        }
        (Rule::BelowSp, AsyncPreemption) => {
            "A word below SP that the function still needs is overwritten, by the call that \
             preemption injects or by a handler of signals on this stack."
        }
        (Rule::BelowSp, Profiler) => {
            "The handler of the signal runs on this stack and overwrites a word below SP that is \
             still needed, and who unwinds from a later boundary is misled."
        }
        (Rule::Restart, AsyncPreemption) => {
            "The goroutine goes on with a register that is not what the instructions where it \
             resumes take it for."
        }
        (Rule::SpAlign, AsyncPreemption) => {
            "The first instruction of asyncPreempt stores through a misaligned SP, and faults."
        }
        _ => return None,
    })
}

/// The same in a release; in the newest for none. Where nobody walks along frame
/// pointers the sentence says that.
#[must_use]
pub fn consequence_in(
    release: Option<Release>,
    rule: Rule,
    observer: Observer,
) -> Option<Cow<'static, str>> {
    let nobody = if observer == Observer::FramePointer { nobody_walks(release) } else { None };
    nobody.map(Cow::Owned).or_else(|| consequence(rule, observer).map(Cow::Borrowed))
}

/// That a release has nobody who walks along frame pointers, in a sentence; none where
/// somebody does.
fn nobody_walks(release: Option<Release>) -> Option<String> {
    let Release(minor) = release.filter(|_| FramePointerWalk::of(release).is_empty())?;
    Some(format!(
        "Nobody walks along frame pointers in go1.{minor}: the first release that does is go1.21."
    ))
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
            Observer::AsyncPreemption => account.preempt(story, state),
            Observer::FramePointer => account.walk(story, state),
            Observer::Profiler => account.sample(story, state),
        },
    }
    for (rule, observers) in &story.broken {
        if observers.contains(observer) {
            account.suffer(story, *rule);
        }
    }
    account
}

impl Account {
    fn say(&mut self, sentence: impl Into<String>) {
        self.sentences.push(sentence.into());
    }

    /// What comes of a broken rule, unless there is nobody to see it.
    fn suffer(&mut self, story: &Story, rule: Rule) {
        if self.observer == Observer::FramePointer && nobody_walks(story.release).is_some() {
            return;
        }
        let Some(sentence) = consequence(rule, self.observer) else { return };
        self.looks = true;
        // Where nothing runs again, it is the one that the injected call does not restore.
        if rule == Rule::Restart && story.resume.is_some_and(|(at, _)| at == story.at) {
            self.say(format!(
                "R{LOST_REGISTER} does not come back: the injected call returns through it."
            ));
        }
        self.say(sentence);
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

    // Who can see which rule: the design's table of observers.
    #[test]
    fn every_rule_has_a_sentence_for_who_sees_it() {
        for (rule, seen) in [
            (Rule::SpRow, [true, false, true]),
            (Rule::SavedLr, [true, false, true]),
            (Rule::FramePointer, [false, true, false]),
            (Rule::BelowSp, [true, false, true]),
            (Rule::Restart, [true, false, false]),
            (Rule::SpAlign, [true, false, false]),
        ] {
            let sentences = Observer::ALL.map(|observer| consequence(rule, observer));
            assert_eq!(sentences.map(|sentence| sentence.is_some()), seen, "{rule}");
            for sentence in sentences.into_iter().flatten() {
                assert!(sentence.ends_with('.'), "{sentence}");
                assert_eq!(sentence.matches(". ").count(), 0, "one sentence: {sentence}");
            }
        }
    }
}
