//! `midframe scan --format sarif`: against the schema of OASIS, and against what
//! GitHub's code scanning asks for beyond it
//! (docs.github.com, "SARIF support for code scanning").

use crate::fixtures::{Files, clean, image, leaf, loads_sp, overwrites_lr, two_steps};
use crate::support::{json, list, midframe};
use image::testing::GoFunction;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The schema as OASIS publishes it. It comes with the sources of the crate
/// `serde-sarif`, which makes its types of it.
fn schema() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--filter-platform"])
        .arg(target_lexicon::HOST.to_string())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON of cargo");
    let packages = list(&metadata["packages"]).iter();
    let package = packages.into_iter().find(|package| package["name"] == "serde-sarif");
    let manifest = package.and_then(|package| package["manifest_path"].as_str());
    let path = Path::new(manifest.expect("the crate serde-sarif")).with_file_name("src");
    let text = std::fs::read_to_string(path.join("schema.json")).expect("the schema");
    // The pattern for languages has a bracket that nothing opens, which only some
    // dialects of regular expressions take for itself. We name no language.
    let (open, escaped) = (r"{2}-[a-zA-Z]{2}]?$", r"{2}-[a-zA-Z]{2}\\]?$");
    let mended = text.replace(open, escaped);
    assert_ne!(mended, text, "the pattern has been mended: the replacement can go");
    let schema: Value = serde_json::from_str(&mended).expect("a schema");
    let id = "https://raw.githubusercontent.com/oasis-tcs/sarif-spec/master/Schemata/\
              sarif-schema-2.1.0.json";
    assert_eq!(schema["$id"], id);
    assert_eq!(schema["required"], json!(["version", "runs"]));
    schema
}

fn check_schema(validator: &jsonschema::Validator, log: &Value) {
    let errors: Vec<_> = validator.iter_errors(log).map(|error| error.to_string()).collect();
    assert_eq!(errors, [""; 0], "{log}");
}

fn validator() -> jsonschema::Validator {
    let options = jsonschema::options().should_validate_formats(true);
    options.build(&schema()).expect("a schema of JSON Schema")
}

/// The log of a run over files.
fn log(paths: &[&str], status: i32) -> Value {
    let run = midframe(&[&["scan", "--format", "sarif"], paths].concat());
    assert_eq!(run.status, status, "{run:?}");
    json(&run)
}

fn results(log: &Value) -> &[Value] {
    list(&log["runs"][0]["results"])
}

/// What code scanning asks of rules and results: texts, places, fingerprints.
fn check_for_code_scanning(log: &Value) {
    let driver = &log["runs"][0]["tool"]["driver"];
    assert_eq!(driver["name"], "midframe");
    let text = |value: &Value, most: usize| {
        let text = value.as_str().unwrap_or_else(|| panic!("a text: {value}"));
        assert!(!text.is_empty() && text.len() <= most, "{text}");
    };
    let mut ids = Vec::new();
    let mut texts = BTreeSet::new();
    for rule in list(&driver["rules"]) {
        ids.push(rule["id"].as_str().expect("an id"));
        text(&rule["name"], 255);
        text(&rule["shortDescription"]["text"], 1024);
        text(&rule["fullDescription"]["text"], 1024);
        text(&rule["help"]["text"], 4096);
        text(&rule["help"]["markdown"], 4096);
        texts.insert(rule["help"]["text"].to_string());
        assert!(list(&rule["properties"]["tags"]).len() <= 10);
        assert_eq!(rule["properties"]["precision"], "very-high");
        assert_eq!(rule["properties"]["problem.severity"], "error");
    }
    let known =
        ["sp-row", "saved-lr", "frame-pointer", "below-sp", "restart", "sp-align", "callee"];
    assert_eq!(ids, known);
    assert_eq!(texts.len(), ids.len(), "a help of its own for each rule");
    for result in results(log) {
        let index = result["ruleIndex"].as_u64().expect("an index") as usize;
        assert_eq!(result["ruleId"], ids[index]);
        // What ends or hangs the program is an error.
        let level = match result["properties"]["severity"].as_str() {
            Some("crash" | "hang") => "error",
            Some("wrong-sample") => "warning",
            other => panic!("{other:?} is no severity: {result}"),
        };
        assert_eq!(result["level"], level);
        text(&result["message"]["text"], 1024);
        let [place] = list(&result["locations"]) else { panic!("one place: {result}") };
        text(&place["physicalLocation"]["artifactLocation"]["uri"], 1024);
        let fingerprint = &result["partialFingerprints"]["primaryLocationLineHash"];
        text(fingerprint, 64);
    }
}

#[test]
fn a_log_is_what_the_schema_and_code_scanning_ask_for() {
    let files = Files::new();
    let made_up = GoFunction {
        lines: ("<autogenerated>".to_owned(), vec![(19, 1)]),
        ..two_steps("main.made")
    };
    let functions =
        [two_steps("main.f"), made_up, overwrites_lr("asm.g"), leaf("main.l"), loads_sp("main.h")];
    let program = files.write("a program", image(&functions).bytes());
    let clean = files.write("clean", image(&[clean("main.main")]).bytes());
    let bad = files.write("bad", "text");
    let validator = validator();
    for (paths, status, count) in
        [(vec![&*program, &*clean], 1, 11), (vec![&*clean], 0, 0), (vec![&*bad, &*program], 2, 11)]
    {
        let log = log(&paths, status);
        check_schema(&validator, &log);
        check_for_code_scanning(&log);
        assert_eq!(results(&log).len(), count);
        let invocation = &log["runs"][0]["invocations"][0];
        assert_eq!(invocation["executionSuccessful"], status != 2);
        let notes = list(&invocation["toolExecutionNotifications"]).iter();
        let levels: Vec<_> = notes.filter_map(|note| note["level"].as_str()).collect();
        let expected: &[&str] = match status {
            0 => &[],
            1 => &["note"],
            _ => &["error", "note"],
        };
        assert_eq!(levels, expected, "{invocation}");
    }
    // The schema objects to what is wrong: the test above can fail.
    let mut log = log(&[&program], 1);
    log["runs"][0]["results"][0]["level"] = json!("grave");
    log["runs"][0]["results"][0]["locations"][0]["uri"] = json!("x");
    assert_eq!(validator.iter_errors(&log).count(), 2);
}

#[test]
fn a_result_has_its_place_its_function_and_its_image() {
    let files = Files::new();
    let relative = GoFunction {
        lines: ("example.com/m@v1 x/f:g.go".to_owned(), vec![(19, 7)]),
        ..two_steps("main.r")
    };
    let made_up = GoFunction {
        lines: ("<autogenerated>".to_owned(), vec![(19, 1)]),
        ..two_steps("main.made")
    };
    let program =
        files.write("a program", image(&[two_steps("main.f"), relative, made_up]).bytes());
    let image_uri = format!("file://{}", program.replace(' ', "%20"));
    let log = log(&[&program], 1);
    let [absolute, relative, made_up] = results(&log) else { panic!("three: {log}") };
    let place = |result: &Value| result["locations"][0]["physicalLocation"].clone();
    let at = |uri: &str, line: u32| json!({"artifactLocation": {"uri": uri}, "region": {"startLine": line}});
    assert_eq!(place(absolute), at("file:///src/netlink.go", 42));
    assert_eq!(place(relative), at("example.com/m%40v1%20x/f%3Ag.go", 7));
    // No such source can be shown: the image stands for it.
    assert_eq!(place(made_up), json!({"artifactLocation": {"uri": image_uri}}));
    for (result, name) in [(absolute, "main.f"), (relative, "main.r"), (made_up, "main.made")] {
        let function = json!([{"name": name, "fullyQualifiedName": name, "kind": "function"}]);
        assert_eq!(result["locations"][0]["logicalLocations"], function);
        assert_eq!(result["analysisTarget"], json!({"uri": image_uri}));
        assert_eq!(result["ruleId"], "sp-row");
        assert_eq!(result["level"], "error");
        assert_eq!(result["properties"]["fixedIn"], json!(["go1.23.12", "go1.24.6", "go1.25.0"]));
        assert_eq!(result.get("suppressions"), None);
        let message = result["message"]["text"].as_str().expect("a message");
        assert!(message.contains(name) && !message.contains("0x"), "no addresses: {message}");
    }
}

/// The same functions at other addresses, in another order, beside others.
#[test]
fn fingerprints_outlive_a_build() {
    let files = Files::new();
    let fingerprints = |name: &str, functions: &[GoFunction]| {
        let log = log(&[&files.write(name, image(functions).bytes())], 1);
        let results = results(&log).iter();
        let mut found: Vec<_> = results
            .map(|result| {
                let fingerprints = &result["partialFingerprints"];
                let ours = &fingerprints["midframeFinding/v1"];
                assert_eq!(&fingerprints["primaryLocationLineHash"], ours);
                let function = result["locations"][0]["logicalLocations"][0]["name"].to_string();
                (function, ours.to_string(), result["properties"]["pc"].to_string())
            })
            .collect();
        found.sort();
        found
    };
    let (f, g) = (two_steps("main.f"), two_steps("main.g"));
    let first = fingerprints("first", &[f.clone(), g.clone()]);
    let moved: Vec<_> = (0..50).map(|n| clean(&format!("a.f{n}"))).chain([g, f.clone()]).collect();
    let second = fingerprints("second", &moved);
    assert_eq!((first.len(), second.len()), (2, 2));
    for ((function, print, pc), (other_function, other_print, other_pc)) in
        first.iter().zip(&second)
    {
        assert_eq!((function, print), (other_function, other_print));
        assert_ne!(pc, other_pc, "the addresses moved");
    }
    // Two functions of one name, as the linker leaves them, are two.
    let twice = fingerprints("twice", &[f.clone(), clean("main.main"), f]);
    let prints: Vec<_> = twice.iter().map(|(_, print, _)| print.as_str()).collect();
    // Python: sha256(b"sp-row\0main.f\0" + (1).to_bytes(4, "little")), 16 bytes; and of 2.
    let expected = ["\"1470b7319b63e1e98e1f7321b930b8d8\"", "\"9f88461f732b9db3d3104e6b7883e605\""];
    assert_eq!(prints, expected);
    assert_eq!(first[0].1, expected[0]);
}

/// A name that is no text of anybody's stays what it is, and where a URI is asked for
/// it is one.
#[test]
fn hostile_names_are_data() {
    let files = Files::new();
    let mut function = two_steps("main.\"</script>\r\n\\u0000{0}[a](b)");
    function.lines.0 = "javascript:alert(1)\n//<img>".to_owned();
    let path = files.write("pro\ngram <%>", image(&[function]).bytes());
    let log = log(&[&path], 1);
    check_schema(&validator(), &log);
    check_for_code_scanning(&log);
    let place = &results(&log)[0]["locations"][0];
    let name = "main.\"</script>\r\n\\u0000{0}[a](b)";
    assert_eq!(place["logicalLocations"][0]["name"], name);
    let uri = "javascript%3Aalert%281%29%0A//%3Cimg%3E";
    assert_eq!(place["physicalLocation"]["artifactLocation"]["uri"], uri);
}

/// Code scanning refuses a run of more than 25,000 results.
#[test]
fn more_results_than_a_run_takes_go_into_several() {
    let files = Files::new();
    let functions: Vec<_> =
        (0..5_001).map(|number| two_steps(&format!("main.f{number}"))).collect();
    let program = files.write("program", image(&functions).bytes());
    let all = log(&[program.as_str(); 5], 1);
    let runs = list(&all["runs"]);
    check_schema(&validator(), &json!({ "version": all["version"], "runs": [runs[1]] }));
    let counts: Vec<_> = runs.iter().map(|run| list(&run["results"]).len()).collect();
    assert_eq!(counts, [25_000, 5]);
    let names: Vec<_> = runs.iter().map(|run| &run["automationDetails"]["id"]).collect();
    assert_eq!(names, ["midframe/part-1", "midframe/part-2"]);
    assert_eq!(runs[1]["tool"], runs[0]["tool"]);
    assert_eq!(
        (&runs[0]["invocations"][0]["executionSuccessful"], &runs[1]["invocations"]),
        (&json!(true), &Value::Null)
    );
    let last = runs[1]["results"][4]["message"]["text"].as_str().expect("a message");
    assert!(last.contains("main.f5000"), "{last}");

    let four = log(&[program.as_str(); 4], 1);
    assert_eq!(list(&four["runs"]).len(), 1);
    assert_eq!(four["runs"][0]["automationDetails"], Value::Null);
}
