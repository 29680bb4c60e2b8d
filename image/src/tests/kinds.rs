//! What errors say of files: a reader of many passes over the first three kinds.

use super::functions;
use crate::testing::GoImage;
use crate::{Container, Error, ErrorKind, Image};

fn kind(bytes: &[u8]) -> Option<ErrorKind> {
    Image::parse(bytes).err().map(|error| error.kind())
}

fn message(bytes: &[u8]) -> String {
    Image::parse(bytes).map_or_else(|error| error.to_string(), |_| "no error".to_owned())
}

fn patched(container: Container, at: usize, patch: &[u8]) -> Vec<u8> {
    let mut bytes = GoImage { container, ..GoImage::new(24, functions()) }.bytes();
    bytes[at..at + patch.len()].copy_from_slice(patch);
    bytes
}

#[test]
fn what_is_no_executable() {
    let class = b"\xca\xfe\xba\xbe\0\0\0\x34\0\x10";
    for bytes in [&b""[..], b"text", b"M", b"PK\x03\x04", b"!<arch>\n", b"\x7f", class] {
        let expected = if bytes == b"\x7f" { ErrorKind::Damaged } else { ErrorKind::NotExecutable };
        assert_eq!(kind(bytes), Some(expected), "{bytes:?}");
    }
    let core = patched(Container::Elf, 16, &[4]);
    assert_eq!(kind(&core), Some(ErrorKind::NotExecutable));
    let object = patched(Container::MachO, 12, &[1]);
    assert_eq!(kind(&object), Some(ErrorKind::NotExecutable));
    assert_eq!(
        message(&object),
        "not an executable: expected Mach-O file type 2, 6 or 8 at offset 0xc, found 1 (relocatable object)"
    );
    let dos = patched(Container::Pe, 0x80, b"NE");
    assert_eq!(kind(&dos), Some(ErrorKind::NotExecutable));
    assert_eq!(
        message(&dos),
        "not a PE file: expected the signature 50 45 00 00 at offset 0x80, found 4e 45 00 00"
    );
}

// Numbers: ELF's `EM_X86_64`; mach/machine.h, `CPU_TYPE_X86_64`; PE's
// `IMAGE_FILE_MACHINE_AMD64`.
#[test]
fn what_is_for_other_machines() {
    for (container, at, patch, expected) in [
        (
            Container::Elf,
            18,
            &[62][..],
            "expected ELF machine 183 at offset 0x12, found 62 (x86-64)",
        ),
        (
            Container::MachO,
            4,
            &[7],
            "expected Mach-O CPU type 0x100000c at offset 0x4, found 0x1000007 (x86-64)",
        ),
        (
            Container::Pe,
            0x84,
            &[0x64, 0x86],
            "expected PE machine 0xaa64 at offset 0x84, found 0x8664 (x86-64)",
        ),
        (Container::MachO, 4, &[12, 0, 0, 2], "found 0x200000c (arm64_32)"),
        (Container::Pe, 0x84, &[0x4c, 1], "found 0x14c (x86)"),
        (Container::Elf, 4, &[1], "expected class 2 at offset 4, found 1"),
        (Container::Elf, 5, &[2], "expected data encoding 1 at offset 5, found 2"),
        (Container::MachO, 0, &[0xce], "found ce fa ed fe"),
        (Container::MachO, 0, &[0xfe, 0xed, 0xfa, 0xcf], "found fe ed fa cf"),
        (Container::Pe, 0x98, &[0x0b, 1], "expected the magic 0x20b at offset 0x98, found 0x10b"),
    ] {
        let bytes = patched(container, at, patch);
        assert_eq!(kind(&bytes), Some(ErrorKind::OtherArchitecture), "{container} {patch:?}");
        let message = message(&bytes);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn what_has_no_functions_of_go() {
    for container in [Container::Elf, Container::MachO, Container::Pe] {
        let image = GoImage { container, sections: false, ..GoImage::new(24, functions()) };
        let (mut bytes, at) = image.layout();
        bytes[at.pclntab] = 0;
        assert_eq!(kind(&bytes), Some(ErrorKind::NotGo), "{container}");
    }
}

#[test]
fn what_is_not_supported_or_damaged() {
    let image = GoImage::new(24, functions());
    let (mut bytes, at) = image.layout();
    bytes[at.pclntab] = 0xfb;
    assert_eq!(kind(&bytes), Some(ErrorKind::Unsupported));
    bytes.truncate(at.end - 1);
    assert_eq!(kind(&bytes), Some(ErrorKind::Damaged));
    // The platform's command becomes LC_ENCRYPTION_INFO_64 of 16 bytes at 0xc0000.
    let macho = GoImage { container: Container::MachO, ..image };
    let mut bytes = macho.bytes();
    let command = 32 + 72 + 2 * 152;
    assert_eq!(bytes[command], 0x32);
    let words: [u32; 5] = [0x2c, 24, 0xc_0000, 16, 1];
    bytes[command..command + 20].copy_from_slice(&words.map(u32::to_le_bytes).concat());
    let encrypted = Error::Encrypted { offset: 0xc_0000, size: 16 };
    assert_eq!(Image::parse(&bytes).err(), Some(encrypted));
    assert_eq!(kind(&bytes), Some(ErrorKind::Unsupported));
    // An encryption that was prepared for and not made.
    bytes[command + 16] = 0;
    assert_eq!(kind(&bytes), None);
}
