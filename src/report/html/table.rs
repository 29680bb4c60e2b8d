//! Tables. Those that the script may sort have the class `sortable`; a text box that
//! filters them is hidden until the script is there.

use super::markup::{Html, Value};
use core::fmt::Display;

/// A column: its name, and whether it holds numbers.
pub(super) type Column = (&'static str, bool);

/// What can be done with a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Use {
    /// It is read.
    Read,
    /// It is sorted.
    Sort,
    /// It is sorted and filtered; this is the id of the text box.
    Filter(usize),
}

/// A cell.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    text: String,
    class: &'static str,
    is_code: bool,
}

impl Cell {
    /// Plain text.
    pub(super) fn new(text: impl Display) -> Self {
        Self { text: text.to_string(), ..Self::default() }
    }

    /// Code: an instruction, an address, a name.
    pub(super) fn code(text: impl Display) -> Self {
        Self { is_code: true, ..Self::new(text) }
    }

    /// With a class for the style.
    pub(super) fn class(self, class: &'static str) -> Self {
        Self { class, ..self }
    }
}

/// A row; one that is marked has the class.
pub(super) struct Row {
    pub(super) class: &'static str,
    pub(super) cells: Vec<Cell>,
}

impl From<Vec<Cell>> for Row {
    fn from(cells: Vec<Cell>) -> Self {
        Self { class: "", cells }
    }
}

/// A table in a box of its own that scrolls if there is no room. The caption is what
/// a screen reader calls both.
pub(super) fn table(
    html: &mut Html,
    caption: &str,
    columns: &[Column],
    rows: Vec<Row>,
    purpose: Use,
) {
    if let Use::Filter(number) = purpose {
        let id = format!("filter-{number}");
        html.element("p", &[("class", &"filter"), ("hidden", &"")], |html| {
            html.leaf("label", &[("for", &id)], "Show rows with");
            html.empty("input", &[("id", &id), ("type", &"search"), ("autocomplete", &"off")]);
            html.leaf("span", &[("class", &"count"), ("aria-live", &"polite")], "");
        });
    }
    let class = if matches!(purpose, Use::Filter(_)) { "scroll tall" } else { "scroll" };
    let region = [
        ("class", &class as Value<'_>),
        ("role", &"region"),
        ("tabindex", &0),
        ("aria-label", &caption),
    ];
    html.element("div", &region, |html| {
        let class = if purpose == Use::Read { "" } else { "sortable" };
        html.element("table", &[("class", &class)], |html| {
            html.leaf("caption", &[], caption);
            html.element("thead", &[], |html| {
                html.element("tr", &[], |html| {
                    for (name, is_number) in columns {
                        let class = number(*is_number);
                        html.leaf("th", &[("scope", &"col"), ("class", &class)], name);
                    }
                });
            });
            html.element("tbody", &[], |html| {
                rows.iter().for_each(|row| self::row(html, columns, row));
            });
        });
    });
}

fn row(html: &mut Html, columns: &[Column], row: &Row) {
    html.element("tr", &[("class", &row.class)], |html| {
        for (cell, (_, is_number)) in row.cells.iter().zip(columns) {
            let class = format!("{} {}", number(*is_number), cell.class);
            html.element("td", &[("class", &class.trim())], |html| match cell.is_code {
                true => html.leaf("code", &[], &cell.text),
                false => html.text(&cell.text),
            });
        }
    });
}

const fn number(is_number: bool) -> &'static str {
    if is_number { "number" } else { "" }
}
