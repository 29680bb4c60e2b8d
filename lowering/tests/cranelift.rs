//! Every instruction form of stage 4, assembled again by Cranelift's own aarch64
//! emitter: the words are the same, over all operands that the form takes.
//!
//! Cranelift has no form for a write-back to another register than SP. Those are
//! decoded by `yaxpeax-arm`, and the operands compared.

mod assembler;

use assembler::*;
use lowering::encode::{self, Access, Arith, BitMask, Condition, Imm12, Mode, Reg, Wide};
use proptest::prelude::*;
use proptest::sample::select;

/// Register 31 is SP or ZR, whichever the operand's place in the form means.
fn register() -> impl Strategy<Value = Reg> {
    prop_oneof![4 => (0..=30_u8).prop_filter_map("0 to 30", Reg::new), 1 => Just(Reg::SP)]
}

fn arith() -> impl Strategy<Value = Arith> {
    select(vec![Arith::Add, Arith::Sub, Arith::Subs])
}

fn wide() -> impl Strategy<Value = Wide> {
    select(vec![Wide::Not, Wide::Zero, Wide::Keep])
}

fn direction() -> impl Strategy<Value = Access> {
    select(vec![Access::Load, Access::Store])
}

fn mode() -> impl Strategy<Value = Mode> {
    select(vec![Mode::Offset, Mode::PreIndex, Mode::PostIndex])
}

/// Any value, often near those where encodings end.
fn value() -> impl Strategy<Value = u64> {
    let near_a_power = (0..64_u32, -2..=2_i64).prop_map(|(bit, step)| {
        let power = 1_u64 << bit;
        power.wrapping_add_signed(step)
    });
    prop_oneof![any::<u64>(), 0..1_u64 << 25, near_a_power, (0..0x2000_u64).prop_map(|n| n << 12)]
}

/// A sign-extended field of `bits` bits, often at its ends.
fn distance(bits: u32) -> impl Strategy<Value = i32> {
    let end = 1 << (bits - 1);
    prop_oneof![-end..end, -4..=4_i32, Just(-end), Just(end - 1)]
}

/// Some register, in turn.
fn nth_register(number: usize) -> Reg {
    Reg::new((number % 32) as u8).unwrap_or(Reg::SP)
}

fn check_arith_immediate(op: Arith, to: Reg, from: Reg, value: u64) {
    let theirs = assemble_arith_immediate(op, to, from, value);
    let ours = Imm12::new(value).map(|by| encode::arith_immediate(op, to, from, by));
    assert_eq!(ours, theirs, "{op:?} {to:?}, {from:?}, {value:#x}");
}

fn check_move_bitmask(to: Reg, value: u64) {
    let theirs = assemble_move_bitmask(to, value);
    let ours = BitMask::new(value).map(|mask| encode::move_bitmask(to, mask));
    assert_eq!(ours, theirs, "MOV {to:?}, {value:#x}");
}

fn check_access(access: Access, register: Reg, base: Reg, offset: i32, mode: Mode) {
    let ours = encode::access(access, register, base, offset, mode);
    match assemble_access(access, register, base, offset, mode) {
        Some(theirs) => assert_eq!(ours, theirs, "{access:?} {register:?} {offset} {mode:?}"),
        None => {
            let theirs = disassemble_write_back(ours);
            assert_eq!(theirs, Some((access, register, base, offset, mode)), "{ours}");
        }
    }
}

fn check_access_pair(access: Access, first: Reg, second: Reg, base: Reg, offset: i32) {
    let ours = encode::access_pair(access, first, second, base, offset);
    let theirs = assemble_access_pair(access, first, second, base, offset);
    assert_eq!(ours, theirs, "{access:?} {first:?}, {second:?}, {offset}({base:?})");
}

fn check_branch_if(condition: Condition, distance: i32) {
    let theirs = assemble_branch_if(condition, distance);
    assert_eq!(encode::branch_if(condition, distance), theirs, "{condition:?} {distance}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn arith_immediate(op in arith(), to in register(), from in register(), value in value()) {
        check_arith_immediate(op, to, from, value);
    }

    #[test]
    fn arith_extended(op in arith(), to in register(), from in register(), by in register()) {
        let theirs = assemble_arith_extended(op, to, from, by);
        prop_assert_eq!(encode::arith_extended(op, to, from, by), theirs);
    }

    #[test]
    fn move_wide(op in wide(), to in register(), immediate in any::<u16>(), half in 0..4_u32) {
        let theirs = assemble_move_wide(op, to, immediate, half);
        prop_assert_eq!(encode::move_wide(op, to, immediate, half), theirs);
    }

    #[test]
    fn move_bitmask_or_no_bitmask(to in register(), value in value()) {
        check_move_bitmask(to, value);
    }

    #[test]
    fn access(
        access in direction(),
        register in register(),
        base in register(),
        offset in distance(9),
        mode in mode(),
    ) {
        check_access(access, register, base, offset, mode);
    }

    #[test]
    fn access_pair(
        access in direction(),
        first in register(),
        second in register(),
        base in register(),
        offset in distance(7),
    ) {
        check_access_pair(access, first, second, base, 8 * offset);
    }

    #[test]
    fn branch(distance in distance(26)) {
        prop_assert_eq!(encode::branch(distance), assemble_branch(distance));
    }
}

/// Every pair of registers.
fn pairs() -> impl Iterator<Item = (Reg, Reg)> {
    (0..32).flat_map(|left| (0..32).map(move |right| (nth_register(left), nth_register(right))))
}

#[test]
fn compare_of_every_pair_of_registers() {
    for (left, right) in pairs() {
        assert_eq!(encode::compare(left, right), assemble_compare(left, right));
    }
}

#[test]
fn move_sp_of_every_pair_of_registers() {
    for (to, from) in pairs() {
        assert_eq!(encode::move_sp(to, from), assemble_move_sp(to, from));
    }
}

#[test]
fn move_register_of_every_pair_of_registers() {
    for (to, from) in pairs() {
        assert_eq!(encode::move_register(to, from), assemble_move_register(to, from));
    }
}

#[test]
fn arith_immediate_of_every_immediate() {
    for (number, field) in (0..4096).enumerate() {
        let (to, from) = (nth_register(number), nth_register(number / 5));
        for op in [Arith::Add, Arith::Sub, Arith::Subs] {
            check_arith_immediate(op, to, from, field);
            check_arith_immediate(op, to, from, field << 12);
        }
    }
}

/// The values are made here from the architecture's description: an element of
/// 2 to 64 bits, in it a rotated run of ones, repeated.
#[test]
fn move_bitmask_of_every_bitmask() {
    let mut count = 0;
    for size in [2, 4, 8, 16, 32, 64_u32] {
        for ones in 1..size {
            let mut run = (1_u64 << ones) - 1;
            let mut filled = size;
            while filled < 64 {
                run |= run << filled;
                filled *= 2;
            }
            for rotation in 0..size {
                let value = run.rotate_right(rotation);
                assert!(BitMask::new(value).is_some(), "{value:#x}");
                check_move_bitmask(nth_register(count), value);
                check_move_bitmask(nth_register(count), value ^ 1 << (count % 64));
                count += 1;
            }
        }
    }
    // size * (size - 1) for each of the six sizes.
    assert_eq!(count, 2 + 12 + 56 + 240 + 992 + 4032);
}

#[test]
fn access_at_every_offset() {
    for (number, offset) in (-256..=255).enumerate() {
        let (register, base) = (nth_register(number), nth_register(number / 3));
        for access in [Access::Load, Access::Store] {
            for mode in [Mode::Offset, Mode::PreIndex, Mode::PostIndex] {
                check_access(access, register, base, offset, mode);
                check_access(access, register, Reg::SP, offset, mode);
            }
        }
    }
}

#[test]
fn load_scaled_at_every_offset() {
    for offset in (0..=32760).step_by(8) {
        let number = offset as usize / 8;
        let (register, base) = (nth_register(number), nth_register(number / 7));
        let theirs = assemble_load_scaled(register, base, offset);
        assert_eq!(encode::load_scaled(register, base, offset), theirs);
    }
}

#[test]
fn access_pair_at_every_offset() {
    for (number, offset) in (-512..=504).step_by(8).enumerate() {
        for access in [Access::Load, Access::Store] {
            for (first, base) in pairs() {
                check_access_pair(access, first, nth_register(number), base, offset);
            }
        }
    }
}

#[test]
fn branch_if_over_every_distance() {
    for distance in -(1 << 18)..1 << 18 {
        check_branch_if(if distance & 1 == 0 { Condition::Lo } else { Condition::Ls }, distance);
    }
    for condition in [Condition::Lo, Condition::Ls] {
        for distance in [-(1 << 18), -1, 0, 1, (1 << 18) - 1] {
            check_branch_if(condition, distance);
        }
    }
}

#[test]
fn words_without_operands() {
    assert_eq!([encode::CALL, encode::RETURN, encode::NOP], assemble_words_without_operands());
}

/// No form of stage 4 is left out: each of its functions that make a word is
/// called above, and the words without operands are these three.
#[test]
fn every_form_is_here() {
    let source = include_str!("../src/encode.rs");
    let forms = source.lines().filter_map(|line| {
        let function =
            line.strip_prefix("pub const fn ").filter(|line| line.ends_with("-> Word {"));
        let constant = line.strip_prefix("pub const ").filter(|line| line.contains(": Word ="));
        function.or(constant)?.split(['(', ':']).next()
    });
    let forms: Vec<&str> = forms.collect();
    assert_eq!(forms.len(), 15, "{forms:?}");
    for form in forms {
        let called = format!("encode::{form}(");
        let named = ["CALL", "RETURN", "NOP"].contains(&form);
        assert!(named || include_str!("cranelift.rs").contains(&called), "{form}");
    }
}
