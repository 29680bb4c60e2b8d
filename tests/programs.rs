//! Real programs: what a scan finds in them, held against llvm's disassembly. Needs
//! the feature `toolchains` and `llvm-objdump`, and installs the programs into
//! `target/programs`.

use midframe::scan::{Finding, ScannedImage, scan_file};
use std::path::Path;
use std::process::Command;
use verifier::{Observer, Verdict};
use xtask::programs;

fn scan(name: &str) -> ScannedImage {
    let path = programs::install_named(name).expect("an installed program");
    let image = scan_file(&path).expect("a Go program");
    println!(
        "{name}: {:?}, {} functions, {} boundaries, {} findings",
        image.go_version,
        image.summary.functions,
        image.summary.boundaries,
        image.findings.len()
    );
    assert!(image.summary.functions > 1000 && image.summary.boundaries > 100_000, "{name}");
    let undecided: Vec<_> = image.summary.undecided.values().collect();
    assert!(undecided.iter().all(|unsettled| unsettled.preemptible == 0), "{name}: {undecided:?}");
    for finding in &image.findings {
        disassemble(&path, finding);
    }
    image
}

/// Each finding is a boundary between two additions to SP whose first leaves out
/// what the second adds: as llvm disassembles the two instructions.
fn disassemble(path: &Path, finding: &Finding) {
    let (start, stop) = (finding.pc.0 - 4, finding.pc.0 + 4);
    let output = Command::new("llvm-objdump")
        .args(["-d", "--no-show-raw-insn"])
        .arg(format!("--start-address={start:#x}"))
        .arg(format!("--stop-address={stop:#x}"))
        .arg(path)
        .output()
        .expect("llvm-objdump (Debian package llvm)");
    let text = String::from_utf8_lossy(&output.stdout);
    let added: Vec<i64> = text.lines().filter_map(added_to_sp).collect();
    let [first, second] = added[..] else { panic!("{finding:?}\n{text}") };
    assert_eq!(first, finding.declared.0 - finding.actual.0, "{finding:?}\n{text}");
    assert_eq!(first + second, finding.declared.0, "{finding:?}\n{text}");
}

/// What `add sp, sp, #n` or `add sp, sp, #n, lsl #12` adds.
fn added_to_sp(line: &str) -> Option<i64> {
    let (_, operands) = line.split_once("add\tsp, sp, #")?;
    let digits: String = operands.chars().take_while(char::is_ascii_digit).collect();
    let value: i64 = digits.parse().ok()?;
    Some(if operands.contains("lsl #12") { value << 12 } else { value })
}

/// The function of the original report, in Debian's podman.
#[test]
fn podman_has_the_reported_function() {
    let image = scan("podman");
    assert_eq!(image.summary.verdict(Observer::AsyncPreemption), Verdict::Refuted);
    let name = "github.com/vishvananda/netlink/nl.(*NetlinkSocket).Receive";
    let receive: Vec<_> = image.findings.iter().filter(|f| f.function == name).collect();
    assert!(!receive.is_empty());
    for finding in receive {
        assert_eq!(finding.observer, Observer::AsyncPreemption);
        assert_eq!((finding.declared.0, finding.actual.0), (65616, 65536));
        assert_eq!(finding.frame_size.0, 65616);
        assert!(!finding.leaf);
        let (file, line) = finding.position.clone().expect("a position");
        assert!(file.ends_with("netlink/nl/nl_linux.go") && line > 0, "{file}:{line}");
    }
}

#[test]
fn debian_programs_end_without_an_undecided_ordinary_function() {
    for name in ["runc", "dockerd", "containerd"] {
        let image = scan(name);
        assert_eq!(image.summary.verdict(Observer::AsyncPreemption), Verdict::Refuted, "{name}");
    }
}

/// esbuild has no large frames: clean for preemption on both sides of the fix. The
/// runtime's own assembly is popped in two steps before it, and seen by profilers
/// only.
#[test]
fn esbuild_is_clean_for_preemption() {
    let (before, after) = (scan("esbuild-0.25.0"), scan("esbuild-0.25.9"));
    assert_eq!(before.go_version.as_deref(), Some("go1.23.5"));
    assert_eq!(after.go_version.as_deref(), Some("go1.23.12"));
    for image in [&before, &after] {
        assert_eq!(image.summary.verdict(Observer::AsyncPreemption), Verdict::Proved);
        assert!(image.findings.iter().all(|finding| finding.observer == Observer::Profiler));
    }
    let functions = |image: &ScannedImage| {
        image.findings.iter().map(|finding| finding.function.clone()).collect::<Vec<_>>()
    };
    assert!(functions(&before).contains(&"runtime.call65536".to_owned()));
    // A leaf in assembly, which the fix does not cover.
    assert_eq!(functions(&after), ["debugCall65536"]);
}
