//! What changed between two builds or policies: what became of the rules, what frames
//! cost, each distinct change with its two sides (`group`), and the functions that matter
//! one by one.

mod group;

pub use group::{details, examples, is_listed, part, title};

use super::paint::{Tone, paint};
use super::scan::seen_by;
use super::width::{Width, wrapped};
use super::{grouped, plural, printable, table};
use crate::report::listing::LEGEND;
use crate::review::{
    Change, Changes, Class, Cost, Lone, Pair, Review, Reviewed, SIZES, Side, Sight, Subject,
};
use core::fmt::Write as _;
use std::collections::BTreeMap;
use verifier::{Observer, Rule};

/// The text of a review.
#[must_use]
pub fn review(review: &Review, width: Width) -> String {
    let mut text = format!("{}\n\n", painted_headline(review));
    sides(review, &mut text);
    let counts = Class::ALL.into_iter().map(|class| (class, review.count(class)));
    let counts = counts.filter(|&(class, count)| count > 0 || class == Class::Broken);
    let rows: Vec<_> =
        counts.map(|(class, count)| vec![counted(class, count), grouped(count)]).collect();
    let _ = write!(text, "\n{}", table(&rows, &[1]));
    alone(review, &mut text);
    text.push_str("\ninstructions of prologues and epilogues, before and now\n");
    text.push_str(&table(&costs(review), &[1, 2, 3, 4, 5, 6, 7]));
    for group in &review.groups {
        text.push_str(&group::group(review, group, width));
    }
    if review.groups.iter().any(is_listed) {
        text.push('\n');
        text.push_str(&wrapped("", LEGEND, width));
    }
    functions(review, width, &mut text);
    text
}

/// Why the exit status is what it is, in one line.
#[must_use]
pub fn headline(review: &Review) -> String {
    let count = |class| grouped(review.count(class));
    let (one, many) = nouns(review.subject);
    let failed = match review.errors.len() as u64 {
        0 => String::new(),
        failed => format!("{} could not be read; ", plural(failed, "file", "files")),
    };
    let worse: Vec<_> = [Class::Broken, Class::NowUndecided]
        .into_iter()
        .filter(|&class| review.count(class) > 0)
        .map(|class| {
            let noun = plural(review.count(class), one, many);
            format!("{noun} {class}: {}", reason(review, class))
        })
        .collect();
    if !worse.is_empty() {
        return format!("{failed}{}", worse.join("; "));
    }
    if review.compared() == 0 {
        return format!("{failed}nothing to compare: no {one} is in both");
    }
    let parts: Vec<_> = Class::ALL
        .into_iter()
        .filter(|&class| review.count(class) > 0)
        .map(|class| format!("{} {class}", count(class)))
        .collect();
    format!("{failed}nothing is worse: {}", parts.join("; "))
}

fn painted_headline(review: &Review) -> String {
    let tone = match () {
        () if review.count(Class::Broken) > 0 || !review.errors.is_empty() => Tone::Bad,
        () if review.is_worse() || review.compared() == 0 => Tone::Open,
        () => Tone::Good,
    };
    paint(tone, headline(review))
}

/// A class that has a count.
fn counted(class: Class, count: u64) -> String {
    let tone = if count == 0 { Tone::Plain } else { class.into() };
    format!("  {}", paint(tone, class))
}

/// What is counted.
#[must_use]
pub const fn nouns(subject: Subject) -> (&'static str, &'static str) {
    match subject {
        Subject::Functions => ("function", "functions"),
        Subject::Frames => ("frame", "frames"),
    }
}

/// What is worse, and where: the first of the class.
fn reason(review: &Review, class: Class) -> String {
    let function = review.functions(class).next();
    let named = function.map(|(_, found)| (found.name.clone(), &found.changes));
    let grouped = || review.groups.iter().find(|group| group.class == class);
    let of_group = || grouped().map(|group| (group.examples.first(), &group.changes));
    let found = named.or_else(|| {
        let (example, changes) = of_group()?;
        Some((example.cloned().unwrap_or_default(), changes))
    });
    let Some((name, changes)) = found else {
        return "records that can be read no more".to_owned();
    };
    let what = match class {
        Class::Broken => rules(changes, Change::Broken),
        _ => format!("for {}", list(&changes.undecided)),
    };
    let others = match review.count(class) {
        0 | 1 => String::new(),
        count => format!(" and {}", plural(count - 1, "other", "others")),
    };
    format!("{what} in {}{others}", printable(&name))
}

/// The rules that one thing became of, each with those who see it.
#[must_use]
pub fn rules(changes: &Changes, wanted: Change) -> String {
    let mut by_rule: BTreeMap<Rule, Vec<Observer>> = BTreeMap::new();
    for &(rule, observer, change) in &changes.rules {
        if change == wanted {
            by_rule.entry(rule).or_default().push(observer);
        }
    }
    let rule =
        |(rule, observers): (Rule, Vec<Observer>)| format!("{rule} for {}", list(&observers));
    by_rule.into_iter().map(rule).collect::<Vec<_>>().join(", ")
}

fn list(observers: &[Observer]) -> String {
    let ids: Vec<_> = observers.iter().map(|&observer| seen_by(observer)).collect();
    match &*ids {
        [but_last @ .., last] if !but_last.is_empty() => {
            format!("{} and {last}", but_last.join(", "))
        }
        _ => ids.concat(),
    }
}

/// What is under review.
fn sides(review: &Review, text: &mut String) {
    let [old, new] = &review.sides;
    let (one, many) = nouns(review.subject);
    match &*review.pairs {
        [pair] if pair.name.is_empty() => {
            let rows = ["old", "new"].into_iter().zip(&pair.sides).map(|(which, side)| {
                let mut functions = plural(side.functions, one, many);
                if side.unreadable > 0 {
                    let _ = write!(functions, ", {} not to be read", grouped(side.unreadable));
                }
                vec![which.to_owned(), format!("{}, {functions}", self::side(side))]
            });
            text.push_str(&table(&rows.collect::<Vec<_>>(), &[]));
        }
        pairs => {
            let programs = plural(pairs.len() as u64, "program", "programs");
            let (old, new) = (printable(old), printable(new));
            let _ = writeln!(text, "old  {old}\nnew  {new}\n{programs} in both");
            for (names, which) in review.alone.iter().zip(["old", "new"]) {
                for name in names {
                    let name = name.display().to_string();
                    let _ = writeln!(text, "  only in {which}: {}", printable(&name));
                }
            }
        }
    }
}

/// A build in words.
#[must_use]
pub fn side(side: &Side) -> String {
    let mut text = printable(&side.name).into_owned();
    if let Some(container) = &side.container {
        let version = side.go_version.as_deref().unwrap_or("unknown Go version");
        let _ = write!(text, ": {container}, {}", printable(version));
    }
    text
}

/// What is only in one.
fn alone(review: &Review, text: &mut String) {
    for (which, word) in [(1, "appeared"), (0, "disappeared")] {
        let lone = || review.pairs.iter().filter_map(|pair| pair.alone.get(which)).flatten();
        let (count, refuted) = (lone().count(), lone().filter(|f| !f.refuted.is_empty()).count());
        if count > 0 {
            let functions = plural(count as u64, "function", "functions");
            let _ = writeln!(text, "  {functions} {word}, {} of them refuted", grouped(refuted));
        }
    }
}

/// The table of costs. Sizes that no function has are left out.
#[must_use]
pub fn costs(review: &Review) -> Vec<Vec<String>> {
    let (_, many) = nouns(review.subject);
    let header = ["frame size", many, "prologues", "now", "epilogues", "now", "change", "in bytes"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    let costs = review.costs();
    let sizes = SIZES.iter().map(|(_, name)| *name).zip(costs.sizes);
    let sizes = sizes.filter(|(_, cost)| cost.functions > 0);
    for (name, cost) in sizes.chain([("all", costs.total())]) {
        rows.push(self::cost(name, &cost));
    }
    rows.iter_mut().filter_map(|row| row.first_mut()).for_each(|cell| cell.insert_str(0, "  "));
    rows
}

fn cost(name: &str, cost: &Cost) -> Vec<String> {
    let ([before, now], [bytes_before, bytes_now]) = (cost.instructions(), cost.bytes());
    let mut row = vec![name.to_owned(), grouped(cost.functions)];
    row.extend(cost.prologues.iter().chain(&cost.epilogues).map(grouped));
    row.extend([change(before, now), change(bytes_before, bytes_now)]);
    row
}

/// A difference with its sign.
#[must_use]
pub fn change(before: u64, now: u64) -> String {
    match now.checked_sub(before) {
        Some(0) => "0".to_owned(),
        Some(more) => format!("+{}", grouped(more)),
        None => format!("-{}", grouped(before - now)),
    }
}

/// The functions that matter one by one: those that are worse or not mended yet, and
/// those that are new and refuted.
fn functions(review: &Review, width: Width, text: &mut String) {
    let listed = [Class::Broken, Class::NowUndecided, Class::StillRefuted];
    for class in listed.into_iter().chain([Class::NotObserved, Class::Mended]) {
        let mut found = review.functions(class).peekable();
        if found.peek().is_some() {
            let _ = writeln!(text, "\n{}, by function", paint(class, class));
        }
        found.for_each(|(pair, function)| text.push_str(&self::function(pair, function, width)));
    }
    let appeared = review
        .pairs
        .iter()
        .flat_map(|pair| pair.alone.last().into_iter().flatten().map(move |lone| (pair, lone)));
    let mut appeared = appeared.filter(|(_, lone)| !lone.refuted.is_empty()).peekable();
    if appeared.peek().is_some() {
        let _ = writeln!(text, "\nappeared and {}", paint(Tone::Bad, "refuted"));
    }
    for (pair, Lone { name, frame, refuted, .. }) in appeared {
        let rules: Vec<_> =
            refuted.iter().map(|&(rule, who)| format!("{rule} for {}", seen_by(who))).collect();
        let name = named(pair, name);
        let _ = writeln!(text, "  {name}  frame {frame}");
        text.push_str(&wrapped("    ", &rules.join(", "), width));
    }
}

/// A function, with its program if there are several.
#[must_use]
pub fn named(pair: &Pair, name: &str) -> String {
    match &*pair.name {
        "" => printable(name).into_owned(),
        program => format!("{}: {}", printable(program), printable(name)),
    }
}

fn function(pair: &Pair, function: &Reviewed, width: Width) -> String {
    let [before, now] = function.frames;
    let frames = match before == now {
        true => format!("frame {now}"),
        false => format!("frame {before}, now {now}"),
    };
    let mut text = format!("  {}  {frames}\n", named(pair, &function.name));
    for change in Change::ALL {
        let rules = rules(&function.changes, change);
        if !rules.is_empty() {
            let word = paint(change, change.words());
            text.push_str(&wrapped("    ", &format!("{word}: {rules}"), width));
        }
    }
    if !function.changes.undecided.is_empty() {
        let [_, reasons] = &function.reasons;
        let who = list(&function.changes.undecided);
        let word = paint(Tone::Open, Class::NowUndecided);
        let line = format!("{word} for {who}: {}", reasons.join("; "));
        text.push_str(&wrapped("    ", &line, width));
    }
    let [_, sights] = &function.sights;
    for sight in sights.iter().filter(|sight| is_broken(&function.changes, sight)) {
        let Sight { at, instruction, declared, actual, rule, severity, .. } = sight;
        let offset = at.offset();
        let line = format!(
            "+{offset:#x}  {instruction}  {rule}: {severity}  declared {declared}  actual {actual}"
        );
        let _ = writeln!(text, "      {}", paint(Tone::Bad, line));
    }
    text
}

fn is_broken(changes: &Changes, sight: &Sight) -> bool {
    changes.rules.iter().any(|&(rule, observer, change)| {
        change == Change::Broken && rule == sight.rule && sight.observers.contains(&observer)
    })
}
