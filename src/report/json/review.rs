//! `midframe/review/1`

use crate::report::text::headline;
use crate::review::step::Class as Safety;
use crate::review::{
    Change, Changes, Class, Cost, Difference, Group, Line, Lone, Pair, Review, Reviewed, SIZES,
    Side, Sight, Subject,
};
use serde::Serialize;
use std::collections::BTreeMap;
use verifier::{Observer, Rule};

/// `midframe/review/1`
#[derive(Debug, Serialize)]
pub struct ReviewDocument {
    schema: &'static str,
    /// `functions`, or `frames` of two policies.
    subject: &'static str,
    /// Why the exit status is what it is, in one line.
    headline: String,
    old: String,
    new: String,
    /// How many functions or frames are of each class.
    counts: BTreeMap<&'static str, u64>,
    costs: CostsObject,
    pairs: Vec<PairObject>,
    groups: Vec<GroupObject>,
    /// The programs that only one of two directories has.
    only_old: Vec<String>,
    only_new: Vec<String>,
    errors: Vec<ErrorObject>,
}

#[derive(Debug, Serialize)]
struct ErrorObject {
    path: String,
    error: String,
}

/// What prologues and epilogues cost.
#[derive(Debug, Serialize)]
struct CostsObject {
    all: CostObject,
    sizes: Vec<CostObject>,
}

#[derive(Debug, Serialize)]
struct CostObject {
    /// The largest frame of the class in bytes, null where there is no largest.
    largest: Option<i64>,
    functions: u64,
    old: SideCost,
    new: SideCost,
}

#[derive(Debug, Serialize)]
struct SideCost {
    prologue_instructions: u64,
    epilogue_instructions: u64,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct PairObject {
    /// The name in both directories, null for what was named itself.
    name: Option<String>,
    old: SideObject,
    new: SideObject,
    counts: BTreeMap<&'static str, u64>,
    functions: Vec<FunctionObject>,
    appeared: Vec<LoneObject>,
    disappeared: Vec<LoneObject>,
}

#[derive(Debug, Serialize)]
struct SideObject {
    name: String,
    container: Option<String>,
    go_version: Option<String>,
    functions: u64,
    unreadable: u64,
}

#[derive(Debug, Serialize)]
struct FunctionObject {
    function: String,
    ordinal: u32,
    class: &'static str,
    rules: Vec<RuleObject>,
    /// The observers to whom something is undecided that was decided.
    now_undecided_for: Vec<&'static str>,
    /// Its change, by its place in `groups`; null if the frame code is the same.
    group: Option<usize>,
    old: FunctionSide,
    new: FunctionSide,
}

#[derive(Debug, Serialize)]
struct FunctionSide {
    entry: String,
    frame_size: i64,
    findings: Vec<SightObject>,
    undecided: Vec<String>,
}

#[derive(Debug, Serialize)]
struct RuleObject {
    rule: &'static str,
    observer: &'static str,
    change: &'static str,
}

#[derive(Debug, Serialize)]
struct SightObject {
    rule: &'static str,
    observers: Vec<&'static str>,
    /// What can happen at worst.
    severity: &'static str,
    offset: u64,
    instruction: String,
    declared: i64,
    actual: i64,
}

#[derive(Debug, Serialize)]
struct LoneObject {
    function: String,
    ordinal: u32,
    frame_size: i64,
    refuted: Vec<RefutedObject>,
    undecided: Vec<String>,
}

#[derive(Debug, Serialize)]
struct RefutedObject {
    rule: &'static str,
    observer: &'static str,
}

#[derive(Debug, Serialize)]
struct GroupObject {
    class: &'static str,
    rules: Vec<RuleObject>,
    now_undecided_for: Vec<&'static str>,
    /// Whether the functions keep the size of their frames.
    same_frame: bool,
    /// Whether nothing but constants differs.
    constants_only: bool,
    functions: u64,
    smallest_frame: i64,
    largest_frame: i64,
    old_instructions: u64,
    new_instructions: u64,
    examples: Vec<String>,
    /// What differs, in the first function.
    differences: Vec<DifferenceObject>,
}

#[derive(Debug, Serialize)]
struct DifferenceObject {
    part: &'static str,
    old: Vec<LineObject>,
    new: Vec<LineObject>,
}

#[derive(Debug, Serialize)]
struct LineObject {
    offset: u64,
    word: String,
    instruction: String,
    declared: Option<i64>,
    /// The declared depth but where a rule is broken.
    actual: Option<i64>,
    unsafe_point: &'static str,
    rules: Vec<&'static str>,
}

/// The document of a review.
#[must_use]
pub fn review(review: &Review) -> ReviewDocument {
    let [old, new] = review.sides.clone();
    let [only_old, only_new] = review
        .alone
        .each_ref()
        .map(|names| names.iter().map(|name| name.display().to_string()).collect::<Vec<_>>());
    let costs = review.costs();
    let sizes = SIZES.iter().zip(&costs.sizes);
    let sizes = sizes.map(|(&(largest, _), cost)| self::cost(Some(largest), cost));
    let errors = review.errors.iter().map(|(path, error)| ErrorObject {
        path: path.display().to_string(),
        error: error.clone(),
    });
    ReviewDocument {
        schema: "midframe/review/1",
        subject: match review.subject {
            Subject::Functions => "functions",
            Subject::Frames => "frames",
        },
        headline: headline(review),
        old,
        new,
        counts: counts(|class| review.count(class)),
        costs: CostsObject { all: cost(None, &costs.total()), sizes: sizes.collect() },
        pairs: review.pairs.iter().map(pair).collect(),
        groups: review.groups.iter().map(group).collect(),
        only_old,
        only_new,
        errors: errors.collect(),
    }
}

fn counts(count: impl Fn(Class) -> u64) -> BTreeMap<&'static str, u64> {
    Class::ALL.into_iter().map(|class| (class.id(), count(class))).collect()
}

fn cost(largest: Option<i64>, cost: &Cost) -> CostObject {
    let side = |side: usize| SideCost {
        prologue_instructions: cost.prologues[side],
        epilogue_instructions: cost.epilogues[side],
        bytes: cost.bytes()[side],
    };
    let largest = largest.filter(|&largest| largest != i64::MAX);
    CostObject { largest, functions: cost.functions, old: side(0), new: side(1) }
}

fn pair(pair: &Pair) -> PairObject {
    let [old, new] = pair.sides.each_ref().map(side);
    let [disappeared, appeared] = pair.alone.each_ref().map(|all| all.iter().map(lone).collect());
    PairObject {
        name: Some(pair.name.clone()).filter(|name| !name.is_empty()),
        old,
        new,
        counts: counts(|class| pair.count(class)),
        functions: pair.functions.iter().map(function).collect(),
        appeared,
        disappeared,
    }
}

fn side(side: &Side) -> SideObject {
    SideObject {
        name: side.name.clone(),
        container: side.container.clone(),
        go_version: side.go_version.clone(),
        functions: side.functions,
        unreadable: side.unreadable,
    }
}

fn ids(observers: &[Observer]) -> Vec<&'static str> {
    observers.iter().map(|observer| observer.id()).collect()
}

fn rules(changes: &Changes) -> Vec<RuleObject> {
    let object = |&(rule, observer, change): &(Rule, Observer, Change)| RuleObject {
        rule: rule.id(),
        observer: observer.id(),
        change: change.id(),
    };
    changes.rules.iter().map(object).collect()
}

fn function(function: &Reviewed) -> FunctionObject {
    let side = |side: usize| FunctionSide {
        entry: function.entries[side].to_string(),
        frame_size: function.frames[side].0,
        findings: function.sights[side].iter().map(sight).collect(),
        undecided: function.reasons[side].clone(),
    };
    FunctionObject {
        function: function.name.clone(),
        ordinal: function.ordinal,
        class: function.class.id(),
        rules: rules(&function.changes),
        now_undecided_for: ids(&function.changes.undecided),
        group: function.group,
        old: side(0),
        new: side(1),
    }
}

fn sight(sight: &Sight) -> SightObject {
    SightObject {
        rule: sight.rule.id(),
        observers: ids(&sight.observers),
        severity: sight.severity.id(),
        offset: sight.at.offset(),
        instruction: sight.instruction.clone(),
        declared: sight.declared.0,
        actual: sight.actual.0,
    }
}

fn lone(lone: &Lone) -> LoneObject {
    let refuted = lone.refuted.iter();
    let refuted = refuted.map(|(rule, who)| RefutedObject { rule: rule.id(), observer: who.id() });
    LoneObject {
        function: lone.name.clone(),
        ordinal: lone.ordinal,
        frame_size: lone.frame.0,
        refuted: refuted.collect(),
        undecided: lone.reasons.clone(),
    }
}

fn group(group: &Group) -> GroupObject {
    let [old_instructions, new_instructions] = group.instructions;
    GroupObject {
        class: group.class.id(),
        rules: rules(&group.changes),
        now_undecided_for: ids(&group.changes.undecided),
        same_frame: group.same_frame,
        constants_only: group.constants_only,
        functions: group.count,
        smallest_frame: group.frames.0.0,
        largest_frame: group.frames.1.0,
        old_instructions,
        new_instructions,
        examples: group.examples.clone(),
        differences: group.differences.iter().map(difference).collect(),
    }
}

fn difference(difference: &Difference) -> DifferenceObject {
    let lines = |lines: &[Line]| lines.iter().map(line).collect();
    DifferenceObject {
        part: difference.part.id(),
        old: lines(&difference.old),
        new: lines(&difference.new),
    }
}

fn line(line: &Line) -> LineObject {
    LineObject {
        offset: line.at.offset(),
        word: format!("{:#010x}", line.word.get()),
        instruction: line.text.clone(),
        declared: line.depth.map(|depth| depth.0),
        actual: line.actual.map(|depth| depth.0),
        unsafe_point: match line.safety {
            Safety::None => "no-row",
            Safety::Safe => "safe",
            Safety::Unsafe => "unsafe",
            Safety::Begins => "restartable-begins",
            Safety::Restarts => "restartable",
            Safety::AtEntry => "restarts-at-entry",
        },
        rules: line.rules.iter().map(|rule| rule.id()).collect(),
    }
}
