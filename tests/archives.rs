//! Archives that others wrote: Debian packages, npm packages, and what tar, Python, gzip,
//! xz, zstd and bzip2 make of a program. Needs the feature `toolchains` and installs the
//! programs into `target/programs`.

use archive::{Event, Limits, visit};
use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use xtask::programs::{self, PROGRAMS};

/// The executables in an archive, by their names behind the archive's.
fn walk(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let bytes = fs::read(path).expect("an archive");
    let mut members = BTreeMap::new();
    visit("", &bytes, &Limits::default(), &mut |event| {
        let Event::Member { path: name, content } = event else { panic!("{path:?}: {event:?}") };
        let known = members.insert(name.to_owned(), content.into_owned());
        assert!(known.is_none(), "{name} twice");
        ControlFlow::Continue(())
    });
    members
}

fn run(directory: &Path, command: &[&str]) {
    let status = Command::new(command[0]).args(&command[1..]).current_dir(directory).status();
    assert!(status.unwrap_or_else(|error| panic!("{command:?}: {error}")).success(), "{command:?}");
}

/// The executable files below a directory, as the system's own unpackers left them.
fn unpacked(root: &Path, directory: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let entry = entry.expect("an entry");
        let (kind, path) = (entry.file_type().expect("a type"), entry.path());
        if kind.is_dir() {
            unpacked(root, &path, files);
        } else if kind.is_file() {
            let bytes = fs::read(&path).expect("a file");
            if bytes.starts_with(b"\x7fELF") {
                let name = path.strip_prefix(root).expect("below").display().to_string();
                files.insert(format!("!{name}"), bytes);
            }
        }
    }
}

/// `dpkg -x` and `tar -xzf` unpacked the programs beside their packages.
#[test]
fn packages_hold_what_their_own_tools_unpack() {
    for program in PROGRAMS {
        let file = programs::install(program).expect("a program");
        let root = PathBuf::from(file.to_str().unwrap().strip_suffix(program.file).unwrap());
        let package = fs::read_dir(&root).expect("a directory").find_map(|entry| {
            let path = entry.expect("an entry").path();
            let extension = path.extension()?;
            (extension == "deb" || extension == "tgz").then_some(path)
        });
        let package = package.expect("a package");
        let mut expected = BTreeMap::new();
        unpacked(&root, &root, &mut expected);
        let found = walk(&package);
        println!("{}: {} executables", package.display(), found.len());
        assert!(expected.contains_key(&format!("!{}", program.file)), "{}", program.name);
        assert!(found.keys().eq(expected.keys()), "{:?}\n{:?}", found.keys(), expected.keys());
        assert!(found == expected, "{} has other bytes", package.display());
    }
}

/// Writes archives of the file `x` and of a name of 150 bytes with Python's tarfile and
/// zipfile.
const PYTHON: &str = r#"
import tarfile, zipfile
long = "d" * 140 + "/long-name"
for name, form in [("ustar", tarfile.USTAR_FORMAT), ("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT)]:
    for mode in ["", "gz", "bz2", "xz"]:
        with tarfile.open(f"{name}.tar{mode}", f"w:{mode}", format=form) as tar:
            tar.add("x")
            tar.add("x", arcname=long)
            tar.add("text")
for name, method in [("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)]:
    with zipfile.ZipFile(f"{name}.zip", "w", method) as archive:
        archive.write("x")
        archive.write("x", arcname=long)
        archive.write("text")
"#;

#[test]
fn other_writers_make_what_is_read() {
    let program = programs::install_named("runc").expect("a program");
    let bytes = fs::read(program).expect("a program");
    let room = tempfile::tempdir().expect("a directory");
    fs::write(room.path().join("x"), &bytes).expect("a file");
    fs::write(room.path().join("text"), b"text").expect("a file");
    run(room.path(), &["python3", "-c", PYTHON]);
    run(room.path(), &["tar", "-cf", "gnu-sparse-free.tar", "./x", "text"]);
    for compress in ["gzip", "xz", "zstd", "bzip2"] {
        run(room.path(), &["sh", "-c", &format!("{compress} -c x >x.{compress}")]);
        run(room.path(), &["sh", "-c", &format!("{compress} -c pax.tar >tar.{compress}")]);
    }
    let long = format!("!{}/long-name", "d".repeat(140));
    let mut archives = 0;
    for entry in fs::read_dir(room.path()).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let expected = match name {
            "x" | "text" => continue,
            "gnu-sparse-free.tar" => vec!["!x"],
            _ if name.starts_with("x.") => vec![""],
            _ => vec!["!x", &long],
        };
        let found = walk(&path);
        let mut names: Vec<_> = found.keys().map(String::as_str).collect();
        names.sort_by_key(|name| name.len());
        assert_eq!(names, expected, "{name}");
        assert!(found.values().all(|found| *found == bytes), "{name} has other bytes");
        archives += 1;
    }
    println!("{archives} archives");
    assert_eq!(archives, 12 + 2 + 1 + 8);
}
