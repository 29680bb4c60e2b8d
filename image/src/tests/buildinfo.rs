//! What images say of their build.

use super::functions;
use crate::testing::GoImage;
use crate::{Container, Error, Image, Os};
use unwind::Release;

#[test]
fn versions_name_releases() {
    for (version, release) in [
        ("go1.24.3", Some(24)),
        ("go1.27", Some(27)),
        ("go1.25-devel_0123abc", Some(25)),
        ("go1.21.13 X:nocoverageredesign", Some(21)),
        ("devel go1.27-0123abc Mon Jan 2", Some(27)),
        ("devel +0123abc", None),
        ("go2.1", None),
        ("go1.", None),
        ("go1.99999", None),
    ] {
        assert_eq!(crate::buildinfo::release(version), release.map(Release), "{version}");
    }
}

#[test]
fn without_build_information_there_is_no_version() -> Result<(), Error> {
    let image = GoImage::new(24, functions());
    let bytes = GoImage { buildinfo: false, ..image }.bytes();
    let image = Image::parse(&bytes)?;
    assert_eq!((image.go_version(), image.release()), (None, None));
    Ok(())
}

// The lines of `go version -m` (go1.27.3).
const LINES: &str = "path\texample.com/tool/cmd/tool\nmod\texample.com/tool\tv1.2.3\th1:x=\n\
    dep\texample.com/other\tv0.1.0\t\nbuild\tCGO_ENABLED=0\nbuild\tGOOS=android\n";

#[test]
fn modules_are_those_of_both_formats() -> Result<(), Error> {
    for release in [16, 17, 18, 27] {
        let image = GoImage { modules: LINES.to_owned(), ..GoImage::new(release, functions()) };
        let bytes = image.bytes();
        let image = Image::parse(&bytes)?;
        let version = format!("go1.{release}.1");
        assert_eq!(image.go_version(), Some(version.as_str()));
        assert_eq!(image.main_module(), Some("example.com/tool"));
        assert_eq!(image.main_package(), Some("example.com/tool/cmd/tool"));
        assert_eq!(image.os(), Some(Os::Android));
    }
    Ok(())
}

#[test]
fn without_modules_there_are_no_names() -> Result<(), Error> {
    // A program outside of modules has a package alone; one of Bazel's nothing.
    for (modules, package) in [("path\tcommand-line-arguments\n", true), ("", false), ("x", false)]
    {
        for release in [17, 18] {
            let image = GoImage::new(release, functions());
            let bytes = GoImage { modules: modules.to_owned(), ..image }.bytes();
            let image = Image::parse(&bytes)?;
            assert_eq!(image.release(), Some(Release(release)));
            assert_eq!(image.main_module(), None);
            assert_eq!(image.main_package().is_some(), package, "{modules:?}");
        }
    }
    Ok(())
}

// A length beyond the file, in either format.
#[test]
fn modules_outside_the_file_are_none() -> Result<(), Error> {
    for (release, skip, byte) in [(17, 32 + 24, 0x7f), (24, 32 + 2 + 8, 0x7f)] {
        let (mut bytes, _) = GoImage::new(release, functions()).layout();
        let start = bytes.windows(14).position(|window| window == *b"\xff Go buildinf:");
        let start = start.ok_or(Error::Empty)?;
        assert_eq!(Image::parse(&bytes)?.main_module(), Some("example.com/tool"));
        bytes[start + skip + 1] = byte;
        let image = Image::parse(&bytes)?;
        assert_eq!(image.release(), Some(Release(release)));
        assert_eq!(image.main_module(), None, "go1.{release}");
    }
    Ok(())
}

// Values: "System V ABI" and its supplements, `e_ident[EI_OSABI]`; mach-o/loader.h,
// `PLATFORM_*`. A setting of the build comes before what the container says.
#[test]
fn systems_are_those_of_the_container() -> Result<(), Error> {
    let elf = GoImage::new(24, functions());
    for (abi, os) in [(0, "linux"), (2, "netbsd"), (3, "linux"), (9, "freebsd"), (12, "openbsd")] {
        let mut bytes = elf.bytes();
        bytes[7] = abi;
        assert_eq!(Image::parse(&bytes)?.os().map(Os::goos), Some(os));
    }
    let macho = GoImage { container: Container::MachO, ..elf.clone() };
    // The fourth command: three segments, two of them with a section.
    let platform = 32 + 72 + 2 * 152 + 8;
    for (number, os) in [(1, "darwin"), (2, "ios"), (6, "ios"), (7, "ios")] {
        let mut bytes = macho.bytes();
        assert_eq!(bytes[platform - 8..platform + 1], [0x32, 0, 0, 0, 24, 0, 0, 0, 1]);
        bytes[platform] = number;
        assert_eq!(Image::parse(&bytes)?.os().map(Os::goos), Some(os));
    }
    for (command, os) in [(0x24, Os::Darwin), (0x25, Os::Ios), (0x2b, Os::Darwin)] {
        let mut bytes = macho.bytes();
        bytes[platform - 8] = command;
        assert_eq!(Image::parse(&bytes)?.os(), Some(os));
    }
    let bytes = GoImage { container: Container::Pe, ..elf.clone() }.bytes();
    assert_eq!(Image::parse(&bytes)?.os(), Some(Os::Windows));
    let modules = "build\tGOOS=ios\n".to_owned();
    let bytes = GoImage { modules, ..macho }.bytes();
    assert_eq!(Image::parse(&bytes)?.os().map(|os| os.to_string()), Some("ios".to_owned()));
    Ok(())
}

// "System V ABI", chapter 5: notes; the names are the systems' own.
#[test]
fn systems_are_those_of_notes_and_interpreters() -> Result<(), Error> {
    let note = |name: &[u8]| {
        let mut note = [name.len() as u32, 4, 1].map(u32::to_le_bytes).concat();
        note.extend(name);
        note.resize(note.len().next_multiple_of(4) + 4, 0);
        note
    };
    // A note of Go's comes first, as in real files.
    let notes = |name| (4u8, [note(b"Go\0\0"), note(name)].concat());
    for ((kind, part), os) in [
        (notes(b"Android\0"), Os::Android),
        (notes(b"FreeBSD\0"), Os::FreeBsd),
        (notes(b"NetBSD\0"), Os::NetBsd),
        (notes(b"OpenBSD\0"), Os::OpenBsd),
        (notes(b"GNU\0"), Os::Linux),
        ((3, b"/system/bin/linker64\0".to_vec()), Os::Android),
        ((3, b"/lib/ld-linux-aarch64.so.1\0".to_vec()), Os::Linux),
        ((4, vec![0xff; 24]), Os::Linux),
    ] {
        // The fourth program header of an image at fixed addresses is unused.
        let (mut bytes, at) = GoImage::new(24, functions()).layout();
        let header = 64 + 3 * 56;
        bytes[header] = kind;
        let (place, size) = (bytes.len() as u64, part.len() as u64);
        bytes[header + 8..header + 16].copy_from_slice(&place.to_le_bytes());
        bytes[header + 32..header + 40].copy_from_slice(&size.to_le_bytes());
        bytes.extend(&part);
        assert!(at.end < bytes.len());
        assert_eq!(Image::parse(&bytes)?.os(), Some(os), "{part:?}");
    }
    Ok(())
}
