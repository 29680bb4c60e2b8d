//! One execution after the other: what comes behind an instruction, how a path ends,
//! and what others get to see of it.

use super::{Judge, broken, broken_at_exit};
use crate::machine::{CFA, Machine, Next, RETURN_ADDRESS, Test, index_of, is_call, is_trap};
use crate::memory::garbage;
use crate::subject::{Finding, Rule};
use std::collections::BTreeSet;
use unwind::FuncFlags;
use verifier::Observer;

pub(super) const RET: u32 = 0xd65f_03c0;

/// How many are executed at most on one path behind an interruption.
const MAX_PATH: u32 = 400;

/// How many paths there are at most behind an interruption.
const MAX_PATHS: usize = 64;

/// So many branches back, with nothing tested that was not tested before, make a loop
/// without end, whatever it counts.
const MAX_ROUNDS: u32 = 40;

/// Decisions that were made, with the keys of their tests.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Decisions {
    made: Vec<(u64, bool)>,
    /// Whether a test came out in both ways, which it does not: taking every branch
    /// both ways leads to such paths as well.
    pub(super) contradicting: bool,
}

impl Decisions {
    fn of(&self, test: Test) -> Option<bool> {
        self.made.iter().find(|(key, _)| *key == test.key).map(|&(_, result)| result == test.sense)
    }

    pub(super) fn decide(&mut self, test: Test, branches: bool) {
        let result = branches == test.sense;
        match self.made.iter_mut().find(|(key, _)| *key == test.key) {
            Some((_, known)) => {
                self.contradicting |= *known != result;
                *known = result;
            }
            None => self.made.push((test.key, result)),
        }
    }
}

/// What comes behind an instruction.
pub(super) enum After {
    Here,
    Either(Test, usize),
    MoreStack,
    End(End),
}

/// How a path ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// With a return, or a branch to another function.
    Return,
    /// With a call of morestack, behind which all is new.
    MoreStack,
    /// With the program.
    Trap,
    /// With something that is not known.
    Unjudged,
    /// Never.
    Never,
}

impl Judge<'_> {
    /// Executes an instruction with the change of `pc`.
    pub(super) fn advance(&mut self, machine: &mut Machine) -> After {
        let len = self.subject.lines.len();
        let Some(line) = self.subject.lines.get(machine.pc) else {
            self.judgement.unjudged.insert(len);
            return After::End(End::Unjudged);
        };
        match machine.execute(line.word) {
            Next::Behind => {
                machine.pc += 1;
                After::Here
            }
            Next::To(to) if to < len => {
                machine.pc = to;
                After::Here
            }
            Next::Either(test, to) => After::Either(test, to),
            Next::Call if self.never_returns(machine.pc) => After::End(End::Trap),
            Next::Call if self.is_morestack(machine, line.word) => After::MoreStack,
            Next::Call => {
                machine.come_back_from_call();
                After::Here
            }
            Next::Return(to) if line.word != RET && index_of(to).is_some_and(|to| to < len) => {
                machine.pc = index_of(to).unwrap_or(len);
                After::Here
            }
            Next::To(to) | Next::Return(to) => {
                machine.pc = to;
                After::End(End::Return)
            }
            Next::Trap => After::End(End::Trap),
            Next::Unknown => {
                self.judgement.unjudged.insert(machine.pc);
                After::End(End::Unjudged)
            }
        }
    }

    /// Whether nothing that could be returned to stands behind a call.
    fn never_returns(&self, call: usize) -> bool {
        self.subject.lines.get(call + 1).is_none_or(|behind| is_trap(behind.word))
    }

    /// Whether a call is one of morestack, which compiled code makes outside of a frame, with
    /// the return address in R3; its own assembly does not say so.
    fn is_morestack(&self, machine: &Machine, word: u32) -> bool {
        let is_direct = word & 0xfc00_0000 == 0x9400_0000;
        let is_outside = machine.sp == CFA && machine.x[3] == RETURN_ADDRESS;
        is_direct && is_outside && !self.subject.has(FuncFlags::ASM)
    }

    /// Executes from a boundary to the end on all paths, and tells what can be seen
    /// of each, and who is misled by a rule that is broken and was not.
    pub(super) fn runs(&mut self, start: Machine, known: &Decisions) -> Runs {
        let run = Run { decisions: known.clone(), seen: Vec::new(), end: End::Never };
        let mut open = vec![(start, run)];
        let mut runs = Runs::default();
        while let Some((machine, run)) = open.pop() {
            if runs.paths.len() + open.len() > MAX_PATHS {
                self.judgement.cut_off = true;
                break;
            }
            let path = self.path(machine, run, &mut open, &mut runs.misled);
            runs.paths.push(path);
        }
        runs
    }

    /// Executes one path to its end, and leaves those that part from it in `open`.
    fn path(
        &mut self,
        mut machine: Machine,
        mut run: Run,
        open: &mut Vec<(Machine, Run)>,
        misled: &mut BTreeSet<Observer>,
    ) -> Run {
        let (mut targets, mut rounds) = (Vec::new(), 0);
        for _ in 0..MAX_PATH {
            let from = machine.pc;
            self.look_again(&machine, &mut run, misled);
            match self.advance(&mut machine) {
                After::Here => {}
                After::Either(test, to) => {
                    let branches = run.decisions.of(test);
                    if branches.is_none() {
                        rounds = 0;
                        let mut other = run.clone();
                        other.decisions.decide(test, false);
                        open.push((Machine { pc: from + 1, ..machine.clone() }, other));
                        run.decisions.decide(test, true);
                    }
                    machine.pc = if branches.unwrap_or(true) { to } else { from + 1 };
                    if machine.pc == to && to >= self.subject.lines.len() {
                        run.end = End::Return;
                    }
                }
                After::MoreStack => run.end = End::MoreStack,
                After::End(end) => run.end = end,
            }
            if run.end != End::Never {
                if run.end == End::Return {
                    self.leave_again(from, &machine, misled);
                }
                run.see(&machine, run.end);
                return run;
            }
            if machine.pc <= from {
                rounds += 1;
                if rounds > MAX_ROUNDS || targets.contains(&machine) {
                    return run;
                }
                targets.push(machine.clone());
            }
        }
        self.judgement.cut_off = true;
        run
    }

    /// Looks at what the caller gets back behind an interruption.
    fn leave_again(&self, at: usize, machine: &Machine, misled: &mut BTreeSet<Observer>) {
        broken_at_exit(self.subject, at, machine, |observer| {
            let finding = Finding { at, rule: Rule::Callee, observer };
            if !self.judgement.findings.contains(&finding) {
                misled.insert(observer);
            }
        });
    }

    /// Looks at a boundary behind an interruption.
    fn look_again(&self, machine: &Machine, run: &mut Run, misled: &mut BTreeSet<Observer>) {
        let at = machine.pc;
        let Some(line) = self.subject.lines.get(at) else { return };
        broken(self.subject, machine, |rule, observer| {
            if !self.judgement.findings.contains(&Finding { at, rule, observer }) {
                misled.insert(observer);
            }
        });
        if is_call(line.word) {
            run.see(machine, End::Never);
        }
    }
}

/// A digest of the vector registers.
fn vectors(machine: &Machine) -> u64 {
    let add = |digest: u64, value: u64| (digest.rotate_left(7) ^ value).wrapping_mul(FACTOR);
    machine.v.iter().fold(0, |digest, &v| add(add(digest, v as u64), (v >> 64) as u64))
}

/// Odd, with its bits well mixed: 2^64 divided by the golden ratio.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// All paths from a boundary.
#[derive(Default)]
pub(super) struct Runs {
    /// Each of them.
    pub(super) paths: Vec<Run>,
    /// Who finds a rule broken that was not.
    pub(super) misled: BTreeSet<Observer>,
}

/// What others can see of an execution.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Run {
    /// The decisions that led it.
    decisions: Decisions,
    /// A digest of what is seen at each call and at the end.
    seen: Vec<u64>,
    end: End,
}

impl Run {
    /// Notes what a called function, the caller or morestack gets to see. Nobody sees
    /// anything of a program that traps.
    fn see(&mut self, machine: &Machine, end: End) {
        let mut digest = garbage(end as u64, machine.pc as u64);
        let mut see = |value: u64| digest = garbage(value, digest);
        see(machine.sp);
        see(machine.x[29]);
        match end {
            // A call: the frame's locals are this function's own.
            End::Never => {
                machine.x[..27].iter().for_each(|&value| see(value));
                see(machine.x[28]);
                see(vectors(machine));
                see(machine.memory.read(machine.sp, 8));
            }
            End::Return => {
                machine.x[..27].iter().for_each(|&value| see(value));
                see(machine.x[28]);
                see(machine.x[30]);
                see(vectors(machine));
                for (address, content) in machine.memory.written_from(machine.sp.wrapping_sub(8)) {
                    see(address);
                    see(content);
                }
            }
            End::MoreStack => see(machine.x[3]),
            End::Trap | End::Unjudged => return,
        }
        self.seen.push(digest);
    }

    /// Whether nothing is seen of it but a trap.
    pub(super) fn only_traps(&self) -> bool {
        self.end == End::Trap && self.seen.is_empty()
    }

    /// Whether both can have been led by the same decisions.
    pub(super) fn can_be_with(&self, other: &Self) -> bool {
        self.decisions.made.iter().all(|&(key, result)| {
            other.decisions.made.iter().all(|&(known, made)| known != key || made == result)
        })
    }

    /// Whether nobody can tell this run from the undisturbed one. What the program does
    /// instead of its trap is nobody's concern. Of runs without end the one may be
    /// further on than the other.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        if other.end == End::Trap {
            return self.seen.starts_with(&other.seen);
        }
        if self.end == End::Never && other.end == End::Never {
            let common = self.seen.len().min(other.seen.len());
            return self.seen[..common] == other.seen[..common];
        }
        self.end == other.end && self.seen == other.seen
    }
}
