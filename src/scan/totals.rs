//! Counts over all images of a scan.

use super::ScannedImage;
use std::collections::BTreeMap;
use verifier::{Observer, Verdict};

/// Counts over all images of a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// The files that could be read.
    pub images: u64,
    /// Those that could not.
    pub errors: u64,
    /// Those that were passed over.
    pub skipped: u64,
    /// The functions of the images, of those that were to be checked.
    pub functions: u64,
    /// Their boundaries.
    pub boundaries: u64,
    /// Their findings.
    pub findings: u64,
    /// How many of the findings the baseline accepts.
    pub accepted: u64,
    /// How many images have each verdict, by observer, in the order of
    /// [`Verdict::ALL`].
    verdicts: [[u64; Verdict::ALL.len()]; Observer::ALL.len()],
}

impl Totals {
    /// Counts one more image.
    pub fn add(&mut self, image: &ScannedImage) {
        self.images += 1;
        self.functions += image.summary.functions;
        self.boundaries += image.summary.boundaries;
        self.findings += image.findings.len() as u64;
        self.accepted += image.accepted();
        for observer in Observer::ALL {
            let verdict = image.summary.verdict(observer);
            self.verdicts[observer as usize][verdict as usize] += 1;
        }
    }

    /// How many images have each verdict, by the ids of observers and verdicts.
    #[must_use]
    pub fn by_observer(&self) -> BTreeMap<&'static str, BTreeMap<&'static str, u64>> {
        let counts = |observer| {
            let count = |verdict: Verdict| (verdict.id(), self.verdicts(observer, verdict));
            (Observer::id(observer), Verdict::ALL.into_iter().map(count).collect())
        };
        Observer::ALL.into_iter().map(counts).collect()
    }

    /// How many images have a verdict for an observer.
    #[must_use]
    pub const fn verdicts(&self, observer: Observer, verdict: Verdict) -> u64 {
        self.verdicts[observer as usize][verdict as usize]
    }
}
