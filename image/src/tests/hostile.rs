//! Files that are damaged, of another kind, or made to mislead.

use super::{VARIANTS, functions, variants};
use crate::testing::{BASE, GoFunction, GoImage, Linking};
use crate::{Error, Image};
use proptest::prelude::*;
use unwind::{Pc, RowTable};

/// Everything that a reader of an image calls.
fn walk(bytes: &[u8]) -> Result<Vec<(Pc, Vec<u8>, RowTable)>, Error> {
    let image = Image::parse(bytes)?;
    let mut table = RowTable::new();
    let mut functions = Vec::new();
    for index in 0..image.function_count() {
        let Ok(function) = image.function(index) else { continue };
        for boundary in 0..function.code.len() as u64 {
            let pc = Pc(function.entry.0 + boundary * 4);
            let _ = function.position(pc);
            let _ = function.preemption(pc);
            let _ = image.pointer(pc.0);
        }
        if function.rows(&mut table).is_ok() {
            functions.push((function.entry, function.name().to_vec(), table.clone()));
        }
    }
    Ok(functions)
}

fn error(bytes: &[u8]) -> String {
    Image::parse(bytes).map_or_else(|error| error.to_string(), |_| "no error".to_owned())
}

/// The image with some bytes replaced.
fn patched(image: &GoImage, at: usize, patch: &[u8]) -> Vec<u8> {
    let mut bytes = image.bytes();
    bytes[at..at + patch.len()].copy_from_slice(patch);
    bytes
}

#[test]
fn other_files_are_called_by_their_kind() {
    let image = GoImage::new(24, functions());
    let magics = "expected the magic of ELF (7f 45 4c 46), Mach-O (cf fa ed fe) or PE (4d 5a)";
    assert_eq!(error(b""), "empty file: expected an ELF, Mach-O or PE executable");
    assert_eq!(
        error(b"#!/bin/sh\n"),
        format!("not an executable: {magics} at offset 0, found 23 21 2f 62")
    );
    assert_eq!(error(b"\xcf\xfa"), format!("not an executable: {magics} at offset 0, found cf fa"));
    assert_eq!(
        error(b"\x7fELF\x02\x01"),
        "truncated file: the ELF header at offset 0x0 needs 64 bytes, but the file ends at 0x6"
    );
    assert_eq!(
        error(&patched(&image, 4, &[1])),
        "not a 64-bit ELF file: expected class 2 at offset 4, found 1"
    );
    assert_eq!(
        error(&patched(&image, 5, &[2])),
        "not a little-endian ELF file: expected data encoding 1 at offset 5, found 2"
    );
    assert_eq!(
        error(&patched(&image, 18, &[62])),
        "not an arm64 executable: expected ELF machine 183 at offset 0x12, found 62 (x86-64)"
    );
    assert_eq!(
        error(&patched(&image, 16, &[4])),
        "not an executable: expected ELF type 1, 2 or 3 at offset 0x10, found 4 (core dump)"
    );
    assert_eq!(
        error(&patched(&image, 54, &[32])),
        "unknown program header table at offset 0x36: expected entries of 56 bytes, found 32"
    );
}

#[test]
fn programs_without_a_table_of_ours_are_refused() {
    for sections in [true, false] {
        let image = GoImage { sections, ..GoImage::new(24, functions()) };
        let at = image.layout().1.pclntab;
        let address = BASE + at as u64;
        let found = error(&patched(&image, at, &[0]));
        let none = "no Go function table (pclntab) in any loadable segment: not a Go program";
        let header = format!(
            "contradictory pclntab header at address {address:#x}: \
             expected the magic fffffffa, fffffff0 or fffffff1"
        );
        assert_eq!(found, if sections { header } else { none.to_owned() });
        assert_eq!(
            error(&patched(&image, at, &[0xfb])),
            format!(
                "pclntab at address {address:#x}: the layout of go1.2 to go1.15 is not supported; \
                 supported: go1.16 and later"
            )
        );
    }
}

#[test]
fn a_truncated_file_never_reads_wrongly() {
    for linking in [Linking::Fixed, Linking::Rela, Linking::Relr] {
        for sections in [true, false] {
            let image = GoImage { linking, sections, ..GoImage::new(24, functions()) };
            let (bytes, at) = image.layout();
            let whole = walk(&bytes);
            assert_eq!(whole.as_ref().map(Vec::len), Ok(3));
            for length in 0..bytes.len() {
                let found = walk(&bytes[..length]);
                // Behind the segments are only section headers: hints.
                assert_eq!(found.is_ok(), length >= at.end, "{length}");
                assert!(found.is_err() || found == whole, "{length}");
            }
        }
    }
}

#[test]
fn segments_must_not_overlap() {
    let image = GoImage::new(24, functions());
    // The address of the second segment becomes that of the first.
    let bytes = patched(&image, 64 + 56 + 16, &BASE.to_le_bytes());
    assert_eq!(Image::parse(&bytes).err(), Some(Error::SegmentOverlap { address: BASE }));
    let bytes = patched(&image, 64 + 56 + 16, &u64::MAX.to_le_bytes());
    assert_eq!(Image::parse(&bytes).err(), Some(Error::SegmentOverlap { address: u64::MAX }));
}

#[test]
fn a_relocation_table_outside_the_file_is_refused() -> Result<(), Error> {
    let image = GoImage { linking: Linking::Rela, ..GoImage::new(24, functions()) };
    let bytes = image.bytes();
    // The dynamic segment is the fourth; its first entry is DT_RELA.
    let at = 64 + 3 * 56 + 8;
    let dynamic =
        bytes.get(at..at + 2).map_or(0, |at| usize::from(at[0]) | usize::from(at[1]) << 8);
    let bytes = patched(&image, dynamic + 8, &[0; 8]);
    assert!(matches!(Image::parse(&bytes), Err(Error::Relocations { address: 0, .. })));
    Ok(())
}

#[test]
fn a_header_out_of_order_is_refused() {
    let image = GoImage::new(24, functions());
    let at = image.layout().1.pclntab;
    for (field, value) in [
        (8, 0),
        (8, u64::MAX),
        (8, 1 << 60),
        (32, 0),
        (40, u64::MAX),
        (48, 1),
        (56, 1 << 40),
        (64, u64::MAX - 7),
    ] {
        let bytes = patched(&image, at + field, &value.to_le_bytes());
        let address = BASE + at as u64;
        match Image::parse(&bytes) {
            Err(Error::Header { address: found, .. }) => assert_eq!(found, address),
            other => panic!("field {field} = {value:#x}: {other:?}"),
        }
    }
}

#[test]
fn a_text_start_of_its_own_is_refused() {
    let image = GoImage::new(24, functions());
    let at = image.layout().1;
    let bytes = patched(&image, at.pclntab + 24, &(BASE + 8).to_le_bytes());
    let expected = "the text start of the moduledata";
    let address = BASE + at.pclntab as u64;
    assert_eq!(Image::parse(&bytes).err(), Some(Error::Header { address, expected }));
    // Without a moduledata: a start in no segment, in data, in half a word.
    let image = GoImage { moduledata: false, ..image };
    let expected = "a text start in an executable segment";
    for start in [8, address, BASE + 2] {
        let bytes = patched(&image, at.pclntab + 24, &start.to_le_bytes());
        assert_eq!(Image::parse(&bytes).err(), Some(Error::Header { address, expected }));
    }
}

#[test]
fn several_text_sections_are_refused() {
    let image = GoImage::new(24, functions());
    let at = image.layout().1.moduledata;
    let bytes = patched(&image, at + 42 * 8, &[2, 0, 0, 0, 0, 0, 0, 0, 2]);
    let address = BASE + at as u64;
    assert_eq!(Image::parse(&bytes).err(), Some(Error::TextSections { address, count: 2 }));
}

#[test]
fn a_function_record_that_contradicts_the_table_is_refused() -> Result<(), Error> {
    // More functions than a header is judged by, so that the table is found.
    let many = (0..80).map(|n| GoFunction::new(&format!("main.f{n}"), &[n])).collect();
    let image = GoImage::new(24, many);
    let at = image.layout().1;
    let entry = at.tables[4] + 70 * 8;
    let bytes = image.bytes();
    let record =
        at.tables[4] + usize::from(bytes[entry + 4]) + (usize::from(bytes[entry + 5]) << 8);
    for (place, patch, expected) in [
        (entry, 0xffff_0000u32, "ascending starts inside the text"),
        (entry, 70 * 4 + 1, "starts at multiples of 4"),
        (entry + 8, 71 * 4 + 1, "starts at multiples of 4"),
        (entry, 70 * 4 - 4, "a function record with the same start"),
        (entry + 4, 0x7fff_ffff, "a whole function record in the table"),
        (record, 0, "a function record with the same start"),
        (record + 4, 0x7fff_ffff, "a name in the table"),
        (record + 4, 0xffff_ffff, "a name in the table"),
        (record + 28, 0x4000_0000, "a whole function record in the table"),
    ] {
        let bytes = patched(&image, place, &patch.to_le_bytes());
        let image = Image::parse(&bytes)?;
        let address = BASE + entry as u64;
        let refused = Error::FunctionRecord { index: 70, address, expected };
        assert_eq!(image.function(70).err(), Some(refused), "{patch:#x}");
    }
    let image = Image::parse(&bytes)?;
    assert_eq!(image.function(80).err(), Some(Error::NoSuchFunction { index: 80, count: 80 }));
    assert!(image.function(usize::MAX).is_err());
    Ok(())
}

#[test]
fn functions_are_found_by_their_entries_alone() -> Result<(), Error> {
    let all = (0..80).map(|n| GoFunction::new(&format!("main.f{n}"), &[n, n])).collect();
    let bytes = GoImage::new(24, all).bytes();
    let image = Image::parse(&bytes)?;
    for index in 0..80 {
        let function = image.function(index)?;
        let found = image.function_at(function.entry);
        assert_eq!(found.map(|found| found.name().to_vec()), Some(function.name().to_vec()));
        assert!(image.function_at(Pc(function.entry.0 + 4)).is_none());
    }
    assert!(image.function_at(Pc(0)).is_none() && image.function_at(Pc(u64::MAX)).is_none());
    Ok(())
}

#[test]
fn an_inline_tree_outside_the_data_is_refused() -> Result<(), Error> {
    let mut all = functions();
    all[1].inline_index = vec![(6, 1 << 26)];
    let bytes = GoImage::new(24, all).bytes();
    let image = Image::parse(&bytes)?;
    let function = image.function(1)?;
    let refused = Error::InlineTree { entry: function.entry, index: 1 << 26 };
    assert_eq!(function.innermost_name(function.entry), Err(refused));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Damage never makes the reader panic, nor keeps it busy.
    #[test]
    fn damage_is_survived(
        variant in 0..VARIANTS,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let mut bytes = variants()[variant].bytes();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = walk(&bytes);
    }

    /// Nor does a field of eight bytes with a value at an edge.
    #[test]
    fn extreme_fields_are_survived(
        variant in 0..VARIANTS,
        at in any::<prop::sample::Index>(),
        value in prop::sample::select(vec![0, 1, 0x7fff_ffff, 0xffff_ffff, 1 << 32, 1 << 63, u64::MAX - 7, u64::MAX]),
        width in prop::sample::select(vec![1usize, 2, 4, 8]),
    ) {
        let mut bytes = variants()[variant].bytes();
        let at = at.index(bytes.len() - 8) & !3;
        bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
        let _ = walk(&bytes);
    }

    /// Bytes behind an ELF header are survived whatever they are.
    #[test]
    fn noise_is_survived(noise in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut bytes = GoImage::new(24, functions()).bytes();
        bytes.truncate(64);
        bytes.extend(noise);
        let _ = walk(&bytes);
    }
}
