//! What `midframe scan` makes of directories, archives and standard input.

use crate::fixtures::{Files, clean, image, two_steps};
use crate::hostile::elf_without_go;
use crate::schema;
use crate::support::{command, json, list, midframe, run};
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::Stdio;

/// A member of an `ar` archive: the header of ar(5), the bytes, and padding.
fn member(name: &str, bytes: &[u8]) -> Vec<u8> {
    let size = bytes.len();
    let member = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 644);
    assert_eq!(member.len(), 60);
    let mut member = member.into_bytes();
    member.extend(bytes);
    member.resize(member.len().next_multiple_of(2), b'\n');
    member
}

fn paths(document: &Value, field: &str) -> Vec<String> {
    let items = list(&document[field]).iter();
    items.map(|item| item["path"].as_str().expect("a path").to_owned()).collect()
}

/// Programs are found in the order of names; what is none of ours is passed over and
/// counted; the same files named one by one are errors.
#[test]
fn a_directory_is_walked_in_the_order_of_names() {
    let files = Files::new();
    let file = |name: &str, bytes: &[u8]| files.write(name, bytes);
    std::fs::create_dir_all(files.path("tree/b")).expect("a directory");
    let first = file("tree/a", &image(&[clean("main.f")]).bytes());
    let second = file("tree/b/x", &image(&[two_steps("main.f")]).bytes());
    let third = file("tree/c", &image(&[clean("main.f")]).bytes());
    file("tree/readme", b"no program");
    let other = file("tree/x86-64", &elf_without_go(62));
    let foreign = file("tree/y", &elf_without_go(183));
    std::os::unix::fs::symlink(files.path("tree/a"), files.path("tree/b/link")).expect("a link");
    let tree = files.path("tree").into_os_string().into_string().expect("UTF-8");
    let text = midframe(&["scan", &tree]);
    let machine = midframe(&["scan", &tree, "--format", "json"]);
    assert_eq!((text.status, machine.status), (1, 1), "{text:?}");
    let document = json(&machine);
    schema::check(&document, &schema::SCAN, "scan");
    assert_eq!(paths(&document, "images"), [first.clone(), second, third]);
    let skipped = json!([
        {"path": other, "reason": "for another machine"},
        {"path": foreign, "reason": "without functions of Go"},
    ]);
    assert_eq!(document["skipped"], skipped);
    for line in [
        "\n3 images: 3 functions, 23 boundaries, 1 finding, 0 accepted\n".to_owned(),
        format!("\n  passed over: 1 file, for another machine: {other}\n"),
        format!("\n  passed over: 1 file, without functions of Go: {foreign}\n"),
    ] {
        assert!(text.stdout.contains(&line), "{line:?} in {}", text.stdout);
    }
    let markdown = midframe(&["scan", &tree, "--format", "markdown"]);
    assert!(markdown.stdout.contains("2 files passed over."), "{}", markdown.stdout);
    assert_eq!(midframe(&["scan", &first, &other]).status, 2, "what is named has to be ours");
}

/// A file that is damaged is an error, wherever it lies.
#[test]
fn a_damaged_file_in_a_directory_is_an_error() {
    let files = Files::new();
    std::fs::create_dir(files.path("tree")).expect("a directory");
    let whole = image(&[clean("main.f")]).bytes();
    let cut = files.write("tree/cut", &whole[..whole.len() / 2]);
    files.write("tree/whole", &whole);
    let tree = files.path("tree").into_os_string().into_string().expect("UTF-8");
    let found = midframe(&["scan", &tree]);
    assert_eq!((found.status, found.stderr.lines().count()), (2, 1), "{found:?}");
    assert!(found.stderr.starts_with(&format!("midframe: {cut}: truncated")), "{found:?}");
}

/// Where there is no program nothing is proved: the wrong directory must not pass.
#[test]
fn a_directory_without_programs_proves_nothing() {
    let files = Files::new();
    std::fs::create_dir(files.path("tree")).expect("a directory");
    let tree = files.path("tree").into_os_string().into_string().expect("UTF-8");
    for (flags, status) in
        [(vec![], 3), (vec!["--fail-on", "undecided"], 1), (vec!["--fail-on", "never"], 0)]
    {
        let found = midframe(&[&["scan", &tree], &*flags].concat());
        assert_eq!(found.status, status, "{found:?}");
        assert!(found.stdout.starts_with("0 images: "), "{}", found.stdout);
    }
}

#[test]
fn members_of_an_archive_have_its_name() {
    let files = Files::new();
    let mut archive = b"!<arch>\n".to_vec();
    archive.extend(member("clean", &image(&[clean("main.f")]).bytes()));
    archive.extend(member("text", b"no program"));
    archive.extend(member("steps", &image(&[two_steps("main.f")]).bytes()));
    let path = files.write("lib.a", archive);
    let machine = midframe(&["scan", &path, "--format", "json"]);
    assert_eq!(machine.status, 1, "{machine:?}");
    let expected = [format!("{path}!clean"), format!("{path}!steps")];
    assert_eq!(paths(&json(&machine), "images"), expected);
    // A baseline knows a member by its name too.
    let baseline = "[[accepted]]\nimage = \"steps\"\nrule = \"sp-row\"\nfunction = \"main.f\"\nreason = \"x\"\n";
    let baseline = files.write("baseline", baseline);
    assert_eq!(midframe(&["scan", &path, "--baseline", &baseline]).status, 0);
}

#[test]
fn a_program_can_come_from_standard_input() {
    let mut child = command(&["scan", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(&image(&[two_steps("main.f")]).bytes()).expect("a reader");
    drop(input);
    let found = run(child.wait_with_output().expect("the command ends"));
    assert_eq!(found.status, 1, "{found:?}");
    assert!(found.stdout.starts_with("-: arm64 elf, go1.24.1, 1 function, "), "{}", found.stdout);
}
