//! The time of a scan beside that of `llvm-objdump -d --no-show-raw-insn` and
//! `sha256sum` on the same file, in the same run, warm, and the cost of a boundary on one
//! core: `cargo bench --bench scan -- FILE...` (without a file: Debian's dockerd, podman,
//! hugo and prometheus, installed into `target/`).

use midframe::scan::scan_file;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The best of several runs, in seconds.
fn best(runs: u32, mut run: impl FnMut()) -> f64 {
    let time = |run: &mut dyn FnMut()| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    };
    (0..runs).map(|_| time(&mut run)).fold(f64::INFINITY, f64::min)
}

fn command(name: &str, arguments: &[&str], file: &Path) {
    let status = Command::new(name).args(arguments).arg(file).stdout(Stdio::null()).status();
    assert!(status.is_ok_and(|status| status.success()), "{name} failed");
}

fn defaults() -> Vec<PathBuf> {
    let names = ["dockerd", "podman", "hugo"];
    let programs = names.map(|name| xtask::programs::install_named(name).expect("a program"));
    let prometheus = xtask::survey::Package::install("prometheus").expect("a package");
    programs.into_iter().chain([prometheus.tree.join("usr/bin/prometheus")]).collect()
}

fn main() {
    let files: Vec<PathBuf> =
        std::env::args().skip(1).filter(|a| a != "--bench").map(PathBuf::from).collect();
    let files = match files.is_empty() {
        true => defaults(),
        false => files,
    };
    let one_core = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    for file in files {
        let size = std::fs::metadata(&file).map_or(0, |metadata| metadata.len());
        let image = scan_file(&file).expect("a Go program for arm64");
        let scan = best(7, || drop(scan_file(&file)));
        let one = best(3, || drop(one_core.install(|| scan_file(&file))));
        let ours = env!("CARGO_BIN_EXE_midframe");
        let midframe = || best(10, || command(ours, &["scan", "--fail-on", "never"], &file));
        // A machine that others use as well is slow for seconds at a time, in which there are
        // many scans and one disassembly: scans are timed on both sides of it.
        let before = midframe();
        let objdump = best(1, || command("llvm-objdump", &["-d", "--no-show-raw-insn"], &file));
        let midframe = before.min(midframe());
        let sha256 = best(3, || command("sha256sum", &[], &file));
        println!(
            "{} ({:.1} MB, {} boundaries)",
            file.display(),
            size as f64 / 1e6,
            image.summary.boundaries
        );
        println!("  in process     {:>8.1} ms", scan * 1e3);
        println!("  midframe scan  {:>8.1} ms", midframe * 1e3);
        println!(
            "  on one core    {:>8.1} ms, {:.1} ns a boundary",
            one * 1e3,
            one * 1e9 / image.summary.boundaries as f64
        );
        println!(
            "  llvm-objdump   {:>8.1} ms, {:>6.1} times a scan",
            objdump * 1e3,
            objdump / midframe
        );
        println!(
            "  sha256sum      {:>8.1} ms, {:>6.1} times a scan",
            sha256 * 1e3,
            sha256 / midframe
        );
    }
}
