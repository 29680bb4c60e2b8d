//! One function by itself: how deep it goes, what it calls from where, and what of it
//! cannot be followed.
//!
//! *Claim.* Of the memory below SP at entry, the function by itself touches none that
//! is deeper than [`Local::reach`] says, unless something in [`Local::open`] says why
//! that is not known.
//!
//! *State.* For each register and SP a [`Value`]: a number, or SP at entry and a range of
//! bytes; and what was compared last. *Transfer.* [`step`]; where paths meet, ranges are
//! joined. On the way out of a comparison they are cut by it, which is how a loop that
//! probes one page after the other ends where the code says. A number that keeps changing
//! in a loop is any number up to the next constant that may end it, then up to the next one,
//! and in the end any. An address on the stack that keeps growing has no upper
//! bound; one that keeps sinking is followed for [`PATIENCE`] rounds and then has no lower
//! bound.
//!
//! *Assumptions.* An address that is not formed from SP in the function itself is that of
//! an object, and what is reached through it lies in that object; objects that are made by
//! the function lie above the deepest SP. That holds too of an address that was in memory
//! in between. A function that returns leaves SP as it was. A call that ends a function
//! does not return. Addresses of one stack do not wrap around.
//!
//! *Error.* Towards more: a path that cannot be taken counts, and what is not followed is
//! open. *Cost.* Linear in the code for each round of its loops.

use super::Reason;
use super::local::{Call, Local, Target, below};
use super::range::Range;
use super::state::State;
use super::step::{after_call, forget, literal, step};
use super::subject::{Link, Subject};
use super::touch::{Touch, touch};
use super::value::Value;
use a64::decode::{Flags, Inst, Test, decode};
use a64::semantics;
use std::collections::{BTreeMap, BTreeSet};
use unwind::{Index, Word};

/// For how many rounds of a loop a sinking address is followed: 4 KiB each reach 16 MiB.
const PATIENCE: u32 = 4096;

/// How many blocks are followed before patience ends, for each block of the function: far
/// more than compiled code takes, so that no file takes long.
const BLOCKS: usize = 256;

/// After how many rounds numbers are taken for any.
const HASTE: u32 = 3;

/// Follows a function.
pub(super) fn follow(subject: &Subject<'_>) -> Local {
    let mut walk = Walk::new(subject);
    let mut nothing = None;
    while let Some(at) = walk.waiting.pop_first() {
        walk.block(at, &mut nothing);
    }
    let blocks: Vec<_> = walk.states.keys().copied().collect();
    let mut found = Some(Local::default());
    for at in blocks {
        walk.block(at, &mut found);
    }
    let mut local = found.unwrap_or_default();
    local.calls.dedup();
    local
}

struct Walk<'a> {
    subject: &'a Subject<'a>,
    /// Where branches go.
    leaders: BTreeSet<u32>,
    /// The constants that the function compares with.
    constants: Vec<i64>,
    /// What is known at the leaders that are reached, and how often they were.
    states: BTreeMap<Leader, (State, u32)>,
    waiting: BTreeSet<Leader>,
    /// How many blocks were followed.
    followed: usize,
}

/// Where a block starts, and whether the function has then asked for stack. What follows
/// a call that never returns, such as the call of morestack itself, must not mix both.
type Leader = (u32, bool);

/// What an instruction does to the control flow.
enum Next {
    /// Execution goes on behind it.
    On,
    /// The block ends.
    End,
}

impl<'a> Walk<'a> {
    fn new(subject: &'a Subject<'a>) -> Self {
        let mut leaders = BTreeSet::new();
        for (at, word) in (0_u32..).zip(subject.words) {
            let offset = match decode(*word) {
                Inst::Branch { offset } | Inst::BranchIf { offset, .. } => offset,
                _ => continue,
            };
            leaders.extend(subject.inside(at, offset));
            leaders.insert(at + 1);
        }
        let constants = subject.words.iter().filter_map(|&word| match decode(word) {
            Inst::ArithImm { flags: Flags::Set, imm, .. } => Some(i64::from(imm)),
            _ => None,
        });
        let constants: BTreeSet<_> = constants.collect();
        let constants = constants.into_iter().collect();
        let start = subject.start.0;
        let states = BTreeMap::from([((start, false), (State::at_entry(), 0))]);
        let waiting = BTreeSet::from([(start, false)]);
        Self { subject, leaders, constants, states, waiting, followed: 0 }
    }

    /// Follows a block, in which `found` is added to. Without it the successors learn
    /// what is known.
    fn block(&mut self, first: Leader, found: &mut Option<Local>) {
        let Some((state, _)) = self.states.get(&first) else { return };
        self.followed = self.followed.saturating_add(1);
        let mut state = state.clone();
        let (mut at, _) = first;
        // A loop may have taken SP beyond all bounds, by steps that each look like the last.
        if self.locate(&state, at, found).is_none() {
            return;
        }
        loop {
            let Some(&word) = self.subject.words.get(at as usize) else {
                if !self.is_behind_call(at) {
                    open_unless_asked(found, &state, Reason::RunsPastEnd, at.saturating_sub(1));
                }
                return;
            };
            let inst = decode(word);
            if let Some(local) = found {
                self.observe(local, &state, at, word, &inst);
            }
            match self.instruction(&mut state, at, word, &inst, found) {
                Next::End => return,
                Next::On => at += 1,
            }
            if self.leaders.contains(&at) {
                if found.is_none() {
                    self.arrive(at, state);
                }
                return;
            }
        }
    }

    /// Whether a call ends just before, but for padding.
    fn is_behind_call(&self, at: u32) -> bool {
        let before = self.subject.words.get(..at as usize).unwrap_or_default();
        let mut before = before.iter().rev().map(|&word| decode(word));
        let last = before.find(|inst| !matches!(inst, Inst::Nop));
        matches!(last, Some(Inst::Call { .. } | Inst::CallReg { .. }))
    }

    /// Adds what an instruction touches and where it leaves SP.
    fn observe(&self, local: &mut Local, state: &State, at: u32, word: Word, inst: &Inst) {
        if state.has_asked {
            return;
        }
        let touch = touch(word, inst);
        let address = touch.address(state).and_then(Value::stack);
        match address.map(Range::low) {
            // A base that is not on the stack as far as it is followed.
            None => {}
            Some(Some(low)) if !matches!(touch, Touch::Unfollowed(_)) => local.deeper(low, at),
            Some(_) => local.note(Reason::StackAddress, at),
        }
    }

    /// Follows one instruction.
    fn instruction(
        &mut self,
        state: &mut State,
        at: u32,
        word: Word,
        inst: &Inst,
        found: &mut Option<Local>,
    ) -> Next {
        let link = self.subject.links.get(&at);
        let before = state.sp();
        match *inst {
            Inst::Branch { offset } => return self.jump(state, at, offset, link, found),
            Inst::BranchIf { test, offset } => {
                return self.branch(state, at, (test, offset), link, found);
            }
            Inst::Call { offset } => return self.call(state, at, offset, link, found),
            Inst::CallReg { .. } => {
                open_unless_asked(found, state, Reason::IndirectCall, at);
                after_call(state, self.subject.convention);
                return Next::On;
            }
            Inst::JumpReg { .. } => {
                open_unless_asked(found, state, Reason::IndirectJump, at);
                return Next::End;
            }
            Inst::Return { .. } => {
                let is_back = state.sp().stack().is_some_and(|sp| sp.contains(Range::exactly(0)));
                if !is_back {
                    open_unless_asked(found, state, Reason::SpAtReturn, at);
                }
                return Next::End;
            }
            Inst::Trap => return Next::End,
            Inst::Unknown => {
                open_unless_asked(found, state, Reason::UnknownInstruction, at);
                return Next::End;
            }
            // It is known to leave SP alone, and not what it touches.
            Inst::Other if semantics(word).is_none() => {
                open_unless_asked(found, state, Reason::UnknownInstruction, at);
                return Next::End;
            }
            Inst::Adr { rd, .. } | Inst::Adrp { rd, .. } => state.set_or_zero(rd, Value::Any),
            _ if link.is_some() => forget(state, word),
            _ => step(state, word, inst, literal(self.subject.words, Index(at), inst)),
        }
        if state.sp() != before && self.locate(state, at, found).is_none() {
            return Next::End;
        }
        Next::On
    }

    /// How deep SP may be, which is noted; `None` if that is not known.
    fn locate(&self, state: &State, at: u32, found: &mut Option<Local>) -> Option<i64> {
        let low = match state.sp() {
            Value::Stack(range) => range.low(),
            _ => None,
        };
        match (low, found) {
            (Some(low), Some(local)) if !state.has_asked => local.deeper(low, at),
            (None, found) => open_unless_asked(found, state, Reason::SpNotFollowed, at),
            _ => {}
        }
        low
    }

    fn jump(
        &mut self,
        state: &State,
        at: u32,
        offset: i64,
        link: Option<&Link>,
        found: &mut Option<Local>,
    ) -> Next {
        match (self.subject.inside(at, offset), link) {
            (Some(target), None) => {
                if found.is_none() {
                    self.arrive(target, state.clone());
                }
            }
            (_, link) => self.leave(state, at, offset, link, found),
        }
        Next::End
    }

    fn branch(
        &mut self,
        state: &State,
        at: u32,
        (test, offset): (Test, i64),
        link: Option<&Link>,
        found: &mut Option<Local>,
    ) -> Next {
        let taken = where_taken(state, test, true);
        let not_taken = where_taken(state, test, false);
        let target = self.subject.inside(at, offset).filter(|_| link.is_none());
        if let (None, Some(taken)) = (target, &taken) {
            self.leave(taken, at, offset, link, found);
        }
        if found.is_some() {
            return Next::End;
        }
        let asks_at = |target: Option<u32>| target.is_some_and(|at| self.subject.asks_from(at));
        let (asks_there, asks_here) = (asks_at(target), asks_at(at.checked_add(1)));
        if let (Some(target), Some(mut taken)) = (target, taken) {
            taken.has_asked |= asks_here;
            self.arrive(target, taken);
        }
        if let Some(mut not_taken) = not_taken {
            not_taken.has_asked |= asks_there;
            self.arrive(at + 1, not_taken);
        }
        Next::End
    }

    fn call(
        &mut self,
        state: &mut State,
        at: u32,
        offset: i64,
        link: Option<&Link>,
        found: &mut Option<Local>,
    ) -> Next {
        let distance = i64::from(at) * 4 + offset;
        if link.is_none() && (self.subject.asks)(distance) {
            // Execution starts anew, on a stack that is large enough.
            return Next::End;
        }
        self.leave(state, at, offset, link, found);
        after_call(state, self.subject.convention);
        Next::On
    }

    /// Adds a call, or a jump out of the function.
    fn leave(
        &self,
        state: &State,
        at: u32,
        offset: i64,
        link: Option<&Link>,
        found: &mut Option<Local>,
    ) {
        let Some(local) = found else { return };
        if state.has_asked {
            return;
        }
        let target = match link {
            Some(link) => Target::Link(link.clone()),
            None => Target::Distance(i64::from(at) * 4 + offset),
        };
        let low = state.sp().stack().and_then(Range::low).unwrap_or(0);
        local.calls.push(Call { at: Index(at), depth: below(low), target });
    }

    /// Something is known at a leader.
    fn arrive(&mut self, at: u32, state: State) {
        let leader = (at, state.has_asked);
        let Some((known, rounds)) = self.states.get_mut(&leader) else {
            self.states.insert(leader, (state, 0));
            self.waiting.insert(leader);
            return;
        };
        let mut joined = known.joined(&state);
        if joined == *known {
            return;
        }
        *rounds += 1;
        if *rounds > HASTE {
            let most = self.leaders.len().saturating_mul(BLOCKS).max(PATIENCE as usize * 8);
            let is_patient = *rounds < PATIENCE && self.followed < most;
            joined = joined.widened(known, &self.constants, is_patient);
        }
        *known = joined;
        self.waiting.insert(leader);
    }
}

/// What is known where a branch is taken, or is not. `None` if it cannot be.
fn where_taken(state: &State, test: Test, is_taken: bool) -> Option<State> {
    match test {
        // AL and NV are always taken.
        Test::Flags(14 | 15) => is_taken.then(|| state.clone()),
        // The lowest bit of a condition is its opposite.
        Test::Flags(condition) => state.where_condition(condition ^ u8::from(!is_taken)),
        Test::Zero(if_not, width, register) => {
            state.where_zero(register, if_not != is_taken, width)
        }
        Test::Bit(..) | Test::Compare(..) => Some(state.clone()),
    }
}

/// Notes what is not known, where it is still the caller's stack.
fn open_unless_asked(found: &mut Option<Local>, state: &State, reason: Reason, at: u32) {
    if let Some(local) = found.as_mut().filter(|_| !state.has_asked) {
        local.note(reason, at);
    }
}
