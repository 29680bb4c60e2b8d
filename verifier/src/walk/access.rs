//! Loads and stores of the words that the rules are about: the saved return
//! address and the saved R29.

use super::{Link, Walk};
use crate::decode::{Access, Data, Reg, decode};
use crate::effect::Transfer;
use crate::operands::{Operands, Regs, operands};
use crate::registers::{Kind, Value};
use crate::state::{Frame, Holding, KnownId, Place};
use unwind::{Depth, KEPT_BELOW_SP, Word};

/// The caller's R29 as the frame below it computes it.
const CALLER: Option<Depth> = Some(Depth(8));

impl Walk<'_, '_> {
    /// A load or a store, before its base is written back.
    #[inline]
    pub(super) fn transfer(&mut self, at: u32, transfer: &Transfer, writes: Regs) {
        let base = match transfer.base {
            Reg::SP => Some(self.line.depth),
            Reg::FP => self.register(Reg::FP).depth(),
            base if transfer.concerns_caller() => self.value_of(at, base).depth(),
            _ => None,
        };
        let place = base.map(|Depth(base)| base.wrapping_sub(i64::from(transfer.offset)));
        let bytes = i64::from(transfer.data.bytes());
        let (first, second) = (transfer.first, transfer.second);
        match (transfer.access, place) {
            (Access::Store, Some(place)) => {
                self.store(at, Depth(place), transfer.data, first);
                if let Some(second) = second {
                    self.store(at, Depth(place.wrapping_sub(bytes)), transfer.data, second);
                }
                self.scratch.registers.forget(writes);
            }
            (Access::Load, Some(place)) => {
                self.scratch.registers.forget(writes);
                self.load(at, Depth(place), transfer.data, first);
                if let Some(second) = second {
                    self.load(at, Depth(place.wrapping_sub(bytes)), transfer.data, second);
                }
            }
            (Access::Store, None) => {
                self.scratch.registers.forget(writes);
                self.store_somewhere(transfer);
            }
            (Access::Load, None) => self.scratch.registers.forget(writes),
        }
        // SP moves behind the access.
        if let (Reg::SP, Some(by)) = (transfer.base, transfer.back) {
            let sp = Value::below_cfa(self.line.depth).plus(i64::from(by));
            self.scratch.registers.set(Reg::SP, sp);
        }
    }

    /// A store of LR or R29 to SP or another base and an index.
    #[cold]
    pub(super) fn store_indexed(&mut self, at: u32, rt: Reg, rn: Reg, (rm, shift): (Reg, u8)) {
        let base = match rn {
            Reg::SP => Some(self.line.depth),
            rn => self.value_of(at, rn).depth(),
        };
        let index = self.value_of(at, rm);
        match (base, index.kind) {
            (Some(Depth(base)), Kind::Const) => {
                let place = Depth(base.wrapping_sub((index.number << shift).cast_signed()));
                self.store(at, place, Data::X, rt);
            }
            _ => self.saves_somewhere(rt),
        }
    }

    /// A store to a place that is not followed; through R29 it can be that of a
    /// saved word.
    fn store_somewhere(&mut self, transfer: &Transfer) {
        if transfer.base == Reg::FP {
            self.store_otherwise();
        }
        if transfer.concerns_caller() && transfer.data == Data::X {
            self.saves_somewhere(transfer.first);
            if let Some(second) = transfer.second {
                self.saves_somewhere(second);
            }
        }
    }

    /// LR or R29 is stored anywhere, perhaps where it is to be saved.
    fn saves_somewhere(&mut self, register: Reg) {
        let place = match register {
            Reg::LR => &mut self.line.frame.return_at,
            Reg::FP => &mut self.line.frame.caller_at,
            _ => return,
        };
        if *place == Place::NOWHERE {
            *place = Place::UNKNOWN;
            self.line.known = KnownId::NONE;
            self.line.is_changed = true;
        }
    }

    #[inline]
    fn store(&mut self, at: u32, place: Depth, data: Data, register: Reg) {
        let (frame, sp) = (self.line.frame, self.line.depth);
        let covers = |saved: Place| {
            saved.depth().is_some_and(|Depth(word)| {
                place.0.saturating_sub(i64::from(data.bytes())) < word
                    && word.saturating_sub(8) < place.0
            })
        };
        let (spoils_return, spoils_caller) = (covers(frame.return_at), covers(frame.caller_at));
        let is_ours = matches!(register, Reg::LR | Reg::FP);
        if !spoils_return && !spoils_caller && !is_ours && place.0 < sp.0 {
            return;
        }
        let value = if data == Data::X { self.value_of(at, register) } else { Value::OTHER };
        let pair = Depth(sp.0.wrapping_add(KEPT_BELOW_SP));
        if place.0 > pair.0 {
            self.link(place, register, value);
        }
        let is_saved = |saved: Place, at| saved.holds(at) == Holding::Holds && sp != Depth(0);
        if value.kind == Kind::Return {
            if spoils_return || place.0 > sp.0 || !is_saved(frame.return_at, sp) {
                self.line.frame.return_at = Place::at(place);
            }
        } else if spoils_return {
            self.line.frame.return_at = self.spoiled(value, Reg::LR);
        }
        if value.kind == Kind::Caller || value.depth() == CALLER {
            if spoils_caller || place.0 > pair.0 || !is_saved(frame.caller_at, pair) {
                self.line.frame.caller_at = Place::at(place);
            }
        } else if spoils_caller {
            self.line.frame.caller_at = self.spoiled(value, Reg::FP);
        }
        let saved = Place::at(place);
        for (now, since) in [self.line.frame.return_at, self.line.frame.caller_at]
            .into_iter()
            .zip(&mut self.line.below_since)
        {
            if now == saved {
                *since = at + 1;
            }
        }
        if self.line.frame != frame {
            self.changes(at);
        }
    }

    /// A pair is made below SP for a callee without a frame, its own R29 first.
    fn link(&mut self, place: Depth, register: Reg, value: Value) {
        if register == Reg::FP && self.frame_pointer() == Holding::Holds {
            self.line.link = Some(Link { place, returns_to: None });
        } else if value.kind == Kind::Address
            && let Some(link) = &mut self.line.link
            && place.0 == link.place.0.wrapping_sub(8)
        {
            link.returns_to = Some(value.number);
        } else if self.line.link.is_some_and(|link| place.0.abs_diff(link.place.0) < 32) {
            self.line.link = None;
        }
    }

    /// A store through SP or R29 of what is not a register or two, or to more than the
    /// words that follow the base: it may be over what is saved.
    #[cold]
    pub(super) fn store_otherwise(&mut self) {
        let lost = |place: Place| if place == Place::NOWHERE { place } else { Place::UNKNOWN };
        let Frame { return_at, caller_at } = self.line.frame;
        self.line.frame = Frame { return_at: lost(return_at), caller_at: lost(caller_at) };
        self.line.known = KnownId::NONE;
        self.line.is_changed = true;
    }

    /// What is saved where a value was stored over a register of the caller.
    #[cold]
    fn spoiled(&mut self, value: Value, register: Reg) -> Place {
        if value.kind != Kind::Unknown {
            return Place::NOWHERE;
        }
        self.looks_beyond = true;
        if self.is_copied(register) { Place::UNKNOWN } else { Place::NOWHERE }
    }

    /// Whether the function moves LR or R29 into another register, anywhere.
    fn is_copied(&self, register: Reg) -> bool {
        let own = Regs::or_zero(register);
        let copies = |&word: &Word| {
            let registers @ Operands { reads, writes } = operands(word, &decode(word));
            !registers.stores()
                && reads.meets(own)
                && writes.without(own.with(Regs::SP)) != Regs::NONE
        };
        self.function.words.iter().any(copies)
    }

    #[inline]
    fn load(&mut self, at: u32, place: Depth, data: Data, register: Reg) {
        let frame = self.line.frame;
        if place.0 > self.line.depth.0.saturating_add(KEPT_BELOW_SP) {
            let saved = [frame.return_at, frame.caller_at].into_iter().zip(self.line.below_since);
            let ours =
                saved.filter(|&(saved, _)| saved == Place::at(place)).map(|(_, since)| since);
            self.needed_below(ours.min().unwrap_or(at), at, place);
        }
        if data == Data::X {
            if register == Reg::LR && frame.return_at.holds(place) == Holding::Holds {
                self.scratch.registers.set(Reg::LR, Value::RETURN);
            } else if register == Reg::FP && frame.caller_at.holds(place) == Holding::Holds {
                self.scratch.registers.set(Reg::FP, Value::CALLER);
            }
        }
    }
}
