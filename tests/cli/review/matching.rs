//! Which functions are held against each other, and what has no counterpart.

use super::{LARGE, counts, recorded, review};
use crate::fixtures::{Files, clean, image, two_steps};
use crate::support::{json, list, midframe};
use image::testing::GoFunction;
use serde_json::json;

/// Of two functions with one name the first is the first.
#[test]
fn functions_of_one_name_go_by_their_order() {
    let large = |release: &str| recorded(release, LARGE, "main.f");
    let old = [large("go1.24.3"), large("go1.24.11")];
    let document = review(&old, &[large("go1.24.11"), large("go1.24.11")], 0);
    assert_eq!(counts(&document), json!({"mended": 1, "unchanged": 1}));
    assert_eq!(document["pairs"][0]["functions"][0]["ordinal"], 1);
    let document = review(&old, &[large("go1.24.11"), large("go1.24.3")], 1);
    assert_eq!(counts(&document), json!({"mended": 1, "broken": 1}));
    let document = review(&old, &[large("go1.24.11")], 0);
    let gone = &document["pairs"][0]["disappeared"];
    assert_eq!((&gone[0]["function"], &gone[0]["ordinal"]), (&json!("main.f"), &json!(2)));
}

/// A record that is damaged has no name: what it was is not known, so it is not taken for
/// one that disappeared.
#[test]
fn functions_that_can_be_read_no_more() {
    let files = Files::new();
    let whole = image(&[clean("main.f"), clean("main.g")]);
    let (mut bytes, offsets) = whole.layout();
    let old = files.write("old", &bytes);
    // The second entry of the table of functions has the offset of its record, which begins
    // with the function's start.
    let table = offsets.tables[4];
    let offset = bytes[table + 12..table + 16].try_into().map(u32::from_le_bytes);
    let record = table + offset.expect("four bytes") as usize;
    bytes[record..record + 4].fill(0xff);
    let new = files.write("new", &bytes);
    let run = midframe(&["review", &old, &new]);
    assert_eq!(run.status, 1, "{run:?}");
    let first = "1 function now undecided: records that can be read no more\n";
    assert!(run.stdout.starts_with(first), "{}", run.stdout);
    assert!(run.stdout.contains("go1.24.1, 1 function, 1 not to be read\n"), "{}", run.stdout);
    let reverse = midframe(&["review", &new, &old, "--format", "json"]);
    assert_eq!((reverse.status, &json(&reverse)["pairs"][0]["old"]["unreadable"]), (0, &json!(1)));
}

/// What appears is verified too, and named if a rule is refuted in it; it was not proved
/// before, so it is not broken.
#[test]
fn functions_appear_and_disappear() {
    let old = [clean("main.f"), clean("main.old")];
    let new = [clean("main.f"), two_steps("main.new")];
    let document = review(&old, &new, 0);
    let pair = &document["pairs"][0];
    assert_eq!(pair["disappeared"][0]["function"], "main.old");
    let [appeared] = list(&pair["appeared"]) else { panic!("one function: {pair}") };
    assert_eq!(
        (&appeared["function"], &appeared["frame_size"]),
        (&json!("main.new"), &json!(65616))
    );
    let refuted = json!([
        {"rule": "sp-row", "observer": "async-preemption"},
        {"rule": "sp-row", "observer": "profiler"},
    ]);
    assert_eq!(appeared["refuted"], refuted);
    let nothing = review(&[clean("main.f")], &[clean("main.g")], 3);
    assert_eq!(nothing["headline"], "nothing to compare: no function is in both");
}

/// A frame of 32 bytes that is left by a jump to each of these functions, which follow it
/// in the program.
fn jumps(order: &[u32]) -> Vec<GoFunction> {
    let function = recorded("go1.24.11", "32 non-leaf split linux", "main.f");
    let (head, rest) = function.words.split_at(7);
    let (mut words, loads, call) = (head.to_vec(), &rest[..2], &rest[3..]);
    let (count, runs) = (order.len() as u32, function.depths[0]);
    let length = 7 + 3 * count + 3;
    let branch = |from: u32, to: u32| 0x1400_0000 | to.wrapping_sub(from) & 0x03ff_ffff;
    let mut depths = vec![runs, (5, 32)];
    for &target in order {
        words.extend(loads);
        let from = words.len() as u32;
        words.push(branch(from, length + 2 * target));
        depths.extend([(1, 0), (2, 32)]);
    }
    // The call of morestack is at depth 0, as the last jump is.
    depths.pop();
    depths.last_mut().expect("a run").0 += 3;
    words[2] = 0x5400_0009 | (length - 3 - 2) << 5;
    words.extend(&call[..2]);
    words.push(branch(length - 1, 0));
    let targets = (0..count).map(|n| clean(&format!("main.g{n}")));
    let function = GoFunction { depths, ..GoFunction::new("main.f", &words) };
    [function].into_iter().chain(targets).collect()
}

/// So many that not each pair of them is compared.
#[test]
fn many_epilogues_are_compared_as_few_are() {
    for count in [4_u32, 80] {
        let order: Vec<_> = (0..count).collect();
        let backwards: Vec<_> = order.iter().rev().copied().collect();
        let document = review(&jumps(&order), &jumps(&backwards), 0);
        assert_eq!(counts(&document), json!({"unchanged": count + 1}), "in whatever order");
        let mut other = order.clone();
        other[1] = 0;
        let document = review(&jumps(&order), &jumps(&other), 0);
        let expected = json!({"unchanged": count, "changed-property-kept": 1});
        assert_eq!(counts(&document), expected, "{count}");
        let [difference] = list(&document["groups"][0]["differences"]) else {
            panic!("one epilogue: {document}")
        };
        assert_eq!(difference["old"][2]["instruction"], "JMP main.g1");
        assert_eq!(difference["new"], json!([]), "it is gone");
    }
}
