//! The decoder against an independent one, `yaxpeax-arm`: what that takes for a
//! write of SP or for a jump, this crate must not take for harmless.

use a64::decode::{Inst, decode};
use a64::{Parts, SpEffect, semantics, sp_effect};
use unwind::Word;
use yaxpeax_arch::{Decoder, U8Reader};
use yaxpeax_arm::armv8::a64::{InstDecoder, Instruction, Opcode, Operand};

/// How many pseudo-random words are compared.
const WORDS: u64 = if cfg!(debug_assertions) { 1_500_000 } else { 20_000_000 };

/// SplitMix64 (Steele, Lea, Flood, 2014): the same words in every run. Of four
/// words one has Rd 31, one has Rn 31.
fn word(index: u64) -> u32 {
    let mut z = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ z >> 31) as u32 | [0, 0x1f, 0, 0x3e0][index as usize % 4]
}

/// What the other decoder says that an instruction does to SP.
#[derive(PartialEq, Debug)]
enum Theirs {
    Nothing,
    Adds(i64),
    Writes,
}

fn theirs(inst: &Instruction) -> Theirs {
    for operand in inst.operands {
        match operand {
            Operand::RegPreIndex(31, offset, true) | Operand::RegPostIndex(31, offset) => {
                return Theirs::Adds(i64::from(offset));
            }
            Operand::RegPostIndexReg(31, _) => return Theirs::Writes,
            _ => {}
        }
    }
    // STG and its like name SP as what they store, AUTIASPPCR as where the address
    // is that signed LR.
    let reads = matches!(
        inst.opcode,
        Opcode::STG
            | Opcode::STZG
            | Opcode::ST2G
            | Opcode::STZ2G
            | Opcode::AUTIASPPCR
            | Opcode::AUTIBSPPCR
    );
    match inst.operands[0] {
        Operand::RegisterOrSP(_, 31) if !reads => Theirs::Writes,
        _ => Theirs::Nothing,
    }
}

/// The words that the other decoder knows, with what it makes of them.
fn known() -> impl Iterator<Item = (Word, Instruction)> {
    let decoder = InstDecoder::default();
    (0..WORDS).filter_map(move |index| {
        let word = word(index);
        let inst = decoder.decode(&mut U8Reader::new(&word.to_le_bytes())).ok()?;
        // It gives some forms operands but no name, and has not scaled them.
        (inst.opcode != Opcode::Invalid).then_some((Word::new(word), inst))
    })
}

#[test]
fn every_write_of_sp_is_seen_with_the_same_amount() {
    let (mut compared, mut amounts, mut writes) = (0_u64, 0_u64, 0_u64);
    for (word, inst) in known() {
        compared += 1;
        let theirs = theirs(&inst);
        if let Some(known) = semantics(word) {
            let is_written = known.writes.meets(Parts::SP);
            assert_eq!(is_written, theirs != Theirs::Nothing, "{word}: {inst}");
        }
        if theirs == Theirs::Nothing {
            continue;
        }
        writes += 1;
        let ours = sp_effect(&decode(word));
        match (theirs, ours) {
            (_, SpEffect::Unchanged) => panic!("{word}: {inst} writes SP"),
            (Theirs::Adds(theirs), SpEffect::Add(ours)) => {
                assert_eq!(ours, theirs, "{word}: {inst}");
                amounts += 1;
            }
            _ => {}
        }
    }
    let enough = [compared > WORDS / 3, writes > WORDS / 100, amounts > WORDS / 200];
    assert_eq!(enough, [true; 3], "{compared} compared, {writes} writes, {amounts} amounts");
}

/// A destination that both decoders name.
#[derive(PartialEq, Debug)]
enum Flow {
    Branch(i64),
    Conditional(i64),
    Call(i64),
    CallReg(u16),
    JumpReg(u16),
    Return(u16),
}

fn their_flow(inst: &Instruction) -> Option<Flow> {
    let distance = inst.operands.iter().find_map(|operand| match *operand {
        Operand::PCOffset(offset) => Some(offset),
        _ => None,
    });
    let register = match inst.operands[0] {
        Operand::Register(_, register) => register,
        _ => 30,
    };
    Some(match inst.opcode {
        Opcode::B => Flow::Branch(distance?),
        Opcode::Bcc(_)
        | Opcode::BCcc(_)
        | Opcode::CBZ
        | Opcode::CBNZ
        | Opcode::TBZ
        | Opcode::TBNZ => Flow::Conditional(distance?),
        Opcode::BL => Flow::Call(distance?),
        Opcode::BLR | Opcode::BLRAA | Opcode::BLRAAZ | Opcode::BLRAB | Opcode::BLRABZ => {
            Flow::CallReg(register)
        }
        Opcode::BR | Opcode::BRAA | Opcode::BRAAZ | Opcode::BRAB | Opcode::BRABZ => {
            Flow::JumpReg(register)
        }
        Opcode::RET | Opcode::RETAA | Opcode::RETAB => Flow::Return(register),
        _ => return None,
    })
}

fn our_flow(word: Word) -> Option<Flow> {
    Some(match decode(word) {
        Inst::Branch { offset } => Flow::Branch(offset),
        Inst::BranchIf { offset, .. } => Flow::Conditional(offset),
        Inst::Call { offset } => Flow::Call(offset),
        Inst::CallReg { rn } => Flow::CallReg(rn.0.into()),
        Inst::JumpReg { rn } => Flow::JumpReg(rn.0.into()),
        Inst::Return { rn } => Flow::Return(rn.0.into()),
        _ => return None,
    })
}

#[test]
fn every_branch_call_and_return_goes_to_the_same_place() {
    // Branches with registers are a small part of all words: taken one by one.
    let registers = (0..1_u64 << 16).map(|rest| {
        // 1101 011x xxx1 1111 000x xxxx xxxx xxxx but for the bits at the ends.
        let (opc, low) = (rest >> 12 << 21, rest & 0xfff);
        Word::new((0xd600_0000 | opc | 0x1f << 16 | low) as u32)
    });
    let decoder = InstDecoder::default();
    let registers = registers.filter_map(|word| {
        let inst = decoder.decode(&mut U8Reader::new(&word.get().to_le_bytes())).ok()?;
        Some((word, inst))
    });
    let mut seen = [0_u64; 6];
    for (word, inst) in known().chain(registers) {
        let Some(theirs) = their_flow(&inst) else { continue };
        let kind = match theirs {
            Flow::Branch(_) => 0,
            Flow::Conditional(_) => 1,
            Flow::Call(_) => 2,
            Flow::CallReg(_) => 3,
            Flow::JumpReg(_) => 4,
            Flow::Return(_) => 5,
        };
        assert_eq!(our_flow(word), Some(theirs), "{word}: {inst}");
        seen[kind] += 1;
    }
    let enough = seen.iter().zip([WORDS / 100, WORDS / 100, WORDS / 100, 30, 30, 30]);
    assert!(enough.clone().all(|(&seen, floor)| seen > floor), "{seen:?}");
}
