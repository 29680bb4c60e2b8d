//! ar: static libraries in GNU's and BSD's form, and Debian packages (deb(5)).

use crate::error::{Error, Reason};
use crate::input::{Input, Slice};
use crate::name;
use crate::sniff::{Format, THIN};
use crate::walk::{Looked, Walk};
use object::read::archive::ArchiveFile;

/// How long the magic is, in bytes.
const MAGIC: u64 = 8;

/// Walks an archive.
pub(crate) fn walk(walk: &mut Walk<'_>, path: &str, slice: Slice<'_>) -> Looked {
    if slice.bytes.starts_with(THIN) {
        return walk.skipped(path, Reason::ThinArchive);
    }
    let archive = match ArchiveFile::parse(slice.bytes) {
        Ok(archive) => archive,
        Err(error) => {
            let reason = error.to_string();
            return walk.failed(path, Error::Archive { format: Format::Ar, reason });
        }
    };
    let (mut is_package, mut has_data, mut next) = (false, false, MAGIC);
    for member in archive.members() {
        if walk.meter.stopped() {
            break;
        }
        let Ok(member) = member else {
            let (what, offset) = ("ar archive", next);
            let expected = "the header of a member";
            return walk.failed(path, Error::Damaged { what, offset, expected });
        };
        let (offset, size) = member.file_range();
        let data = slice.part(offset, size);
        let input = Input::slice(data, Some(size));
        is_package |= next == MAGIC && member.name() == b"debian-binary";
        // The files of a package are in its one member of this name.
        let is_data = is_package && member.name().starts_with(b"data.tar");
        has_data |= is_data;
        let member_path = || name::join(path, member.name());
        let looked = if !is_data {
            walk.member(path, member.name(), input)
        } else if walk.count_member(path) {
            walk.look(path, input)
        } else {
            Looked::Failed
        };
        let found = data.bytes.len() as u64;
        if found < size && looked != Looked::Failed {
            let error = Error::Truncated { what: "ar member", offset, size, found };
            walk.failed(&member_path(), error);
            return Looked::Failed;
        }
        if is_data && looked == Looked::Past {
            let what = "data.tar in a compression that is not known";
            walk.failed(path, Error::Unsupported { what, offset });
        }
        // Members start at even offsets.
        next = offset.saturating_add(size).saturating_add(size % 2);
    }
    if is_package && !has_data && !walk.meter.stopped() {
        let (what, offset, expected) = ("Debian package", next, "a member data.tar");
        return walk.failed(path, Error::Damaged { what, offset, expected });
    }
    Looked::Inside
}
