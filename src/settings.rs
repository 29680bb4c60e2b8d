//! Arguments resolved against the world: sizes, policies, targets, threads.

use crate::explain::Place;
use anyhow::{Context as _, Result, anyhow, bail};
use lowering::{FrameSize, Os, Policy, StackCheck};
use std::str::FromStr as _;
use target_lexicon::{Architecture, OperatingSystem, Triple};
use unwind::Pc;

/// A number of bytes: terms joined by `+`, each decimal or hexadecimal with an
/// optional binary unit: `65616`, `0x10050`, `64KiB+80`.
///
/// # Errors
/// When the text is not of this form, or the sum does not fit 64 bits.
pub fn bytes(text: &str) -> Result<u64> {
    let mut sum = 0_u64;
    for term in text.split('+') {
        let term = term.trim();
        let (digits, unit) = [("KiB", 10), ("MiB", 20), ("GiB", 30)]
            .iter()
            .find_map(|&(unit, shift)| Some((term.strip_suffix(unit)?, 1_u64 << shift)))
            .unwrap_or((term, 1));
        let value = match digits.strip_prefix("0x") {
            Some(hex) if hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                u64::from_str_radix(hex, 16).ok()
            }
            None if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok(),
            _ => None,
        };
        let value = value.and_then(|value: u64| value.checked_mul(unit));
        sum = value.and_then(|value| sum.checked_add(value)).ok_or_else(|| {
            anyhow!(
                "{text:?} is not a size in bytes: expected a form like 65616, 0x10050 or 64KiB+80"
            )
        })?;
    }
    Ok(sum)
}

/// A frame size.
///
/// # Errors
/// As [`bytes`], and when the size is not one of a frame.
pub fn frame_size(text: &str) -> Result<FrameSize> {
    Ok(FrameSize::new(bytes(text)?)?)
}

/// The ranks of the frame sizes of `FIRST..LAST`, both included.
///
/// # Errors
/// When the text is not of this form, an end is not a frame size, or the range
/// is empty.
pub fn frames(text: Option<&str>) -> Result<core::ops::Range<u32>> {
    let Some(text) = text else { return Ok(0..FrameSize::COUNT) };
    let (first, last) = text.split_once("..").with_context(|| {
        format!(
            "{text:?} is not a range of frame sizes: expected FIRST..LAST, such as 64KiB..128KiB"
        )
    })?;
    let (first, last) = (frame_size(first)?, frame_size(last)?);
    if first > last {
        bail!("{text:?} is an empty range of frame sizes: {first} is above {last}");
    }
    let rank = |size: FrameSize| size.bytes() / FrameSize::STEP;
    Ok(rank(first)..rank(last) + 1)
}

/// The policies with these names or of these releases, each once; all for none.
///
/// # Errors
/// When a name is neither a policy nor a supported release.
pub fn policies(names: &[String]) -> Result<Vec<Policy>> {
    if names.is_empty() {
        return Ok(Policy::BUILT_IN.to_vec());
    }
    let mut policies: Vec<Policy> = Vec::new();
    for name in names {
        let policy = *Policy::resolve(name)?;
        if !policies.contains(&policy) {
            policies.push(policy);
        }
    }
    Ok(policies)
}

/// The policy with this name or of this release; that of the newest release for
/// none.
///
/// # Errors
/// As [`policies`].
pub fn policy(name: Option<&str>) -> Result<Policy> {
    match name {
        Some(name) => Ok(*Policy::resolve(name)?),
        None => Policy::released().last().copied().context("there is no policy"),
    }
}

/// A boundary: `+0x28` by its distance from the entry, `0x87f90` by its address.
///
/// # Errors
/// When the text is of neither form.
pub fn place(text: &str) -> Result<Place> {
    let expected = "expected an offset such as +0x28, or an address such as 0x87f90";
    let number = bytes(text.strip_prefix('+').unwrap_or(text));
    let number = number.map_err(|_| anyhow!("{text:?} is not a boundary: {expected}"))?;
    Ok(if text.starts_with('+') { Place::Offset(number) } else { Place::Address(Pc(number)) })
}

/// The operating system of a target triple.
///
/// # Errors
/// When the text is no triple, or a triple that Go's arm64 lowering is not
/// modelled for.
pub fn target(triple: &str) -> Result<Os> {
    const EXPECTED: &str =
        "expected aarch64-unknown-linux-gnu, aarch64-apple-darwin or aarch64-apple-ios";
    let target = Triple::from_str(triple)
        .map_err(|error| anyhow!("{triple:?} is not a target triple ({error}): {EXPECTED}"))?;
    match (target.architecture, target.operating_system) {
        (Architecture::Aarch64(_), OperatingSystem::Linux) => Ok(Os::Linux),
        (Architecture::Aarch64(_), OperatingSystem::Darwin(_) | OperatingSystem::MacOSX(_)) => {
            Ok(Os::Darwin)
        }
        (Architecture::Aarch64(_), OperatingSystem::IOS(_)) => Ok(Os::Ios),
        _ => bail!("{triple:?} is not a target that is modelled: {EXPECTED}"),
    }
}

/// Whether the functions check for stack space.
#[must_use]
pub fn stack_check(nosplit: bool) -> StackCheck {
    if nosplit { StackCheck::NoSplit } else { StackCheck::WhereNeeded }
}

/// The most threads that can be asked for: far more than pay, and fewer than
/// a system would labour to start.
const MAX_JOBS: usize = 1024;

/// Sets the number of threads for all work that follows.
///
/// # Errors
/// When the number is 0 or above 1024, or the threads cannot be started.
pub fn threads(jobs: Option<usize>) -> Result<()> {
    let Some(jobs) = jobs else { return Ok(()) };
    if jobs == 0 {
        bail!("0 is not a number of jobs: expected at least 1");
    }
    if jobs > MAX_JOBS {
        bail!("{jobs} is not a number of jobs: expected at most {MAX_JOBS}");
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build_global();
    pool.with_context(|| format!("cannot start {jobs} threads"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_in_every_form() {
        for (text, expected) in [
            ("0", 0),
            ("65616", 65616),
            ("0x10050", 65616),
            ("64KiB+80", 65616),
            ("64KiB + 0x50", 65616),
            ("1GiB", 1 << 30),
            ("2MiB+1KiB+16", (2 << 20) + 1024 + 16),
        ] {
            assert_eq!(bytes(text).ok(), Some(expected), "{text}");
        }
        for text in
            ["", "KiB", "1kb", "-16", "16+", "0x", "1e3", "99999999999GiB", "0xg", "1 6", "+16"]
        {
            assert!(bytes(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn ranges_include_both_ends() {
        assert_eq!(frames(Some("0..32")).ok(), Some(0..3));
        assert_eq!(frames(Some("16..16")).ok(), Some(1..2));
        assert_eq!(frames(None).ok(), Some(0..FrameSize::COUNT));
        assert_eq!(frames(Some("0..1GiB")).ok(), Some(0..FrameSize::COUNT));
        for text in ["", "16", "32..16", "0..8", "..", "0..2GiB"] {
            assert!(frames(Some(text)).is_err(), "{text:?}");
        }
    }

    #[test]
    fn targets_by_triple() {
        assert_eq!(target("aarch64-unknown-linux-gnu").ok(), Some(Os::Linux));
        assert_eq!(target("aarch64-unknown-linux-musl").ok(), Some(Os::Linux));
        assert_eq!(target("aarch64-apple-darwin").ok(), Some(Os::Darwin));
        assert_eq!(target("aarch64-apple-ios").ok(), Some(Os::Ios));
        for text in ["x86_64-unknown-linux-gnu", "arm64", "aarch64-pc-windows-msvc", "", "ios"] {
            assert!(target(text).is_err(), "{text:?}");
        }
    }
}
