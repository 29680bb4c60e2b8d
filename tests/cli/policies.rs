//! `midframe policies`

use crate::schema;
use crate::support::{args, json, list, midframe};

#[test]
fn every_policy_is_listed_with_its_releases() {
    let text = midframe(&["policies"]);
    let machine = midframe(&args("policies --format json"));
    assert_eq!((text.status, machine.status), (0, 0));
    let document = json(&machine);
    schema::check(&document, &schema::POLICIES, "policies");
    let policies = list(&document["policies"]);
    assert!(!policies.is_empty());
    assert_eq!(text.stdout.lines().count(), policies.len() + 1, "a header and a line for each");
    for (line, policy) in text.stdout.lines().skip(1).zip(policies) {
        let of = |field: &str| policy[field].as_str().expect("a string");
        assert!(line.starts_with(&format!("{} ", of("policy"))), "{line}");
        assert!(line.ends_with(of("summary")), "{line}");
        for release in list(&policy["releases"]) {
            assert!(line.contains(release.as_str().expect("a string")), "{line}");
        }
        let of_none = list(&policy["releases"]).is_empty();
        assert_eq!(of_none, policy["policy"] == "complete", "{line}");
        assert_eq!(line.contains("of no release"), of_none, "{line}");
    }
}

/// The releases that carry the fix of golang/go#73259, and those before.
#[test]
fn the_fix_starts_a_policy_of_its_own() {
    let document = json(&midframe(&args("policies --format json")));
    for first in ["go1.23.12", "go1.24.6"] {
        let starts = list(&document["policies"]).iter().any(|policy| {
            let release = policy["releases"][0].as_str();
            release.is_some_and(|release| release.starts_with(&format!("{first} to ")))
        });
        assert!(starts, "a policy from {first} on");
    }
}

/// Each name in the table is one that the other subcommands take.
#[test]
fn each_name_is_accepted() {
    let document = json(&midframe(&args("policies --format json")));
    for policy in list(&document["policies"]) {
        let name = policy["policy"].as_str().expect("a string");
        let run = midframe(&["lower", "--frame", "32", "--format", "json", "--policy", name]);
        assert_eq!((run.status, &json(&run)["policy"]), (0, &policy["policy"]));
    }
}
