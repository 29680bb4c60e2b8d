//! Mach-O and PE: what their loaders do to pointers, slices, damage.

use super::{functions, ways};
use crate::testing::{BASE, GoFunction, GoImage, Linking};
use crate::{Container, Error, Image};

fn macho(linking: Linking) -> GoImage {
    GoImage { container: Container::MachO, linking, ..GoImage::new(24, functions()) }
}

/// A universal file of slices: CPU type, subtype, bytes (`mach-o/fat.h`).
fn universal(slices: &[(u32, u32, &[u8])], wide: bool) -> Vec<u8> {
    let magic: u32 = if wide { 0xcafe_babf } else { 0xcafe_babe };
    let mut bytes = [magic, slices.len() as u32].map(u32::to_be_bytes).concat();
    let mut place = 0x1000;
    for (cpu, subtype, slice) in slices {
        bytes.extend([*cpu, *subtype].map(u32::to_be_bytes).concat());
        if wide {
            bytes.extend([place as u64, slice.len() as u64].map(u64::to_be_bytes).concat());
            bytes.extend([0; 8]);
        } else {
            bytes.extend([place as u32, slice.len() as u32, 14].map(u32::to_be_bytes).concat());
        }
        place += slice.len().next_multiple_of(0x1000);
    }
    for (_, _, slice) in slices {
        bytes.resize(bytes.len().next_multiple_of(0x1000), 0);
        bytes.extend(*slice);
    }
    bytes
}

const ARM64: u32 = 0x0100_000c;
const X86_64: u32 = 0x0100_0007;

#[test]
fn containers_have_names() -> Result<(), Error> {
    for (container, name) in
        [(Container::Elf, "elf"), (Container::MachO, "mach-o"), (Container::Pe, "pe")]
    {
        let bytes = GoImage { container, ..GoImage::new(24, functions()) }.bytes();
        assert_eq!(Image::parse(&bytes)?.container().to_string(), name);
    }
    Ok(())
}

#[test]
fn the_slice_for_arm64_is_taken() -> Result<(), Error> {
    let plain = macho(Linking::Fixed).bytes();
    let other =
        GoImage { functions: vec![GoFunction::new("other.f", &[1])], ..macho(Linking::Fixed) };
    let other = other.bytes();
    for wide in [false, true] {
        for slices in [
            &[(X86_64, 3, &other[..]), (ARM64, 0, &plain)][..],
            // Authenticated pointers (arm64e) are for newer processors only.
            &[(ARM64, 0x8000_0002, &other), (ARM64, 0, &plain)],
            &[(ARM64, 2, &plain)],
        ] {
            let bytes = universal(slices, wide);
            assert_eq!(Image::parse(&bytes)?.function(0)?.name(), b"main.f");
        }
        let bytes = universal(&[(X86_64, 3, &plain), (7, 3, &plain)], wide);
        assert_eq!(Image::parse(&bytes).err(), Some(Error::NoSlice { slices: 2 }));
        let archive = universal(&[(ARM64, 0, b"!<arch>\n")], wide);
        assert!(matches!(Image::parse(&archive).err(), Some(Error::NotExecutable { .. })));
        let whole = universal(&[(ARM64, 0, &plain)], wide);
        for length in 4..whole.len() {
            assert!(Image::parse(&whole[..length]).is_err(), "{length}");
        }
    }
    Ok(())
}

#[test]
fn pointers_are_as_dyld_leaves_them() -> Result<(), Error> {
    for linking in [Linking::Fixed, Linking::Rela, Linking::Relr] {
        let (bytes, at) = macho(linking).layout();
        let image = Image::parse(&bytes)?;
        let moduledata = BASE + at.moduledata as u64;
        let in_file =
            bytes[at.moduledata..at.moduledata + 8] == (BASE + at.pclntab as u64).to_le_bytes();
        assert_eq!(in_file, linking != Linking::Rela);
        assert_eq!(image.pointer(moduledata), Some(BASE + at.pclntab as u64));
        assert_eq!(image.pointer(moduledata + 22 * 8), Some(BASE + at.text as u64));
        // `minpc` is bound to a symbol of another file in one of them.
        let minpc = Some(BASE + at.text as u64).filter(|_| linking != Linking::Relr);
        assert_eq!(image.pointer(moduledata + 20 * 8), minpc);
        assert_eq!(image.pointer(moduledata + 20 * 8 + 4).is_none(), linking != Linking::Fixed);
    }
    Ok(())
}

#[test]
fn imports_of_windows_have_no_value() -> Result<(), Error> {
    let image = GoImage { container: Container::Pe, ..GoImage::new(24, functions()) };
    let (bytes, at) = image.layout();
    let image = Image::parse(&bytes)?;
    let moduledata = BASE + at.moduledata as u64;
    // The import address table is `minpc`.
    assert_eq!(image.pointer(moduledata + 20 * 8), None);
    assert_eq!(image.pointer(moduledata + 22 * 8), Some(BASE + at.text as u64));
    Ok(())
}

#[test]
fn a_truncated_file_never_reads_wrongly() {
    for image in ways(24).into_iter().chain(ways(17)) {
        if image.container == Container::Elf {
            continue;
        }
        let (bytes, at) = image.layout();
        for length in 0..bytes.len() {
            let found = Image::parse(&bytes[..length]).map(|image| image.function_count());
            assert!(found.is_err() || length >= at.end && found == Ok(3), "{length}");
        }
    }
}

#[test]
fn chains_that_leave_their_segment_are_refused() {
    let (bytes, at) = macho(Linking::Rela).layout();
    // The last pointer of the chain: the text start in `textsectmap`.
    let last = at.moduledata + (41 + 3 + 2) * 8;
    let malformed = |bytes: &[u8]| {
        let error = Image::parse(bytes).err();
        matches!(error, Some(Error::Malformed { what: "chained fixups", .. }))
    };
    assert!(!malformed(&bytes));
    // Its `next`, in steps of four bytes, from bit 51 on.
    let mut broken = bytes.clone();
    broken[last + 7] = 0x7f;
    assert!(malformed(&broken));
    // A format that no executable for arm64 has: DYLD_CHAINED_PTR_32.
    let mut broken = bytes.clone();
    let formats = broken.windows(4).rposition(|window| window == [0, 0x40, 6, 0]);
    assert!(formats.is_some_and(|at| std::mem::replace(&mut broken[at + 2], 99) == 6));
    assert!(malformed(&broken));
    // More pages than the table has starts for.
    let mut broken = bytes;
    assert!(formats.is_some_and(|at| std::mem::replace(&mut broken[at + 16], 200) == 1));
    assert!(malformed(&broken));
}

// A bind that is repeated for ever would fill the memory.
#[test]
fn binds_without_end_are_refused() -> Result<(), Error> {
    let mut bytes = macho(Linking::Relr).bytes();
    let at = bytes.windows(4).rposition(|window| window == b"bol\0").ok_or(Error::Empty)?;
    // DO_BIND_ULEB_TIMES_SKIPPING_ULEB, 2^34 times, skipping -8: always in place.
    let repeat = [
        0xc0, 0x80, 0x80, 0x80, 0x80, 0x40, 0xf8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
    ];
    bytes.splice(at + 9.., repeat);
    let command = bytes.windows(4).position(|window| window == 0x8000_0022u32.to_le_bytes());
    let command = command.ok_or(Error::Empty)?;
    let size =
        bytes.len() as u32 - u32::from_le_bytes([bytes[command + 16], bytes[command + 17], 0, 0]);
    bytes[command + 20..command + 24].copy_from_slice(&size.to_le_bytes());
    let error = Image::parse(&bytes).err();
    assert!(matches!(error, Some(Error::Malformed { what: "binds of dyld", .. })), "{error:?}");
    Ok(())
}

#[test]
fn load_commands_that_contradict_the_table_are_refused() {
    let bytes = macho(Linking::Fixed).bytes();
    for (at, word) in [(16, 200u32), (36, 4), (36, 0x4000), (32 + 72 + 64, 9)] {
        let mut bytes = bytes.clone();
        bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        let error = Image::parse(&bytes).err();
        assert!(
            matches!(error, Some(Error::Malformed { what: "load command", .. })),
            "{at}: {error:?}"
        );
    }
}

// Segments that share their bytes are searched once each.
#[test]
fn a_file_is_not_mapped_over_and_over() {
    let image = GoImage::new(24, functions());
    let (mut bytes, _) = image.layout();
    let (table, size) = (bytes.len() as u64, bytes.len() as u64);
    for copy in 1..6u64 {
        bytes.extend([1u32, 4].map(u32::to_le_bytes).concat());
        let address = copy << 32;
        bytes.extend([0, address, address, size, size, 1].map(u64::to_le_bytes).concat());
    }
    bytes[32..40].copy_from_slice(&table.to_le_bytes());
    bytes[56] = 5;
    let error = Image::parse(&bytes).err();
    assert_eq!(error, Some(Error::SegmentSize { size: 5 * size, file_size: bytes.len() as u64 }));
}

#[test]
fn a_table_of_sections_outside_the_file_is_refused() {
    let mut bytes = GoImage { container: Container::Pe, ..GoImage::new(24, functions()) }.bytes();
    bytes[0x86..0x88].copy_from_slice(&[0xff, 0xff]);
    let error = Image::parse(&bytes).err();
    assert!(matches!(error, Some(Error::Truncated { what: "section table", .. })), "{error:?}");
    let mut bytes = GoImage { container: Container::Pe, ..GoImage::new(24, functions()) }.bytes();
    // The size of the optional header.
    bytes[0x94] = 100;
    let error = Image::parse(&bytes).err();
    assert!(matches!(error, Some(Error::Malformed { what: "PE header", .. })), "{error:?}");
}
