use super::*;

#[test]
fn a_sample_without_a_disagreement() {
    let words = 200_000;
    let tally = compare_all(Words::Sample(words));
    assert_eq!(tally.words(), words);
    assert!(tally.compared() > words / 3, "{tally}");
    assert_eq!(tally.disagreements(), 0, "{}", tally.first_disagreements());
}

/// Expectations: the mnemonics of llvm-mc 14 beside each word.
#[test]
fn words_of_each_kind() {
    for (word, ours, theirs) in [
        (0x8b02_0020, Ours::Plain, Theirs::Harmless), // add x0, x1, x2
        (0x9400_0001, Ours::Call, Theirs::Flow),      // bl #4
        (0xd503_201f, Ours::Harmless, Theirs::Harmless), // nop
        (0x9101_43ff, Ours::MovesSp, Theirs::MovesSp), // add sp, sp, #80
        (0xd140_07ff, Ours::MovesSp, Theirs::MovesSp), // sub sp, sp, #1, lsl #12
        (0xa9bf_7bfd, Ours::MovesSp, Theirs::MovesSp), // stp x29, x30, [sp, #-16]!
        (0x9100_029f, Ours::ComputesSp, Theirs::WritesSp), // mov sp, x20
        (0x8b3b_63ff, Ours::ComputesSp, Theirs::WritesSp), // add sp, sp, x27
        (0x927c_ec1f, Ours::ClobbersSp, Theirs::WritesSp), // and sp, x0, #~15
        (0x1400_0000, Ours::Branch, Theirs::Flow),    // b #0
        (0x5400_0169, Ours::BranchIf, Theirs::Flow),  // b.ls #44
        (0xd63f_0000, Ours::Call, Theirs::Flow),      // blr x0
        (0xd61f_0000, Ours::Jump, Theirs::Flow),      // br x0
        (0xd65f_03c0, Ours::Return, Theirs::Flow),    // ret
        (0x0000_0000, Ours::Trap, Theirs::Flow),      // udf #0
        (0xd69f_03e0, Ours::Unknown, Theirs::Flow),   // eret
        (0x0001_0000, Ours::Unknown, Theirs::Rejected), // <unknown>
    ] {
        let expected = Comparison { ours, theirs, disagreement: None };
        assert_eq!(compare(Word::new(word)), expected, "{word:#010x}");
    }
}

/// Every kind of a disagreement is kept, in the order of the words, up to twenty.
#[test]
fn disagreements_are_counted_and_the_first_are_kept() {
    let word = |number: u32| {
        let mut tally = Tally::default();
        let disagreement = Some(Disagreement::WriteUnseen);
        let comparison = Comparison { ours: Ours::Harmless, theirs: Theirs::MovesSp, disagreement };
        tally.add(Word::new(number), comparison);
        tally
    };
    let tally = (0..30).map(word).fold(Tally::default(), Tally::merge);
    assert_eq!((tally.words(), tally.disagreements()), (30, 30));
    let first = tally.first_disagreements();
    assert_eq!(first.lines().count(), 20);
    let line = "00000013 WriteUnseen: ours Harmless, theirs MovesSp";
    assert_eq!(first.lines().last(), Some(line));
}

#[test]
fn the_lock_file_names_the_other_decoder() {
    assert!(locked_version("yaxpeax-arm").is_ok_and(|version| version.starts_with("0.5.")));
    assert!(locked_version("no-such-package").is_err());
}
