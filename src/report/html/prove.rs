//! The page of a proof: the theorem table, the map of the frame sizes, and the sizes near
//! each threshold one by one.

use super::map;
use super::markup::Html;
use super::page::page;
use super::table::{Cell, Column, Row, Use, table};
use crate::prove::map::{THRESHOLDS, pages};
use crate::prove::{Proof, Request, Theorem};
use crate::report::text;
use verifier::{Rule, Verdict};

/// The page of a proof. The sizes near the thresholds are proved again for it, by what
/// was asked for.
#[must_use]
pub fn prove(request: &Request, proof: &Proof) -> String {
    page("prove", &headline(proof), |html| {
        theorems(html, proof);
        html.leaf("h2", &[], "Where the refuted sizes are");
        map::key(html);
        map::overview(html, request, proof);
        html.leaf("h2", &[], "Thresholds");
        html.element("dl", &[], |html| {
            for threshold in THRESHOLDS {
                html.leaf("dt", &[], threshold.name);
                html.leaf("dd", &[], threshold.reason);
            }
        });
        html.leaf("h2", &[], "Near the thresholds, size by size");
        html.leaf(
            "p",
            &[("class", &"soft")],
            "Each row is a page of 4096 bytes, each cell one frame size of it, 16 bytes further. \
             These sizes were proved again, one by one. Policies with the same picture share it.",
        );
        map::pages(html, &pages(request), proof);
    })
}

fn headline(proof: &Proof) -> String {
    let count = |verdict| {
        let of = |theorem: &&Theorem| theorem.tally.verdict() == verdict;
        proof.theorems.iter().filter(of).count()
    };
    let counts = [Verdict::Proved, Verdict::Refuted, Verdict::Undecided]
        .map(|verdict| (verdict, count(verdict)));
    let counts = counts.iter().filter(|(_, count)| *count > 0);
    let counts: Vec<_> = counts.map(|(verdict, count)| format!("{count} {verdict}")).collect();
    let theorems = text::plural(proof.theorems.len() as u64, "theorem", "theorems");
    format!("{theorems}: {}", counts.join(", "))
}

fn theorems(html: &mut Html, proof: &Proof) {
    let header: [Column; 5] = [
        ("policy", false),
        ("function", false),
        ("verdict", false),
        ("refuted", true),
        ("smallest", true),
    ];
    let columns: Vec<_> =
        header.into_iter().chain(Rule::ALL.map(|rule| (rule.id(), true))).collect();
    let row = |theorem: &Theorem| {
        let class = match theorem.tally.verdict() {
            Verdict::Refuted => "bad",
            Verdict::Proved => "good",
            Verdict::Undecided | Verdict::NotObserved => "",
        };
        let cells = text::theorem(theorem).into_iter().enumerate();
        let cells = cells.map(|(at, text)| match at {
            2 => Cell::new(text).class(class),
            _ => Cell::new(text),
        });
        Row::from(cells.collect::<Vec<_>>())
    };
    let rows = proof.theorems.iter().map(row).collect();
    let caption = "Theorems; a rule's column counts the frame sizes that break it";
    table(html, caption, &columns, rows, Use::Filter(1));
    let sizes = proof.theorems.iter().map(|theorem| theorem.tally.frames).max().unwrap_or(0);
    let frames: u64 = proof.theorems.iter().map(|theorem| theorem.tally.frames).sum();
    let boundaries: u64 = proof.theorems.iter().map(|theorem| theorem.tally.boundaries).sum();
    let (sizes, frames) =
        (text::plural(sizes, "frame size", "frame sizes"), text::plural(frames, "frame", "frames"));
    let boundaries = text::plural(boundaries, "boundary", "boundaries");
    html.leaf("p", &[], format!("A theorem is about {sizes}. {frames} decided, {boundaries}."));
}
