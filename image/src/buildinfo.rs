//! The version of Go that built an image (`debug/buildinfo/buildinfo.go`,
//! `cmd/link/internal/ld/data.go`, `buildinfo`).

use crate::space::{AddressSpace, find_all};
use unwind::Release;

const MAGIC: [u8; 14] = *b"\xff Go buildinf:";

/// Bit of the flags byte: the strings follow the header (go1.18 and later).
const INLINE_STRINGS: u8 = 2;

/// The version, as `runtime.Version()` returns it.
pub(crate) fn version<'a>(space: &AddressSpace<'a>) -> Option<&'a str> {
    let hinted = space.hints.buildinfo.and_then(|address| at(space.bytes_from(address)?));
    hinted.or_else(|| {
        space.segments().iter().filter(|segment| !segment.executable).find_map(|segment| {
            let places = find_all(segment.bytes, MAGIC);
            let aligned = places.filter(|place| (segment.address + place).is_multiple_of(16));
            let bytes = |place| segment.bytes.get(usize::try_from(place).ok()?..);
            aligned.filter_map(bytes).find_map(at)
        })
    })
}

/// The release that a version names: `go1.24.3`, `go1.25-devel_0123abc`,
/// `go1.21.13 X:nocoverageredesign`, `devel go1.27-0123abc`.
pub(crate) fn release(version: &str) -> Option<Release> {
    let minor = version.strip_prefix("devel ").unwrap_or(version).strip_prefix("go1.")?;
    let digits = minor.find(|c: char| !c.is_ascii_digit()).unwrap_or(minor.len());
    minor.get(..digits)?.parse().ok().map(Release)
}

/// The header is 32 bytes: the magic, the pointer size, the flags, padding;
/// then the version as a length and that many bytes.
fn at(bytes: &[u8]) -> Option<&str> {
    if !bytes.starts_with(&MAGIC) || bytes.get(15)? & INLINE_STRINGS == 0 {
        return None;
    }
    let (length, text) = match bytes.get(32..)? {
        [low, rest @ ..] if *low < 0x80 => (usize::from(*low), rest),
        [low, high, rest @ ..] if *high < 0x80 => {
            (usize::from(low & 0x7f) | usize::from(*high) << 7, rest)
        }
        _ => return None,
    };
    let version = core::str::from_utf8(text.get(..length)?).ok()?;
    version.contains("go1.").then_some(version)
}
