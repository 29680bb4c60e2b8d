//! What the walk hands on, in which order, and that it neither runs ahead nor hangs.

use super::{Found, Inputs, Item, Origin};
use archive::{Limits, testing};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use std::{fs, panic, thread};

/// An item as text: name, origin, and the length of the bytes, the note or the error.
fn show(item: &Item) -> (String, Origin, String) {
    let found = match &item.found {
        Found::Bytes(bytes) => format!("{} bytes", bytes.len()),
        Found::Note(note) => format!("note: {note}"),
        Found::Error(error) => format!("error: {error:#}"),
    };
    (item.name.clone(), item.origin, found)
}

/// The items below a directory, their names relative to it.
fn items(root: &std::path::Path, paths: &[&str], threads: usize) -> Vec<(String, Origin, String)> {
    let paths = paths.iter().map(|path| root.join(path)).collect();
    let mut items = Vec::new();
    Inputs::new(paths).process(threads, show, |(name, origin, found)| {
        let prefix = format!("{}/", root.display());
        let name = name.strip_prefix(&prefix).unwrap_or(&name).to_owned();
        items.push((name, origin, found.replace(&prefix, "")));
        ControlFlow::Continue(())
    });
    items
}

/// A directory with one of everything.
fn tree() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let (one, two) = (testing::elf(1), testing::elf(2));
    write("b", &one);
    write("a/z", &two);
    write("a/text", b"text");
    write("a/empty", b"");
    write("c.tar", &testing::tar(&[("one", &one), ("text", b"text")]));
    write("d.tar.gz", &testing::gzip(&testing::tar(&[("two", &two)])));
    write("e.deb", &testing::deb(("data.tar.xz", b"damaged")));
    write("f.gz", &testing::gzip(&testing::tar(&[("text", b"text")])));
    root
}

/// What is said of data in a compression that is not known: where it starts, behind a
/// header of 60 bytes that its name begins (`ar.h`).
fn unknown() -> String {
    let deb = testing::deb(("data.tar.xz", b"damaged"));
    let header = deb.windows(11).position(|name| name == b"data.tar.xz").unwrap();
    let start = header + 60;
    format!(
        "error: data.tar in a compression that is not known at offset {start:#x}: not supported"
    )
}

#[test]
fn directories_are_walked_in_the_order_of_names() {
    let root = tree();
    let (directory, archive) = (Origin::Directory, Origin::Archive);
    for threads in [1, 2, 7] {
        let items = items(root.path(), &["."], threads);
        let expected = [
            ("./a/z", directory, "100 bytes"),
            ("./b", directory, "100 bytes"),
            ("./c.tar!one", archive, "100 bytes"),
            ("./d.tar.gz!two", archive, "100 bytes"),
            ("./e.deb!control.tar.xz!preinst", archive, "100 bytes"),
            ("./e.deb", archive, &unknown()),
        ];
        let expected =
            expected.map(|(name, origin, found)| (name.to_owned(), origin, found.to_owned()));
        assert_eq!(items, expected, "{threads}");
    }
}

#[test]
fn what_is_named_is_answered() {
    let root = tree();
    let names = ["b", "a/text", "a/empty", "f.gz", "missing", "c.tar"];
    let (named, archive) = (Origin::Named, Origin::Archive);
    let expected = [
        ("b", named, "100 bytes"),
        ("a/text", named, "4 bytes"),
        ("a/empty", named, "0 bytes"),
        ("f.gz", named, "note: holds no executable (members looked at: 1)"),
        ("missing", named, "error: cannot be read: No such file or directory (os error 2)"),
        ("c.tar!one", archive, "100 bytes"),
    ];
    let expected =
        expected.map(|(name, origin, found)| (name.to_owned(), origin, found.to_owned()));
    assert_eq!(items(root.path(), &names, 2), expected);
}

#[test]
fn damaged_archives_are_errors_with_the_name_of_the_member() {
    let root = tempfile::tempdir().unwrap();
    let mut bad = testing::gzip(&testing::elf(1));
    bad[40] ^= 0x55;
    let bytes = testing::tar(&[("bad.gz", &bad), ("two", &testing::elf(2))]);
    fs::write(root.path().join("a.tar"), bytes).unwrap();
    let items = items(root.path(), &["a.tar"], 2);
    let names: Vec<_> = items.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["a.tar!bad.gz", "a.tar!two"]);
    assert!(items[0].2.starts_with("error: damaged gzip data, "), "{items:?}");
    assert_eq!(items[1].2, "100 bytes");
}

#[cfg(unix)]
#[test]
fn links_are_not_followed_and_special_files_are_noted() {
    use std::os::unix::fs::symlink;
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("d")).unwrap();
    fs::write(root.path().join("d/one"), testing::elf(1)).unwrap();
    symlink("../d", root.path().join("d/loop")).unwrap();
    symlink("one", root.path().join("d/two")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.path().join("d/socket")).unwrap();
    symlink("d", root.path().join("link")).unwrap();
    let note = "note: is not a regular file: skipped";
    let shown =
        |prefix: &str| [(format!("{prefix}/one"), "100 bytes"), (format!("{prefix}/socket"), note)];
    for directory in ["d", "link"] {
        let items = items(root.path(), &[directory], 2);
        let items: Vec<_> = items.iter().map(|(name, _, found)| (name.clone(), &**found)).collect();
        assert_eq!(items, shown(directory));
    }
    // A link that is named, and a special file.
    let items = items(root.path(), &["d/two", "d/socket"], 2);
    assert_eq!(items[0], ("d/two".to_owned(), Origin::Named, "100 bytes".to_owned()));
    assert!(items[1].2.starts_with("error: is not a regular file"), "{items:?}");
}

/// One file that is no archive needs no walk; everything else has one.
#[test]
fn a_file_is_all_there_is_or_not() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    fs::write(path("one"), testing::elf(1)).unwrap();
    fs::write(path("text"), b"text").unwrap();
    fs::write(path("a.tar"), testing::tar(&[("one", &testing::elf(1))])).unwrap();
    let sole = |paths: &[PathBuf]| Inputs::new(paths.to_vec()).sole().map(|item| show(&item));
    for name in ["one", "text"] {
        let (walked, mut items) = (vec![path(name)], Vec::new());
        Inputs::new(walked.clone()).process(1, show, |item| {
            items.push(item);
            ControlFlow::Continue(())
        });
        assert_eq!(sole(&walked).into_iter().collect::<Vec<_>>(), items);
        assert_eq!(items.len(), 1);
    }
    let others = [path("a.tar"), path("absent"), PathBuf::from("-"), root.path().to_owned()];
    assert!(others.into_iter().all(|other| sole(&[other]).is_none()));
    assert_eq!(sole(&[path("one"), path("one")]), None);
    assert_eq!(sole(&[]), None);
}

/// Results come in the order of the walk, whichever worker is done first.
#[test]
fn results_keep_the_order_and_do_not_wait_for_the_end() {
    let root = tempfile::tempdir().unwrap();
    for number in 0..300 {
        fs::write(root.path().join(format!("{number:03}")), testing::elf(number)).unwrap();
    }
    let (begun, mut emitted, mut most) = (AtomicUsize::new(0), 0, 0);
    Inputs::new(vec![root.path().to_owned()]).process(
        3,
        |item| {
            let number = begun.fetch_add(1, Ordering::SeqCst);
            if number.is_multiple_of(50) {
                thread::sleep(Duration::from_millis(40));
            }
            item.name.clone()
        },
        |name| {
            assert!(name.ends_with(&format!("{emitted:03}")), "{name} after {emitted}");
            emitted += 1;
            most = most.max(begun.load(Ordering::SeqCst) - emitted);
            ControlFlow::Continue(())
        },
    );
    assert_eq!(emitted, 300);
    // The window of 16 for each of 3 workers, behind the one that is being emitted.
    assert!((2..=48).contains(&most), "{most} were begun before the one ahead of them was done");
}

/// Unpacked members wait for room: no more than the limit is ever in the hands of
/// workers, and a member as large as the limit still comes through.
#[test]
fn unpacked_members_are_bounded_by_the_limit() {
    let member = |number| [testing::elf(number), vec![0; 900]].concat();
    let members: Vec<_> = (0..40).map(|number| (format!("{number:02}"), member(number))).collect();
    let members: Vec<_> = members.iter().map(|(name, bytes)| (&**name, &**bytes)).collect();
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a.tar.gz");
    fs::write(&path, testing::gzip(&testing::tar(&members))).unwrap();
    for (memory, expected) in [(1000, 1), (2999, 2), (100_000, 4)] {
        let limits = Limits { memory, ..Limits::default() };
        let (held, most, mut count) = (AtomicU64::new(0), AtomicU64::new(0), 0);
        Inputs::new(vec![path.clone()]).with_limits(limits).process(
            4,
            |item| {
                let Found::Bytes(bytes) = &item.found else { panic!("{item:?}") };
                let now = held.fetch_add(bytes.len() as u64, Ordering::SeqCst) + 1000;
                most.fetch_max(now, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(5));
                // Before the bytes are dropped, so never too few.
                held.fetch_sub(bytes.len() as u64, Ordering::SeqCst);
            },
            |()| {
                count += 1;
                ControlFlow::Continue(())
            },
        );
        assert_eq!(count, 40);
        let most = most.into_inner() / 1000;
        assert!((1..=expected).contains(&most), "{most} members within {memory} bytes");
    }
}

#[test]
fn emit_ends_everything() {
    let root = tempfile::tempdir().unwrap();
    let many: Vec<_> = (0..500).map(|number| (format!("{number}"), testing::elf(number))).collect();
    let many: Vec<_> = many.iter().map(|(name, bytes)| (&**name, &**bytes)).collect();
    fs::write(root.path().join("a.tar.gz"), testing::gzip(&testing::tar(&many))).unwrap();
    let (begun, mut emitted) = (AtomicUsize::new(0), 0);
    Inputs::new(vec![root.path().to_owned()]).process(
        2,
        |_| begun.fetch_add(1, Ordering::SeqCst),
        |_| {
            emitted += 1;
            if emitted == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        },
    );
    assert_eq!(emitted, 3);
    assert!(begun.into_inner() < 100);
}

/// A panic of a worker, or of whoever takes the results, ends the run; nothing waits for
/// the thread that is gone.
#[test]
fn panics_end_the_run() {
    let root = tempfile::tempdir().unwrap();
    for number in 0..200 {
        fs::write(root.path().join(format!("{number}")), testing::elf(number)).unwrap();
    }
    let paths = vec![PathBuf::from(root.path())];
    for threads in [1, 3] {
        let worker = panic::catch_unwind(|| {
            let panics = |item: &Item| assert!(!item.name.ends_with("/100"), "on purpose");
            Inputs::new(paths.clone()).process(threads, panics, ControlFlow::Continue);
        });
        assert!(worker.is_err());
        let taker = panic::catch_unwind(|| {
            Inputs::new(paths.clone()).process(threads, |_| (), |()| panic!("on purpose"));
        });
        assert!(taker.is_err());
    }
}
