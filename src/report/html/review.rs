//! The page of a review: what became of the rules, what frames cost, each distinct
//! change with both sides drawn and listed beside each other, and the functions that are
//! not unchanged in one table.

use super::depth::{Boundary, figures, key};
use super::markup::Html;
use super::page::page;
use super::table::{Cell, Column, Row, Use, table};
use crate::report::listing::pairs;
use crate::report::text;
use crate::review::step::Class as Safety;
use crate::review::{Change, Class, Difference, Group, Line, Lone, Pair, Review, Reviewed};
use verifier::Rule;

/// The page of a review.
#[must_use]
pub fn review(review: &Review) -> String {
    page("review", &text::headline(review), |html| {
        sides(html, review);
        counts(html, review);
        costs(html, review);
        let mut groups = review.groups.iter().enumerate().peekable();
        if groups.peek().is_some() {
            html.leaf("h2", &[], "What changed");
            key(html);
        }
        groups.for_each(|(number, group)| self::group(html, review, number + 1, group));
        functions(html, review);
        errors(html, review);
    })
}

/// What is under review.
fn sides(html: &mut Html, review: &Review) {
    html.element("dl", &[], |html| {
        let names: Vec<_> = match &*review.pairs {
            [pair] if pair.name.is_empty() => pair.sides.iter().map(text::side).collect(),
            _ => review.sides.to_vec(),
        };
        for (which, name) in ["old", "new"].into_iter().zip(names) {
            html.leaf("dt", &[], which);
            html.leaf("dd", &[], name);
        }
        for (names, which) in review.alone.iter().zip(["only in old", "only in new"]) {
            for name in names {
                html.leaf("dt", &[], which);
                html.leaf("dd", &[], name.display());
            }
        }
    });
}

fn counts(html: &mut Html, review: &Review) {
    let (_, many) = text::nouns(review.subject);
    let counts = Class::ALL.into_iter().map(|class| (class, review.count(class)));
    let counts = counts.filter(|&(class, count)| count > 0 || class == Class::Broken);
    let row = |(class, count): (Class, u64)| {
        Row::from(vec![Cell::new(class).class(tone(class, count)), Cell::new(text::grouped(count))])
    };
    let mut rows: Vec<_> = counts.map(row).collect();
    for (which, word) in [(1, "appeared"), (0, "disappeared")] {
        let lone = review.pairs.iter().filter_map(|pair| pair.alone.get(which)).flatten();
        let count = lone.count() as u64;
        if count > 0 {
            rows.push(vec![Cell::new(word), Cell::new(text::grouped(count))].into());
        }
    }
    html.leaf("h2", &[], "In all");
    table(html, "What became of them", &[("class", false), (many, true)], rows, Use::Read);
}

/// What is worse is red, what is better green.
const fn tone(class: Class, count: u64) -> &'static str {
    match class {
        _ if count == 0 => "",
        Class::Broken | Class::NowUndecided | Class::StillRefuted => "bad",
        Class::Mended | Class::NowProved => "good",
        _ => "",
    }
}

fn costs(html: &mut Html, review: &Review) {
    let (_, many) = text::nouns(review.subject);
    let columns: [Column; 8] = [
        ("frame size", false),
        (many, true),
        ("prologues, old", true),
        ("new", true),
        ("epilogues, old", true),
        ("new", true),
        ("change", true),
        ("in bytes", true),
    ];
    let cells = |row: Vec<String>| row.iter().map(|cell| Cell::new(cell.trim())).collect();
    let rows =
        text::costs(review).into_iter().skip(1).map(|row| Row { class: "", cells: cells(row) });
    table(html, "Instructions of prologues and epilogues", &columns, rows.collect(), Use::Read);
}

/// A distinct change.
fn group(html: &mut Html, review: &Review, number: usize, group: &Group) {
    let id = format!("change-{number}");
    html.element("section", &[("class", &"panel change"), ("aria-labelledby", &id)], |html| {
        let heading = [("id", &id as super::markup::Value<'_>), ("class", &tone(group.class, 1))];
        html.leaf("h3", &heading, format!("{number}. {}", text::title(review, group)));
        for line in text::details(group) {
            html.leaf("p", &[], line);
        }
        html.leaf("p", &[("class", &"soft")], text::examples(group));
        for difference in &group.differences {
            if text::is_listed(group) {
                self::difference(html, number, difference);
            }
        }
    });
}

fn difference(html: &mut Html, number: usize, difference: &Difference) {
    let part = text::part(difference);
    let sides = [("Old", &difference.old), ("New", &difference.new)].map(|(which, lines)| {
        let caption = format!("{which} {}, change {number}", difference.part.id());
        (caption, lines.iter().map(boundary).collect())
    });
    figures(html, &sides);
    let columns: [Column; 9] = [
        ("old", false),
        ("declared", true),
        ("actual", true),
        ("preemption", false),
        ("", false),
        ("new", false),
        ("declared", true),
        ("actual", true),
        ("preemption", false),
    ];
    let rows: Vec<_> = pairs(difference).into_iter().map(|(old, new)| row(old, new)).collect();
    let caption = format!("Listing of the {part}, change {number}");
    table(html, &caption, &columns, rows, Use::Read);
}

/// Both sides of a row of the listing.
fn row(old: Option<&Line>, new: Option<&Line>) -> Row {
    let between = match (old, new) {
        (Some(old), Some(new)) if old.normal == new.normal => "=",
        (Some(_), Some(_)) => "changed",
        (Some(_), None) => "gone",
        _ => "added",
    };
    let mut cells = side(old);
    cells.push(Cell::new(between).class("soft"));
    cells.extend(side(new));
    Row { class: "", cells }
}

fn side(line: Option<&Line>) -> Vec<Cell> {
    let Some(line) = line else { return vec![Cell::default(); 4] };
    let depth =
        |depth: Option<unwind::Depth>| depth.map_or("-".to_owned(), |depth| depth.to_string());
    let class = if line.rules.is_empty() { "" } else { "mid-frame" };
    let mut note = point(line.safety).to_owned();
    if !line.rules.is_empty() {
        let comma = if note.is_empty() { "" } else { ", " };
        note = format!("{note}{comma}broken: {}", super::depth::rules(&line.rules));
    }
    vec![
        Cell::code(&line.text).class(class),
        Cell::new(depth(line.depth)).class(class),
        Cell::new(depth(line.actual)).class(class),
        Cell::new(note).class(class),
    ]
}

fn boundary(line: &Line) -> Boundary {
    Boundary {
        at: line.at,
        text: line.text.clone(),
        declared: line.depth,
        actual: line.actual,
        point: point(line.safety),
        rules: line.rules.clone(),
        is_here: false,
    }
}

/// The class of an unsafe point in words.
const fn point(class: Safety) -> &'static str {
    match class {
        Safety::None => "no row",
        Safety::Safe => "",
        Safety::Unsafe => "unsafe point",
        Safety::Begins => "restartable, begins",
        Safety::Restarts => "restartable",
        Safety::AtEntry => "restarts at entry",
    }
}

/// The functions that are not unchanged, and those that appeared and are refuted.
fn functions(html: &mut Html, review: &Review) {
    let found = Class::ALL.into_iter().flat_map(|class| review.functions(class));
    let mut rows: Vec<_> = found.map(|(pair, found)| function(pair, found)).collect();
    for pair in &review.pairs {
        let appeared = pair.alone.last().into_iter().flatten();
        rows.extend(
            appeared.filter(|lone| !lone.refuted.is_empty()).map(|found| lone(pair, found)),
        );
    }
    if rows.is_empty() {
        return;
    }
    html.leaf("h2", &[], "Functions");
    let columns = [
        ("function", false),
        ("class", false),
        ("frame, old", true),
        ("new", true),
        ("rules", false),
        ("change", true),
    ];
    table(html, "The functions that are not unchanged", &columns, rows, Use::Filter(1));
}

fn function(pair: &Pair, function: &Reviewed) -> Row {
    let changes = Change::ALL;
    let words = changes.map(|change| (change, text::rules(&function.changes, change)));
    let words = words.iter().filter(|(_, rules)| !rules.is_empty());
    let mut rules: Vec<_> =
        words.map(|(change, rules)| format!("{}: {rules}", change.words())).collect();
    let [_, reasons] = &function.reasons;
    if !function.changes.undecided.is_empty() {
        rules.push(format!("now undecided: {}", reasons.join("; ")));
    }
    let [old, new] = function.frames;
    let group = function.group.map_or("-".to_owned(), |group| (group + 1).to_string());
    let cells = vec![
        Cell::code(text::named(pair, &function.name)).class("name"),
        Cell::new(function.class).class(tone(function.class, 1)),
        Cell::new(old),
        Cell::new(new),
        Cell::new(rules.join("; ")).class("prose"),
        Cell::new(group),
    ];
    cells.into()
}

fn lone(pair: &Pair, lone: &Lone) -> Row {
    let mut rules: Vec<Rule> = lone.refuted.iter().map(|(rule, _)| *rule).collect();
    rules.sort_unstable();
    rules.dedup();
    let cells = vec![
        Cell::code(text::named(pair, &lone.name)).class("name"),
        Cell::new("appeared and refuted").class("bad"),
        Cell::new("-"),
        Cell::new(lone.frame),
        Cell::new(super::depth::rules(&rules)),
        Cell::new("-"),
    ];
    cells.into()
}

fn errors(html: &mut Html, review: &Review) {
    if review.errors.is_empty() {
        return;
    }
    html.leaf("h2", &[], "Not read");
    html.element("ul", &[], |html| {
        for (path, error) in &review.errors {
            html.leaf("li", &[], format!("{}: {error}", path.display()));
        }
    });
}
