//! The JSON Schemas in `schemas/`: every document that a test reads is held against the one
//! that it names, and must have no field that is not described.

use crate::fixtures::{Files, image, two_steps};
use crate::support::{args, json, list, midframe};
use jsonschema::Validator;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The schemas by the names that documents give.
static SCHEMAS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let paths = std::fs::read_dir(directory()).expect("the schemas");
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a schema");
        let schema: Value = serde_json::from_str(&text).expect("JSON");
        let name = schema["properties"]["schema"]["const"].as_str().expect("a name").to_owned();
        let file = name.replace("midframe/", "").replace('/', "-") + ".json";
        assert!(path.ends_with(&file), "{} is of {name}", path.display());
        (name, schema)
    };
    paths.map(|entry| read(entry.expect("an entry").path())).collect()
});

/// The same without leave to add fields.
static STRICT: LazyLock<BTreeMap<&str, Validator>> = LazyLock::new(|| {
    let strict = |(name, schema): (&'static String, &'static Value)| {
        let mut schema = schema.clone();
        close(&mut schema);
        (name.as_str(), jsonschema::validator_for(&schema).expect("a schema"))
    };
    SCHEMAS.iter().map(strict).collect()
});

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

/// Forbids fields that are not described, everywhere.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(close);
            if fields.get("properties").is_some_and(|of| of.as_object().is_some_and(is_of_schemas))
            {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// Whether these are schemas: a field can be called `properties` too.
fn is_of_schemas(fields: &Map<String, Value>) -> bool {
    fields.values().all(Value::is_object)
}

/// Holds a document of ours against its schema.
pub(crate) fn validate(document: &Value) {
    let Some(name) = document["schema"].as_str().filter(|name| name.starts_with("midframe/"))
    else {
        return;
    };
    let validator = STRICT.get(name).unwrap_or_else(|| panic!("no schema of {name}"));
    let errors: Vec<_> = validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(errors, [""; 0], "{document}");
}

/// A document of each kind.
fn documents() -> Vec<Value> {
    let files = Files::new();
    let file = files.write("program", image(&[two_steps("main.large")]).bytes());
    let lines = [
        "prove --frames 65616..65616".to_owned(),
        "lower --frame 65616 --policy go1.24.5".to_owned(),
        "explain --frame 65616 --policy go1.24.5".to_owned(),
        format!("scan {file}"),
        format!("conform {file}"),
        format!("budget {file} --bytes 104"),
        "review --policy go1.24.5 go1.24.6 --frames 65536..65616".to_owned(),
        "policies".to_owned(),
    ];
    let document = |line: &String| {
        let document = json(&midframe(&[args(line), args("--format json")].concat()));
        let subcommand = args(line)[0];
        assert_eq!(document["schema"], format!("midframe/{subcommand}/1"));
        document
    };
    lines.iter().map(document).collect()
}

#[test]
fn every_document_has_a_schema_and_every_schema_a_document() {
    let documents = documents();
    let mut names: Vec<_> = documents.iter().map(|document| &document["schema"]).collect();
    names.sort_by_key(|name| name.as_str());
    let schemas: Vec<_> = SCHEMAS.keys().collect();
    assert_eq!(names, schemas);
    documents.iter().for_each(validate);
}

#[test]
fn the_schemas_are_schemas() {
    for (name, schema) in SCHEMAS.iter() {
        assert!(jsonschema::meta::is_valid(schema), "{name}");
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(schema["$id"], name.replace("midframe/", "urn:midframe:").replace("/1", ":1"));
        assert_eq!(&schema["title"], name);
        // As they are, they let fields be added.
        assert!(!schema.to_string().contains("additionalProperties"), "{name}");
    }
}

/// A schema that takes everything says nothing: without any one of its fields, with a field
/// of another type, or with one that is not described, a document is refused.
#[test]
fn the_schemas_refuse() {
    for document in documents() {
        let name = document["schema"].as_str().expect("a name");
        let validator = &STRICT[name];
        let mut places = Vec::new();
        objects(&document, String::new(), &mut places);
        assert!(places.len() > 1, "{name}");
        for place in places {
            let fields = document.pointer(&place).and_then(Value::as_object).expect("an object");
            for field in fields.keys() {
                let change = |change: &dyn Fn(&mut Map<String, Value>)| {
                    let mut changed = document.clone();
                    let object = changed.pointer_mut(&place).and_then(Value::as_object_mut);
                    change(object.expect("an object"));
                    assert!(!validator.is_valid(&changed), "{name}: {place}/{field}");
                };
                change(&|object| drop(object.remove(field)));
                change(&|object| drop(object.insert(field.clone(), json!({"other": [1.5]}))));
                change(&|object| drop(object.insert(format!("{field}-other"), json!(1))));
            }
        }
    }
}

/// Where the objects of a document are; of a list, the first.
fn objects(value: &Value, place: String, places: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                objects(value, format!("{place}/{name}"), places);
            }
            places.push(place);
        }
        Value::Array(_) => {
            if let Some(first) = list(value).first() {
                objects(first, format!("{place}/0"), places);
            }
        }
        _ => {}
    }
}
