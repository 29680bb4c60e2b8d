//! What bytes are, by how they start. Names are never asked.

use core::fmt;

/// How many bytes are enough to tell: a tar archive says so at 257.
pub const HEAD: usize = 512;

/// A format that holds others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// RFC 1952.
    Gzip,
    /// The .xz format of XZ Utils.
    Xz,
    /// RFC 8878.
    Zstd,
    /// bzip2.
    Bzip2,
    /// POSIX.1-2001 pax, ustar, GNU and the older form without a magic.
    Tar,
    /// PKWARE's APPNOTE.TXT: zip, jar, wheel.
    Zip,
    /// `ar`: static libraries, Debian packages.
    Ar,
    /// cpio, in the form that `newc` names.
    Cpio,
    /// RPM packages of version 3 and 4.
    Rpm,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Tar => "tar",
            Self::Zip => "zip",
            Self::Ar => "ar",
            Self::Cpio => "cpio",
            Self::Rpm => "rpm",
        })
    }
}

/// What the first bytes look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Something with members, or something compressed.
    Archive(Format),
    /// ELF, Mach-O (thin or universal) or PE, for any machine.
    Executable,
    /// Neither.
    Other,
}

/// Tells what starts like this. The first [`HEAD`] bytes are looked at; fewer
/// are fine.
#[must_use]
pub fn sniff(head: &[u8]) -> Kind {
    if is_executable(head) {
        return Kind::Executable;
    }
    let starts = |magic: &[u8]| head.starts_with(magic);
    let format = if starts(&[0x1f, 0x8b, 8]) {
        Format::Gzip
    } else if starts(b"\xfd7zXZ\0") {
        Format::Xz
    } else if starts(&0xfd2f_b528_u32.to_le_bytes()) {
        Format::Zstd
    } else if is_bzip2(head) {
        Format::Bzip2
    } else if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") {
        Format::Zip
    } else if starts(b"!<arch>\n") || starts(THIN) {
        Format::Ar
    } else if starts(b"070701") || starts(b"070702") {
        Format::Cpio
    } else if starts(&[0xed, 0xab, 0xee, 0xdb]) {
        Format::Rpm
    } else if is_tar(head) {
        Format::Tar
    } else {
        return Kind::Other;
    };
    Kind::Archive(format)
}

/// Whether bytes that start like this are something to [`crate::visit`].
#[must_use]
pub fn is_archive(head: &[u8]) -> bool {
    matches!(sniff(head), Kind::Archive(_))
}

/// How an `ar` archive starts whose members are elsewhere.
pub(crate) const THIN: &[u8] = b"!<thin>\n";

fn is_executable(head: &[u8]) -> bool {
    let Some((magic, rest)) = head.split_first_chunk::<4>() else { return false };
    match magic {
        b"\x7fELF" => true,
        [0xce | 0xcf, 0xfa, 0xed, 0xfe] | [0xfe, 0xed, 0xfa, 0xce | 0xcf] => true,
        // Java's class files start like universal Mach-O; a version of 45 or more
        // stands where the other has its number of architectures.
        [0xca, 0xfe, 0xba, 0xbe | 0xbf] => {
            rest.first_chunk().is_some_and(|count| u32::from_be_bytes(*count) < 45)
        }
        [b'M', b'Z', ..] => true,
        _ => false,
    }
}

/// The digit is the size of a block; then comes a block, or the end of them all.
fn is_bzip2(head: &[u8]) -> bool {
    let Some((magic, block)) = head.split_first_chunk::<4>() else { return false };
    magic.starts_with(b"BZh")
        && matches!(magic[3], b'1'..=b'9')
        && (block.starts_with(b"1AY&SY") || block.starts_with(b"\x17rE8P\x90"))
}

fn is_tar(head: &[u8]) -> bool {
    let Some(block) = head.first_chunk::<HEAD>() else { return false };
    crate::tar::checksum_holds(block)
}
