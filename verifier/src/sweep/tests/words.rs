//! Single words in a frame: what the sweep passes over, and what it leaves to the analysis.

use super::{kinds, leaves, popped, proves, with};
use crate::report::Verdict;
use crate::rules::tests::Case;
use core::ops::Range;

/// The caller's R29 is 8 bytes below the end of the frame, its return address at its end. A store
/// that ends at the first byte of neither, or begins behind both, leaves them alone.
#[test]
fn what_is_stored_by_sp_leaves_the_caller_s_words_alone() {
    // STR B0, H0, S0, D0, Q0; STRB, STRH, STR W0, STR X0; all with an unsigned offset.
    let singles = [
        (0x3d00_03e0_u32, 1),
        (0x7d00_03e0, 2),
        (0xbd00_03e0, 4),
        (0xfd00_03e0, 8),
        (0x3d80_03e0, 16),
        (0x3900_03e0, 1),
        (0x7900_03e0, 2),
        (0xb900_03e0, 4),
        (0xf900_03e0, 8),
    ];
    let single = |(word, bytes): (u32, u32), at: u32| (word | (at / bytes) << 10, bytes);
    // STP S0, D0, Q0; STP W0, X0.
    let pairs = [
        (0x2d00_07e0_u32, 4),
        (0x6d00_07e0, 8),
        (0xad00_07e0, 16),
        (0x2900_07e0, 4),
        (0xa900_07e0, 8),
    ];
    let pair = |(word, bytes): (u32, u32), at: u32| (word | (at / bytes) << 15, 2 * bytes);
    let counts = |depth: u32, places: Range<u32>| {
        let mut counts = [0; 2];
        let mut check = |(word, bytes): (u32, u32), at: u32| {
            let spoils = at < depth + 8 && at + bytes > depth - 8;
            counts[usize::from(spoils)] += 1;
            let listing = with_depth(&popped(&[&format!("{word:08x} 32 -1")]), depth);
            if spoils { leaves(&listing) } else { proves(&listing) }
        };
        for at in places {
            for form in singles.into_iter().filter(|form| at % form.1 == 0) {
                check(single(form, at), at);
            }
            for form in pairs.into_iter().filter(|form| at % form.1 == 0) {
                check(pair(form, at), at);
            }
        }
        counts
    };
    // Counted by hand: 62 of the 213 single stores do, and 18 of the 45 pairs.
    assert_eq!(counts(32, 8..64), [178, 80]);
    // 62 of 244, and 19 of 52.
    assert_eq!(counts(208, 176..240), [215, 81]);
}

/// The function with a frame of 32 bytes or of 208.
fn with_depth(listing: &str, depth: u32) -> String {
    if depth == 32 {
        return listing.to_owned();
    }
    // STR X30, [SP, #-208]!; ADD SP, SP, #208.
    let listing = with(listing, "f81e0ffe 0 -1", "f8130ffe 0 -1");
    with(&listing, "910083ff", "910343ff").replace(" 32 -1", &format!(" {depth} -1"))
}

/// What is not allocated, or of which the Arm ARM does not say what it does.
#[test]
fn what_is_no_instruction_is_left_to_the_analysis() {
    // LDP X0, X2, [X1] and LDP Q1, Q2, [X1], which are.
    for word in ["a9400820", "ad400821"] {
        proves(&popped(&[&format!("{word} 32 -1")]));
    }
    for word in [
        // LDP X0, X0, [X1]; LDP Q1, Q1, [X1]; LDP X0, X0, [X27] (C6.2, C7.2: t == t2).
        "a9400020", "ad400421", "a9400360",
        // ADD W0, W1, W2, LSL #32; MOVZ W0, #0, LSL #32; a wide move with opc 01.
        "0b028020", "52c00000", "32800000",
        // A load with opc 11 and size 11.
        "f9c00020", // UBFM X0, X1, with N 0; a rotated ADD.
        "d3007c20", "8bc20020",
    ] {
        leaves(&popped(&[&format!("{word} 32 -1")]));
    }
}

/// R28 is `g`.
#[test]
fn a_write_of_r28_is_left_to_the_analysis() {
    for (word, like) in [
        // MOV X28, X0; MOVZ X28, #0; ADD X28, X28, #0; LDR X28, [X1]; ADRP X28; each with R26.
        ("aa0003fc", "aa0003fa"),
        ("d280001c", "d280001a"),
        ("9100039c", "9100039a"),
        ("f940003c", "f940003a"),
        ("9000001c", "9000001a"),
        // LDP X28, X0, [X1]; LDP X0, X28, [X1]; LDR X0, [X28], #8.
        ("a940003c", "a940003a"),
        ("a9407020", "a9406820"),
        ("f8408780", "f8408740"),
        // CSEL X28, X0, X1, EQ; LDR X28, .+8; UBFX X28, X0, #1, #8; FMOV X28, D0.
        ("9a81001c", "9a81001a"),
        ("5800005c", "5800005a"),
        ("d341201c", "d341201a"),
        ("9e66001c", "9e66001a"),
    ] {
        leaves(&popped(&[&format!("{word} 32 -1")]));
        proves(&popped(&[&format!("{like} 32 -1")]));
    }
    // What it is read for does not matter: LDR X0, [X28, #16]; STR X28, [SP, #8].
    proves(&popped(&["f9400b80 32 -1", "f90007fc 32 -1"]));
}

/// Words that store LR or R29, or load one of them.
#[test]
fn words_that_concern_lr_or_r29_are_left_to_the_analysis() {
    // STP X0, X30, [X1]; STP X0, X29, [X1]; LDP X0, X30, [X1].
    for word in ["a9007820", "a9007420", "a9407820"] {
        leaves(&popped(&[&format!("{word} 32 -1")]));
    }
    // STR Q29, [X1] has the number of R29, and stores a vector.
    proves(&popped(&["3d80003d 32 -1"]));
}

/// Words that do something which their fields do not name.
#[test]
fn words_that_have_to_be_decoded_are() {
    // MRS X26, TPIDR_EL0; ST4, X29 being added to X0; LDRAA X1, [X0, #-368]; LDADDA X26, X0, [X1].
    for word in ["d53bd05a", "0c9d0000", "f8617401", "f8ba0020"] {
        proves(&popped(&[&format!("{word} 32 -1")]));
        // A sequence of one starts again where it has not been run yet.
        proves(&popped(&[&format!("{word} 32 -4")]));
    }
    // In a longer one it may have been: LDADDA adds twice.
    let nop = "d503201f 32 -4 nop";
    proves(&popped(&["d53bd05a 32 -4", nop]));
    leaves(&popped(&["f8ba0020 32 -4", nop]));
}

/// STGP stores a pair of 8 bytes, with an offset in units of 16.
#[test]
fn a_tagged_pair_is_stored_where_its_offset_says() {
    // STGP X0, X1, [SP, #offset]: in frames of 32 bytes and of 208.
    for (depth, at, spoils) in [
        (32, 16, true),
        (32, 32, true),
        (32, 48, false),
        (208, 176, false),
        (208, 192, true),
        (208, 208, true),
        (208, 224, false),
        (208, 384, false),
    ] {
        let word = 0x6900_07e0_u32 | (at / 16) << 15;
        let listing = with_depth(&popped(&[&format!("{word:08x} 32 -1")]), depth);
        let case = Case::new(&listing);
        let report = case.report();
        assert_eq!(report.violations.is_empty(), !spoils, "{listing}");
        if spoils {
            leaves(&listing);
        }
    }
}

/// How many words are tried in a frame.
const WORDS: u64 = if cfg!(debug_assertions) { 10_000 } else { 400_000 };

/// Whatever word there is in a frame, the sweep proves nothing that the analysis does not: each
/// report is held against the analysis's.
#[test]
fn words_of_all_kinds_are_proved_as_the_analysis_proves_them() {
    let mut proved = 0;
    for index in 0..WORDS {
        let word = kinds::word(index).get();
        // Every second access is through SP.
        let word = if index % 2 == 0 { word | 0x3e0 } else { word };
        let class = ["-1", "-2", "-4"][index as usize % 3];
        let listing = with_depth(
            &popped(&[&format!("{word:08x} 32 {class}")]),
            [32, 208][index as usize / 2 % 2],
        );
        let case = Case::new(&listing);
        let report = case.report();
        if let Some(boundaries) = case.swept() {
            let found = (report.boundaries, report.verdict());
            assert_eq!(found, (boundaries, Verdict::Proved), "{listing}");
            proved += 1;
        }
    }
    assert!(proved > WORDS / 10, "{proved}");
}
