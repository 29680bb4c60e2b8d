//! The words of known instructions, and what is encodable.

use super::*;

// Expectations: `go tool asm -S` of go1.24.3, linux/arm64, of the
// instruction in the comment.
#[test]
fn forms_as_the_go_assembler_encodes_them() {
    let imm = |value| Imm12::new(value).expect("encodable");
    let mask = |value| BitMask::new(value).expect("encodable");
    let cases = [
        // ADD $80, RSP, RSP; ADD $(16<<12), RSP, RSP
        (arith_immediate(Arith::Add, Reg::SP, Reg::SP, imm(80)), 0x9101_43ff),
        (arith_immediate(Arith::Add, Reg::SP, Reg::SP, imm(16 << 12)), 0x9140_43ff),
        // SUB $8, RSP, R29
        (arith_immediate(Arith::Sub, Reg::FP, Reg::SP, imm(8)), 0xd100_23fd),
        // MOVD $65488, R27; SUBS R27, RSP, R17
        (move_wide(Wide::Zero, Reg::TMP, 65488, 0), 0xd29f_fa1b),
        (arith_extended(Arith::Subs, Reg::RT2, Reg::SP, Reg::TMP), 0xeb3b_63f1),
        // CMP R16, R17
        (compare(Reg::RT2, Reg::RT1), 0xeb10_023f),
        // MOVD R20, RSP; MOVD R30, R3
        (move_sp(Reg::SP, Reg::R20), 0x9100_029f),
        (move_register(Reg::R3, Reg::LR), 0xaa1e_03e3),
        // MOVD 16(g), R16
        (load_scaled(Reg::RT1, Reg::G, 16), 0xf940_0b90),
        // MOVD.W R30, -16(RSP); MOVD.P 16(RSP), R30; MOVD R29, -8(RSP)
        (access(Access::Store, Reg::LR, Reg::SP, -16, Mode::PreIndex), 0xf81f_0ffe),
        (access(Access::Load, Reg::LR, Reg::SP, 16, Mode::PostIndex), 0xf841_07fe),
        (access(Access::Store, Reg::FP, Reg::SP, -8, Mode::Offset), 0xf81f_83fd),
        // LDP -8(RSP), (R29, R30); STP (R29, R30), -8(R20)
        (access_pair(Access::Load, Reg::FP, Reg::LR, Reg::SP, -8), 0xa97f_fbfd),
        (access_pair(Access::Store, Reg::FP, Reg::LR, Reg::R20, -8), 0xa93f_fa9d),
        // BLO +13; BLS +11; JMP -18
        (branch_if(Condition::Lo, 13), 0x5400_01a3),
        (branch_if(Condition::Ls, 11), 0x5400_0169),
        (branch(-18), 0x17ff_ffee),
        // MOVD $0x1000, R27, a bitmask: ORR $4096, ZR, R27
        (move_bitmask(Reg::TMP, mask(0x1000)), 0xb274_03fb),
    ];
    for (word, expected) in cases {
        assert_eq!(word, Word::new(expected));
    }
}

/// The bits that the fields stand for, by the pseudocode of the Arm ARM
/// (`DecodeBitMasks`, J1.3).
fn decode_bit_masks(n: u32, immr: u32, imms: u32) -> Option<u64> {
    let len = ((n << 6) | (!imms & 0x3f)).checked_ilog2()?;
    let levels = (1_u32 << len) - 1;
    if len < 1 || imms & levels == levels {
        return None;
    }
    let (s, r, size) = (imms & levels, immr & levels, 1_u32 << len);
    let mut value = 0_u64;
    for bit in 0..64 {
        // Bit b of ROR(ones(s + 1), r) is bit (b + r) mod size of the run.
        if (bit % size + r) % size <= s {
            value |= 1 << bit;
        }
    }
    Some(value)
}

#[test]
fn every_bitmask_immediate_encodes_to_its_own_fields() {
    let mut count = 0;
    for n in 0..2 {
        for immr in 0..64 {
            for imms in 0..64 {
                let Some(value) = decode_bit_masks(n, immr, imms) else { continue };
                let mask = BitMask::new(value).expect("the value of a bitmask immediate");
                let again = decode_bit_masks(
                    mask.fields >> 22,
                    mask.fields >> 16 & 63,
                    mask.fields >> 10 & 63,
                );
                assert_eq!(again, Some(value), "{value:#x}");
                count += 1;
            }
        }
    }
    // 64 rotations of 63 runs, and the shorter periods with the rotations
    // that the architecture ignores: 64 times (31 + 15 + 7 + 3 + 1).
    assert_eq!(count, 64 * 63 + 64 * (31 + 15 + 7 + 3 + 1));
}

#[test]
fn values_that_are_no_bitmask() {
    for value in [0, u64::MAX, 5, 0x1_0010, 0x8000_0000_0000_0005, 0x0101_0101_0101_0100] {
        assert_eq!(BitMask::new(value), None, "{value:#x}");
    }
}

#[test]
fn registers_with_a_number_end_at_30() {
    assert_eq!(Reg::new(30), Some(Reg::LR));
    assert_eq!(Reg::new(31), None);
}

#[test]
fn immediates_of_twelve_bits() {
    for value in [0, 4095, 4096, 0xff_f000] {
        assert!(Imm12::new(value).is_some(), "{value}");
    }
    for value in [4097, 0xff_f000 + 16, 1 << 24, u64::MAX] {
        assert!(Imm12::new(value).is_none(), "{value}");
    }
}
