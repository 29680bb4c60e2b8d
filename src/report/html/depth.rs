//! The drawing of a sequence: depth over boundaries. What the rows declare is a wide,
//! pale line, where SP is a thin, dark one. Depths are lines at equal distances, the
//! frame's the lowest, as a stack grows: 65552 and 65536 could not be told apart on a
//! scale.

use super::markup::{Attribute, Html, Value};
use super::table::{Cell, Column, Row, Use, table};
use core::fmt::Write as _;
use unwind::{Depth, Index, UnsafePoint};
use verifier::Rule;

/// A boundary of a drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Boundary {
    /// Its place in the function.
    pub(super) at: Index,
    /// The instruction behind it.
    pub(super) text: String,
    /// What the row declares.
    pub(super) declared: Option<Depth>,
    /// Where SP is.
    pub(super) actual: Option<Depth>,
    /// What the table says of preemption, if it is not simply safe.
    pub(super) point: &'static str,
    /// The rules that are broken.
    pub(super) rules: Vec<Rule>,
    /// Whether it is the one that the page is about.
    pub(super) is_here: bool,
}

/// One of the depths of a boundary.
type Pick = fn(&Boundary) -> Option<Depth>;

/// The distance between boundaries and between depths, and the room at the sides.
const COLUMN: usize = 46;
const LEVEL: usize = 34;
const LEFT: usize = 84;
const TOP: usize = 36;

impl Boundary {
    /// The boundary in words.
    fn sentence(&self) -> String {
        let mut text = format!("+{:#x} {}: ", self.at.offset(), self.text);
        match (self.declared, self.actual) {
            (Some(declared), Some(actual)) => {
                let _ = write!(text, "declared {declared}, actual {actual}");
            }
            (Some(declared), None) => {
                let _ = write!(text, "declared {declared}, actual not known");
            }
            (None, _) => text.push_str("nothing declared"),
        }
        if !self.point.is_empty() {
            let _ = write!(text, ", {}", self.point);
        }
        if !self.rules.is_empty() {
            let _ = write!(text, ", broken: {}", rules(&self.rules));
        }
        if self.is_here {
            text.push_str(", the boundary in question");
        }
        text
    }

    /// A row of a listing.
    fn row(&self) -> Row {
        let depth = |depth: Option<Depth>| depth.map_or("-".to_owned(), |depth| depth.to_string());
        let class = if self.rules.is_empty() { "" } else { "broken" };
        let cells = vec![
            Cell::code(format!("+{:#x}", self.at.offset())),
            Cell::code(&self.text),
            Cell::new(depth(self.declared)),
            Cell::new(depth(self.actual)),
            Cell::new(self.point),
            Cell::new(rules(&self.rules)),
        ];
        Row { class, cells }
    }
}

/// What a table says of preemption, in words.
pub(super) const fn point(class: UnsafePoint) -> &'static str {
    match class {
        UnsafePoint::Safe => "",
        UnsafePoint::Unsafe => "unsafe point",
        UnsafePoint::Restart1 | UnsafePoint::Restart2 => "restartable",
        UnsafePoint::RestartAtEntry => "restarts at entry",
    }
}

/// The names of rules.
pub(super) fn rules(rules: &[Rule]) -> String {
    let ids: Vec<_> = rules.iter().map(|rule| rule.id()).collect();
    ids.join(", ")
}

const COLUMNS: [Column; 6] = [
    ("at", false),
    ("instruction", false),
    ("declared", true),
    ("actual", true),
    ("preemption", false),
    ("broken", false),
];

/// What the lines and colours of drawings mean.
pub(super) fn key(html: &mut Html) {
    let entries = [
        ("declared", "depth that the table declares"),
        ("actual", "depth that SP has"),
        ("band", "boundary at which a rule is broken"),
        ("unsafe", "marked: not preempted, or restarted"),
    ];
    html.element("ul", &[("class", &"key")], |html| {
        for (class, meaning) in entries {
            html.element("li", &[], |html| {
                html.leaf("span", &[("class", &class)], "");
                html.text(meaning);
            });
        }
    });
    html.leaf(
        "p",
        &[("class", &"soft")],
        "Depth is the distance from SP up to where it was at entry, in bytes, downwards as the \
         stack grows; each depth has a line of its own, and the distances are not to scale.",
    );
}

/// Drawings with their captions beside each other, over the same depths.
pub(super) fn figures(html: &mut Html, sides: &[(String, Vec<Boundary>)]) {
    let boundaries = sides.iter().flat_map(|(_, boundaries)| boundaries);
    let depths = boundaries.flat_map(|boundary| [boundary.declared, boundary.actual]);
    let mut levels: Vec<_> = depths.flatten().collect();
    levels.sort_unstable();
    levels.dedup();
    html.element("div", &[("class", &"sides")], |html| {
        for (caption, boundaries) in sides {
            html.element("figure", &[], |html| figure(html, caption, boundaries, &levels));
        }
    });
}

fn figure(html: &mut Html, caption: &str, boundaries: &[Boundary], levels: &[Depth]) {
    html.leaf("figcaption", &[], caption);
    if boundaries.is_empty() {
        html.leaf("p", &[("class", &"soft")], "There is no such code.");
        return;
    }
    let name = format!("Drawing: {caption}");
    let region = [
        ("class", &"scroll" as Value<'_>),
        ("role", &"region"),
        ("tabindex", &0),
        ("aria-label", &name),
    ];
    html.element("div", &region, |html| draw(html, caption, boundaries, levels));
}

/// The same as a table.
pub(super) fn listing(html: &mut Html, caption: &str, boundaries: &[Boundary]) {
    let rows = boundaries.iter().map(Boundary::row).collect();
    table(html, caption, &COLUMNS, rows, Use::Read);
}

/// Where a depth is drawn.
fn height(levels: &[Depth], depth: Depth) -> usize {
    TOP + LEVEL / 2 + levels.iter().position(|level| *level == depth).unwrap_or(0) * LEVEL
}

fn draw(html: &mut Html, caption: &str, boundaries: &[Boundary], levels: &[Depth]) {
    let bottom = TOP + levels.len().max(1) * LEVEL;
    let (end, total) = (LEFT + boundaries.len() * COLUMN, bottom + 40);
    let (width, view) = (end + 8, format!("0 0 {} {total}", end + 8));
    let size: [Attribute<'_>; 5] = [
        ("class", &"depth"),
        ("role", &"img"),
        ("width", &width),
        ("height", &total),
        ("viewBox", &view),
    ];
    html.element("svg", &size, |html| {
        html.leaf("title", &[], caption);
        let sentences: Vec<_> = boundaries.iter().map(Boundary::sentence).collect();
        html.leaf("desc", &[], sentences.join("; "));
        for (at, boundary) in boundaries.iter().enumerate() {
            column(html, at, boundary, bottom);
        }
        for level in levels {
            let y = height(levels, *level);
            line(html, "grid", (LEFT, y), (end, y));
            label(html, ("level", "end"), (LEFT - 8, y + 4), &level.to_string());
        }
        let lines: [(&str, Pick); 2] =
            [("declared", |boundary| boundary.declared), ("actual", |boundary| boundary.actual)];
        for (class, depth) in lines {
            steps(html, class, boundaries, levels, depth);
        }
        for (at, boundary) in boundaries.iter().enumerate() {
            mark(html, at, boundary, levels);
        }
    });
}

fn line(html: &mut Html, class: &str, from: (usize, usize), to: (usize, usize)) {
    let ((x1, y1), (x2, y2)) = (from, to);
    html.leaf("line", &[("class", &class), ("x1", &x1), ("y1", &y1), ("x2", &x2), ("y2", &y2)], "");
}

/// What is behind and below a boundary: a band if it is marked, and its names.
fn column(html: &mut Html, at: usize, boundary: &Boundary, bottom: usize) {
    let x = LEFT + at * COLUMN;
    let class = match (boundary.rules.is_empty(), boundary.point.is_empty()) {
        (false, _) => "band",
        (true, false) => "unsafe",
        (true, true) => "",
    };
    if !class.is_empty() {
        let height = bottom - TOP;
        html.element(
            "rect",
            &[("class", &class), ("x", &x), ("y", &TOP), ("width", &COLUMN), ("height", &height)],
            |html| html.leaf("title", &[], boundary.sentence()),
        );
    }
    let name = boundary.text.split(' ').next().unwrap_or_default();
    label(
        html,
        ("soft", "middle"),
        (x + COLUMN / 2, bottom + 14),
        &format!("+{:#x}", boundary.at.offset()),
    );
    label(html, ("name", "middle"), (x + COLUMN / 2, bottom + 29), name);
}

/// Text at a place, of a class, that begins, ends or has its middle there.
fn label(html: &mut Html, (class, anchor): (&str, &str), (x, y): (usize, usize), text: &str) {
    let place = [("class", &class as Value<'_>), ("x", &x), ("y", &y), ("text-anchor", &anchor)];
    html.leaf("text", &place, text);
}

/// A step line: level over each boundary, upright between neighbours.
fn steps(
    html: &mut Html,
    class: &'static str,
    boundaries: &[Boundary],
    levels: &[Depth],
    depth: Pick,
) {
    let mut last: Option<(Index, usize)> = None;
    for (at, boundary) in boundaries.iter().enumerate() {
        let x = LEFT + at * COLUMN;
        let y = depth(boundary).map(|depth| height(levels, depth));
        if let Some(y) = y {
            let follows =
                |&(before, _): &(Index, usize)| before.0.saturating_add(1) == boundary.at.0;
            if let Some((_, above)) = last.filter(follows).filter(|&(_, above)| above != y) {
                line(html, class, (x, above), (x, y));
            }
            line(html, class, (x, y), (x + COLUMN, y));
        }
        last = y.map(|y| (boundary.at, y));
    }
}

/// How far a boundary is off, or that it is broken otherwise.
fn mark(html: &mut Html, at: usize, boundary: &Boundary, levels: &[Depth]) {
    let x = LEFT + at * COLUMN + COLUMN / 2;
    if boundary.is_here {
        label(html, ("here", "middle"), (x, TOP - 18), "\u{25bc}");
    }
    if boundary.rules.is_empty() {
        return;
    }
    let mut text = "!".to_owned();
    if let (Some(declared), Some(actual)) = (boundary.declared, boundary.actual)
        && declared != actual
    {
        line(html, "gap", (x, height(levels, actual)), (x, height(levels, declared)));
        text = format!("! {}", (declared.0 - actual.0).abs());
    }
    label(html, ("mark", "middle"), (x, TOP - 6), &text);
}
