//! The two sides of a change beside each other, row by row, for text and Markdown.

use super::text::printable;
use crate::review::step::Class;
use crate::review::{Difference, Line};
use core::fmt::Write as _;

/// A listing: for each side the instruction, the declared depth and the class of the
/// unsafe point; between them `=` where both are the same, `|` where one takes the place
/// of another, `-` and `+` where one has no counterpart. `!` marks a boundary at which a
/// rule is broken, named at the end of the line.
#[must_use]
pub fn beside(difference: &Difference) -> Vec<String> {
    let widths = [widths(&difference.old), widths(&difference.new)];
    pairs(difference).into_iter().map(|(old, new)| row(old, new, widths)).collect()
}

/// How wide the instructions and the depths of a side are.
fn widths(lines: &[Line]) -> (usize, usize) {
    let instruction = lines.iter().map(|line| printable(&line.text).chars().count());
    let depths = lines.iter().map(|line| depth(line).chars().count());
    (instruction.max().unwrap_or(0), depths.max().unwrap_or(0))
}

/// The instructions in pairs: those that are the same in both, in order, and between
/// them what takes the place of what.
#[must_use]
pub fn pairs(difference: &Difference) -> Vec<(Option<&Line>, Option<&Line>)> {
    let Difference { old, new, .. } = difference;
    let normal = |lines: &[Line]| lines.iter().map(|line| line.normal).collect::<Vec<_>>();
    let (before, now) = (normal(old), normal(new));
    let operations =
        similar::capture_diff_slices(similar::Algorithm::Myers, &before, &now).into_iter();
    let mut rows = Vec::new();
    for operation in operations {
        let (old, new) = (old.get(operation.old_range()), new.get(operation.new_range()));
        let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
        rows.extend((0..old.len().max(new.len())).map(|at| (old.get(at), new.get(at))));
    }
    rows
}

fn row(old: Option<&Line>, new: Option<&Line>, [before, now]: [(usize, usize); 2]) -> String {
    let between = match (old, new) {
        (Some(old), Some(new)) if old.normal == new.normal => '=',
        (Some(_), Some(_)) => '|',
        (Some(_), None) => '-',
        _ => '+',
    };
    let mut text = format!("{} {between} {}", side(old, before), side(new, now));
    let mut rules: Vec<_> = [old, new].into_iter().flatten().flat_map(|line| &line.rules).collect();
    rules.sort_unstable();
    rules.dedup();
    for rule in rules {
        let _ = write!(text, "  {rule}");
    }
    text.trim_end().to_owned()
}

fn side(line: Option<&Line>, (instruction, depths): (usize, usize)) -> String {
    let Some(line) = line else { return " ".repeat(instruction + depths + 6) };
    let mark = if line.rules.is_empty() { ' ' } else { '!' };
    let (text, depth) = (printable(&line.text), depth(line));
    format!("{mark} {text:<instruction$}  {depth:>depths$} {}", letter(line.safety))
}

fn depth(line: &Line) -> String {
    line.depth.map_or_else(|| "-".to_owned(), |depth| depth.to_string())
}

/// A letter for the class of an unsafe point.
const fn letter(class: Class) -> char {
    match class {
        Class::None => '?',
        Class::Safe => ' ',
        Class::Unsafe => 'u',
        Class::Begins => 'R',
        Class::Restarts => 'r',
        Class::AtEntry => 'e',
    }
}

/// What the letters and marks stand for.
pub const LEGEND: &str = "A row has the declared depth, and u at an unsafe point, R where a \
                          restartable sequence begins, r in it, e where the function restarts; \
                          ! marks a boundary at which the rule named at the end is broken.";
