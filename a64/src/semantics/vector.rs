//! SIMD and floating point, SVE and SME.
//!
//! There are some thousand instructions here, and few ways in which they concern what is not a
//! vector: those are the [`Form`]s. Which word has which form is in tables. Of vector and
//! predicate registers more are named than an instruction reads or writes.

mod float_table;
mod matrix_table;
mod scalable_table;

use super::{Access, Base, Semantics};
use crate::decode::{Reg, Width, bit_mask, field, reg};
use crate::parts::Parts;

/// How an instruction concerns general registers, flags and memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Form(u32);

impl Form {
    /// Vectors, predicates and system state alone.
    const VECTOR: Self = Self(0);
    /// Bits 4 to 0 are a destination, where 31 is ZR, or SP.
    const WRITES_D: Self = Self(1);
    const WRITES_D_OR_SP: Self = Self(1 << 1);
    /// Bits 4 to 0, 9 to 5, or 20 to 16 are a source, where 31 is ZR, or SP.
    const READS_D: Self = Self(1 << 2);
    const READS_N: Self = Self(1 << 3);
    const READS_N_OR_SP: Self = Self(1 << 4);
    const READS_M: Self = Self(1 << 5);
    const READS_N16_OR_SP: Self = Self(1 << 6);
    const WRITES_FLAGS: Self = Self(1 << 7);
    const READS_FLAGS: Self = Self(1 << 8);
    const LOADS: Self = Self(1 << 9);
    const STORES: Self = Self(1 << 10);
    /// The base is a general register in bits 9 to 5, where 31 is SP.
    const BASE_N: Self = Self(1 << 11);
    /// The bases are the elements of a vector.
    const BASE_VECTOR: Self = Self(1 << 12);
    /// The distances from the base are the elements of a vector.
    const OFFSET_VECTOR: Self = Self(1 << 13);
    /// W8 to W11 or W12 to W15 in bits 14 and 13, or W12 to W15 in bits 17 and 16, say which
    /// slice is meant.
    const INDEX_W8: Self = Self(1 << 14);
    const INDEX_W12: Self = Self(1 << 15);
    const INDEX_W12_M: Self = Self(1 << 16);

    const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The form of a word.
    fn of(word: u32, forms: &[(Self, &[(u32, u32)])]) -> Option<Self> {
        let has =
            |patterns: &[(u32, u32)]| patterns.iter().any(|&(mask, value)| word & mask == value);
        forms.iter().find(|(_, patterns)| has(patterns)).map(|&(form, _)| form)
    }

    /// The general registers and the flags that it reads.
    fn reads(self, word: u32) -> Parts {
        let (d, n, m) = (reg(word, 0), reg(word, 5), reg(word, 16));
        let (zero, or_sp) = (Parts::or_zero, Parts::or_sp);
        let slice = |first: u32, low: u32| zero(Reg((first + field(word, low + 1, low)) as u8));
        [
            (Self::READS_D, zero(d)),
            (Self::READS_N, zero(n)),
            (Self::READS_N_OR_SP, or_sp(n)),
            (Self::READS_M, zero(m)),
            (Self::READS_N16_OR_SP, or_sp(m)),
            (Self::READS_FLAGS, Parts::FLAGS),
            (Self::INDEX_W8, slice(8, 13)),
            (Self::INDEX_W12, slice(12, 13)),
            (Self::INDEX_W12_M, slice(12, 16)),
        ]
        .into_iter()
        .fold(Parts::NONE, |read, (form, parts)| read.with(parts.when(self.has(form))))
    }

    /// The general registers and the flags that it writes.
    fn writes(self, word: u32) -> Parts {
        let d = reg(word, 0);
        let flags = Parts::FLAGS.when(self.has(Self::WRITES_FLAGS));
        let general = Parts::or_zero(d).when(self.has(Self::WRITES_D));
        flags.with(general).with(Parts::or_sp(d).when(self.has(Self::WRITES_D_OR_SP)))
    }

    /// Whether its destination is a general register.
    const fn leaves_vectors(self) -> bool {
        self.has(Self::WRITES_D.with(Self::WRITES_D_OR_SP))
    }
}

/// SIMD and floating point. What rounding and exceptions do is system state.
pub(super) fn float(word: u32) -> Option<Semantics> {
    let form = Form::of(word, float_table::FORMS)?;
    let field = |low: u32| reg(word, low).0;
    // Tables of bytes are up to four registers, from Vn on. Of elements of 16 and 8 bits Vm has
    // fewer bits than of others, the rest being the number of the element.
    let elements = [field(16) & 15, field(16) & 7];
    let named = [field(0), field(10), field(16)].into_iter().chain(elements);
    let named = named.chain((0..4).map(|next| field(5) + next));
    let vectors = named.map(Parts::vector).fold(Parts::SYSTEM, Parts::with);
    let read = Semantics::NOTHING.reads(form.reads(word).with(vectors));
    let written = form.writes(word);
    let has_vector = !form.leaves_vectors() && !form.has(Form::WRITES_FLAGS);
    let vector = Parts::vector(field(0)).when(has_vector);
    Some(read.writes(written.with(vector)).may_write(Parts::SYSTEM))
}

const SCALABLE: Parts =
    Parts::VECTORS.with(Parts::PREDICATES).with(Parts::FIRST_FAULT).with(Parts::SYSTEM);

/// SVE.
pub(super) fn scalable(word: u32) -> Option<Semantics> {
    let form = Form::of(word, scalable_table::FORMS)?;
    (!is_reserved(word)).then(|| described(word, form, SCALABLE))
}

/// What the tables take for allocated and is not: an index of 31, but in loads that stop at the
/// first fault, and immediates of logic that are none.
fn is_reserved(word: u32) -> bool {
    let (group, kind) = (field(word, 31, 25), field(word, 15, 13));
    let has_index = match group {
        0b101_0010 => matches!(kind, 0b000 | 0b010 | 0b100 | 0b110),
        0b111_0010 => !is_whole(word) && matches!(kind, 0b000 | 0b010 | 0b011),
        0b100_0010 => kind == 0b110 && field(word, 22, 21) == 0,
        _ => false,
    };
    let is_logic = word & 0xff3c_0000 == 0x0500_0000;
    let fields = (field(word, 17, 17), field(word, 16, 11), field(word, 10, 5));
    has_index && field(word, 20, 16) == 31 || is_logic && bit_mask(fields, Width::X).is_none()
}

/// SME.
pub(super) fn matrix(word: u32) -> Option<Semantics> {
    let form = Form::of(word, matrix_table::FORMS)?;
    Some(described(word, form, SCALABLE.with(Parts::MATRIX)))
}

fn described(word: u32, form: Form, state: Parts) -> Semantics {
    let read = Semantics::NOTHING.reads(form.reads(word).with(state)).writes(form.writes(word));
    if form.has(Form::LOADS) {
        read.loads(access(word, form)).may_write(state)
    } else if form.has(Form::STORES) {
        read.stores(access(word, form))
    } else {
        read.may_write(state.when(!form.leaves_vectors()))
    }
}

/// What is loaded or stored. All but whole registers are under a predicate.
fn access(word: u32, form: Form) -> Access {
    if form.has(Form::BASE_VECTOR) {
        return Access::ANYWHERE;
    }
    let is_at_base = !form.has(Form::READS_M.with(Form::OFFSET_VECTOR)) && immediate(word) == 0;
    Access {
        base: Base::Register(reg(word, 5)),
        offset: is_at_base.then_some(0),
        bytes: (word & TABLE.0 == TABLE.1).then_some(64),
        surely: is_whole(word),
    }
}

/// LDR and STR of ZT0.
const TABLE: (u32, u32) = (0xffdf_fc1f, 0xe11f_8000);

/// LDR and STR of Z, P, ZA and ZT0.
const fn is_whole(word: u32) -> bool {
    word & 0xffc0_a000 == 0x8580_0000
        || word & 0xffc0_a000 == 0xe580_0000
        || word & 0xffdf_9c10 == 0xe100_0000
        || word & TABLE.0 == TABLE.1
}

/// The field of the immediate offset, in units that depend on the form.
fn immediate(word: u32) -> u32 {
    let is_broadcast = word & 0xfe40_8000 == 0x8440_8000;
    match field(word, 31, 25) {
        _ if word & TABLE.0 == TABLE.1 => 0,
        // LDR and STR of ZA.
        0b111_0000 => field(word, 3, 0),
        _ if is_whole(word) => field(word, 21, 16) << 3 | field(word, 12, 10),
        // LD1R and its like.
        _ if is_broadcast => field(word, 21, 16),
        _ => field(word, 19, 16),
    }
}
