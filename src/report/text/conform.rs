//! The report of a comparison: counts, then both listings of what deviates.

use super::paint::{Tone, lines, paint};
use super::{grouped, plural, printable, releases, table};
use crate::conform::predict::Part;
use crate::conform::{Conformed, Deviation, Variation, alike, names};
use a64::syntax::GoSyntax;
use core::fmt::Write as _;
use unwind::{Index, Word};

/// How many unexplained deviations are listed; JSON lists more.
const MAX_LISTED: usize = 20;

/// The report of a comparison.
#[must_use]
pub fn conform(conformed: &Conformed) -> String {
    let survey = &conformed.survey;
    let mut text = format!(
        "{}: {} {}, {}, {}\n",
        printable(&conformed.path.display().to_string()),
        conformed.architecture,
        conformed.container,
        printable(conformed.go_version.as_deref().unwrap_or("unknown Go version")),
        plural(survey.functions, "compiled function", "compiled functions"),
    );
    let rows = [vec![policy(conformed)], counts(conformed)].concat();
    text.push_str(&table(&rows, &[]));
    text.push_str(&policies(conformed));
    text.push_str(&deviations(conformed));
    text.push_str(&conclusion(conformed));
    text
}

fn row(name: &str, value: String) -> Vec<String> {
    vec![format!("  {name}"), value]
}

/// Who built it, and how that is known.
fn policy(conformed: &Conformed) -> Vec<String> {
    let choice = &conformed.choice;
    let candidates = || names(&conformed.policies, choice.candidates).collect::<Vec<_>>();
    let ranges: Vec<_> = choice
        .candidates
        .ranks()
        .filter_map(|rank| conformed.policies.get(rank))
        .map(releases)
        .collect();
    let evidence: Vec<_> = choice.evidence.iter().map(|evidence| evidence.id()).collect();
    let by = match evidence.is_empty() {
        true => String::new(),
        false => format!(", by {}", evidence.join(", ")),
    };
    let value = match &choice.policy {
        Some(policy) => format!("{policy} ({}){by}", ranges.join(", ")),
        None if survey_is_empty(conformed) => "undecided: no compiled function has a frame".into(),
        None if conformed.unexplained() > 0 => {
            format!("none predicts the whole of it; the nearest: {}", candidates().join(", "))
        }
        None => format!("one of {}: nothing tells them apart", candidates().join(", ")),
    };
    row("policy", value)
}

fn survey_is_empty(conformed: &Conformed) -> bool {
    conformed.survey.pieces.is_empty()
}

fn counts(conformed: &Conformed) -> Vec<Vec<String>> {
    let (survey, best) = (&conformed.survey, conformed.choice.best);
    let of = |count, prologues| {
        let matched = survey.matched(best, Some(prologues));
        format!("{}, {} as predicted", grouped(count), grouped(matched))
    };
    let mut rows = vec![
        row("prologues", of(survey.prologues(), true)),
        row("epilogues", of(survey.epilogues(), false)),
        row("without a frame", plural(survey.frameless, "function", "functions")),
        row("never returning", plural(survey.never_returning, "function", "functions")),
        row("assembly", plural(survey.assembly, "function", "functions") + ", counted apart"),
    ];
    if let (count @ 1.., Some(example)) = &survey.unreadable {
        let functions = plural(*count, "function", "functions");
        rows.push(row("unreadable", format!("{functions}: {}", printable(example))));
    }
    rows
}

/// How each policy fares.
fn policies(conformed: &Conformed) -> String {
    let survey = &conformed.survey;
    let header = ["  policy", "as predicted", "unexplained"].map(str::to_owned).to_vec();
    let policies = conformed.policies.iter().enumerate().map(|(rank, policy)| {
        let (matched, unexplained) = (survey.matched(rank, None), survey.unexplained(rank));
        vec![format!("  {}", policy.name), grouped(matched), grouped(unexplained)]
    });
    let rows: Vec<_> = core::iter::once(header).chain(policies).collect();
    format!("\n{}", table(&rows, &[1, 2]))
}

/// The named kinds with an example each, and everything that has no name.
fn deviations(conformed: &Conformed) -> String {
    let mut text = String::new();
    for variation in Variation::ALL {
        let count = conformed.survey.varied(conformed.choice.best, variation);
        if count == 0 {
            continue;
        }
        let summary = variation.summary();
        let _ = writeln!(text, "\n  {variation}: {}, {summary}; the first:", grouped(count));
        let mut listed = conformed.deviations.iter();
        let first = listed.find(|deviation| deviation.variation == Some(variation));
        text.push_str(&first.map(listing).unwrap_or_default());
    }
    let unexplained = conformed.unexplained();
    if unexplained > 0 {
        let word = paint(Tone::Bad, "unexplained");
        let _ = writeln!(text, "\n  {word}: {}", grouped(unexplained));
    }
    let listed = conformed.deviations.iter().filter(|deviation| deviation.variation.is_none());
    for deviation in listed.take(MAX_LISTED) {
        text.push_str(&listing(deviation));
    }
    if let Some(more @ 1..) = unexplained.checked_sub(MAX_LISTED as u64) {
        let _ = writeln!(text, "  and {} more", grouped(more));
    }
    text
}

/// Both listings, side by side: what is predicted on the left.
fn listing(deviation: &Deviation) -> String {
    let part = match deviation.part {
        Part::Prologue(_) => "prologue",
        Part::MoreStack => "call of morestack",
        Part::Epilogue => "epilogue",
    };
    let name = printable(&deviation.function);
    let (pc, kind, size) = (deviation.pc(), deviation.kind, deviation.frame_size);
    let mut text = format!("  {name}  {kind}  frame {size}  {part} at {pc}\n");
    let count = deviation.predicted.len().max(deviation.actual.len());
    let mut rows = vec![["", "", "", "predicted", "", "actual"].map(str::to_owned).to_vec()];
    // What has a name is explained, and no reason to worry.
    let tone = if deviation.variation.is_none() { Tone::Bad } else { Tone::Here };
    let mut tones = vec![Tone::Plain];
    for (offset, at) in (0..count).zip(deviation.at.0..) {
        let predicted = deviation.predicted.get(offset).copied();
        let actual = deviation.actual.get(offset).copied();
        let same = predicted.zip(actual).is_some_and(|(first, second)| alike(first, second));
        let [left, right] = [predicted, actual].map(instruction);
        let mark = if same { "     " } else { "   > " };
        let mut row = vec![mark.to_owned(), format!("+{:#04x}", Index(at).offset())];
        row.extend(left.into_iter().chain(right));
        rows.push(row);
        tones.push(if same { Tone::Plain } else { tone });
    }
    text.push_str(&lines(&table(&rows, &[]), tones));
    text
}

fn instruction(word: Option<Word>) -> [String; 2] {
    match word {
        Some(word) => [word.to_string(), GoSyntax(word).to_string()],
        None => [String::new(), String::new()],
    }
}

fn conclusion(conformed: &Conformed) -> String {
    let (unexplained, unreadable) = (conformed.unexplained(), conformed.survey.unreadable.0);
    if survey_is_empty(conformed) {
        format!("\n{}: nothing to hold against a policy\n", paint(Tone::Open, "undecided"))
    } else if unexplained > 0 {
        let pieces = plural(unexplained, "prologue or epilogue", "prologues and epilogues");
        format!("\n{}: {pieces}\n", paint(Tone::Bad, "not explained"))
    } else if unreadable > 0 {
        let functions = plural(unreadable, "function", "functions");
        format!("\n{}: {functions} could not be read\n", paint(Tone::Open, "undecided"))
    } else {
        let explained = paint(Tone::Good, "explained");
        format!("\n{explained}: every prologue and epilogue of every compiled function\n")
    }
}
