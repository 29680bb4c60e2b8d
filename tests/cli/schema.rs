//! The JSON documents, field by field: the design's schemas, as far as they are
//! stable. Fields may be added, so others are let pass.

use serde_json::Value;

/// A type of JSON value.
pub(crate) enum Type {
    /// This very string.
    Is(&'static str),
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// A string that is not empty.
    Text,
    /// A string of `0x` and lower-case hexadecimal digits.
    Hex,
    /// A number of 0 or more without a fraction.
    Count,
    /// A number without a fraction.
    Integer,
    /// A number of 0 or more.
    Number,
    Flag,
    Optional(&'static Type),
    List(&'static Type),
    /// At least these fields.
    Object(&'static [(&'static str, Type)]),
}

use Type::{Count, Flag, Hex, Integer, Is, List, Number, Object, OneOf, Optional, Text};

const VERDICT: Type = OneOf(&["proved", "refuted", "undecided", "not-observed"]);

const SEVERITY: Type = OneOf(&["crash", "hang", "wrong-sample"]);

const VERDICTS: Type = Object(&[
    ("everybody", VERDICT),
    ("async-preemption", VERDICT),
    ("profiler", VERDICT),
    ("frame-pointer", VERDICT),
]);

const OBSERVER: Type = OneOf(&["everybody", "async-preemption", "frame-pointer", "profiler"]);

const RULE: Type =
    OneOf(&["sp-row", "saved-lr", "frame-pointer", "below-sp", "restart", "sp-align", "callee"]);

/// `midframe prove --format json`
pub(crate) const PROVE: Type = Object(&[
    ("schema", Is("midframe/prove/1")),
    ("seconds", Number),
    ("sequences", Count),
    (
        "theorems",
        List(&Object(&[
            ("policy", Text),
            ("releases", List(&Text)),
            ("leaf", Flag),
            ("frames", Count),
            ("verdict", VERDICT),
            ("refuted_frames", Count),
            ("smallest", Optional(&Count)),
            (
                "rules",
                Object(&[
                    ("sp-row", Count),
                    ("saved-lr", Count),
                    ("frame-pointer", Count),
                    ("below-sp", Count),
                    ("restart", Count),
                    ("sp-align", Count),
                    ("callee", Count),
                ]),
            ),
            ("severity", Optional(&SEVERITY)),
        ])),
    ),
]);

/// What became of a rule for an observer.
const RULES: Type = List(&Object(&[
    ("rule", RULE),
    ("observer", OBSERVER),
    ("change", OneOf(&["broken", "still-refuted", "not-observed", "mended"])),
]));

const CLASS: Type = OneOf(&[
    "broken",
    "now-undecided",
    "still-refuted",
    "not-observed",
    "mended",
    "still-undecided",
    "now-proved",
    "changed-property-kept",
    "unchanged",
]);

const COST: Type = Object(&[
    ("largest", Optional(&Count)),
    ("functions", Count),
    ("old", SIDE_COST),
    ("new", SIDE_COST),
]);

const SIDE_COST: Type =
    Object(&[("prologue_instructions", Count), ("epilogue_instructions", Count), ("bytes", Count)]);

const REVIEWED_SIDE: Type = Object(&[
    ("entry", Hex),
    ("frame_size", Count),
    (
        "findings",
        List(&Object(&[
            ("rule", RULE),
            ("observers", List(&OBSERVER)),
            ("severity", SEVERITY),
            ("offset", Count),
            ("instruction", Text),
            ("declared", Integer),
            ("actual", Integer),
        ])),
    ),
    ("undecided", List(&Text)),
]);

const LONE: Type = List(&Object(&[
    ("function", Text),
    ("ordinal", Count),
    ("frame_size", Count),
    ("refuted", List(&Object(&[("rule", RULE), ("observer", OBSERVER)]))),
    ("undecided", List(&Text)),
]));

const LISTING: Type = List(&Object(&[
    ("offset", Count),
    ("word", Hex),
    ("instruction", Text),
    ("declared", Optional(&Integer)),
    ("actual", Optional(&Integer)),
    ("unsafe_point", Text),
    ("rules", List(&RULE)),
]));

const BUILD: Type = Object(&[
    ("name", Text),
    ("container", Optional(&Text)),
    ("go_version", Optional(&Text)),
    ("functions", Count),
    ("unreadable", Count),
]);

/// `midframe review --format json`
pub(crate) const REVIEW: Type = Object(&[
    ("schema", Is("midframe/review/1")),
    ("subject", OneOf(&["functions", "frames"])),
    ("headline", Text),
    ("old", Text),
    ("new", Text),
    ("costs", Object(&[("all", COST), ("sizes", List(&COST))])),
    (
        "pairs",
        List(&Object(&[
            ("name", Optional(&Text)),
            ("old", BUILD),
            ("new", BUILD),
            (
                "functions",
                List(&Object(&[
                    ("function", Text),
                    ("ordinal", Count),
                    ("class", CLASS),
                    ("rules", RULES),
                    ("now_undecided_for", List(&OBSERVER)),
                    ("group", Optional(&Count)),
                    ("old", REVIEWED_SIDE),
                    ("new", REVIEWED_SIDE),
                ])),
            ),
            ("appeared", LONE),
            ("disappeared", LONE),
        ])),
    ),
    (
        "groups",
        List(&Object(&[
            ("class", CLASS),
            ("rules", RULES),
            ("now_undecided_for", List(&OBSERVER)),
            ("same_frame", Flag),
            ("constants_only", Flag),
            ("functions", Count),
            ("smallest_frame", Count),
            ("largest_frame", Count),
            ("old_instructions", Count),
            ("new_instructions", Count),
            ("examples", List(&Text)),
            (
                "differences",
                List(&Object(&[
                    ("part", OneOf(&["prologue", "morestack", "epilogue"])),
                    ("old", LISTING),
                    ("new", LISTING),
                ])),
            ),
        ])),
    ),
    ("only_old", List(&Text)),
    ("only_new", List(&Text)),
    ("errors", List(&Object(&[("path", Text), ("error", Text)]))),
]);

/// `midframe lower --format json`
pub(crate) const LOWER: Type = Object(&[
    ("schema", Is("midframe/lower/1")),
    ("policy", Text),
    ("leaf", Flag),
    ("frame_size", Count),
    ("verdicts", VERDICTS),
    (
        "boundaries",
        List(&Object(&[
            ("offset", Count),
            ("word", Hex),
            ("instruction", Text),
            ("declared", Integer),
            ("actual", Integer),
            ("preemptible", Flag),
            ("rules", List(&RULE)),
            ("severity", Optional(&SEVERITY)),
        ])),
    ),
]);

/// `midframe scan --format json`
pub(crate) const SCAN: Type = Object(&[
    ("schema", Is("midframe/scan/1")),
    (
        "images",
        List(&Object(&[
            ("path", Text),
            ("container", Text),
            ("architecture", Text),
            ("os", Optional(&Text)),
            ("main_module", Optional(&Text)),
            ("go_version", Optional(&Text)),
            ("functions", Count),
            ("boundaries", Count),
            ("verdicts", VERDICTS),
            ("undecided", List(&Object(&[("reason", Text), ("functions", Count)]))),
            ("findings", List(&FINDING)),
            ("filtered_functions", Count),
            ("unobserving", List(&OBSERVER)),
            ("unobserved_boundaries", Count),
            ("accepted", Count),
        ])),
    ),
    ("errors", List(&Object(&[("path", Text), ("error", Text)]))),
    ("skipped", List(&Object(&[("path", Text), ("reason", Text)]))),
    ("totals", TOTALS),
    ("baseline", Optional(&BASELINE)),
]);

const TOTALS: Type = Object(&[
    ("images", Count),
    ("errors", Count),
    ("skipped", Count),
    ("functions", Count),
    ("boundaries", Count),
    ("findings", Count),
    ("accepted", Count),
    (
        "verdicts",
        Object(&[
            ("everybody", COUNTS),
            ("async-preemption", COUNTS),
            ("frame-pointer", COUNTS),
            ("profiler", COUNTS),
        ]),
    ),
]);

const COUNTS: Type =
    Object(&[("not-observed", Count), ("proved", Count), ("undecided", Count), ("refuted", Count)]);

const BASELINE: Type = Object(&[
    ("path", Text),
    ("entries", Count),
    ("accepted", Count),
    (
        "notes",
        List(&Object(&[
            ("line", Count),
            ("kind", OneOf(&["expired", "unmatched"])),
            ("rule", RULE),
            ("function", Text),
            ("message", Text),
        ])),
    ),
]);

const FINDING: Type = Object(&[
    ("rule", RULE),
    ("observer", OBSERVER),
    ("consequence", Text),
    ("function", Text),
    ("entry", Hex),
    ("pc", Hex),
    ("declared", Integer),
    ("actual", Integer),
    ("frame_size", Integer),
    ("leaf", Flag),
    ("instruction", Text),
    ("file", Optional(&Text)),
    ("line", Optional(&Count)),
    ("observers", List(&OBSERVER)),
    ("severity", SEVERITY),
    ("ordinal", Count),
    ("fingerprint", Text),
    ("fixed_in", List(&Text)),
    ("rebuild_is_enough", Flag),
    ("remedy", Text),
    ("accepted", Optional(&Object(&[("reason", Text), ("expires", Optional(&Text))]))),
]);

/// `midframe policies --format json`
pub(crate) const POLICIES: Type = Object(&[
    ("schema", Is("midframe/policies/1")),
    ("policies", List(&Object(&[("policy", Text), ("releases", List(&Text)), ("summary", Text)]))),
]);

/// Holds a value against a type. `path` is where the value stands.
pub(crate) fn check(value: &Value, of: &Type, path: &str) {
    let fits = match of {
        Is(expected) => value == expected,
        OneOf(expected) => expected.iter().any(|expected| value == expected),
        Text => value.as_str().is_some_and(|text| !text.is_empty()),
        Hex => value.as_str().and_then(|text| text.strip_prefix("0x")).is_some_and(|digits| {
            !digits.is_empty() && digits.bytes().all(|digit| b"0123456789abcdef".contains(&digit))
        }),
        Count => value.is_u64(),
        Integer => value.is_i64(),
        Number => value.as_f64().is_some_and(|number| number >= 0.0),
        Flag => value.is_boolean(),
        Optional(of) => {
            if !value.is_null() {
                check(value, of, path);
            }
            true
        }
        List(of) => {
            let items = value.as_array().into_iter().flatten().enumerate();
            items.for_each(|(index, item)| check(item, of, &format!("{path}[{index}]")));
            value.is_array()
        }
        Object(fields) => {
            for (name, of) in *fields {
                let field = value.get(name).unwrap_or_else(|| panic!("no {path}.{name}: {value}"));
                check(field, of, &format!("{path}.{name}"));
            }
            value.is_object()
        }
    };
    assert!(fits, "{path} is {value}");
}
