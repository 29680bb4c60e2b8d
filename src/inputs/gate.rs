//! What keeps the walk from running ahead.

use core::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// How many items may be under way for each worker, and so how many results may
/// wait for the one before them.
const WINDOW: u64 = 16;

/// Counts what is under way.
#[derive(Debug)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
    memory: u64,
    window: u64,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes in memory, handed over and not yet dropped.
    held: u64,
    /// How many items are done with, from the first on.
    emitted: u64,
    stopped: bool,
}

/// Bytes that count as held until this is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    gate: Arc<Gate>,
    bytes: u64,
}

/// Stops the walk if the thread that has this panics.
pub(super) struct StopOnPanic<'g>(&'g Gate);

impl Gate {
    pub(super) fn new(memory: u64, threads: usize) -> Arc<Self> {
        let (state, changed) = (Mutex::default(), Condvar::new());
        Arc::new(Self { state, changed, memory, window: WINDOW * threads as u64 })
    }

    /// Waits until there is room for so many bytes, or nothing else.
    pub(super) fn hold(self: &Arc<Self>, bytes: u64) -> ControlFlow<(), Permit> {
        let fits = |state: &State| state.held == 0 || state.held + bytes <= self.memory;
        let mut state = self.wait(fits)?;
        state.held += bytes;
        ControlFlow::Continue(Permit { gate: Arc::clone(self), bytes })
    }

    /// Waits until the item with this number is in the window.
    pub(super) fn enter(&self, number: u64) -> ControlFlow<()> {
        drop(self.wait(|state| number < state.emitted + self.window)?);
        ControlFlow::Continue(())
    }

    /// So many items are done with.
    pub(super) fn emitted(&self, items: u64) {
        self.lock().emitted = items;
        self.changed.notify_all();
    }

    /// Nothing more is to be begun.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Whether nothing more is to be begun.
    pub(super) fn stopped(&self) -> bool {
        self.lock().stopped
    }

    pub(super) fn stop_on_panic(&self) -> StopOnPanic<'_> {
        StopOnPanic(self)
    }

    fn wait(&self, ready: impl Fn(&State) -> bool) -> ControlFlow<(), MutexGuard<'_, State>> {
        let waits = |state: &mut State| !state.stopped && !ready(state);
        let state = self.changed.wait_while(self.lock(), waits);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        if state.stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.lock().held -= self.bytes;
        self.gate.changed.notify_all();
    }
}

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop();
        }
    }
}
