//! The page of one boundary: its sequence drawn beside the one of the fixed policy, what
//! the machine holds, the stack, and what each observer does.

use super::depth::{Boundary, figures, key, listing, point, rules};
use super::markup::Html;
use super::page::page;
use super::table::{Cell, Column, Row, Use, table};
use crate::explain::{Explained, Story, Subject, observer_name, offset};
use crate::report::text;
use a64::syntax::GoSyntax;
use verifier::Verdict;

/// The page of a story.
#[must_use]
pub fn explain(explained: &Explained) -> String {
    page("explain", &headline(explained), |html| {
        subject(html, explained);
        let stories: Vec<_> = core::iter::once(&explained.story).chain(&explained.beside).collect();
        html.leaf("h2", &[], "Depth at each boundary");
        key(html);
        let sides = stories.iter().map(|story| (caption(story), boundaries(story)));
        figures(html, &sides.collect::<Vec<_>>());
        html.element("div", &[("class", &"sides")], |html| {
            for story in &stories {
                listing(html, &format!("Listing: {}", caption(story)), &boundaries(story));
            }
        });
        machine(html, &stories);
        stack(html, &stories);
        html.leaf("h2", &[], "Who stops there");
        stories.iter().for_each(|story| accounts(html, story));
        rest(html, explained);
    })
}

/// What is wrong at the boundary, in one line.
fn headline(explained: &Explained) -> String {
    let story = &explained.story;
    let broken: Vec<_> = story.broken.iter().map(|broken| broken.rule).collect();
    let what = match broken.is_empty() {
        true if explained.is_clean() => "every rule holds".to_owned(),
        true => "no rule is broken here".to_owned(),
        false => format!("{} broken", rules(&broken)),
    };
    match &explained.subject {
        Subject::Frame => format!("{what} at {}", caption(story)),
        Subject::Binary { function, .. } => format!("{what} at {} of {function}", offset(story.at)),
    }
}

fn caption(story: &Story) -> String {
    format!("{}, frame {}, boundary {}", story.name, story.frame_size, offset(story.at))
}

fn subject(html: &mut Html, explained: &Explained) {
    let story = &explained.story;
    let mut facts = vec![
        ("function", explained.kind.to_string()),
        ("frame", format!("{} bytes", story.frame_size)),
        ("boundary", offset(story.at).to_string()),
    ];
    if let Subject::Binary { path, function, go_version } = &explained.subject {
        let pc = story.entry.0.wrapping_add(story.at.offset());
        facts = vec![
            ("file", path.clone()),
            ("built by", go_version.clone().unwrap_or_else(|| "an unknown Go".to_owned())),
            ("function", format!("{function}, {}", explained.kind)),
            ("frame", format!("{} bytes", story.frame_size)),
            ("boundary", format!("{}, {pc:#x}", offset(story.at))),
        ];
    }
    html.element("dl", &[], |html| {
        for (name, value) in facts {
            html.leaf("dt", &[], name);
            html.leaf("dd", &[], value);
        }
    });
}

fn boundaries(story: &Story) -> Vec<Boundary> {
    let boundary = |near: &crate::explain::Near| Boundary {
        at: near.at,
        text: GoSyntax(near.word).to_string(),
        declared: near.row.map(|row| row.depth),
        actual: near.actual,
        point: near.row.map_or("no row", |row| point(row.unsafe_point)),
        rules: near.rules.clone(),
        is_here: near.at == story.at,
    };
    story.boundaries.iter().map(boundary).collect()
}

/// What the machine holds, a column for each story.
fn machine(html: &mut Html, stories: &[&Story]) {
    html.leaf("h2", &[], "What the machine holds");
    let facts: Vec<_> = stories.iter().map(|story| text::facts(story)).collect();
    let rows = text::FACTS.iter().enumerate().map(|(at, label)| {
        let name = if label.is_empty() { "boundary" } else { label };
        let cells =
            facts.iter().map(|facts| Cell::code(facts.get(at).cloned().unwrap_or_default()));
        Row::from(core::iter::once(Cell::new(name)).chain(cells).collect::<Vec<_>>())
    });
    table(html, "Registers and the table", columns(stories), rows.collect(), Use::Read);
}

/// The names of the columns for one or two stories.
const fn columns(stories: &[&Story]) -> &'static [Column] {
    match stories.len() {
        0 | 1 => &[("", false), ("this boundary", false)],
        _ => &[("", false), ("this boundary", false), ("under the fixed policy", false)],
    }
}

/// The words around SP, from the highest.
fn stack(html: &mut Html, stories: &[&Story]) {
    html.leaf("h2", &[], "The stack");
    let mut offsets: Vec<i64> =
        stories.iter().flat_map(|story| &story.stack).map(|slot| slot.offset).collect();
    offsets.sort_unstable_by(|first, second| second.cmp(first));
    offsets.dedup();
    let rows = offsets.into_iter().map(|offset| {
        let slots = stories.iter().map(|story| {
            let slot = story.stack.iter().find(|slot| slot.offset == offset)?;
            Some((slot, slot.is_taken && !story.broken.is_empty()))
        });
        let cells = slots.map(|slot| match slot {
            Some((slot, true)) => Cell::new(text::cell(slot)).class("mid-frame"),
            Some((slot, false)) => Cell::new(text::cell(slot)),
            None => Cell::default(),
        });
        let label = Cell::code(text::from_sp(offset));
        Row::from(core::iter::once(label).chain(cells).collect::<Vec<_>>())
    });
    let caption = "What a stop here writes into the stack (->), and the word that is then taken \
                   for the return address (<-)";
    table(html, caption, columns(stories), rows.collect(), Use::Read);
}

/// What each observer does.
fn accounts(html: &mut Html, story: &Story) {
    html.element("section", &[("class", &"panel")], |html| {
        html.leaf("h3", &[], caption(story));
        for account in &story.accounts {
            let (verdict, class) = match story.verdict(account.observer) {
                Verdict::Refuted => ("refuted", "bad"),
                Verdict::Undecided => ("undecided", ""),
                Verdict::Proved => ("holds", "good"),
                Verdict::NotObserved => ("not observed", ""),
            };
            html.element("p", &[], |html| {
                html.leaf("strong", &[], observer_name(account.observer));
                html.text(": ");
                html.leaf("span", &[("class", &class)], verdict);
            });
            account.sentences.iter().for_each(|sentence| html.leaf("p", &[], sentence));
            if account.crashes.is_empty() {
                continue;
            }
            html.element("ul", &[], |html| {
                for (word, crash) in &account.crashes {
                    html.leaf("li", &[], text::ending(*word, *crash));
                }
            });
        }
    });
}

/// What else was found in the function.
fn rest(html: &mut Html, explained: &Explained) {
    if explained.others.is_empty() && explained.undecided.is_empty() {
        return;
    }
    html.leaf("h2", &[], "Elsewhere in the function");
    html.element("ul", &[], |html| {
        for other in &explained.others {
            let (at, rules) = (offset(other.at), rules(&other.rules));
            html.leaf("li", &[], format!("{at}: {rules} broken{}", text::severity(other.severity)));
        }
        for undecided in &explained.undecided {
            html.leaf(
                "li",
                &[],
                format!("{}: undecided: {}", offset(undecided.at), undecided.reason),
            );
        }
    });
}
