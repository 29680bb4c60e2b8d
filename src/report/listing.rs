//! The two sides of a change beside each other, row by row, for text and Markdown.

use super::text::printable;
use crate::review::step::Class;
use crate::review::{Difference, Line};
use core::fmt::{self, Write as _};
use verifier::Rule;

/// A row of a listing, laid out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Beside {
    /// The sides, and whether a rule is broken there.
    sides: [(String, bool); 2],
    between: char,
    /// The rules that are broken, each once.
    rules: Vec<Rule>,
}

impl Beside {
    /// The row, with what makes of a side, and of the rules that are broken, what is shown.
    #[must_use]
    pub fn text(&self, show: impl Fn(&str, bool) -> String) -> String {
        let [(old, is_old), (new, is_new)] = &self.sides;
        let (old, new) = (show(old, *is_old), show(new, *is_new));
        let mut text = format!("{old} {} {new}", self.between);
        for rule in &self.rules {
            let _ = write!(text, "  {}", show(rule.id(), true));
        }
        text.trim_end().to_owned()
    }
}

impl fmt::Display for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(|side, _| side.to_owned()))
    }
}

/// A listing: for each side the instruction, the declared depth and the class of the
/// unsafe point; between them `=` where both are the same, `|` where one takes the place
/// of another, `-` and `+` where one has no counterpart. `!` marks a boundary at which a
/// rule is broken, named at the end of the line.
#[must_use]
pub fn beside(difference: &Difference) -> Vec<Beside> {
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

fn row(old: Option<&Line>, new: Option<&Line>, [before, now]: [(usize, usize); 2]) -> Beside {
    let between = match (old, new) {
        (Some(old), Some(new)) if old.normal == new.normal => '=',
        (Some(_), Some(_)) => '|',
        (Some(_), None) => '-',
        _ => '+',
    };
    let is_broken = |line: Option<&Line>| line.is_some_and(|line| !line.rules.is_empty());
    let sides = [(side(old, before), is_broken(old)), (side(new, now), is_broken(new))];
    let lines = [old, new].into_iter().flatten();
    let mut rules: Vec<_> = lines.flat_map(|line| &line.rules).copied().collect();
    rules.sort_unstable();
    rules.dedup();
    Beside { sides, between, rules }
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
