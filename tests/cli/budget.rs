//! `midframe budget`: files, flags, statuses and both forms of output. The figures are
//! counted by hand from the instructions beside the words, which are GNU as's (binutils
//! 2.40); `tests/budget` holds figures of compiled code against a machine.

use crate::fixtures::{Files, clean, image, two_steps};
use crate::support::{args, check_error, json, list, midframe};
use object::write::{Object, Relocation, Symbol, SymbolSection};
use object::{Architecture, BinaryFormat, Endianness, RelocationFlags, SymbolFlags};
use object::{SymbolKind, SymbolScope, elf};

/// `sub x10, sp, #0x2, lsl #12; str xzr, [x10, #4080]; ret`: 4112 bytes.
const PROBE: &[u32] = &[0xd140_0bea, 0xf907_f95f, 0xd65f_03c0];

/// `str xzr, [sp, #-104]; ret`
const SMALL: &[u32] = &[0xf819_83ff, 0xd65f_03c0];

/// `stp x29, x30, [sp, #-32]!; bl; ldp x29, x30, [sp], #32; ret`: the call is a
/// relocation's.
const CALLER: &[u32] = &[0xa9be_7bfd, 0x9400_0000, 0xa8c2_7bfd, 0xd65f_03c0];

/// `blr x1; ret`
const INDIRECT: &[u32] = &[0xd63f_0020, 0xd65f_03c0];

/// Functions with their names, and what each of them calls at its second word.
fn object(functions: &[(&str, &[u32], Option<&str>)]) -> Vec<u8> {
    let mut object = Object::new(BinaryFormat::Elf, Architecture::Aarch64, Endianness::Little);
    let text = object.section_id(object::write::StandardSection::Text);
    let symbol = |name: &str, section, size| Symbol {
        name: name.as_bytes().to_vec(),
        value: 0,
        size,
        kind: SymbolKind::Text,
        scope: SymbolScope::Linkage,
        weak: false,
        section,
        flags: SymbolFlags::None,
    };
    for (name, words, _) in functions {
        let code: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let size = code.len() as u64;
        let id = object.add_symbol(symbol(name, SymbolSection::Section(text), size));
        object.add_symbol_data(id, text, &code, 16);
    }
    for (name, _, called) in functions {
        let Some(called) = called else { continue };
        let caller = object.symbol_id(name.as_bytes()).expect("a function");
        let target = object.symbol_id(called.as_bytes());
        let target = target
            .unwrap_or_else(|| object.add_symbol(symbol(called, SymbolSection::Undefined, 0)));
        let offset = object.symbol(caller).value + 4;
        let flags = RelocationFlags::Elf { r_type: elf::R_AARCH64_CALL26 };
        let relocation = Relocation { offset, symbol: target, addend: 0, flags };
        object.add_relocation(text, relocation).expect("a relocation");
    }
    object.write().expect("an object")
}

fn specimen(files: &Files) -> String {
    let functions: [(&str, &[u32], Option<&str>); 5] = [
        ("probe", PROBE, None),
        ("small", SMALL, None),
        ("caller", CALLER, Some("small")),
        ("leaves", CALLER, Some("memcpy")),
        ("indirect", INDIRECT, None),
    ];
    files.write("specimen.o", object(&functions))
}

/// The figure of a function decides at one byte less, at itself, and at one more.
#[test]
fn the_status_turns_at_the_figure() {
    let files = Files::new();
    let file = specimen(&files);
    for (name, figure) in [("probe", 4112), ("small", 104), ("caller", 32 + 104)] {
        for (bytes, status) in [(figure - 1, 1), (figure, 0), (figure + 1, 0)] {
            let line = format!("budget {file} --function {name} --bytes {bytes}");
            let run = midframe(&args(&line));
            assert_eq!(run.status, status, "{line}: {}", run.stdout);
            let verdict = if status == 1 { "exceeds" } else { "within" };
            assert!(run.stdout.contains(&format!("{name}  {verdict}: ")), "{}", run.stdout);
        }
    }
    // Sizes as everywhere.
    let run = midframe(&args(&format!("budget {file} --function probe --bytes 4KiB+16")));
    assert_eq!(run.status, 0, "{}", run.stdout);
}

#[test]
fn the_text_says_where_and_why() {
    let files = Files::new();
    let file = specimen(&files);
    let run = midframe(&args(&format!("budget {file} --bytes 104")));
    assert_eq!(run.status, 1);
    let lines: Vec<_> = run.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    let has = |expected: &str| {
        let expected: Vec<_> = expected.split_whitespace().collect();
        assert!(lines.contains(&expected), "{expected:?} in {}", run.stdout);
    };
    has("probe exceeds: 4,112 bytes");
    has("0x4 (+0x04) MOVD ZR, 4080(R10) probe the deepest byte");
    has("caller exceeds: 136 bytes");
    has("0x24 (+0x04) CALL 0(PC) caller SP 32 below entry");
    has("0x10 (+0x00) MOVD ZR, -104(RSP) small the deepest byte");
    has("leaves undecided: at least 32 bytes");
    has("0x34 (+0x04) CALL 0(PC) leaves leaves-image: memcpy");
    has("indirect undecided: at least 0 bytes");
    has("exceeded: 2; undecided: 2; within the budget: 1, the most 104 bytes");
}

#[test]
fn the_document_has_every_function() {
    let files = Files::new();
    let file = specimen(&files);
    let run = midframe(&args(&format!("budget {file} --bytes 104 --format json --jobs 1")));
    assert_eq!(run.status, 1);
    let document = json(&run);
    let functions: Vec<_> = list(&document["functions"])
        .iter()
        .map(|function| {
            (
                function["function"].as_str().expect("a name"),
                function["verdict"].as_str().expect("a verdict"),
                function["deepest"].as_u64(),
                function["at_least"].as_u64().expect("a figure"),
            )
        })
        .collect();
    let expected = [
        ("probe", "exceeds", Some(4112), 4112),
        ("small", "within", Some(104), 104),
        ("caller", "exceeds", Some(136), 136),
        ("leaves", "undecided", None, 32),
        ("indirect", "undecided", None, 0),
    ];
    assert_eq!(functions, expected);
    assert_eq!(document["totals"]["undecided"], 2);
    assert_eq!(list(&document["functions"][3]["undecided"])[0]["target"], "memcpy");
    assert_eq!(list(&document["functions"][2]["chain"])[0]["depth"], 32);
}

/// What is asked for decides, and nothing else: the file has worse.
#[test]
fn functions_are_asked_for_by_name() {
    let files = Files::new();
    let file = specimen(&files);
    let line = format!("budget {file} --bytes 200 --function small --function caller");
    assert_eq!(midframe(&args(&line)).status, 0);
    let line = format!("budget {file} --bytes 200 --function small --function indirect");
    assert_eq!(midframe(&args(&line)).status, 3);
    let line = format!("budget {file} --bytes 4 --function indirect");
    assert_eq!(midframe(&args(&line)).status, 3);
}

/// Functions of Go come from Go's table: `two_steps` has the frame of the report, 65616
/// bytes, with the call of morestack that comes with it.
#[test]
fn functions_of_go() {
    let files = Files::new();
    let go = image(&[clean("main.clean"), two_steps("main.large")]).bytes();
    let file = files.write("program", go);
    let run = midframe(&args(&format!("budget {file} --bytes 0 --function main.clean")));
    assert_eq!(run.status, 0, "{}", run.stdout);
    let run = midframe(&args(&format!("budget {file} --bytes 104 --function main.large")));
    assert_ne!(run.status, 0, "{}", run.stdout);
}

#[test]
fn wrong_usage_and_wrong_files() {
    let files = Files::new();
    let file = specimen(&files);
    check_error(&args(&format!("budget {file}")), &["--bytes"]);
    check_error(&args(&format!("budget {file} --bytes many")), &["many", "size in bytes"]);
    check_error(&args(&format!("budget {file} --bytes -1")), &["-1", "size in bytes"]);
    check_error(&args(&format!("budget {file} --bytes 1 --jobs 0")), &["0 is not a number"]);
    let line = format!("budget {file} --bytes 1 --function absent");
    check_error(&args(&line), &["there is no function \"absent\""]);
    let missing = files.path("missing").display().to_string();
    check_error(&args(&format!("budget {missing} --bytes 1")), &["missing", "cannot be read"]);
    let text = files.write("text", "not an image");
    check_error(&args(&format!("budget {text} --bytes 1")), &["text"]);
    let empty = files.write("empty.o", object(&[]));
    check_error(&args(&format!("budget {empty} --bytes 1")), &["has no functions"]);
    // Cut off anywhere, it is an error or a smaller file, never a panic.
    let whole = std::fs::read(&file).expect("the object");
    for length in (0..whole.len()).step_by(7) {
        let cut = files.write("cut.o", &whole[..length]);
        let run = midframe(&args(&format!("budget {cut} --bytes 104")));
        assert!(run.status >= 1, "{length}: {run:?}");
    }
}
