//! The tables of go1.16 and go1.17: addresses where later releases have offsets.

use super::{functions, name, rows};
use crate::testing::{BASE, GoFunction, GoImage, Linking};
use crate::{Error, Image};
use unwind::{Depth, Index, NotPreemptible, Pc, Preemption};

fn with(functions: Vec<GoFunction>, linking: Linking) -> GoImage {
    GoImage { linking, ..GoImage::new(17, functions) }
}

#[test]
fn rows_lines_and_inline_trees_are_read() -> Result<(), Error> {
    for linking in [Linking::Fixed, Linking::Rela, Linking::Relr] {
        let bytes = with(functions(), linking).bytes();
        let image = Image::parse(&bytes)?;
        let table = rows(&image, 0)?;
        let depth = |at| table.row(Index(at)).map(|row| row.depth);
        assert_eq!(
            [depth(9), depth(10), depth(16)].map(|d| d.map(|d| d.0)),
            [Some(0), Some(65616), Some(0)]
        );
        assert_eq!(table.row(Index(9)).map(|row| row.unsafe_point.pcdata()), Some(-2));
        let function = image.function(0)?;
        let position = function.position(Pc(function.entry.0 + 48));
        assert_eq!(position.map(|at| (at.file, at.line)), Some((&b"f.s"[..], 4)));
        let inner = [name(&image, 1, 0)?, name(&image, 1, 1)?, name(&image, 1, 3)?];
        assert_eq!(inner, ["main.inlining", "runtime.outer", "strings.inner"]);
        assert_eq!(rows(&image, 1)?.row(Index(1)).map(|row| row.depth), Some(Depth(32)));
    }
    Ok(())
}

// `isAsyncSafePoint` in runtime/preempt.go of go1.17: functions whose maps are
// `no_pointers_stackmap` are taken for assembly. There is no flag for it.
#[test]
fn maps_of_assembly_are_told_by_those_of_call32() -> Result<(), Error> {
    let assembly = |name: &str| GoFunction { flags: 4, ..GoFunction::new(name, &[1]) };
    let mapless = GoFunction { pointer_maps: false, ..GoFunction::new("main.mapless", &[1]) };
    let all = vec![GoFunction::new("main.f", &[1]), assembly("main.asm"), mapless];
    let never = Preemption::Never(NotPreemptible::NoPointerMaps);
    for (call32, asm) in [(true, never), (false, Preemption::Async)] {
        let mut all = all.clone();
        if call32 {
            all.push(assembly("runtime.call32"));
        }
        let bytes = with(all, Linking::Rela).bytes();
        let image = Image::parse(&bytes)?;
        let preemption =
            |index| image.function(index).map(|f| (f.flags.0, f.function_preemption()));
        assert_eq!(preemption(0)?, (0, Preemption::Async));
        assert_eq!(preemption(1)?, (0, asm));
        assert_eq!(preemption(2)?, (0, never));
    }
    Ok(())
}

#[test]
fn a_record_that_contradicts_the_table_is_refused() -> Result<(), Error> {
    let many: Vec<_> = (0..80).map(|n| GoFunction::new(&format!("main.f{n}"), &[n])).collect();
    let image = GoImage::new(16, many);
    let (bytes, at) = image.layout();
    let entry = at.tables[4] + 70 * 16;
    let word = |at: usize| {
        bytes[at..at + 4].iter().rev().fold(0u64, |all, byte| all << 8 | u64::from(*byte))
    };
    let record = at.tables[4] + word(entry + 8) as usize;
    let start = BASE + at.text as u64;
    for (place, value, expected) in [
        (entry, start - 4, "ascending starts inside the text"),
        (entry, start + (1 << 32), "ascending starts inside the text"),
        (entry + 16, start, "ascending starts inside the text"),
        (entry, start + 70 * 4 + 1, "starts at multiples of 4"),
        (entry, start + 69 * 4, "a function record with the same start"),
        (record, start, "a function record with the same start"),
        (entry + 8, 0x7fff_fff8, "a whole function record in the table"),
        (entry + 8, 1 << 40, "ascending starts inside the text"),
        (record + 8, 0x7fff_ffff, "a name in the table"),
        (record + 32, 0x4000_0000, "a whole function record in the table"),
    ] {
        let mut bytes = bytes.clone();
        bytes[place..place + 8].copy_from_slice(&value.to_le_bytes());
        let address = BASE + entry as u64;
        let refused = Error::FunctionRecord { index: 70, address, expected };
        assert_eq!(Image::parse(&bytes)?.function(70).err(), Some(refused), "{value:#x}");
    }
    Ok(())
}

#[test]
fn several_text_sections_are_refused() {
    let image = GoImage::new(16, functions());
    let at = image.layout().1.moduledata;
    let mut bytes = image.bytes();
    bytes[at + 37 * 8] = 2;
    bytes[at + 38 * 8] = 2;
    let address = BASE + at as u64;
    assert_eq!(Image::parse(&bytes).err(), Some(Error::TextSections { address, count: 2 }));
}
