//! The samples of a profile, as `go tool pprof -raw` prints them, and what became of the
//! callers of a function.

use super::Outcome;
use crate::toolchain::{Toolchain, run};
use anyhow::{Context as _, Result};
use core::fmt;
use std::collections::HashMap;
use std::path::Path;
use unwind::Pc;

/// A place on a sampled stack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The address: the boundary itself for the innermost one.
    pub pc: Pc,
    /// The function.
    pub function: String,
}

/// A stack, the innermost place first, and how often it was sampled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sample {
    /// How often.
    pub count: u64,
    /// The places.
    pub stack: Vec<Place>,
}

/// What became of the samples that were taken in a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// At boundaries that are mid-frame, with no caller.
    lost: u64,
    /// At boundaries that are mid-frame, with callers.
    lucky: u64,
    /// Elsewhere, with callers.
    kept: u64,
    /// Elsewhere, with no caller.
    cut: u64,
}

/// Reads a profile.
///
/// # Errors
/// When there is none, or its listing is not of the form that is known.
pub fn read(toolchain: &Toolchain, profile: &Path) -> Result<Vec<Sample>> {
    let mut command = toolchain.command();
    command.args(["tool", "pprof", "-raw"]).arg(profile);
    parse(&String::from_utf8_lossy(&run(&mut command)?.stdout))
}

fn parse(listing: &str) -> Result<Vec<Sample>> {
    let (_, rest) = listing.split_once("\nSamples:\n").context("a listing without samples")?;
    let (samples, rest) = rest.split_once("\nLocations\n").context("a listing without places")?;
    let (places, _) = rest.split_once("\nMappings\n").context("a listing without mappings")?;
    let places: HashMap<&str, Place> = places.lines().filter_map(place).collect();
    // The first line says what is counted.
    samples.lines().skip(1).map(|line| sample(line, &places)).collect()
}

/// Reads `1: 0x87f3c M=1 main.f file:12:0 s=3`; functions that are inlined there stand
/// in lines of their own, which are passed over.
fn place(line: &str) -> Option<(&str, Place)> {
    let mut words = line.split_whitespace();
    let id = words.next()?.strip_suffix(':')?;
    let pc = Pc(u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()?);
    let _mapping = words.next()?;
    Some((id, Place { pc, function: words.next()?.to_owned() }))
}

/// Reads `32   32000000: 16 9 10`.
fn sample(line: &str, places: &HashMap<&str, Place>) -> Result<Sample> {
    let unknown = || format!("a sample of another form: {line:?}");
    let (values, ids) = line.split_once(": ").with_context(unknown)?;
    let count = values.split_whitespace().next().and_then(|count| count.parse().ok());
    let stack = ids.split_whitespace().map(|id| places.get(id).cloned());
    let stack = stack.collect::<Option<Vec<_>>>();
    Ok(Sample { count: count.with_context(unknown)?, stack: stack.with_context(unknown)? })
}

impl Seen {
    /// Counts the samples that were taken in a function, of which these boundaries are
    /// mid-frame.
    #[must_use]
    pub fn of(samples: &[Sample], function: &str, boundaries: &[Pc]) -> Self {
        let mut seen = Self::default();
        for Sample { count, stack } in samples {
            let Some(innermost) = stack.first().filter(|place| place.function == function) else {
                continue;
            };
            let counted = match (boundaries.contains(&innermost.pc), stack.len() > 1) {
                (true, false) => &mut seen.lost,
                (true, true) => &mut seen.lucky,
                (false, true) => &mut seen.kept,
                (false, false) => &mut seen.cut,
            };
            *counted += count;
        }
        seen
    }

    /// Whether the callers are lost at the mid-frame boundaries, and only there.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        match *self {
            Self { lost: 1.., lucky: 0, kept: 1.., cut: 0 } => Outcome::Lost,
            Self { lost: 0, lucky: 0, kept: 1.., cut: 0 } => Outcome::Kept,
            _ => Outcome::Fails,
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lost, lucky, kept, cut } = self;
        write!(f, "samples at mid-frame boundaries: {lost} without callers, {lucky} with; ")?;
        write!(f, "elsewhere: {cut} without, {kept} with")
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Pc, Seen, parse};

    /// What `go tool pprof -raw` of go1.24.3 printed, shortened.
    const LISTING: &str = "PeriodType: cpu nanoseconds\nPeriod: 1000000\nDuration: 10.1\n\
        Samples:\nsamples/count cpu/nanoseconds\n         \
        39   39000000: 7 8 \n         32   32000000: 16 \n          1    1000000: 8 \n\
        Locations\n     7: 0xc4574 M=1 main.victim /p/victim_arm64.s:3:0 s=3\n     \
        8: 0xc4537 M=1 main.inner /p/profile.go:37:0 s=34\n             \
        main.loop /p/profile.go:30:0 s=29\n    \
        16: 0xc45a8 M=1 main.victim /p/victim_arm64.s:5:0 s=3\nMappings\n1: 0x0/0x0/0x0   [FN]\n";

    #[test]
    fn a_listing_is_read() {
        let samples = parse(LISTING).expect("samples");
        assert_eq!(samples.iter().map(|sample| sample.count).sum::<u64>(), 72);
        assert_eq!(samples[0].stack.len(), 2);
        assert_eq!(samples[0].stack[1].function, "main.inner");
        assert!(parse(&LISTING.replace(": 16 ", ": 17 ")).is_err(), "an unknown place");
        assert!(parse("").is_err());
    }

    #[test]
    fn callers_are_lost_at_the_boundary_and_only_there() {
        let samples = parse(LISTING).expect("samples");
        let seen = |at| Seen::of(&samples, "main.victim", &[Pc(at)]);
        let lost = seen(0xc45a8);
        assert_eq!(lost.outcome(), Outcome::Lost);
        assert_eq!(
            lost.to_string(),
            "samples at mid-frame boundaries: 32 without callers, 0 with; elsewhere: 0 without, 39 \
             with"
        );
        assert_eq!(seen(0xc4574).outcome(), Outcome::Fails, "lost elsewhere");
        assert_eq!(Seen::of(&samples, "main.victim", &[]).outcome(), Outcome::Fails);
        assert_eq!(Seen::of(&samples[..1], "main.victim", &[]).outcome(), Outcome::Kept);
        assert_eq!(Seen::of(&samples, "main.other", &[]).outcome(), Outcome::Fails, "no sample");
    }
}
