//! What the fuzz targets run: one function each, of arbitrary bytes, that
//! panics if a promise is broken. They are plain functions, so that
//! `tests/fuzz_smoke.rs` of the main package runs them too, on mutated seeds
//! and without a fuzzer; that file includes this one.
//!
//! A promise here is more than "does not panic": what a parser hands on is
//! inside the bytes that it was given, what the verifier reports lies inside
//! the function, and two modules that know the same fact agree on it.

mod archives;

pub use archives::archive;

use a64::SpEffect;
use a64::decode::{Inst, decode as decode_word, direct_branch};
use a64::syntax::GoSyntax;
use image::testing::{GoFunction, GoImage, Linking};
use image::{Container, Function, Image};
use midframe::report::{json, markdown, sarif, text};
use midframe::scan::{Scanned, ScannedImage, scan_image};
use std::path::Path;
use unwind::{Depth, FuncFlags, Index, Pc, Row, RowTable, UnsafePoint, Word};
use verifier::{
    Checker, Observer, Report, Rule, Verdict,
    screen::{Kinds, WORDS},
};

/// A target: a function of bytes that panics on a broken promise.
pub type Target = fn(&[u8]);

/// The targets by name.
pub const TARGETS: [(&str, Target); 6] = [
    ("archive", archive),
    ("image", image),
    ("pctab", pctab),
    ("scan", scan),
    ("decode", decode),
    ("checker", checker),
];

/// How many boundaries of a function are asked for one by one: each question
/// reads a table from its start.
const BOUNDARIES: usize = 64;

/// Reads all that an image has.
pub fn image(bytes: &[u8]) {
    let Ok(image) = Image::parse(bytes) else { return };
    let mut rows = RowTable::new();
    let mut words = 0;
    for index in 0..image.function_count() {
        let Ok(function) = image.function(index) else { continue };
        words += function.code.len();
        read(&function, &mut rows);
    }
    assert!(words * 4 <= bytes.len(), "functions have more code than the file");
    assert!(image.function(image.function_count()).is_err(), "a function behind the last");
}

fn read(function: &Function<'_>, rows: &mut RowTable) {
    if function.rows(rows).is_ok() {
        assert!(rows.end().0 as usize <= function.code.len(), "rows behind the code");
        let mut behind = Index(0);
        for span in rows.spans() {
            assert!(span.start >= behind && span.start < rows.end(), "rows out of order, or empty");
            assert!(rows.class(span).start <= span.start, "a resumption that is ahead");
            behind = Index(span.start.0 + 1);
        }
        let first = rows.spans().first().map(|span| span.start);
        let expected = (rows.end() > Index(0)).then_some(Index(0));
        assert_eq!(first, expected, "rows that do not start at the entry");
    }
    if let Some(recovery) = function.recovery() {
        assert!((recovery.0 as usize) < function.code.len(), "a recovery outside");
    }
    for at in 0..function.code.len().min(BOUNDARIES) {
        let pc = Pc(function.entry.0.wrapping_add(4 * at as u64));
        if let Some(position) = function.position(pc) {
            assert!(position.line > 0, "lines count from 1");
        }
        if let Ok(name) = function.innermost_name(pc) {
            assert!(!name.contains(&0), "a name with a terminator in it");
        }
        let _ = function.preemption(pc);
    }
}

/// Reads bytes as the pc-value programs of a well-formed image, where a fuzzer
/// would seldom get to from outside.
pub fn pctab(bytes: &[u8]) {
    let (mut file, offsets) = pctab_image(bytes.len()).layout();
    let [_, _, _, start, end, _] = offsets.tables;
    // The first byte stands for "no table".
    let Some(table) = file.get_mut(start + 1..end) else { return };
    for (to, from) in table.iter_mut().zip(bytes) {
        *to = *from;
    }
    image(&file);
    scan(&file);
}

/// An image of one function whose `pctab` has room for so many bytes.
fn pctab_image(room: usize) -> GoImage {
    let mut function = GoFunction::new("main.f", &[NOP; 256]);
    // A run takes at least two bytes.
    let runs = (0..room.div_ceil(8).max(8)).map(|run| (1, if run % 2 == 0 { 16 } else { 0 }));
    function.depths = runs.clone().collect();
    function.unsafe_points = runs.clone().map(|(length, _)| (length, -1)).collect();
    function.inline_index = runs.clone().collect();
    function.lines = ("main.go".to_owned(), runs.collect());
    function.inlined = vec!["main.g".to_owned(); 17];
    GoImage::new(24, vec![function])
}

/// Scans an image and writes both reports.
pub fn scan(bytes: &[u8]) {
    let Ok(image) = Image::parse(bytes) else { return };
    let (summary, findings) = scan_image(&image);
    assert_eq!(summary.functions, image.function_count() as u64);
    for finding in &findings {
        assert!(finding.pc >= finding.entry, "a finding before its function");
        assert!(finding.observers.contains(finding.observer), "an observer who does not see");
    }
    for observer in Observer::ALL {
        let seen = findings.iter().any(|finding| finding.observers.contains(observer));
        assert_eq!(summary.verdict(observer) == Verdict::Refuted, seen, "{observer}");
    }
    let found = ScannedImage::new(Path::new("image"), &image, (summary, findings));
    let scanned = Scanned { images: vec![found], ..Scanned::default() };
    let painted = text::scan(&scanned);
    let text = text::plain(&painted);
    let control = text.chars().find(|character| character.is_control() && *character != '\n');
    assert_eq!(control, None, "a control character of the image on the terminal");
    let text = markdown::markdown(&scanned, false);
    let control = text.chars().find(|character| character.is_control() && *character != '\n');
    assert_eq!(control, None, "a control character of the image in Markdown");
    let _ = json::scan(&scanned);
    let _ = serde_json::to_string(&sarif::sarif(&scanned)).expect("a SARIF log");
}

/// Decodes words in the three ways that there are, which have to agree.
pub fn decode(bytes: &[u8]) {
    for &word in Word::slice(bytes) {
        let inst = decode_word(word);
        let branches = direct_branch(word).is_some();
        if Kinds::of(&[word; WORDS]).plain() != 0 {
            let jumps = matches!(
                inst,
                Inst::Branch { .. }
                    | Inst::BranchIf { .. }
                    | Inst::JumpReg { .. }
                    | Inst::Return { .. }
                    | Inst::Trap
                    | Inst::Unknown
            );
            assert!(!jumps && !branches, "{word}: {inst:?} is sorted as plain");
            let effect = a64::sp_effect(&inst);
            assert_eq!(effect, SpEffect::Unchanged, "{word}: {inst:?} is sorted as plain");
        }
        let decoded = matches!(inst, Inst::Branch { .. } | Inst::BranchIf { .. });
        assert_eq!(branches, decoded, "{word}: {inst:?}");
        let syntax = GoSyntax(word).to_string();
        assert!(!syntax.trim().is_empty(), "{word}: {inst:?} has no syntax");
        assert!(!syntax.contains(char::is_control), "{word}: {syntax:?}");
    }
}

/// Checks a function made of the bytes: flags, a recovery, a number of rows,
/// the rows, the words.
pub fn checker(bytes: &[u8]) {
    let Some((&[flags, recovery, count], rest)) = bytes.split_first_chunk() else { return };
    let (encoded, code) = rest.split_at_checked(3 * usize::from(count)).unwrap_or((&[], rest));
    let rows = rows(encoded);
    let words = Word::slice(code);
    let pointer = |address: u64| Some(ENTRY + (address & 0xff) * 4);
    // The image reader only hands on a recovery inside the function.
    let recovery =
        Some(Index(u32::from(recovery))).filter(|at| (1..words.len()).contains(&(at.0 as usize)));
    let function = verifier::Function::new(Pc(ENTRY), words, &rows)
        .with_flags(FuncFlags(flags))
        .with_recovery(recovery)
        .with_surroundings(&pointer);
    let (mut checker, mut report, mut again) = (Checker::new(), Report::new(), Report::new());
    checker.check(&function, &mut report);
    checker.check(&function, &mut again);
    assert_eq!(report, again, "memory of an earlier check shows");
    checker.analyse(&function, &mut again);
    assert_eq!(report, again, "the analysis finds something else than the fast path");
    judge(&report, words);
}

fn judge(report: &Report, words: &[Word]) {
    assert!(report.boundaries as usize <= words.len(), "more boundaries than instructions");
    let inside = |at: Index| at.0 as usize <= words.len();
    for violation in &report.violations {
        assert!(inside(violation.at), "{violation:?}");
        let differs = violation.declared != violation.actual;
        assert!(differs || violation.rule != Rule::SpRow, "{violation:?}");
        assert!(violation.observers.gravest().is_some(), "{violation:?} is seen by nobody");
    }
    assert!(report.undecided.iter().all(|undecided| inside(undecided.at)));
    let unique = report.violations.is_sorted_by(|a, b| (a.at, a.rule) < (b.at, b.rule));
    assert!(unique, "one violation a boundary and rule, in order");
    let nothing = report.violations.is_empty() && report.undecided.is_empty();
    let proved = report.verdict() == Verdict::Proved;
    assert!(!proved || nothing && report.boundaries > 0, "proved in spite of {report:?}");
}

/// Where the function of [`checker`] stands.
const ENTRY: u64 = 0x1_0000;

/// Three bytes a row: the depth in steps of 8, the class, the length.
fn rows(encoded: &[u8]) -> RowTable {
    let mut rows = RowTable::new();
    let (chunks, _) = encoded.as_chunks();
    for &[depth, class, count] in chunks {
        let unsafe_point = UnsafePoint::from_pcdata(-1 - i32::from(class % 5));
        let depth = Depth(i64::from(depth.cast_signed()) * 8);
        let row = Row { depth, unsafe_point: unsafe_point.unwrap_or_default() };
        rows.push(row, u32::from(count));
    }
    rows
}

/// `NOOP`.
const NOP: u32 = 0xd503_201f;

/// `TEXT ·f(SB), NOSPLIT, $65600-0` with a call, as go1.24.3 assembles it
/// (`go tool asm -S`, linux/arm64).
const TWO_STEPS: [u32; 10] = [
    0xd101_43f4,
    0xd140_4294,
    0xa93f_fa9d,
    0x9100_029f,
    0xd100_23fd,
    0x9400_0000,
    0xa97f_fbfd,
    0x9101_43ff,
    0x9140_43ff,
    0xd65f_03c0,
];

/// A function as most are, with a frame of 32 bytes: a global by R27, the pair for
/// DUFFZERO, a branch, morestack: what go1.19 makes of each in Debian 12's dockerd.
const ORDINARY: [u32; 21] = [
    0xf940_0b90,
    0xeb30_63ff,
    0x5400_0209,
    0xf81e_0ffe,
    0xf81f_83fd,
    0xd100_23fd,
    0x9000_001b,
    0xf940_0760,
    0x1000_009b,
    0xa93e_effd,
    0xd100_63fd,
    0x9400_0000,
    0xd100_23fd,
    0xb400_0040,
    0x9400_0000,
    0xa97f_fbfd,
    0x9100_83ff,
    0xd65f_03c0,
    0xaa1e_03e3,
    0x9400_0000,
    0x17ff_ffec,
];

/// Its rows: the depth in steps of 8, the class from -1 downwards, the length.
const ORDINARY_ROWS: [[u8; 3]; 9] = [
    [0, 0, 1],
    [0, 1, 3],
    [4, 0, 2],
    [4, 3, 2],
    [4, 1, 5],
    [4, 0, 4],
    [0, 0, 1],
    [0, 1, 2],
    [0, 0, 1],
];

/// What a fuzzer of this target starts from.
#[must_use]
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    match target {
        "archive" => archives::seeds(),
        "image" | "scan" => images().iter().map(GoImage::bytes).collect(),
        "pctab" => vec![vec![0x20, 1, 0x1f, 4, 0], vec![0x81, 0x80, 4, 3, 0, 1, 2, 0]],
        "decode" => vec![code(&TWO_STEPS)],
        _ => {
            // 4 rows: 0 for 4 instructions, 1016 for 5, 0 for 1, 0 for 1.
            let rows = [0, 0, 4, 0, 4, 0, 4, 127, 0, 5, 0, 0, 1, 0, 1, 1];
            let two_steps = [rows.get(1..).unwrap_or_default(), &code(&TWO_STEPS)].concat();
            let head = [0, 0, ORDINARY_ROWS.len() as u8];
            vec![two_steps, [&head, ORDINARY_ROWS.as_flattened(), &code(&ORDINARY)].concat()]
        }
    }
}

fn code(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Small images: each layout of the tables, each way to link.
fn images() -> Vec<GoImage> {
    let mut two_steps = GoFunction::new("main.two", &TWO_STEPS);
    two_steps.depths = vec![(4, 0), (5, 65616), (1, 0)];
    two_steps.unsafe_points = vec![(3, -1), (1, -2), (6, -1)];
    two_steps.lines = ("main.go".to_owned(), vec![(6, 3), (4, 5)]);
    two_steps.inlined = vec!["runtime.inlined".to_owned(), "main.inlined".to_owned()];
    two_steps.inline_index = vec![(5, -1), (2, 0), (3, 1)];
    let assembly = GoFunction { name: "main.asm".to_owned(), flags: 4, ..two_steps.clone() };
    let clean = GoFunction::new("main.clean", &[NOP, 0xd65f_03c0]);
    let functions = vec![clean, two_steps, assembly];
    let release = |release| GoImage::new(release, functions.clone());
    let linked = |linking| GoImage { linking, ..release(24) };
    let stripped = GoImage { sections: false, buildinfo: false, ..release(25) };
    let bare = GoImage { moduledata: false, ..stripped.clone() };
    let contained = |container| GoImage { container, ..linked(Linking::Rela) };
    [16, 18, 20, 24, 26, 27]
        .map(release)
        .into_iter()
        .chain([linked(Linking::Rela), linked(Linking::Relr), stripped, bare])
        .chain([Container::MachO, Container::Pe].map(contained))
        .collect()
}
