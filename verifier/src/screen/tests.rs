//! Words that assemblers make, of which none may pass the screen.

use super::{Kinds, WORDS, sort_singly};
use unwind::Word;

#[test]
fn a_word_that_writes_sp_is_not_plain() {
    let mut writers = 0;
    let mut check = |word: u32, line: &str| {
        let words = [Word::new(word); WORDS];
        for kinds in [Kinds::of(&words), sort_singly(&words)] {
            assert_eq!(kinds.others, u64::MAX, "{word:08x} {line}");
            assert_eq!((kinds.plain(), kinds.makes_tmp, kinds.uses_tmp), (0, 0, 0), "{line}");
        }
        writers += 1;
    };
    // GNU as 2.40, with what each does by the Arm ARM.
    for line in include_str!("../../../a64/tests/sp-writers.txt").lines() {
        let mut fields = line.splitn(3, ' ');
        if let (Some(word), Some(effect)) = (fields.next(), fields.next())
            && let Ok(word) = u32::from_str_radix(word, 16)
            && effect != "none"
        {
            check(word, line);
        }
    }
    // FEAT_LRCPC3 and FEAT_CPA: Arm ARM (DDI 0487 K.a), C6.2.
    for word in [
        0xd9c0_0be0,
        0x99c0_0be0,
        0xd980_0be0,
        0x9980_0be0,
        0xd941_0be0,
        0x9941_0be0,
        0xd901_0be0,
        0x9901_0be0,
        0x9a01_23ff,
        0xda01_23ff,
        0x9a01_3fff,
    ] {
        check(word, "of the manual");
    }
    assert_eq!(writers, 115 + 11);
}
