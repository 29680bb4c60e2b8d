//! `midframe/explain/1`

use crate::explain::{Account, Content, Explained, Slot, Story, Subject, worst};
use a64::syntax::GoSyntax;
use lowering::Kind;
use serde::Serialize;
use unwind::inject::Pushed;
use unwind::{Crash, Mistaken, Pc, ReturnAddress, Word};
use verifier::{Fp, Lr, Rule, Severity};

/// `midframe/explain/1`
#[derive(Debug, Serialize)]
pub struct ExplainDocument {
    schema: &'static str,
    path: Option<String>,
    function: Option<String>,
    go_version: Option<String>,
    leaf: bool,
    boundary: StoryObject,
    beside: Option<StoryObject>,
    others: Vec<OtherObject>,
    undecided: Vec<UndecidedObject>,
}

#[derive(Debug, Serialize)]
struct UndecidedObject {
    offset: u64,
    reason: String,
}

#[derive(Debug, Serialize)]
struct OtherObject {
    offset: u64,
    rules: Vec<&'static str>,
    /// What can happen at worst; null if nobody looks.
    severity: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct StoryObject {
    policy: String,
    offset: u64,
    pc: String,
    word: String,
    instruction: String,
    frame_size: i64,
    declared: i64,
    actual: Option<i64>,
    unsafe_point: i32,
    preemptible: bool,
    resume: Option<u64>,
    resume_declared: Option<i64>,
    lr: Option<&'static str>,
    r29: Option<String>,
    rules: Vec<&'static str>,
    /// What can happen at worst; null if no rule is broken, or nobody looks.
    severity: Option<&'static str>,
    stack: Vec<SlotObject>,
    observers: Vec<AccountObject>,
}

#[derive(Debug, Serialize)]
struct SlotObject {
    /// In bytes from SP.
    offset: i64,
    /// In bytes below the CFA.
    depth: i64,
    content: &'static str,
    overwritten: bool,
    taken: bool,
    pushed: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct AccountObject {
    observer: &'static str,
    verdict: &'static str,
    looks: bool,
    return_address: Option<&'static str>,
    sentences: Vec<String>,
    crashes: Vec<CrashObject>,
}

#[derive(Debug, Serialize)]
struct CrashObject {
    word: &'static str,
    message: &'static str,
    address: Option<String>,
}

/// The document of a story.
#[must_use]
pub fn explain(explained: &Explained) -> ExplainDocument {
    let (path, function, go_version) = match &explained.subject {
        Subject::Frame => (None, None, None),
        Subject::Binary { path, function, go_version } => {
            (Some(path.clone()), Some(function.clone()), go_version.clone())
        }
    };
    let others = explained.others.iter().map(|other| OtherObject {
        offset: other.at.offset(),
        rules: ids(other.rules.iter().copied()),
        severity: other.severity.map(Severity::id),
    });
    let undecided = explained.undecided.iter().map(|undecided| UndecidedObject {
        offset: undecided.at.offset(),
        reason: undecided.reason.to_string(),
    });
    ExplainDocument {
        schema: "midframe/explain/1",
        path,
        function,
        go_version,
        leaf: explained.kind == Kind::Leaf,
        boundary: story(&explained.story),
        beside: explained.beside.as_ref().map(story),
        others: others.collect(),
        undecided: undecided.collect(),
    }
}

fn ids(rules: impl Iterator<Item = Rule>) -> Vec<&'static str> {
    rules.map(Rule::id).collect()
}

fn story(story: &Story) -> StoryObject {
    let state = story.state.as_ref();
    StoryObject {
        policy: story.name.clone(),
        offset: story.at.offset(),
        pc: Pc(story.entry.0.wrapping_add(story.at.offset())).to_string(),
        word: hexadecimal(story.word),
        instruction: GoSyntax(story.word).to_string(),
        frame_size: story.frame_size.0,
        declared: story.row.depth.0,
        actual: state.map(|state| state.depth.0),
        unsafe_point: story.row.unsafe_point.pcdata(),
        preemptible: story.is_injectable(),
        resume: story.resume.map(|(at, _)| at.offset()),
        resume_declared: story.resume.map(|(_, depth)| depth.0),
        lr: state.map(|state| match state.lr {
            Lr::Return => "return-address",
            Lr::Unknown => "unknown",
            Lr::Other => "other",
        }),
        r29: state.map(|state| match state.fp {
            Fp::Caller => "caller".to_owned(),
            Fp::Below(depth) => format!("cfa-{depth}"),
            Fp::Unknown => "unknown".to_owned(),
            Fp::Other => "other".to_owned(),
        }),
        rules: ids(story.broken.iter().map(|broken| broken.rule)),
        severity: worst(&story.broken).map(Severity::id),
        stack: story.stack.iter().map(slot).collect(),
        observers: story.accounts.iter().map(|account| observer(story, account)).collect(),
    }
}

fn hexadecimal(word: Word) -> String {
    format!("{:#010x}", word.get())
}

fn slot(slot: &Slot) -> SlotObject {
    SlotObject {
        offset: slot.offset,
        depth: slot.depth.0,
        content: match slot.content {
            Content::Caller => "caller",
            Content::CallersLr => "caller-lr",
            Content::CallersR29 => "caller-r29",
            Content::ReturnAddress => "return-address",
            Content::SavedR29 => "saved-r29",
            Content::Local => "local",
            Content::CalleesR29 => "callee-r29",
            Content::CalleesReturn => "callee-return-address",
            Content::Unused => "unused",
        },
        overwritten: slot.is_lost,
        taken: slot.is_taken,
        pushed: slot.pushed.map(|pushed| match pushed {
            Pushed::Lr => "lr",
            Pushed::FramePointer => "r29",
        }),
    }
}

fn observer(story: &Story, account: &Account) -> AccountObject {
    AccountObject {
        observer: account.observer.id(),
        verdict: story.verdict(account.observer).id(),
        looks: account.looks,
        return_address: account.return_address.map(|place| match place {
            ReturnAddress::Register => "lr",
            ReturnAddress::WordAtSp => "word-at-sp",
            ReturnAddress::PushedWord => "pushed-lr",
            ReturnAddress::EndOfStack => "end-of-stack",
            ReturnAddress::Stop => "stop",
            ReturnAddress::Throw => "throw",
        }),
        sentences: account.sentences.clone(),
        crashes: account.crashes.iter().map(|(word, crash)| ending(*word, *crash)).collect(),
    }
}

fn ending(word: Mistaken, crash: Crash) -> CrashObject {
    let (message, address) = match crash {
        Crash::Incomplete => ("traceback did not unwind completely", None),
        Crash::Fault(address) => ("segmentation violation", Some(format!("{address:#x}"))),
        Crash::UnknownCaller => ("unknown caller pc", None),
        Crash::Stuck => ("traceback stuck", None),
    };
    let word = match word {
        Mistaken::Zero => "zero",
        Mistaken::NotCode => "not-code",
        Mistaken::Itself => "itself",
    };
    CrashObject { word, message, address }
}
