//! The lowering against programs that toolchains have linked, read back by the
//! image reader: the words as they run, and `pcsp` and `PCDATA_UnsafePoint` as the
//! runtime reads them. Needs the feature `toolchains`.

mod agreement;

use agreement::Agreement;
use image::Image;
use lowering::{Frame, Kind, Os, Policy, StackCheck};
use std::collections::BTreeMap;
use std::path::Path;
use unwind::{FuncFlags, Index, RowTable};
use xtask::assembly::{Assembled, link};
use xtask::cases::{around_thresholds, frames, patterns};
use xtask::toolchain::{TOOLCHAINS, Toolchain};

/// Frames around the thresholds, and every eleventh of the patterns. The linker
/// refuses large frames without a stack check.
fn cases() -> Vec<Frame> {
    let mut sizes = around_thresholds();
    sizes.extend(patterns().into_iter().step_by(11));
    let cases = frames(&sizes, Os::Linux);
    cases.into_iter().filter(|frame| frame.check == StackCheck::WhereNeeded).collect()
}

/// Reads the functions `main.f0`, `main.f1`, ... of a program.
fn read(program: &Path, frames: &[Frame]) -> Vec<Assembled> {
    let bytes = std::fs::read(program).expect("a linked program");
    let image = Image::parse(&bytes).expect("a Go program");
    let mut found = BTreeMap::new();
    let mut table = RowTable::new();
    for index in 0..image.function_count() {
        let function = image.function(index).expect("a function");
        // Go's callers reach the assembly through a wrapper of the same name.
        let name = std::str::from_utf8(function.name()).expect("a name");
        let number = name.strip_prefix("main.f").and_then(|number| number.parse::<usize>().ok());
        let Some(number) = number.filter(|_| function.flags.contains(FuncFlags::ASM)) else {
            continue;
        };
        function.rows(&mut table).expect("rows");
        let mut words: Vec<u32> = function.code.iter().map(|word| word.get()).collect();
        while words.last() == Some(&0) {
            words.pop();
        }
        let row = |at| table.row(Index(at)).expect("a row at each boundary");
        let rows = (0..words.len() as u32).map(row);
        let rows = rows.map(|row| (row.depth.0, row.unsafe_point.pcdata())).collect();
        let frame = *frames.get(number).expect("a function that was asked for");
        found.insert(number, Assembled { frame, words, rows });
    }
    assert_eq!(found.len(), frames.len());
    found.into_values().collect()
}

#[test]
fn linked_programs_agree_with_the_policy_of_their_release() {
    let cases = cases();
    assert!(cases.iter().filter(|frame| frame.kind == Kind::Leaf).count() > 2000);
    let mut total = Agreement::default();
    for version in TOOLCHAINS {
        let toolchain = Toolchain::install(version).expect("an installed toolchain");
        let policy = Policy::resolve(&toolchain.version).expect("a supported release");
        let program = link(&toolchain, &cases).expect("a linked program");
        let agreement = Agreement::of_linked(&read(&program, &cases), policy);
        println!("{} ({}), linked: {agreement}", toolchain.version, policy.name);
        agreement.assert_total(&toolchain.version);
        total.add(&agreement);
    }
    println!("all toolchains, linked: {total}");
}
