//! What is known at a boundary, what of it goes on from one block to another, and where two
//! paths meet.

use super::value::{Kind, Registers, Value};
use super::words::Words;
use crate::state::{Fp, Lr, Saved, State};
use a64::decode::Reg;
use unwind::{Depth, FuncFlags};

/// The register that holds `g`, the goroutine (`internal/abi`, `regabi`).
pub(crate) const G: Reg = Reg(28);

/// Whether a rule about the state holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Holding {
    /// On all paths.
    Holds,
    /// On all paths, or not.
    Unknown,
    /// It does not, on one path at least.
    Broken,
}

/// What is known at the boundary that an analysis has come to.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub(crate) registers: Registers,
    /// How deep SP is.
    pub(crate) depth: Depth,
    pub(crate) words: Words,
    /// Whether what the caller had in LR, R29 or R28 went where it is not followed: then what
    /// is loaded from anywhere may be it.
    pub(crate) has_escaped: bool,
    /// Whether one of X0 to X27 may hold what the caller had in LR, R29 or R28.
    pub(crate) has_copies: bool,
    /// Whether what is loaded is trusted to be what it is loaded for, as in the runtime, which
    /// keeps goroutines in memory.
    pub(crate) trusts_memory: bool,
}

impl Live {
    /// Gives a register a value; 31 is SP.
    #[inline(always)]
    pub(crate) fn write(&mut self, register: Reg, value: Value) {
        self.has_copies |= register.0 < G.0 && value.carries_caller();
        self.registers.set(register, value);
    }

    /// Whether a value is what the caller had in a register.
    #[inline(always)]
    pub(crate) fn is_entry(&self, value: Value, register: Reg) -> Holding {
        match value.kind {
            _ if value == Value::entry(register) => Holding::Holds,
            Kind::Unknown => Holding::Unknown,
            Kind::Near if register == Reg::FP => Holding::Unknown,
            Kind::Loaded | Kind::Element if self.has_escaped || self.trusts_memory => {
                Holding::Unknown
            }
            _ => Holding::Broken,
        }
    }

    /// Whether the word at a place holds the return address.
    #[inline(always)]
    pub(crate) fn is_return(&self, at: i64) -> Holding {
        self.is_entry(self.words.get(at), Reg::LR)
    }

    /// Whether R28 is `g`: what it was at the entry, or what the runtime puts there.
    #[inline(always)]
    pub(crate) fn has_g(&self) -> Holding {
        if self.trusts_memory { Holding::Holds } else { self.is_entry(self.registers.or_sp(G), G) }
    }

    /// The state for others to look at.
    pub(crate) fn shown(&self) -> State {
        let (lr, fp) = (self.registers.or_sp(Reg::LR), self.registers.or_sp(Reg::FP));
        let saved = |register| {
            let holds = |slot: &&super::words::Slot| slot.value == Value::entry(register);
            let is_frame = |at: i64| Depth(-at) <= self.depth || self.depth == Depth(0);
            let mut slots: Vec<_> = self.words.slots().iter().filter(holds).collect();
            slots.sort_by_key(|slot| (!is_frame(slot.at), slot.at));
            match slots.first() {
                Some(slot) => Saved::At(slot.depth()),
                None if self.words.slots().iter().any(|slot| slot.value.kind == Kind::Unknown) => {
                    Saved::Unknown
                }
                None => Saved::Nowhere,
            }
        };
        State {
            depth: self.depth,
            lr: match self.is_entry(lr, Reg::LR) {
                Holding::Holds => Lr::Return,
                Holding::Unknown => Lr::Unknown,
                Holding::Broken => Lr::Other,
            },
            fp: match (self.is_entry(fp, Reg::FP), fp.depth()) {
                (_, Some(depth)) => Fp::Below(depth),
                (Holding::Holds, _) => Fp::Caller,
                (Holding::Unknown, _) => Fp::Unknown,
                (Holding::Broken, _) => Fp::Other,
            },
            return_at: saved(Reg::LR),
            caller_at: saved(Reg::FP),
        }
    }
}

/// What a block starts with, but for SP, by which its variants are told apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Carried {
    pub(crate) lr: Value,
    pub(crate) fp: Value,
    pub(crate) g: Value,
    pub(crate) has_escaped: bool,
    pub(crate) has_copies: bool,
    /// The registers, where all of them are carried.
    pub(crate) general: Option<Box<Registers>>,
    pub(crate) words: Words,
}

impl Carried {
    /// What is known where a function is entered.
    pub(crate) fn at_entry(flags: FuncFlags) -> Self {
        let general = flags.contains(FuncFlags::ASM).then(|| Box::new(Registers::at_entry()));
        Self {
            lr: Value::RETURN,
            fp: Value::CALLER_FP,
            g: Value::entry(G),
            has_escaped: false,
            has_copies: false,
            general,
            words: Words::at_entry(),
        }
    }

    /// What goes on from where something is known. All registers do in assembly; compiled
    /// code keeps nothing that the rules are about in others across blocks.
    ///
    /// Behind `pc` nobody asks which address LR holds, if it is not the return address.
    pub(crate) fn of(live: &Live, pc: u64, carries_all: bool) -> Self {
        let register = |register| live.registers.or_sp(register);
        let lr = register(Reg::LR);
        let is_elsewhere = lr.kind == Kind::Address && lr.number != pc;
        Self {
            lr: if is_elsewhere { Value::OTHER } else { lr },
            fp: register(Reg::FP),
            g: register(G),
            has_escaped: live.has_escaped,
            has_copies: live.has_copies,
            general: carries_all.then(|| Box::new(live.registers.clone())),
            words: live.words.settled(),
        }
    }

    /// Goes on from here, with SP at a depth.
    #[inline]
    pub(crate) fn begin(&self, depth: Depth, live: &mut Live) {
        match &self.general {
            Some(general) => live.registers.clone_from(general),
            None if self.has_copies => live.registers.forget_general(Value::UNKNOWN),
            None => live.registers.forget_general(Value::LOADED),
        }
        live.registers.set(Reg::SP, Value::below_cfa(depth));
        live.registers.set(Reg::LR, self.lr);
        live.registers.set(Reg::FP, self.fp);
        live.registers.set(G, self.g);
        live.depth = depth;
        live.words.clone_from(&self.words);
        live.has_escaped = self.has_escaped;
        live.has_copies = self.has_copies;
    }

    /// What holds on both of two paths.
    pub(crate) fn meet(&self, other: &Self) -> Self {
        let general = match (&self.general, &other.general) {
            (Some(mine), Some(theirs)) => Some(Box::new(mine.meet(theirs))),
            _ => None,
        };
        Self {
            lr: self.lr.meet(other.lr),
            fp: meet_fp(self.fp, other.fp),
            g: self.g.meet(other.g),
            has_escaped: self.has_escaped || other.has_escaped,
            has_copies: self.has_copies || other.has_copies,
            general,
            words: self.words.meet(&other.words),
        }
    }
}

/// The caller's frame pointer has two forms, and several places of the stack may be right.
fn meet_fp(first: Value, second: Value) -> Value {
    let is_callers = |value| value == Value::CALLER_FP || value == Value::stack(CALLER_FP);
    match (first.kind, second.kind) {
        _ if is_callers(first) && is_callers(second) => first,
        (Kind::Stack, Kind::Stack) if first != second => Value::UNKNOWN,
        (Kind::Stack, Kind::Entry) if is_callers(second) => Value::UNKNOWN,
        (Kind::Entry, Kind::Stack) if is_callers(first) => Value::UNKNOWN,
        _ => first.meet(second),
    }
}

/// Where the caller's R29 points, from the CFA: its caller keeps it below its SP.
const CALLER_FP: i64 = -8;
