//! A review as a comment on a pull request: what to know in a few lines, and the changes
//! themselves folded. Never longer than [`MAX_LINES`].

use super::code;
use crate::report::listing::beside;
use crate::report::text::{
    costs, details, examples, headline, is_listed, nouns, part, side, title,
};
use crate::review::{Class, Group, Review};
use core::fmt::Write as _;

/// How many lines the document has at most.
pub const MAX_LINES: usize = 59;

/// How many lines the counts and costs leave to what is only in one directory.
const MAX_ALONE: usize = 4;

/// The document of a review.
#[must_use]
pub fn review(review: &Review) -> String {
    let mut text = format!("**midframe review:** {}\n\n", prose(review));
    let [old, new] = match &*review.pairs {
        [pair] if pair.name.is_empty() => pair.sides.each_ref().map(side),
        _ => review.sides.clone(),
    };
    let _ = writeln!(text, "Old: {}  \nNew: {}\n", code(&old), code(&new));
    counts(review, &mut text);
    table(&costs(review), &mut text);
    alone(review, &mut text);
    folded(review, &mut text);
    text
}

/// The headline with the names in it as code.
fn prose(review: &Review) -> String {
    let line = headline(review);
    match line.split_once(": ") {
        Some((what, rest)) if review.is_worse() => format!("{what}: {}", code(rest)),
        _ => line,
    }
}

/// How many functions of each class.
fn counts(review: &Review, text: &mut String) {
    let (_, many) = nouns(review.subject);
    let _ = writeln!(text, "| {many} | |\n| --- | ---: |");
    for class in Class::ALL {
        let count = review.count(class);
        if count > 0 {
            let _ = writeln!(text, "| {class} | {} |", super::grouped(count));
        }
    }
    for (which, word) in [(1, "appeared"), (0, "disappeared")] {
        let lone = || review.pairs.iter().filter_map(|pair| pair.alone.get(which)).flatten();
        let refuted = lone().filter(|lone| !lone.refuted.is_empty()).count();
        if lone().next().is_some() {
            let count = super::grouped(lone().count());
            let _ = writeln!(text, "| {word} ({refuted} refuted) | {count} |");
        }
    }
    text.push('\n');
}

/// A table of our own words and numbers.
fn table(rows: &[Vec<String>], text: &mut String) {
    for (number, row) in rows.iter().enumerate() {
        let cells: Vec<_> = row.iter().map(|cell| cell.trim()).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
        if number == 0 {
            let _ = writeln!(text, "| --- |{}", " ---: |".repeat(row.len().saturating_sub(1)));
        }
    }
    text.push('\n');
}

/// What only one directory has.
fn alone(review: &Review, text: &mut String) {
    for (names, which) in review.alone.iter().zip(["old", "new"]) {
        let Some(first) = names.first() else { continue };
        let first = code(&first.display().to_string());
        let more = match names.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        let _ = writeln!(text, "- only in {which}: {first}{more}");
    }
    for (path, error) in review.errors.iter().take(MAX_ALONE) {
        let path = code(&path.display().to_string());
        let _ = writeln!(text, "- not read: {path}: {}", code(error));
    }
    if !text.ends_with("\n\n") {
        text.push('\n');
    }
}

/// The changes, the gravest first, as far as there is room.
fn folded(review: &Review, text: &mut String) {
    if review.groups.is_empty() {
        return;
    }
    let changes = super::plural(review.groups.len() as u64, "distinct change", "distinct changes");
    let _ = writeln!(text, "<details><summary>{changes}</summary>\n");
    // What ends it, and says what is left out.
    const END: usize = 3;
    let mut left = 0_usize;
    for group in &review.groups {
        let block = self::group(review, group);
        if text.lines().count() + block.lines().count() + END > MAX_LINES {
            left += 1;
        } else {
            text.push_str(&block);
        }
    }
    if left > 0 {
        let more = super::plural(left as u64, "change", "changes");
        let _ = writeln!(text, "{more} more: `--format text` lists all.\n");
    }
    text.push_str("</details>\n");
}

/// A change with its sides beside each other.
fn group(review: &Review, group: &Group) -> String {
    let mut text = format!("**{}** ({})", title(review, group), details(group).join("; "));
    let _ = writeln!(text, ": {}\n", code(&examples(group)));
    if is_listed(group) && group.class != Class::StillUndecided {
        text.push_str("```text\n");
        for difference in &group.differences {
            let _ = writeln!(text, "{}", part(difference));
            for line in beside(difference) {
                let _ = writeln!(text, "{}", line.to_string().replace('`', "'"));
            }
        }
        text.push_str("```\n\n");
    }
    text
}
