//! The judge: executes a function on all its paths and looks at each boundary with
//! the eyes of each observer; then lets somebody interrupt it there and looks
//! whether that changes anything.
//!
//! What is not executed as it would be: conditional branches are taken both ways,
//! whatever they test; a called function leaves garbage in R0 to R27 and below
//! SP - 8, and keeps all else; stores through registers that hold garbage do not hit
//! the stack. A call that is the function's last instruction, or has a trap behind
//! it, does not return: compilers leave nothing else behind a call of a function that
//! never returns.
//!
//! Where the function is left, by RET or by a jump to another function, the judge looks at
//! what the caller gets back: SP, R29 and its own two words below and at the CFA, and where
//! RET goes.

mod run;

use crate::machine::{CALLER_FP, CFA, Machine, RETURN_ADDRESS, address_of, is_call};
use crate::memory::garbage;
use crate::subject::{Finding, Rule, Signals, Subject};
use run::{After, Decisions, End, RET, Run, Runs};
use std::collections::BTreeSet;
use unwind::FuncFlags;
use verifier::Observer;

/// How many instructions are executed at most on all paths without interruption.
const MAX_STEPS: u32 = 2000;

/// So often a boundary is visited in different states until registers that differ
/// are taken for unknown.
const MAX_VISITS: usize = 8;

/// So often a boundary is visited with SP somewhere else than its row says until that is
/// taken for a loop that moves it on.
const MAX_WRONG: usize = 5;

/// Who writes garbage, besides called functions.
const INTERRUPTION: u64 = 1;
const LOOP: u64 = 2;

/// Below SP, what a signal handler leaves alone on ios: the red zone of Apple's ABI
/// (developer.apple.com, "Writing ARM64 code for Apple platforms").
const RED_ZONE: u64 = 128;

/// What the judge saw.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Judgement {
    /// The broken rules.
    pub(crate) findings: BTreeSet<Finding>,
    /// Who is misled behind an interruption, whatever the rule that is found broken where it
    /// comes.
    pub(crate) behind: BTreeSet<Observer>,
    /// Where a RET goes to itself.
    pub(crate) hangs: BTreeSet<usize>,
    /// Where an instruction is not known, or none: paths end there unjudged.
    pub(crate) unjudged: BTreeSet<usize>,
    /// Whether not everything was executed.
    pub(crate) cut_off: bool,
    /// Whether a store went to a saved word that the verifier assumes it not to go to
    /// ([`Machine::is_astray`]; `verifier::rules::saved_lr`).
    pub(crate) is_astray: bool,
    /// How many boundaries were come to.
    pub(crate) boundaries: usize,
}

impl Judgement {
    /// Whether everything was executed to its end.
    pub(crate) fn is_complete(&self) -> bool {
        self.unjudged.is_empty() && !self.cut_off
    }

    /// Whether a rule is broken for an observer.
    pub(crate) fn misleads(&self, observer: Observer) -> bool {
        self.findings.iter().any(|finding| finding.observer == observer)
    }
}

/// Judges a function.
pub(crate) fn judge(subject: &Subject) -> Judgement {
    let mut judge = Judge { subject, judgement: Judgement::default(), forks: Vec::new() };
    judge.explore();
    for (machine, decisions) in std::mem::take(&mut judge.forks) {
        judge.preempt(&machine, &decisions);
        if subject.signals == Signals::Goroutine {
            judge.signal(&machine, &decisions);
        }
    }
    judge.judgement
}

/// The depth of SP with which each boundary is first come to, whatever the rows.
pub(crate) fn depths(subject: &Subject) -> Vec<Option<i64>> {
    let mut judge = Judge { subject, judgement: Judgement::default(), forks: Vec::new() };
    judge.explore();
    let mut depths = vec![None; subject.lines.len()];
    for (machine, _) in &judge.forks {
        depths[machine.pc].get_or_insert(depth(machine));
    }
    depths
}

fn depth(machine: &Machine) -> i64 {
    CFA.wrapping_sub(machine.sp).cast_signed()
}

struct Judge<'a> {
    subject: &'a Subject,
    judgement: Judgement,
    /// The states without interruption, with the decisions on the way there.
    forks: Vec<(Machine, Decisions)>,
}

impl Judge<'_> {
    /// Comes to boundaries on all paths without interruption.
    fn explore(&mut self) {
        let mut seen = vec![Vec::<usize>::new(); self.subject.lines.len()];
        let mut open = vec![(Machine::at_entry(), Decisions::default())];
        let mut steps = 0;
        while let Some((mut machine, decisions)) = open.pop() {
            steps += 1;
            if steps > MAX_STEPS {
                self.judgement.cut_off = true;
                return;
            }
            let pc = machine.pc;
            if let Some(before) = seen.get_mut(pc) {
                if let [first, .., _] = before[..]
                    && before.len() >= MAX_VISITS
                {
                    widen(&mut machine, &self.forks[first].0);
                }
                let known =
                    |&at: &usize| self.forks[at].0 == machine && self.forks[at].1 == decisions;
                if before.iter().any(known) {
                    continue;
                }
                before.push(self.forks.len());
                self.forks.push((machine.clone(), decisions.clone()));
                if self.look(&machine) == Look::Again && seen[pc].len() > MAX_WRONG {
                    continue;
                }
            }
            let left = pc;
            let called = self.subject.lines.get(pc).is_some_and(|line| is_call(line.word));
            let after = self.advance(&mut machine);
            self.judgement.is_astray |= machine.is_astray;
            match after {
                // All that was tested is garbage then.
                After::Here if called => open.push((machine, Decisions::default())),
                After::Here => open.push((machine, decisions)),
                After::Either(test, to) => {
                    for branches in [true, false] {
                        let pc = if branches { to } else { machine.pc + 1 };
                        if branches && to >= self.subject.lines.len() {
                            self.leave(left, &machine);
                            continue;
                        }
                        let mut decisions = decisions.clone();
                        decisions.decide(test, branches);
                        open.push((Machine { pc, ..machine.clone() }, decisions));
                    }
                }
                After::MoreStack => {
                    machine.come_back_from_morestack();
                    open.push((machine, Decisions::default()));
                }
                After::End(End::Return) => self.leave(left, &machine),
                After::End(_) => {}
            }
        }
        self.judgement.boundaries = seen.iter().filter(|seen| !seen.is_empty()).count();
    }

    /// Looks at what the caller gets back where the function is left by the instruction `at`,
    /// and where that goes.
    fn leave(&mut self, at: usize, machine: &Machine) {
        broken_at_exit(self.subject, at, machine, |observer| {
            let rule = Rule::Callee;
            self.judgement.findings.insert(Finding { at, rule, observer });
        });
        if self.subject.lines[at].word == RET && machine.x[30] == address_of(at) {
            self.judgement.hangs.insert(at);
        }
    }

    /// Looks at a boundary without interruption.
    fn look(&mut self, machine: &Machine) -> Look {
        let mut look = Look::First;
        let findings = &mut self.judgement.findings;
        broken(self.subject, machine, |rule, observer| {
            let new = findings.insert(Finding { at: machine.pc, rule, observer });
            // SP was wrong here before: what follows is a loop that moves it on.
            if !new && rule == Rule::SpRow {
                look = Look::Again;
            }
        });
        look
    }

    /// Preempts the function at a boundary, where that can be done: what is below
    /// SP - 8 is lost, and so is R27 (`runtime/signal_arm64.go`, `pushCall`;
    /// `runtime/preempt_arm64.s`). What the injected call stores there is taken for
    /// garbage as well: some of it is the same in no two releases.
    fn preempt(&mut self, machine: &Machine, decisions: &Decisions) {
        let Some(resume) = self.subject.resumption(machine.pc) else { return };
        let (mut lost, mut again) = (machine.clone(), machine.clone());
        lost.memory.overwrite_below(machine.sp.wrapping_sub(8), INTERRUPTION);
        if again.x[27] != again.unknown_tmp {
            again.x[27] = garbage(27, INTERRUPTION);
        }
        again.pc = resume;
        let both = Machine { memory: lost.memory.clone(), ..again.clone() };
        let misled_by_both = self.misled(machine, &both, decisions);
        if misled_by_both.is_empty() {
            return;
        }
        self.judgement.behind.extend(&misled_by_both);
        let below_sp = self.misled(machine, &lost, decisions);
        let restart = self.misled(machine, &again, decisions);
        let together = below_sp.is_empty() && restart.is_empty();
        if together || !below_sp.is_empty() {
            self.find(machine.pc, Rule::BelowSp, Observer::AsyncPreemption);
        }
        // R29 can come out the same, and not be right where it runs again.
        let restart = if together { misled_by_both } else { restart };
        if restart.iter().eq([&Observer::FramePointer]) {
            self.find(machine.pc, Rule::Restart, Observer::FramePointer);
        } else if !restart.is_empty() {
            self.find(machine.pc, Rule::Restart, Observer::AsyncPreemption);
        }
    }

    /// Lets a signal be handled on the same stack.
    fn signal(&mut self, machine: &Machine, decisions: &Decisions) {
        let mut lost = machine.clone();
        lost.memory.overwrite_below(machine.sp.wrapping_sub(RED_ZONE), INTERRUPTION);
        let misled = self.misled(machine, &lost, decisions);
        self.judgement.behind.extend(&misled);
        let unwinders = [Observer::AsyncPreemption, Observer::Profiler];
        // A saved R29 that is lost by itself misleads neither, and is theirs.
        let neither = unwinders.iter().all(|observer| !misled.contains(observer));
        for observer in unwinders {
            if misled.contains(&observer) || neither && !misled.is_empty() {
                self.find(machine.pc, Rule::BelowSp, observer);
            }
        }
    }

    fn find(&mut self, at: usize, rule: Rule, observer: Observer) {
        self.judgement.findings.insert(Finding { at, rule, observer });
    }

    /// Who finds a rule broken in a run that was interrupted, and not in the undisturbed
    /// one; whoever can interrupt, if it does anything else than that.
    fn misled(
        &mut self,
        undisturbed: &Machine,
        interrupted: &Machine,
        known: &Decisions,
    ) -> BTreeSet<Observer> {
        if undisturbed == interrupted {
            return BTreeSet::new();
        }
        // A sequence that runs again decides again as it did, unless what it tests
        // has changed.
        let again = undisturbed.pc != interrupted.pc;
        // No execution came this way; one that could come here is among the others.
        if again && known.contradicting {
            return BTreeSet::new();
        }
        let known = if again { known.clone() } else { Decisions::default() };
        let expected = self.runs(undisturbed.clone(), &known).paths;
        // What a program does instead of its trap is nobody's concern.
        if again && expected.iter().all(Run::only_traps) {
            return BTreeSet::new();
        }
        let Runs { paths, mut misled } = self.runs(interrupted.clone(), &known);
        let differs = |run: &Run| {
            let mut same_way = expected.iter().filter(|other| run.can_be_with(other)).peekable();
            same_way.peek().is_none() || same_way.any(|other| !run.agrees(other))
        };
        if paths.iter().any(differs) {
            misled.extend([Observer::AsyncPreemption, Observer::Profiler]);
        }
        misled
    }
}

/// Whether a boundary is come to with SP as wrong as before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    First,
    Again,
}

/// Takes for unknown what differs between two visits of a boundary: a loop counts.
fn widen(machine: &mut Machine, first: &Machine) {
    for register in 0..28 {
        if machine.x[register] != first.x[register] {
            machine.x[register] = garbage(register as u64, LOOP);
        }
    }
    for register in 0..32 {
        if machine.v[register] != first.v[register] {
            machine.v[register] = garbage(100 + register as u64, LOOP).into();
        }
    }
    if machine.flags != first.flags {
        machine.flags = garbage(31, LOOP);
    }
}

/// Who is hurt by what the caller gets back where the function is left by the instruction `at`.
fn broken_at_exit(
    subject: &Subject,
    at: usize,
    machine: &Machine,
    mut found: impl FnMut(Observer),
) {
    // The last function of a stack has no caller.
    if subject.has(FuncFlags::TOP_FRAME) {
        return;
    }
    let word = subject.lines[at].word;
    // A return by another register, which may as well be a jump to a function.
    let returns = is_return(word) && machine.pc as u64 == RETURN_ADDRESS;
    let goes_home = returns || word != RET && machine.x[30] == RETURN_ADDRESS;
    if machine.sp != CFA || !goes_home || !machine.keeps(CFA) {
        found(Observer::Everybody);
    }
    if machine.x[29] != CALLER_FP || !machine.keeps(CALLER_FP) {
        found(Observer::FramePointer);
    }
}

/// Whether the word is RET, by any register.
fn is_return(word: u32) -> bool {
    word & 0xffff_fc1f == 0xd65f_0000
}

/// The rules that do not hold of the state at a boundary, with who sees it.
fn broken(subject: &Subject, machine: &Machine, mut found: impl FnMut(Rule, Observer)) {
    let lines = &subject.lines;
    let (line, resume) = (lines[machine.pc], subject.resumption(machine.pc));
    let depth = depth(machine);
    // Unwinders stop at such functions.
    let is_unwound = !subject.has(FuncFlags::TOP_FRAME) && !subject.has(FuncFlags::SP_WRITE);
    let mut reads_row = |declared: i64, observer: Observer| {
        // Above the CFA an unwinder that starts here takes LR, one that comes from an
        // injected call the word at SP (`runtime/traceback.go` of go1.24.3,
        // `resolveInternal` and `next`).
        let takes_lr = declared == 0 || declared < 0 && observer == Observer::Profiler;
        let saved = if takes_lr { machine.x[30] } else { machine.memory.read(machine.sp, 8) };
        if declared != depth {
            found(Rule::SpRow, observer);
        } else if is_unwound && saved != RETURN_ADDRESS {
            found(Rule::SavedLr, observer);
        }
    };
    reads_row(line.depth, Observer::Profiler);
    if let Some(resume) = resume {
        reads_row(lines[resume].depth, Observer::AsyncPreemption);
        if !machine.sp.is_multiple_of(16) {
            found(Rule::SpAlign, Observer::AsyncPreemption);
        }
    }
    if !subject.has(FuncFlags::TOP_FRAME) {
        caller_lost(machine, resume.is_some() || is_call(line.word), |observer| {
            found(Rule::Callee, observer);
        });
    }
    // A signal's handler takes R28 for the goroutine (`runtime/signal_unix.go`, `sigFetchG`).
    if !machine.has_g() {
        found(Rule::Callee, Observer::AsyncPreemption);
        found(Rule::Callee, Observer::Profiler);
    }
    if (resume.is_some() || is_call(line.word)) && !leads_on(subject, machine, resume.is_some()) {
        found(Rule::FramePointer, Observer::FramePointer);
    }
}

/// Who unwinds from a boundary, or from the function that is called there, and does not find the
/// words of the caller: its return address at the CFA, and below that its R29.
fn caller_lost(machine: &Machine, is_walked: bool, mut found: impl FnMut(Observer)) {
    if !machine.keeps(CFA) {
        found(Observer::Profiler);
        if is_walked {
            found(Observer::AsyncPreemption);
            found(Observer::FramePointer);
        }
    }
    if is_walked && !machine.keeps(CALLER_FP) {
        found(Observer::FramePointer);
    }
}

/// Whether R29 leads to the caller's frame.
fn leads_on(subject: &Subject, machine: &Machine, is_preempted: bool) -> bool {
    let fp = machine.x[29];
    let read = |place: u64| machine.memory.read(place, 8);
    let is_pair = |fp: u64| read(fp) == CALLER_FP && read(fp.wrapping_add(8)) == RETURN_ADDRESS;
    let is_kept = fp.wrapping_sub(machine.sp.wrapping_sub(8)).cast_signed() >= 0;
    if is_kept && (fp == CALLER_FP || is_pair(fp)) {
        return true;
    }
    // The pair that a call of `duffzero` gets, which makes no frame (`obj7.go`), and the last
    // function of a stack.
    let next = read(fp);
    let is_linked = read(fp.wrapping_add(8)) == address_of(machine.pc + 1);
    !is_preempted && is_linked && (next == CALLER_FP || is_pair(next))
        || fp == 0 && subject.has(FuncFlags::TOP_FRAME)
}
