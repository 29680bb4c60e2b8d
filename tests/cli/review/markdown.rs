//! `midframe review --format markdown`: read back by a parser of CommonMark.

use super::{LARGE, recorded};
use crate::fixtures::{Files, clean, image};
use crate::support::midframe;
use image::testing::GoFunction;
use pulldown_cmark::{Event, Options, Parser, Tag};

/// How many lines a comment has at most.
const MOST: usize = 60;

/// A name that is markup in many ways.
const HOSTILE: &str = "main.`f``|<img src=x>[a](https://b) @c #1 *d*_e_ $f$\r\n\n# g";

/// The HTML in a document, its code spans and its code blocks.
fn parse(text: &str) -> (String, Vec<String>, usize) {
    let (mut html, mut spans, mut blocks) = (String::new(), Vec::new(), 0);
    for event in Parser::new_ext(text, Options::all()) {
        match event {
            Event::Html(found) | Event::InlineHtml(found) => html.push_str(&found),
            Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::Heading { .. }) => {
                panic!("a link or a heading in {text}")
            }
            Event::Start(Tag::CodeBlock(_)) => blocks += 1,
            Event::Code(code) => spans.push(code.into_string()),
            _ => {}
        }
    }
    (html, spans, blocks)
}

fn markdown(old: &[GoFunction], new: &[GoFunction], status: i32) -> String {
    let files = Files::new();
    let old = files.write("old", image(old).bytes());
    let new = files.write("new", image(new).bytes());
    let run = midframe(&["review", "--format", "markdown", &old, &new]);
    assert_eq!(run.status, status, "{run:?}");
    assert!(run.stdout.lines().count() < MOST, "{}", run.stdout);
    run.stdout
}

#[test]
fn the_changes_are_folded() {
    let old = [recorded("go1.24.3", LARGE, "main.f"), clean("main.g")];
    let new = [recorded("go1.24.11", LARGE, "main.f"), clean("main.g")];
    let text = markdown(&old, &new, 0);
    let (html, spans, blocks) = parse(&text);
    assert_eq!(html, "<details><summary>1 distinct change</summary>\n</details>\n");
    assert_eq!(blocks, 1);
    assert!(spans.iter().any(|span| span == "main.f"), "{spans:?}");
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part:?} in {text}"));
    assert!(at("| mended | 1 |") < at("| unchanged | 1 |"));
    assert!(at("| above 64 KiB | 1 | 11 | 11 | 4 | 5 | +1 | +4 |") < at("<details>"));
    assert!(at("<details>") < at("MOVK $(1<<16), R27"));
    let text = markdown(&new, &new, 0);
    assert!(!text.contains("<details>"), "nothing changed: {text}");
}

/// However many changes there are: the gravest are listed, the others counted.
#[test]
fn the_comment_stays_short() {
    let cases = [
        ("main.a", "65552 non-leaf split linux", "65552 leaf split linux"),
        ("main.b", "32 non-leaf split linux", "65552 non-leaf split linux"),
        ("main.c", "4112 non-leaf split linux", "32 leaf split linux"),
        ("main.d", "16777232 non-leaf split linux", "32 non-leaf split linux"),
        ("main.e", "65536 leaf split linux", "4112 non-leaf split linux"),
        ("main.f", "131072 non-leaf split linux", "65536 leaf split linux"),
    ];
    let [old, new] = [0, 1]
        .map(|side| cases.map(|(name, old, new)| recorded("go1.24.11", [old, new][side], name)));
    let text = markdown(&old, &new, 1);
    let (_, _, blocks) = parse(&text);
    assert!(text.contains("<details><summary>6 distinct changes</summary>"), "{text}");
    assert!(blocks < cases.len(), "not all are listed: {text}");
    let left = text.lines().find(|line| line.ends_with("more: `--format text` lists all."));
    let left = left.unwrap_or_else(|| panic!("what is left out is said: {text}"));
    let left: usize = left.split(' ').next().and_then(|n| n.parse().ok()).expect("a number");
    let listed =
        text.lines().filter(|line| line.starts_with("**") && line.contains("** (")).count();
    assert_eq!(left + listed, cases.len());
    assert!(left > 0, "{text}");
}

#[test]
fn names_are_no_markup() {
    for (old, new, status) in [("go1.24.3", "go1.24.11", 0), ("go1.24.11", "go1.24.3", 1)] {
        let program = |release: &str| [recorded(release, LARGE, HOSTILE)];
        let text = markdown(&program(old), &program(new), status);
        let (html, spans, _) = parse(&text);
        assert!(!html.contains("img"), "{html}");
        assert!(spans.iter().any(|span| span.contains("main.`f``|<img")), "{spans:?}");
        let plain = midframe(&["review", "--help"]);
        assert_eq!(plain.status, 0);
    }
}
