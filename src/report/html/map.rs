//! The map of the frame sizes: all of them on a logarithmic scale, a row for each
//! theorem, as strong as the share of them that is refuted; and those near the thresholds
//! one by one.

use super::markup::{Html, Value};
use super::table::{Cell, Column, Row, Use, table};
use crate::prove::map::{PAGE, Page, THRESHOLDS, count};
use crate::prove::{Proof, Request, Theorem};
use crate::report::text::grouped;
use core::fmt::Write as _;
use lowering::FrameSize;

/// Measures of the overview.
const LEFT: usize = 132;
const TOP: usize = 24;
const ROW: usize = 20;
const BUCKET: usize = 2;
/// How wide a power of two is.
const POWER: usize = 16 * BUCKET;

/// Measures of a page.
const CELL: usize = 3;
const LINE: usize = 12;
const MARGIN: usize = 84;

/// What the colours mean.
pub(super) fn key(html: &mut Html) {
    let entries = [("refuted", "refuted, the stronger the more"), ("domain", "every rule holds")];
    html.element("ul", &[("class", &"key")], |html| {
        for (class, meaning) in entries {
            html.element("li", &[], |html| {
                html.leaf("span", &[("class", &class)], "");
                html.text(meaning);
            });
        }
    });
}

/// The name of a theorem.
fn name(theorem: &Theorem) -> String {
    format!("{} {}", theorem.policy.name, theorem.kind)
}

/// A box that scrolls, with a drawing of this size in it.
fn drawing(
    html: &mut Html,
    title: &str,
    (width, height): (usize, usize),
    draw: impl FnOnce(&mut Html),
) {
    let region = [
        ("class", &"scroll" as Value<'_>),
        ("role", &"region"),
        ("tabindex", &0),
        ("aria-label", &title),
    ];
    html.element("div", &region, |html| {
        let view = format!("0 0 {width} {height}");
        let size = [
            ("class", &"map" as Value<'_>),
            ("role", &"img"),
            ("width", &width),
            ("height", &height),
            ("viewBox", &view),
        ];
        html.element("svg", &size, |html| {
            html.leaf("title", &[], title);
            draw(html);
        });
    });
}

fn label(html: &mut Html, anchor: &str, (x, y): (usize, usize), text: &str) {
    html.leaf("text", &[("x", &x), ("y", &y), ("text-anchor", &anchor)], text);
}

/// Where a size is on the logarithmic scale: its power of two, and how far to the next.
fn place(size: u32) -> usize {
    let Some(power) = size.checked_ilog2().filter(|power| *power >= 4) else { return LEFT };
    let part = (size >> (power - 4)) as usize % 16;
    LEFT + BUCKET + (power as usize - 4) * POWER + part * BUCKET
}

/// All sizes, a row for each theorem.
pub(super) fn overview(html: &mut Html, request: &Request, proof: &Proof) {
    let end = place(FrameSize::MAX.bytes()) + BUCKET;
    let bottom = TOP + proof.theorems.len() * ROW;
    html.element("figure", &[], |html| {
        html.leaf("figcaption", &[], "The share of refuted frame sizes, by size");
        drawing(html, "Map of the frame sizes", (end + 24, bottom + 22), |html| {
            let names: Vec<_> = proof.theorems.iter().map(summary).collect();
            html.leaf("desc", &[], names.join("; "));
            for (at, theorem) in proof.theorems.iter().enumerate() {
                let y = TOP + at * ROW;
                label(html, "end", (LEFT - 8, y + 14), &name(theorem));
                row(html, request, theorem, y);
            }
            for threshold in THRESHOLDS {
                let x = place(threshold.size);
                let line = [("class", &"threshold" as Value<'_>), ("x1", &x), ("x2", &x)];
                html.leaf(
                    "line",
                    &[&line[..], &[("y1", &(TOP - 4)), ("y2", &bottom)]].concat(),
                    "",
                );
                label(html, "middle", (x, TOP - 9), threshold.name);
            }
            for (power, text) in
                [(4, "16"), (7, "128"), (10, "1 KiB"), (14, "16 KiB"), (20, "1 MiB")]
                    .into_iter()
                    .chain([(27, "128 MiB"), (30, "1 GiB")])
            {
                label(html, "middle", (place(1 << power), bottom + 15), text);
            }
        });
    });
    html.element("details", &[], |html| {
        html.leaf("summary", &[], "The same as a table");
        ranges(html, request, proof);
    });
}

/// A theorem in words.
fn summary(theorem: &Theorem) -> String {
    let (refuted, frames) = (grouped(theorem.tally.refuted), grouped(theorem.tally.frames));
    match theorem.tally.smallest {
        Some(smallest) => {
            format!("{}: {refuted} of {frames} refuted, from {smallest} on", name(theorem))
        }
        None => format!("{}: none of {frames} refuted", name(theorem)),
    }
}

/// Buckets that are drawn as one: where they begin, how dark, and what is said of them.
struct Span {
    start: usize,
    opacity: String,
    title: String,
}

/// The buckets of a theorem. One reaches up to the next that has a size; neighbours
/// without a refuted size are one.
fn row(html: &mut Html, request: &Request, theorem: &Theorem, y: usize) {
    let mut spans: Vec<Span> = Vec::new();
    let mut end = LEFT;
    for (sizes, refuted) in theorem.map.buckets() {
        let frames = count(&sizes, &request.frames);
        if frames == 0 {
            continue;
        }
        let start = place(*sizes.start());
        end = start + BUCKET;
        let (mut opacity, mut title) = (String::new(), String::new());
        if refuted > 0 {
            opacity = format!("{:.2}", 0.25 + 0.75 * f64::from(refuted) / f64::from(frames));
            let (first, last) = (grouped(sizes.start()), grouped(sizes.end()));
            let (refuted, frames) = (grouped(refuted), grouped(frames));
            title = format!("{first} to {last}: {refuted} of {frames} refuted");
        } else if spans.last().is_some_and(|span| span.title.is_empty()) {
            continue;
        }
        spans.push(Span { start, opacity, title });
    }
    let ends = spans.iter().skip(1).map(|span| span.start).chain([end]).collect::<Vec<_>>();
    for (Span { start, opacity, title }, end) in spans.iter().zip(ends) {
        let class = if title.is_empty() { "domain" } else { "refuted" };
        let (width, height) = (end - start, ROW - 4);
        let place = [
            ("class", &class as Value<'_>),
            ("x", start),
            ("y", &y),
            ("width", &width),
            ("height", &height),
            ("fill-opacity", opacity),
        ];
        html.element("rect", &place, |html| {
            if !title.is_empty() {
                html.leaf("title", &[], title);
            }
        });
    }
}

/// The refuted sizes by powers of two.
fn ranges(html: &mut Html, request: &Request, proof: &Proof) {
    const COLUMNS: [Column; 6] = [
        ("policy", false),
        ("function", false),
        ("from", true),
        ("to", true),
        ("refuted", true),
        ("of", true),
    ];
    let mut rows = Vec::new();
    for theorem in &proof.theorems {
        let buckets: Vec<_> = theorem.map.buckets().collect();
        let powers = buckets.get(1..).unwrap_or_default().chunks(16);
        for parts in powers {
            let [(first, _), .., (last, _)] = parts else { continue };
            let refuted: u32 = parts.iter().map(|(_, refuted)| refuted).sum();
            let frames = count(&(*first.start()..=*last.end()), &request.frames);
            if refuted > 0 {
                let cells = vec![
                    Cell::new(theorem.policy.name),
                    Cell::new(theorem.kind),
                    Cell::new(grouped(first.start())),
                    Cell::new(grouped(last.end())),
                    Cell::new(grouped(refuted)),
                    Cell::new(grouped(frames)),
                ];
                rows.push(Row::from(cells));
            }
        }
    }
    table(html, "Refuted frame sizes by powers of two", &COLUMNS, rows, Use::Filter(2));
}

/// The pages near the thresholds: a picture for each distinct one.
pub(super) fn pages(html: &mut Html, pages: &[Page], proof: &Proof) {
    type Picture<'a> = Vec<&'a [bool]>;
    let mut pictures: Vec<(Picture<'_>, Vec<String>)> = Vec::new();
    for (at, theorem) in proof.theorems.iter().enumerate() {
        let picture: Picture<'_> =
            pages.iter().filter_map(|page| page.refuted.get(at).map(|cells| &**cells)).collect();
        match pictures.iter_mut().find(|(known, _)| *known == picture) {
            Some((_, names)) => names.push(name(theorem)),
            None => pictures.push((picture, vec![name(theorem)])),
        }
    }
    for (picture, names) in &pictures {
        html.element("section", &[("class", &"panel picture")], |html| {
            html.leaf("h3", &[], names.join(", "));
            if picture.iter().all(|cells| !cells.contains(&true)) {
                html.leaf("p", &[("class", &"good")], "Every rule holds for each of these sizes.");
            } else {
                self::picture(html, pages, picture, names);
            }
        });
    }
}

fn picture(html: &mut Html, pages: &[Page], picture: &[&[bool]], names: &[String]) {
    let mut lines = Vec::new();
    let (mut y, mut last) = (4, None);
    for page in pages {
        // A little apart from what is no neighbour.
        y += if last.is_some_and(|last| last != page.ranks.start) { LINE } else { 0 };
        lines.push(y);
        y += LINE;
        last = Some(page.ranks.end);
    }
    let columns = (PAGE / FrameSize::STEP) as usize;
    let title = format!("Frame sizes near the thresholds: {}", names.join(", "));
    drawing(html, &title, (MARGIN + columns * CELL + 60, y + 4), |html| {
        let said = pages.iter().zip(picture).map(|(page, cells)| sentence(page, cells));
        html.leaf("desc", &[], said.collect::<Vec<_>>().join("; "));
        for ((page, cells), y) in pages.iter().zip(picture).zip(lines) {
            let first = page.ranks.start * FrameSize::STEP;
            let start = ((first % PAGE) / FrameSize::STEP) as usize;
            label(html, "end", (MARGIN - 6, y + 9), &grouped(first));
            let rect = |class: &'static str, from: usize, until: usize, html: &mut Html| {
                let (x, width) = (MARGIN + (start + from) * CELL, (until - from) * CELL);
                let height = LINE - 2;
                html.leaf(
                    "rect",
                    &[
                        ("class", &class),
                        ("x", &x),
                        ("y", &y),
                        ("width", &width),
                        ("height", &height),
                    ],
                    "",
                );
            };
            rect("domain", 0, cells.len(), html);
            runs(cells).for_each(|(from, until)| rect("refuted", from, until, html));
            if let Some(threshold) = THRESHOLDS.iter().find(|near| near.size == first) {
                label(html, "start", (MARGIN + columns * CELL + 6, y + 9), threshold.name);
            }
        }
    });
    html.element("details", &[], |html| {
        html.leaf("summary", &[], "The same in words");
        html.element("ul", &[], |html| {
            for (page, cells) in pages.iter().zip(picture) {
                html.leaf("li", &[], sentence(page, cells));
            }
        });
    });
}

/// The runs of refuted sizes.
fn runs(cells: &[bool]) -> impl Iterator<Item = (usize, usize)> {
    let mut from = 0;
    cells.chunk_by(|one, other| one == other).filter_map(move |run| {
        let start = from;
        from += run.len();
        run.contains(&true).then_some((start, from))
    })
}

/// Which sizes of a page are refuted.
fn sentence(page: &Page, cells: &[bool]) -> String {
    let size = |at: usize| (u64::from(page.ranks.start) + at as u64) * u64::from(FrameSize::STEP);
    let (first, last) = (grouped(size(0)), grouped(size(cells.len().saturating_sub(1))));
    let refuted: Vec<_> = runs(cells).map(|(from, until)| (size(from), size(until - 1))).collect();
    let mut text = format!("{first} to {last}: ");
    match &*refuted {
        [] => text.push_str("none refuted"),
        _ if !cells.contains(&false) => text.push_str("all refuted"),
        runs => {
            text.push_str("refuted ");
            for (at, (from, until)) in runs.iter().enumerate() {
                let comma = if at == 0 { "" } else { ", " };
                let _ = match from == until {
                    true => write!(text, "{comma}{from}"),
                    false => write!(text, "{comma}{from} to {until}"),
                };
            }
        }
    }
    text
}
