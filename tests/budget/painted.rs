//! Compiled functions, run on a painted stack: what they touched is what was measured.

use crate::{Figure, budget, directory, source};
use std::path::Path;
use std::process::Command;
use xtask::cross::Compiler;
use xtask::truth::emulator::Emulator;

/// What Go reserved for a call of the vDSO, in bytes.
const RESERVED: u64 = 104;

const CHECKS: [(&str, &str); 3] = [
    ("plain", "-fno-stack-check"),
    ("checked", "-fstack-check"),
    ("clash", "-fstack-clash-protection"),
];

/// The four cases of the hunt: only a function that is no leaf and is checked probes beyond
/// what Go had reserved.
#[test]
fn only_the_checked_function_that_calls_exceeds() {
    let compiler = Compiler::install().expect("a compiler");
    println!("{}", compiler.version);
    let mut exceeding = Vec::new();
    for (check, flag) in &CHECKS[..2] {
        for (helper, define) in [("called", "-DCALLED"), ("inlined", "-DINLINED")] {
            let library = directory("vdso").join(format!("{check}-{helper}.so"));
            let arguments = ["-O2", "-fPIC", "-shared", "-nostdlib", flag, define];
            compiler.compile(&arguments, &[&source("vdso.c")], &library).expect("a library");
            let (status, figures) = budget(&library, RESERVED);
            assert!(figures.iter().all(|figure| figure.is_decided), "{figures:?}");
            let figure = find(&figures, "get_time");
            println!("{check}, {helper}: {} bytes, status {status}", figure.depth);
            // The function is a leaf if its helper is inlined.
            assert_eq!(figures.len(), if helper == "inlined" { 1 } else { 2 });
            assert_eq!(status, i32::from(figure.depth > RESERVED));
            let painted = painted(&compiler, &[flag, define], &["get_time"], "vdso.c");
            assert_eq!(painted, [("get_time".to_owned(), figure.depth)], "{check}, {helper}");
            if figure.depth > RESERVED {
                exceeding.push((*check, helper));
            }
        }
    }
    assert_eq!(exceeding, [("checked", "called")]);
}

/// Frames of many sizes, with each kind of probe: the paint is gone exactly as deep as was
/// measured, or less where what is deepest was only read or reserved.
#[test]
fn frames_of_many_sizes() {
    let compiler = Compiler::install().expect("a compiler");
    let sizes = [16, 500, 4000, 5000, 20000, 70000, 200_000];
    let names: Vec<_> =
        sizes.iter().flat_map(|size| [format!("shape_{size}"), format!("leaf_{size}")]).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    for optimization in ["-O1", "-O2"] {
        for (check, flag) in CHECKS {
            let file = directory("shapes").join(format!("{check}{optimization}.o"));
            let arguments = ["-c", "-ffreestanding", optimization, flag];
            compiler.compile(&arguments, &[&source("shapes.c")], &file).expect("an object");
            let (_, figures) = budget(&file, RESERVED);
            let painted = painted(&compiler, &[flag, optimization], &names, "shapes.c");
            assert_eq!(painted.len(), names.len(), "{painted:?}");
            let mut exact = 0;
            for (name, depth) in &painted {
                let figure = find(&figures, name);
                assert!(figure.is_decided, "{check} {optimization} {name}");
                assert!(
                    *depth <= figure.depth,
                    "{check} {optimization} {name}: {depth} {figure:?}"
                );
                // Frames are rounded up to 16 bytes, and a word of them may be unused.
                assert!(figure.depth - depth < 32, "{name}: {depth} of {figure:?}");
                exact += usize::from(*depth == figure.depth);
            }
            println!("{check} {optimization}: {exact} of {} exactly", painted.len());
            let probes = figures.iter().any(|figure| figure.depth > 200_000 + 4000);
            assert_eq!(probes, check == "checked", "{figures:?}");
        }
    }
}

fn find<'f>(figures: &'f [Figure], name: &str) -> &'f Figure {
    let figure = figures.iter().find(|figure| figure.function == name);
    figure.unwrap_or_else(|| panic!("{name} in {figures:?}"))
}

/// How deep functions of a source were seen to write.
fn painted(
    compiler: &Compiler,
    flags: &[&str],
    names: &[&str],
    functions: &str,
) -> Vec<(String, u64)> {
    Emulator::install().expect("an emulator");
    let name: String = flags.concat().chars().filter(char::is_ascii_alphanumeric).collect();
    let directory = directory("painted");
    let [object, program] =
        ["o", "exe"].map(|end| directory.join(format!("{functions}-{name}.{end}")));
    let mut arguments = vec!["-O2", "-c", "-ffreestanding"];
    arguments.extend(flags);
    compiler.compile(&arguments, &[&source(functions)], &object).expect("an object");
    let measures: String = names.iter().map(|name| format!("MEASURE({name}) ")).collect();
    let define = format!("-DFUNCTIONS={measures}");
    let arguments = ["-O1", "-ffreestanding", "-nostdlib", "-static", &define];
    let sources: [&Path; 2] = [&source("paint.c"), &object];
    compiler.compile(&arguments, &sources, &program).expect("a program");
    let output = Command::new("qemu-aarch64").arg(&program).output().expect("the emulator starts");
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    let line = |line: &str| {
        let (name, depth) = line.split_once(' ').expect("a name and a number");
        (name.to_owned(), depth.parse().expect("a number"))
    };
    lines.lines().map(line).collect()
}
