//! A function as it is followed: its words, and what stands around it.

use super::step::Convention;
use a64::decode::{Inst, decode};
use std::collections::BTreeMap;
use unwind::{Index, Word};

/// A function to be followed.
pub(super) struct Subject<'a> {
    pub(super) words: &'a [Word],
    /// Where execution starts.
    pub(super) start: Index,
    pub(super) convention: Convention,
    /// What a linker would have to put into words, by where they are.
    pub(super) links: &'a BTreeMap<u32, Link>,
    /// Whether a call of this distance from the first word asks for stack.
    pub(super) asks: &'a dyn Fn(i64) -> bool,
}

/// What a linker would have to put into a word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Link {
    /// A call or a jump there: an address.
    To(u64),
    /// A call or a jump to what another object defines.
    Elsewhere(String),
    /// A part of an address, or what is not known here.
    Data,
}

impl Subject<'_> {
    /// Where a branch goes, if that is in the function.
    pub(super) fn inside(&self, at: u32, offset: i64) -> Option<u32> {
        let target = u32::try_from(i64::from(at).checked_add(offset / 4)?).ok()?;
        ((target as usize) < self.words.len()).then_some(target)
    }

    /// Whether nothing but a call that asks for stack can follow.
    pub(super) fn asks_from(&self, at: u32) -> bool {
        // Arguments in registers are stored first: at most 16, and as many vectors.
        const MOST: usize = 64;
        let mut at = at;
        for _ in 0..MOST {
            let Some(&word) = self.words.get(at as usize) else { return false };
            match decode(word) {
                Inst::Call { offset } => return (self.asks)(i64::from(at) * 4 + offset),
                Inst::Branch { offset } => match self.inside(at, offset) {
                    Some(target) => at = target,
                    None => return false,
                },
                Inst::BranchIf { .. }
                | Inst::CallReg { .. }
                | Inst::JumpReg { .. }
                | Inst::Return { .. }
                | Inst::Trap
                | Inst::Unknown => return false,
                _ => at += 1,
            }
        }
        false
    }
}
