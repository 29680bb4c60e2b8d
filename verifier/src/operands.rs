//! Which registers an instruction reads and writes.

mod writes;

use crate::decode::{Access, Data, Flags, Inst, Logic, Mode, Reg, Test, Wide};
use unwind::Word;
pub use writes::may_write;
use writes::written;

/// A set of registers: bit n for Xn, bit 31 for SP, bit 32 for the condition flags, and
/// two more for memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Regs(pub(crate) u64);

impl Regs {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const SP: Self = Self(1 << 31);
    pub(crate) const FLAGS: Self = Self(1 << 32);
    /// Memory: a load reads it, a store writes it.
    pub(crate) const MEMORY: Self = Self(1 << 33);
    /// What is not done twice as it is done once, whatever the registers: memory that
    /// is changed by what is found there.
    pub(crate) const COUNT: Self = Self(1 << 34);
    /// All that a call may change, and more: everything but SP.
    pub(crate) const GENERAL: Self = Self(0x7fff_ffff);

    /// One register, where 31 is SP.
    pub(crate) const fn or_sp(register: Reg) -> Self {
        Self(1 << (register.0 & 31))
    }

    /// One register, where 31 is ZR.
    pub(crate) const fn or_zero(register: Reg) -> Self {
        Self(1 << (register.0 & 31) & Self::GENERAL.0)
    }

    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// These, or none.
    const fn when(self, condition: bool) -> Self {
        if condition { self } else { Self::NONE }
    }

    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// What an instruction reads and writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Operands {
    pub(crate) reads: Regs,
    pub(crate) writes: Regs,
}

impl Operands {
    const fn of(reads: Regs, writes: Regs) -> Self {
        Self { reads, writes }
    }

    pub(crate) const fn stores(&self) -> bool {
        self.writes.meets(Regs::MEMORY)
    }
}

/// The operands of a word and its instruction. Of what is not decoded in full,
/// registers that it may read or write are among them.
pub(crate) fn operands(word: Word, inst: &Inst) -> Operands {
    use Regs as R;
    match *inst {
        Inst::ArithImm { flags, rd, rn, .. } => Operands::of(R::or_sp(rn), destination(flags, rd)),
        Inst::ArithExt { flags, rd, rn, rm, .. } => {
            Operands::of(R::or_sp(rn).with(R::or_zero(rm)), destination(flags, rd))
        }
        Inst::ArithReg { flags, rd, rn, rm, .. } => {
            let rd = if flags == Flags::Set { destination(flags, rd) } else { R::or_zero(rd) };
            Operands::of(R::or_zero(rn).with(R::or_zero(rm)), rd)
        }
        Inst::LogicReg { op, rd, rn, rm, .. } => {
            let flags = if op == Logic::Ands { R::FLAGS } else { R::NONE };
            Operands::of(R::or_zero(rn).with(R::or_zero(rm)), R::or_zero(rd).with(flags))
        }
        Inst::LogicImm { op, rd, rn, .. } => {
            let flags = if op == Logic::Ands { Flags::Set } else { Flags::Keep };
            Operands::of(R::or_zero(rn), destination(flags, rd))
        }
        Inst::MoveWide { op, rd, .. } => {
            let kept = if op == Wide::Movk { R::or_zero(rd) } else { R::NONE };
            Operands::of(kept, R::or_zero(rd))
        }
        Inst::Adr { rd, .. } | Inst::Adrp { rd, .. } => Operands::of(R::NONE, R::or_zero(rd)),
        Inst::Pair { access, data, rt, rt2, rn, mode, .. } => {
            let transferred = transferred(data, rt).with(transferred(data, rt2));
            transfer(access, transferred, rn, mode)
        }
        Inst::Single { access, data, rt, rn, mode, .. } => {
            transfer(access, transferred(data, rt), rn, mode)
        }
        Inst::LoadIndexed { rt, rn, rm, .. } => {
            let address = R::or_sp(rn).with(R::or_zero(rm));
            Operands::of(address.with(R::MEMORY), R::or_zero(rt))
        }
        Inst::StoreIndexed { rt, rn, rm, .. } => {
            let address = R::or_sp(rn).with(R::or_zero(rm));
            Operands::of(address.with(R::or_zero(rt)), R::MEMORY)
        }
        Inst::LoadLiteral { rt, .. } => Operands::of(R::NONE, R::or_zero(rt)),
        Inst::Branch { .. } | Inst::Trap | Inst::Nop => Operands::default(),
        Inst::BranchIf { test, .. } => Operands::of(tested(test), R::NONE),
        // What is called twice is done twice.
        Inst::Call { .. } => Operands::of(R::NONE, CALL),
        Inst::CallReg { rn } => Operands::of(R::or_zero(rn), CALL),
        Inst::JumpReg { rn } | Inst::Return { rn } => Operands::of(R::or_zero(rn), R::NONE),
        Inst::Other => other(word.get()),
        Inst::Unknown => Operands::of(R::NONE, CALL.with(R::SP)),
    }
}

/// What a call may write.
const CALL: Regs = Regs::GENERAL.with(Regs::FLAGS).with(Regs::COUNT);

fn destination(flags: Flags, rd: Reg) -> Regs {
    match flags {
        Flags::Keep => Regs::or_sp(rd),
        Flags::Set => Regs::or_zero(rd).with(Regs::FLAGS),
    }
}

fn transferred(data: Data, register: Reg) -> Regs {
    match data {
        Data::X | Data::Part(_) => Regs::or_zero(register),
        Data::Vector(_) | Data::Nothing => Regs::NONE,
    }
}

fn transfer(access: Access, data: Regs, rn: Reg, mode: Mode) -> Operands {
    let base = Regs::or_sp(rn);
    let written_back = if mode == Mode::Offset { Regs::NONE } else { base };
    match access {
        Access::Load => Operands::of(base.with(Regs::MEMORY), data.with(written_back)),
        Access::Store => Operands::of(base.with(data), written_back.with(Regs::MEMORY)),
    }
}

fn tested(test: Test) -> Regs {
    match test {
        Test::Flags(_) => Regs::FLAGS,
        Test::Zero(_, _, rt) | Test::Bit(_, _, rt) => Regs::or_zero(rt),
    }
}

/// Forms whose fields are not decoded: what their group reads (Arm ARM, C4.1),
/// and what they may write.
fn other(word: u32) -> Operands {
    let bit = |position: u32| word >> position & 1 == 1;
    let field = |low: u32| Reg((word >> low & 31) as u8);
    let (d, n, a, m) = (field(0), field(5), field(10), field(16));
    let zero = Regs::or_zero;
    let reads = match word >> 25 & 0xf {
        // Bit fields, of which BFM keeps bits of its destination; extraction.
        0b1000 | 0b1001 if word >> 23 & 7 == 0b111 => zero(n).with(zero(m)),
        0b1000 | 0b1001 if word >> 23 & 7 == 0b110 && word >> 29 & 3 == 0b01 => {
            zero(n).with(zero(d))
        }
        // ADDG and its like have a base that can be SP.
        0b1000 | 0b1001 if word >> 23 & 7 == 0b011 => Regs::or_sp(n),
        0b1000 | 0b1001 => zero(n),
        // Three sources; one; compare with an immediate; the rest has two.
        0b0101 | 0b1101 if word >> 24 & 0x1f == 0b1_1011 => zero(n).with(zero(m)).with(zero(a)),
        0b0101 | 0b1101 if word >> 21 & 0xff == 0b1101_0110 && bit(30) => zero(n),
        0b0101 | 0b1101 if word >> 21 & 0xff == 0b1101_0010 && bit(11) => zero(n),
        0b0101 | 0b1101 => Regs::or_sp(n).with(Regs::or_sp(m)),
        0b0111 | 0b1111 => float(word),
        0b0100 | 0b0110 | 0b1100 | 0b1110 => memory(word),
        // MSR and SYS; hints read what pointer authentication does.
        0b1010 | 0b1011 if word & 0xffff_f01f == 0xd503_201f => Regs(0b111 << 15 | 1 << 30),
        0b1010 | 0b1011 if word >> 24 == 0xd5 => zero(d).with(zero(Reg((d.0 + 1) & 31))),
        0b1010 | 0b1011 => Regs::NONE,
        // SVE.
        _ => zero(n).with(zero(m)).with(zero(d)),
    };
    let accesses = word >> 25 & 0b101 == 0b100;
    // Exclusive accesses and atomic operations.
    let stores = accesses && !loads_only(word);
    let atomic = stores && !literal_or_vector(word) && !indexed(word);
    let (reads_flags, writes_flags) = flags(word);
    Operands::of(
        reads.with(Regs::FLAGS.when(reads_flags)).with(Regs::MEMORY.when(accesses)),
        written(Word::new(word))
            .with(Regs::FLAGS.when(writes_flags))
            .with(Regs::MEMORY.when(stores))
            .with(Regs::COUNT.when(atomic)),
    )
}

/// Whether a form that is not decoded in full reads the condition flags, and whether
/// it may write them.
fn flags(word: u32) -> (bool, bool) {
    let bit = |position: u32| word >> position & 1 == 1;
    match word >> 21 & 0xff {
        // Carry arithmetic, and what makes flags of registers; conditional compare;
        // conditional select.
        0b1101_0000 => (true, bit(29)),
        0b1101_0010 => (true, true),
        0b1101_0100 => (true, false),
        // Comparisons of floating point, conditional too, and conditional select.
        group if group & 0xf9 == 0xf1 && word >> 29 & 0b101 == 0 => match word >> 10 & 3 {
            0b00 => (false, word >> 12 & 0xf == 0b0010),
            0b01 => (true, true),
            0b11 => (true, false),
            _ => (false, false),
        },
        // MRS and MSR.
        _ if word >> 24 == 0xd5 => (bit(21), !bit(21)),
        _ => (false, false),
    }
}

/// Whether an access that is not decoded in full is known to be a load alone: a
/// literal, a vector structure, an exclusive or an ordered load, one with a register
/// offset (C4.1.94).
const fn loads_only(word: u32) -> bool {
    const fn bit(word: u32, position: u32) -> bool {
        word >> position & 1 == 1
    }
    let is_vector = bit(word, 26);
    match word >> 28 & 3 {
        0b00 if is_vector => bit(word, 22),
        // Of those with bit 21 only LDXP loads alone.
        0b00 => bit(word, 22) && (!bit(word, 21) || !bit(word, 23) && bit(word, 31)),
        0b01 => !bit(word, 24),
        0b11 => indexed(word) && word >> 22 & 3 != 0 && !(is_vector && word >> 22 & 1 == 0),
        _ => false,
    }
}

/// Whether a load or a store has a register offset.
pub(crate) const fn is_indexed(word: Word) -> bool {
    indexed(word.get())
}

const fn indexed(word: u32) -> bool {
    word >> 28 & 3 == 0b11 && word >> 21 & 1 == 1 && word >> 10 & 3 == 0b10
}

/// Conversions and moves from general registers to vector ones, in the two
/// groups that have them; the rest of the two reads vectors only.
fn float(word: u32) -> Regs {
    let n = Regs::or_zero(Reg((word >> 5 & 31) as u8));
    // DUP (general) and INS (general).
    let copy = word & 0xbfe0_fc00 == 0x0e00_0c00 || word & 0xffe0_fc00 == 0x4e00_1c00;
    if converts(word) || copy { n } else { Regs::NONE }
}

/// Conversions between vector and general registers, fixed-point or not, and FMOV
/// (general).
fn converts(word: u32) -> bool {
    word & 0x7f20_fc00 == 0x1e20_0000 || word & 0x7f20_0000 == 0x1e00_0000
}

/// Whether an instruction of the vector groups writes a general register.
fn leaves_vectors(word: u32) -> bool {
    // UMOV and SMOV.
    converts(word) || word & 0xbfe0_ec00 == 0x0e00_2c00
}

/// LDR (literal) and vector structures.
fn literal_or_vector(word: u32) -> bool {
    let literal = word >> 24 & 0x3b == 0x18;
    let vector = word >> 26 & 1 == 1;
    literal || vector
}

fn memory(word: u32) -> Regs {
    let field = |low: u32| Reg((word >> low & 31) as u8);
    let (t, n, a, m) = (field(0), field(5), field(10), field(16));
    let zero = Regs::or_zero;
    let (literal, vector) = (word >> 24 & 0x3b == 0x18, word >> 26 & 1 == 1);
    let index = indexed(word);
    match (literal, vector) {
        (true, _) => Regs::NONE,
        (false, true) => Regs::or_sp(n).with(zero(m)),
        // A register offset: loads have bit 22 or 23 set.
        (false, false) if index && word >> 22 & 3 != 0 => Regs::or_sp(n).with(zero(m)),
        (false, false) if index => Regs::or_sp(n).with(zero(m)).with(zero(t)),
        // Exclusive and ordered accesses; what they store is not written.
        (false, false) if word >> 28 & 3 == 0 && word >> 21 & 1 == 0 => {
            let stored = if word >> 22 & 1 == 0 { zero(t) } else { Regs::NONE };
            Regs::or_sp(n).with(stored)
        }
        (false, false) => {
            let next = |register: Reg| zero(Reg((register.0 + 1) & 31));
            let named = Regs::or_sp(n).with(zero(m)).with(zero(a)).with(zero(t));
            named.with(next(m)).with(next(t))
        }
    }
}
