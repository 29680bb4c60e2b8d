//! Which memory an instruction reads or writes (Arm ARM, DDI 0487, C4.1, "Loads and
//! stores").
//!
//! The verifier's decoder gives the common forms with their fields. Of the others it
//! says only that they leave SP alone; their addresses are decoded here.

use super::state::State;
use super::value::Value;
use unwind::Word;
use verifier::decode::{Data, Inst, Mode, Reg};

/// Where an instruction reads or writes memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Touch {
    /// Nowhere, or where no register says.
    Nowhere,
    /// From a base register on, which 31 is SP of.
    At { base: Reg, offset: Offset },
    /// At an address that is made of these registers in a way that is not followed.
    Unfollowed([Reg; 3]),
}

/// What is added to the base.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Offset {
    /// A number of bytes.
    Bytes(i64),
    /// A register, extended and shifted left.
    Register { rm: Reg, option: u8, shift: u8 },
}

impl Touch {
    /// The lowest address that is touched, as a value; `None` for nowhere.
    pub(super) fn address(self, state: &State) -> Option<Value> {
        match self {
            Self::Nowhere => None,
            Self::At { base, offset: Offset::Bytes(bytes) } => {
                Some(state.or_sp(base).plus(Value::number(bytes)))
            }
            Self::At { base, offset: Offset::Register { rm, option, shift } } => {
                let index = extended(state.or_zero(rm), option).shifted(u32::from(shift));
                Some(state.or_sp(base).plus(index))
            }
            Self::Unfollowed(registers) => {
                let values = registers.map(|register| state.or_sp(register));
                Some(values.into_iter().fold(Value::Any, Value::mixed))
            }
        }
    }
}

/// A register as an index (`ExtendReg`, J1): UXTB to UXTX, SXTB to SXTX.
pub(super) fn extended(value: Value, option: u8) -> Value {
    let bits = 8_u64 << (option & 3);
    match (option & 0b100 != 0, bits) {
        (_, 64) => value,
        (false, 32) => value.lower_half(),
        (false, bits) => value.masked((1 << bits) - 1),
        // A number that has no sign in so many bits is the same number.
        (true, bits) => match value.masked((1 << (bits - 1)) - 1) {
            same if same == value => same,
            _ => value.mixed(Value::Any),
        },
    }
}

/// Where an instruction reads or writes memory.
pub(super) fn touch(word: Word, inst: &Inst) -> Touch {
    match *inst {
        Inst::Single { data: Data::Nothing, .. } => Touch::Nowhere,
        Inst::Pair { rn, offset, mode, .. } | Inst::Single { rn, offset, mode, .. } => {
            let offset = if mode == Mode::PostIndex { 0 } else { i64::from(offset) };
            Touch::At { base: rn, offset: Offset::Bytes(offset) }
        }
        Inst::LoadIndexed { rn, rm, option, shift, .. }
        | Inst::StoreIndexed { rn, rm, option, shift, .. } => {
            Touch::At { base: rn, offset: Offset::Register { rm, option, shift } }
        }
        Inst::Other => other(word.get()),
        _ => Touch::Nowhere,
    }
}

/// The forms that the decoder does not give the fields of.
fn other(word: u32) -> Touch {
    let bit = |position: u32| word >> position & 1 == 1;
    let reg = |low: u32| Reg((word >> low & 31) as u8);
    let (base, unfollowed) = (reg(5), Touch::Unfollowed([reg(5), reg(0), reg(16)]));
    let at_base = Touch::At { base, offset: Offset::Bytes(0) };
    match word >> 25 & 0xf {
        // SVE: with bit 31 the contiguous, gathering and scattering accesses.
        0b0010 if bit(31) => return Touch::Unfollowed([base, reg(16), base]),
        0b0100 | 0b0110 | 0b1100 | 0b1110 => {}
        _ => return Touch::Nowhere,
    }
    match word >> 28 & 3 {
        // Vector structures, exclusive and ordered accesses, compare and swap.
        0b00 => at_base,
        // LDR (literal).
        0b01 if !bit(24) => Touch::Nowhere,
        // LDAPUR and STLUR.
        0b01 if !bit(21) && word >> 10 & 3 == 0b00 => {
            let offset = i64::from((word << 11).cast_signed() >> 23);
            Touch::At { base, offset: Offset::Bytes(offset) }
        }
        // Memory tags, memory copies, ordered pairs.
        0b01 => unfollowed,
        0b11 if !bit(24) && bit(21) && word >> 10 & 3 == 0b10 => indexed(word),
        // Atomic operations.
        0b11 if !bit(24) && bit(21) && word >> 10 & 3 == 0b00 => at_base,
        _ => unfollowed,
    }
}

/// A register offset, of other sizes than 64 bits or of a vector register.
fn indexed(word: u32) -> Touch {
    let (size, opc, is_vector) = (word >> 30, word >> 22 & 3, word >> 26 & 1 == 1);
    // PRFM.
    if size == 0b11 && opc == 0b10 && !is_vector {
        return Touch::Nowhere;
    }
    let scale = if is_vector { (opc >> 1) << 2 | size } else { size };
    let shift = if word >> 12 & 1 == 1 { scale } else { 0 };
    let reg = |low: u32| Reg((word >> low & 31) as u8);
    let offset =
        Offset::Register { rm: reg(16), option: (word >> 13 & 7) as u8, shift: shift as u8 };
    Touch::At { base: reg(5), offset }
}
