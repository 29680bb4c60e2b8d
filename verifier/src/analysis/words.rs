//! The words of the stack that matter: those of the frame, as distances from the CFA, and
//! the two of the caller that a callee can spoil.

use super::value::{Kind, Value};
use arrayvec::ArrayVec;
use unwind::{Depth, KEPT_BELOW_SP};

/// The most words that are followed: more than functions save.
pub(super) const MAX_WORDS: usize = 32;

/// A word of the frame that holds something that matters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    /// Where its first byte is, in bytes above the CFA.
    pub(crate) at: i64,
    pub(crate) value: Value,
    /// From which boundary on it has been below SP, if it is.
    pub(crate) since: u32,
}

impl PartialEq for Slot {
    /// Two slots are the same wherever they are below SP since.
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.value) == (other.at, other.value)
    }
}

impl Eq for Slot {}

impl Slot {
    /// How deep below the CFA it begins.
    pub(crate) const fn depth(&self) -> Depth {
        Depth(self.at.wrapping_neg())
    }

    /// Whether an injected call overwrites it while SP is at a depth.
    #[inline(always)]
    pub(crate) const fn is_below(&self, Depth(sp): Depth) -> bool {
        self.at < -sp.saturating_add(KEPT_BELOW_SP)
    }
}

/// What became of a word of the caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CallerWord {
    /// It is as it was at the entry.
    Kept,
    /// The instruction at this index may have overwritten it.
    Perhaps(u32),
    /// The instruction at this index has overwritten it with something else.
    Lost(u32),
}

impl CallerWord {
    /// What became of the word on the worse of two paths.
    const fn meet(self, other: Self) -> Self {
        match (self, other) {
            (Self::Kept, other) | (Self::Perhaps(_), other @ Self::Lost(_)) => other,
            _ => self,
        }
    }
}

/// The words of the stack that are followed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Words {
    slots: ArrayVec<Slot, MAX_WORDS>,
    /// Whether the words that are not followed may hold anything; otherwise they hold nothing
    /// that matters.
    is_lost: bool,
    /// The word below the CFA, where the caller keeps its own caller's R29.
    pub(crate) caller_fp: CallerWord,
    /// The word at the CFA, where the caller keeps its return address.
    pub(crate) caller_lr: CallerWord,
}

/// Where those two are.
const CALLER_FP: i64 = -8;
const CALLER_LR: i64 = 0;
const BYTES: i64 = 8;

impl Words {
    /// The words where a function is entered.
    pub(crate) fn at_entry() -> Self {
        let slots = ArrayVec::new_const();
        Self { slots, is_lost: false, caller_fp: CallerWord::Kept, caller_lr: CallerWord::Kept }
    }

    /// What the eight bytes from a place on hold.
    pub(crate) fn get(&self, at: i64) -> Value {
        if let Some(slot) = self.slots.iter().find(|slot| slot.at == at) {
            return slot.value;
        }
        let overlaps = |slot: &Slot| overlaps(slot.at, at, BYTES);
        match at {
            _ if self.slots.iter().any(overlaps) => Value::OTHER,
            CALLER_FP if self.caller_fp == CallerWord::Kept => Value::caller_word(at),
            CALLER_LR if self.caller_lr == CallerWord::Kept => Value::caller_word(at),
            _ if at >= BYTES => Value::LOADED,
            _ if self.is_lost => Value::UNKNOWN,
            _ => Value::OTHER,
        }
    }

    /// The words that hold something that matters.
    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    pub(crate) fn slots_mut(&mut self) -> &mut [Slot] {
        &mut self.slots
    }

    /// The instruction at index `by` surely stores so many bytes to a place: a value, if they
    /// are a word. Returns whether that changes what is known.
    #[inline]
    pub(crate) fn store(&mut self, at: i64, bytes: i64, value: Value, by: u32) -> bool {
        let matters = match value.kind {
            Kind::Stack | Kind::Near | Kind::Unknown | Kind::Address | Kind::CallerWord => true,
            Kind::Entry => value.number >= 28,
            Kind::Loaded | Kind::Other => self.is_lost,
            Kind::Const | Kind::Element => self.is_lost,
        };
        let mut is_changed = self.touch_caller(at, bytes, value, by);
        let is_word = bytes == BYTES;
        let mut is_there = false;
        let slots = self.slots.len();
        self.slots.retain(|slot| {
            if !overlaps(slot.at, at, bytes) {
                return true;
            }
            if !is_word && value.kind == Kind::Unknown {
                // A part of what is there may be the same part.
                is_changed |= slot.value != Value::UNKNOWN;
                slot.value = Value::UNKNOWN;
                return true;
            }
            if slot.at == at && is_word && matters {
                is_changed |= slot.value != value;
                slot.value = value;
                slot.since = by + 1;
                is_there = true;
                return true;
            }
            false
        });
        is_changed |= self.slots.len() != slots;
        if matters && is_word && !is_there && at < BYTES {
            is_changed = true;
            if self.slots.try_push(Slot { at, value, since: by + 1 }).is_err() {
                self.is_lost = true;
            }
        }
        is_changed
    }

    /// The instruction at index `by` may store to any of so many bytes from a place on.
    pub(crate) fn maybe_store(&mut self, at: i64, bytes: i64, by: u32) {
        for slot in self.slots.iter_mut().filter(|slot| overlaps(slot.at, at, bytes)) {
            slot.value = Value::UNKNOWN;
        }
        self.is_lost = true;
        for (word, place) in self.caller_words() {
            if overlaps(place, at, bytes) && *word == CallerWord::Kept {
                *word = CallerWord::Perhaps(by);
            }
        }
    }

    /// The instruction at index `by` may store to any word.
    pub(crate) fn maybe_store_anywhere(&mut self, by: u32) {
        self.slots.iter_mut().for_each(|slot| slot.value = Value::UNKNOWN);
        self.is_lost = true;
        for (word, _) in self.caller_words() {
            if *word == CallerWord::Kept {
                *word = CallerWord::Perhaps(by);
            }
        }
    }

    /// A word that is not followed may hold what matters: a part of it was stored.
    pub(crate) const fn lose(&mut self, at: i64) {
        self.is_lost |= at < BYTES;
    }

    /// Whether the words that are not followed may hold anything.
    pub(crate) const fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Whether the caller's words are as they were at the entry.
    #[inline(always)]
    pub(crate) fn keep_caller(&self) -> bool {
        self.caller_fp == CallerWord::Kept && self.caller_lr == CallerWord::Kept
    }

    fn caller_words(&mut self) -> [(&mut CallerWord, i64); 2] {
        [(&mut self.caller_fp, CALLER_FP), (&mut self.caller_lr, CALLER_LR)]
    }

    fn touch_caller(&mut self, at: i64, bytes: i64, value: Value, by: u32) -> bool {
        if at >= CALLER_LR + BYTES || at.saturating_add(bytes) <= CALLER_FP {
            return false;
        }
        let mut is_changed = false;
        for (word, place) in self.caller_words() {
            if !overlaps(place, at, bytes) {
                continue;
            }
            let is_whole = place == at && bytes == BYTES;
            let new = match value.kind {
                _ if is_whole && value == Value::caller_word(place) => CallerWord::Kept,
                Kind::Unknown => CallerWord::Perhaps(by),
                _ => CallerWord::Lost(by),
            };
            is_changed |= *word != new;
            *word = new;
        }
        is_changed
    }

    /// Forgets what lies where the callee that is called at index `by` uses the stack, with SP
    /// at a depth.
    #[inline(always)]
    pub(crate) fn drop_below(&mut self, sp: Depth, by: u32) {
        self.slots.retain(|slot| !slot.is_below(sp));
        if sp < Depth(0) {
            for (word, place) in self.caller_words() {
                let slot = Slot { at: place, value: Value::UNKNOWN, since: by };
                if slot.is_below(sp) && *word == CallerWord::Kept {
                    *word = CallerWord::Perhaps(by);
                }
            }
        }
    }

    /// What holds on both of two paths.
    pub(crate) fn meet(&self, other: &Self) -> Self {
        let mut both = Self {
            slots: ArrayVec::new_const(),
            is_lost: self.is_lost || other.is_lost,
            caller_fp: self.caller_fp.meet(other.caller_fp),
            caller_lr: self.caller_lr.meet(other.caller_lr),
        };
        for slot in self.slots.iter().chain(&other.slots) {
            if both.slots.iter().any(|known| known.at == slot.at) {
                continue;
            }
            let value = self.get(slot.at).meet(other.get(slot.at));
            if value.kind == Kind::Other && !both.is_lost {
                continue;
            }
            if both.slots.try_push(Slot { value, ..*slot }).is_err() {
                both.is_lost = true;
            }
        }
        both.slots.sort_unstable_by_key(|slot| slot.at);
        both
    }

    /// The words as another block starts with them: in one order.
    pub(crate) fn settled(&self) -> Self {
        let mut settled = self.clone();
        settled.slots.sort_unstable_by_key(|slot| slot.at);
        settled
    }
}

/// Whether the word at a place and so many bytes from another one on have bytes in common.
const fn overlaps(word: i64, at: i64, bytes: i64) -> bool {
    at < word.saturating_add(BYTES) && word < at.saturating_add(bytes)
}
