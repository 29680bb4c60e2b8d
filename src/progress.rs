//! A progress bar on standard error, only where that is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;

/// How far the work is.
#[derive(Clone, Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar, hidden unless standard error is a terminal.
    #[must_use]
    pub fn on_terminal() -> Self {
        let hidden = !std::io::stderr().is_terminal();
        let target =
            if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        Self { bar: ProgressBar::with_draw_target(None, target) }
    }

    /// No bar at all.
    #[must_use]
    pub fn hidden() -> Self {
        Self { bar: ProgressBar::hidden() }
    }

    /// The work has so many parts.
    pub fn begin(&self, parts: u64) {
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent}% {eta} left") {
            self.bar.set_style(style);
        }
        self.bar.set_length(parts);
    }

    /// The work has so many parts more than was known.
    pub fn more(&self, parts: u64) {
        self.bar.inc_length(parts);
    }

    /// Does something that may write to the terminal, with the bar out of its way.
    pub fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        self.bar.suspend(work)
    }

    /// So many more are done.
    pub fn advance(&self, parts: u64) {
        self.bar.inc(parts);
    }

    /// The bar goes away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}
