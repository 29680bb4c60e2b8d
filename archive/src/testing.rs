//! Small archives for tests and fuzz seeds, made by the writers of the crates that
//! have one and by a few lines here for ar, cpio and rpm. A writer to memory does not
//! fail, which is why there is no error to handle here.

use std::io::Write as _;

/// Something that starts like an executable, different for each number, and does not
/// compress to nothing.
#[must_use]
pub fn elf(number: u32) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01\0".to_vec();
    let mut state = number.wrapping_mul(2_654_435_761).max(1);
    for _ in 0..92 {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        bytes.push(state as u8);
    }
    bytes
}

/// Text: neither executable nor archive.
#[must_use]
pub fn text() -> Vec<u8> {
    b"#!/bin/sh\n".repeat(5)
}

/// A ustar archive.
#[must_use]
pub fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        builder.append(&tar_header(name.as_bytes(), bytes.len() as u64, b'0'), *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

/// A header with any name; the writer refuses some.
#[must_use]
pub fn tar_header(name: &[u8], size: u64, kind: u8) -> ::tar::Header {
    let mut header = ::tar::Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_mode(0o644);
    header.set_size(size);
    header.set_entry_type(::tar::EntryType::new(kind));
    header.set_cksum();
    header
}

/// RFC 1952.
#[must_use]
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

/// The .xz format.
#[must_use]
pub fn xz(bytes: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(1);
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

/// RFC 8878.
#[must_use]
pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    ruzstd::encoding::compress_to_vec(bytes, level)
}

/// bzip2.
#[must_use]
pub fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut writer = ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

/// A zip archive of deflated members; those whose name starts with `stored` are stored.
#[must_use]
pub fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = rawzip::ZipArchiveWriter::new(Vec::new());
    for (name, bytes) in members {
        let stored = name.starts_with("stored");
        let method = match stored {
            true => rawzip::CompressionMethod::STORE,
            false => rawzip::CompressionMethod::DEFLATE,
        };
        let (mut entry, config) = archive
            .new_file(rawzip::path::EntryPath::verbatim(name.as_bytes()))
            .compression_method(method)
            .start()
            .unwrap();
        if stored {
            let mut writer = config.wrap(&mut entry);
            writer.write_all(bytes).unwrap();
            let (_, descriptor) = writer.finish().unwrap();
            entry.finish(descriptor).unwrap();
        } else {
            let level = flate2::Compression::default();
            let encoder = flate2::write::DeflateEncoder::new(&mut entry, level);
            let mut writer = config.wrap(encoder);
            writer.write_all(bytes).unwrap();
            let (encoder, descriptor) = writer.finish().unwrap();
            encoder.finish().unwrap();
            entry.finish(descriptor).unwrap();
        }
    }
    archive.finish().unwrap()
}

/// An ar archive (ar(5)), names as they are.
#[must_use]
pub fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    for (name, bytes) in members {
        writeln!(archive, "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`", 0, 0, 0, "100644", bytes.len())
            .unwrap();
        archive.extend_from_slice(bytes);
        archive.extend(vec![b'\n'; bytes.len() % 2]);
    }
    archive
}

/// A Debian package (deb(5)): the data is named and compressed as given.
#[must_use]
pub fn deb(data: (&str, &[u8])) -> Vec<u8> {
    let control = xz(&tar(&[("./control", b"Package: x\n"), ("./preinst", &elf(90))]));
    ar(&[("debian-binary", b"2.0\n"), ("control.tar.xz", &control), data])
}

/// A cpio archive in the form newc (cpio(5)); names that end in `/` are directories.
#[must_use]
pub fn cpio(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, bytes) in members.iter().copied().chain([("TRAILER!!!", &b""[..])]) {
        let mode = if name.ends_with('/') { 0o040_755 } else { 0o100_755 };
        let (size, length) = (bytes.len(), name.len() + 1);
        let zero = 0;
        write!(archive, "070701{zero:08x}{mode:08x}{zero:08x}{zero:08x}{zero:08x}{zero:08x}")
            .unwrap();
        write!(archive, "{size:08x}{zero:08x}{zero:08x}{zero:08x}{zero:08x}{length:08x}{zero:08x}")
            .unwrap();
        for part in [name.as_bytes(), b"\0"] {
            archive.extend_from_slice(part);
        }
        archive.resize(archive.len().next_multiple_of(4), 0);
        archive.extend_from_slice(bytes);
        archive.resize(archive.len().next_multiple_of(4), 0);
    }
    archive
}

/// An RPM package around a compressed cpio archive: a lead, a signature of 3 entries
/// and 21 bytes of data, a header of 2 and 40.
#[must_use]
pub fn rpm(payload: &[u8]) -> Vec<u8> {
    let mut package = vec![0; 96];
    package[..4].copy_from_slice(&[0xed, 0xab, 0xee, 0xdb]);
    for (entries, data) in [(3_u32, 21_u32), (2, 40)] {
        package.extend([0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0]);
        package.extend(entries.to_be_bytes());
        package.extend(data.to_be_bytes());
        package.extend(vec![0x11; (entries * 16 + data) as usize]);
        if entries == 3 {
            package.resize(package.len().next_multiple_of(8), 0);
        }
    }
    [package, payload.to_vec()].concat()
}

/// One small archive of each format, with two executables in each that has members.
#[must_use]
pub fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let (one, two, text) = (elf(1), elf(2), text());
    let members: [(&str, &[u8]); 3] = [("one", &one), ("text", &text), ("stored two", &two)];
    let inner = tar(&members);
    vec![
        ("tar", inner.clone()),
        ("tar.gz", gzip(&inner)),
        ("tar.xz", xz(&inner)),
        ("tar.zst", zstd(&inner)),
        ("tar.bz2", bzip2(&inner)),
        ("gz", gzip(&one)),
        ("xz", xz(&one)),
        ("zst", zstd(&one)),
        ("bz2", bzip2(&one)),
        ("zip", zip(&members)),
        ("a", ar(&[("one/", &one), ("text/", &text), ("two/", &two)])),
        ("deb", deb(("data.tar.zst", &zstd(&inner)))),
        ("cpio", cpio(&members)),
        ("rpm", rpm(&gzip(&cpio(&members)))),
        ("nested", gzip(&tar(&[("z", &zip(&[("t", &xz(&inner)), ("stored t", &inner)]))]))),
    ]
}
