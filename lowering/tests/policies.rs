//! Names and releases of policies.

use lowering::policy::{LargePop, Policy, SmallPop};
use lowering::{Frame, FrameSize, Kind, ResolveError, lower};
use std::collections::HashSet;

/// The policy that a release resolves to.
fn check(release: &str, policy: &str) {
    let resolved = Policy::resolve(release).map(|policy| policy.name);
    assert_eq!(resolved, Ok(policy), "{release}");
}

// Where golang/go#73259 was fixed: go1.23.12, go1.24.6, go1.25.0. Where
// golang/go#63830 was not: go1.21.3 (reported), go1.19.8 (its sources).
#[test]
fn releases_have_their_policies() {
    for (release, policy) in [
        ("go1.19", "go1.19"),
        ("go1.19.8", "go1.19"),
        ("go1.21.3", "go1.19"),
        ("go1.21.13", "go1.22"),
        ("go1.22.10", "go1.22"),
        ("go1.23.0", "go1.22"),
        ("go1.23.11", "go1.22"),
        ("go1.23.12", "go1.23.12"),
        ("go1.24", "go1.24"),
        ("go1.24.0", "go1.24"),
        ("go1.24.5", "go1.24"),
        ("go1.24.6", "go1.24.6"),
        ("go1.24.11", "go1.24.6"),
        ("go1.25.0", "go1.24.6"),
        ("go1.26", "go1.26"),
        ("go1.27.3", "go1.26"),
        ("go1.24.3-1~deb13u1", "go1.24"),
        ("go1.24.3 X:nocoverageredesign", "go1.24"),
    ] {
        check(release, policy);
    }
}

#[test]
fn an_unsupported_release_names_the_supported_ones() {
    for release in ["go1.18.10", "go1.21.4", "go1.21.12", "go1.28", "go1.2"] {
        let error = Policy::resolve(release).unwrap_err();
        assert!(matches!(error, ResolveError::Unsupported { .. }), "{release}: {error}");
        let text = error.to_string();
        assert!(text.contains("go1.24.0 to go1.24.5"), "{text}");
        assert!(text.contains("go1.26.0 to go1.27.x"), "{text}");
    }
    for name in
        ["", "go", "go1", "go1.", "go1.x", "go1.24.", "go1.24.x", "go2.1", "1.24.5", "go1.-1"]
    {
        let error = Policy::resolve(name).unwrap_err();
        assert!(matches!(error, ResolveError::Unknown { .. }), "{name}: {error}");
        assert!(error.to_string().contains("go1.23.12"), "{error}");
    }
}

#[test]
fn names_are_unique_and_ranges_do_not_overlap() {
    let names: HashSet<_> = Policy::BUILT_IN.iter().map(|policy| policy.name).collect();
    assert_eq!(names.len(), Policy::BUILT_IN.len());
    let mut ranges: Vec<_> = Policy::BUILT_IN.iter().flat_map(|policy| policy.releases).collect();
    ranges.sort_by_key(|range| range.first);
    for pair in ranges.windows(2) {
        assert!(pair[0].last < pair[1].first, "{} and {}", pair[0], pair[1]);
    }
}

/// A policy of one's own is a value, made without touching this crate.
#[test]
fn a_policy_can_be_made_outside() {
    let base = *Policy::resolve("go1.22").unwrap();
    let mine = Policy {
        name: "mine",
        small_pop: SmallPop::PostIndex,
        large_pop: LargePop::Register,
        releases: &[],
        ..base
    };
    let fixed = Policy::resolve("go1.24.6").unwrap();
    for size in [16, 240, 256, 4096, 65616, 1 << 24] {
        let frame = Frame::new(FrameSize::new(size).unwrap(), Kind::NonLeaf);
        assert_eq!(lower(&frame, &mine).words(), lower(&frame, fixed).words(), "{size}");
    }
}
