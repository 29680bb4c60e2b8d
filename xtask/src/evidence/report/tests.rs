use super::{Report, Row, check};
use crate::evidence::{Experiment, Outcome};
use verifier::Verdict;

fn row(expected: Outcome, observed: Outcome) -> Row {
    Row {
        toolchain: "go1.24.3".to_owned(),
        subject: "non-leaf".to_owned(),
        frame: Some(65_616),
        setting: String::new(),
        scan: Some((Verdict::Refuted, Verdict::Refuted)),
        expected,
        observed,
        exposure: "9000 calls, 7 collections".to_owned(),
        seconds: 1.25,
        message: vec!["fatal error: traceback did not unwind completely".to_owned()],
    }
}

fn report(rows: impl IntoIterator<Item = Row>) -> Report {
    let mut report = Report::new(Experiment::Reported, false);
    rows.into_iter().for_each(|row| report.add(row));
    report
}

#[test]
fn what_does_not_come_out_as_claimed_is_a_failure() {
    let good = row(Outcome::Dies, Outcome::Dies);
    assert_eq!(report([good.clone()]).failures(), <[String; 0]>::default());
    for observed in [Outcome::Survives, Outcome::TimesOut, Outcome::Fails] {
        let failures = report([good.clone(), row(Outcome::Dies, observed)]).failures();
        assert_eq!(failures.len(), 1, "{observed}");
        assert!(failures[0].contains("go1.24.3, non-leaf, frame 65616"), "{}", failures[0]);
        assert!(failures[0].contains(&format!("dies is claimed, {observed}")), "{}", failures[0]);
    }
}

#[test]
fn a_death_that_the_scan_did_not_foresee_is_a_failure() {
    let unforeseen = Row {
        scan: Some((Verdict::Refuted, Verdict::Proved)),
        ..row(Outcome::Dies, Outcome::Dies)
    };
    let failures = report([unforeseen]).failures();
    assert!(failures[0].ends_with("refuted is claimed, proved was found"), "{}", failures[0]);
}

#[test]
fn no_case_is_a_failure() {
    assert_eq!(report([]).failures(), ["experiment 1: no case"]);
}

#[test]
fn the_table_has_a_line_for_each_case_and_marks_what_is_not_as_claimed() {
    let text = report([row(Outcome::Dies, Outcome::Dies), row(Outcome::Dies, Outcome::Survives)])
        .to_string();
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines.iter().all(|line| line.matches('|').count() == 10), "{text}");
    assert!(lines[2].contains("| 65616 | ") && lines[2].contains("| 9000 calls, 7 coll"), "{text}");
    assert!(!lines[2].contains("(!)") && lines[3].contains("survives (!)"), "{text}");
    assert!(text.contains("```\nfatal error: traceback did not unwind completely\n```"), "{text}");
}

#[test]
fn a_date_is_a_date() {
    assert!(check("2026-11-21").is_ok());
    for wrong in ["", "2026-11-2", "21.11.2026", "2026/11/21", "../../../a", "2026-11-211"] {
        assert!(check(wrong).is_err(), "{wrong}");
    }
}
