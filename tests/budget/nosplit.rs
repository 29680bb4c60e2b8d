//! A program of Go: its linker adds up the declared frame sizes of functions that do not
//! ask for stack (`cmd/link/internal/ld/stackcheck.go`) and prints what it adds with
//! `-debugnosplit`. The figures from the code are those, or 8 bytes more: R29 is saved below
//! SP, which the linker takes from the limit instead of adding it. Before a call of
//! `runtime.duffcopy` or `runtime.duffzero` a frame of 24 bytes is made below SP
//! (`obj7.go`, `ADUFFCOPY`), of which the linker does not know.

use crate::{budget, directory};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use xtask::toolchain::{Toolchain, repository};

/// `abi.StackNosplitBase`, without the 8 bytes for R29.
const LIMIT: u64 = 800 - 8;

const SOURCE: &str = "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"text\") }\n";

#[test]
fn the_figures_are_the_linkers() {
    for version in ["1.24.11", "1.27.3"] {
        let toolchain = Toolchain::install(version).expect("a toolchain");
        let directory = directory(&format!("nosplit-{version}"));
        let program = directory.join("program");
        let printed = link(&toolchain, &directory);
        let edges = edges(&printed);
        let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for symbol in edges.keys() {
            names.entry(plain(symbol)).or_default().push(symbol);
        }
        let (status, figures) = budget(&program, LIMIT + 8);
        // Nothing exceeds what the linker let pass.
        assert_eq!(status, 3, "{version}");
        let (mut same, mut deep, mut with_pointer, mut duff) = (0, 0, 0, 0);
        for figure in figures.iter().filter(|figure| figure.is_decided) {
            // ABI0 and ABIInternal are two symbols of one name.
            let Some([symbol]) = names.get(figure.function.as_str()).map(Vec::as_slice) else {
                continue;
            };
            let Some(height) = height(symbol, &edges, &mut BTreeSet::new()) else { continue };
            let more = figure.depth.checked_sub(height);
            let copies = leads_to_duff(symbol, &edges, &mut BTreeSet::new());
            let is_explained = matches!(more, Some(0 | 8)) || copies && more == Some(24);
            assert!(is_explained, "{version} {figure:?}: the linker has {height}");
            duff += usize::from(more == Some(24));
            same += 1;
            deep += usize::from(height > 0);
            with_pointer += usize::from(more == Some(8));
        }
        println!(
            "{version}: {same} functions, {deep} of a height; {with_pointer} are 8 bytes deeper, \
             {duff} are 24"
        );
        assert!(same > 1000 && deep > 20 && with_pointer > 20, "{same} {deep} {with_pointer}");
    }
}

/// What the linker prints.
fn link(toolchain: &Toolchain, directory: &std::path::Path) -> String {
    std::fs::write(directory.join("go.mod"), "module example.com/program\n").expect("a file");
    std::fs::write(directory.join("main.go"), SOURCE).expect("a file");
    let mut go = Command::new(toolchain.goroot.join("bin/go"));
    go.env("GOROOT", &toolchain.goroot).env("GOTOOLCHAIN", "local").env("CGO_ENABLED", "0");
    go.env("GOOS", "linux").env("GOARCH", "arm64").env("GOFLAGS", "-buildvcs=false");
    go.env("GOCACHE", repository().join("target/go-cache"));
    // Forced: what the linker prints is not in the cache.
    go.args(["build", "-ldflags=-debugnosplit", "-o", "program", "."]).current_dir(directory);
    let _ = std::fs::remove_file(directory.join("program"));
    let output = go.output().expect("the toolchain starts");
    assert!(output.status.success(), "{output:?}");
    [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8")).concat()
}

/// By symbol: how much deeper it goes, and to which other.
type Edges<'a> = BTreeMap<&'a str, BTreeSet<(u64, Option<&'a str>)>>;

/// `nosplit: caller<1> +32 -> callee<1>`.
fn edges(printed: &str) -> Edges<'_> {
    let mut edges = Edges::new();
    for line in printed.lines().filter_map(|line| line.strip_prefix("nosplit: ")) {
        let (line, callee) = match line.split_once(" -> ") {
            Some((line, callee)) => (line, Some(callee)),
            None => (line, None),
        };
        let (symbol, growth) = line.rsplit_once(" +").expect("a growth");
        let growth = growth.parse().expect("a number");
        edges.entry(symbol).or_default().insert((growth, callee));
    }
    assert!(edges.len() > 1000, "{printed}");
    edges
}

/// Without the version of the symbol.
fn plain(symbol: &str) -> &str {
    symbol.rsplit_once('<').map_or(symbol, |(name, _)| name)
}

/// Whether a function calls one that copies or clears without a frame, or calls one that
/// does.
fn leads_to_duff<'a>(symbol: &'a str, edges: &Edges<'a>, seen: &mut BTreeSet<&'a str>) -> bool {
    if !seen.insert(symbol) {
        return false;
    }
    let mut callees = edges.get(symbol).into_iter().flatten().filter_map(|&(_, callee)| callee);
    plain(symbol).starts_with("runtime.duff")
        || callees.any(|callee| leads_to_duff(callee, edges, seen))
}

/// What the linker adds up; `None` where it does not know what is called.
fn height<'a>(symbol: &'a str, edges: &Edges<'a>, open: &mut BTreeSet<&'a str>) -> Option<u64> {
    if plain(symbol) == "runtime.morestack" {
        return Some(0);
    }
    if symbol == "indirect" || !open.insert(symbol) {
        return None;
    }
    let mut height = 0;
    for &(growth, callee) in edges.get(symbol).into_iter().flatten() {
        let below = callee.map_or(Some(0), |callee| self::height(callee, edges, open))?;
        height = height.max(growth + below);
    }
    open.remove(symbol);
    Some(height)
}
