//! Objects that no linker has linked.

use super::functions;
use crate::testing::{BASE, GoFunction, GoImage, Linking, Offsets};
use crate::{Container, Error, Image, Os};

/// A section's number in the object.
const TEXT: u32 = 1;
const TABLES: u32 = 2;
const DATA: u32 = 3;
const OUTSIDE: u32 = 4;

/// A relocation of the code: the offset in the text, the type, the symbol, the
/// addend.
type Code = (u64, u32, u32, u64);

/// The object that a linker would make such an image of: its sections, and its
/// pointers as relocations. Symbols 1 to 3 are the sections' starts, 4 is of
/// another object.
fn object(image: &GoImage, code: &[Code]) -> (Vec<u8>, Offsets) {
    let (linked, at) = GoImage { linking: Linking::Rela, ..image.clone() }.layout();
    let data = linked.windows(14).position(|window| window == *b"\xff Go buildinf:");
    let starts = [0, at.text, at.pclntab, data.unwrap_or(at.moduledata), at.end];
    let section = |at: usize| (1..4).rev().find(|n| at >= starts[*n]).unwrap_or(1);
    let word = |at: usize| linked[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let mut relas = [const { Vec::new() }; 4];
    for (offset, kind, symbol, addend) in code {
        relas[1].push([*offset, u64::from(*symbol) << 32 | u64::from(*kind), *addend]);
    }
    for entry in (0..linked.len() - 24).step_by(8).filter(|entry| word(entry + 8) == 0x403) {
        let (place, target) = (word(entry) - BASE, word(entry + 16) - BASE);
        let (place, target) = (place as usize, target as usize);
        let (home, symbol) = (section(place), section(target));
        let addend = (target - starts[symbol]) as u64;
        relas[home].push([(place - starts[home]) as u64, (symbol as u64) << 32 | 257, addend]);
    }
    let mut bytes = vec![0; 64];
    // name, type, flags, address, offset, size, link, info, alignment, entry size.
    let mut sections = vec![[0u64; 10]];
    for (number, flags) in [(1, 6), (2, 2), (3, 3)] {
        bytes.resize(bytes.len().next_multiple_of(64), 0);
        let part = &linked[starts[number]..starts[number + 1]];
        sections.push([0, 1, flags, 0, bytes.len() as u64, part.len() as u64, 0, 0, 32, 0]);
        bytes.extend(part);
    }
    let symbols = bytes.len() as u64;
    for number in [0u64, 1, 2, 3, 0] {
        bytes.extend([number << 48, 0, 0].map(u64::to_le_bytes).concat());
    }
    for (number, entries) in relas.iter().enumerate().skip(1) {
        let (offset, size) = (bytes.len() as u64, entries.len() as u64 * 24);
        sections.push([0, 4, 0, 0, offset, size, 7, number as u64, 8, 24]);
        bytes.extend(entries.iter().flatten().flat_map(|word| word.to_le_bytes()));
    }
    sections.push([0, 2, 0, 0, symbols, 5 * 24, 0, 0, 8, 24]);
    let table = bytes.len() as u64;
    for [name, kind, flags, address, offset, size, link, info, align, entry] in sections {
        bytes.extend([name as u32, kind as u32].map(u32::to_le_bytes).concat());
        bytes.extend([flags, address, offset, size].map(u64::to_le_bytes).concat());
        bytes.extend([link as u32, info as u32].map(u32::to_le_bytes).concat());
        bytes.extend([align, entry].map(u64::to_le_bytes).concat());
    }
    bytes[..20].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x01\0\xb7\0");
    bytes[40..48].copy_from_slice(&table.to_le_bytes());
    bytes[58..62].copy_from_slice(&[64, 0, 8, 0]);
    (bytes, at)
}

fn words(bytes: &[u8]) -> Result<Vec<u32>, Error> {
    let image = Image::parse(bytes)?;
    Ok(image.function(0)?.code.iter().map(|word| word.get()).collect())
}

#[test]
fn tables_are_found_as_a_linker_would_leave_them() -> Result<(), Error> {
    for release in [17, 18, 24, 26, 27] {
        let (bytes, _) = object(&GoImage::new(release, functions()), &[]);
        let image = Image::parse(&bytes)?;
        assert_eq!((image.container(), image.os()), (Container::Elf, Some(Os::Linux)));
        assert_eq!(image.main_module(), Some("example.com/tool"));
        assert_eq!(image.function_count(), 3);
        // The code is laid out from address 0 on, as `nm` shows it.
        assert_eq!(image.function(0)?.entry.0, 0);
        assert_eq!(image.function(1)?.entry.0, 80);
        assert_eq!(super::name(&image, 1, 3)?, "strings.inner");
        assert_eq!(super::rows(&image, 0)?.spans().len(), 8);
    }
    Ok(())
}

// Words: `llvm-mc -triple=aarch64 -show-encoding` (LLVM 14) of the instructions
// in the comments. The text is 124 bytes long; data comes at 0x20000.
#[test]
fn code_is_relocated() -> Result<(), Error> {
    let code = [
        0x9400_0000, // bl .
        0x1400_0000, // b .
        0x5400_0000, // b.eq .
        0x3600_0000, // tbz w0, #0, .
        0x9000_0000, // adrp x0, .
        0x9100_0000, // add x0, x0, #0
        0x3940_0000, // ldrb w0, [x0]
        0xf940_0000, // ldr x0, [x0]
        0x9000_001b, // adrp x27, .
        0xf940_037b, // ldr x27, [x27]
        0x9400_0000, // bl .
    ];
    let mut all = functions();
    all[0] = GoFunction::new("main.f", &code);
    let relocations = [
        (0, 283, TEXT, 12),
        (4, 282, TEXT, 0),
        (8, 280, TEXT, 16),
        (12, 279, TEXT, 0),
        (16, 275, TABLES, 0x18),
        (20, 277, TABLES, 0x18),
        (24, 278, TABLES, 0x1f),
        (28, 286, TABLES, 0x18),
        (32, 311, DATA, 0),
        (36, 312, DATA, 0),
        (40, 283, OUTSIDE, 0),
    ];
    let (bytes, _) = object(&GoImage::new(24, all), &relocations);
    let expected = [
        0x9400_0003, // bl .+12
        0x17ff_ffff, // b .-4
        0x5400_0040, // b.eq .+8
        0x3607_ffa0, // tbz w0, #0, .-12
        0x9000_0100, // adrp x0, .+0x20000
        0x9100_6000, // add x0, x0, #0x18
        0x3940_7c00, // ldrb w0, [x0, #0x1f]
        0xf940_0c00, // ldr x0, [x0, #0x18]
        0x9000_021b, // adrp x27, .+0x40000: behind everything
        0xf940_037b, // ldr x27, [x27]
        0x9400_fff6, // bl .+0x3ffd8: to there
    ];
    assert_eq!(words(&bytes)?, expected);
    Ok(())
}

#[test]
fn what_cannot_be_relocated_is_refused() {
    let refused = |code: &[Code]| {
        let (bytes, _) = object(&GoImage::new(24, functions()), code);
        Image::parse(&bytes).err()
    };
    let outside =
        |error| matches!(error, Some(Error::Malformed { what: "relocation section", .. }));
    assert_eq!(
        refused(&[(0, 263, TEXT, 0)]),
        Some(Error::RelocationKind { kind: 263, address: 0 })
    );
    let target = 1 << 27;
    assert_eq!(refused(&[(0, 283, TEXT, target)]), Some(Error::BranchRange { address: 0, target }));
    assert_eq!(refused(&[(0, 283, TEXT, target - 4)]), None);
    assert!(outside(refused(&[(0, 283, 5, 0)])));
    assert!(outside(refused(&[(1 << 20, 283, TEXT, 0)])));
    // Every relocation table is the same bytes: more entries than the file has room for.
    let (mut bytes, _) = object(&GoImage::new(24, functions()), &[(0, 283, TEXT, 0); 300]);
    let table = bytes[40..48].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes)) as usize;
    let text = table + 4 * 64;
    for copy in [table + 5 * 64, table + 6 * 64] {
        bytes.copy_within(text..text + 44, copy);
    }
    assert!(outside(Image::parse(&bytes).err()));
}

#[test]
fn an_object_of_c_is_no_program_of_go() {
    let (mut bytes, _) = object(&GoImage::new(24, functions()), &[(0, 263, TEXT, 0)]);
    let magic = bytes.windows(8).position(|window| window == [0xf1, 255, 255, 255, 0, 0, 4, 8]);
    assert!(magic.is_some_and(|at| std::mem::replace(&mut bytes[at], 0) == 0xf1));
    assert_eq!(Image::parse(&bytes).err(), Some(Error::NoFunctionTable));
}

#[test]
fn a_truncated_object_never_reads_wrongly() {
    let (bytes, _) = object(&GoImage::new(24, functions()), &[(0, 283, TEXT, 0)]);
    assert!(Image::parse(&bytes).is_ok());
    for length in 0..bytes.len() {
        assert!(Image::parse(&bytes[..length]).is_err(), "{length}");
    }
}
