//! Every format, by itself and inside others: which members are handed over, under
//! which name, with which bytes.

use super::{Seen, walk, walk_reader};
use crate::testing::{
    ar, bzip2, cpio, deb, elf, gzip, rpm, samples, tar, tar_header, text, xz, zip, zstd,
};
use crate::{Format, Kind, sniff};

/// Visits bytes both ways; the readers see the same, except for where members stand.
fn both(bytes: &[u8]) -> Seen {
    let seen = walk(bytes);
    let read = walk_reader(bytes);
    assert!(read.ranges.iter().all(Option::is_none));
    assert_eq!(Seen { ranges: seen.ranges.clone(), ..read }, seen);
    seen
}

/// What is expected of an archive that nothing is wrong with.
fn expect(bytes: &[u8], expected: &[(&str, u32)]) -> Seen {
    let seen = both(bytes);
    let expected: Vec<_> =
        expected.iter().map(|(name, number)| ((*name).to_owned(), elf(*number))).collect();
    assert_eq!(seen.names(), expected.iter().map(|(name, _)| name).collect::<Vec<_>>());
    assert!(seen.members == expected, "other bytes");
    assert_eq!((&seen.failed, &seen.skipped), (&vec![], &vec![]));
    assert_eq!(seen.tally.executables, expected.len() as u64);
    seen
}

#[test]
fn compressed_tars_have_the_names_of_their_members() {
    let inner = tar(&[("./usr/bin/one", &elf(1)), ("text", &text()), ("two", &elf(2))]);
    for bytes in [&inner, &gzip(&inner), &xz(&inner), &zstd(&inner), &bzip2(&inner)] {
        let seen = expect(bytes, &[("a!usr/bin/one", 1), ("a!two", 2)]);
        assert_eq!(seen.tally.members, 3);
    }
}

#[test]
fn one_compressed_file_has_its_own_name() {
    for bytes in [gzip(&elf(1)), xz(&elf(1)), zstd(&elf(1)), bzip2(&elf(1))] {
        expect(&bytes, &[("a", 1)]);
    }
    for bytes in [gzip(&text()), xz(&text()), zstd(&text()), bzip2(&text())] {
        expect(&bytes, &[]);
    }
}

/// gzip(1), xz(1), RFC 8878 3.1 and bzip2(1): files that are put behind one another
/// unpack to what they unpack to, one after the other. zstd has frames to skip.
#[test]
fn compressed_files_can_have_several_parts() {
    let inner = tar(&[("one", &elf(1)), ("two", &elf(2))]);
    let (start, end) = inner.split_at(1234);
    for compress in [gzip, xz, zstd, bzip2] {
        expect(&[compress(start), compress(end)].concat(), &[("a!one", 1), ("a!two", 2)]);
    }
    let skipped = [&[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..]].concat();
    let parts = [zstd(start), skipped.clone(), zstd(end), skipped].concat();
    expect(&parts, &[("a!one", 1), ("a!two", 2)]);
}

/// apk(5): three tar archives in gzip behind one another, the first two without an end.
#[test]
fn alpine_packages_are_tars_without_an_end() {
    let signature = tar(&[(".SIGN.RSA.x.rsa.pub", b"signature")]);
    let control = tar(&[(".PKGINFO", b"pkgname = x\n")]);
    let data = tar(&[("usr/bin/one", &elf(1))]);
    let without_end = |tar: &[u8]| gzip(&tar[..tar.len() - 1024]);
    let package = [without_end(&signature), without_end(&control), gzip(&data)].concat();
    expect(&package, &[("a!usr/bin/one", 1)]);
}

#[test]
fn zip_members_are_stored_or_deflated() {
    let class = [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 52, 0, 0];
    let bytes = zip(&[("d/", b""), ("one", &elf(1)), ("C.class", &class), ("stored", &elf(2))]);
    let seen = expect(&bytes, &[("a!one", 1), ("a!stored", 2)]);
    assert_eq!(seen.tally.members, 4);
}

#[test]
fn ar_members_have_the_names_of_gnu_and_of_bsd() {
    let names = b"a-name-longer-than-sixteen-bytes.o/\n";
    let bsd = [&b"a long name of BSD.o"[..], &elf(3)].concat();
    let bytes = ar(&[
        ("/", b"\0\0\0\0"),
        ("//", names),
        ("go.o/", &elf(1)),
        ("/0", &elf(2)),
        ("__.PKGDEF/", b"go object linux arm64"),
    ]);
    let library = [("a!go.o", 1), ("a!a-name-longer-than-sixteen-bytes.o", 2)];
    expect(&bytes, &library);
    expect(&ar(&[("__.SYMDEF", b"\0\0\0\0"), ("#1/20", &bsd)]), &[("a!a long name of BSD.o", 3)]);
}

#[test]
fn a_thin_archive_is_passed_over() {
    let seen = both(b"!<thin>\n");
    assert_eq!(seen.skipped.len(), 1, "{seen:?}");
    assert_eq!(seen.skipped[0].0, "a");
}

/// deb(5): `data.tar`, with nothing or one of five compressions behind it.
#[test]
fn debian_packages_are_named_without_their_tars() {
    let data = tar(&[("./usr/bin/one", &elf(1))]);
    for (name, data) in [
        ("data.tar", data.clone()),
        ("data.tar.gz", gzip(&data)),
        ("data.tar.xz", xz(&data)),
        ("data.tar.zst", zstd(&data)),
        ("data.tar.bz2", bzip2(&data)),
    ] {
        let package = deb((name, &data));
        expect(&package, &[("a!control.tar.xz!preinst", 90), ("a!usr/bin/one", 1)]);
    }
    // Only in a package, of which `debian-binary` is the first member.
    let other = ar(&[("x", b"2.0\n"), ("debian-binary", b""), ("data.tar", &data)]);
    expect(&other, &[("a!data.tar!usr/bin/one", 1)]);
}

#[test]
fn cpio_and_rpm() {
    let bytes = cpio(&[("./d/", b""), ("./usr/bin/one", &elf(1)), ("t", b"x"), ("two", &elf(2))]);
    let expected = [("a!usr/bin/one", 1), ("a!two", 2)];
    expect(&bytes, &expected);
    for compress in [gzip, xz, zstd, bzip2] {
        expect(&rpm(&compress(&bytes)), &expected);
    }
}

/// The image-layout specification of OCI, 1.1: `oci-layout`, `index.json`, blobs by
/// digest. The digests here are those that a layer would be named by.
#[test]
fn oci_layers_are_named_by_their_digest() {
    let digests = ["0f", "1e", "2d"].map(|start| format!("{start}{}", "ab".repeat(31)));
    let layer = tar(&[("usr/bin/one", &elf(1)), ("usr/bin/.wh.two", b"")]);
    let below = tar(&[("usr/bin/two", &elf(2))]);
    let names = digests.each_ref().map(|digest| format!("blobs/sha256/{digest}"));
    let image = tar(&[
        ("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#),
        ("index.json", b"{}"),
        (&names[0], &gzip(&below)),
        (&names[1], &zstd(&layer)),
        (&names[2], br#"{"layers":[]}"#),
    ]);
    // Whiteouts are not applied: `two` is there, although a layer deletes it.
    let expected =
        [("a!sha256:0fababababab!usr/bin/two", 2), ("a!sha256:1eababababab!usr/bin/one", 1)];
    expect(&image, &expected);
    expect(&gzip(&image), &expected);
}

/// `docker save` before Docker 25: a directory for each layer.
#[test]
fn saved_images_have_a_tar_for_each_layer() {
    let id = "5c".repeat(32);
    let layer = tar(&[("bin/one", &elf(1))]);
    let image = tar(&[("manifest.json", b"[]"), (&format!("{id}/layer.tar"), &layer)]);
    expect(&image, &[("a!5c5c5c5c5c5c/layer.tar!bin/one", 1)]);
}

/// A record of pax: its length, which counts itself, and a newline.
fn record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let lengths = (1..=4).map(|digits| rest.len() + digits);
    let length = lengths.into_iter().zip(1..).find(|(n, digits)| n.to_string().len() == *digits);
    format!("{}{rest}", length.unwrap().0)
}

/// GNU tar's long names, and those of pax, whose records may hold newlines (a value of
/// `SCHILY.xattr.*` is arbitrary bytes; POSIX.1-2017, pax, "Extended Header").
#[test]
fn tar_names_can_be_long() {
    let long = format!("{}/one", "d".repeat(150));
    let mut gnu = ::tar::Builder::new(Vec::new());
    let mut header = ::tar::Header::new_gnu();
    header.set_size(elf(1).len() as u64);
    header.set_mode(0o755);
    gnu.append_data(&mut header, &long, &elf(1)[..]).unwrap();
    expect(&gnu.into_inner().unwrap(), &[(&format!("a!{long}"), 1)]);

    let pax = record("SCHILY.xattr.user.x", "a\nb=c\n") + &record("path", &long);
    let mut archive = Vec::new();
    archive.extend(tar_header(b"PaxHeaders/one", pax.len() as u64, b'x').as_bytes());
    archive.extend(pax.as_bytes());
    archive.resize(archive.len().next_multiple_of(512), 0);
    archive.extend(tar(&[("short", &elf(1)), ("two", &elf(2))]));
    expect(&archive, &[(&format!("a!{long}"), 1), ("a!two", 2)]);
}

#[test]
fn links_and_directories_are_no_members_with_bytes() {
    let mut archive = Vec::new();
    // A hard link that has a size all the same, as some writers make it.
    for (name, kind) in [("hard", b'1'), ("soft", b'2'), ("d/", b'5')] {
        archive.extend(tar_header(name.as_bytes(), 700, kind).as_bytes());
    }
    archive.extend(tar(&[("one", &elf(1))]));
    expect(&archive, &[("a!one", 1)]);
}

#[test]
fn what_is_not_compressed_is_not_copied() {
    let inner = zip(&[("stored", &elf(2)), ("deflated", &elf(3))]);
    let bytes = tar(&[("one", &elf(1)), ("inner.zip", &inner)]);
    let seen =
        expect(&bytes, &[("a!one", 1), ("a!inner.zip!stored", 2), ("a!inner.zip!deflated", 3)]);
    let copied: Vec<_> = seen.ranges.iter().map(Option::is_none).collect();
    assert_eq!(copied, [false, false, true]);
    for ((_, member), range) in seen.members.iter().zip(seen.ranges) {
        assert!(range.is_none_or(|range| bytes[range] == member[..]));
    }
}

#[test]
fn an_executable_is_its_own_member_and_text_is_none() {
    assert_eq!(expect(&elf(1), &[("a", 1)]).ranges, [Some(0..elf(1).len())]);
    expect(&text(), &[]);
    expect(b"", &[]);
}

/// Formats inside one another, in every pair.
#[test]
fn every_format_holds_every_other() {
    for (inside, bytes) in samples() {
        let names = walk(&bytes).members;
        assert!(!names.is_empty(), "{inside}");
        let wrapped: [(&str, Vec<u8>, &str); 5] = [
            ("tar", tar(&[("m", &bytes)]), "a!m"),
            ("zip", zip(&[("m", &bytes)]), "a!m"),
            ("ar", ar(&[("m/", &bytes)]), "a!m"),
            ("cpio", cpio(&[("m", &bytes)]), "a!m"),
            ("gz", gzip(&bytes), "a"),
        ];
        for (outside, archive, prefix) in wrapped {
            let seen = both(&archive);
            let expected = names.iter().map(|(name, bytes)| {
                (format!("{prefix}{}", name.strip_prefix('a').unwrap()), bytes.clone())
            });
            assert!(
                seen.members == expected.collect::<Vec<_>>(),
                "{inside} in {outside}: {seen:?}"
            );
            assert_eq!(seen.failed, [], "{inside} in {outside}");
        }
    }
}

#[test]
fn kinds_are_told_by_their_first_bytes() {
    let archive = Kind::Archive;
    for (head, expected) in [
        (&b"\x7fELF"[..], Kind::Executable),
        (b"MZ\x90\0", Kind::Executable),
        (&[0xcf, 0xfa, 0xed, 0xfe], Kind::Executable),
        (&[0xce, 0xfa, 0xed, 0xfe], Kind::Executable),
        // Universal, of two architectures; a class file of Java 8.
        (&[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 2], Kind::Executable),
        (&[0xca, 0xfe, 0xba, 0xbf, 0, 0, 0, 2], Kind::Executable),
        (&[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 52], Kind::Other),
        (&[0x1f, 0x8b, 8], archive(Format::Gzip)),
        (&[0x1f, 0x8b], Kind::Other),
        (b"BZh91AY&SY", archive(Format::Bzip2)),
        (b"BZh9 is text", Kind::Other),
        (b"PK\x05\x06", archive(Format::Zip)),
        (b"PK\x01\x02", Kind::Other),
        (b"070702", archive(Format::Cpio)),
        (&[0; 512], Kind::Other),
        (b"MZ", Kind::Other),
        (b"", Kind::Other),
    ] {
        assert_eq!(sniff(head), expected, "{head:02x?}");
    }
    // The older form of tar has no magic.
    let mut header = tar_header(b"x", 0, b'0');
    header.as_mut_bytes()[257..265].fill(0);
    header.set_cksum();
    assert_eq!(sniff(header.as_bytes()), archive(Format::Tar));
    header.as_mut_bytes()[0] ^= 1;
    assert_eq!(sniff(header.as_bytes()), Kind::Other);
}
