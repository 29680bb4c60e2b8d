//! The depths that a linker wrote into DWARF (`.debug_frame`), as `llvm-dwarfdump`
//! prints them. Go's linker makes it of the same `pcsp` tables by a way of its own
//! (`writeframes` in `cmd/link/internal/ld/dwarf.go`).

use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use xtask::toolchain::run;

/// The frames of a program, by entry.
pub(crate) struct Frames(BTreeMap<u64, Frame>);

/// A function.
#[derive(Default)]
pub(crate) struct Frame {
    /// The address behind it.
    pub(crate) end: u64,
    /// From an address on, the depth of SP below the CFA, if that is how the CFA is
    /// given: C compilers prefer R29 in a frame.
    depths: BTreeMap<u64, Option<i64>>,
}

impl Frames {
    /// Reads the frames of a file.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let mut command = Command::new("llvm-dwarfdump");
        let output = run(command.arg("--debug-frame").arg(file)).context("llvm is needed")?;
        let mut frames = BTreeMap::new();
        let mut entry = None;
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            if let Some((_, range)) = line.split_once(" FDE ").and_then(|_| line.split_once("pc="))
            {
                let (start, end) = range.split_once("...").context("a range")?;
                let start = u64::from_str_radix(start, 16)?;
                let end = u64::from_str_radix(end.trim(), 16)?;
                frames.insert(start, Frame { end, ..Frame::default() });
                entry = Some(start);
            } else if line.contains(" CIE") {
                entry = None;
            } else if let (Some(entry), Some((at, rule))) = (entry, line.split_once(": CFA=")) {
                let at = at.trim().strip_prefix("0x").context("an address")?;
                let rule = rule.split(':').next().and_then(|rule| rule.strip_prefix("WSP"));
                let depth = match rule.map(str::trim) {
                    Some("") => Some(0),
                    Some(offset) => Some(offset.parse()?),
                    None => None,
                };
                let frame = frames.get_mut(&entry).context("a frame")?;
                frame.depths.insert(u64::from_str_radix(at, 16)?, depth);
            }
        }
        Ok(Self(frames))
    }

    /// The frame of the function at an address.
    pub(crate) fn of(&self, entry: u64) -> Option<&Frame> {
        self.0.get(&entry)
    }
}

impl Frame {
    /// The depth at a boundary.
    pub(crate) fn depth(&self, at: u64) -> Option<i64> {
        self.depths.range(..=at).next_back().and_then(|(_, depth)| *depth)
    }
}
