//! The walk along frame pointers: two words at each step, and no question asked.
//!
//! `fpTracebackPCs` (`runtime/trace.go` of go1.21.13, `runtime/trace2stack.go` of
//! go1.22.10, `runtime/tracestack.go` from go1.23.9 on) and
//! `fpTracebackPartialExpand` (`runtime/mprof.go` from go1.23.9 on) read the
//! return address at R29 + 8 and the next frame pointer at R29, until that is 0 or
//! the buffer is full. Neither looks at a table or at the bounds of the stack: a
//! frame pointer that points nowhere is a fault, one that points at other words
//! puts them into the trace and is followed.
//!
//! Where a walk starts decides which boundaries it meets:
//! - `getfp()`, by a goroutine that traces or profiles itself: each frame above is
//!   stopped at a call, and R29 is what it was at that call;
//! - `gp.sched.bp`, from a system stack or for a goroutine that is not running:
//!   `mcall` and `systemstack` put it there, so these are calls too;
//! - `gp.syscallbp` (from go1.23 on), for a goroutine in a system call.
//!
//! A goroutine that was preempted asynchronously lies behind a call of
//! `asyncPreempt`, which keeps the interrupted R29 in its frame: then R29 is that of
//! any boundary where a call can be injected. Tracing reads it at once, for the
//! event of the preemption (`gopreempt_m`, `preemptPark`). Likewise behind a fault:
//! `sigpanic` keeps the R29 of the instruction that faulted, and the deferred calls
//! that it runs may be traced or profiled. A signal's handler starts no such walk.

use crate::Release;

/// Where a step of the walk finds the return address, in bytes from where R29
/// points.
pub const RETURN_ADDRESS_OFFSET: i64 = 8;

/// Where a step finds the caller's frame pointer, in bytes from where R29 points.
pub const CALLER_OFFSET: i64 = 0;

/// How far below SP a Go function keeps the caller's R29, and points R29 at it, in
/// bytes (`obj7.go`, `preprocess`).
pub const BELOW_SP: i64 = 8;

/// Who walks along frame pointers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FramePointerWalk {
    /// The execution tracer, for the stack of each event: from go1.21 on.
    ExecutionTracer,
    /// The profiles of blocking and of mutexes: from go1.23 on.
    BlockAndMutexProfile,
}

impl FramePointerWalk {
    /// Who does in `release`; in the newest for none. go1.19.8 keeps frame pointers
    /// and has nobody who walks along them; go1.20 was not looked at.
    #[must_use]
    pub fn of(release: Option<Release>) -> &'static [Self] {
        match release {
            Some(Release(..=20)) => &[],
            Some(Release(21 | 22)) => &[Self::ExecutionTracer],
            _ => &[Self::ExecutionTracer, Self::BlockAndMutexProfile],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Expectations: the callers of `fpTracebackPCs` and `fpTracebackPartialExpand`
    // in the runtime's sources of each release.
    #[test]
    fn who_walks_by_release() {
        for (minor, count) in
            [(19, 0), (21, 1), (22, 1), (23, 2), (24, 2), (25, 2), (26, 2), (27, 2)]
        {
            let walks = FramePointerWalk::of(Some(Release(minor)));
            assert_eq!(walks.len(), count, "go1.{minor}");
        }
        assert_eq!(FramePointerWalk::of(None), FramePointerWalk::of(Some(Release(27))));
    }
}
