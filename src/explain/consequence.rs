//! What comes of a broken rule, in sentences that the reports of `scan`, `lower` and
//! `explain` share.

use std::borrow::Cow;
use unwind::{FramePointerWalk, Release};
use verifier::{Observer, Rule};

/// What an observer does where a rule is broken, in one sentence; none where it
/// cannot see that rule. `returns_to_itself` says that the return address in force is
/// the boundary itself ([`verifier::Violation`]).
#[must_use]
pub const fn consequence(
    rule: Rule,
    observer: Observer,
    returns_to_itself: bool,
) -> Option<&'static str> {
    use Observer::{AsyncPreemption, Everybody, FramePointer, Profiler};
    if returns_to_itself && let Some(sentence) = of_itself(rule, observer) {
        return Some(sentence);
    }
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
        (Rule::Callee, Everybody) => {
            "Every execution goes wrong, whether or not anybody looks: the function does not \
             return to its caller with SP and the words of the caller as they were."
        }
        (Rule::Callee, AsyncPreemption) => {
            "The garbage collector comes to the frame of a caller whose words are not as it left \
             them, or a handler of signals finds no goroutine in R28, and the program crashes."
        }
        (Rule::Callee, FramePointer) => {
            "The caller goes on with an R29 or a saved pair that is not its own: the frame-pointer \
             unwinder faults, or the trace is wrong."
        }
        (Rule::Callee, Profiler) => {
            "The profiler comes to the frame of a caller whose words are not as it left them: the \
             sample is cut short, or names functions that did not run."
        }
        _ => return None,
    })
}

/// The same where the return address in force is the boundary itself.
const fn of_itself(rule: Rule, observer: Observer) -> Option<&'static str> {
    match (rule, observer) {
        (Rule::Callee, Observer::Everybody) => {
            Some("RET jumps to itself: every execution hangs, whether or not anybody looks.")
        }
        (Rule::SpRow | Rule::SavedLr | Rule::Callee, Observer::Profiler) => Some(
            "The profiler finds the boundary itself as the return address, so that the unwinder \
             makes no progress and ends the program: fatal error: traceback stuck.",
        ),
        (Rule::SpRow | Rule::SavedLr | Rule::Callee, Observer::AsyncPreemption) => Some(
            "The garbage collector finds the boundary itself as the return address, so that the \
             unwinder makes no progress and ends the program: fatal error: traceback stuck.",
        ),
        _ => None,
    }
}

/// The same in a release; in the newest for none. Where nobody walks along frame
/// pointers the sentence says that.
#[must_use]
pub fn consequence_in(
    release: Option<Release>,
    rule: Rule,
    observer: Observer,
    returns_to_itself: bool,
) -> Option<Cow<'static, str>> {
    let nobody = if observer == Observer::FramePointer { nobody_walks(release) } else { None };
    let sentence = || consequence(rule, observer, returns_to_itself).map(Cow::Borrowed);
    nobody.map(Cow::Owned).or_else(sentence)
}

/// That a release has nobody who walks along frame pointers, in a sentence; none where
/// somebody does.
pub(super) fn nobody_walks(release: Option<Release>) -> Option<String> {
    let Release(minor) = release.filter(|_| FramePointerWalk::of(release).is_empty())?;
    Some(format!(
        "Nobody walks along frame pointers in go1.{minor}: the first release that does is go1.21."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Who can see which rule: the design's table of observers.
    #[test]
    fn every_rule_has_a_sentence_for_who_sees_it() {
        for (rule, seen) in [
            (Rule::SpRow, [false, true, false, true]),
            (Rule::SavedLr, [false, true, false, true]),
            (Rule::FramePointer, [false, false, true, false]),
            (Rule::BelowSp, [false, true, false, true]),
            (Rule::Restart, [false, true, false, false]),
            (Rule::SpAlign, [false, true, false, false]),
            (Rule::Callee, [true, true, true, true]),
        ] {
            for itself in [false, true] {
                let sentences = Observer::ALL.map(|observer| consequence(rule, observer, itself));
                assert_eq!(sentences.map(|sentence| sentence.is_some()), seen, "{rule}");
                for sentence in sentences.into_iter().flatten() {
                    assert!(sentence.ends_with('.'), "{sentence}");
                    assert_eq!(sentence.matches(". ").count(), 0, "one sentence: {sentence}");
                }
            }
        }
    }

    // golang/go#62086 and golang/go#80771: `traceback stuck` ends the program, it does not
    // lose a sample; a RET to itself was seen to run for ever.
    #[test]
    fn who_makes_no_progress_is_told_the_end() {
        for rule in [Rule::SpRow, Rule::SavedLr, Rule::Callee] {
            for observer in [Observer::AsyncPreemption, Observer::Profiler] {
                let sentence = consequence(rule, observer, true).unwrap_or_default();
                assert!(sentence.contains("fatal error: traceback stuck"), "{rule} {observer}");
            }
        }
        let hangs = consequence(Rule::Callee, Observer::Everybody, true).unwrap_or_default();
        assert!(hangs.contains("every execution hangs"), "{hangs}");
    }
}
