//! The pages of `--format html`, read back by a parser of HTML: well-formed, one file
//! without a network, nothing that breaks out of its text, every finding once, drawings
//! that say what the tables say, and a label for what is typed into.

use crate::fixtures::{Files, clean, image, leaf, loads_sp, two_steps, two_steps_assembly};
use crate::review::{LARGE, recorded};
use crate::support::{check_error, json, list, midframe};
use image::testing::GoFunction;
use scraper::{ElementRef, Html, Selector};
use std::collections::{BTreeMap, BTreeSet};

/// A name that is markup in many ways.
const HOSTILE: &str = "main.</code></title></script><script>alert('\"&amp;')</script>\"' x=\"\n";

/// What the reader sees of it.
const SHOWN: &str = "main.</code></title></script><script>alert('\"&amp;')</script>\"' x=\"\\n";

fn select<'a>(html: &'a Html, css: &str) -> Vec<ElementRef<'a>> {
    html.select(&Selector::parse(css).expect("a selector")).collect()
}

fn within<'a>(element: ElementRef<'a>, css: &str) -> Vec<ElementRef<'a>> {
    element.select(&Selector::parse(css).expect("a selector")).collect()
}

fn text(element: ElementRef<'_>) -> String {
    element.text().collect()
}

fn attribute<'a>(element: ElementRef<'a>, name: &str) -> &'a str {
    element.attr(name).unwrap_or_else(|| panic!("{name} of {}", element.html()))
}

/// Runs a command line and reads its page, which must be what every page is.
fn page(line: &[&str], status: i32) -> Html {
    let run = midframe(&[line, &["--format", "html"]].concat());
    assert_eq!((run.status, run.stderr.as_str()), (status, ""));
    let html = Html::parse_document(&run.stdout);
    assert_eq!(html.errors, [""; 0], "well-formed");
    is_self_contained(&html);
    is_accessible(&html);
    html
}

fn is_self_contained(html: &Html) {
    for element in select(html, "*") {
        let name = element.value().name();
        assert!(!["link", "img", "iframe", "object", "base", "form"].contains(&name), "{name}");
        for (attribute, _) in element.value().attrs() {
            let loads = ["src", "href", "xlink:href", "action", "srcset", "style"];
            assert!(!loads.contains(&attribute), "{attribute} of {name}");
            assert!(!attribute.starts_with("on"), "{attribute} of {name}");
        }
    }
    let (styles, scripts) = (select(html, "style"), select(html, "script"));
    assert_eq!((styles.len(), scripts.len()), (1, 1), "one of each, and ours");
    for inline in styles.into_iter().chain(scripts) {
        let inline = text(inline);
        for loads in ["url(", "@import", "http", "fetch", "innerHTML"] {
            assert!(!inline.contains(loads), "{loads}");
        }
    }
    let policy = select(html, "meta[http-equiv=Content-Security-Policy]");
    let [policy] = &*policy else { panic!("one policy") };
    assert!(attribute(*policy, "content").starts_with("default-src 'none'; "));
}

fn is_accessible(html: &Html) {
    assert_eq!(select(html, "html[lang=en]").len(), 1);
    assert_eq!(select(html, "meta[name=viewport]").len(), 1);
    assert_eq!(select(html, "h1").len(), 1);
    let mut ids = BTreeSet::new();
    for element in select(html, "[id]") {
        assert!(ids.insert(attribute(element, "id")), "an id twice: {}", element.html());
    }
    for input in select(html, "input") {
        let id = attribute(input, "id");
        assert_eq!(select(html, &format!("label[for={id}]")).len(), 1, "a label of {id}");
    }
    for table in select(html, "table") {
        assert_eq!(within(table, "caption").len(), 1);
        let columns = within(table, "th[scope=col]").len();
        assert!(columns > 0);
        for row in within(table, "tbody tr") {
            assert_eq!(within(row, "td").len(), columns, "{}", row.html());
        }
    }
    for drawing in select(html, "svg") {
        assert_eq!(attribute(drawing, "role"), "img");
        let said = within(drawing, ":scope > title, :scope > desc");
        assert_eq!(said.len(), 2, "a title and a description");
        assert!(said.into_iter().all(|element| !text(element).is_empty()));
    }
    for scrolls in select(html, ".scroll") {
        assert_eq!((attribute(scrolls, "tabindex"), attribute(scrolls, "role")), ("0", "region"));
        assert!(!attribute(scrolls, "aria-label").is_empty());
    }
}

/// The cells of the rows of a table.
fn rows(table: ElementRef<'_>) -> Vec<Vec<String>> {
    let cells = |row| within(row, "td").into_iter().map(text).collect();
    within(table, "tbody tr").into_iter().map(cells).collect()
}

fn number(element: ElementRef<'_>, name: &str) -> i64 {
    attribute(element, name).parse().expect("a number")
}

/// The depths that a line of a drawing goes over, read off its lines and the labels of
/// the levels.
fn drawn(drawing: ElementRef<'_>, line: &str) -> Vec<String> {
    let grid = within(drawing, "line.grid");
    let labels = within(drawing, "text.level");
    assert_eq!(grid.len(), labels.len());
    let levels: BTreeMap<i64, String> = grid
        .into_iter()
        .zip(labels)
        .map(|(grid, label)| (number(grid, "y1"), text(label)))
        .collect();
    let lines = within(drawing, &format!("line.{line}"));
    let flat = lines.into_iter().filter(|line| number(*line, "y1") == number(*line, "y2"));
    let mut flat: Vec<_> =
        flat.map(|line| (number(line, "x1"), levels[&number(line, "y1")].clone())).collect();
    flat.sort();
    flat.into_iter().map(|(_, depth)| depth).collect()
}

fn column(rows: &[Vec<String>], column: usize) -> Vec<String> {
    rows.iter().map(|row| row[column].clone()).filter(|cell| !cell.is_empty()).collect()
}

/// A column of a table's rows, as numbers.
fn depths(expected: &[i64]) -> Vec<String> {
    expected.iter().map(ToString::to_string).collect()
}

/// LDP, ADD, ADD, RET before; LDP, MOVD, MOVK, ADD, RET with the fix. SP is mid-frame
/// behind the first ADD, at 65536.
#[test]
fn a_review_draws_both_sides_of_a_change() {
    let files = Files::new();
    let old = files.write("old", image(&[recorded("go1.24.3", LARGE, "main.f")]).bytes());
    let new = files.write("new", image(&[recorded("go1.24.11", LARGE, "main.f")]).bytes());
    let html = page(&["review", &old, &new], 0);
    let headline = select(&html, ".headline");
    assert_eq!(text(headline[0]), "nothing is worse: 1 mended");
    let changes = select(&html, ".change");
    let [change] = &*changes else { panic!("one change") };
    let drawings = within(*change, "svg.depth");
    let [before, now] = &*drawings else { panic!("old and new") };
    assert_eq!(drawn(*before, "declared"), depths(&[65552, 65552, 65552, 0]));
    assert_eq!(drawn(*before, "actual"), depths(&[65552, 65552, 65536, 0]));
    assert_eq!(drawn(*now, "declared"), depths(&[65552, 65552, 65552, 65552, 0]));
    assert_eq!(drawn(*now, "actual"), drawn(*now, "declared"));
    assert_eq!(within(*before, "rect.band").len(), 1, "the mid-frame boundary is marked");
    assert_eq!(within(*now, "rect.band").len(), 0);
    assert_eq!(text(within(*before, "text.mark")[0]), "! 16");
    let listing = rows(within(*change, "table")[0]);
    assert_eq!(column(&listing, 1), drawn(*before, "declared"));
    assert_eq!(column(&listing, 2), drawn(*before, "actual"));
    assert_eq!(column(&listing, 6), drawn(*now, "declared"));
    assert_eq!(column(&listing, 7), drawn(*now, "actual"));
    let functions = rows(*select(&html, "table.sortable").last().expect("a table"));
    assert_eq!(functions[0][..2], ["main.f", "mended"]);
    page(&["review", &new, &old], 1);
}

#[test]
fn a_scan_has_every_finding_once() {
    let files = Files::new();
    let functions = [two_steps("main.f"), two_steps("main.g"), leaf("main.h"), clean("main.i")];
    let first = files.write("first", image(&functions).bytes());
    let second = files.write("second", image(&[two_steps("main.f"), loads_sp("main.j")]).bytes());
    let line = ["scan", &first, &second, "--fail-on", "never"];
    let document = json(&midframe(&[&line[..], &["--format", "json"]].concat()));
    let html = page(&line, 0);
    let mut expected = Vec::new();
    for image in list(&document["images"]) {
        for finding in list(&image["findings"]) {
            let text = |field: &str| finding[field].as_str().expect("a text").to_owned();
            expected.push([text("function"), text("rule"), text("severity"), text("pc")]);
        }
    }
    assert!(expected.len() >= 3, "{document}");
    let found = select(&html, "tr.finding").into_iter().map(|row| {
        let cells: Vec<_> = within(row, "td").into_iter().map(text).collect();
        [cells[0].clone(), cells[1].clone(), cells[2].clone(), cells[4].clone()]
    });
    assert_eq!(found.collect::<Vec<_>>(), expected);
    // main.f and main.g of the first image are one sequence.
    let sequences = select(&html, ".sequence");
    let named = |name: &str| sequences.iter().filter(|s| text(**s).contains(name)).count();
    assert_eq!((named("main.f, main.g"), named("main.i")), (1, 0));
    for sequence in &sequences {
        let listing = rows(within(*sequence, "table")[0]);
        let drawing = within(*sequence, "svg.depth")[0];
        assert_eq!(column(&listing, 2), drawn(drawing, "declared"));
        assert_eq!(column(&listing, 3), drawn(drawing, "actual"));
        let broken = listing.iter().filter(|row| !row[5].is_empty()).count();
        assert!(broken > 0 && broken == within(drawing, "rect.band").len());
    }
}

/// Assembly is never preempted: what is wrong there does not crash.
#[test]
fn a_scan_lists_what_crashes_first() {
    let files = Files::new();
    let functions = [two_steps_assembly("main.a"), two_steps("main.b")];
    let path = files.write("program", image(&functions).bytes());
    let html = page(&["scan", &path], 1);
    let names = select(&html, "tr.finding").into_iter().map(|row| text(within(row, "td")[0]));
    assert_eq!(names.collect::<Vec<_>>(), ["main.b", "main.a"]);
}

/// The frame of the report, 65616: ADD $80 leaves 65536 for the second one to pop.
#[test]
fn an_explanation_draws_the_fixed_policy_beside() {
    let html = page(&["explain", "--frame", "65616", "--policy", "go1.24.5"], 1);
    let drawings = select(&html, "svg.depth");
    let [this, fixed] = &*drawings else { panic!("two drawings") };
    let tables: Vec<_> = select(&html, "table").into_iter().take(2).map(rows).collect();
    for (drawing, listing) in [this, fixed].into_iter().zip(&tables) {
        assert_eq!(column(listing, 2), drawn(*drawing, "declared"));
        assert_eq!(column(listing, 3), drawn(*drawing, "actual"));
        assert_eq!(within(*drawing, "text.here").len(), 1, "the boundary in question");
    }
    let broken: Vec<_> = tables[0].iter().filter(|row| !row[5].is_empty()).collect();
    let expected = ["+0x38", "ADD $(16<<12), RSP, RSP", "65616", "65536", "", "sp-row"];
    assert_eq!(broken, [&expected.map(str::to_owned).to_vec()]);
    assert!(tables[1].iter().all(|row| row[5].is_empty()), "complete");
}

/// Up to go1.24.5 a function that is no leaf pops a frame of 64 KiB and 16 bytes or more
/// by two ADDs, but for multiples of 4096, which are one (golang/go#73259).
#[test]
fn a_proof_maps_the_refuted_sizes() {
    let html = page(&["prove", "--policy", "go1.24.5", "--frames", "60KiB..72KiB"], 1);
    let maps = select(&html, "svg.map");
    let overview = within(maps[0], "rect.refuted title");
    let said: Vec<_> = overview.into_iter().map(text).collect();
    // A bucket of 4096 bytes has one multiple of 4096.
    assert!(said.iter().any(|said| said == "65,536 to 69,631: 255 of 256 refuted"), "{said:?}");
    assert!(said.iter().all(|said| !said.starts_with("61,440")), "{said:?}");
    let pictures = select(&html, ".picture");
    let of = |picture: &&ElementRef<'_>| text(within(**picture, "h3")[0]) == "go1.24 non-leaf";
    let picture = *pictures.iter().find(of).expect("a picture");
    let words: Vec<_> = within(picture, "li").into_iter().map(text).collect();
    let expected = [
        "61,440 to 65,520: none refuted",
        "65,536 to 69,616: refuted 65552 to 69616",
        "69,632 to 73,712: refuted 69648 to 73712",
        "73,728 to 73,728: none refuted",
    ];
    assert_eq!(words, expected);
    // The bars of a picture are as long as its words say: 3 units for each size.
    let bars = within(picture, "rect.refuted");
    let widths: Vec<_> = bars.into_iter().map(|bar| number(bar, "width")).collect();
    assert_eq!(widths, [255 * 3, 255 * 3]);
    let table = rows(select(&html, "table.sortable")[0]);
    assert_eq!(column(&table, 0), ["go1.24", "go1.24"]);
    page(&["prove", "--policy", "complete", "--frames", "0..8KiB"], 0);
}

/// A name from a file is text wherever it is shown.
#[test]
fn names_do_not_break_out() {
    let files = Files::new();
    let old = recorded("go1.24.3", LARGE, HOSTILE);
    let new = recorded("go1.24.11", LARGE, HOSTILE);
    let directory = "<b>'\"&amp;";
    std::fs::create_dir(files.path(directory)).expect("a directory");
    let old = files.write(format!("{directory}/old"), image(&[old]).bytes());
    let new = files.write(format!("{directory}/new"), image(&[new]).bytes());
    let pages = [
        page(&["review", &old, &new], 0),
        page(&["scan", &old], 1),
        page(&["explain", &old, HOSTILE], 1),
    ];
    for html in &pages {
        let body = text(select(html, "body")[0]);
        assert!(body.contains(SHOWN), "{body}");
        assert!(body.contains(directory), "{body}");
        assert_eq!(select(html, "b, table [x], h2[x], p[x]").len(), 0);
    }
}

#[test]
fn a_summary_has_no_page() {
    check_error(&["scan", "x", "--summary", "--format", "html"], &["--summary"]);
}

/// What could not be read, and what was undecided, is in the page too.
#[test]
fn what_is_not_decided_is_told() {
    let files = Files::new();
    let functions: [GoFunction; 1] = [loads_sp("main.j")];
    let program = files.write("program", image(&functions).bytes());
    let html = page(&["scan", &program], 3);
    assert!(text(select(&html, "main")[0]).contains("undecided: 1 function"));
    assert_eq!(select(&html, "tr.finding").len(), 0);
    let broken = files.write("broken", "no program");
    let run = midframe(&["scan", &broken, "--format", "html"]);
    assert_eq!(run.status, 2);
    let html = Html::parse_document(&run.stdout);
    assert!(text(select(&html, "main")[0]).contains("not an executable"), "{}", run.stdout);
}
