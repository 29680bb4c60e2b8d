//! How wide a line is, and paragraphs in lines of that width.

use super::paint::columns;
use core::fmt::Write as _;

/// The width of a line in columns, between 60 and 100.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Width(usize);

impl Width {
    /// Lines shorter than this are harder to read than wrapped ones.
    const LEAST: usize = 60;
    const MOST: usize = 100;

    /// The width of lines on a terminal of so many columns.
    #[must_use]
    pub fn of(columns: usize) -> Self {
        Self(columns.clamp(Self::LEAST, Self::MOST))
    }

    /// How many columns it has.
    #[must_use]
    pub const fn columns(self) -> usize {
        self.0
    }
}

impl Default for Width {
    /// That of lines which no terminal shows.
    fn default() -> Self {
        Self(Self::MOST)
    }
}

/// A paragraph in lines that begin with `indent`, those behind the first with two
/// columns more.
pub(super) fn wrapped(indent: &str, paragraph: &str, width: Width) -> String {
    let mut text = String::new();
    let mut line = indent.to_owned();
    for word in paragraph.split(' ') {
        let begun = !line.trim_start().is_empty();
        if begun && columns(&line) + 1 + columns(word) > width.columns() {
            let _ = writeln!(text, "{line}");
            line = format!("{indent}  {word}");
        } else {
            line.push_str(if begun { " " } else { "" });
            line.push_str(word);
        }
    }
    let _ = writeln!(text, "{line}");
    text
}

#[cfg(test)]
mod tests {
    use super::super::paint::{Tone, paint, plain};
    use super::*;

    #[test]
    fn terminals_of_any_width() {
        for (columns, expected) in [(0, 60), (59, 60), (60, 60), (80, 80), (100, 100), (250, 100)] {
            assert_eq!(Width::of(columns).columns(), expected, "{columns}");
        }
        assert_eq!(Width::default().columns(), 100);
    }

    /// Counted by hand: with its indent the first line has 60 columns.
    #[test]
    fn colours_take_no_room() {
        let word = "a".repeat(27);
        let paragraph = |first: &str| format!("{first} {word} {word} b");
        let expected = format!("  ab {word} {word}\n    b\n");
        assert_eq!(expected.lines().next().map(str::len), Some(60));
        let wrapped = |first: &str| wrapped("  ", &paragraph(first), Width::of(60));
        assert_eq!(wrapped("ab"), expected);
        let painted = wrapped(&paint(Tone::Bad, "ab"));
        assert!(painted.contains('\x1b'), "{painted:?}");
        assert_eq!(plain(&painted), expected);
    }
}
