//! What a walk found, put in order: one violation a boundary and rule, and what it leaves
//! open.

use crate::flow::SparseSet;
use crate::report::{Observer, Reason, Report, Rule, Undecided, Violation};
use unwind::FuncFlags;

/// Completes a report. Blocks start at `leaders`.
pub(crate) fn settle(report: &mut Report, leaders: &SparseSet, flags: FuncFlags) {
    one_for_each_boundary(&mut report.violations);
    undecide_behind_broken_rows(report, leaders, flags);
    report.undecided.sort_by_key(|undecided| (undecided.at, undecided.reason));
    report.undecided.dedup();
}

/// Keeps of the violations of each boundary and rule that with the gravest observer, for
/// the observers of all of them: paths can arrive with different depths.
fn one_for_each_boundary(violations: &mut Vec<Violation>) {
    violations
        .sort_by_key(|violation| (violation.at, violation.rule, violation.observers.gravest()));
    violations.dedup_by(|next, kept| {
        let same = (next.rule, next.at) == (kept.rule, kept.at);
        if same {
            kept.observers = kept.observers.union(next.observers);
            kept.unpreempted = kept.unpreempted.union(next.unpreempted);
        }
        same
    });
}

/// A block starts from its row. Where the row is wrong and not everybody sees
/// that, what follows was judged for one of the depths only. So was the start of a
/// restartable sequence, where execution arrives with another depth from inside
/// of it; assembly is not preempted. Who walks frame pointers reads no rows.
fn undecide_behind_broken_rows(report: &mut Report, leaders: &SparseSet, flags: FuncFlags) {
    let assembly = flags.contains(FuncFlags::ASM);
    let rows = report.violations.iter().filter(|violation| violation.rule == Rule::SpRow);
    let reason = |violation: &Violation| {
        let profiler = violation.observers.contains(Observer::Profiler);
        let preemption = violation.observers.contains(Observer::AsyncPreemption);
        match (profiler, preemption) {
            (true, false) if leaders.contains(violation.at.0) => Some(Reason::BehindBrokenRow),
            (false, true) if !assembly => Some(Reason::BehindBrokenRow),
            (true, true) if leaders.contains(violation.at.0) => Some(Reason::UntrackedFramePointer),
            _ => None,
        }
    };
    let undecided = rows.filter_map(|violation| {
        Some(Undecided { reason: reason(violation)?, at: violation.at, word: None })
    });
    report.undecided.extend(undecided);
}
