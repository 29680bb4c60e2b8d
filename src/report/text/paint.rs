//! Colour, sparingly: what is refuted or broken is red, what is undecided yellow, what is
//! proved or mended green. It says nothing that the words do not say, and takes no room:
//! columns and lines are measured without it.
//!
//! Each report paints its own words where it makes them. Nothing looks for words in a
//! finished text: a function can have the name of a verdict. Names come without control
//! characters ([`printable`](super::printable)), so the only codes in a text are these.

use crate::review::{Change, Class};
use anstyle::{AnsiColor, Reset, Style};
use core::fmt::Display;
use std::borrow::Cow;
use verifier::Verdict;

/// What a colour stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// Nothing: it has no colour.
    Plain,
    /// Refuted, broken, removed.
    Bad,
    /// Undecided.
    Open,
    /// Proved, mended, added.
    Good,
    /// What is looked at, whatever it is.
    Here,
    /// The beginning of an error.
    Alarm,
}

impl Tone {
    /// Those that have codes.
    const PAINTED: [Self; 5] = [Self::Bad, Self::Open, Self::Good, Self::Here, Self::Alarm];

    const fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Bad => AnsiColor::Red.on_default(),
            Self::Open => AnsiColor::Yellow.on_default(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Here => Style::new().bold(),
            Self::Alarm => AnsiColor::Red.on_default().bold(),
        }
    }
}

impl From<Verdict> for Tone {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Refuted => Self::Bad,
            Verdict::Undecided => Self::Open,
            Verdict::Proved => Self::Good,
            Verdict::NotObserved => Self::Plain,
        }
    }
}

impl From<Class> for Tone {
    fn from(class: Class) -> Self {
        match class {
            Class::Broken | Class::StillRefuted => Self::Bad,
            Class::NowUndecided | Class::StillUndecided => Self::Open,
            Class::Mended | Class::NowProved => Self::Good,
            Class::NotObserved | Class::Kept | Class::Unchanged => Self::Plain,
        }
    }
}

impl From<Change> for Tone {
    fn from(change: Change) -> Self {
        match change {
            Change::Broken | Change::Still => Self::Bad,
            Change::NotObserved => Self::Plain,
            Change::Mended => Self::Good,
        }
    }
}

/// A text in the colour of a tone.
pub(crate) fn paint(tone: impl Into<Tone>, text: impl Display) -> String {
    let (style, text) = (tone.into().style(), text.to_string());
    if text.is_empty() || style.is_plain() { text } else { format!("{style}{text}{style:#}") }
}

/// A text without its colours, and with everything else that is in it.
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains('\x1b') {
        return Cow::Borrowed(text);
    }
    let codes = Tone::PAINTED.map(|tone| tone.style().render().to_string());
    let without = |text: String, code: &str| text.replace(code, "");
    let codes = codes.iter().fold(text.to_owned(), |text, code| without(text, code));
    Cow::Owned(without(codes, &Reset.render().to_string()))
}

/// How many columns a text takes.
pub(crate) fn columns(text: &str) -> usize {
    plain(text).chars().count()
}

/// A text with the blanks that make it so many columns wide behind it.
pub(crate) fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// Lines, each painted in its own tone.
pub(crate) fn lines(text: &str, tones: impl IntoIterator<Item = Tone>) -> String {
    let tones = tones.into_iter().chain(core::iter::repeat(Tone::Plain));
    text.lines().zip(tones).map(|(line, tone)| paint(tone, line) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The codes are those of ECMA-48, "select graphic rendition": 1 bold, 31 red, 32 green,
    /// 33 yellow, 0 what was before.
    #[test]
    fn codes_are_taken_off_again() {
        assert_eq!(paint(Verdict::Refuted, "no"), "\x1b[31mno\x1b[0m");
        assert_eq!(paint(Verdict::Undecided, "?"), "\x1b[33m?\x1b[0m");
        assert_eq!(paint(Class::Mended, "yes"), "\x1b[32myes\x1b[0m");
        assert_eq!(paint(Tone::Here, ">"), "\x1b[1m>\x1b[0m");
        assert_eq!(paint(Tone::Bad, ""), "");
        assert_eq!(paint(Tone::Plain, "same"), "same");
        for tone in Tone::PAINTED {
            let painted = format!("a {} c", paint(tone, "b"));
            assert_ne!(painted, "a b c", "{tone:?}");
            assert_eq!(plain(&painted), "a b c", "{tone:?}");
            assert_eq!(columns(&painted), 5, "{tone:?}");
            assert_eq!(plain(&padded(&painted, 7)), "a b c  ", "{tone:?}");
        }
    }

    /// What is no colour of ours stays: it would be a mistake that must be seen.
    #[test]
    fn other_codes_stay() {
        assert_eq!(plain("\x1b[2J\x1b[31mred\x1b[0m"), "\x1b[2Jred");
    }
}
