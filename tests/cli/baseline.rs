//! `midframe scan --baseline` and `--write-baseline`.

use crate::fixtures::{Files, clean, image, leaf, loads_sp, overwrites_lr, two_steps};
use crate::schema;
use crate::support::{Run, check_error, json, list, midframe};
use image::testing::GoFunction;
use serde_json::{Value, json};

/// A scan of one image with a baseline.
struct Case {
    files: Files,
    program: String,
    baseline: String,
}

impl Case {
    fn new(functions: &[GoFunction], baseline: &str) -> Self {
        let files = Files::new();
        let program = files.write("program", image(functions).bytes());
        let baseline = files.write("baseline.toml", baseline);
        Self { files, program, baseline }
    }

    fn run(&self, more: &[&str]) -> Run {
        let line = ["scan", self.program.as_str(), "--baseline", self.baseline.as_str()];
        midframe(&[&line, more].concat())
    }

    /// The JSON, and what the other formats say, all with one exit status.
    fn check(&self, more: &[&str], status: i32, accepted: u64, total: usize) -> Value {
        let format = |format: &str| {
            let run = self.run(&[more, &["--format", format]].concat());
            assert_eq!(run.status, status, "{format}: {run:?}");
            run
        };
        let document = json(&format("json"));
        schema::check(&document, &schema::SCAN, "scan");
        assert_eq!(document["totals"]["accepted"], accepted, "{document}");
        assert_eq!(document["images"][0]["accepted"], accepted);
        assert_eq!(document["baseline"]["accepted"], accepted);
        let findings = list(&document["images"][0]["findings"]);
        assert_eq!(findings.len(), total, "accepted findings are listed too");
        let marked = findings.iter().filter(|finding| !finding["accepted"].is_null());
        assert_eq!(marked.count() as u64, accepted);
        // The count is in every format, also where nothing is accepted.
        let plural = if accepted == 1 { "finding" } else { "findings" };
        let text = format("text").stdout;
        assert!(text.contains(&format!(", {accepted} {plural} accepted\n")), "{text}");
        let shown = text.contains(&format!("accepted by the baseline and not shown: {accepted} "));
        assert_eq!(shown, accepted > 0, "{text}");
        let markdown = format("markdown").stdout;
        assert!(
            markdown.contains(&format!("findings, {accepted} accepted"))
                || markdown.contains(&format!("1 finding, {accepted} accepted")),
            "{markdown}"
        );
        let log = json(&format("sarif"));
        let run = &log["runs"][0];
        assert_eq!(run["properties"]["acceptedFindings"], accepted);
        let suppressed = |result: &&Value| !list(&result["suppressions"]).is_empty();
        let results = list(&run["results"]);
        assert_eq!(results.iter().filter(suppressed).count() as u64, accepted);
        assert_eq!(results.len(), total);
        document
    }
}

/// The notes on a baseline: kind and line.
fn notes(document: &Value) -> Vec<(Value, Value)> {
    let notes = list(&document["baseline"]["notes"]).iter();
    notes.map(|note| (note["kind"].clone(), note["line"].clone())).collect()
}

const F: &str = "[[accepted]]\nrule = \"sp-row\"\nfunction = \"main.f\"\nreason = \"known\"\n";

#[test]
fn an_accepted_finding_does_not_count() {
    let functions = [two_steps("main.f"), two_steps("main.g")];
    let document = Case::new(&functions, F).check(&[], 1, 1, 2);
    let accepted = &document["images"][0]["findings"][0]["accepted"];
    assert_eq!(*accepted, json!({"reason": "known", "expires": null}));
    assert_eq!(notes(&document), []);
    // The verdict is the code's, whoever accepts it.
    assert_eq!(document["images"][0]["verdicts"]["async-preemption"], "refuted");
    let both = format!("{F}\n{}", F.replace("main.f", "main.g"));
    let case = Case::new(&functions, &both);
    case.check(&[], 0, 2, 2);
    case.check(&["--fail-on", "profiler"], 0, 2, 2);
    // What is undecided stays so.
    let undecided = [two_steps("main.f"), loads_sp("main.h")];
    Case::new(&undecided, F).check(&[], 3, 1, 1);
    Case::new(&undecided, F).check(&["--fail-on", "undecided"], 1, 1, 1);
    Case::new(&functions, "").check(&[], 1, 0, 2);
}

#[test]
fn accepted_findings_are_counted_and_not_shown() {
    let case = Case::new(&[two_steps("main.f"), two_steps("main.g")], F);
    let text = case.run(&[]).stdout;
    assert!(text.contains("async-preemption  refuted at 2 boundaries, accepted at 1\n"), "{text}");
    assert!(text.contains("\n  main.g  non-leaf") && !text.contains("main.f"), "{text}");
    let summary = case.run(&["--summary"]).stdout;
    assert!(summary.contains(", 1 accepted\n"), "{summary}");
    let markdown = case.run(&["--format", "markdown"]).stdout;
    assert!(markdown.contains("; accepted: `known`\n"), "{markdown}");
    let log = json(&case.run(&["--format", "sarif"]));
    let [f, g] = list(&log["runs"][0]["results"]) else { panic!("{log}") };
    let suppression = json!([
        {"kind": "external", "status": "accepted", "justification": "known"}
    ]);
    assert_eq!((&f["suppressions"], &g["suppressions"]), (&suppression, &json!([])));
}

/// Image, rule, function and ordinal all have to match.
#[test]
fn an_entry_accepts_what_it_names() {
    let functions = [overwrites_lr("main.f"), leaf("main.f")];
    let entry = |rule: &str, more: &str| {
        format!(
            "[[accepted]]\nrule = \"{rule}\"\nfunction = \"main.f\"\n{more}\nreason = \"known\"\n"
        )
    };
    // Eight findings of saved-lr, one of frame-pointer.
    for (entry, accepted) in [
        (entry("saved-lr", ""), 8),
        (entry("frame-pointer", ""), 1),
        (entry("sp-row", ""), 0),
        (entry("saved-lr", "ordinal = 8"), 1),
        (entry("saved-lr", "ordinal = 9"), 0),
        (entry("saved-lr", "ordinal = \"2..4\""), 3),
        (entry("saved-lr", "image = \"program\""), 8),
        (entry("saved-lr", "image = \"**/program\""), 8),
        (entry("saved-lr", "image = \"pro*\""), 8),
        (entry("saved-lr", "image = \"/program\""), 0),
        (entry("saved-lr", "image = \"*/program\""), 0),
        (entry("saved-lr", "image = \"other\""), 0),
        (entry("saved-lr", "").replace("main.f", "main"), 0),
    ] {
        let case = Case::new(&functions, &entry);
        let document = case.check(&["--fail-on", "never"], 0, accepted, 9);
        let expected = if accepted == 0 { vec![(json!("unmatched"), json!(1))] } else { vec![] };
        assert_eq!(notes(&document), expected, "{entry}");
    }
    let case = Case::new(&functions, &entry("saved-lr", "image = \"other\""));
    let text = case.run(&[]).stdout;
    assert!(text.contains("\n  line 1: no finding matches: saved-lr in main.f\n"), "{text}");
    let log = json(&case.run(&["--format", "sarif"]));
    let notes = list(&log["runs"][0]["invocations"][0]["toolExecutionNotifications"]).iter();
    assert!(notes.into_iter().any(|note| note["level"] == "warning"), "{log}");
}

/// An entry is not wrong because its function was not asked for, or because another
/// entry was there first.
#[test]
fn what_was_not_asked_for_is_not_unmatched() {
    let functions = [two_steps("main.f"), two_steps("main.g")];
    let both = format!("{F}\n{}", F.replace("main.f", "main.g"));
    let case = Case::new(&functions, &both);
    let document = case.check(&["--only-function", "f$"], 0, 1, 1);
    assert_eq!(notes(&document), []);
    let twice = Case::new(&functions, &format!("{F}\n{F}"));
    let document = twice.check(&[], 1, 1, 2);
    assert_eq!(notes(&document), []);
}

#[test]
fn an_expired_entry_accepts_nothing_and_says_so() {
    let functions = [two_steps("main.f"), clean("main.main")];
    let entry = |day: &str| format!("# A comment\n\n{F}expires = {day}\n");
    let expired = Case::new(&functions, &entry("2020-02-29"));
    let document = expired.check(&[], 1, 0, 1);
    assert_eq!(notes(&document), [(json!("expired"), json!(3))]);
    let text = expired.run(&[]).stdout;
    let note = "\n  line 3: expired on 2020-02-29, the finding counts again: sp-row in main.f\n";
    assert!(text.contains(note) && text.contains("\n  main.f  non-leaf"), "{text}");
    let open = Case::new(&functions, &entry("9999-12-31"));
    let document = open.check(&[], 0, 1, 1);
    let accepted = &document["images"][0]["findings"][0]["accepted"];
    assert_eq!(*accepted, json!({"reason": "known", "expires": "9999-12-31"}));
    assert_eq!(notes(&document), []);
    // Another entry that has not expired still accepts it.
    let both = Case::new(&functions, &format!("{}\n{F}", entry("2020-02-29")));
    let document = both.check(&[], 0, 1, 1);
    assert_eq!(notes(&document), [(json!("expired"), json!(3))]);
    assert_eq!(
        list(&document["baseline"]["notes"])[0]["message"],
        "expired on 2020-02-29, and no finding matches: sp-row in main.f"
    );
}

#[test]
fn a_malformed_baseline_is_an_error_with_its_line() {
    let check = |text: &str, parts: &[&str]| {
        let case = Case::new(&[two_steps("main.f")], text);
        let line = ["scan", &case.program, "--baseline", &case.baseline];
        let name = format!("midframe: baseline {}: ", case.baseline);
        check_error(&line, &[&[name.as_str()], parts].concat());
    };
    check(&F.replace("known", " "), &["line 4: ", "reason is empty"]);
    check(&F.replace("reason = \"known\"\n", ""), &["line 1: ", "reason"]);
    check(&F.replace("sp-row", "sp"), &["line 2: ", "\"sp\" is not a rule", "sp-row, saved-lr"]);
    check(&format!("{F}ordinal = 0\n"), &["line 5: ", "not an ordinal"]);
    check(&format!("{F}expires = 2027-13-01\n"), &["line 5: "]);
    check(&format!("{F}image = \"a[\"\n"), &["line 5: ", "not a pattern"]);
    check(&format!("{F}why = \"x\"\n"), &["line 5: ", "why"]);
    check("[[accept]]\n", &["line 1: ", "accept"]);
    check("x = \"\n", &["line 1: "]);
    check("\u{0}", &["line 1: "]);
    let case = Case::new(&[clean("main.f")], "");
    let binary = case.files.write("binary", b"# \xff");
    check_error(&["scan", &case.program, "--baseline", &binary], &["UTF-8", "offset 0x2"]);
    let missing = format!("{}-missing", case.baseline);
    check_error(&["scan", &case.program, "--baseline", &missing], &[&missing, "cannot be opened"]);
    // Never ending: no more is read than a baseline may have.
    check_error(&["scan", &case.program, "--baseline", "/dev/zero"], &["larger than"]);
}

/// What is written lists each finding, and is refused until somebody says why.
#[test]
fn a_baseline_can_be_begun_from_what_is_found() {
    let files = Files::new();
    let name = "main.\"quoted\"\n\\f";
    let functions = [two_steps(name), overwrites_lr("main.g"), two_steps("main.known")];
    let program = files.write("pro[g]ram", image(&functions).bytes());
    let known = files.write("known", F.replace("main.f", "main.known"));
    let new = files.path("new.toml").into_os_string().into_string().expect("UTF-8");
    let run = midframe(&["scan", &program, "--baseline", &known, "--write-baseline", &new]);
    assert_eq!(run.status, 1, "what is written is not accepted yet");
    let text = std::fs::read_to_string(&new).expect("a new file");
    assert!(!text.contains("main.known"), "{text}");
    assert!(text.contains("ordinal = \"1..8\"") && text.contains("ordinal = 1\n"), "{text}");
    check_error(&["scan", &program, "--baseline", &new], &["reason is empty", "line "]);
    let filled = text.replace("reason = \"\"", "reason = \"known\"");
    assert_eq!(filled.matches("\"known\"").count(), 2);
    let both = format!("{filled}\n{}", F.replace("main.f", "main.known"));
    let filled = files.write("filled.toml", both);
    let run = midframe(&["scan", &program, "--baseline", &filled, "--fail-on", "profiler"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stdout.contains("3 entries, 10 findings accepted\n"), "{}", run.stdout);
    // Nobody's file is overwritten.
    check_error(&["scan", &program, "--write-baseline", &new], &[&new, "exists already"]);
    assert_eq!(std::fs::read_to_string(&new).expect("a file"), text);
    let nowhere = format!("{new}/x");
    let run = midframe(&["scan", &program, "--write-baseline", &nowhere]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("cannot be written"), "{run:?}");
}
