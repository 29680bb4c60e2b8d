//! Counts over all images of a scan.

use super::ScannedImage;
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
    /// How many images have each verdict, by observer: proved, undecided, refuted.
    verdicts: [[u64; 3]; Observer::ALL.len()],
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

    /// How many images have a verdict for an observer.
    #[must_use]
    pub const fn verdicts(&self, observer: Observer, verdict: Verdict) -> u64 {
        self.verdicts[observer as usize][verdict as usize]
    }
}
