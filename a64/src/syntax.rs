//! The listing of a word in the syntax of Go's assembler, as `go tool objdump`
//! prints it. A word that the decoder does not know in full is listed as the
//! `WORD` directive that assembles to it, so that nothing is said about it that
//! is not known.

use crate::decode::{
    Access, Arith, Data, Flags, Inst, Logic, Mode, Reg, Test, Wide, Width, decode,
};
use core::fmt::{self, Formatter};
use unwind::Word;

/// A word, displayed as an instruction in Go's syntax.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GoSyntax(pub Word);

impl fmt::Display for GoSyntax {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match decode(self.0) {
            Inst::ArithImm { .. } | Inst::ArithExt { .. } | Inst::ArithReg { .. } => {
                arithmetic(f, self.0)
            }
            Inst::LogicImm { .. } | Inst::LogicReg { .. } => logic(f, self.0),
            Inst::MoveWide { .. } => move_wide(f, self.0),
            Inst::Pair { .. }
            | Inst::Single { .. }
            | Inst::LoadIndexed { .. }
            | Inst::StoreIndexed { .. } => memory(f, self.0),
            Inst::Branch { .. }
            | Inst::BranchIf { test: Test::Flags(_) | Test::Zero(..) | Test::Bit(..), .. }
            | Inst::Call { .. }
            | Inst::CallReg { .. }
            | Inst::JumpReg { .. }
            | Inst::Return { .. } => branch(f, self.0),
            Inst::Adr { rd, offset } => write!(f, "ADR {offset}(PC), {}", Gpr(rd)),
            Inst::Adrp { rd, offset } => write!(f, "ADRP {offset}(PC), {}", Gpr(rd)),
            Inst::Nop => f.write_str("NOOP"),
            Inst::BranchIf { test: Test::Compare(..), .. }
            | Inst::LoadLiteral { .. }
            | Inst::Trap
            | Inst::Other
            | Inst::Unknown => raw(f, self.0),
        }
    }
}

fn raw(f: &mut Formatter<'_>, word: Word) -> fmt::Result {
    write!(f, "WORD ${:#x}", word.get())
}

/// A general register where 31 is ZR.
struct Gpr(Reg);

impl fmt::Display for Gpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0 == Reg::ZR { f.write_str("ZR") } else { write!(f, "R{}", self.0.0) }
    }
}

/// A general register where 31 is SP.
struct Base(Reg);

impl fmt::Display for Base {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0 == Reg::SP { f.write_str("RSP") } else { write!(f, "R{}", self.0.0) }
    }
}

fn suffix(width: Width) -> &'static str {
    match width {
        Width::W => "W",
        Width::X => "",
    }
}

/// ADD, SUB, and CMP and CMN where the result goes nowhere.
fn arithmetic(f: &mut Formatter<'_>, word: Word) -> fmt::Result {
    let (op, flags, width, rd, first) = match decode(word) {
        Inst::ArithImm { op: Arith::Add, flags: Flags::Keep, width: Width::X, rd, rn, imm: 0 }
            if rd == Reg::SP || rn == Reg::SP =>
        {
            return write!(f, "MOVD {}, {}", Base(rn), Base(rd));
        }
        Inst::ArithImm { op, flags, width, rd, imm, .. } if imm > 0xfff => {
            (op, flags, width, rd, format!("$({}<<12)", imm >> 12))
        }
        Inst::ArithImm { op, flags, width, rd, imm, .. } => {
            (op, flags, width, rd, format!("${imm}"))
        }
        Inst::ArithExt { op, flags, width, rd, rm, option, shift, .. } => {
            (op, flags, width, rd, extended(rm, option, shift))
        }
        Inst::ArithReg { op, flags, width, rd, rm, kind, amount, .. } => {
            (op, flags, width, rd, shifted(rm, kind, amount))
        }
        _ => return raw(f, word),
    };
    let (rn, rd_text, zero) = match decode(word) {
        Inst::ArithReg { rn, .. } => (Gpr(rn).to_string(), Gpr(rd).to_string(), rn == Reg::ZR),
        Inst::ArithImm { rn, .. } | Inst::ArithExt { rn, .. } => {
            let to = if flags == Flags::Set { Gpr(rd).to_string() } else { Base(rd).to_string() };
            (Base(rn).to_string(), to, false)
        }
        _ => return raw(f, word),
    };
    let w = suffix(width);
    match (op, flags) {
        (Arith::Sub, Flags::Set) if rd == Reg::ZR => write!(f, "CMP{w} {first}, {rn}"),
        (Arith::Add, Flags::Set) if rd == Reg::ZR => write!(f, "CMN{w} {first}, {rn}"),
        (Arith::Sub, Flags::Keep) if zero => write!(f, "NEG{w} {first}, {rd_text}"),
        _ => {
            let name = if op == Arith::Add { "ADD" } else { "SUB" };
            let s = if flags == Flags::Set { "S" } else { "" };
            write!(f, "{name}{s}{w} {first}, {rn}, {rd_text}")
        }
    }
}

fn shifted(rm: Reg, kind: u8, amount: u8) -> String {
    let operator = match kind {
        0 => "<<",
        1 => ">>",
        2 => "->",
        _ => "@>",
    };
    match amount {
        0 if kind == 0 => Gpr(rm).to_string(),
        _ => format!("{}{operator}{amount}", Gpr(rm)),
    }
}

fn extended(rm: Reg, option: u8, shift: u8) -> String {
    let name = ["UXTB", "UXTH", "UXTW", "", "SXTB", "SXTH", "SXTW", "SXTX"];
    let name = name.get(usize::from(option)).copied().unwrap_or("");
    let dot = if name.is_empty() { "" } else { "." };
    let amount = if shift == 0 { String::new() } else { format!("<<{shift}") };
    format!("{}{dot}{name}{amount}", Gpr(rm))
}

fn logic(f: &mut Formatter<'_>, word: Word) -> fmt::Result {
    match decode(word) {
        Inst::LogicImm { op: Logic::Orr, width: Width::X, rd, rn: Reg::ZR, imm }
            if !one_half(imm) && !one_half(!imm) && rd != Reg::SP =>
        {
            write!(f, "MOVD ${}, {}", imm.cast_signed(), Gpr(rd))
        }
        Inst::LogicImm { op: Logic::Ands, width, rd: Reg::ZR, rn, imm } => {
            write!(f, "TST{} ${}, {}", suffix(width), imm.cast_signed(), Gpr(rn))
        }
        Inst::LogicImm { op, width, rd, rn, imm } => {
            let to = if op == Logic::Ands { Gpr(rd).to_string() } else { Base(rd).to_string() };
            let (name, imm) = (logic_name(op, false), imm.cast_signed());
            write!(f, "{name}{} ${imm}, {}, {to}", suffix(width), Gpr(rn))
        }
        Inst::LogicReg { op, invert, width, rd, rn, rm, kind, amount } => {
            let (w, from) = (suffix(width), shifted(rm, kind, amount));
            let plain = kind == 0 && amount == 0 && width == Width::X;
            match (op, invert) {
                (Logic::Orr, false) if rn == Reg::ZR && plain => {
                    write!(f, "MOVD {from}, {}", Gpr(rd))
                }
                (Logic::Orr, true) if rn == Reg::ZR => write!(f, "MVN{w} {from}, {}", Gpr(rd)),
                (Logic::Ands, false) if rd == Reg::ZR => write!(f, "TST{w} {from}, {}", Gpr(rn)),
                _ => {
                    let name = logic_name(op, invert);
                    write!(f, "{name}{w} {from}, {}, {}", Gpr(rn), Gpr(rd))
                }
            }
        }
        _ => raw(f, word),
    }
}

fn logic_name(op: Logic, invert: bool) -> &'static str {
    match (op, invert) {
        (Logic::And, false) => "AND",
        (Logic::And, true) => "BIC",
        (Logic::Orr, false) => "ORR",
        (Logic::Orr, true) => "ORN",
        (Logic::Eor, false) => "EOR",
        (Logic::Eor, true) => "EON",
        (Logic::Ands, false) => "ANDS",
        (Logic::Ands, true) => "BICS",
    }
}

/// Whether a wide move makes the value, which then is the preferred listing of
/// MOVD and this is ORR (Arm ARM, `MoveWidePreferred`).
fn one_half(value: u64) -> bool {
    (0..4).any(|half| value & !(0xffff << (16 * half)) == 0)
}

fn move_wide(f: &mut Formatter<'_>, word: Word) -> fmt::Result {
    let Inst::MoveWide { op, width, rd, imm, shift } = decode(word) else { return raw(f, word) };
    let w = if width == Width::W { "W" } else { "D" };
    let part = u64::from(imm) << shift;
    match op {
        Wide::Movz => write!(f, "MOV{w} ${part}, {}", Gpr(rd)),
        Wide::Movn => write!(f, "MOV{w} ${}, {}", (!part).cast_signed(), Gpr(rd)),
        Wide::Movk => {
            let w = suffix(width);
            if shift == 0 {
                write!(f, "MOVK{w} ${imm}, {}", Gpr(rd))
            } else {
                write!(f, "MOVK{w} $({imm}<<{shift}), {}", Gpr(rd))
            }
        }
    }
}

fn mode_suffix(mode: Mode) -> &'static str {
    match mode {
        Mode::Offset => "",
        Mode::PreIndex => ".W",
        Mode::PostIndex => ".P",
    }
}

fn memory(f: &mut Formatter<'_>, word: Word) -> fmt::Result {
    match decode(word) {
        Inst::Pair { access, data: Data::X, rt, rt2, rn, offset, mode } => {
            let (p, base, pair) =
                (mode_suffix(mode), Base(rn), format!("({}, {})", Gpr(rt), Gpr(rt2)));
            match access {
                Access::Load => write!(f, "LDP{p} {}({base}), {pair}", Offset(offset)),
                Access::Store => write!(f, "STP{p} {pair}, {}({base})", Offset(offset)),
            }
        }
        Inst::Single { access, data: Data::X, rt, rn, offset, mode } => {
            let (p, base) = (mode_suffix(mode), Base(rn));
            match access {
                Access::Load => write!(f, "MOVD{p} {}({base}), {}", Offset(offset), Gpr(rt)),
                Access::Store => write!(f, "MOVD{p} {}, {}({base})", Gpr(rt), Offset(offset)),
            }
        }
        Inst::LoadIndexed { rt, rn, rm, option: 0b011, shift } => {
            write!(f, "MOVD ({})({}{}), {}", Base(rn), Gpr(rm), Shift(shift), Gpr(rt))
        }
        Inst::StoreIndexed { rt, rn, rm, option: 0b011, shift } => {
            write!(f, "MOVD {}, ({})({}{})", Gpr(rt), Base(rn), Gpr(rm), Shift(shift))
        }
        _ => raw(f, word),
    }
}

/// A shift of an index, where 0 is not written.
struct Shift(u8);

impl fmt::Display for Shift {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { Ok(()) } else { write!(f, "<<{}", self.0) }
    }
}

/// An offset before a base, where 0 is not written.
struct Offset(i32);

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { Ok(()) } else { write!(f, "{}", self.0) }
    }
}

/// Targets are listed as distances in instructions, Go's `n(PC)`.
fn branch(f: &mut Formatter<'_>, word: Word) -> fmt::Result {
    const CONDITIONS: [&str; 16] = [
        "BEQ", "BNE", "BCS", "BCC", "BMI", "BPL", "BVS", "BVC", "BHI", "BLS", "BGE", "BLT", "BGT",
        "BLE", "BAL", "BNV",
    ];
    match decode(word) {
        Inst::Branch { offset } => write!(f, "JMP {}(PC)", offset / 4),
        Inst::Call { offset } => write!(f, "CALL {}(PC)", offset / 4),
        Inst::CallReg { rn } => write!(f, "CALL ({})", Gpr(rn)),
        Inst::JumpReg { rn } => write!(f, "JMP ({})", Gpr(rn)),
        Inst::Return { rn: Reg::LR } => f.write_str("RET"),
        Inst::Return { rn } => write!(f, "RET ({})", Gpr(rn)),
        Inst::BranchIf { test, offset } => {
            let distance = offset / 4;
            let n = |negate| if negate { "N" } else { "" };
            match test {
                Test::Flags(condition) => {
                    let name = CONDITIONS.get(usize::from(condition)).copied().unwrap_or("B?");
                    write!(f, "{name} {distance}(PC)")
                }
                Test::Zero(negate, width, rt) => {
                    let (n, w) = (n(negate), suffix(width));
                    write!(f, "CB{n}Z{w} {}, {distance}(PC)", Gpr(rt))
                }
                Test::Bit(negate, position, rt) => {
                    write!(f, "TB{}Z ${position}, {}, {distance}(PC)", n(negate), Gpr(rt))
                }
                Test::Compare(..) => raw(f, word),
            }
        }
        _ => raw(f, word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `go tool objdump` of go1.24.3 prints for each word.
    const LISTING: &str = include_str!("../tests/objdump-go1.24.3.txt");

    #[test]
    fn listings_are_those_of_go_tool_objdump() {
        let mut compared = 0;
        for line in LISTING.lines().filter(|line| !line.starts_with('#')) {
            let (word, expected) = line.split_once(' ').expect("a word and its listing");
            let word = u32::from_str_radix(word, 16).expect("a word in hexadecimal");
            assert_eq!(GoSyntax(Word::new(word)).to_string(), expected, "{word:08x}");
            compared += 1;
        }
        assert!(compared == 57, "{compared} lines compared");
    }

    #[test]
    fn a_word_that_is_not_known_is_listed_as_data() {
        assert_eq!(GoSyntax(Word::new(0)).to_string(), "WORD $0x0");
        // MOVW R1, 8(RSP): known to be harmless, but not decoded in full.
        assert_eq!(GoSyntax(Word::new(0xb900_0be1)).to_string(), "WORD $0xb9000be1");
    }
}
