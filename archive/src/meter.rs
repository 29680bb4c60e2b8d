//! What the readers of one visit count together, and where one of them broke.

use crate::error::{Error, Limit};
use crate::limits::Limits;
use std::cell::{Cell, RefCell};

/// The counts of one visit. Readers inside one another share it.
pub(crate) struct Meter {
    /// What they are held against.
    pub(crate) limits: Limits,
    /// The size of the archive in bytes, or what was read of it until now.
    packed: Cell<u64>,
    /// What all decompressors put out.
    unpacked: Cell<u64>,
    broken: RefCell<Option<Broken>>,
    stopped: Cell<bool>,
}

/// A stream that cannot be read on.
pub(crate) struct Broken {
    /// Which: 0 is the archive itself, 1 what is unpacked from it, and so on.
    pub(crate) stream: usize,
    /// Why.
    pub(crate) error: Error,
    /// Whether the visit ends.
    pub(crate) fatal: bool,
    /// The member at which it broke.
    pub(crate) member: Option<String>,
}

impl Meter {
    pub(crate) fn new(limits: Limits, packed: u64) -> Self {
        let (packed, unpacked) = (Cell::new(packed), Cell::new(0));
        let (broken, stopped) = (RefCell::new(None), Cell::new(false));
        Self { limits, packed, unpacked, broken, stopped }
    }

    /// So much more of the archive was read.
    pub(crate) fn read(&self, bytes: u64) {
        self.packed.set(self.packed.get() + bytes);
    }

    /// How much of the archive was read.
    pub(crate) fn packed(&self) -> u64 {
        self.packed.get()
    }

    /// A decompressor put out so much more.
    pub(crate) fn unpack(&self, bytes: u64) -> Result<(), Limit> {
        let unpacked = self.unpacked.get().saturating_add(bytes);
        self.unpacked.set(unpacked);
        if unpacked > self.limits.unpacked {
            return Err(Limit::Unpacked(self.limits.unpacked));
        }
        self.ratio(self.packed.get(), unpacked)
    }

    /// Holds what came out of something against the size of what went in.
    pub(crate) fn ratio(&self, packed: u64, unpacked: u64) -> Result<(), Limit> {
        let Limits { ratio, free, .. } = self.limits;
        let allowed = packed.saturating_mul(ratio).saturating_add(free);
        if unpacked > allowed { Err(Limit::Ratio(ratio)) } else { Ok(()) }
    }

    /// A stream breaks, unless it is inside one that did.
    pub(crate) fn breaks(&self, stream: usize, error: Error, fatal: bool) {
        let mut broken = self.broken.borrow_mut();
        if broken.is_none() {
            *broken = Some(Broken { stream, error, fatal, member: None });
        }
    }

    /// Whether nothing more is to be read: a stream broke, or the visit ends.
    pub(crate) fn is_at_end(&self) -> bool {
        self.stopped.get() || self.broken.borrow().is_some()
    }

    /// The visit ends.
    pub(crate) fn stop(&self) {
        self.stopped.set(true);
    }

    /// Whether it does.
    pub(crate) fn stopped(&self) -> bool {
        self.stopped.get()
    }

    /// The member that was being read when a stream broke; the first to say so is
    /// the innermost.
    pub(crate) fn breaks_at(&self, member: &str) {
        if let Some(broken) = self.broken.borrow_mut().as_mut() {
            broken.member.get_or_insert_with(|| member.to_owned());
        }
    }

    /// What broke, if it is this stream.
    pub(crate) fn take_broken(&self, stream: usize) -> Option<Broken> {
        self.broken.borrow_mut().take_if(|broken| broken.stream == stream)
    }
}
