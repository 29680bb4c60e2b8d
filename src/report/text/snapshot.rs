//! The difference between what a snapshot accepts and what is there.

use super::paint::{Tone, lines};

/// A unified difference, painted: what is gone red, what is new green.
#[must_use]
pub fn difference(unified: &str) -> String {
    // The first two lines name the sides.
    let tones = unified.lines().enumerate().map(|(at, line)| match line.as_bytes().first() {
        Some(b'-') if at >= 2 => Tone::Bad,
        Some(b'+') if at >= 2 => Tone::Good,
        _ => Tone::Plain,
    });
    lines(unified, tones)
}
