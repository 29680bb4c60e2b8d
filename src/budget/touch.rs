//! Which memory an instruction reads or writes (Arm ARM, DDI 0487, C4.1, "Loads and
//! stores").
//!
//! The decoder gives the common forms with their fields. What the others access is in the
//! description of the machine ([`a64::semantics`]).

use super::state::State;
use super::value::Value;
use a64::decode::{Data, Inst, Mode, Reg};
use a64::{Base, Core, semantics};
use unwind::Word;

/// What an address can be made of.
const ADDRESS: Core = Core::GENERAL.with(Core::SP);

/// Where an instruction reads or writes memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Touch {
    /// Nowhere, or where no register says.
    Nowhere,
    /// From a base register on, which 31 is SP of.
    At { base: Reg, offset: Offset },
    /// At an address that is made of some of these registers in a way that is not followed.
    Unfollowed(Core),
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
                let all = (0..32).map(Reg).filter(|&each| registers.meets(Core::or_sp(each)));
                Some(all.map(|register| state.or_sp(register)).fold(Value::Any, Value::mixed))
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
        Inst::Other => other(word),
        _ => Touch::Nowhere,
    }
}

/// The forms that the decoder does not give the fields of, by the description of the machine.
fn other(word: Word) -> Touch {
    if is_indexed(word.get()) {
        return indexed(word.get());
    }
    // What is not known is not followed: `flow` says so.
    let Some(semantics) = semantics(word) else { return Touch::Nowhere };
    let accesses = [semantics.loads, semantics.stores];
    let touches = accesses.into_iter().flatten().map(|access| match (access.base, access.offset) {
        (Base::Pc, _) => Touch::Nowhere,
        (Base::Register(base), Some(bytes)) => Touch::At { base, offset: Offset::Bytes(bytes) },
        _ => Touch::Unfollowed(semantics.reads.0.core().and(ADDRESS)),
    });
    // What is loaded and stored lies at the same place.
    touches.fold(Touch::Nowhere, |first, second| match (first, second) {
        (Touch::Nowhere, touch) | (touch, Touch::Nowhere) => touch,
        (first, second) if first == second => first,
        _ => Touch::Unfollowed(semantics.reads.0.core().and(ADDRESS)),
    })
}

/// Whether a word has a register offset, with another size than 64 bits or a vector register.
const fn is_indexed(word: u32) -> bool {
    word >> 28 & 3 == 0b11
        && word >> 27 & 1 == 1
        && word >> 25 & 1 == 0
        && word >> 24 & 1 == 0
        && word >> 21 & 1 == 1
        && word >> 10 & 3 == 0b10
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
