//! What an image says of its build: the version of Go, the packages, the
//! settings (`debug/buildinfo/buildinfo.go`, `runtime/debug/mod.go`,
//! `cmd/link/internal/ld/data.go`, `buildinfo`).

use crate::bytes::u64_at;
use crate::space::{AddressSpace, find_all};
use unwind::Release;

const MAGIC: [u8; 14] = *b"\xff Go buildinf:";

/// The size of the header: the magic, the pointer size, the flags, and padding or
/// two pointers.
const HEADER: usize = 32;

/// Bit of the flags byte: the strings follow the header (go1.18 and later).
const INLINE_STRINGS: u8 = 2;

/// Marks of 16 bytes stand before and behind the text about modules.
const MARK: usize = 16;

/// What was found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BuildInfo<'a> {
    /// The version, as `runtime.Version()` returns it.
    pub(crate) version: Option<&'a str>,
    /// The text that `go version -m` prints, empty if there is none.
    modules: &'a str,
}

impl<'a> BuildInfo<'a> {
    /// Finds the build information of an image.
    pub(crate) fn find(space: &AddressSpace<'a>) -> Self {
        let hinted = space.hints.buildinfo.and_then(|address| at(space, address));
        let found = hinted.or_else(|| {
            space.segments().iter().filter(|segment| !segment.executable).find_map(|segment| {
                let places = find_all(segment.bytes, MAGIC);
                let addresses = places.map(|place| segment.address + place);
                addresses.filter(|address| address.is_multiple_of(16)).find_map(|a| at(space, a))
            })
        });
        found.unwrap_or_default()
    }

    /// The first field of the first line that starts with a word.
    pub(crate) fn line(&self, word: &str) -> Option<&'a str> {
        let mut fields = self.modules.lines().map(|line| line.split('\t'));
        fields.find_map(|mut fields| {
            (fields.next() == Some(word)).then(|| fields.next())?.filter(|text| !text.is_empty())
        })
    }

    /// A setting of the build, as `GOOS` (go1.18 and later).
    pub(crate) fn setting(&self, name: &str) -> Option<&'a str> {
        let settings = self.modules.lines().filter_map(|line| line.strip_prefix("build\t"));
        let mut values = settings.filter_map(|line| line.split_once('='));
        values.find(|(found, _)| *found == name).map(|(_, value)| value)
    }
}

/// The release that a version names: `go1.24.3`, `go1.25-devel_0123abc`,
/// `go1.21.13 X:nocoverageredesign`, `devel go1.27-0123abc`.
pub(crate) fn release(version: &str) -> Option<Release> {
    let minor = version.strip_prefix("devel ").unwrap_or(version).strip_prefix("go1.")?;
    let digits = minor.find(|c: char| !c.is_ascii_digit()).unwrap_or(minor.len());
    minor.get(..digits)?.parse().ok().map(Release)
}

fn at<'a>(space: &AddressSpace<'a>, address: u64) -> Option<BuildInfo<'a>> {
    let bytes = space.bytes_from(address)?;
    if !bytes.starts_with(&MAGIC) {
        return None;
    }
    let (version, modules) = match (bytes.get(14)?, bytes.get(15)?) {
        (_, flags) if flags & INLINE_STRINGS != 0 => {
            let (version, rest) = counted(bytes.get(HEADER..)?)?;
            (version, counted(rest).map_or(&[][..], |(modules, _)| modules))
        }
        // Two pointers of eight bytes to strings, little-endian.
        (8, 0) => {
            let string = |field: u64| string(space, space.pointer(address.checked_add(field)?)?);
            (string(16)?, string(24).unwrap_or_default())
        }
        _ => return None,
    };
    let version = core::str::from_utf8(version).ok().filter(|text| text.contains("go1."))?;
    Some(BuildInfo { version: Some(version), modules: unmarked(modules).unwrap_or_default() })
}

/// A string of the runtime's: a pointer and a length.
fn string<'a>(space: &AddressSpace<'a>, address: u64) -> Option<&'a [u8]> {
    let length = u64_at(space.bytes(address.checked_add(8)?, 8)?, 0)?;
    space.bytes(space.pointer(address)?, length)
}

/// A length as a varint, then that many bytes; and what follows.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0usize;
    for (place, byte) in bytes.iter().enumerate().take(4) {
        length |= usize::from(byte & 0x7f) << (7 * place);
        if *byte < 0x80 {
            return bytes.get(place + 1..)?.split_at_checked(length);
        }
    }
    None
}

/// The text between the marks: lines, the last of which ends before the mark.
fn unmarked(modules: &[u8]) -> Option<&str> {
    let text = modules.get(MARK..modules.len().checked_sub(MARK)?)?;
    core::str::from_utf8(text).ok().filter(|text| text.ends_with('\n'))
}
