//! `midframe scan --format markdown`: read back by a parser of CommonMark and of
//! GitHub's tables.

use crate::fixtures::{Files, clean, image, loads_sp, two_steps, two_steps_assembly};
use crate::support::midframe;
use image::testing::GoFunction;
use pulldown_cmark::{Event, Options, Parser, Tag};

/// A name that is markup in many ways.
const HOSTILE: &str = "main.`f``|<img src=x>[a](https://b) @c #1 *d*_e_ $f$\r\n\n# g";

/// What the reader sees of it.
const SHOWN: &str = "main.`f``|<img src=x>[a](https://b) @c #1 *d*_e_ $f$\\r\\n\\n# g";

/// The document, and its code spans, headings and number of table rows.
fn parse(text: &str) -> (Vec<String>, Vec<String>, usize) {
    let (mut spans, mut headings, mut rows) = (Vec::new(), Vec::new(), 0);
    let mut heading: Option<String> = None;
    for event in Parser::new_ext(text, Options::all()) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => panic!("HTML {html:?} in {text}"),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                panic!("a link to {dest_url} in {text}")
            }
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(pulldown_cmark::TagEnd::Heading(_)) => headings.extend(heading.take()),
            Event::Start(Tag::TableRow) => rows += 1,
            Event::Code(code) => {
                heading.iter_mut().for_each(|heading| heading.push_str(&code));
                spans.push(code.into_string());
            }
            Event::Text(plain) => {
                heading.iter_mut().for_each(|heading| heading.push_str(&plain));
                assert!(!plain.contains("img") && !plain.contains('@'), "{plain} in {text}");
            }
            _ => {}
        }
    }
    (spans, headings, rows)
}

#[test]
fn a_ticket_has_images_functions_and_boundaries() {
    let files = Files::new();
    let functions = [two_steps("main.f"), two_steps_assembly("main.g"), loads_sp("main.h")];
    let path = files.write("program", image(&functions).bytes());
    let clean = files.write("clean", image(&[clean("main.main")]).bytes());
    let run = midframe(&["scan", "--format", "markdown", &path, &clean]);
    assert_eq!(run.status, 1);
    let (spans, headings, rows) = parse(&run.stdout);
    assert_eq!(headings, ["midframe scan", &path, "main.f", "main.g", &clean]);
    assert_eq!(rows, 4, "one row an observer");
    for span in ["go1.24.1", "/src/netlink.go:42", "ADD $(16<<12), RSP, RSP"] {
        assert!(spans.iter().any(|found| found == span), "{span} in {}", run.stdout);
    }
    for line in [
        "2 images, 32 boundaries, 2 findings, 0 accepted.",
        "| observer | refuted | undecided | proved | not observed |",
        "| everybody | 0 | 1 | 1 | 0 |",
        "| async-preemption | 1 | 0 | 1 | 0 |",
        "| profiler | 1 | 0 | 1 | 0 |",
        "- undecided: 1 function: ",
        "- **sp-row**, seen by async-preemption: crash. The garbage collector ",
        "- **sp-row**, seen by a profiler: wrong-sample. The profiler ",
        " Fixed in go1.23.12, go1.24.6, go1.25.0 and later: a rebuild ",
        "non-leaf, frame 65616",
        "declared 65616, actual 65536, `/src/netlink.go:42`",
    ] {
        assert!(run.stdout.contains(line), "{line:?} in {}", run.stdout);
    }
    let summary = midframe(&["scan", "--format", "markdown", "--summary", &path, &clean]);
    assert_eq!(parse(&summary.stdout).1, ["midframe scan", &path, &clean]);
    assert!(summary.stdout.contains("2 findings"));
}

/// Foreign text is shown letter by letter, and is no markup.
#[test]
fn names_are_no_markup() {
    let files = Files::new();
    let mut function = two_steps(HOSTILE);
    function.lines.0 = "<img>`.go".to_owned();
    let undecided = GoFunction { name: HOSTILE.to_owned(), ..loads_sp("") };
    let path = files.write("a`|<b>@d", image(&[function, undecided]).bytes());
    let bad = files.write("bad``<img>", "no program");
    let run = midframe(&["scan", "--format", "markdown", &path, &bad]);
    assert_eq!(run.status, 2);
    let (spans, headings, rows) = parse(&run.stdout);
    assert_eq!(headings, ["midframe scan", "Not read", &path, SHOWN]);
    assert_eq!(rows, 4);
    for span in [SHOWN, "<img>`.go:42", &path, &bad] {
        assert!(spans.iter().any(|found| found == span), "{span} in {}", run.stdout);
    }
}
