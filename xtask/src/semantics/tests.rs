//! What the judges have said of some words (LLVM 19.1.7, qemu-aarch64 7.2.22), held against models that
//! are right and wrong about them (Arm ARM, DDI 0487, C6.2). `cargo xtask semantics` asks the judges
//! themselves about the same words, before it asks them about the model.

use super::wrong::CASES;
use super::{Answer, Change, Claim, Kind, Range, Set, View, against_llvm, against_machine};
use super::{against_text, must_not_run, ours};

/// What the judges have said of a word: a view, and an answer for each request.
fn recorded(word: u32) -> (View, Vec<Answer>) {
    let mut view = None;
    let mut answers = Vec::new();
    let start = format!("{word:08x} ");
    let mut is_wanted = false;
    for line in include_str!("recorded.txt").lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with('@') {
            let Some(answer) = answers.last_mut().filter(|_| is_wanted) else { continue };
            let answer: &mut Answer = answer;
            answer.memory.push(Change::parse(line).expect("a change"));
            continue;
        }
        is_wanted = line.starts_with(&start);
        if !is_wanted {
            continue;
        }
        match Answer::parse(line) {
            Ok((_, answer)) => answers.push(answer),
            Err(_) => view = View::parse(line).expect("a view"),
        }
    }
    (view.expect("a known word"), answers)
}

#[test]
fn right_models_are_accepted() {
    for case in CASES {
        let (view, answers) = recorded(case.word);
        assert_eq!(against_llvm(&case.right(), &view), [], "{}", case.name);
        assert_eq!(against_machine(&case.right(), &answers[0]), [], "{}", case.name);
    }
}

#[test]
fn wrong_models_are_caught() {
    for case in CASES {
        let (view, answers) = recorded(case.word);
        // The machine looks for the range that it is asked for, which is the second here.
        let answer = &answers[usize::from(case.name == "LDR loads elsewhere")];
        let by_llvm = !against_llvm(&case.wrong(), &view).is_empty();
        let by_machine = !against_machine(&case.wrong(), answer).is_empty();
        assert_eq!((by_llvm, by_machine), case.seen, "{}", case.name);
    }
}

#[test]
fn each_wrong_model_is_caught_for_what_is_wrong_about_it() {
    let of = |name: &str| {
        let case = CASES.iter().find(|case| case.name == name).expect("a case");
        let (view, answers) = recorded(case.word);
        let findings =
            [against_llvm(&case.wrong(), &view), against_machine(&case.wrong(), &answers[0])];
        findings.concat().into_iter().map(|finding| finding.kind).collect::<Vec<_>>()
    };
    assert_eq!(of("STR Z stores nothing"), [Kind::NoStore, Kind::Elsewhere]);
    assert_eq!(of("CAS does not write Rs"), [Kind::Undeclared, Kind::Changed]);
    assert_eq!(of("LDADDAL of X26 reads X27"), [Kind::NotUsed]);
    assert_eq!(of("LDADDAL does not read X26"), [Kind::Unread, Kind::Depends]);
    assert_eq!(of("STP stores one word"), [Kind::Elsewhere]);
}

#[test]
fn a_model_that_knows_nothing_finds_nothing_but_one_that_says_nothing_happens_is_wrong() {
    for case in CASES {
        let (view, answers) = recorded(case.word);
        let nothing = Claim { branches: Some(false), ..Claim::default() };
        assert!(!against_llvm(&nothing, &view).is_empty(), "{}", case.name);
        assert!(!against_machine(&nothing, &answers[0]).is_empty(), "{}", case.name);
    }
}

/// LLVM 22.1.2 prints c99e7c41 as `cast x30, x1, [x2]`, which LLVM 19 does not know.
#[test]
fn a_text_names_the_registers() {
    let parts = |names: &str| Set::parse(names).0;
    let right = Claim {
        reads: parts("X1,X2,X30"),
        writes: parts("X30"),
        stores: Some(Range { base: Some(2), offset: Some(0), bytes: Some(8), surely: false }),
        ..Claim::default()
    };
    assert_eq!(against_text(&right, "cast x30, x1, [x2]"), None);
    let wrong = Claim { reads: parts("X1,X2"), writes: Set::default(), ..right };
    assert_eq!(
        against_text(&wrong, "cast x30, x1, [x2]").map(|finding| finding.kind),
        Some(Kind::Named)
    );
    // V30 is no X30.
    let vector = Claim { reads: parts("V30,SP"), ..Claim::default() };
    assert_eq!(against_text(&vector, "sttr q30, [sp]"), None);
}

#[test]
fn the_model_of_this_project_is_right_about_the_cases() {
    for case in CASES {
        let claim = ours(case.word).expect("a known word");
        let (view, answers) = recorded(case.word);
        assert_eq!(against_llvm(&claim, &view), [], "{}", case.name);
        assert_eq!(against_machine(&claim, &answers[0]), [], "{}", case.name);
    }
}

#[test]
fn what_does_not_end_is_not_run() {
    // SVC #0; B .; B.EQ .; CBZ X0, .; CBNZ W3, .; TBZ X1, #33, . (Arm ARM, C6.2)
    for word in [0xd400_0001, 0x1400_0000, 0x5400_0000, 0xb400_0000, 0x3500_0003, 0xb608_0001] {
        assert!(must_not_run(word), "{word:08x}");
    }
    // BRK #0; B .+4; CBZ X0, .+4
    for word in [0xd420_0000, 0x1400_0001, 0xb400_0020] {
        assert!(!must_not_run(word), "{word:08x}");
    }
}
