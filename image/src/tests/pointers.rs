//! Pointers as a loader leaves them, and pc-value programs byte by byte.

use super::functions;
use crate::error::PcTableRule;
use crate::pctab::{Program, Run};
use crate::testing::{BASE, GoImage, Linking};
use crate::{Error, Image};

fn decode(program: &[u8], limit: u32) -> Result<Vec<(i32, u32)>, Error> {
    let table = [&[0], program].concat();
    let mut program = Program::new(&table, 0x100, 1, limit).ok_or(Error::Empty)?;
    let mut runs = Vec::new();
    while let Some(Run { value, end }) = program.next()? {
        runs.push((value, end));
    }
    Ok(runs)
}

fn rule(program: &[u8]) -> Option<(u64, PcTableRule)> {
    match decode(program, u32::MAX) {
        Err(Error::PcTable { address, expected }) => Some((address, expected)),
        _ => None,
    }
}

// Expectations: `go tool asm -d pctab=pctospadj` of go1.24.3 prints both the
// bytes and the values (a frame of 65616 bytes; a leaf of four instructions).
#[test]
fn programs_of_the_assembler() {
    let large = [0x02, 0x0a, 0xa0, 0x81, 0x08, 0x06, 0x9f, 0x81, 0x08, 0x04, 0x00];
    assert_eq!(decode(&large, 20), Ok(vec![(0, 10), (65616, 16), (0, 20)]));
    assert_eq!(decode(&[0x02, 0x04, 0x00], 4), Ok(vec![(0, 4)]));
}

// By hand, from the rules of `step` in runtime/symtab.go: the first change may
// be zero, a later one ends the program.
#[test]
fn programs_by_hand() {
    assert_eq!(decode(&[0x00, 0x01, 0x01, 0x02, 0x00], 3), Ok(vec![(-1, 1), (-2, 3)]));
    let long = [0x02, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x00];
    assert_eq!(decode(&long, u32::MAX), Ok(vec![(0, u32::MAX)]));
    assert!(Program::new(&[0x02, 0x01, 0x00], 0x100, 0, 1).is_none());
}

#[test]
fn malformed_programs_are_refused_where_they_are() {
    assert_eq!(rule(&[]), Some((0x101, PcTableRule::Terminated)));
    assert_eq!(rule(&[0x02]), Some((0x101, PcTableRule::Terminated)));
    assert_eq!(rule(&[0x02, 0x01]), Some((0x103, PcTableRule::Terminated)));
    assert_eq!(rule(&[0x02, 0x81]), Some((0x101, PcTableRule::Terminated)));
    assert_eq!(rule(&[0x80, 0x80, 0x80, 0x80, 0x80, 0]), Some((0x101, PcTableRule::Varint)));
    assert_eq!(rule(&[0xff, 0xff, 0xff, 0xff, 0x1f, 1]), Some((0x101, PcTableRule::Varint)));
    assert_eq!(rule(&[0x02, 0x00, 0x00]), Some((0x101, PcTableRule::Progress)));
    let wraps = [0x02, 0x01, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0x01, 0x02, 0x01, 0x00];
    assert_eq!(rule(&wraps), Some((0x109, PcTableRule::Value)));
    let runs_on = [0x02, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x02, 0x01, 0x00];
    assert_eq!(rule(&runs_on), Some((0x107, PcTableRule::InFunction)));
    assert!(decode(&[0x02, 0x05, 0x00], 4).is_err());
}

#[test]
fn pointers_have_their_relocations_applied() -> Result<(), Error> {
    for linking in [Linking::Fixed, Linking::Rela, Linking::Relr] {
        let image = GoImage::new(25, functions());
        let (bytes, at) = GoImage { linking, ..image }.layout();
        let in_file = bytes[at.moduledata..at.moduledata + 8].iter().any(|byte| *byte != 0);
        assert_eq!(in_file, linking != Linking::Rela);
        let image = Image::parse(&bytes)?;
        let moduledata = BASE + at.moduledata as u64;
        assert_eq!(image.pointer(moduledata), Some(BASE + at.pclntab as u64));
        // minpc is no pointer of the image's; the word is as in the file.
        assert_eq!(image.pointer(moduledata + 19 * 8), Some(0));
        // Half of what is here is relocated: the end of a pointer, the start.
        for half in [moduledata + 8 + 4, moduledata + 3 * 8 + 4] {
            assert_eq!(image.pointer(half).is_none(), linking == Linking::Rela);
        }
        assert_eq!(image.pointer(BASE + at.end as u64 - 4), None);
        assert_eq!(image.pointer(0), None);
        assert_eq!(image.pointer(u64::MAX), None);
    }
    Ok(())
}

// R_AARCH64_ABS64 (0x101) needs a symbol: what it leaves is not in the file.
#[test]
fn a_symbolic_relocation_has_no_value() -> Result<(), Error> {
    let image = GoImage::new(25, functions());
    let (mut bytes, at) = GoImage { linking: Linking::Rela, ..image }.layout();
    let minpc = (BASE + at.moduledata as u64 + 20 * 8).to_le_bytes();
    let entries = bytes.windows(8).position(|window| window == minpc);
    let entry = entries.ok_or(Error::Empty)?;
    bytes[entry + 8..entry + 16].copy_from_slice(&0x101u64.to_le_bytes());
    let image = Image::parse(&bytes)?;
    assert_eq!(image.pointer(BASE + at.moduledata as u64 + 20 * 8), None);
    Ok(())
}
