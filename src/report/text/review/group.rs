//! One distinct change: what it is, what became of the rules, what it costs, and its two
//! sides beside each other.

use super::{change, list, nouns, rules};
use crate::report::listing::{Beside, beside};
use crate::report::text::paint::{Tone, paint};
use crate::report::text::width::{Width, wrapped};
use crate::report::text::{grouped, plural, printable};
use crate::review::{Change, Class, Difference, Group, Review};
use core::fmt::Write as _;
use unwind::Depth;

/// What a group is, in one line.
#[must_use]
pub fn title(review: &Review, group: &Group) -> String {
    let (one, many) = nouns(review.subject);
    let mut parts: Vec<_> = group.differences.iter().map(|found| found.part.id()).collect();
    parts.dedup();
    let mut text = format!("{}: {}", group.class, plural(group.count, one, many));
    let _ = match group.constants_only {
        true if !group.same_frame => write!(text, ", frames of another size"),
        true => write!(text, ", other constants in {}", parts.join(", ")),
        false if !group.same_frame => {
            write!(text, ", another {} for frames of another size", parts.join(", "))
        }
        false => write!(text, ", another {}", parts.join(", ")),
    };
    text
}

/// Whether a group is listed: where nothing is worth a look but the size of frames, it
/// is only counted.
#[must_use]
pub fn is_listed(group: &Group) -> bool {
    group.class != Class::Kept || !group.constants_only || group.same_frame
}

/// What became of the rules of a group, and what it costs.
#[must_use]
pub fn details(group: &Group) -> Vec<String> {
    let became = became(group).into_iter().map(|(_, _, line)| line);
    became.chain([size(group)]).collect()
}

/// What became of the rules of a group: lines, each with its tone and the word that it
/// begins with.
fn became(group: &Group) -> Vec<(Tone, &'static str, String)> {
    let mut lines = Vec::new();
    for change in Change::ALL {
        let rules = rules(&group.changes, change);
        if !rules.is_empty() {
            let word = change.words();
            lines.push((change.into(), word, format!("{word}: {rules}")));
        }
    }
    if !group.changes.undecided.is_empty() {
        let line = format!("{NOW_UNDECIDED} for {}", list(&group.changes.undecided));
        lines.push((Tone::Open, NOW_UNDECIDED, line));
    }
    lines
}

const NOW_UNDECIDED: &str = Class::NowUndecided.words();

/// The frames of a group, and what they cost.
fn size(group: &Group) -> String {
    let [before, now] = group.instructions;
    let (Depth(smallest), Depth(largest)) = group.frames;
    let frames = match smallest == largest {
        true => format!("frame {smallest}"),
        false => format!("frames {smallest} to {largest}"),
    };
    let (was, is) = (grouped(before), grouped(now));
    format!("{frames}; {was} instructions, now {is} ({})", change(before, now))
}

/// The examples of a group.
#[must_use]
pub fn examples(group: &Group) -> String {
    let names: Vec<_> = group.examples.iter().map(|name| printable(name)).collect();
    match group.count.saturating_sub(names.len() as u64) {
        0 => names.join(", "),
        more => format!("{} and {} more", names.join(", "), grouped(more)),
    }
}

/// A change as text.
pub(super) fn group(review: &Review, group: &Group, width: Width) -> String {
    let mut text =
        format!("\n{}\n", begun(group.class, group.class.words(), &title(review, group)));
    for (tone, label, line) in became(group) {
        text.push_str(&wrapped("  ", &begun(tone, label, &line), width));
    }
    for line in [size(group), examples(group)] {
        text.push_str(&wrapped("  ", &line, width));
    }
    if is_listed(group) {
        for difference in &group.differences {
            let _ = writeln!(text, "  {}", part(difference));
            for line in beside(difference) {
                let _ = writeln!(text, "    {}", marked(&line));
            }
        }
    }
    text
}

/// The name of a part, with how many instructions it had and has.
#[must_use]
pub fn part(difference: &Difference) -> String {
    let [old, new] = [&difference.old, &difference.new].map(|lines| lines.len() as u64);
    let part = difference.part.id();
    match old == new {
        true => format!("{part}, {}", plural(new, "instruction", "instructions")),
        false => format!("{part}, {}, now {new}", plural(old, "instruction", "instructions")),
    }
}

/// A line with the word painted that it begins with.
fn begun(tone: impl Into<Tone>, word: &str, line: &str) -> String {
    match line.strip_prefix(word) {
        Some(rest) => format!("{}{rest}", paint(tone, word)),
        None => line.to_owned(),
    }
}

/// A row of two sides, the one red that breaks a rule.
fn marked(row: &Beside) -> String {
    row.text(|side, is_broken| paint(if is_broken { Tone::Bad } else { Tone::Plain }, side))
}
