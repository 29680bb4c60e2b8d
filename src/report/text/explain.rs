//! The story of a boundary, in 80 columns: what the machine holds, beside the same
//! boundary under the fixed policy; the stack with what preemption writes; what
//! each observer does.

use super::paint::{Tone, columns, padded, paint};
use super::{plural, printable};
use crate::explain::{
    Content, Explained, Slot, Story, Subject, below_cfa, observer_name, offset, worst,
};
use a64::syntax::GoSyntax;
use core::fmt::Write as _;
use lowering::Policy;
use unwind::inject::Pushed;
use unwind::{Crash, Mistaken, NotPreemptible, Preemption};
use verifier::{Fp, Lr, Verdict};

/// The width of a line.
const WIDTH: usize = 80;

/// The widths of the columns of what stands side by side; a gap of two between.
const LABEL: usize = 13;
const CELL: usize = (WIDTH - 2 - LABEL - 2 * 2) / 2;

/// The story.
#[must_use]
pub fn explain(explained: &Explained) -> String {
    let story = &explained.story;
    let mut text = heading(explained);
    text.push('\n');
    text.push_str(&around(story));
    text.push('\n');
    text.push_str(&machine(explained));
    text.push('\n');
    text.push_str(&stack(explained));
    text.push('\n');
    text.push_str(&accounts(story));
    if let Some(beside) = &explained.beside {
        let _ = writeln!(text, "\nThe same boundary under {}:", beside.name);
        if let Some(policy) = Policy::BUILT_IN.iter().find(|policy| policy.name == beside.name) {
            text.push_str(&wrapped("  ", "  ", &format!("{}.", policy.summary)));
        }
        text.push_str(&accounts(beside));
    }
    for undecided in &explained.undecided {
        let word = paint(Tone::Open, "Undecided");
        let place = format!("{word}, at {}: {}", offset(undecided.at), undecided.reason);
        text.push_str(&wrapped("", "  ", &place));
    }
    if !explained.others.is_empty() {
        text.push('\n');
        let others = explained.others.iter().map(|other| {
            let rules: Vec<_> = other.rules.iter().map(|rule| rule.id()).collect();
            let worst = other.severity.map_or_else(String::new, |worst| format!(": {worst}"));
            format!("{} ({}{worst})", offset(other.at), rules.join(", "))
        });
        let others: Vec<_> = others.take(16).collect();
        let word = paint(Tone::Bad, "Broken");
        text.push_str(&wrapped("", "  ", &format!("{word} elsewhere: {}", others.join(", "))));
    }
    if explained.is_clean() {
        let boundaries = plural(explained.boundaries.into(), "boundary", "boundaries");
        let word = paint(Tone::Good, "No finding");
        let _ = writeln!(text, "\n{word}: every rule holds at the function's {boundaries}.");
    }
    text
}

fn heading(explained: &Explained) -> String {
    let story = &explained.story;
    let at = offset(story.at);
    let size = format!("{}  frame {}", explained.kind, story.frame_size);
    match &explained.subject {
        Subject::Frame => {
            format!("{}\n", cut(&format!("{}  {size}  boundary {at}", story.name), WIDTH))
        }
        Subject::Binary { path, function, go_version } => {
            let version = go_version.as_deref().unwrap_or("an unknown Go");
            let file = format!("{}, built by {}", printable(path), printable(version));
            let pc = story.entry.0.wrapping_add(story.at.offset());
            let place = format!("{size}  boundary {at}, {pc:#x}");
            [printable(function).into_owned(), file, place]
                .map(|line| format!("{}\n", cut(&line, WIDTH)))
                .concat()
        }
    }
}

/// The instructions around the boundary.
fn around(story: &Story) -> String {
    let mut text = String::new();
    for (at, word) in &story.around {
        let (mark, tone) = match *at == story.at {
            true if story.broken.is_empty() => (">", Tone::Here),
            true => (">", Tone::Bad),
            false => (" ", Tone::Plain),
        };
        let line = format!(" {mark} {:<7}  {word}  {}", offset(*at), GoSyntax(*word));
        let _ = writeln!(text, "{}", paint(tone, cut(line.trim_end(), WIDTH)));
    }
    text
}

/// A line for each fact, with this boundary and the one beside.
fn machine(explained: &Explained) -> String {
    let stories: Vec<_> = core::iter::once(&explained.story).chain(&explained.beside).collect();
    let facts: Vec<_> = stories.iter().map(|story| facts(story)).collect();
    let mut text = String::new();
    for (at, label) in FACTS.iter().enumerate() {
        let cells = stories.iter().zip(&facts).map(|(story, facts)| {
            let is_broken = *label == BROKEN && !story.broken.is_empty();
            let tone = if is_broken { Tone::Bad } else { Tone::Plain };
            (tone, facts.get(at).cloned().unwrap_or_default())
        });
        let cells: Vec<_> = cells.collect();
        // Nothing can happen where nothing is broken.
        if *label != WORST || cells.iter().any(|(_, cell)| !cell.is_empty()) {
            text.push_str(&side_by_side(label, cells.into_iter()));
        }
    }
    text
}

/// The names of what is known of a boundary.
pub const FACTS: [&str; 9] =
    ["", "instruction", "declared", "actual", "preempted", "LR", "R29", BROKEN, WORST];

const BROKEN: &str = "broken";

const WORST: &str = "at worst";

/// What is known of a boundary, in the order of [`FACTS`]; which one it is comes first.
#[must_use]
pub fn facts(story: &Story) -> [String; FACTS.len()] {
    let state = story.state.as_ref();
    let rules: Vec<_> = story.broken.iter().map(|broken| broken.rule.id()).collect();
    [
        format!("{} {}", printable(&story.name), offset(story.at)),
        GoSyntax(story.word).to_string(),
        story.row.depth.to_string(),
        state.map_or("not reached".to_owned(), |state| state.depth.to_string()),
        preempted(story),
        state.map_or("", |state| lr(state.lr)).to_owned(),
        state.map_or(String::new(), |state| fp(state.fp)),
        if rules.is_empty() { "no rule".to_owned() } else { rules.join(", ") },
        match worst(&story.broken) {
            Some(severity) => severity.to_string(),
            None if story.broken.is_empty() => String::new(),
            None => Verdict::NotObserved.to_string(),
        },
    ]
}

fn preempted(story: &Story) -> String {
    match (story.preemption, story.resume) {
        (Preemption::Never(NotPreemptible::Assembly), _) => "never: assembly".to_owned(),
        (Preemption::Never(reason), _) => format!("never: {reason}"),
        (Preemption::Async, None) => "no: unsafe point".to_owned(),
        (Preemption::Async, Some((at, _))) if at == story.at => "yes".to_owned(),
        (Preemption::Async, Some((at, depth))) => {
            format!("resumes at {}, {depth}", offset(at))
        }
    }
}

const fn lr(lr: Lr) -> &'static str {
    match lr {
        Lr::Return => "the return address",
        Lr::Unknown => "not followed",
        Lr::Other => "something else",
    }
}

fn fp(fp: Fp) -> String {
    match fp {
        Fp::Caller => "the caller's".to_owned(),
        Fp::Below(depth) => below_cfa(depth),
        Fp::Unknown => "not followed".to_owned(),
        Fp::Other => "something else".to_owned(),
    }
}

/// The words around SP of both boundaries, by their distance from SP.
fn stack(explained: &Explained) -> String {
    let stories: Vec<_> = core::iter::once(&explained.story).chain(&explained.beside).collect();
    let mut offsets: Vec<i64> =
        stories.iter().flat_map(|story| &story.stack).map(|slot| slot.offset).collect();
    offsets.sort_unstable_by(|first, second| second.cmp(first));
    offsets.dedup();
    let mut text = String::from(
        "The stack, what a stop here writes into it (->), and the word that is then\ntaken for the return address (<-):\n",
    );
    let mut last: Option<i64> = None;
    for offset in offsets {
        if last.is_some_and(|last| last - offset > 8) {
            let gap = stories.iter().map(|_| (Tone::Plain, "...".to_owned()));
            text.push_str(&side_by_side("  ...", gap));
        }
        last = Some(offset);
        let cells = stories.iter().map(|story| {
            let slot = story.stack.iter().find(|slot| slot.offset == offset);
            (Tone::Plain, slot.map_or(String::new(), cell))
        });
        text.push_str(&side_by_side(&from_sp(offset), cells));
    }
    text
}

/// A place on the stack, from SP.
#[must_use]
pub fn from_sp(offset: i64) -> String {
    match offset {
        0 => "SP".to_owned(),
        1.. => format!("SP+{offset}"),
        _ => format!("SP-{}", offset.unsigned_abs()),
    }
}

/// A word of the stack, and what becomes of it.
#[must_use]
pub fn cell(slot: &Slot) -> String {
    let content = match slot.content {
        Content::Caller => "caller's frame",
        Content::CallersLr => "caller's LR",
        Content::CallersR29 => "caller's saved R29",
        Content::ReturnAddress => "return address",
        Content::SavedR29 => "R29, saved",
        Content::Local => "local",
        Content::CalleesR29 => "R29, for the callee",
        Content::CalleesReturn => "LR, for the callee",
        Content::Unused => "unused",
    };
    let written = match (slot.pushed, slot.is_lost) {
        (Some(Pushed::Lr), _) => " -> LR",
        (Some(Pushed::FramePointer), _) => " -> R29",
        (None, true) => " -> overwritten",
        (None, false) => "",
    };
    let taken = if slot.is_taken { "  <- taken" } else { "" };
    format!("{content}{written}{taken}")
}

/// What each observer does.
fn accounts(story: &Story) -> String {
    let mut text = String::new();
    for account in &story.accounts {
        let verdict = story.verdict(account.observer);
        let word = match verdict {
            Verdict::Refuted => "refuted",
            Verdict::Undecided => "undecided",
            Verdict::Proved => "holds",
            Verdict::NotObserved => "not observed",
        };
        let _ = writeln!(text, "{}: {}", observer_name(account.observer), paint(verdict, word));
        for sentence in &account.sentences {
            text.push_str(&wrapped("  ", "  ", sentence));
        }
        for (word, crash) in &account.crashes {
            text.push_str(&wrapped("    ", "      ", &ending(*word, *crash)));
        }
    }
    text
}

/// How the program ends.
#[must_use]
pub fn ending(word: Mistaken, crash: Crash) -> String {
    let word = match word {
        Mistaken::Zero => "if it is zero",
        Mistaken::NotCode => "if it is no address of code",
        Mistaken::Itself => "it is the boundary itself",
    };
    match crash {
        Crash::Incomplete => format!("{word}: fatal error: traceback did not unwind completely"),
        Crash::Fault(address) => {
            format!("{word}: SIGSEGV: segmentation violation, addr={address:#x}")
        }
        Crash::UnknownCaller => {
            format!("{word}: unexpected return pc for ...; fatal error: unknown caller pc")
        }
        Crash::Stuck => format!("{word}: fatal error: traceback stuck"),
    }
}

/// A line of a label and one or two cells.
fn side_by_side(label: &str, cells: impl Iterator<Item = (Tone, String)>) -> String {
    let mut line = format!("  {label:<LABEL$}");
    for (tone, cell) in cells {
        let _ = write!(line, "  {}", padded(&paint(tone, cut(&cell, CELL)), CELL));
    }
    format!("{}\n", line.trim_end())
}

/// A text of at most `width` characters: a longer one loses its middle.
fn cut(text: &str, width: usize) -> String {
    let count = text.chars().count();
    if count <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(3);
    let head = kept.div_ceil(2);
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - (kept - head)).collect();
    format!("{start}...{end}")
}

/// A paragraph: its words in lines that begin with `first`, then with `then`.
fn wrapped(first: &str, then: &str, paragraph: &str) -> String {
    let mut text = String::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in paragraph.split_whitespace() {
        let word = cut(word, WIDTH - 8);
        if !empty && columns(&line) + 1 + columns(&word) > WIDTH {
            let _ = writeln!(text, "{line}");
            line = then.to_owned();
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(&word);
        empty = false;
    }
    let _ = writeln!(text, "{line}");
    text
}
