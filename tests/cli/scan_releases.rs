//! What `midframe scan` says about releases: who looks in that of an image, and which
//! others mend a finding.

use crate::assembler::{LEAF_1_27_3, words};
use crate::fixtures::{Files, clean, image, leaf, overwrites_lr, two_steps};
use crate::schema;
use crate::support::{args, json, list, midframe};
use image::testing::{GoFunction, GoImage};
use serde_json::{Value, json};

/// Scans an image; returns its JSON and its text.
fn scan(image: &GoImage, line: &str, status: i32) -> (Value, String) {
    let files = Files::new();
    let path = files.write("program", image.bytes());
    let text = midframe(&[&["scan", &path], &*args(line)].concat());
    let machine = midframe(&[&["scan", &path, "--format=json"], &*args(line)].concat());
    let document = json(&machine);
    schema::check(&document, &schema::SCAN, "scan");
    assert_eq!((text.status, machine.status), (status, status), "{line}: {document}");
    (document["images"][0].clone(), text.stdout)
}

/// The execution tracer of go1.21 was the first to walk along frame pointers
/// (`runtime/trace.go`): before, R29 astray is nobody's finding.
#[test]
fn nobody_walks_along_frame_pointers_before_go1_21() {
    let functions = vec![clean("main.main"), leaf("main.leaf"), two_steps("main.f")];
    for release in 18..=27 {
        let image = GoImage::new(release, functions.clone());
        let walked = release >= 21;
        let (found, text) = scan(&image, "--fail-on frame-pointer", i32::from(walked));
        let rules = list(&found["findings"]).iter().map(|finding| finding["rule"].as_str());
        let rules: Vec<_> = rules.flatten().collect();
        let expected = if walked { vec!["frame-pointer", "sp-row"] } else { vec!["sp-row"] };
        assert_eq!(rules, expected, "go1.{release}");
        let verdict = if walked { "refuted" } else { "not-observed" };
        assert_eq!(found["verdicts"]["frame-pointer"], verdict, "go1.{release}");
        let unobserving = if walked { json!([]) } else { json!(["frame-pointer"]) };
        assert_eq!(found["unobserving"], unobserving, "go1.{release}");
        assert_eq!(found["unobserved_boundaries"], i32::from(!walked), "go1.{release}");
        let line = format!(
            "not observed: nobody walks along R29 in go1.{release}.1 (astray at 1 boundary)"
        );
        assert_eq!(text.contains(&line), !walked, "{text}");
        assert_eq!(text.contains("The frame-pointer unwinder follows R29"), walked, "{text}");
    }
    // Of an unknown release nothing is taken for granted.
    let unknown = GoImage { buildinfo: false, ..GoImage::new(19, functions) };
    let (found, _) = scan(&unknown, "--fail-on frame-pointer", 1);
    assert_eq!(found["verdicts"]["frame-pointer"], "refuted");
}

/// The remedy of each finding of an image: rule, releases, whether a rebuild is enough.
fn remedies(image: &GoImage) -> Vec<Value> {
    let (found, text) = scan(image, "--fail-on never", 0);
    let findings = list(&found["findings"]).iter();
    findings
        .map(|finding| {
            let sentence = finding["remedy"].as_str().expect("a sentence");
            let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.contains(sentence), "{sentence:?} in {text}");
            json!([finding["rule"], finding["fixed_in"], finding["rebuild_is_enough"]])
        })
        .collect()
}

/// golang/go#73259, and RFC 0003 for what its fix leaves: the leaf of go1.27.3.
#[test]
fn the_releases_that_mend_the_pop_of_a_large_frame() {
    let fix = json!(["sp-row", ["go1.23.12", "go1.24.6", "go1.25.0"], true]);
    assert_eq!(remedies(&image(&[two_steps("main.f")])), std::slice::from_ref(&fix));
    let unknown = GoImage { buildinfo: false, ..image(&[two_steps("main.f")]) };
    assert_eq!(remedies(&unknown), [fix]);
    // A release that has the fix cannot be told to take it: no such code is its own.
    let mended = GoImage::new(26, vec![two_steps("main.f")]);
    assert_eq!(remedies(&mended), [json!(["sp-row", [], false])]);
    // `TEXT ·f(SB), $65600-0; NOOP; RET`: R29 in two steps, then SP.
    let large = GoFunction {
        depths: vec![(10, 0), (6, 65616), (4, 0)],
        unsafe_points: vec![(1, -1), (5, -2), (3, -1), (1, -2), (7, -1), (2, -2), (1, -1)],
        ..GoFunction::new("main.f", &words(LEAF_1_27_3))
    };
    let none = |rule| json!([rule, [], false]);
    for release in [24, 27] {
        let found = remedies(&GoImage::new(release, vec![large.clone()]));
        assert_eq!(found, [none("frame-pointer"), none("sp-row")], "go1.{release}");
    }
}

/// golang/go#63830: go1.21.13 is the first of its minor version that is known to have
/// the fix. The frame has 32 bytes.
#[test]
fn the_releases_that_mend_the_order_in_a_leaf() {
    let fix = json!(["frame-pointer", ["go1.21.13", "go1.22.0"], true]);
    assert_eq!(remedies(&GoImage::new(21, vec![leaf("main.f")])), [fix]);
    // go1.24.1 makes no such leaf.
    assert_eq!(remedies(&image(&[leaf("main.f")])), [json!(["frame-pointer", [], false])]);
}

#[test]
fn no_release_mends_assembly() {
    let found = remedies(&image(&[overwrites_lr("main.f")]));
    assert_eq!(found, vec![json!(["saved-lr", [], false]); 8]);
    let (_, text) = scan(&image(&[overwrites_lr("main.f")]), "", 0);
    assert!(text.contains("Written in assembly"), "{text}");
}
