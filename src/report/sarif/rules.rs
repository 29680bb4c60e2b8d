//! The rules as code scanning shows them: what each says, and what to do.

use serde_json::json;
use serde_sarif::sarif::{
    MultiformatMessageString, PropertyBag, ReportingConfiguration, ReportingDescriptor,
};
use std::collections::BTreeMap;
use verifier::Rule;

struct Text {
    name: &'static str,
    /// What holds where the rule is kept.
    claim: &'static str,
    /// What that is for, and how it comes to be broken.
    help: &'static str,
}

/// The metadata of a rule.
pub(super) fn descriptor(rule: Rule) -> ReportingDescriptor {
    let Text { name, claim, help } = text(rule);
    let full = format!("At every instruction boundary of a Go function: {claim}");
    let help = format!("{full}\n\n{help}\n\n{WHAT_TO_DO}");
    let properties = [("precision", json!("very-high")), ("problem.severity", json!("error"))];
    let properties = properties.map(|(name, value)| (name.to_owned(), value));
    let tags = ["correctness", "go", "arm64"].map(str::to_owned);
    ReportingDescriptor::builder()
        .id(rule.id())
        .name(name)
        .short_description(plain(claim))
        .full_description(plain(&full))
        // The text has no markup, so that it is its own Markdown.
        .help(MultiformatMessageString::builder().text(&help).markdown(&help).build())
        .default_configuration(ReportingConfiguration::builder().level("error").build())
        .properties(
            PropertyBag::builder()
                .tags(tags)
                .additional_properties(BTreeMap::from(properties))
                .build(),
        )
        .build()
}

const WHAT_TO_DO: &str = "Each finding says which releases of Go no longer make such code, if any does, and whether \
     building again with one of them is enough. In compiled code the source is not at fault; \
     assembly has to be changed by hand.";

fn plain(text: &str) -> MultiformatMessageString {
    MultiformatMessageString::builder().text(text).build()
}

const fn text(rule: Rule) -> Text {
    match rule {
        Rule::SpRow => Text {
            name: "StackPointerAtDeclaredDepth",
            claim: "The stack pointer is at the depth that the unwind table declares.",
            help: "Where it is not, whoever unwinds the stack looks for the return address at the \
                   wrong place. A goroutine that is preempted there crashes the program in the \
                   garbage collector; a profiler's sample is lost or wrong. The case that this \
                   rule is named after is golang/go#73259: a frame of 64 KiB or more is popped by \
                   two instructions.",
        },
        Rule::SavedLr => Text {
            name: "ReturnAddressWhereExpected",
            claim: "The return address is in LR where no frame is declared, and in the word at SP \
                    otherwise.",
            help: "Where it is not, whoever unwinds the stack takes another word for the return \
                   address. Mostly that is assembly which stores a local at 0(RSP), or calls \
                   without a frame.",
        },
        Rule::FramePointer => Text {
            name: "FramePointerLeadsToFrame",
            claim: "R29 is the caller's frame pointer, or points at the pair that this frame saved.",
            help: "The execution tracer and the profiles of blocking follow R29 without asking a \
                   table. Where it points elsewhere they fault, or the trace is wrong.",
        },
        Rule::BelowSp => Text {
            name: "NothingNeededBelowStackPointer",
            claim: "No word below SP is still needed that an injected call, or a handler of \
                    signals, overwrites.",
            help: "Preemption injects a call, which stores below SP. What lies there and is loaded \
                   again afterwards is lost.",
        },
        Rule::Restart => Text {
            name: "RestartGivesSameState",
            claim: "Going on where a preempted goroutine resumes gives the same state as going on \
                    there.",
            help: "Preemption does not keep R27, and sends a goroutine back to the start of a \
                   restartable sequence. Where the code relies on what is lost thereby, it goes on \
                   with a wrong register.",
        },
        Rule::SpAlign => Text {
            name: "StackPointerAligned",
            claim: "SP is a multiple of 16.",
            help: "Linux lets the processor fault on a load or store through an SP that is not; the \
                   first instruction of an injected call is one.",
        },
        Rule::Callee => Text {
            name: "CallerFindsWhatItLeft",
            claim: "The function leaves its caller what the caller relies on: where it returns, SP, \
                    R29 and the words of the caller's frame are as they were at entry, and RET goes \
                    to the return address; R28 holds the goroutine where a signal can come.",
            help: "The proof of the caller takes this for granted. Where a function returns to \
                   another place or with another SP, every execution goes wrong, and nobody has to \
                   look. Where it overwrites R29, or a word that its caller saved, whoever unwinds \
                   the caller is misled.",
        },
        _ => Text { name: "Rule", claim: "The rule holds.", help: "" },
    }
}
