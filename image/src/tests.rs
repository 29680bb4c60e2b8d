//! Tests of the reader on images that `testing` writes.
//!
//! What is expected comes from the Go toolchain where a comment says so, else
//! from the images' own description.

mod buildinfo;
mod containers;
mod go116;
mod hostile;
mod kinds;
mod objects;
mod pointers;

use crate::testing::{BASE, GoFunction, GoImage, Linking};
use crate::{Container, Error, Image, PcTableRule};
use unwind::{Depth, FuncFlags, Index, NotPreemptible, Pc, Preemption, Release, RowTable};

/// The first function of the source below, as the assembler of go1.24.3 makes
/// it (`go tool asm -d pctab=pctospadj`, words by `go tool objdump`):
/// ```text
/// TEXT ·f(SB), $65592-0
///     MOVD $0, R0
///     CALL ·g(SB)
///     RET
/// ```
fn large_frame() -> GoFunction {
    GoFunction {
        depths: vec![(10, 0), (6, 65616), (4, 0)],
        unsafe_points: vec![(1, -1), (5, -2), (3, -1), (1, -2), (7, -1), (2, -2), (1, -1)],
        lines: ("f.s".to_owned(), vec![(11, 2), (1, 3), (1, 4), (4, 5), (3, 2)]),
        ..GoFunction::new("main.f", &[0xd503_201f; 20])
    }
}

/// A function with two calls inlined, one inside the other.
fn inlining() -> GoFunction {
    GoFunction {
        inlined: vec!["runtime.outer".to_owned(), "strings.inner".to_owned()],
        inline_index: vec![(1, -1), (2, 0), (1, 1), (2, -1)],
        depths: vec![(1, 0), (5, 32)],
        ..GoFunction::new("main.inlining", &[1, 2, 3, 4, 5, 6])
    }
}

fn functions() -> Vec<GoFunction> {
    vec![large_frame(), inlining(), GoFunction::new("main.leaf", &[0xd65f_03c0])]
}

fn rows(image: &Image<'_>, index: usize) -> Result<RowTable, Error> {
    let mut table = RowTable::new();
    image.function(index)?.rows(&mut table)?;
    Ok(table)
}

fn name(image: &Image<'_>, index: usize, boundary: u64) -> Result<String, Error> {
    let function = image.function(index)?;
    let name = function.innermost_name(Pc(function.entry.0 + boundary * 4))?;
    Ok(String::from_utf8_lossy(name).into_owned())
}

/// Every way to put an image into a file, of one release.
fn ways(release: u16) -> Vec<GoImage> {
    let mut ways = Vec::new();
    for container in [Container::Elf, Container::MachO, Container::Pe] {
        for linking in [Linking::Fixed, Linking::Rela, Linking::Relr] {
            for sections in [true, false] {
                let foreign_text = vec![0; 48];
                let image = GoImage::new(release, functions());
                ways.push(GoImage { container, linking, sections, foreign_text, ..image });
            }
        }
    }
    ways
}

/// How many [`variants`] there are.
const VARIANTS: usize = 12 * 18;

/// Every variant of an image that can be read.
fn variants() -> Vec<GoImage> {
    (16..=27).flat_map(ways).collect()
}

#[test]
fn every_layout_reads_the_same() -> Result<(), Error> {
    let variants = variants();
    assert_eq!(variants.len(), VARIANTS);
    for variant in variants {
        let (bytes, at) = variant.layout();
        let image = Image::parse(&bytes)?;
        assert_eq!(image.container(), variant.container);
        assert_eq!(image.architecture(), "arm64");
        let version = format!("go1.{}.1", variant.release);
        assert_eq!(image.go_version(), Some(version.as_str()));
        assert_eq!(image.release(), Some(Release(variant.release)));
        assert_eq!(image.function_count(), 3);
        assert!(image.has_inline_trees());
        let mut entry = BASE + at.text as u64;
        for (index, expected) in variant.functions.iter().enumerate() {
            let function = image.function(index)?;
            assert_eq!(function.name(), expected.name.as_bytes());
            assert_eq!(function.entry, Pc(entry));
            let words: Vec<u32> = function.code.iter().map(|word| word.get()).collect();
            assert_eq!(words, expected.words);
            entry += words.len() as u64 * 4;
        }
        let inner = [0, 1, 2, 3, 4].map(|boundary| name(&image, 1, boundary));
        let expected = ["main.inlining", "runtime.outer", "runtime.outer", "strings.inner"];
        for (found, expected) in inner.into_iter().zip(expected.into_iter().chain([expected[0]])) {
            assert_eq!(found?, expected, "{version}");
        }
    }
    Ok(())
}

// Expectations: the listing of `go tool asm` for `large_frame`.
#[test]
fn rows_merge_depths_and_unsafe_points() -> Result<(), Error> {
    let bytes = GoImage::new(24, functions()).bytes();
    let table = rows(&Image::parse(&bytes)?, 0)?;
    let expected: [(u32, i64, i32); 20] = [
        (0x00, 0, -1),
        (0x04, 0, -2),
        (0x08, 0, -2),
        (0x0c, 0, -2),
        (0x10, 0, -2),
        (0x14, 0, -2),
        (0x18, 0, -1),
        (0x1c, 0, -1),
        (0x20, 0, -1),
        (0x24, 0, -2),
        (0x28, 65616, -1),
        (0x2c, 65616, -1),
        (0x30, 65616, -1),
        (0x34, 65616, -1),
        (0x38, 65616, -1),
        (0x3c, 65616, -1),
        (0x40, 0, -1),
        (0x44, 0, -2),
        (0x48, 0, -2),
        (0x4c, 0, -1),
    ];
    for (offset, depth, class) in expected {
        let row = table.row(Index(offset / 4)).map(|row| (row.depth, row.unsafe_point.pcdata()));
        assert_eq!(row, Some((Depth(depth), class)), "at +{offset:#x}");
    }
    assert_eq!(table.end(), Index(20));
    assert_eq!(table.spans().len(), 8);
    Ok(())
}

#[test]
fn without_unsafe_points_all_boundaries_are_safe() -> Result<(), Error> {
    let bytes = GoImage::new(27, functions()).bytes();
    let table = rows(&Image::parse(&bytes)?, 1)?;
    let spans: Vec<_> = table.spans().iter().map(|span| (span.start.0, span.row.depth.0)).collect();
    assert_eq!(spans, [(0, 0), (1, 32)]);
    assert!(table.spans().iter().all(|span| span.row.unsafe_point.pcdata() == -1));
    Ok(())
}

#[test]
fn rows_may_end_before_the_code() -> Result<(), Error> {
    let function = GoFunction { depths: vec![(2, 0)], ..GoFunction::new("main.f", &[1, 2, 0, 0]) };
    let bytes = GoImage::new(24, vec![function]).bytes();
    assert_eq!(rows(&Image::parse(&bytes)?, 0)?.end(), Index(2));
    Ok(())
}

#[test]
fn a_function_without_pcsp_says_so() -> Result<(), Error> {
    let function = GoFunction { depths: vec![], ..GoFunction::new("go:textfipsstart", &[0; 4]) };
    let bytes = GoImage::new(24, vec![function]).bytes();
    let image = Image::parse(&bytes)?;
    let entry = image.function(0)?.entry;
    assert_eq!(rows(&image, 0), Err(Error::NoStackTable { entry }));
    Ok(())
}

// go1.24.3 to go1.27.3 end the text with `go:textfipsend`, of one byte
// (`readelf -s` of an ordinary program).
#[test]
fn the_text_may_end_inside_a_word() -> Result<(), Error> {
    let (mut bytes, at) = GoImage::new(24, functions()).layout();
    let sentinel = at.tables[4] + 3 * 8;
    let end = u32::from_le_bytes([bytes[sentinel], bytes[sentinel + 1], 0, 0]);
    bytes[sentinel..sentinel + 4].copy_from_slice(&(end - 3).to_le_bytes());
    assert_eq!(Image::parse(&bytes)?.function(2)?.code, []);
    Ok(())
}

#[test]
fn positions_are_those_of_the_tables() -> Result<(), Error> {
    let bytes = GoImage::new(19, functions()).bytes();
    let image = Image::parse(&bytes)?;
    let function = image.function(0)?;
    for (boundary, line) in [(0, 2), (10, 2), (11, 3), (12, 4), (13, 5), (16, 5), (17, 2)] {
        let position = function.position(Pc(function.entry.0 + boundary * 4));
        assert_eq!(position.map(|at| (at.file, at.line)), Some((&b"f.s"[..], line)));
    }
    for outside in [function.entry.0 - 4, function.entry.0 + 2, function.entry.0 + 80] {
        assert_eq!(function.position(Pc(outside)), None);
        let missing = Error::NoSuchBoundary { pc: Pc(outside), entry: function.entry };
        assert_eq!(function.innermost_name(Pc(outside)), Err(missing));
    }
    assert_eq!(image.function(1)?.position(image.function(1)?.entry), None);
    Ok(())
}

#[test]
fn preemption_follows_the_innermost_function() -> Result<(), Error> {
    let mut all = functions();
    all.push(GoFunction { flags: 4, ..GoFunction::new("main.asm", &[1]) });
    all.push(GoFunction { pointer_maps: false, ..GoFunction::new("main.maps", &[1]) });
    let bytes = GoImage::new(24, all).bytes();
    let image = Image::parse(&bytes)?;
    let function = image.function(1)?;
    let at = |boundary: u64| function.preemption(Pc(function.entry.0 + boundary * 4));
    let runtime = Preemption::Never(NotPreemptible::RuntimePackage);
    assert_eq!([at(0)?, at(1)?, at(3)?], [Preemption::Async, runtime, Preemption::Async]);
    assert_eq!(function.function_preemption(), Preemption::Async);
    let (asm, maps) = (image.function(3)?, image.function(4)?);
    assert_eq!(asm.flags, FuncFlags::ASM);
    assert_eq!(asm.function_preemption(), Preemption::Never(NotPreemptible::Assembly));
    assert!(!maps.has_locals_pointer_maps());
    assert_eq!(maps.function_preemption(), Preemption::Never(NotPreemptible::NoPointerMaps));
    Ok(())
}

#[test]
fn without_moduledata_the_header_has_the_text_before_go1_26() -> Result<(), Error> {
    for release in 16..=27 {
        for sections in [true, false] {
            let image = GoImage::new(release, functions());
            let (bytes, at) = GoImage { moduledata: false, sections, ..image }.layout();
            let image = Image::parse(&bytes);
            if release >= 26 {
                let address = BASE + at.pclntab as u64;
                assert_eq!(image.err(), Some(Error::NoTextStart { address }));
            } else {
                let image = image?;
                // The trees of go1.16 and go1.17 are at addresses.
                assert_eq!(image.has_inline_trees(), release < 18);
                let innermost = if release < 18 { "strings.inner" } else { "main.inlining" };
                assert_eq!(name(&image, 1, 3)?, innermost);
            }
        }
    }
    Ok(())
}

// A program may carry another one as data, table and all.
#[test]
fn a_carried_table_is_not_the_programs_own() -> Result<(), Error> {
    let linked = [Linking::Fixed, Linking::Rela].map(|linking| [(linking, true), (linking, false)]);
    for (linking, moduledata) in linked.into_iter().flatten() {
        let (other, at) = GoImage::new(24, vec![GoFunction::new("other.f", &[7])]).layout();
        let foreign_text = other[at.pclntab..at.tables[5]].to_vec();
        let image = GoImage { linking, sections: false, ..GoImage::new(24, functions()) };
        let bytes = GoImage { foreign_text, moduledata, ..image }.bytes();
        if moduledata {
            assert_eq!(Image::parse(&bytes)?.function(0)?.name(), b"main.f");
        } else {
            assert!(matches!(Image::parse(&bytes), Err(Error::AmbiguousTable { .. })));
        }
    }
    Ok(())
}

// Section headers are hints: pointing at the carried table, they do not win.
#[test]
fn a_section_does_not_make_a_carried_table_the_programs_own() -> Result<(), Error> {
    let (other, at) = GoImage::new(24, vec![GoFunction::new("other.f", &[7])]).layout();
    let foreign_text = other[at.pclntab..at.tables[5]].to_vec();
    let image = GoImage { foreign_text, ..GoImage::new(24, functions()) };
    let (mut bytes, at) = image.layout();
    let address = (BASE + at.pclntab as u64).to_le_bytes();
    let field = bytes.windows(8).rposition(|window| window == address).ok_or(Error::Empty)?;
    // The foreign text is right behind the headers.
    let carried = bytes.windows(8).position(|window| window == [0xf1, 255, 255, 255, 0, 0, 4, 8]);
    let carried = BASE + carried.ok_or(Error::Empty)? as u64;
    assert!(field > at.end);
    bytes[field..field + 8].copy_from_slice(&carried.to_le_bytes());
    assert_eq!(Image::parse(&bytes)?.function(0)?.name(), b"main.f");
    Ok(())
}

#[test]
fn a_bad_class_is_named_with_its_value() -> Result<(), Error> {
    let unsafe_points = vec![(1, -6)];
    let function = GoFunction { unsafe_points, ..GoFunction::new("main.f", &[1]) };
    let (bytes, at) = GoImage::new(24, vec![function]).layout();
    // Behind the byte for offset 0 and the depths' program of three bytes.
    let address = BASE + at.tables[3] as u64 + 4;
    assert_eq!(rows(&Image::parse(&bytes)?, 0), Err(Error::UnsafePoint { address, value: -6 }));
    Ok(())
}

#[test]
fn contradictory_runs_are_refused() -> Result<(), Error> {
    let depths = |depths| GoFunction { depths, ..GoFunction::new("main.f", &[1, 2]) };
    let classes =
        |unsafe_points| GoFunction { unsafe_points, ..GoFunction::new("main.f", &[1, 2]) };
    for (function, rule) in [
        (depths(vec![(3, 0)]), PcTableRule::InFunction),
        (depths(vec![(1, 0), (0, 16), (1, 0)]), PcTableRule::Progress),
        (depths(vec![(1, 0), (u32::MAX, 16)]), PcTableRule::InFunction),
        (classes(vec![(1, -2)]), PcTableRule::SameEnd),
        (classes(vec![(1, -1), (2, -2)]), PcTableRule::InFunction),
    ] {
        let bytes = GoImage::new(24, vec![function]).bytes();
        match rows(&Image::parse(&bytes)?, 0) {
            Err(Error::PcTable { expected, .. }) => assert_eq!(expected, rule),
            other => panic!("expected {rule:?}, found {other:?}"),
        }
    }
    let shorter = GoFunction { depths: vec![(1, 0)], ..classes(vec![(2, -2)]) };
    let bytes = GoImage::new(24, vec![shorter]).bytes();
    let rule = PcTableRule::SameEnd;
    assert!(matches!(
        rows(&Image::parse(&bytes)?, 0),
        Err(Error::PcTable { expected, .. }) if expected == rule
    ));
    Ok(())
}
