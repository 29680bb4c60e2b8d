//! Files with a byte changed: an error, or other functions, and never a panic.

use crate::budget::code::Code;
use crate::budget::measure;
use object::write::{Object, Relocation, StandardSection, Symbol, SymbolSection};
use object::{Architecture, BinaryFormat, Endianness, RelocationFlags, SymbolFlags};
use object::{SymbolKind, SymbolScope, elf};

/// Two functions, one of which calls the other.
fn specimen() -> Vec<u8> {
    // STP X29, X30, [SP, #-32]!; BL; LDP X29, X30, [SP], #32; RET. And RET.
    let words = [0xa9be_7bfd_u32, 0x9400_0000, 0xa8c2_7bfd, 0xd65f_03c0, 0xd65f_03c0];
    let code: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut object = Object::new(BinaryFormat::Elf, Architecture::Aarch64, Endianness::Little);
    let text = object.section_id(StandardSection::Text);
    object.append_section_data(text, &code, 16);
    let mut add = |name: &str, value, size| {
        object.add_symbol(Symbol {
            name: name.as_bytes().to_vec(),
            value,
            size,
            kind: SymbolKind::Text,
            scope: SymbolScope::Linkage,
            weak: false,
            section: SymbolSection::Section(text),
            flags: SymbolFlags::None,
        })
    };
    add("caller", 0, 16);
    let symbol = add("callee", 16, 4);
    let flags = RelocationFlags::Elf { r_type: elf::R_AARCH64_CALL26 };
    let relocation = Relocation { offset: 4, symbol, addend: 0, flags };
    object.add_relocation(text, relocation).expect("a relocation");
    object.write().expect("an object")
}

#[test]
fn every_byte_of_a_file_can_be_wrong() {
    let whole = specimen();
    let code = Code::read(&whole).expect("functions");
    let measured = measure(&code, &["caller".to_owned()]).expect("a function");
    assert_eq!((measured[0].depth, measured[0].open.len()), (32, 0));
    let (mut refused, mut others) = (0, 0);
    for at in 0..whole.len() {
        for value in [0x00, 0x01, 0x7f, 0x80, 0xff, whole[at] ^ 0x10] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            match Code::read(&bytes).map(|code| measure(&code, &[])) {
                Ok(measured) => others += measured.map_or(0, |measured| measured.len()),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > 100 && others > 1000, "{refused} {others}");
}
