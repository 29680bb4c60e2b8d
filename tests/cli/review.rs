//! `midframe review` of two files: every class of change, in both directions and in each
//! format. The functions are those that real toolchains emit, as `tests/recorded` has
//! them; what a test expects is counted in those words by hand.

use crate::fixtures::{
    Files, clean, image, leaf, loads_sp, overwrites_lr, two_steps, two_steps_assembly,
};
use crate::schema;
use crate::support::{command, json, list, midframe, run};
use image::testing::{GoFunction, Run};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;

mod directories;
mod markdown;
mod matching;
mod policies;

/// `NOOP`
const NOOP: u32 = 0xd503_201f;

/// A function as a toolchain emits it: `65552 non-leaf split linux`.
pub(crate) fn recorded(release: &str, case: &str, name: &str) -> GoFunction {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/recorded/{release}.txt"));
    let text = std::fs::read_to_string(file).expect("a recorded toolchain");
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{case} : ")));
    let (words, rows) = line.expect("a recorded case").split_once(" : ").expect("words and rows");
    let words = words.split(' ').map(|word| u32::from_str_radix(word, 16).expect("a word"));
    let (mut depths, mut unsafe_points): (Vec<Run>, Vec<Run>) = (Vec::new(), Vec::new());
    for row in rows.split(' ') {
        let (count, row) = row.split_once('*').expect("a run");
        let (depth, class) = row.split_once('/').expect("a depth and a class");
        let number = |text: &str| text.parse().expect("a number");
        let count: u32 = count.parse().expect("a number");
        // A table has one run where neighbours are equal.
        for (runs, value) in [(&mut depths, number(depth)), (&mut unsafe_points, number(class))] {
            match runs.last_mut() {
                Some((length, last)) if *last == value => *length += count,
                _ => runs.push((count, value)),
            }
        }
    }
    let words: Vec<_> = words.collect();
    GoFunction { depths, unsafe_points, ..GoFunction::new(name, &words) }
}

/// The frame that golang/go#73259 is about, before the fix and with it.
pub(crate) const LARGE: &str = "65552 non-leaf split linux";

/// Reviews two programs with these functions in each format, which all end with the same
/// status and the same reason; returns the JSON.
fn review(old: &[GoFunction], new: &[GoFunction], status: i32) -> Value {
    let files = Files::new();
    let old = files.write("old", image(old).bytes());
    let new = files.write("new", image(new).bytes());
    let machine = midframe(&["review", &old, &new, "--format", "json"]);
    assert_eq!(machine.status, status, "{machine:?}");
    let document = json(&machine);
    schema::check(&document, &schema::REVIEW, "review");
    let text = midframe(&["review", &old, &new]);
    let markdown = midframe(&["review", "--format", "markdown", &old, &new]);
    assert_eq!((text.status, markdown.status), (status, status));
    assert_eq!(text.stdout.lines().next(), document["headline"].as_str());
    let first = markdown.stdout.lines().next().expect("a line").replace('`', "");
    let headline = document["headline"].as_str().expect("a headline");
    assert_eq!(first, format!("**midframe review:** {headline}"));
    document
}

/// The counts that are not 0.
fn counts(document: &Value) -> Value {
    let counts = document["counts"].as_object().expect("an object");
    let counts = counts.iter().filter(|(_, count)| **count != json!(0));
    Value::Object(counts.map(|(class, count)| (class.clone(), count.clone())).collect())
}

/// The classes of the functions that are not unchanged, by name.
fn classes(document: &Value) -> Value {
    let functions = list(&document["pairs"][0]["functions"]).iter();
    let class = |function: &Value| json!([function["function"], function["class"]]);
    functions.map(class).collect()
}

fn before() -> Vec<GoFunction> {
    vec![
        recorded("go1.24.3", LARGE, "main.large"),
        recorded("go1.24.3", "65552 leaf split linux", "main.leaf"),
        recorded("go1.23.9", "32 non-leaf split linux", "main.small"),
        clean("main.same"),
    ]
}

fn now() -> Vec<GoFunction> {
    vec![
        recorded("go1.24.11", LARGE, "main.large"),
        recorded("go1.24.11", "65552 leaf split linux", "main.leaf"),
        recorded("go1.24.11", "32 non-leaf split linux", "main.small"),
        clean("main.same"),
    ]
}

#[test]
fn the_fix_is_told_from_what_it_leaves_and_from_other_changes() {
    let document = review(&before(), &now(), 0);
    let expected = json!({
        "mended": 1, "still-refuted": 1, "changed-property-kept": 1, "unchanged": 1,
    });
    assert_eq!(counts(&document), expected);
    let headline = "nothing is worse: 1 still refuted; 1 mended; 1 changed, property kept; \
                    1 unchanged";
    assert_eq!(document["headline"], headline);
    let functions = &document["pairs"][0]["functions"];
    assert_eq!(functions[0]["function"], "main.large");
    let mended = |observer| json!({"rule": "sp-row", "observer": observer, "change": "mended"});
    let rules = json!([mended("async-preemption"), mended("profiler")]);
    assert_eq!(functions[0]["rules"], rules);
    assert_eq!(functions[0]["old"]["findings"][0]["offset"], 0x38);
    assert_eq!(functions[0]["new"]["findings"], json!([]));
    assert_eq!(functions[1]["class"], "still-refuted");
    assert_eq!(functions[1]["group"], Value::Null, "the frame code is the same");
}

/// Prologue: the check, of 6 instructions, and 5. Epilogue: LDP, ADD, ADD, RET; with the
/// fix LDP, MOVD, MOVK, ADD, RET. The leaf: four ADDs and RET. The small frame: 6, and
/// LDP, ADD, RET before, two loads and RET now.
#[test]
fn the_cost_is_that_of_prologues_and_epilogues() {
    let document = review(&before(), &now(), 0);
    let cost = |functions: u64, prologues: u64, old: u64, new: u64| {
        let side = |epilogues: u64| {
            json!({
                "prologue_instructions": prologues,
                "epilogue_instructions": epilogues,
                "bytes": (prologues + epilogues) * 4,
            })
        };
        (json!(functions), side(old), side(new))
    };
    let found = |cost: &Value| {
        let [functions, old, new] = ["functions", "old", "new"].map(|field| cost[field].clone());
        (functions, old, new)
    };
    let sizes = list(&document["costs"]["sizes"]);
    assert_eq!(sizes.len(), 4);
    assert_eq!(found(&sizes[0]), cost(1, 0, 0, 0), "no frame");
    assert_eq!(found(&sizes[1]), cost(1, 6, 3, 3), "up to 4 KiB");
    assert_eq!(found(&sizes[2]), cost(0, 0, 0, 0), "up to 64 KiB");
    assert_eq!(found(&sizes[3]), cost(2, 22, 9, 10), "above");
    assert_eq!(found(&document["costs"]["all"]), cost(4, 28, 12, 13));
    let ends = [json!(0), json!(4096), json!(65536), Value::Null];
    assert_eq!(sizes.iter().map(|size| size["largest"].clone()).collect::<Vec<_>>(), ends);
}

#[test]
fn the_change_is_listed_with_both_sides() {
    let document = review(&before(), &now(), 0);
    let group = &document["groups"][0];
    assert_eq!((&group["class"], &group["examples"]), (&json!("mended"), &json!(["main.large"])));
    assert_eq!((&group["same_frame"], &group["constants_only"]), (&json!(true), &json!(false)));
    let difference = &group["differences"][0];
    assert_eq!(difference["part"], "epilogue");
    let listed = |side: &str| -> Value {
        let line = |line: &Value| {
            json!([line["instruction"], line["declared"], line["unsafe_point"], line["rules"]])
        };
        list(&difference[side]).iter().map(line).collect()
    };
    let old = json!([
        ["LDP -8(RSP), (R29, R30)", 65552, "safe", []],
        ["ADD $16, RSP, RSP", 65552, "safe", []],
        ["ADD $(16<<12), RSP, RSP", 65552, "safe", ["sp-row"]],
        ["RET", 0, "safe", []],
    ]);
    let new = json!([
        ["LDP -8(RSP), (R29, R30)", 65552, "safe", []],
        ["MOVD $16, R27", 65552, "unsafe", []],
        ["MOVK $(1<<16), R27", 65552, "unsafe", []],
        ["ADD R27, RSP, RSP", 65552, "unsafe", []],
        ["RET", 0, "safe", []],
    ]);
    assert_eq!((listed("old"), listed("new")), (old, new));
    let actual = list(&difference["old"]).iter().map(|line| line["actual"].clone());
    assert_eq!(actual.collect::<Value>(), json!([65552, 65552, 65536, 0]), "mid-frame");
    assert_eq!(list(&group["differences"]).len(), 1, "the prologue is the same");
}

/// The first line says what is worse, and where.
#[test]
fn the_reverse_is_broken() {
    let document = review(&now(), &before(), 1);
    let headline = "1 function broken: sp-row for async-preemption and a profiler in main.large";
    assert_eq!(document["headline"], headline);
    let expected = json!([
        ["main.large", "broken"],
        ["main.leaf", "still-refuted"],
        ["main.small", "changed-property-kept"],
    ]);
    assert_eq!(classes(&document), expected);
    let twice = |release: &str| ["main.f", "main.g"].map(|name| recorded(release, LARGE, name));
    let document = review(&twice("go1.24.11"), &twice("go1.24.3"), 1);
    let headline = "2 functions broken: sp-row for async-preemption and a profiler in main.f \
                    and 1 other";
    assert_eq!(document["headline"], headline);
}

/// The verdict on one function in two builds, in both directions.
#[test]
fn every_verdict_before_and_after() {
    let large = |release: &str| recorded(release, LARGE, "main.f");
    let proved = || large("go1.24.11");
    let refuted = || large("go1.24.3");
    let undecided = || loads_sp("main.f");
    type Make<'m> = &'m dyn Fn() -> GoFunction;
    let cases: [(Make<'_>, Make<'_>, &str, i32); 8] = [
        (&proved, &proved, "unchanged", 0),
        (&refuted, &refuted, "still-refuted", 0),
        (&undecided, &undecided, "still-undecided", 0),
        (&proved, &undecided, "now-undecided", 1),
        (&undecided, &proved, "now-proved", 0),
        (&refuted, &undecided, "now-undecided", 1),
        (&undecided, &refuted, "broken", 1),
        (&|| clean("main.f"), &proved, "changed-property-kept", 0),
    ];
    for (old, new, class, status) in cases {
        let document = review(&[old()], &[new()], status);
        assert_eq!(counts(&document), json!({class: 1}), "{class}");
    }
    let document = review(&[proved()], &[undecided()], 1);
    let headline = "1 function now undecided: for everybody who executes it, async-preemption, the \
                    frame-pointer unwinder and a profiler in main.f";
    assert_eq!(document["headline"], headline);
}

/// One rule is mended and another is not; an observer sees what another saw before.
#[test]
fn rules_are_told_apart_by_who_sees_them() {
    let found = |old: GoFunction, new: GoFunction, status| {
        let document = review(&[old], &[new], status);
        let function = &document["pairs"][0]["functions"][0];
        let rule = |rule: &Value| json!([rule["rule"], rule["observer"], rule["change"]]);
        (function["class"].clone(), list(&function["rules"]).iter().map(rule).collect::<Value>())
    };
    let assembly = two_steps_assembly("main.f");
    let went = GoFunction { flags: 0, ..assembly.clone() };
    let (class, rules) = found(assembly.clone(), went.clone(), 1);
    let expected =
        json!([["sp-row", "async-preemption", "broken"], ["sp-row", "profiler", "still-refuted"],]);
    assert_eq!((class, rules), (json!("broken"), expected));
    let (class, rules) = found(went, assembly, 0);
    let expected =
        json!([["sp-row", "async-preemption", "mended"], ["sp-row", "profiler", "still-refuted"],]);
    assert_eq!((class, rules), (json!("still-refuted"), expected));
    let (class, rules) = found(leaf("main.f"), overwrites_lr("main.f"), 1);
    let expected =
        json!([["saved-lr", "profiler", "broken"], ["frame-pointer", "frame-pointer", "mended"],]);
    assert_eq!((class, rules), (json!("broken"), expected));
}

/// The body is the source's: what stands between prologue and epilogue, and how many
/// returns there are, is no change of the frame.
#[test]
fn bodies_are_not_compared() {
    let function = recorded("go1.24.11", "32 non-leaf split linux", "main.f");
    // The check of 3 instructions, the prologue of 3, the call; then the epilogue of 3.
    let mut longer = function.clone();
    longer.words.splice(6..6, [NOOP; 5]);
    // The branch to the call of morestack goes 5 further, and the branch back.
    longer.words[2] += 5 << 5;
    *longer.words.last_mut().expect("a word") -= 5;
    longer.depths[1].0 += 5;
    longer.unsafe_points[2].0 += 5;
    let document = review(std::slice::from_ref(&function), &[longer.clone()], 0);
    assert_eq!(counts(&document), json!({"unchanged": 1}));
    let mut twice = longer;
    let epilogue: Vec<u32> = twice.words[12..15].to_vec();
    twice.words.splice(8..11, epilogue);
    twice.depths = vec![(4, 0), (6, 32), (1, 0), (3, 32), (4, 0)];
    twice.unsafe_points = vec![(1, -1), (2, -2), (12, -1), (2, -2), (1, -1)];
    let document = review(&[function], &[twice], 0);
    assert_eq!(counts(&document), json!({"unchanged": 1}));
    let all = &document["costs"]["all"];
    assert_eq!(all["old"]["epilogue_instructions"], 3);
    assert_eq!(all["new"]["epilogue_instructions"], 6);
}

/// A frame of another size, as another source makes it, is one change whatever the sizes.
#[test]
fn changes_that_differ_in_constants_alone_are_one() {
    let case = |size: &str, name: &str| {
        recorded("go1.24.11", &format!("{size} non-leaf split linux"), name)
    };
    let old = [case("144", "main.f"), case("160", "main.g"), case("208", "main.h")];
    let new = [case("160", "main.f"), case("208", "main.g"), case("224", "main.h")];
    let document = review(&old, &new, 0);
    assert_eq!(counts(&document), json!({"changed-property-kept": 3}));
    let [group] = list(&document["groups"]) else { panic!("one group: {document}") };
    assert_eq!((&group["functions"], &group["constants_only"]), (&json!(3), &json!(true)));
    assert_eq!((&group["smallest_frame"], &group["largest_frame"]), (&json!(160), &json!(224)));
    let mended = |release: &str| {
        ["65552", "65568", "65632"].map(|size| {
            recorded(release, &format!("{size} non-leaf split linux"), &format!("main.f{size}"))
        })
    };
    let document = review(&mended("go1.24.3"), &mended("go1.24.11"), 0);
    let [group] = list(&document["groups"]) else { panic!("one group: {document}") };
    assert_eq!((&group["class"], &group["functions"]), (&json!("mended"), &json!(3)));
    // 15 instructions of prologue and epilogue each, and one more.
    assert_eq!((&group["old_instructions"], &group["new_instructions"]), (&json!(45), &json!(48)));
}

/// One constant among many that is wrong is a change of its own, since it breaks a rule: SP
/// comes back 16 bytes too high, with which the caller goes on.
#[test]
fn a_wrong_constant_is_not_hidden_by_the_others() {
    let large = |release: &str, name: &str| recorded(release, LARGE, name);
    let names = ["main.f", "main.g", "main.h"];
    let old = names.map(|name| large("go1.24.3", name));
    let mut new = names.map(|name| large("go1.24.11", name));
    let word = new[1].words.iter_mut().find(|word| **word == 0xd280_021b).expect("MOVD $16, R27");
    *word = 0xd280_041b;
    let document = review(&old, &new, 1);
    assert_eq!(counts(&document), json!({"mended": 2, "broken": 1}));
    let [wrong, mended] = list(&document["groups"]) else { panic!("two changes: {document}") };
    assert_eq!(wrong["examples"], json!(["main.g"]));
    let sp_row = |rule: &Value| rule["rule"] == "sp-row" && rule["change"] == "still-refuted";
    assert_eq!(list(&wrong["rules"]).iter().filter(|rule| sp_row(rule)).count(), 2, "{wrong}");
    assert_eq!(mended["examples"], json!(["main.f", "main.h"]));
    let right = names.map(|name| large("go1.24.11", name));
    let document = review(&right, &new, 1);
    assert_eq!(counts(&document), json!({"unchanged": 2, "broken": 1}));
    assert_eq!(document["groups"][0]["constants_only"], true);
}

/// The text has what the JSON has, the gravest first.
#[test]
fn the_text_lists_what_matters() {
    let files = Files::new();
    let mut new = before();
    new.push(two_steps("main.new"));
    let old = files.write("old", image(&now()).bytes());
    let new = files.write("new", image(&new).bytes());
    let run = midframe(&["review", &old, &new, "--examples", "0", "--jobs", "2"]);
    assert_eq!(run.status, 1, "{run:?}");
    for part in [
        "\nbroken: 1 function, another epilogue\n  broken: sp-row for async-preemption",
        "|   ADD $16, RSP, RSP",
        "| ! ADD $(16<<12), RSP, RSP  65552    sp-row\n",
        "\n  1 function appeared, 1 of them refuted\n",
        "\nappeared and refuted\n  main.new  frame 65616\n    sp-row for async-preemption, ",
        "\n      +0x38  ADD $(16<<12), RSP, RSP  sp-row: crash  declared 65552  actual 65536\n",
    ] {
        assert!(run.stdout.contains(part), "{part:?} in {}", run.stdout);
    }
    let at = |part: &str| run.stdout.find(part).unwrap_or_else(|| panic!("{part} in {run:?}"));
    assert!(at("broken: 1 function, ") < at("changed, property kept: 1 function, "));
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 100), "{}", run.stdout);
}

#[test]
fn a_reader_that_went_away_changes_nothing() {
    let files = Files::new();
    let old = files.write("old", image(&now()).bytes());
    let new = files.write("new", image(&before()).bytes());
    for format in ["text", "json", "markdown"] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = command(&["review", &old, &new, "--format", format]);
        let output = command.stdout(writer).stderr(Stdio::piped()).output();
        let run = run(output.expect("the command starts"));
        assert_eq!((run.status, run.stderr.as_str()), (1, ""), "{format}");
    }
}
