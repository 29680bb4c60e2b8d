//! The lowering against live toolchains, byte for byte and row for row. Needs the
//! feature `toolchains`, and installs what it needs into `target/toolchains`.

mod agreement;

use agreement::Agreement;
use lowering::{Os, Policy};
use std::collections::BTreeSet;
use xtask::assembly::assemble;
use xtask::cases::{around_thresholds, frames, patterns};
use xtask::toolchain::{TOOLCHAINS, Toolchain};

/// Compares one toolchain over all cases.
fn check(version: &str) -> Agreement {
    let toolchain = Toolchain::install(version).expect("an installed toolchain");
    let policy = Policy::resolve(&toolchain.version).expect("a supported release");
    let sizes = patterns();
    assert!(sizes.len() >= 30_000 && sizes.is_superset(&around_thresholds()));
    let mut cases = frames(&sizes, Os::Linux);
    // The other systems differ in one instruction of the prologue at most.
    let fewer: BTreeSet<_> = sizes.iter().copied().step_by(8).chain(around_thresholds()).collect();
    cases.extend(frames(&fewer, Os::Darwin));
    cases.extend(frames(&fewer, Os::Ios));
    let assembled = assemble(&toolchain, &cases).expect("a listing of every frame");
    assert_eq!(assembled.len(), cases.len());
    let agreement = Agreement::of(&assembled, policy);
    println!("{} ({}), {} frame sizes: {agreement}", toolchain.version, policy.name, sizes.len());
    agreement.assert_total(&toolchain.version);
    agreement
}

#[test]
fn every_toolchain_agrees_with_the_policy_of_its_release() {
    let mut total = Agreement::default();
    for version in TOOLCHAINS {
        total.add(&check(version));
    }
    println!("all toolchains: {total}");
}

/// A policy of the other side of the fix does not agree: the comparison can fail.
#[test]
fn the_policies_of_both_sides_of_the_fix_are_told_apart() {
    let sizes = around_thresholds();
    for (version, other) in [("1.24.3", "go1.24.6"), ("1.24.11", "go1.24")] {
        let toolchain = Toolchain::install(version).expect("an installed toolchain");
        let assembled = assemble(&toolchain, &frames(&sizes, Os::Linux)).expect("a listing");
        let agreement = Agreement::of(&assembled, Policy::resolve(other).expect("a policy"));
        assert!(agreement.differences.len() > 20, "{version} against {other}: {agreement}");
    }
}
