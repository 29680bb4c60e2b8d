//! Loads and stores of the words that the rules are about: the saved return
//! address and the saved R29.

use super::{Link, Walk};
use crate::decode::{Access, Data, Inst, Mode, Reg, decode};
use crate::operands::{Regs, operands};
use crate::rules::frame_pointer;
use crate::state::{Fp, Holding, KEPT_BELOW_SP, Lr, Saved};
use crate::value::Value;
use unwind::{Depth, Word};

/// A load or a store of one or two registers.
struct Transfer {
    access: Access,
    data: Data,
    registers: [Option<Reg>; 2],
    base: Reg,
    /// From the base to the first byte.
    offset: i64,
}

/// The caller's R29 as the frame below it computes it.
const CALLER: Value = Value::BelowCfa(Depth(8));

impl Walk<'_, '_> {
    /// A load or a store, before its base is written back.
    pub(super) fn access(&mut self, at: u32, inst: &Inst) {
        let Some(transfer) = Transfer::of(inst) else { return };
        let place = self.place(at, &transfer);
        for (number, register) in (0..).zip(transfer.registers.into_iter().flatten()) {
            let bytes = i64::from(transfer.data.bytes());
            let place = place.map(|Depth(first)| Depth(first.wrapping_sub(number * bytes)));
            match (transfer.access, place) {
                (Access::Store, Some(place)) => self.store(at, place, transfer.data, register),
                (Access::Store, None) => {}
                (Access::Load, place) => self.load(at, place, transfer.data, register),
            }
        }
    }

    /// A store of one register to SP or another base and an index.
    pub(super) fn store_indexed(&mut self, at: u32, rt: Reg, address: (Reg, Reg), scale: u32) {
        let context = self.context();
        let place = match (context.base(address.0, at), context.register(address.1, at)) {
            (Value::BelowCfa(Depth(base)), Value::Const(index)) => {
                Some(Depth(base.wrapping_sub((index << scale).cast_signed())))
            }
            _ => None,
        };
        match (place, rt) {
            (Some(place), _) => self.store(at, place, Data::X, rt),
            // Anywhere in the stack, perhaps.
            (None, Reg::LR) if self.state.return_at == Saved::Nowhere => {
                self.state.return_at = Saved::Unknown;
            }
            (None, Reg::FP) if self.state.caller_at == Saved::Nowhere => {
                self.state.caller_at = Saved::Unknown;
            }
            _ => {}
        }
    }

    /// Where in the stack a transfer begins, if it concerns the rules.
    fn place(&mut self, at: u32, transfer: &Transfer) -> Option<Depth> {
        let base = match transfer.base {
            Reg::SP => self.state.depth,
            base => {
                let concerns = |register: &Reg| matches!(*register, Reg::LR | Reg::FP);
                if !transfer.registers.iter().flatten().any(concerns) {
                    return None;
                }
                match self.context().base(base, at) {
                    Value::BelowCfa(depth) => depth,
                    _ => return None,
                }
            }
        };
        Some(Depth(base.0.wrapping_sub(transfer.offset)))
    }

    fn store(&mut self, at: u32, place: Depth, data: Data, register: Reg) {
        let state = self.state;
        let covers = |saved| match saved {
            Saved::At(Depth(word)) => {
                place.0.saturating_sub(i64::from(data.bytes())) < word
                    && word.saturating_sub(8) < place.0
            }
            Saved::Unknown | Saved::Nowhere => false,
        };
        let (spoils_return, spoils_caller) = (covers(state.return_at), covers(state.caller_at));
        let is_ours = matches!(register, Reg::LR | Reg::FP);
        if !spoils_return && !spoils_caller && !is_ours && place.0 < state.depth.0 {
            return;
        }
        let value = match data {
            Data::X => self.context().register(register, at),
            _ => Value::Element(None),
        };
        let (depth, pair) = (state.depth, Depth(state.depth.0.wrapping_add(KEPT_BELOW_SP)));
        self.link(place, register, value);
        let is_saved_at = |saved, at| saved == Saved::At(at) && depth != Depth(0);
        if value == Value::Return {
            if spoils_return || !is_saved_at(state.return_at, depth) {
                self.state.return_at = Saved::At(place);
            }
        } else if spoils_return {
            self.state.return_at = self.spoiled(value, Reg::LR);
        }
        if matches!(value, Value::Caller | CALLER) {
            if spoils_caller || !is_saved_at(state.caller_at, pair) {
                self.state.caller_at = Saved::At(place);
            }
        } else if spoils_caller {
            self.state.caller_at = self.spoiled(value, Reg::FP);
        }
        if self.state != state {
            self.changed = at + 1;
            if self.state.has_words_below() {
                self.below_since = at + 1;
            }
        }
    }

    /// A pair is made below SP for a callee without a frame, its own R29 first.
    fn link(&mut self, place: Depth, register: Reg, value: Value) {
        let holds = frame_pointer::holds(&self.state) == Holding::Holds;
        match value {
            Value::BelowCfa(_) | Value::Caller if register == Reg::FP && holds => {
                self.link = Some(Link { place, returns_to: None });
            }
            Value::Address(address) => {
                if let Some(link) = &mut self.link
                    && place.0 == link.place.0.wrapping_sub(8)
                {
                    link.returns_to = Some(address);
                }
            }
            _ => {}
        }
    }

    /// What is saved where a value was stored over a register of the caller.
    #[cold]
    fn spoiled(&self, value: Value, register: Reg) -> Saved {
        match value {
            Value::Unknown if self.is_copied(register) => Saved::Unknown,
            _ => Saved::Nowhere,
        }
    }

    /// Whether the function moves LR or R29 into another register, anywhere.
    fn is_copied(&self, register: Reg) -> bool {
        let own = Regs::or_zero(register);
        let copies = |&word: &Word| {
            let inst = decode(word);
            let operands = operands(word, &inst);
            operands.reads.meets(own) && operands.writes.without(own) != Regs::NONE
        };
        self.function.words.iter().any(copies)
    }

    fn load(&mut self, at: u32, place: Option<Depth>, data: Data, register: Reg) {
        let state = self.state;
        if let Some(place) = place
            && place.0 > state.depth.0.saturating_add(KEPT_BELOW_SP)
            && self.is_preemptible
        {
            let is_ours = [state.return_at, state.caller_at].contains(&Saved::At(place));
            self.needed_below(if is_ours { self.below_since } else { at }, at, place);
        }
        if !matches!(data, Data::X | Data::Part(_)) {
            return;
        }
        let finds = |saved| data == Data::X && place.is_some_and(|at| saved == Saved::At(at));
        match register {
            Reg::LR => {
                let found = if finds(state.return_at) { Lr::Return } else { Lr::Unknown };
                self.set_lr(at, found);
            }
            Reg::FP => {
                let found = if finds(state.caller_at) { Fp::Caller } else { Fp::Unknown };
                self.set_fp(at, found);
            }
            _ => {}
        }
    }
}

impl Transfer {
    fn of(inst: &Inst) -> Option<Self> {
        let (access, data, registers, base, offset, mode) = match *inst {
            Inst::Pair { access, data, rt, rt2, rn, offset, mode } => {
                (access, data, [Some(rt), Some(rt2)], rn, offset, mode)
            }
            Inst::Single { access, data, rt, rn, offset, mode } => {
                (access, data, [Some(rt), None], rn, offset, mode)
            }
            _ => return None,
        };
        let offset = if mode == Mode::PostIndex { 0 } else { i64::from(offset) };
        Some(Self { access, data, registers, base, offset })
    }
}
