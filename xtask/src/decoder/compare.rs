//! One word, two decoders: the verifier's and `yaxpeax-arm`, which shares
//! nothing with it.
//!
//! Operands are matched as data; no word is ever printed here.

use super::passed::{FOLLOWED, ONLY_TMP, concerns, concerns_in_other};
use super::registers::{write_unseen, writes};
use a64::decode::{Inst, Reg, decode, direct_branch, is_compare_and_branch};
use a64::{SpEffect, semantics, sp_effect};
use unwind::Word;
use verifier::screen::{Kinds, WORDS};
use yaxpeax_arch::{Decoder, U8Reader};
use yaxpeax_arm::armv8::a64::{InstDecoder, Instruction, Opcode, Operand, SizeCode};

/// What the verifier makes of a word. The kinds partition all words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum Ours {
    /// Sorted as plain, undecoded.
    Plain,
    /// Decoded, and harmless.
    Harmless,
    /// Moves SP by an amount that is known from the word.
    MovesSp,
    /// Writes SP from other registers.
    ComputesSp,
    /// A known form that writes SP in a way that is not followed.
    ClobbersSp,
    /// B.
    Branch,
    /// B.cond, CBZ, CBNZ, TBZ, TBNZ.
    BranchIf,
    /// BL, BLR and its authenticating forms.
    Call,
    /// BR and its authenticating forms.
    Jump,
    /// RET and its authenticating forms.
    Return,
    /// UDF and Go's UNDEF.
    Trap,
    /// May do anything.
    Unknown,
}

/// What the other decoder makes of a word. The kinds partition all words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum Theirs {
    /// Not an instruction.
    Rejected,
    /// Operands without a name: STGP, and what is unallocated beside it.
    Unnamed,
    /// Neither writes SP nor branches.
    Harmless,
    /// Writes SP, by an amount that is in the word.
    MovesSp,
    /// Writes SP in another way.
    WritesSp,
    /// A branch, a call or a return.
    Flow,
}

/// In what the two decoders, or what words are sorted by and the decoder, disagree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disagreement {
    /// A word is sorted as plain, or as one that makes or uses R27 alone, that is not known,
    /// or that does more by the verifier's own description.
    Sorted,
    /// The same by the other decoder.
    SortedInOther,
    /// `direct_branch`, or what branches are sorted by, is not what the decoder says.
    DirectBranch,
    /// What branches, calls and returns are sorted by is not what the other decoder says.
    SortedBranch,
    /// The other decoder sees a write of SP, the verifier none.
    WriteUnseen,
    /// Both see SP move, by different amounts.
    Amount,
    /// The verifier relies on a write of SP that the other decoder does not see.
    WriteUnfounded,
    /// The other decoder sees a write of a general register that `may_write` rules
    /// out.
    RegisterUnseen,
    /// The other decoder sees a branch, the verifier none, or to elsewhere.
    FlowUnseen,
    /// The verifier relies on a branch that the other decoder does not see.
    FlowUnfounded,
}

/// What the two decoders make of a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Comparison {
    /// The verifier's decoder.
    pub ours: Ours,
    /// `yaxpeax-arm`.
    pub theirs: Theirs,
    /// Where they disagree.
    pub disagreement: Option<Disagreement>,
}

/// Where an instruction goes: a distance in bytes, or a register's number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Flow {
    Branch(i64),
    BranchIf(i64),
    Call(i64),
    CallReg(u16),
    Jump(u16),
    Return(u16),
    /// Execution does not go on.
    Trap,
    /// To where only the exception level above knows.
    Leaves,
}

/// What the other decoder says about SP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SpWrite {
    No,
    By(i64),
    Somehow,
}

/// Decodes a word twice and compares.
#[must_use]
pub fn compare(word: Word) -> Comparison {
    let inst = decode(word);
    let (effect, flow) = (sp_effect(&inst), our_flow(&inst));
    let kinds = Kinds::of(&[word; WORDS]);
    let ours = classify(kinds, &inst, effect);
    let other = InstDecoder::default().decode(&mut U8Reader::new(&word.get().to_le_bytes()));
    let (theirs, between) = match other {
        Err(_) => (Theirs::Rejected, None),
        Ok(other) if other.opcode == Opcode::Invalid => unnamed(&inst, effect, &other),
        Ok(other) => {
            let (theirs, disagreement) = between(&inst, effect, flow, &other);
            let unseen = write_unseen(word, &other).then_some(Disagreement::RegisterUnseen);
            let sorted = sorted_in_other(word, kinds, &other, theirs);
            (theirs, disagreement.or(unseen).or(sorted))
        }
    };
    let disagreement = within(word, kinds, &inst, effect, flow).or(between);
    Comparison { ours, theirs, disagreement }
}

fn classify(kinds: Kinds, inst: &Inst, effect: SpEffect) -> Ours {
    match (inst, effect) {
        _ if kinds.plain() != 0 => Ours::Plain,
        (Inst::Unknown, _) => Ours::Unknown,
        (_, SpEffect::Add(_)) => Ours::MovesSp,
        (_, SpEffect::Computed) => Ours::ComputesSp,
        (_, SpEffect::Unknown) => Ours::ClobbersSp,
        (Inst::Branch { .. }, _) => Ours::Branch,
        (Inst::BranchIf { .. }, _) => Ours::BranchIf,
        (Inst::Call { .. } | Inst::CallReg { .. }, _) => Ours::Call,
        (Inst::JumpReg { .. }, _) => Ours::Jump,
        (Inst::Return { .. }, _) => Ours::Return,
        (Inst::Trap, _) => Ours::Trap,
        _ => Ours::Harmless,
    }
}

/// The verifier's views of a word, held against each other.
fn within(
    word: Word,
    kinds: Kinds,
    inst: &Inst,
    effect: SpEffect,
    flow: Option<Flow>,
) -> Option<Disagreement> {
    let is_harmless = *inst != Inst::Unknown && effect == SpEffect::Unchanged && flow.is_none();
    let is_wrong = |followed| match semantics(word) {
        Some(known) => !is_harmless || concerns(word, &known, inst, followed),
        None => true,
    };
    if kinds.plain() != 0 && is_wrong(FOLLOWED) || is_of_tmp(kinds) && is_wrong(ONLY_TMP) {
        return Some(Disagreement::Sorted);
    }
    let direct = direct_branch(word).map(|branch| match branch.conditional {
        true => Flow::BranchIf(branch.offset),
        false => Flow::Branch(branch.offset),
    });
    let decoded = flow.filter(|flow| matches!(flow, Flow::Branch(_) | Flow::BranchIf(_)));
    let sorted = [kinds.branches, kinds.branches_if, kinds.calls].map(|kind| kind == u64::MAX);
    // The compare-and-branch of FEAT_CMPBR is rare, and not sorted.
    let flow = flow.filter(|_| !is_compare_and_branch(word));
    let is_sorted = match flow {
        Some(Flow::Branch(_)) => sorted == [true, false, false],
        Some(Flow::BranchIf(_)) => sorted == [false, true, false],
        Some(Flow::Call(_)) => sorted == [false, false, true],
        _ => sorted == [false; 3],
    };
    (direct != decoded || !is_sorted).then_some(Disagreement::DirectBranch)
}

/// Whether a word is sorted as one that makes or uses R27 and does nothing else; branches
/// that read it are looked at as branches.
const fn is_of_tmp(kinds: Kinds) -> bool {
    (kinds.makes_tmp | kinds.uses_tmp | kinds.remakes_tmp) & !kinds.branches_if != 0
}

/// What a word is sorted by, held against the other decoder.
fn sorted_in_other(
    word: Word,
    kinds: Kinds,
    other: &Instruction,
    theirs: Theirs,
) -> Option<Disagreement> {
    let is_harmless = theirs == Theirs::Harmless;
    let is_wrong = |followed: &[Reg]| !is_harmless || concerns_in_other(word, other, followed);
    let is_made = writes(word, other, |register| Reg::TMP == Reg(register as u8));
    let makes = kinds.makes_tmp | kinds.remakes_tmp != 0;
    let of_tmp = is_of_tmp(kinds) && (is_wrong(ONLY_TMP) || is_made != makes);
    if kinds.plain() != 0 && is_wrong(FOLLOWED) || of_tmp {
        return Some(Disagreement::SortedInOther);
    }
    let flow = their_flow(other);
    let is = |opcode| other.opcode == opcode;
    let facts = [
        (kinds.branches, is(Opcode::B)),
        (kinds.branches_if, matches!(flow, Some(Flow::BranchIf(_)))),
        (kinds.calls, is(Opcode::BL)),
        (kinds.register_calls, is(Opcode::BLR) && flow != Some(Flow::CallReg(27))),
        (kinds.register_jumps, is(Opcode::BR)),
        (kinds.returns, is(Opcode::RET) && flow == Some(Flow::Return(30))),
    ];
    let is_wrong = facts.iter().any(|&(kind, expected)| (kind != 0) != expected);
    is_wrong.then_some(Disagreement::SortedBranch)
}

/// The verifier's decoder against the other one. What is unknown to it is never
/// wrong.
fn between(
    inst: &Inst,
    effect: SpEffect,
    flow: Option<Flow>,
    other: &Instruction,
) -> (Theirs, Option<Disagreement>) {
    let (write, their_flow) = (sp_write(other), their_flow(other));
    let theirs = match (their_flow, write) {
        (Some(_), _) => Theirs::Flow,
        (None, SpWrite::No) => Theirs::Harmless,
        (None, SpWrite::By(_)) => Theirs::MovesSp,
        (None, SpWrite::Somehow) => Theirs::WritesSp,
    };
    if *inst == Inst::Unknown {
        return (theirs, None);
    }
    let sp = match (write, effect) {
        (SpWrite::No, SpEffect::Add(_) | SpEffect::Computed) => Some(Disagreement::WriteUnfounded),
        (SpWrite::No, _) => None,
        (_, SpEffect::Unchanged) => Some(Disagreement::WriteUnseen),
        (SpWrite::By(theirs), SpEffect::Add(ours)) if ours != theirs => Some(Disagreement::Amount),
        _ => None,
    };
    let flow = match (their_flow, flow) {
        (theirs, ours) if theirs == ours => None,
        (None, _) => Some(Disagreement::FlowUnfounded),
        _ => Some(Disagreement::FlowUnseen),
    };
    (theirs, sp.or(flow))
}

/// The operands of these are not scaled, so only a write as such can be compared.
fn unnamed(inst: &Inst, effect: SpEffect, other: &Instruction) -> (Theirs, Option<Disagreement>) {
    let writes = sp_write(other) != SpWrite::No;
    let unseen = *inst != Inst::Unknown && writes && effect == SpEffect::Unchanged;
    (Theirs::Unnamed, unseen.then_some(Disagreement::WriteUnseen))
}

fn our_flow(inst: &Inst) -> Option<Flow> {
    let number = |Reg(number)| u16::from(number);
    Some(match *inst {
        Inst::Branch { offset } => Flow::Branch(offset),
        Inst::BranchIf { offset, .. } => Flow::BranchIf(offset),
        Inst::Call { offset } => Flow::Call(offset),
        Inst::CallReg { rn } => Flow::CallReg(number(rn)),
        Inst::JumpReg { rn } => Flow::Jump(number(rn)),
        Inst::Return { rn } => Flow::Return(number(rn)),
        Inst::Trap => Flow::Trap,
        _ => return None,
    })
}

fn their_flow(inst: &Instruction) -> Option<Flow> {
    let distance = || {
        inst.operands.iter().find_map(|operand| match *operand {
            Operand::PCOffset(distance) => Some(distance),
            _ => None,
        })
    };
    let register = match inst.operands[0] {
        Operand::Register(_, number) => number,
        _ => 30,
    };
    Some(match inst.opcode {
        Opcode::B => Flow::Branch(distance()?),
        Opcode::Bcc(_)
        | Opcode::BCcc(_)
        | Opcode::CBZ
        | Opcode::CBNZ
        | Opcode::TBZ
        | Opcode::TBNZ => Flow::BranchIf(distance()?),
        Opcode::BL => Flow::Call(distance()?),
        Opcode::BLR | Opcode::BLRAA | Opcode::BLRAAZ | Opcode::BLRAB | Opcode::BLRABZ => {
            Flow::CallReg(register)
        }
        Opcode::BR | Opcode::BRAA | Opcode::BRAAZ | Opcode::BRAB | Opcode::BRABZ => {
            Flow::Jump(register)
        }
        Opcode::RET => Flow::Return(register),
        // Through LR; the operand is what authenticates it.
        Opcode::RETAA
        | Opcode::RETAB
        | Opcode::RETAASPPC
        | Opcode::RETABSPPC
        | Opcode::RETAASPPCR
        | Opcode::RETABSPPCR => Flow::Return(30),
        Opcode::UDF => Flow::Trap,
        Opcode::ERET | Opcode::ERETAA | Opcode::ERETAB | Opcode::DRPS => Flow::Leaves,
        Opcode::HLT | Opcode::DCPS1 | Opcode::DCPS2 | Opcode::DCPS3 => Flow::Leaves,
        _ => return None,
    })
}

fn sp_write(inst: &Instruction) -> SpWrite {
    for operand in inst.operands {
        match operand {
            Operand::RegPreIndex(31, offset, true) | Operand::RegPostIndex(31, offset) => {
                return SpWrite::By(i64::from(offset));
            }
            Operand::RegPostIndexReg(31, _) => return SpWrite::Somehow,
            _ => {}
        }
    }
    let [Operand::RegisterOrSP(_, 31), from, by, _] = inst.operands else { return SpWrite::No };
    match inst.opcode {
        // They name what they store first, and it can be SP.
        Opcode::STG | Opcode::STZG | Opcode::ST2G | Opcode::STZ2G => return SpWrite::No,
        // They name what they authenticate with; their destination is LR.
        Opcode::AUTIASPPCR | Opcode::AUTIBSPPCR => return SpWrite::No,
        Opcode::ADD | Opcode::SUB if from == Operand::RegisterOrSP(SizeCode::X, 31) => {}
        _ => return SpWrite::Somehow,
    }
    let amount = match by {
        Operand::Immediate(immediate) => i64::from(immediate),
        Operand::ImmShift(immediate, shift) => i64::from(immediate) << shift,
        _ => return SpWrite::Somehow,
    };
    SpWrite::By(if inst.opcode == Opcode::SUB { -amount } else { amount })
}

#[cfg(test)]
mod tests {
    use super::*;
    use a64::decode::{Arith, Flags, Width};

    /// What is said when the verifier's decoder takes a word for `inst`.
    fn check(word: u32, inst: Inst, expected: Option<Disagreement>) {
        let (word, effect, flow) = (Word::new(word), sp_effect(&inst), our_flow(&inst));
        let bytes = word.get().to_le_bytes();
        let other = InstDecoder::default().decode(&mut U8Reader::new(&bytes));
        let other = other.expect("an instruction to the other decoder");
        let kinds = Kinds::of(&[word; WORDS]);
        let disagreement = within(word, kinds, &inst, effect, flow);
        let disagreement = disagreement.or(between(&inst, effect, flow, &other).1);
        assert_eq!(disagreement, expected, "{word} as {inst:?}");
    }

    fn add_to_sp(rn: Reg, imm: u32) -> Inst {
        let (op, flags, width) = (Arith::Add, Flags::Keep, Width::X);
        Inst::ArithImm { op, flags, width, rd: Reg::SP, rn, imm }
    }

    /// ADD SP, SP, #80; MOV SP, X20; ADD X0, X1, X2.
    #[test]
    fn a_wrong_effect_on_sp_is_noticed() {
        let (pop, open, plain) = (0x9101_43ff, 0x9100_029f, 0x8b02_0020);
        check(pop, add_to_sp(Reg::SP, 80), None);
        check(pop, add_to_sp(Reg::SP, 64), Some(Disagreement::Amount));
        check(pop, Inst::Other, Some(Disagreement::WriteUnseen));
        check(pop, Inst::Unknown, None);
        check(open, add_to_sp(Reg(20), 0), None);
        check(open, Inst::Other, Some(Disagreement::WriteUnseen));
        check(plain, Inst::Other, None);
        check(plain, add_to_sp(Reg::SP, 80), Some(Disagreement::Sorted));
        // CSEL XZR, X1, X2, EQ: what 31 is, the decoder has to see.
        check(0x9a82_003f, Inst::Other, None);
        check(0x9a82_003f, add_to_sp(Reg::SP, 80), Some(Disagreement::WriteUnfounded));
    }

    /// B over 8 bytes, RET, NOP, ERET.
    #[test]
    fn a_wrong_target_is_noticed() {
        let (branch, ret, nop, eret) = (0x1400_0002, 0xd65f_03c0, 0xd503_201f, 0xd69f_03e0);
        check(branch, Inst::Branch { offset: 8 }, None);
        check(branch, Inst::Branch { offset: 12 }, Some(Disagreement::DirectBranch));
        check(branch, Inst::Other, Some(Disagreement::DirectBranch));
        check(ret, Inst::Return { rn: Reg::LR }, None);
        check(ret, Inst::Return { rn: Reg(29) }, Some(Disagreement::FlowUnseen));
        check(ret, Inst::Other, Some(Disagreement::FlowUnseen));
        check(ret, Inst::Unknown, None);
        check(nop, Inst::Nop, None);
        check(nop, Inst::Return { rn: Reg::LR }, Some(Disagreement::FlowUnfounded));
        check(eret, Inst::Other, Some(Disagreement::FlowUnseen));
    }
}
