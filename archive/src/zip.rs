//! zip: PKWARE's APPNOTE.TXT, with stored and deflated members.

use crate::error::Error;
use crate::input::{Input, Slice};
use crate::name;
use crate::sniff::{Format, Kind, sniff};
use crate::unpack;
use crate::walk::{Looked, Walk};
use rawzip::{CompressionMethod, ZipArchive, ZipFileHeaderRecord, ZipSliceArchive};

/// Walks an archive by its central directory.
pub(crate) fn walk(walk: &mut Walk<'_>, path: &str, slice: Slice<'_>) -> Looked {
    let archive = match ZipArchive::from_slice(slice.bytes) {
        Ok(archive) => archive,
        Err(error) => return walk.failed(path, damaged(&error)),
    };
    let (mut entries, mut count, mut packed) = (archive.entries(), 0, 0_u64);
    while !walk.meter.stopped() {
        let entry = match entries.next_entry() {
            Ok(Some(entry)) => entry,
            Ok(None) => break,
            Err(error) => return walk.failed(path, damaged(&error)),
        };
        count += 1;
        let size = entry.compressed_size_hint();
        packed = packed.saturating_add(size);
        // Members that share their data make the largest bombs.
        if packed > slice.bytes.len() as u64 {
            let (what, offset) = ("zip directory", entry.central_directory_offset());
            let expected = "members that do not overlap";
            return walk.failed(path, Error::Damaged { what, offset, expected });
        }
        let path = name::join(path, entry.file_path().as_bytes());
        if walk.count_member(&path) && size > 0 && !entry.is_dir() {
            member(walk, &path, slice, &archive, &entry);
        }
    }
    // The count is kept modulo 65536 by some writers: there may be more.
    if count < archive.entries_hint() && !walk.meter.stopped() {
        let (what, offset) = ("zip directory", archive.directory_offset());
        let expected = "as many entries as its end says";
        return walk.failed(path, Error::Damaged { what, offset, expected });
    }
    Looked::Inside
}

fn member(
    walk: &mut Walk<'_>,
    path: &str,
    slice: Slice<'_>,
    archive: &ZipSliceArchive<&[u8]>,
    entry: &ZipFileHeaderRecord<'_>,
) -> Looked {
    let offset = entry.local_header_offset();
    let local = match archive.get_entry(entry.wayfinder()) {
        Ok(local) => local,
        Err(error) => return walk.failed(path, damaged(&error)),
    };
    if entry.flags().is_encrypted() {
        let what = "encrypted zip member";
        return walk.failed(path, Error::Unsupported { what, offset });
    }
    let (start, end) = local.compressed_data_range();
    let data = slice.part(start, end - start);
    let size = entry.uncompressed_size_hint();
    let input = Input::slice(data, Some(data.bytes.len() as u64));
    let what = "zip member";
    let looked = match entry.compression_method() {
        CompressionMethod::STORE => {
            if data.bytes.len() as u64 == size && sniff(data.bytes) == Kind::Other {
                return Looked::Past;
            }
            if data.bytes.len() as u64 != size || rawzip::crc32(data.bytes) != entry.crc32() {
                let expected = "the size and the checksum in the directory";
                return walk.failed(path, Error::Damaged { what, offset, expected });
            }
            walk.look(path, input)
        }
        CompressionMethod::DEFLATE => {
            unpack::stream(walk, Format::Zip, path, input, Some(size), |packed| {
                let decoder = flate2::read::DeflateDecoder::new(packed);
                Box::new(local.verifying_reader(decoder))
            })
        }
        _ => {
            let what = "zip member that is neither stored nor deflated";
            return walk.failed(path, Error::Unsupported { what, offset });
        }
    };
    if looked == Looked::Short {
        let expected = "as many bytes as the directory says";
        return walk.failed(path, Error::Damaged { what, offset, expected });
    }
    looked
}

fn damaged(error: &rawzip::Error) -> Error {
    Error::Archive { format: Format::Zip, reason: error.to_string() }
}
