//! What instructions do to registers and to the words of the stack.

use super::engine::{Analysis, CarriedId, Step};
use super::state::{Carried, G, Live};
use super::value::{Kind, Operands, Value, destination, evaluate};
use crate::report::Reason;
use a64::decode::{Access, Data, Reg};
use a64::effect::{Effect, Transfer};
use a64::semantics::{Access as Touch, Base, Semantics};
use a64::{Core, Decoded};
use unwind::{Depth, Index};

/// The caller's R29, where it is an address: its caller keeps the pair below its SP.
const CALLER_FP: i64 = -8;

/// SP, LR, R29 and R28.
const FOLLOWED: Core =
    Core::SP.with(Core::or_zero(Reg::LR)).with(Core::or_zero(Reg::FP)).with(Core::or_zero(G));

/// The option of an index that is taken as it is.
const UXTX: u8 = 0b011;

/// A place that an access goes to.
#[derive(Clone, Copy)]
enum Place {
    /// So many bytes from the CFA.
    At(i64),
    /// Perhaps so many bytes from the CFA.
    Perhaps(i64),
    /// Somewhere in the stack.
    Stack,
    /// Elsewhere.
    Elsewhere,
}

impl Analysis<'_, '_> {
    /// An instruction that goes on behind itself.
    #[inline(always)]
    pub(super) fn apply(&mut self, at: u32, decoded: &Decoded) {
        match decoded.effect {
            Effect::Transfer(ref transfer) => self.transfer(at, transfer, decoded),
            Effect::StoreIndexed { rt, rn, rm, shift } => {
                let place = self.indexed(rn, rm, shift, matches!(rt, Reg::LR | Reg::FP));
                self.store(at, place, Data::X, rt);
            }
            Effect::LoadIndexed { rt, rn, rm, option: UXTX, shift } => {
                match self.indexed(rn, rm, shift, false) {
                    Place::At(place) => self.load(at, place, Data::X, rt),
                    _ => self.compute(at, &decoded.effect),
                }
            }
            Effect::Plain => self.other(at, decoded),
            ref effect => self.compute(at, effect),
        }
    }

    /// An instruction computes a value.
    #[inline(always)]
    fn compute(&mut self, at: u32, effect: &Effect) {
        let Some(rd) = destination(effect) else { return };
        let can_be_sp = matches!(effect, Effect::Add { .. } | Effect::AddRegister { sp: true, .. });
        if rd == Reg::ZR && !can_be_sp {
            return;
        }
        let mut value = evaluate(effect, &Here { analysis: self, at });
        // What was loaded may be what escaped, and so may what people make of it.
        let is_load = matches!(effect, Effect::Transfer(_)) && value.kind == Kind::Address;
        let may_return = self.is_assembly && self.scratch.live.has_escaped;
        if may_return && (value == Value::OTHER || is_load) {
            value = Value::UNKNOWN;
        }
        self.scratch.live.write(rd, value);
    }

    /// An instruction of which only is known what it reads and writes, and what it may do to
    /// memory.
    fn other(&mut self, at: u32, decoded: &Decoded) {
        let general = |core: Core| core.and(Core::GENERAL).0 as u32;
        let (reads, writes) = (general(decoded.reads), general(decoded.writes));
        let carries = reads != 0 && self.scratch.live.registers.any_carries_caller(reads);
        let Live { has_escaped, trusts_memory, .. } = self.scratch.live;
        if carries && (decoded.stores || decoded.writes_beyond) {
            self.escapes(at);
        }
        // Whether it may load a word that holds what the caller had in a register.
        let mut is_saved = false;
        if decoded.loads || decoded.stores {
            is_saved = self.touch_memory(at, decoded, carries);
        }
        if writes != 0 {
            let value = match decoded.loads || decoded.reads_beyond {
                _ if is_saved => Value::UNKNOWN,
                false if has_escaped && self.is_assembly => Value::UNKNOWN,
                false => self.scratch.live.registers.mixed(reads),
                // What it stores it does not load.
                true if carries && decoded.stores && !has_escaped && !trusts_memory => Value::OTHER,
                true => Value::LOADED,
            };
            // A base that is written back stays in the stack.
            let is_moved = |register| {
                (writes & reads) >> register & 1 == 1 && self.register(Reg(register)).is_near()
            };
            let is_access = decoded.loads || decoded.stores;
            let moved = (0..31_u8).filter(|&register| is_access && is_moved(register));
            let moved = moved.fold(0, |set, register| set | 1_u32 << register);
            // What is perhaps written is perhaps what it was.
            let surely = writes & general(decoded.surely);
            self.scratch.live.registers.set_all(surely, value);
            self.scratch.live.registers.set_all(writes & !surely, Value::UNKNOWN);
            self.scratch.live.registers.set_all(moved, Value::NEAR);
            self.scratch.live.has_copies |= writes != surely || value.carries_caller();
        }
        if decoded.writes.meets(Core::SP) {
            self.scratch.live.registers.set(Reg::SP, Value::UNKNOWN);
        }
    }

    /// An instruction of which only the places are known that it loads from and stores to, and
    /// whether it reads what the caller had in a register. Returns whether a word that it loads
    /// may hold that.
    fn touch_memory(&mut self, at: u32, decoded: &Decoded, carries: bool) -> bool {
        let Semantics { loads, stores, .. } = decoded.semantics();
        if let Some(Touch { base: Base::Register(Reg::SP), offset: Some(offset), .. }) = loads
            && offset < -unwind::KEPT_BELOW_SP
        {
            let depth = self.scratch.live.depth.0.wrapping_sub(offset);
            self.loads_below(at, Depth(depth));
        }
        let is_saved = loads.is_some_and(|load| self.may_hold_saved(load));
        if let Some(store) = stores {
            // An atomic operation may store what is there.
            let is_atomic = loads.is_some();
            let may_carry = carries || is_atomic && self.may_hold_saved(store);
            let value = if may_carry { Value::UNKNOWN } else { Value::OTHER };
            self.touch(at, store, value, is_atomic && carries);
        }
        is_saved
    }

    /// Whether a word that an instruction accesses may hold what the caller had in a register.
    fn may_hold_saved(&self, access: Touch) -> bool {
        let words = &self.scratch.live.words;
        let Base::Register(base) = access.base else { return false };
        match (self.base(base, true), access.offset, access.bytes) {
            (Place::Elsewhere, ..) => false,
            (Place::At(base) | Place::Perhaps(base), Some(offset), Some(bytes)) => {
                let place = base.wrapping_add(offset);
                let first = place & !7;
                (0..=bytes / 8)
                    .any(|word| words.get(first.wrapping_add(i64::from(word) * 8)).carries_caller())
            }
            _ => words.slots().iter().any(|slot| slot.value.carries_caller()),
        }
    }

    /// A store of which only the place is known, and whether it matters through which register.
    fn touch(&mut self, at: u32, store: Touch, value: Value, matters: bool) {
        let Base::Register(base) = store.base else { return };
        let place = match (store.offset, self.base(base, matters)) {
            (Some(offset), Place::At(base)) => Place::At(base.wrapping_add(offset)),
            (Some(offset), Place::Perhaps(base)) => Place::Perhaps(base.wrapping_add(offset)),
            (None, Place::At(_) | Place::Perhaps(_)) => Place::Stack,
            (_, place) => place,
        };
        // Compiled code indexes objects, and stays in them.
        if matches!(place, Place::Stack) && store.bytes.is_some() && self.is_own(base) {
            return;
        }
        let bytes = store.bytes.map(i64::from);
        match (place, bytes) {
            (Place::At(place), Some(bytes)) if store.surely => {
                self.store_at(at, place, bytes, value);
            }
            (Place::At(place) | Place::Perhaps(place), Some(bytes)) => {
                self.scratch.live.words.maybe_store(place, bytes, at);
                self.changes(at);
            }
            (Place::Elsewhere, _) => {}
            _ => {
                self.scratch.live.words.maybe_store_anywhere(at);
                self.changes(at);
            }
        }
    }

    /// Whether an access with an index stays in the object that its base points at: in compiled
    /// code it does.
    fn is_own(&self, base: Reg) -> bool {
        !self.is_assembly && base != Reg::FP
    }

    /// What is at hand of a base. Other registers than SP and R29 are looked at where it
    /// matters what they hold.
    #[inline(always)]
    fn base(&self, base: Reg, matters: bool) -> Place {
        let value = match base {
            Reg::SP => return Place::At(self.scratch.live.depth.0.wrapping_neg()),
            base => self.register(base),
        };
        match value.kind {
            _ if base != Reg::FP && !self.is_assembly && !matters => Place::Elsewhere,
            Kind::Stack => Place::At(value.number.cast_signed()),
            Kind::Entry if value == Value::CALLER_FP => Place::Perhaps(CALLER_FP),
            _ if base == Reg::FP => Place::Stack,
            _ => Place::Elsewhere,
        }
    }

    /// Where an access with an index goes.
    fn indexed(&self, rn: Reg, rm: Reg, shift: u8, matters: bool) -> Place {
        let index = self.scratch.live.registers.or_zero(rm);
        match (self.base(rn, matters), index.kind) {
            (Place::At(base), Kind::Const) => {
                Place::At(base.wrapping_add((index.number << shift).cast_signed()))
            }
            (Place::At(_) | Place::Perhaps(_) | Place::Stack, _) if !self.is_own(rn) => {
                Place::Stack
            }
            _ => Place::Elsewhere,
        }
    }

    /// A load or a store of one or two registers, before its base is written back.
    #[inline]
    fn transfer(&mut self, at: u32, transfer: &Transfer, decoded: &Decoded) {
        let Transfer { access, data, first, second, base, offset, back } = *transfer;
        let matters = transfer.concerns_caller() || access == Access::Load && self.is_assembly;
        let base_value = self.register(base);
        let place = match self.base(base, matters) {
            Place::At(base) => Place::At(base.wrapping_add(i64::from(offset))),
            Place::Perhaps(base) => Place::Perhaps(base.wrapping_add(i64::from(offset))),
            place => place,
        };
        let bytes = i64::from(data.bytes());
        let next = |place| match place {
            Place::At(place) => Place::At(place.wrapping_add(bytes)),
            Place::Perhaps(place) => Place::Perhaps(place.wrapping_add(bytes)),
            place => place,
        };
        match access {
            Access::Store => {
                self.store(at, place, data, first);
                if let Some(second) = second {
                    self.store(at, next(place), data, second);
                }
            }
            Access::Load => {
                for (register, place) in [(Some(first), place), (second, next(place))] {
                    let Some(register) = register else { continue };
                    match place {
                        Place::At(place) => self.load(at, place, data, register),
                        Place::Elsewhere
                            if second.is_none() && back.is_none() && data == Data::X =>
                        {
                            self.compute(at, &decoded.effect);
                        }
                        place => {
                            let value = self.loaded_from(place);
                            self.set(data, register, value);
                        }
                    }
                }
            }
        }
        if let Some(by) = back {
            self.scratch.live.write(base, base_value.plus(i64::from(by)));
        }
    }

    /// A register is loaded, if it is a general one.
    #[inline(always)]
    fn set(&mut self, data: Data, register: Reg, value: Value) {
        if matches!(data, Data::X | Data::Part(_)) && register != Reg::ZR {
            self.scratch.live.write(register, value);
        }
    }

    /// Bytes that are surely stored to a place. People may put a word together from parts;
    /// a compiler does not.
    fn store_at(&mut self, at: u32, place: i64, bytes: i64, value: Value) {
        let words = &mut self.scratch.live.words;
        if self.is_assembly && bytes != 8 && value == Value::UNKNOWN {
            words.lose(place);
        }
        if words.store(place, bytes, value, at) {
            self.changes(at);
        }
    }

    /// One register is stored.
    #[inline]
    fn store(&mut self, at: u32, place: Place, data: Data, register: Reg) {
        let value = match data {
            Data::X => self.scratch.live.registers.or_zero(register),
            Data::Part(_) if self.scratch.live.registers.or_zero(register).carries_caller() => {
                Value::UNKNOWN
            }
            // What escaped may come back in a part or by a vector, if people write it.
            _ if self.scratch.live.has_escaped && self.is_assembly => Value::UNKNOWN,
            _ => Value::OTHER,
        };
        let bytes = i64::from(data.bytes());
        match place {
            Place::At(place) => {
                // What goes to the caller's frame is not followed there.
                if place >= 8 && value.carries_caller() {
                    self.escapes(at);
                }
                let value = self.kept_in_frame(place, value);
                self.store_at(at, place, bytes, value);
            }
            Place::Perhaps(place) => {
                self.scratch.live.has_escaped |= value.carries_caller();
                self.scratch.live.words.maybe_store(place, bytes, at);
                self.changes(at);
            }
            Place::Stack => {
                self.scratch.live.has_escaped |= value.carries_caller();
                self.scratch.live.words.maybe_store_anywhere(at);
                self.changes(at);
            }
            Place::Elsewhere if value.carries_caller() => self.escapes(at),
            Place::Elsewhere => {}
        }
    }

    /// What is loaded from a place that is not known for sure.
    fn loaded_from(&self, place: Place) -> Value {
        let slots = self.scratch.live.words.slots();
        match place {
            Place::Elsewhere => Value::LOADED,
            _ if slots.iter().any(|slot| slot.value.carries_caller()) => Value::UNKNOWN,
            _ => Value::LOADED,
        }
    }

    /// What is followed of a value that is stored to a place. Addresses matter in pairs that are
    /// made below SP, and places of the stack there and where assembly keeps SP.
    fn kept_in_frame(&self, place: i64, value: Value) -> Value {
        let is_below = place < self.scratch.live.depth.0.wrapping_neg();
        match value.kind {
            Kind::Address if !is_below => Value::OTHER,
            Kind::Stack if !is_below && !self.is_assembly && value != Value::stack(CALLER_FP) => {
                Value::OTHER
            }
            _ => value,
        }
    }

    /// One register is loaded from a known place.
    #[inline]
    fn load(&mut self, at: u32, place: i64, data: Data, register: Reg) {
        let Live { depth, words, .. } = &self.scratch.live;
        let value = match data {
            Data::X => words.get(place),
            _ => {
                let mut parts =
                    (place & !7..place.saturating_add(i64::from(data.bytes()))).step_by(8);
                match parts.any(|part| words.get(part).carries_caller()) {
                    true => Value::UNKNOWN,
                    false => Value::LOADED,
                }
            }
        };
        let is_used = data != Data::Nothing && register != Reg::ZR;
        if is_used && place < -depth.0.saturating_add(unwind::KEPT_BELOW_SP) {
            self.loads_below(at, Depth(place.wrapping_neg()));
        }
        if !matches!(data, Data::X | Data::Part(_)) && value.carries_caller() {
            self.escapes(at);
        }
        self.set(data, register, value);
    }

    /// What the caller had in LR, R29 or R28 goes where it is not followed.
    fn escapes(&mut self, at: u32) {
        if !self.scratch.live.has_escaped {
            self.scratch.live.has_escaped = true;
            self.changes(at);
        }
    }

    /// An instruction has written registers, SP among them.
    #[inline(always)]
    pub(super) fn wrote(&mut self, at: u32, decoded: &Decoded) -> Step {
        let writes = decoded.writes;
        // Of general registers compiled code carries on whether one may hold a copy.
        let carries_general = self.is_assembly || self.scratch.live.has_copies;
        if carries_general && writes.meets(Core::GENERAL) {
            self.line.carried = None;
        }
        if writes.meets(Core::TMP) {
            self.resumption.define_tmp(at);
        }
        if writes.meets(FOLLOWED) {
            if writes.meets(Core::SP) {
                match self.register(Reg::SP).depth() {
                    Some(depth) => self.move_sp(at, depth),
                    None => return self.lose_sp(at),
                }
                if writes.and(FOLLOWED) == Core::SP {
                    self.line.carried = None;
                    self.line.is_changed = true;
                    return Step::Next;
                }
            }
            self.changes(at);
        }
        Step::Next
    }

    /// What is known but for SP is another behind the instruction `at`.
    #[inline(always)]
    pub(super) fn changes(&mut self, at: u32) {
        self.line.carried = None;
        self.line.is_changed = true;
        self.resumption.changes(at);
    }

    /// SP becomes a value that is not followed.
    #[cold]
    pub(super) fn lose_sp(&mut self, at: u32) -> Step {
        if self.is_marked {
            self.sp_write(at);
            self.judge_marked_calls(at);
            if self.is_assembly {
                self.note(Reason::BehindSpWrite, at);
            }
        } else {
            let word = self.function.words.get(at as usize).copied();
            self.undecided(Reason::UntrackedStackPointer, at, word);
        }
        Step::Stop
    }

    /// In a function that is marked so, SP is from `at` on not what the table says.
    /// Unwinders and preemption are ready for that in assembly only.
    pub(super) fn sp_write(&mut self, at: u32) {
        let first = self.report.sp_write.map_or(Index(at), |known| known.min(Index(at)));
        self.report.sp_write = Some(first);
        if !self.is_assembly {
            self.note(Reason::UntrackedStackPointer, at);
        }
    }

    /// What is carried on with a change that holds for that edge alone.
    pub(super) fn carried_with(&mut self, change: impl FnOnce(&mut Live)) -> CarriedId {
        let mut live = self.scratch.live.clone();
        change(&mut live);
        let mut carried = Carried::of(&live, self.pc(self.line.here + 1), self.is_assembly);
        self.forget_below(&mut carried.words);
        self.scratch.intern(carried)
    }

    /// Where the line begins.
    pub(super) const fn line_start(&self) -> u32 {
        self.line.from
    }
}

/// Operands as they are known before an instruction.
struct Here<'h, 'a, 'r> {
    analysis: &'h Analysis<'a, 'r>,
    at: u32,
}

impl Operands for Here<'_, '_, '_> {
    #[inline(always)]
    fn or_zero(&self, register: Reg) -> Value {
        self.analysis.scratch.live.registers.or_zero(register)
    }

    #[inline(always)]
    fn or_sp(&self, register: Reg) -> Value {
        self.analysis.scratch.live.registers.or_sp(register)
    }

    fn pc(&self) -> u64 {
        self.analysis.function.entry.0.wrapping_add(Index(self.at).offset())
    }

    fn literal(&self, offset: i64) -> Value {
        let word = |number: i64| {
            let index = i64::from(self.at) + (offset >> 2) + number;
            usize::try_from(index).ok().and_then(|index| self.analysis.function.words.get(index))
        };
        match (word(0), word(1)) {
            (Some(low), Some(high)) => {
                Value::constant(u64::from(high.get()) << 32 | u64::from(low.get()))
            }
            _ => Value::LOADED,
        }
    }

    fn pointer(&self, address: u64) -> Option<u64> {
        self.analysis.function.surroundings.pointer(address)
    }
}
