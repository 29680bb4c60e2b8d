//! The system that an ELF file is for.

use crate::bytes::u32_at;
use crate::container::Os;
use object::elf::{self, FileHeader64, ProgramHeader64};
use object::{LittleEndian as LE, ReadRef};

/// How many notes and interpreters are looked at: real files have a handful.
const LOOKED_AT: usize = 16;

/// What the header, the notes and the interpreter say; Linux where they say
/// nothing: Go's linker writes something for every other system that it makes
/// ELF files for (`asmbElf` in `cmd/link/internal/ld/elf.go`).
pub(super) fn of(file: &[u8], header: &FileHeader64<LE>, programs: &[ProgramHeader64<LE>]) -> Os {
    match header.e_ident.os_abi {
        elf::ELFOSABI_NETBSD => return Os::NetBsd,
        elf::ELFOSABI_FREEBSD => return Os::FreeBsd,
        elf::ELFOSABI_OPENBSD => return Os::OpenBsd,
        _ => {}
    }
    let notes_or_path = |program: &&ProgramHeader64<LE>| {
        matches!(program.p_type.get(LE), elf::PT_INTERP | elf::PT_NOTE)
    };
    for program in programs.iter().filter(notes_or_path).take(LOOKED_AT) {
        let (offset, size) = (program.p_offset.get(LE), program.p_filesz.get(LE));
        let Ok(bytes) = file.read_bytes_at(offset, size) else { continue };
        let os = match program.p_type.get(LE) {
            elf::PT_INTERP => interpreter(bytes),
            elf::PT_NOTE => notes(bytes),
            _ => None,
        };
        if let Some(os) = os {
            return os;
        }
    }
    Os::Linux
}

/// Android's linker (`gcc` and `clang` for Android name it).
fn interpreter(path: &[u8]) -> Option<Os> {
    path.starts_with(b"/system/bin/linker").then_some(Os::Android)
}

/// The owner of a note that a system marks its executables with ("System V ABI",
/// chapter 5, "Note Section").
fn notes(mut bytes: &[u8]) -> Option<Os> {
    loop {
        let (name, data) = (u32_at(bytes, 0)? as usize, u32_at(bytes, 4)? as usize);
        match bytes.get(12..)?.get(..name)? {
            b"Android\0" => return Some(Os::Android),
            b"FreeBSD\0" => return Some(Os::FreeBsd),
            b"NetBSD\0" => return Some(Os::NetBsd),
            b"OpenBSD\0" => return Some(Os::OpenBsd),
            _ => {}
        }
        let next = name.next_multiple_of(4).checked_add(data.checked_next_multiple_of(4)?)?;
        bytes = bytes.get(12..)?.get(next..)?;
    }
}
