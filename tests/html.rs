//! The pages of `--format html` in Chromium: nothing goes wrong on the console, they are
//! not blank, light and dark as the reader prefers, no wider than a phone, and tables
//! sort and filter; on paper everything is there that can be read there. Needs the feature
//! `toolchains`, and installs Debian's chromium and poppler-utils.

use image::testing::{GoFunction, GoImage, Run};
use lowering::{Frame, FrameSize, Kind, Policy, lower};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use xtask::browser::{View, document, install, paper, screenshot};

/// How wide a phone is, in pixels.
const PHONE: u32 = 390;

/// A directory with a page of each command.
struct Pages {
    directory: TempDir,
}

impl Pages {
    fn new() -> Self {
        install().expect("Debian's chromium");
        let directory = tempfile::tempdir().expect("a directory");
        let program = |name: &str, release: &str, more: u64| -> String {
            let path = directory.path().join(name);
            let sizes = [65552, 65568, 1 << 20 | 16].into_iter();
            let sizes = sizes.chain((0..more).map(|at| 131_088 + 16 * at));
            let functions = sizes.map(|size| function(size, release)).collect();
            let bytes = GoImage::new(24, functions).bytes();
            std::fs::write(&path, bytes).expect("a program");
            path.to_str().expect("UTF-8").to_owned()
        };
        let (old, new) = (program("old", "go1.24.5", 0), program("new", "go1.24.6", 0));
        let long = program("large", "go1.24.5", 120);
        let lines: [(&str, Vec<&str>); 5] = [
            ("prove", vec!["--frames", "0..72KiB"]),
            ("scan", vec![&old, &new]),
            ("review", vec![&new, &old]),
            ("explain", vec!["--frame", "65616", "--policy", "go1.24.5"]),
            ("long scan", vec![&long]),
        ];
        for (name, arguments) in lines {
            let subcommand = name.split(' ').next_back().expect("a subcommand");
            let mut command = Command::new(env!("CARGO_BIN_EXE_midframe"));
            let output =
                command.arg(subcommand).args(arguments).args(["--format", "html"]).output();
            let output = output.expect("the command starts");
            assert_eq!(output.status.code(), Some(1), "{output:?}");
            let page = directory.path().join(name).with_extension("html");
            std::fs::write(page, output.stdout).expect("a page");
        }
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The value that a script of the test leaves in a copy of a page, which does not
    /// forbid it.
    fn evaluate(&self, name: &str, width: u32, script: &str) -> String {
        let text = std::fs::read_to_string(self.path(&format!("{name}.html"))).expect("a page");
        let text = text.replace("Content-Security-Policy", "X-None");
        let copy = self.path("copy.html");
        let left = format!("<script>document.body.dataset.left = {script};</script></body>");
        std::fs::write(&copy, text.replace("</body>", &left)).expect("a page");
        let view = View { window: (width, 800), dark: false };
        let document = document(&self.path("profile"), &copy, view).expect("a document");
        let rest = document.split_once("data-left=\"").unwrap_or_else(|| panic!("{document}")).1;
        rest.split_once('"').expect("a value").0.to_owned()
    }
}

/// A function with a frame of `size`, as a release lowers it.
fn function(size: u64, release: &str) -> GoFunction {
    let frame = Frame::new(FrameSize::new(size).expect("a size"), Kind::NonLeaf);
    let lowered = lower(&frame, Policy::resolve(release).expect("a policy"));
    let (mut depths, mut unsafe_points): (Vec<Run>, Vec<Run>) = (Vec::new(), Vec::new());
    for at in 0..lowered.words().len() as u32 {
        let row = lowered.rows().row(unwind::Index(at)).expect("a row");
        let depth = i32::try_from(row.depth.0).expect("a depth");
        for (runs, value) in [(&mut depths, depth), (&mut unsafe_points, row.unsafe_point.pcdata())]
        {
            match runs.last_mut() {
                Some((length, last)) if *last == value => *length += 1,
                _ => runs.push((1, value)),
            }
        }
    }
    let words: Vec<_> = lowered.words().iter().map(|word| word.get()).collect();
    GoFunction { depths, unsafe_points, ..GoFunction::new(&format!("main.f{size}"), &words) }
}

/// The pixels of a picture, each with its three colours.
fn pixels(path: &Path) -> Vec<[u8; 3]> {
    let file = std::io::BufReader::new(std::fs::File::open(path).expect("a picture"));
    let mut reader = png::Decoder::new(file).read_info().expect("a PNG file");
    let mut bytes = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut bytes).expect("pixels");
    let channels = info.color_type.samples();
    assert!(channels >= 3, "{info:?}");
    let pixel = |pixel: &[u8]| [pixel[0], pixel[1], pixel[2]];
    bytes[..info.buffer_size()].chunks_exact(channels).map(pixel).collect()
}

#[test]
fn pages_are_shown_without_an_error() {
    let pages = Pages::new();
    for name in ["prove", "scan", "review", "explain"] {
        for (width, dark) in [(1200, false), (1200, true), (PHONE, false), (PHONE, true)] {
            let view = View { window: (width, 1600), dark };
            let (page, picture) = (pages.path(&format!("{name}.html")), pages.path("shot.png"));
            let console = screenshot(&pages.path("profile"), &page, &picture, view);
            let console = console.expect("a screenshot");
            assert_eq!(console, [""; 0], "the console of {name}");
            let pixels = pixels(&picture);
            let paper = pixels[0];
            assert_eq!(paper.iter().all(|colour| *colour < 128), dark, "{name}: {paper:?}");
            let ink = pixels.iter().filter(|pixel| **pixel != paper).count();
            let share = pixels.len() / ink.max(1);
            assert!((1..200).contains(&share), "{name}, {width}: 1 of {share} pixels");
            std::fs::remove_file(&picture).expect("the picture goes away");
        }
        let widths = "[document.documentElement.scrollWidth, innerWidth].join()";
        let widths = pages.evaluate(name, PHONE, widths);
        let (page, window) = widths.split_once(',').expect("two numbers");
        assert_eq!(page, window, "{name} scrolls in its boxes, and not itself");
    }
}

/// A click on a heading sorts by its column, as a number if it is one; a second one the
/// other way round. What is typed leaves the rows that have it.
#[test]
fn tables_sort_and_filter() {
    let pages = Pages::new();
    let sorted = |clicks: usize| {
        let script = format!(
            "(() => {{ const t = document.querySelector('table.sortable'); \
             const h = t.tHead.rows[0].cells[4]; \
             for (let i = 0; i < {clicks}; i++) h.querySelector('button').click(); \
             return [h.getAttribute('aria-sort'), t.tBodies[0].rows[0].cells[4].textContent, \
             t.tBodies[0].rows.length].join(' ') }})()"
        );
        pages.evaluate("prove", 1200, &script)
    };
    assert_eq!(sorted(0), "none 16 14");
    // A row without a size has "-", which is before all numbers.
    assert_eq!(sorted(1), "ascending - 14");
    assert_eq!(sorted(2), "descending 65,552 14");
    let script = "(() => { const i = document.querySelector('input'); i.value = 'COMPLETE'; \
                  i.dispatchEvent(new Event('input')); \
                  const rows = [...document.querySelector('table').tBodies[0].rows]; \
                  return [rows.filter((row) => !row.hidden).length, \
                  document.querySelector('.count').textContent].join(' ') })()";
    assert_eq!(pages.evaluate("prove", 1200, script), "2 2 of 14");
}

/// A page on paper: the text of its sheets.
fn printed(pages: &Pages, name: &str) -> Vec<String> {
    let mut sheets = Vec::new();
    for dark in [false, true] {
        let (page, picture) = (pages.path(&format!("{name}.html")), pages.path("sheet.png"));
        let view = View { window: (1200, 1600), dark };
        sheets = paper(&pages.path("profile"), &page, &picture, view).expect("paper");
        let pixels = pixels(&picture);
        assert_eq!(pixels[0], [255; 3], "{name}: paper is white, whatever the reader prefers");
        let dark = pixels.iter().filter(|pixel| pixel.iter().all(|colour| *colour < 128)).count();
        assert!((1..pixels.len() / 4).contains(&dark), "{name}: {dark} dark pixels");
    }
    sheets
}

/// What only a hand can use is not printed, and what is folded is said to be.
#[test]
fn paper_has_no_controls() {
    let pages = Pages::new();
    for name in ["prove", "scan", "review", "explain"] {
        let text = printed(&pages, name).concat();
        assert!(text.contains(&format!("midframe {name}")), "{text}");
        assert!(!text.contains("Show rows with") && !text.contains('▶'), "{name}: {text}");
        let page = std::fs::read_to_string(pages.path(&format!("{name}.html"))).expect("a page");
        let folded = page.matches("<details>").count();
        assert_eq!(text.matches("(folded when this was printed)").count(), folded, "{name}");
    }
    // The largest number of a listing, by hand: 1 MiB and 16, in one piece.
    assert!(printed(&pages, "review").concat().contains(" 1048592 "));
}

/// A table that goes on over several sheets has its heads on each.
#[test]
fn tables_on_paper_repeat_their_heads() {
    let pages = Pages::new();
    let sheets = printed(&pages, "long scan");
    let with_rows = |sheet: &&String| sheet.lines().any(|line| line.trim_end().ends_with("open"));
    let with_rows: Vec<_> = sheets.iter().filter(with_rows).collect();
    assert!(with_rows.len() > 1, "{sheets:?}");
    for sheet in with_rows {
        for head in ["function", "seen by", "declared", "actual", "baseline"] {
            assert!(sheet.contains(head), "{head} in {sheet}");
        }
    }
}
