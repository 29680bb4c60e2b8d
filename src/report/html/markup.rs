//! Markup that cannot be broken out of: what is not written by the program itself is
//! text or the value of an attribute, and both are escaped.

use crate::report::text::printable;
use core::fmt::{Display, Write as _};

/// The value of an attribute as it is, not escaped yet.
pub(super) type Value<'a> = &'a dyn Display;

/// An attribute: its name and its value. One that is empty is left out, but for `hidden`.
pub(super) type Attribute<'a> = (&'static str, Value<'a>);

/// A piece of a page. Elements are closed by the method that opened them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Html(String);

impl Html {
    /// The markup.
    pub(super) fn into_string(self) -> String {
        self.0
    }

    /// Text, with control characters shown as the other reports show them.
    pub(super) fn text(&mut self, text: impl Display) {
        escape(&printable(&text.to_string()), &mut self.0);
    }

    /// What the program itself has as markup, style or script.
    pub(super) fn raw(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    /// An element with what `content` writes in it, on a line of its own.
    pub(super) fn element(
        &mut self,
        name: &'static str,
        attributes: &[Attribute<'_>],
        content: impl FnOnce(&mut Self),
    ) {
        self.open(name, attributes);
        content(self);
        let _ = write!(self.0, "</{name}>");
        if !is_inline(name) {
            self.0.push('\n');
        }
    }

    /// An element with text in it.
    pub(super) fn leaf(
        &mut self,
        name: &'static str,
        attributes: &[Attribute<'_>],
        text: impl Display,
    ) {
        self.element(name, attributes, |html| html.text(text));
    }

    /// An element that has no content: of HTML one without an end tag.
    pub(super) fn empty(&mut self, name: &'static str, attributes: &[Attribute<'_>]) {
        self.open(name, attributes);
        self.0.push('\n');
    }

    fn open(&mut self, name: &'static str, attributes: &[Attribute<'_>]) {
        let _ = write!(self.0, "<{name}");
        for (name, value) in attributes {
            let value = value.to_string();
            if value.is_empty() && *name != "hidden" {
                continue;
            }
            let _ = write!(self.0, " {name}=\"");
            escape(&printable(&value), &mut self.0);
            self.0.push('"');
        }
        self.0.push('>');
    }
}

/// Elements within a line, or with text to which a line break would add a space.
fn is_inline(name: &str) -> bool {
    matches!(name, "a" | "b" | "code" | "span" | "strong" | "text" | "td" | "th" | "title")
}

/// Escapes what means something in text or between quotation marks.
fn escape(text: &str, escaped: &mut String) {
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            character => escaped.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out() {
        let mut html = Html::default();
        html.leaf("p", &[("title", &"\"><script>'&")], "</p><script>&amp;\n");
        let expected = "<p title=\"&quot;&gt;&lt;script&gt;&#39;&amp;\">\
                        &lt;/p&gt;&lt;script&gt;&amp;amp;\\n</p>\n";
        assert_eq!(html.into_string(), expected);
    }
}
