//! The names that members are shown by. They are text for people; nothing is ever
//! opened by them.

use core::fmt::Write as _;
use std::borrow::Cow;

/// What stands between an archive and a member.
const SEPARATOR: char = '!';

/// How many hexadecimal digits of a digest are shown, as `docker images` does.
const SHORT: usize = 12;

/// A longer name than any system takes is no name, in bytes.
pub(crate) const LONGEST: usize = 64 << 10;

/// The name of a member of an archive. Bytes that are no UTF-8 are written `\xff`,
/// so that two names stay two.
pub(crate) fn join(archive: &str, member: &[u8]) -> String {
    let member = member.strip_prefix(b"./").unwrap_or(member);
    let mut name = String::with_capacity(archive.len() + 1 + member.len());
    name.push_str(archive);
    name.push(SEPARATOR);
    for chunk in shorten(member).utf8_chunks() {
        name.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(name, "\\x{byte:02x}");
        }
    }
    name
}

/// The names that layers have in container images, shortened:
/// `blobs/sha256/DIGEST` (OCI), `DIGEST/layer.tar` and `DIGEST.tar` (`docker save`
/// before it wrote OCI layouts).
fn shorten(member: &[u8]) -> Cow<'_, [u8]> {
    let is_digest =
        |hex: &[u8]| hex.len() == 64 && hex.iter().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    if let Some(digest) = member.strip_prefix(b"blobs/sha256/").filter(|hex| is_digest(hex)) {
        return Cow::Owned([b"sha256:", &digest[..SHORT]].concat());
    }
    match member.split_at_checked(64) {
        Some((digest, rest @ (b"/layer.tar" | b".tar"))) if is_digest(digest) => {
            Cow::Owned([&digest[..SHORT], rest].concat())
        }
        _ => Cow::Borrowed(member),
    }
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn names_stay_apart_and_leave_no_byte_out() {
        for (member, expected) in [
            (&b"./usr/bin/x"[..], "a!usr/bin/x"),
            (b"../../etc/passwd", "a!../../etc/passwd"),
            (b"/x\n\0", "a!/x\n\0"),
            (b"caf\xe9", "a!caf\\xe9"),
            ("café".as_bytes(), "a!café"),
            (b"", "a!"),
        ] {
            assert_eq!(join("a", member), expected);
        }
    }

    #[test]
    fn digests_of_layers_are_short() {
        let hex = "0123456789abcdef".repeat(4);
        for (member, expected) in [
            (format!("blobs/sha256/{hex}"), "i.tar!sha256:0123456789ab"),
            (format!("{hex}/layer.tar"), "i.tar!0123456789ab/layer.tar"),
            (format!("{hex}.tar"), "i.tar!0123456789ab.tar"),
        ] {
            assert_eq!(join("i.tar", member.as_bytes()), expected);
        }
        // Neither too short, nor in capitals, nor anything else.
        for member in [&hex[1..], &hex.to_uppercase(), &format!("{hex}/other")] {
            assert_eq!(join("i.tar", member.as_bytes()), format!("i.tar!{member}"));
        }
    }
}
