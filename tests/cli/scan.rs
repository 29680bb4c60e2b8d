//! `midframe scan`: verdicts, findings and the exit status.

use crate::fixtures::{
    ASM, Files, SECOND_ADD, SP_WITHOUT_R29, SP_WRITE, TWO_STEPS_BOUNDARIES, clean, image, leaf,
    loads_sp, overwrites_lr, two_steps, two_steps_assembly,
};
use crate::schema;
use crate::support::{args, json, list, midframe};
use image::testing::{BASE, GoFunction, GoImage, Linking};
use serde_json::{Value, json};

/// Scans one image, as text and as JSON, with the flags of `line`; the exit
/// status is the same for both. Returns the JSON of the image.
fn scan(image: &GoImage, line: &str, status: i32) -> Value {
    let files = Files::new();
    let path = files.write("program", image.bytes());
    let arguments = [&["scan", &path], args(line).as_slice()].concat();
    let text = midframe(&arguments);
    let machine = midframe(&[arguments.as_slice(), &["--format", "json"]].concat());
    let document = json(&machine);
    schema::check(&document, &schema::SCAN, "scan");
    assert_eq!((text.status, machine.status), (status, status), "{line}: {document}");
    assert!(text.stdout.starts_with(&format!("{path}: arm64 elf, ")), "{}", text.stdout);
    assert_eq!(list(&document["errors"]).len(), 0);
    let [image] = list(&document["images"]) else { panic!("one image: {document}") };
    assert_eq!(image["path"], path);
    image.clone()
}

/// Scans functions and holds the observers of the findings against those
/// expected, in order, and the exit status against each of the `statuses`, which
/// go with a set of flags.
fn check(functions: &[GoFunction], observers: &[&str], statuses: &[(&str, i32)]) {
    for (flags, status) in statuses {
        let image = scan(&image(functions), flags, *status);
        let findings = list(&image["findings"]).iter();
        let found: Vec<_> = findings.map(|finding| finding["observer"].as_str()).collect();
        let expected: Vec<_> = observers.iter().copied().map(Some).collect();
        assert_eq!(found, expected, "{flags}");
        assert_eq!(image["functions"], functions.len());
        check_verdicts(&image, &found);
    }
}

/// A verdict is refuted for whom there is a finding: a crash in the collector
/// is a wrong sample for a profiler too.
fn check_verdicts(image: &Value, found: &[Option<&str>]) {
    let found = |observer| found.contains(&Some(observer));
    let refuted = |observer: &str| image["verdicts"][observer] == "refuted";
    assert_eq!(refuted("async-preemption"), found("async-preemption"));
    assert_eq!(refuted("profiler"), found("async-preemption") || found("profiler"));
    assert_eq!(refuted("frame-pointer"), found("frame-pointer"));
}

#[test]
fn clean_code_is_proved() {
    let functions = [clean("main.main"), clean("runtime.memmove")];
    let statuses = [("", 0), ("--fail-on profiler", 0), ("--fail-on never", 0)];
    check(&functions, &[], &statuses);
    let image = scan(&image(&functions), "", 0);
    assert_eq!(image["boundaries"], 4);
    assert_eq!(image["verdicts"]["async-preemption"], "proved");
    assert_eq!(image["verdicts"]["profiler"], "proved");
    assert_eq!(image["undecided"], json!([]));
}

#[test]
fn a_pop_in_two_steps_is_a_crash_in_ordinary_code() {
    let functions = [clean("main.main"), two_steps("nl.(*NetlinkSocket).Receive")];
    check(
        &functions,
        &["async-preemption"],
        &[
            ("", 1),
            ("--fail-on async-preemption", 1),
            ("--fail-on profiler", 1),
            ("--fail-on never", 0),
            ("--fail-on never --fail-on async-preemption", 1),
        ],
    );
}

#[test]
fn a_finding_has_every_field() {
    let functions = [clean("main.main"), two_steps("nl.(*NetlinkSocket).Receive")];
    let image_of = image(&functions);
    let entry = BASE + image_of.layout().1.text as u64 + 8;
    let image = scan(&image_of, "", 1);
    let expected = json!([{
        "rule": "sp-row",
        "observer": "async-preemption",
        "function": "nl.(*NetlinkSocket).Receive",
        "entry": format!("{entry:#x}"),
        "pc": format!("{:#x}", entry + SECOND_ADD),
        "declared": 65616,
        "actual": 65536,
        "frame_size": 65616,
        "leaf": false,
        "instruction": "ADD $(16<<12), RSP, RSP",
        "file": "/src/netlink.go",
        "line": 42,
        "observers": ["async-preemption", "profiler"],
        "severity": "crash",
        "ordinal": 1,
        // Python: sha256(b"sp-row\0" + name + b"\0" + (1).to_bytes(4, "little")), 16 bytes.
        "fingerprint": "89240db342ef49bad448c9e1fc3cc5a4",
        // golang/go#73259.
        "fixed_in": ["go1.23.12", "go1.24.6", "go1.25.0"],
        "rebuild_is_enough": true,
        "accepted": null,
    }]);
    let mut findings = image["findings"].clone();
    let mut sentence = |field| {
        let text = findings[0].as_object_mut().and_then(|finding| finding.remove(field));
        text.as_ref().and_then(Value::as_str).map(str::to_owned).expect("a sentence")
    };
    assert!(sentence("consequence").contains("garbage collector"));
    assert!(sentence("remedy").contains("go1.24.6"));
    assert_eq!(findings, expected);
    assert_eq!(image["container"], "elf");
    assert_eq!(image["architecture"], "arm64");
    assert_eq!(image["go_version"], "go1.24.1");
    assert_eq!(image["boundaries"], 2 + TWO_STEPS_BOUNDARIES);
}

/// `isAsyncSafePoint` refuses assembly, the runtime's packages and functions
/// without pointer maps; a profiler's signal asks nobody.
#[test]
fn where_nobody_is_preempted_only_a_profiler_sees_it() {
    let no_maps = GoFunction { pointer_maps: false, ..two_steps("main.f") };
    let inlined = GoFunction {
        inlined: vec!["runtime.inlined".to_owned()],
        inline_index: vec![(13, -1), (6, 0)],
        ..two_steps("main.f")
    };
    let unsafe_point = GoFunction { unsafe_points: vec![(19, -2)], ..two_steps("main.f") };
    for function in [
        two_steps_assembly("main.f"),
        two_steps("runtime.f"),
        two_steps("internal/runtime/maps.f"),
        two_steps("reflect.f"),
        no_maps,
        inlined,
        unsafe_point,
    ] {
        let statuses = [
            ("", 0),
            ("--fail-on profiler", 1),
            ("--fail-on async-preemption --fail-on profiler", 1),
            ("--fail-on never", 0),
        ];
        check(&[function], &["profiler"], &statuses);
    }
    // A name that only begins like the runtime's.
    check(&[two_steps("runtimes.f")], &["async-preemption"], &[("", 1)]);
}

/// golang/go#63830: R29 is restored behind SP, and points below it in between. The
/// walk along frame pointers starts there only in a goroutine that is preempted.
#[test]
fn r29_below_sp_is_seen_by_the_walk_along_frame_pointers() {
    let functions = [clean("main.main"), leaf("main.leaf")];
    let statuses = [
        ("", 0),
        ("--fail-on frame-pointer", 1),
        ("--fail-on profiler", 0),
        ("--fail-on never", 0),
    ];
    check(&functions, &["frame-pointer"], &statuses);
    let found = scan(&image(&functions), "", 0);
    let finding = &found["findings"][0];
    assert_eq!((&finding["rule"], &finding["leaf"]), (&json!("frame-pointer"), &json!(true)));
    assert_eq!((&finding["declared"], &finding["actual"]), (&json!(0), &json!(0)));
    let address = |field: &str| {
        let digits = finding[field].as_str().and_then(|text| text.strip_prefix("0x"));
        digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()).expect("an address")
    };
    assert_eq!(address("pc") - address("entry"), SP_WITHOUT_R29);
    check(&[leaf("runtime.f")], &[], &[("", 0), ("--fail-on frame-pointer", 0)]);
}

/// Behind the store, `NOOP` five times, the load and the two ADDs: eight boundaries,
/// one finding each. At the RET no frame is declared, and LR is still what it was.
#[test]
fn a_local_over_the_saved_lr_misleads_a_profiler() {
    let functions = [clean("main.main"), overwrites_lr("compress.f")];
    let statuses = [("", 0), ("--fail-on profiler", 1), ("--fail-on frame-pointer", 0)];
    check(&functions, &["profiler"; 8], &statuses);
    let found = scan(&image(&functions), "", 0);
    for finding in list(&found["findings"]) {
        assert_eq!(finding["rule"], "saved-lr");
        assert_eq!((&finding["declared"], &finding["actual"]), (&json!(32), &json!(32)));
    }
}

#[test]
fn what_is_not_understood_is_undecided() {
    let functions = [clean("main.main"), loads_sp("main.f")];
    check(&functions, &[], &[("", 3), ("--fail-on profiler", 3), ("--fail-on never", 0)]);
    let image = scan(&image(&functions), "", 3);
    assert_eq!(image["verdicts"]["async-preemption"], "undecided");
    let [reason] = list(&image["undecided"]) else { panic!("one reason: {image}") };
    assert_eq!(reason["functions"], 1);
    // In assembly nobody is preempted, whatever SP is; but whoever executes it returns with it.
    let assembly = GoFunction { flags: ASM, ..loads_sp("main.f") };
    let statuses = [
        ("", 3),
        ("--fail-on async-preemption", 0),
        ("--fail-on everybody", 3),
        ("--fail-on profiler", 3),
        ("--fail-on crash", 3),
        ("--fail-on hang", 3),
        ("--fail-on wrong-sample", 3),
    ];
    check(&[assembly, clean("main.main")], &[], &statuses);
    // Unwinders do not look into a function that says that it writes SP. Whether it returns as
    // it was called is not known all the same.
    let sp_write = GoFunction { flags: SP_WRITE | ASM, ..loads_sp("main.f") };
    check(&[sp_write, clean("main.main")], &[], &[("", 3), ("--fail-on profiler", 0)]);
}

#[test]
fn findings_outrank_what_is_undecided() {
    let functions = [loads_sp("main.f"), two_steps("main.g")];
    check(&functions, &["async-preemption"], &[("", 1), ("--fail-on profiler", 1)]);
    let functions = [loads_sp("main.f"), two_steps_assembly("main.g")];
    let statuses = [
        ("", 3),
        ("--fail-on profiler", 1),
        ("--fail-on profiler --fail-on async-preemption", 1),
        ("--fail-on never", 0),
    ];
    check(&functions, &["profiler"], &statuses);
}

/// Whatever is checked: the exit status is the gravest of the verdicts that
/// count, refuted before undecided before proved.
#[test]
fn the_exit_status_follows_from_the_verdicts() {
    let status = |verdict: &Value| match verdict.as_str() {
        Some("proved") => 0,
        Some("refuted") => 1,
        _ => 3,
    };
    for functions in [
        vec![clean("main.f")],
        vec![two_steps("main.f")],
        vec![two_steps_assembly("main.f")],
        vec![loads_sp("main.f")],
        vec![leaf("main.f")],
        vec![overwrites_lr("main.f")],
    ] {
        let verdicts = scan(&image(&functions), "--fail-on never", 0)["verdicts"].clone();
        for observer in ["everybody", "async-preemption", "frame-pointer", "profiler"] {
            let expected = status(&verdicts[observer]);
            scan(&image(&functions), &format!("--fail-on {observer}"), expected);
        }
    }
}

#[test]
fn findings_are_in_the_order_of_addresses() {
    let functions: Vec<_> = (0..150).map(|n| two_steps(&format!("main.f{n}"))).collect();
    let image = scan(&image(&functions), "", 1);
    let findings = list(&image["findings"]).iter();
    let names: Vec<_> = findings.map(|finding| finding["function"].as_str()).collect();
    let expected: Vec<_> = functions.iter().map(|function| Some(&*function.name)).collect();
    assert_eq!(names, expected);
    assert_eq!(image["boundaries"], 150 * TWO_STEPS_BOUNDARIES);
}

/// The layouts of go1.18 to go1.27, each way to link, and what stripping leaves.
#[test]
fn how_an_image_is_built_changes_nothing_that_is_found() {
    let functions = [clean("main.main"), two_steps("main.f")];
    let release = |release| GoImage::new(release, functions.to_vec());
    let linked = |linking| GoImage { linking, ..release(24) };
    let stripped = GoImage { sections: false, ..release(24) };
    let bare = GoImage { sections: false, moduledata: false, buildinfo: false, ..release(24) };
    let foreign = GoImage { foreign_text: vec![0; 64], ..release(24) };
    let images = (18..=27).map(release);
    let others = [linked(Linking::Rela), linked(Linking::Relr), stripped, bare, foreign];
    for image in images.chain(others) {
        let version = format!("go1.{}.1", image.release);
        let found = scan(&image, "", 1);
        let [finding] = list(&found["findings"]) else { panic!("one finding: {found}") };
        let entry = BASE + image.layout().1.text as u64 + 8;
        assert_eq!(finding["pc"], format!("{:#x}", entry + SECOND_ADD), "{image:?}");
        assert_eq!(finding["line"], 42, "{image:?}");
        let version = if image.buildinfo { json!(version) } else { Value::Null };
        assert_eq!(found["go_version"], version, "{image:?}");
    }
}

#[test]
fn what_the_image_does_not_say_is_null() {
    let no_lines = GoFunction { lines: Default::default(), ..two_steps("main.f") };
    let image = GoImage { buildinfo: false, ..image(&[no_lines]) };
    let found = scan(&image, "", 1);
    assert_eq!(found["go_version"], Value::Null);
    assert_eq!(found["findings"][0]["file"], Value::Null);
    assert_eq!(found["findings"][0]["line"], Value::Null);
}
