//! `action.yml` and the recipes in `docs/ci.md`: they are YAML, and name inputs, steps and
//! flags that exist. `tests/action.rs` runs the steps.

use clap::{CommandFactory as _, Parser as _};
use midframe::cli::Arguments;
use std::collections::BTreeSet;
use std::path::Path;
use yaml_rust2::{Yaml, YamlLoader};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn parse(text: &str) -> Yaml {
    let mut documents = YamlLoader::load_from_str(text).expect("YAML");
    assert_eq!(documents.len(), 1, "{text}");
    documents.remove(0)
}

fn keys(yaml: &Yaml) -> BTreeSet<&str> {
    let fields = yaml.as_hash().unwrap_or_else(|| panic!("a mapping: {yaml:?}"));
    fields.keys().map(|key| key.as_str().expect("a name")).collect()
}

fn text(yaml: &Yaml) -> &str {
    yaml.as_str().unwrap_or_else(|| panic!("a text: {yaml:?}"))
}

fn list(yaml: &Yaml) -> &[Yaml] {
    yaml.as_vec().unwrap_or_else(|| panic!("a list: {yaml:?}"))
}

/// Every name behind `prefix` in the expressions of a text.
fn named<'t>(text: &'t str, prefix: &str) -> BTreeSet<&'t str> {
    let is_name = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    let parts = text.split(prefix).skip(1);
    parts.map(|part| part.split(|character| !is_name(character)).next().unwrap_or(part)).collect()
}

/// The body of a function of the script.
fn function<'s>(script: &'s str, name: &str) -> &'s str {
    let begin = script.split_once(&format!("\n{name}() {{\n"));
    let body = begin.unwrap_or_else(|| panic!("{name} in {script}")).1;
    body.split_once("\n}\n").expect("its end").0
}

#[test]
fn the_inputs_are_used_and_those_that_are_used_exist() {
    let source = read("action.yml");
    let action = parse(&source);
    let inputs = keys(&action["inputs"]);
    assert!(inputs.contains("paths") && inputs.len() > 5, "{inputs:?}");
    let runs = source.split_once("\nruns:").expect("steps").1;
    assert_eq!(named(runs, "inputs."), inputs);
    for (name, input) in action["inputs"].as_hash().expect("inputs") {
        assert!(text(&input["description"]).len() > 10, "{name:?}");
        let required = input["required"].as_bool().expect("a flag");
        assert_eq!(required, input["default"].is_badvalue(), "{name:?}");
    }
    let outputs = keys(&action["outputs"]);
    let script = read(".ci/action");
    for output in outputs {
        let value = text(&action["outputs"][output]["value"]);
        assert!(value.starts_with("${{ steps.") && value.contains(".outputs."), "{value}");
    }
    for step in ["scan", "review"] {
        let body = function(&script, step);
        let read = named(&source, &format!("steps.{step}.outputs."));
        assert!(read.len() > 1, "{read:?}");
        for output in read {
            assert!(body.contains(&format!("echo \"{output}=")), "{step}: {output}");
        }
    }
}

#[test]
fn the_steps_exist_and_get_what_they_read() {
    let action = parse(&read("action.yml"));
    let script = read(".ci/action");
    assert_eq!(text(&action["runs"]["using"]), "composite");
    let steps = list(&action["runs"]["steps"]);
    assert_eq!(steps.len(), 6);
    for step in steps {
        // A composite action needs a shell for each step; nothing else is downloaded.
        assert_eq!(text(&step["shell"]), "bash");
        assert!(step["uses"].is_badvalue());
        let run = text(&step["run"]);
        // What comes from outside is not part of a command.
        assert!(!run.contains("${{"), "{run}");
        let name = run.strip_prefix("\"$GITHUB_ACTION_PATH/.ci/action\" ").expect("a step");
        assert!(script.contains(&format!("\n{name}() {{")), "{name}");
        if let Some(given) = step["env"].as_hash() {
            for variable in given.keys().map(text).filter(|name| *name != "GH_TOKEN") {
                let read = [format!("${variable}"), format!("${{{variable}:-")];
                assert!(read.iter().any(|read| script.contains(read)), "{name}: {variable}");
            }
        }
    }
}

#[test]
fn the_flags_of_the_script_exist() {
    let script = read(".ci/action");
    let command = Arguments::command();
    let scan = command.find_subcommand("scan").expect("scan");
    let flags: BTreeSet<_> = scan.get_arguments().filter_map(clap::Arg::get_long).collect();
    let used = named(function(&script, "run_scan"), "--");
    for flag in used.iter().filter(|flag| !flag.is_empty()) {
        assert!(flags.contains(flag), "{flag}");
    }
    assert!(used.contains("format") && used.contains("baseline"), "{used:?}");
    let review = command.find_subcommand("review").expect("review");
    let flags: BTreeSet<_> = review.get_arguments().filter_map(clap::Arg::get_long).collect();
    let used = named(function(&script, "review"), "--");
    assert!(used.iter().filter(|flag| !flag.is_empty()).all(|flag| flags.contains(flag)));
    assert!(used.contains("format"), "{used:?}");
    let action = parse(&read("action.yml"));
    let values = scan.get_arguments().find(|argument| argument.get_long() == Some("fail-on"));
    let values = values.expect("--fail-on").get_possible_values();
    let described = text(&action["inputs"]["fail-on"]["description"]);
    for value in values {
        assert!(described.contains(value.get_name()), "{}", value.get_name());
    }
}

#[test]
fn the_recipes_name_inputs_that_exist() {
    let action = parse(&read("action.yml"));
    let inputs = keys(&action["inputs"]);
    let document = read("docs/ci.md");
    let blocks: Vec<_> = document.split("```yaml\n").skip(1).collect();
    assert_eq!(blocks.len(), 3);
    let mut used = BTreeSet::new();
    for block in blocks {
        let block = parse(block.split("```").next().expect("a block"));
        let steps = match &block["jobs"]["scan"]["steps"] {
            Yaml::BadValue => list(&block).to_vec(),
            steps => list(steps).to_vec(),
        };
        let ours = steps.iter().filter(|step| {
            step["uses"].as_str().is_some_and(|action| action.contains("/midframe@"))
        });
        for step in ours {
            let given = keys(&step["with"]);
            assert!(given.is_subset(&inputs), "{given:?}");
            assert!(given.contains("paths"), "{given:?}");
            used.extend(given.into_iter().map(str::to_owned));
        }
        if let Some(permissions) = block["permissions"].as_hash() {
            assert!(permissions.contains_key(&Yaml::from_str("security-events")));
        }
    }
    for input in ["baseline", "comment", "old"] {
        assert!(used.contains(input), "{input} in {used:?}");
    }
}

#[test]
fn the_command_lines_of_the_recipes_are_right() {
    let document = read("docs/ci.md");
    let lines: Vec<_> = document.lines().filter(|line| line.starts_with("midframe ")).collect();
    assert_eq!(lines.len(), 2, "a scan and a review: {lines:?}");
    for line in lines {
        let line = line.split('>').next().unwrap_or(line);
        if let Err(error) = Arguments::try_parse_from(line.split_whitespace()) {
            panic!("{line}: {error}");
        }
    }
}
