//! Editing a source of Go by its structure: blocks are found by what opens them, and
//! what is not there is an error that says what was looked for.

use anyhow::{Context as _, Result, bail};
use core::ops::Range;

/// A source that is being edited.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    text: String,
}

impl Source {
    /// A source as it was read.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self { text }
    }

    /// The source as it is now.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All of it.
    #[must_use]
    pub const fn whole(&self) -> Range<usize> {
        0..self.text.len()
    }

    /// What stands in a range of it.
    ///
    /// # Errors
    /// When it has no such range.
    pub fn get(&self, range: Range<usize>) -> Result<&str> {
        self.text.get(range.clone()).with_context(|| format!("the source has no range {range:?}"))
    }

    /// Where a text stands in a range, in which it has to stand once.
    ///
    /// # Errors
    /// When it stands there not at all, or more than once.
    pub fn only(&self, within: &Range<usize>, wanted: &str) -> Result<Range<usize>> {
        let found = self.first(within, wanted)?;
        if self.get(found.end..within.end)?.contains(wanted) {
            bail!("the source has {wanted:?} more than once where it is expected once");
        }
        Ok(found)
    }

    /// Where a text stands first in a range.
    ///
    /// # Errors
    /// When it does not stand there.
    pub fn first(&self, within: &Range<usize>, wanted: &str) -> Result<Range<usize>> {
        let at = self.get(within.clone())?.find(wanted);
        let at =
            at.with_context(|| format!("the source has no {wanted:?} where it is expected"))?;
        Ok(within.start + at..within.start + at + wanted.len())
    }

    /// The inside of the block that the first occurrence of a text opens; the text
    /// ends with the brace.
    ///
    /// # Errors
    /// When the text does not stand there, or the block does not end in the range.
    pub fn block(&self, within: &Range<usize>, opening: &str) -> Result<Range<usize>> {
        let opened = self.first(within, opening)?;
        let length = inside(self.get(opened.end..within.end)?);
        let length = length.with_context(|| format!("the block of {opening:?} does not end"))?;
        Ok(opened.end..opened.end + length)
    }

    /// Fails unless all the texts stand in a range.
    ///
    /// # Errors
    /// When one does not.
    pub fn expect(&self, within: &Range<usize>, texts: &[&str]) -> Result<()> {
        texts.iter().try_for_each(|text| self.first(within, text).map(drop))
    }

    /// Puts a text in the place of a range.
    ///
    /// # Errors
    /// When the source has no such range.
    pub fn replace(&mut self, range: Range<usize>, text: &str) -> Result<()> {
        self.get(range.clone())?;
        self.text.replace_range(range, text);
        Ok(())
    }
}

/// How far it is to the brace that closes a block, from inside of it. Braces in
/// strings, runes and comments are none.
fn inside(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let at = text.len() - rest.len();
        let length = match character {
            '/' if rest.starts_with("//") => rest.find('\n')?,
            '/' if rest.starts_with("/*") => rest.find("*/")? + 2,
            '"' | '\'' => quoted(rest, character)?,
            '`' => rest.get(1..)?.find('`')? + 2,
            '}' if depth == 0 => return Some(at),
            '}' => {
                depth -= 1;
                1
            }
            '{' => {
                depth += 1;
                1
            }
            other => other.len_utf8(),
        };
        rest = rest.get(length..)?;
    }
    None
}

/// The length of a string or a rune, quotes included.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if character == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Source;

    const TEXT: &str = "func f() {\n\tif a {\n\t\tg(\"}\", '}', `}`) // }\n\t\t/* } */\n\t\tif b \
        {\n\t\t}\n\t} else {\n\t\th()\n\t}\n}\n";

    #[test]
    fn a_block_ends_with_its_own_brace() {
        let source = Source::new(TEXT.to_owned());
        let block = source.block(&source.whole(), "if a {").expect("a block");
        let inside = source.get(block.clone()).expect("a range");
        assert!(inside.starts_with("\n\t\tg(") && inside.ends_with("{\n\t\t}\n\t"), "{inside:?}");
        let other = source.block(&(block.end..TEXT.len()), "else {").expect("a block");
        assert_eq!(source.get(other).expect("a range").trim(), "h()");
    }

    #[test]
    fn what_is_not_there_is_an_error_that_names_it() {
        let source = Source::new(TEXT.to_owned());
        let says = |error: anyhow::Error, what: &str| {
            assert!(error.to_string().contains(what), "{error}");
        };
        says(source.first(&source.whole(), "if c {").expect_err("none"), "no \"if c {\"");
        says(source.only(&source.whole(), "if").expect_err("two"), "more than once");
        let cut = Source::new("if a {\n\tif b {\n\t}\n".to_owned());
        says(cut.block(&cut.whole(), "if a {").expect_err("no end"), "does not end");
        let open = Source::new("if a { \"}".to_owned());
        says(open.block(&open.whole(), "if a {").expect_err("no end"), "does not end");
    }

    #[test]
    fn a_range_is_replaced() {
        let mut source = Source::new(TEXT.to_owned());
        let block = source.block(&source.whole(), "if a {").expect("a block");
        source.replace(block, "\n\t\tk()\n\t").expect("an edit");
        assert!(source.text().starts_with("func f() {\n\tif a {\n\t\tk()\n\t} else {\n"));
        assert!(source.replace(10_000..10_001, "").is_err());
    }
}
