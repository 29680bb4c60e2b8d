//! Expectations: `go tool asm -S` for linux/arm64, of `MOVD $value, R1`, with
//! go1.25.0 or go1.25.5 (as go1.24.11) and go1.27.3 (as go1.26.0); the classes are what
//! `aclass` and `con64class` say of the value in the same sources.

use super::*;
use crate::strategies;
use proptest::prelude::*;

/// A constant, its class, and the words of the move.
type Case = (u64, Class, &'static [u32]);

/// What both releases do.
const ALIKE: [Case; 28] = [
    (0x12345, Class::AddCon2, &[0xd284_68a1, 0xf2a0_0021]),
    (0x1234_5678_9abc, Class::MovCon3, &[0xd293_5781, 0xf2aa_cf01, 0xf2c2_4681]),
    (0x1234_5678_9abc_def0, Class::VCon, &[0xd29b_de01, 0xf2b3_5781, 0xf2ca_cf01, 0xf2e2_4681]),
    (0xffff_ffff_ffff_1234, Class::MovCon, &[0x929d_b961]),
    (0xa5a5_0000, Class::MovCon, &[0xd2b4_b4a1]),
    (0xa5a5_0000_0000, Class::MovCon, &[0xd2d4_b4a1]),
    (0xa5a5_0000_0000_0000, Class::MovCon, &[0xd2f4_b4a1]),
    (0xffff_5a5a_ffff_ffff, Class::MovCon, &[0x92d4_b4a1]),
    (0x5a5a_ffff_ffff_ffff, Class::MovCon, &[0x92f4_b4a1]),
    (0x2_0000_0000, Class::MbCon, &[0xd2c0_0041]),
    (0x8000_0000_0000_0000, Class::MbCon, &[0xd2f0_0001]),
    (0xffff_1234_ffff_5678, Class::MovCon2, &[0x9295_30e1, 0xf2c2_4681]),
    (0xffff_1234_5678_9abc, Class::MovCon3, &[0x928c_a861, 0xf2aa_cf01, 0xf2c2_4681]),
    (0x8000_0000_0000_0001, Class::BitCon, &[0xb241_07e1]),
    (0x1000, Class::AbCon, &[0xb274_03e1]),
    (0x5000, Class::AmCon, &[0xd28a_0001]),
    (0xff0, Class::AbCon0, &[0xb27c_1fe1]),
    (0x1_0010, Class::AddCon2, &[0xd280_0201, 0xf2a0_0021]),
    (0xffff_ffff_ffff_fff0, Class::MbCon, &[0x9280_01e1]),
    (0xffff_ffff_ffff_ffff, Class::MovCon, &[0x9280_0001]),
    (0x12_3000, Class::AddCon, &[0xd286_0001, 0xf2a0_0241]),
    // From 16 MiB on, where nearly all frame sizes are, up to 32 bits.
    (0x100_0000, Class::MbCon, &[0xd2a0_2001]),
    (0x100_0010, Class::MovCon2, &[0xd280_0201, 0xf2a0_2001]),
    (0x3fff_fff0, Class::BitCon, &[0xb27c_67e1]),
    (0xfff_0000, Class::MbCon, &[0xd2a1_ffe1]),
    (0x8000_0001, Class::MovCon2, &[0xd280_0021, 0xf2b0_0001]),
    (0xffff_ffff, Class::BitCon, &[0xb240_7fe1]),
    (0x1234_5678, Class::MovCon2, &[0xd28a_cf01, 0xf2a2_4681]),
];

/// What go1.26 changed: before, and from then on.
const CHANGED: [(Case, Case); 11] = [
    (
        (0xaaaa_aaaa_aaaa_aaab, Class::VCon, &[0xd295_5561, 0xf2b5_5541, 0xf2d5_5541, 0xf2f5_5541]),
        (0xaaaa_aaaa_aaaa_aaab, Class::MovCon2, &[0xb201_f3e1, 0xf295_5561]),
    ),
    (
        (0x5555_5555_5555_1234, Class::VCon, &[0xd282_4681, 0xf2aa_aaa1, 0xf2ca_aaa1, 0xf2ea_aaa1]),
        (0x5555_5555_5555_1234, Class::MovCon2, &[0xb200_f3e1, 0xf282_4681]),
    ),
    (
        (0xcccc_cccc_cccc_cccd, Class::VCon, &[0xd299_99a1, 0xf2b9_9981, 0xf2d9_9981, 0xf2f9_9981]),
        (0xcccc_cccc_cccc_cccd, Class::MovCon2, &[0xb202_e7e1, 0xf299_99a1]),
    ),
    (
        (0x00ff_00ff_00ff_1234, Class::VCon, &[0xd282_4681, 0xf2a0_1fe1, 0xf2c0_1fe1, 0xf2e0_1fe1]),
        (0x00ff_00ff_00ff_1234, Class::MovCon2, &[0xb200_9fe1, 0xf282_4681]),
    ),
    // One half that differs, in each of its places; a period of 32 bits.
    (
        (0xaaaa_aaaa_1234_aaaa, Class::VCon, &[0xd295_5541, 0xf2a2_4681, 0xf2d5_5541, 0xf2f5_5541]),
        (0xaaaa_aaaa_1234_aaaa, Class::MovCon2, &[0xb201_f3e1, 0xf2a2_4681]),
    ),
    (
        (0xaaaa_1234_aaaa_aaaa, Class::VCon, &[0xd295_5541, 0xf2b5_5541, 0xf2c2_4681, 0xf2f5_5541]),
        (0xaaaa_1234_aaaa_aaaa, Class::MovCon2, &[0xb201_f3e1, 0xf2c2_4681]),
    ),
    (
        (0x1234_aaaa_aaaa_aaaa, Class::VCon, &[0xd295_5541, 0xf2b5_5541, 0xf2d5_5541, 0xf2e2_4681]),
        (0x1234_aaaa_aaaa_aaaa, Class::MovCon2, &[0xb201_f3e1, 0xf2e2_4681]),
    ),
    (
        (0x0003_1234_0003_fffc, Class::VCon, &[0xd29f_ff81, 0xf2a0_0061, 0xf2c2_4681, 0xf2e0_0061]),
        (0x0003_1234_0003_fffc, Class::MovCon2, &[0xb21e_3fe1, 0xf2c2_4681]),
    ),
    (
        (0x0003_fffc_0003_ffff, Class::MovCon3, &[0x92bf_ff81, 0xf2df_ff81, 0xf2e0_0061]),
        (0x0003_fffc_0003_ffff, Class::MovCon2, &[0xb21e_3fe1, 0xf29f_ffe1]),
    ),
    // A period of 64 bits: the half is filled from the one beside it.
    (
        (0xffff_fff0_00ff_1234, Class::MovCon3, &[0x929d_b961, 0xf2a0_1fe1, 0xf2df_fe01]),
        (0xffff_fff0_00ff_1234, Class::MovCon2, &[0xb25c_cfe1, 0xf282_4681]),
    ),
    (
        (0xffff_0000_00ff_1234, Class::MovCon3, &[0xd282_4681, 0xf2a0_1fe1, 0xf2ff_ffe1]),
        (0xffff_0000_00ff_1234, Class::MovCon2, &[0xb250_9fe1, 0xf282_4681]),
    ),
];

fn check((value, class, expected): Case, long: LongConstants) {
    let value = value.cast_signed();
    assert_eq!(classify(value, long), class, "{value:#x} {long:?}");
    let mut words = Words::new();
    move_constant(Reg::new(1).unwrap(), value, class, long, &mut words);
    let expected: Vec<_> = expected.iter().map(|&word| Word::new(word)).collect();
    assert_eq!(&words[..], expected, "{value:#x} {long:?}");
}

#[test]
fn constants_move_as_the_assembler_moves_them() {
    for case in ALIKE {
        check(case, LongConstants::WideMoves);
        check(case, LongConstants::BitMaskAndKeep);
    }
    for (before, after) in CHANGED {
        check(before, LongConstants::WideMoves);
        check(after, LongConstants::BitMaskAndKeep);
    }
}

#[test]
fn zero_is_a_class_of_its_own() {
    for (value, class) in [(0, Class::ZCon), (1, Class::AbCon0), (5, Class::AddCon0)] {
        assert_eq!(classify(value, LongConstants::WideMoves), class, "{value}");
    }
}

#[test]
fn instructions_that_set_flags_are_never_broken_up() {
    let long = LongConstants::WideMoves;
    let add = select_arith(Arith::Add, 0x1_0010, long);
    assert_eq!(add, Selection { class: Class::AddCon2, uses_tmp: false });
    let subs = select_arith(Arith::Subs, 0x1_0010, long);
    assert_eq!(subs, Selection { class: Class::MovCon2, uses_tmp: true });
}

proptest! {
    /// The parts of a split add up to the constant, and each is encodable.
    #[test]
    fn parts_of_a_split_add_up(
        value in prop_oneof![
            strategies::frame_size().prop_map(|size| i64::from(size.bytes())),
            0..1_i64 << 24,
        ],
    ) {
        let long = LongConstants::WideMoves;
        let selection = select_arith(Arith::Add, value, long);
        let mut words = Words::new();
        expand_arith(Arith::Add, Reg::SP, Reg::SP, value, selection, long, &mut words);
        if selection.uses_tmp {
            // The last instruction alone moves SP.
            prop_assert_eq!(words.last().map(|word| word.get()), Some(0x8b3b_63ff));
        } else {
            // ADD immediate (Arm ARM, C6.2.4): 1001_0001_0 sh imm12 Rn Rd.
            let parts = words.iter().map(|word| {
                let word = word.get();
                assert_eq!(word & 0xff80_03ff, 0x9100_03ff, "{word:08x}");
                i64::from(word >> 10 & 0xfff) << if word >> 22 & 1 == 1 { 12 } else { 0 }
            });
            prop_assert_eq!(parts.sum::<i64>(), value);
            prop_assert!(words.len() <= 2);
        }
    }

    /// No frame has a constant that go1.26 builds differently.
    #[test]
    fn frames_do_not_see_the_change_of_go1_26(size in strategies::frame_size()) {
        for value in [i64::from(size.bytes()), i64::from(size.bytes()) - 8, i64::from(size.bytes()) - 128] {
            if value > 0 {
                let before = classify(value, LongConstants::WideMoves);
                prop_assert_eq!(before, classify(value, LongConstants::BitMaskAndKeep));
            }
        }
    }
}
