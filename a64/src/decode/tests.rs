//! Tests of the decoder. Words and instructions are from GNU as 2.40
//! (binutils-aarch64-linux-gnu) unless another source is named; the fields that
//! are expected of them are those of the instruction's page in the Arm ARM.

mod sample;

use super::*;
use crate::effect::{SpEffect, sp_effect};

const X: fn(u8) -> Reg = Reg;

#[track_caller]
fn is(word: u32, inst: Inst) {
    assert_eq!(decode(Word::new(word)), inst, "{word:08x}");
}

#[test]
fn additions_have_their_operands() {
    use Arith::{Add, Sub};
    use Flags::{Keep, Set};
    let imm = |op, flags, width, rd, rn, imm| Inst::ArithImm {
        op,
        flags,
        width,
        rd: X(rd),
        rn: X(rn),
        imm,
    };
    is(0x9140_0423, imm(Add, Keep, Width::X, 3, 1, 4096)); // add x3, x1, #1, lsl #12
    is(0x7100_17e3, imm(Sub, Set, Width::W, 3, 31, 5)); // subs w3, wsp, #5
    is(0xb100_04bf, imm(Add, Set, Width::X, 31, 5, 1)); // cmn x5, #1
    let ext = |op, flags, (rd, rn, rm), option, shift| Inst::ArithExt {
        op,
        flags,
        width: Width::X,
        rd: X(rd),
        rn: X(rn),
        rm: X(rm),
        option,
        shift,
    };
    is(0x8b22_cbe0, ext(Add, Keep, (0, 31, 2), 0b110, 2)); // add x0, sp, w2, sxtw #2
    is(0xeb27_63ff, ext(Sub, Set, (31, 31, 7), 0b011, 0)); // cmp sp, x7
    let reg = |op, flags, width, (rd, rn, rm), kind, amount| Inst::ArithReg {
        op,
        flags,
        width,
        rd: X(rd),
        rn: X(rn),
        rm: X(rm),
        kind,
        amount,
    };
    is(0xcb83_1c41, reg(Sub, Keep, Width::X, (1, 2, 3), 0b10, 7)); // sub x1, x2, x3, asr #7
    is(0x2b03_0041, reg(Add, Set, Width::W, (1, 2, 3), 0, 0)); // adds w1, w2, w3
}

#[test]
fn logic_and_wide_moves_have_their_operands() {
    let imm = |op, width, rd, rn, imm| Inst::LogicImm { op, width, rd: X(rd), rn: X(rn), imm };
    is(0xb274_03fb, imm(Logic::Orr, Width::X, 27, 31, 0x1000)); // orr x27, xzr, #0x1000
    is(0x1200_9c41, imm(Logic::And, Width::W, 1, 2, 0x00ff_00ff)); // and w1, w2, #0xff00ff
    // ands x1, x2, #0x8000000000000001
    is(0xf241_0441, imm(Logic::Ands, Width::X, 1, 2, 0x8000_0000_0000_0001));
    is(0xd27f_f841, imm(Logic::Eor, Width::X, 1, 2, !1)); // eor x1, x2, #0xfffffffffffffffe
    let reg = |op, invert, width, (rd, rn, rm), kind, amount| Inst::LogicReg {
        op,
        invert,
        width,
        rd: X(rd),
        rn: X(rn),
        rm: X(rm),
        kind,
        amount,
    };
    is(0xeae3_fc41, reg(Logic::Ands, true, Width::X, (1, 2, 3), 3, 63)); // bics x1, x2, x3, ror #63
    is(0xaa02_03e1, reg(Logic::Orr, false, Width::X, (1, 31, 2), 0, 0)); // mov x1, x2
    is(0x2a23_1041, reg(Logic::Orr, true, Width::W, (1, 2, 3), 0, 4)); // orn w1, w2, w3, lsl #4
    let wide = |op, width, rd, imm, shift| Inst::MoveWide { op, width, rd: X(rd), imm, shift };
    is(0xd2a0_0a1b, wide(Wide::Movz, Width::X, 27, 0x50, 16)); // movz x27, #0x50, lsl #16
    is(0x72a0_00e1, wide(Wide::Movk, Width::W, 1, 7, 16)); // movk w1, #7, lsl #16
    is(0x9280_0001, wide(Wide::Movn, Width::X, 1, 0, 0)); // movn x1, #0
    is(0x10ff_ffe1, Inst::Adr { rd: X(1), offset: -4 }); // adr x1, .-4
    // adrp x1, .+4096 and adrp x1, .-4096: immlo is bits 30 and 29 (Arm ARM, C6.2.11).
    is(0xb000_0001, Inst::Adrp { rd: X(1), offset: 4096 });
    is(0xf0ff_ffe1, Inst::Adrp { rd: X(1), offset: -4096 });
}

#[test]
fn loads_and_stores_have_their_operands() {
    use Access::{Load, Store};
    use Mode::{Offset, PostIndex, PreIndex};
    let pair = |access, data, (rt, rt2, rn), offset, mode| Inst::Pair {
        access,
        data,
        rt: X(rt),
        rt2: X(rt2),
        rn: X(rn),
        offset,
        mode,
    };
    is(0xa97f_fbfd, pair(Load, Data::X, (29, 30, 31), -8, Offset)); // ldp x29, x30, [sp, #-8]
    is(0x28bf_0861, pair(Store, Data::Part(4), (1, 2, 3), -8, PostIndex)); // stp w1, w2, [x3], #-8
    is(0x69c0_8861, pair(Load, Data::Part(4), (1, 2, 3), 4, PreIndex)); // ldpsw x1, x2, [x3, #4]!
    is(0xad41_0440, pair(Load, Data::Vector(16), (0, 1, 2), 32, Offset)); // ldp q0, q1, [x2, #32]
    is(0xa800_0861, pair(Store, Data::X, (1, 2, 3), 0, Offset)); // stnp x1, x2, [x3]
    let single = |access, data, rt, rn, offset, mode| Inst::Single {
        access,
        data,
        rt: X(rt),
        rn: X(rn),
        offset,
        mode,
    };
    is(0xf97f_fc41, single(Load, Data::X, 1, 2, 32760, Offset)); // ldr x1, [x2, #32760]
    is(0xf81e_0ffe, single(Store, Data::X, 30, 31, -32, PreIndex)); // str x30, [sp, #-32]!
    is(0x384f_f441, single(Load, Data::Part(1), 1, 2, 255, PostIndex)); // ldrb w1, [x2], #255
    is(0xb980_0441, single(Load, Data::Part(4), 1, 2, 4, Offset)); // ldrsw x1, [x2, #4]
    is(0x3d80_0441, single(Store, Data::Vector(16), 1, 2, 16, Offset)); // str q1, [x2, #16]
    is(0xf850_0041, single(Load, Data::X, 1, 2, -256, Offset)); // ldur x1, [x2, #-256]
    let indexed =
        |rt, rn, option, shift| Inst::LoadIndexed { rt: X(rt), rn: X(rn), rm: X(3), option, shift };
    is(0xf863_7841, indexed(1, 2, 0b011, 3)); // ldr x1, [x2, x3, lsl #3]
    is(0xf863_4841, indexed(1, 2, 0b010, 0)); // ldr x1, [x2, w3, uxtw]
    is(0xf863_fbe1, indexed(1, 31, 0b111, 3)); // ldr x1, [sp, x3, sxtx #3]
    is(0x5800_0041, Inst::LoadLiteral { rt: X(1), offset: 8 }); // ldr x1, .+8
    is(0x58ff_ffe1, Inst::LoadLiteral { rt: X(1), offset: -4 }); // ldr x1, .-4
    is(0x1800_0041, Inst::Other); // ldr w1, .+8
    let (rt, rn, rm) = (X(30), X(31), X(27));
    is(0xf83b_6bfe, Inst::StoreIndexed { rt, rn, rm, option: 0b011, shift: 0 }); // str x30, [sp, x27]
}

#[test]
fn control_flow_has_its_targets() {
    is(0x17ff_fffe, Inst::Branch { offset: -8 }); // b .-8
    is(0x15ff_ffff, Inst::Branch { offset: 134_217_724 }); // b .+134217724
    let when = |test, offset| Inst::BranchIf { test, offset };
    is(0x5400_0061, when(Test::Flags(1), 12)); // b.ne .+12
    is(0x5480_000e, when(Test::Flags(14), -1_048_576)); // b.al .-1048576
    is(0x3400_0041, when(Test::Zero(false, Width::W, X(1)), 8)); // cbz w1, .+8
    is(0xb5ff_fffe, when(Test::Zero(true, Width::X, X(30)), -4)); // cbnz x30, .-4
    is(0x361b_ffe1, when(Test::Bit(false, 3, X(1)), 32764)); // tbz w1, #3, .+32764
    is(0xb7fc_0001, when(Test::Bit(true, 63, X(1)), -32768)); // tbnz x1, #63, .-32768
    is(0x9400_0001, Inst::Call { offset: 4 }); // bl .+4
    is(0x9600_0000, Inst::Call { offset: -134_217_728 }); // bl .-134217728
    is(0xd63f_00a0, Inst::CallReg { rn: X(5) }); // blr x5
    is(0xd73f_08a6, Inst::CallReg { rn: X(5) }); // blraa x5, x6
    is(0xd63f_08bf, Inst::CallReg { rn: X(5) }); // blraaz x5
    is(0xd61f_00a0, Inst::JumpReg { rn: X(5) }); // br x5
    is(0xd61f_0cbf, Inst::JumpReg { rn: X(5) }); // brabz x5
    is(0xd71f_08a6, Inst::JumpReg { rn: X(5) }); // braa x5, x6
    is(0xd65f_03c0, Inst::Return { rn: Reg::LR }); // ret
    is(0xd65f_00a0, Inst::Return { rn: X(5) }); // ret x5
    is(0xd65f_0bff, Inst::Return { rn: Reg::LR }); // retaa
    is(0xd65f_0fff, Inst::Return { rn: Reg::LR }); // retab
    is(0x0000_0000, Inst::Trap); // udf #0
    is(0x0000_ffff, Inst::Trap); // udf #65535
    is(0xbea7_1700, Inst::Trap); // UNDEF, go tool asm of go1.24.3
    is(0xd503_201f, Inst::Nop); // nop
    is(0xd503_203f, Inst::Other); // yield
    is(0xd400_0001, Inst::Other); // svc #0
    is(0xd69f_03e0, Inst::Unknown); // eret
    is(0xd6bf_03e0, Inst::Unknown); // drps
    is(0xd440_0000, Inst::Unknown); // hlt #0
    // RETAASPPC .+0 and CBGT W0, W1, .+8 of extensions that are younger than GNU
    // as 2.40: Arm ARM (DDI 0487 L.a).
    is(0x5500_001f, Inst::Return { rn: Reg::LR });
    is(0x7401_0040, when(Test::Compare(X(0), Some(X(1))), 8));
    is(0x7402_4040, Inst::Unknown);
}

#[test]
fn every_form_that_writes_sp_is_known_and_its_neighbours_are_not_taken_for_one() {
    let mut seen = [0; 4];
    for line in include_str!("../../tests/sp-writers.txt").lines() {
        if line.starts_with('#') {
            continue;
        }
        let mut fields = line.splitn(3, ' ');
        let word = fields.next().and_then(|word| u32::from_str_radix(word, 16).ok());
        let word = Word::new(word.expect("a word in hexadecimal"));
        let (expected, kind) = match fields.next().expect("an effect") {
            "none" => (SpEffect::Unchanged, 0),
            "from" => (SpEffect::Computed, 1),
            "?" => (SpEffect::Unknown, 2),
            bytes => (SpEffect::Add(bytes.parse().expect("a number of bytes")), 3),
        };
        let inst = decode(word);
        assert_eq!(sp_effect(&inst), expected, "{line}: {inst:?}");
        seen[kind] += 1;
    }
    assert_eq!(seen, [174, 11, 56, 48]);
}

#[test]
fn forms_of_younger_extensions_that_write_sp_are_known() {
    // FEAT_LRCPC3 and FEAT_CPA: words from the Arm ARM (DDI 0487 K.a), C6.2.
    for (word, instruction) in [
        (0xd9c0_0be0, "ldapr x0, [sp], #8"),
        (0x99c0_0be0, "ldapr w0, [sp], #4"),
        (0xd980_0be0, "stlr x0, [sp, #-8]!"),
        (0x9980_0be0, "stlr w0, [sp, #-4]!"),
        (0xd941_0be0, "ldiapp x0, x1, [sp], #16"),
        (0x9941_0be0, "ldiapp w0, w1, [sp], #8"),
        (0xd901_0be0, "stilp x0, x1, [sp, #-16]!"),
        (0x9901_0be0, "stilp w0, w1, [sp, #-8]!"),
        (0x9a01_23ff, "addpt sp, sp, x1"),
        (0xda01_23ff, "subpt sp, sp, x1"),
        (0x9a01_3fff, "addpt sp, sp, x1, lsl #7"),
    ] {
        let word = Word::new(word);
        assert_eq!(sp_effect(&decode(word)), SpEffect::Unknown, "{instruction}");
    }
    for (word, instruction) in [
        (0x9a01_23e0, "addpt x0, sp, x1"),
        (0xd9c0_0820, "ldapr x0, [x1], #8"),
        (0x9b62_0c3f, "maddpt xzr, x1, x2, x3"),
    ] {
        assert_eq!(sp_effect(&decode(Word::new(word))), SpEffect::Unchanged, "{instruction}");
    }
}

#[test]
fn reserved_encodings_next_to_writes_of_sp_are_not_taken_for_harmless() {
    for word in [
        0x9200_ffff, // and sp, x31, with imms all ones (reserved, C6.2, DecodeBitMasks)
        0x1240_03ff, // and wsp, with N set
        0x8b20_77ff, // add sp, sp, x0, uxtx #5
        0x8b60_63ff, // add sp, sp, x0 with bits 23 and 22 01
        0x3280_0000, // the hole between movn and movz, op 01
        0x12c0_0000, // movn w0, with lsl #32
    ] {
        assert_eq!(decode(Word::new(word)), Inst::Unknown, "{word:08x}");
    }
}
