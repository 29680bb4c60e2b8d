//! The listing of one frame: its boundaries, the rules that are broken at them, and
//! what the observers make of that.

use super::paint::{Tone, lines, paint};
use super::{VERDICTS, releases, severity, table};
use crate::explain::{consequence_in, observer_name, release};
use crate::lower::{Boundary, Listing};
use a64::syntax::GoSyntax;
use core::fmt::Write as _;
use lowering::Kind;
use unwind::UnsafePoint;
use verifier::{Observer, Observers, Rule, Verdict};

/// The listing.
#[must_use]
pub fn lower(listing: &Listing) -> String {
    let frame = &listing.frame;
    let mut text = format!("{}  {}  frame {}\n", listing.asked, frame.kind, frame.size);
    let rows: Vec<_> = listing.boundaries.iter().map(boundary).collect();
    let marked = |boundary: &Boundary| match boundary.broken.is_empty() {
        true => Tone::Plain,
        false => Tone::Bad,
    };
    text.push_str(&lines(&table(&rows, &[5, 7]), listing.boundaries.iter().map(marked)));
    let (name, releases) = (listing.policy.name, releases(&listing.policy));
    let body = match frame.kind {
        Kind::Leaf => "the NOOP",
        Kind::NonLeaf if frame.size.bytes() == 0 => "the NOOP",
        Kind::NonLeaf => "the first CALL",
    };
    let _ = writeln!(text, "policy {name}: {releases}; {body} stands for the body");
    let release = release(&listing.policy, &listing.asked);
    for rule in Rule::ALL {
        let broken = listing.boundaries.iter().flat_map(|boundary| &boundary.broken);
        let broken: Vec<_> = broken.filter(|broken| broken.rule == rule).collect();
        let seen = broken.iter().map(|broken| broken.observers);
        let gravest = seen.fold(Observers::NONE, Observers::union).gravest();
        let itself = broken.iter().any(|broken| broken.returns_to_itself);
        let told = |observer| Some((observer, consequence_in(release, rule, observer, itself)?));
        if let Some((observer, sentence)) = gravest.and_then(told) {
            let worst = broken.iter().filter_map(|broken| broken.severity).max();
            let (rule, worst) = (paint(Tone::Bad, rule), severity(worst));
            let _ = writeln!(text, "{rule}, {}{worst}: {sentence}", observer_name(observer));
        }
    }
    text.push_str(&verdicts(listing));
    text
}

/// For whom the frame is refuted, undecided and proved.
fn verdicts(listing: &Listing) -> String {
    let of = |verdict| Observer::ALL.into_iter().filter(move |&o| listing.verdict(o) == verdict);
    if of(Verdict::Proved).count() == Observer::ALL.len() {
        let proved = paint(Verdict::Proved, Verdict::Proved);
        return format!("{proved}: every rule holds at every boundary\n");
    }
    let groups = VERDICTS.map(|verdict| {
        let observers: Vec<_> = of(verdict).map(observer_name).collect();
        let painted = || paint(verdict, verdict);
        (!observers.is_empty()).then(|| format!("{}: {}", painted(), observers.join(", ")))
    });
    let groups: Vec<_> = groups.into_iter().flatten().collect();
    format!("{}\n", groups.join("; "))
}

fn boundary(boundary: &Boundary) -> Vec<String> {
    let mut row = vec![
        if boundary.broken.is_empty() { " " } else { ">" }.to_owned(),
        format!("+{:#04x}", boundary.at.offset()),
        boundary.word.to_string(),
        GoSyntax(boundary.word).to_string(),
        "declared".to_owned(),
        boundary.declared.to_string(),
        "actual".to_owned(),
        boundary.actual.to_string(),
    ];
    let rules: Vec<_> = boundary.rules().map(Rule::id).collect();
    let mut notes = vec![unsafe_point(boundary).to_owned()];
    if boundary.rules().any(|rule| rule == Rule::SpRow) {
        notes.push(format!("mid-frame: {}", rules.join(", ")));
    } else {
        notes.push(rules.join(", "));
    }
    notes.retain(|note| !note.is_empty());
    row.push(notes.join("  "));
    row
}

/// The class of the boundary, where it is not simply safe.
fn unsafe_point(boundary: &Boundary) -> &'static str {
    match boundary.unsafe_point {
        UnsafePoint::Safe => "",
        UnsafePoint::Unsafe => "unsafe point",
        UnsafePoint::Restart1 | UnsafePoint::Restart2 => "restartable",
        UnsafePoint::RestartAtEntry => "restarts at entry",
    }
}
