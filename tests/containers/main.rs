//! The image reader against real programs: what toolchains and linkers make for
//! every container, held against the Go standard library, the linker's symbols
//! and the linker's DWARF. Needs the feature `toolchains`, a cross compiler
//! (`gcc-aarch64-linux-gnu`) and `llvm-dwarfdump`.

mod build;
mod foreign;
mod frames;
mod reference;

use build::{Build, Built};
use frames::Frames;
use image::{Container, Error, Function, Image, Os};
use reference::Reference;
use std::collections::{BTreeMap, BTreeSet};
use unwind::{Index, Pc, RowTable};
use xtask::toolchain::Toolchain;

/// A row as it is compared: the depth and the unsafe-point class.
type Rows = Vec<(u32, i64, i32)>;

/// What a comparison counted.
#[derive(Default)]
struct Counts {
    functions: usize,
    boundaries: usize,
    same: usize,
    other_code: usize,
}

#[test]
fn go1_19() {
    toolchain("1.19.8");
}

#[test]
fn go1_21() {
    toolchain("1.21.13");
}

#[test]
fn go1_24() {
    toolchain("1.24.3");
}

#[test]
fn go1_27() {
    toolchain("1.27.3");
}

/// Every way that a toolchain has to ship a program.
fn toolchain(version: &str) {
    let toolchain = Toolchain::install(version).expect("an installed toolchain");
    let reference = Reference::install().expect("the reader of the standard library");
    let mut plain = BTreeMap::new();
    // go1.19 has no such mode for windows/arm64.
    let is_had = |build: &Build| version != "1.19.8" || build.name != "windows-pie";
    for build in Build::ALL.into_iter().filter(is_had) {
        let built = build.make(&toolchain).expect("a program");
        let bytes = std::fs::read(&built.file).expect("a file");
        let image = Image::parse(&bytes).unwrap_or_else(|error| panic!("{}: {error}", build.name));
        about(&image, &build, &toolchain.version);
        let mut counts = Counts::default();
        // For darwin, -s leaves the symbols up to go1.21.
        let is_old = ["go1.19.8", "go1.21.13"].contains(&&*toolchain.version);
        let is_unnamed = build.is_unnamed() && !(is_old && build.goos == "darwin");
        functions(&image, &built, is_unnamed, &reference, &mut counts);
        if build.frames {
            depths(&image, &built, &mut counts);
        }
        if plain.is_empty() {
            plain = all_rows(&image);
        }
        same_rows(&image, &plain, &mut counts);
        println!(
            "{} {}: {} functions; {} boundaries as in DWARF; {} functions with the rows of the \
             plain program, {} of other code",
            toolchain.version,
            build.name,
            counts.functions,
            counts.boundaries,
            counts.same,
            counts.other_code
        );
    }
}

/// What the file says of itself.
fn about(image: &Image<'_>, build: &Build, version: &str) {
    let container = match build.goos {
        "darwin" => Container::MachO,
        "windows" => Container::Pe,
        _ => Container::Elf,
    };
    assert_eq!(image.container(), container, "{}", build.name);
    assert_eq!(image.os().map(Os::goos), Some(build.goos), "{}", build.name);
    // go1.19 leaves the build information out of plugins.
    let says = !(version.starts_with("go1.19") && build.name.starts_with("plugin"));
    let expected = |text| says.then_some(text);
    assert_eq!(image.go_version(), expected(version), "{}", build.name);
    assert_eq!(image.main_module(), expected("example.com/specimen"), "{}", build.name);
    assert_eq!(image.main_package(), expected("example.com/specimen"), "{}", build.name);
    assert!(image.has_inline_trees(), "{}", build.name);
}

/// Entries, ends, names and lines are those of the standard library, and the entries
/// are the linker's symbols: all of them, and no others.
fn functions(
    image: &Image<'_>,
    built: &Built,
    is_unnamed: bool,
    reference: &Reference,
    counts: &mut Counts,
) {
    let (expected, symbols) = reference.read(&built.file, &built.named).expect("functions");
    let found: Vec<_> = (0..image.function_count())
        .map(|index| described(&image.function(index).expect("a function")))
        .collect();
    assert!(found.len() > 1000, "{}", built.file.display());
    assert_eq!(found.len(), expected.len(), "{}", built.file.display());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected, "{}", built.file.display());
    }
    let entries: BTreeSet<u64> = found.iter().map(|function| function.entry).collect();
    if is_unnamed {
        assert!(symbols.is_empty(), "{}", built.file.display());
    } else {
        assert_eq!(entries, symbols, "{}", built.file.display());
    }
    counts.functions = found.len();
}

fn described(function: &Function<'_>) -> reference::Described {
    let entry = function.entry.0;
    let position = function.position(Pc(entry));
    let position = position.map(|at| format!("{}:{}", String::from_utf8_lossy(at.file), at.line));
    reference::Described {
        entry,
        instructions: function.code.len() as u64,
        position,
        name: String::from_utf8_lossy(function.name()).into_owned(),
    }
}

/// Each depth is what the linker's DWARF says at that boundary.
fn depths(image: &Image<'_>, built: &Built, counts: &mut Counts) {
    let frames = Frames::read(&built.named).expect("DWARF");
    let mut table = RowTable::new();
    for index in 0..image.function_count() {
        let function = image.function(index).expect("a function");
        match function.rows(&mut table) {
            Ok(()) => {}
            Err(Error::NoStackTable { .. }) => continue,
            Err(error) => panic!("{error}"),
        }
        let Some(frame) = frames.of(function.entry.0) else {
            assert!(function.code.is_empty(), "no frame at {}", function.entry);
            continue;
        };
        for at in (0..).map(Index).take_while(|at| function.entry.0 + at.offset() < frame.end) {
            let depth = table.row(at).map(|row| row.depth.0);
            let expected = frame.depth(function.entry.0 + at.offset());
            let name = String::from_utf8_lossy(function.name());
            assert_eq!(depth, expected, "{name} +{:#x}: {}", at.offset(), built.file.display());
            counts.boundaries += 1;
        }
    }
    assert!(counts.boundaries > 100_000, "{}", built.file.display());
}

/// The shapes of the words and the rows of all functions that have some, by name. A
/// name that several functions have stands for none.
fn all_rows(image: &Image<'_>) -> BTreeMap<Vec<u8>, Option<(Vec<u32>, Rows)>> {
    let mut all = BTreeMap::new();
    let mut table = RowTable::new();
    for index in 0..image.function_count() {
        let function = image.function(index).expect("a function");
        if function.rows(&mut table).is_ok() {
            let of = |span: &unwind::Span| {
                (span.start.0, span.row.depth.0, span.row.unsafe_point.pcdata())
            };
            let rows: Rows = table.spans().iter().map(of).collect();
            let shapes = function.code.iter().map(|word| shape(word.get())).collect();
            let name = function.name().to_vec();
            all.entry(name).and_modify(|known| *known = None).or_insert(Some((shapes, rows)));
        }
    }
    all
}

/// A word without the parts that a linker fills in (Arm ARM, C4.1: `B` and `BL`, `ADR`
/// and `ADRP`, `ADD` of an immediate, loads and stores at an unsigned offset).
fn shape(word: u32) -> u32 {
    if word & 0x7c00_0000 == 0x1400_0000 {
        word & 0xfc00_0000
    } else if word & 0x1f00_0000 == 0x1000_0000 {
        word & 0x9f00_001f
    } else if word & 0x7f80_0000 == 0x1100_0000 || word & 0x3b00_0000 == 0x3900_0000 {
        word & !(0xfff << 10)
    } else {
        word
    }
}

/// The compiler made the same code for most functions, and the same tables. The others
/// were compiled otherwise: for another system, or to be moved.
fn same_rows(
    image: &Image<'_>,
    plain: &BTreeMap<Vec<u8>, Option<(Vec<u32>, Rows)>>,
    counts: &mut Counts,
) {
    for (name, rows) in all_rows(image) {
        let (Some(rows), Some(Some(plain))) = (rows, plain.get(&name)) else { continue };
        if name.starts_with(b"type:") {
            // Each package has its copy, and those of the runtime's are unsafe points
            // throughout: the linker takes one of them.
            continue;
        }
        if rows.0 == plain.0 {
            assert_eq!(rows.1, plain.1, "{}", String::from_utf8_lossy(&name));
            counts.same += 1;
        } else {
            counts.other_code += 1;
        }
    }
    assert!(counts.same > 500, "{} functions are the same", counts.same);
}
