//! Real programs: what a scan finds in them, held against llvm's disassembly. Needs
//! the feature `toolchains` and `llvm-objdump`, and installs the programs into
//! `target/programs`.

use midframe::scan::{Cause, Finding, ScannedImage, scan_file};
use std::path::Path;
use std::process::Command;
use verifier::{Observer, Rule, Verdict};
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
    for findings in image.findings.chunk_by(|a, b| a.entry == b.entry) {
        let listing = Listing::new(&path, findings);
        findings.iter().for_each(|finding| check(&listing, finding));
        if let Some(first) = findings.iter().find(|finding| finding.rule == Rule::SavedLr) {
            check_saved_lr(&listing, first);
        }
    }
    image
}

/// A function as llvm disassembles it: address, mnemonic and operands.
struct Listing(Vec<(u64, String)>);

impl Listing {
    /// The function that the findings are of, up to behind the last.
    fn new(path: &Path, findings: &[Finding]) -> Self {
        let (first, last) = (&findings[0], findings.last().expect("a finding"));
        let output = Command::new("llvm-objdump")
            .args(["-d", "--no-show-raw-insn"])
            .arg(format!("--start-address={:#x}", first.entry.0))
            .arg(format!("--stop-address={:#x}", last.pc.0 + 4))
            .arg(path)
            .output()
            .expect("llvm-objdump (Debian package llvm)");
        let text = String::from_utf8_lossy(&output.stdout);
        let lines = text.lines().filter_map(|line| {
            let (address, instruction) = line.trim_start().split_once(':')?;
            let address = u64::from_str_radix(address, 16).ok()?;
            Some((address, instruction.split_whitespace().collect::<Vec<_>>().join(" ")))
        });
        Self(lines.collect())
    }

    /// The instruction that stands `back` before the boundary of a finding.
    fn before(&self, finding: &Finding, back: u64) -> &str {
        let at = finding.pc.0 - 4 * back;
        let line = self.0.iter().find(|(address, _)| *address == at);
        line.map_or("", |(_, instruction)| instruction)
    }
}

/// What each finding is, as llvm disassembles the instructions at the boundary and
/// before it.
fn check(listing: &Listing, finding: &Finding) {
    let (at, before) = (listing.before(finding, 0), listing.before(finding, 1));
    let what = format!("{finding:?}\n{before}\n{at}");
    let assembly = finding.position.as_ref().is_some_and(|(file, _)| file.ends_with(".s"));
    match finding.rule {
        // asm_arm64.s, `systemstack`, on the system stack already: the frame is popped by a
        // MOVD.P, which the assembler does not count, and the rows say 16 to the end.
        Rule::SpRow if finding.function == "runtime.systemstack" => {
            assert!(assembly && finding.observer == Observer::Profiler, "{what}");
            assert_eq!((finding.declared.0, finding.actual.0), (16, 0), "{what}");
            let behind = [before, listing.before(finding, 2)];
            assert!(behind.contains(&"ldr x30, [sp], #16"), "{what}");
        }
        // Between two additions to SP: the first leaves out what the second adds.
        Rule::SpRow => {
            let added = [before, at].map(|line| added_to_sp(line).expect(&what));
            assert_eq!(added[0], finding.declared.0 - finding.actual.0, "{what}");
            assert_eq!(added[0] + added[1], finding.declared.0, "{what}");
        }
        Rule::FramePointer => {
            assert_eq!(finding.observer, Observer::FramePointer, "{what}");
            assert!(check_frame_pointer(listing, finding), "{what}");
        }
        // In assembly only, where nobody is preempted.
        Rule::SavedLr => {
            assert!(assembly && finding.observer == Observer::Profiler, "{what}");
        }
        // `asmcgocall` returns with what it stored over the saved R29.
        Rule::Callee => {
            assert!(assembly && finding.function == "runtime.asmcgocall", "{what}");
            assert_eq!(finding.observer, Observer::FramePointer, "{what}");
        }
        // The return address of DUFFZERO in R27, which preemption does not keep.
        Rule::Restart => {
            assert_eq!((at, before), ("stp x29, x27, [sp, #-24]", "adr x27, #16"), "{what}");
            assert_eq!(finding.observer, Observer::AsyncPreemption, "{what}");
        }
        _ => panic!("nobody has looked at this one yet: {what}"),
    }
}

/// The two ways in which these programs, of releases that walk along frame pointers,
/// leave R29 where there is no pair.
fn check_frame_pointer(listing: &Listing, finding: &Finding) -> bool {
    let lines = [0, 1, 2, 3].map(|back| listing.before(finding, back));
    let at = lines[0];
    // A call of DUFFZERO or DUFFCOPY (asm7.go, `ADUFFCOPY`): its frame is below SP,
    // from behind the SUB to behind the call.
    let duff = |lines: &[&str]| {
        lines[0].starts_with("bl ")
            && lines[1..] == ["sub x29, sp, #24", "stp x29, x27, [sp, #-24]"]
    };
    // asm_arm64.s, `asmcgocall`, without a switch of stacks: SP is moved down by 16
    // and the old one is stored 8 bytes above, over the saved R29.
    let no_switch = lines[..3] == ["blr x1", "str x2, [sp, #8]", "str x4, [sp]"];
    duff(&lines[..3])
        || at == "sub x29, sp, #8" && duff(&lines[1..])
        || finding.function == "runtime.asmcgocall" && no_switch
}

/// How LR is lost at the first of the boundaries of a function at which it is.
fn check_saved_lr(listing: &Listing, first: &Finding) {
    let before = listing.before(first, 1);
    let what = format!("{first:?}\n{before}");
    let declared = first.declared.0;
    if before.starts_with("bl ") || before.starts_with("blr ") {
        // A call without a frame, which LR does not outlive.
        assert_eq!(declared, 0, "{what}");
    } else if before.starts_with("sub sp, sp, #") {
        // Words for arguments, or a frame of the function's own: the return address
        // is not at SP, where the row leads.
        assert!(declared > 0, "{what}");
    } else if added_to_sp(before).is_some() {
        // asyncPreempt pops what the signal handler pushed as well.
        assert!(first.function == "runtime.asyncPreempt" && declared < 0, "{what}");
    } else {
        // A local at 0(RSP), over the saved LR.
        let is_store = before.starts_with("str ") && before.ends_with(", [sp]");
        assert!(is_store && declared > 0, "{what}");
    }
}

/// What `add sp, sp, #n` or `add sp, sp, #n, lsl #12` adds.
fn added_to_sp(line: &str) -> Option<i64> {
    let operands = line.strip_prefix("add sp, sp, #")?;
    let digits: String = operands.chars().take_while(char::is_ascii_digit).collect();
    let value: i64 = digits.parse().ok()?;
    Some(if operands.contains("lsl #12") { value << 12 } else { value })
}

/// How many findings of a rule there are in the functions with this name.
fn count(image: &ScannedImage, rule: Rule, function: &str) -> usize {
    let found = |finding: &&Finding| finding.rule == rule && finding.function == function;
    image.findings.iter().filter(found).count()
}

/// The function of the original report, in Debian's podman.
#[test]
fn podman_has_the_reported_function() {
    let image = scan("podman");
    assert_eq!(image.summary.verdict(Observer::AsyncPreemption), Verdict::Refuted);
    let name = "github.com/vishvananda/netlink/nl.(*NetlinkSocket).Receive";
    let receive = image.findings.iter().filter(|f| f.rule == Rule::SpRow && f.function == name);
    let receive: Vec<_> = receive.collect();
    assert!(!receive.is_empty());
    for finding in receive {
        assert_eq!(finding.observer, Observer::AsyncPreemption);
        assert_eq!((finding.declared.0, finding.actual.0), (65616, 65536));
        assert_eq!(finding.frame_size.0, 65616);
        assert!(!finding.leaf);
        assert_eq!(finding.remedy.cause, Cause::LargePop);
        assert!(finding.remedy.rebuild_is_enough);
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

/// A leaf of go1.19 moves SP before R29 (golang/go#63830), and in go1.19 nobody looks:
/// `fpTracebackPCs` came with go1.21.
#[test]
fn leaves_of_go1_19_leave_r29_below_sp_unseen() {
    for name in ["hugo", "restic"] {
        let image = scan(name);
        assert!(image.go_version.as_deref().is_some_and(|version| version.starts_with("go1.19.")));
        assert!(image.summary.unobserved > 100, "{name}: {}", image.summary.unobserved);
        assert!(image.summary.unobserving.contains(Observer::FramePointer), "{name}");
        assert_eq!(image.summary.verdict(Observer::FramePointer), Verdict::NotObserved, "{name}");
        let seen = |finding: &Finding| finding.observers.contains(Observer::FramePointer);
        assert!(!image.findings.iter().any(seen), "{name}");
    }
}

/// The call of DUFFZERO in one function of hugo, which is esbuild's printer, of
/// go1.19.6: a goroutine preempted between the ADR that makes the return address in R27
/// and the STP that stores it has lost it. `isUnsafePoint` (asm7.go) of go1.19.8 does
/// not look at the registers of a pair, that of go1.23.9 does.
#[test]
fn r27_is_lost_on_the_way_into_duffzero() {
    let image = scan("hugo");
    let restart: Vec<_> = image.findings.iter().filter(|f| f.rule == Rule::Restart).collect();
    let [finding] = restart[..] else { panic!("{restart:?}") };
    assert_eq!((&*finding.function, finding.observer), (PRINT, Observer::AsyncPreemption));
    assert_eq!(finding.remedy.cause, Cause::DuffZeroReturn);
    // Nobody walks along R29 in go1.19.
    assert_eq!(count(&image, Rule::FramePointer, PRINT), 0);
}

const PRINT: &str =
    "github.com/evanw/esbuild/internal/js_printer.(*printer).printRequireOrImportExpr";

/// esbuild has no large frames: clean for preemption on both sides of the fix. The
/// runtime's own assembly is popped in two steps before it, and seen by profilers
/// only. The walk along frame pointers is misled at the call of DUFFZERO and in
/// `asmcgocall`, on both sides.
#[test]
fn esbuild_is_clean_for_preemption() {
    let (before, after) = (scan("esbuild-0.25.0"), scan("esbuild-0.25.9"));
    assert_eq!(before.go_version.as_deref(), Some("go1.23.5"));
    assert_eq!(after.go_version.as_deref(), Some("go1.23.12"));
    for image in [&before, &after] {
        assert_eq!(image.summary.verdict(Observer::AsyncPreemption), Verdict::Proved);
        let found = |finding: &Finding| (finding.rule, finding.observer);
        let walked = image.findings.iter().filter(|f| f.observer != Observer::Profiler);
        let walked: Vec<_> = walked.map(|f| (found(f), &*f.function)).collect();
        let walk = (Rule::FramePointer, Observer::FramePointer);
        let returned = (Rule::Callee, Observer::FramePointer);
        let misled = [(walk, "runtime.asmcgocall"), (returned, "runtime.asmcgocall")];
        assert_eq!(walked, [&misled[..], &[(walk, PRINT); 2]].concat());
        // `str w2, [sp]`, from behind which the function runs to its first ADD.
        assert_eq!(count(image, Rule::SavedLr, "internal/chacha8rand.block"), 142);
        for (function, cause) in [
            (PRINT, Cause::DuffZeroFrame),
            ("runtime.asmcgocall", Cause::Assembly),
            ("internal/chacha8rand.block", Cause::Assembly),
        ] {
            let of = |finding: &&Finding| finding.function == function;
            let causes: Vec<_> = image.findings.iter().filter(of).map(|f| f.remedy.cause).collect();
            assert!(!causes.is_empty() && causes.iter().all(|found| *found == cause), "{function}");
        }
    }
    let functions = |image: &ScannedImage| {
        let findings = image.findings.iter().filter(|finding| finding.rule == Rule::SpRow);
        findings.map(|finding| finding.function.clone()).collect::<Vec<_>>()
    };
    // What is said to be fixed by go1.23.12 is in the first, and not in the second.
    let pops = |image: &ScannedImage| {
        let pop = |finding: &&Finding| finding.remedy.cause == Cause::LargePop;
        image.findings.iter().filter(pop).map(|f| f.function.clone()).collect::<Vec<_>>()
    };
    assert!(pops(&before).contains(&"runtime.call65536".to_owned()), "{:?}", pops(&before));
    assert_eq!(pops(&after), [""; 0]);
    assert!(functions(&before).contains(&"runtime.call65536".to_owned()));
    // Not popped in two steps, but by a MOVD.P. `debugCall65536`, the leaf in assembly
    // that the fix does not cover, is undecided: a BRK is in it.
    assert_eq!(functions(&after), ["runtime.systemstack"; 2]);
    let breakpoint = |image: &ScannedImage| {
        image.summary.undecided.keys().any(|reason| reason.to_string().contains("BRK"))
    };
    assert!(breakpoint(&before) && breakpoint(&after));
}
