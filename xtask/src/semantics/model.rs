//! What the model says of an instruction, in the terms of the judges.

use super::parts::Set;
use a64::decode::decode;
use a64::effect::{Effect, effect};
use unwind::Word;

/// A model: what it says of a word, or that it does not know it.
pub type Model<'a> = &'a (dyn Fn(u32) -> Option<Claim> + Sync);

/// What a model says of a word that it knows.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Claim {
    /// What the instruction may read.
    pub reads: Set,
    /// What it may write.
    pub writes: Set,
    /// What it writes for sure.
    pub surely: Set,
    /// The memory that it may read.
    pub loads: Option<Range>,
    /// The memory that it may write.
    pub stores: Option<Range>,
    /// Whether execution may go elsewhere than to the next word; nothing where the model does not
    /// say.
    pub branches: Option<bool>,
}

/// A range of memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Range {
    /// The register that the address starts from, 31 for SP.
    pub base: Option<u8>,
    /// The distance from the register, in bytes.
    pub offset: Option<i64>,
    /// The size in bytes.
    pub bytes: Option<u32>,
    /// Whether all of it is accessed, unless the instruction faults.
    pub surely: bool,
}

impl Range {
    /// Base, offset and size, where all are known.
    #[must_use]
    pub fn exact(&self) -> Option<(u8, i64, u32)> {
        Some((self.base?, self.offset?, self.bytes?))
    }
}

/// What the model of the crate `a64` says.
#[must_use]
pub fn ours(word: u32) -> Option<Claim> {
    let word = Word::new(word);
    let semantics = a64::semantics(word)?;
    let effect = effect(&decode(word));
    let branches = matches!(
        effect,
        Effect::Branch { .. }
            | Effect::BranchIf { .. }
            | Effect::Call { .. }
            | Effect::Jump { .. }
            | Effect::Return { .. }
    );
    Some(Claim {
        reads: Set(semantics.reads.0.0),
        writes: Set(semantics.writes.0.0),
        surely: Set(semantics.surely.0.0),
        loads: semantics.loads.map(range),
        stores: semantics.stores.map(range),
        branches: (effect != Effect::Unknown).then_some(branches),
    })
}

fn range(access: a64::semantics::Access) -> Range {
    let a64::semantics::Access { base, offset, bytes, surely } = access;
    let base = match base {
        a64::Base::Register(register) => Some(register.0),
        a64::Base::Pc | a64::Base::Anywhere => None,
    };
    Range { base, offset, bytes, surely }
}
