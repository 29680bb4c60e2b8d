//! Who is hurt by a broken rule.

use core::fmt;

/// Who is hurt where a rule does not hold, the gravest first: whoever executes the
/// function, or who reads its row while a thread stands at the boundary.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Observer {
    /// Whoever executes the function: it does not return as it was called. No
    /// observer is needed, each execution goes wrong.
    Everybody,
    /// The runtime preempts the goroutine here and the garbage collector
    /// unwinds it: a wrong row is a crash.
    AsyncPreemption,
    /// The execution tracer and the profilers of blocking walk frame pointers:
    /// a wrong one is a crash.
    FramePointer,
    /// A profiler's signal unwinds from here: a wrong row is a lost or a wrong
    /// sample, and a crash where the unwinder makes no progress.
    Profiler,
}

impl Observer {
    /// All observers, the gravest first.
    pub const ALL: [Self; 4] =
        [Self::Everybody, Self::AsyncPreemption, Self::FramePointer, Self::Profiler];

    /// The id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Everybody => "everybody",
            Self::AsyncPreemption => "async-preemption",
            Self::FramePointer => "frame-pointer",
            Self::Profiler => "profiler",
        }
    }
}

impl fmt::Display for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// A set of observers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Observers(u8);

impl Observers {
    /// The empty set.
    pub const NONE: Self = Self(0);

    /// All observers, whoever executes the function included.
    pub const ALL: Self = Self::NONE
        .with(Observer::Everybody)
        .with(Observer::AsyncPreemption)
        .with(Observer::FramePointer)
        .with(Observer::Profiler);

    /// These and one more.
    #[must_use]
    pub const fn with(self, observer: Observer) -> Self {
        Self(self.0 | 1 << observer as u8)
    }

    /// These but one.
    #[must_use]
    pub const fn without(self, observer: Observer) -> Self {
        Self(self.0 & !(1 << observer as u8))
    }

    /// Those of them that are not in another set.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether an observer is among them.
    #[must_use]
    pub const fn contains(self, observer: Observer) -> bool {
        self.0 >> observer as u8 & 1 == 1
    }

    /// Those in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The observers in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The gravest of them.
    #[must_use]
    pub fn gravest(self) -> Option<Observer> {
        Observer::ALL.into_iter().find(|&observer| self.contains(observer))
    }
}
