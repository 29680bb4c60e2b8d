//! Where text for people goes: coloured if they want that, and as wide as they have it.

use super::written;
use crate::cli::Color;
use crate::report::text::{Tone, Width, paint, printable};
use anstream::{AutoStream, ColorChoice};
use anyhow::Result;
use std::io::Write as _;

/// How text is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen {
    color: ColorChoice,
    /// How wide standard output is.
    pub(super) width: Width,
}

impl Screen {
    /// With `--color auto` it depends on each stream and on the environment. Lines are as
    /// wide as `COLUMNS` says, or else the terminal, or else 100 columns.
    pub(super) fn new(color: Color) -> Self {
        let color = match color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let terminal = || {
            let (columns, _) = terminal_size::terminal_size_of(std::io::stdout())?;
            Some(usize::from(columns.0))
        };
        let columns = asked.filter(|&columns| columns > 0).or_else(terminal);
        Self { color, width: columns.map_or_else(Width::default, Width::of) }
    }

    /// Writes a report to standard output.
    pub(super) fn print(self, text: &str) -> Result<()> {
        let mut output = AutoStream::new(std::io::stdout().lock(), self.color);
        written(output.write_all(text.as_bytes()).and_then(|()| output.flush()))
    }

    /// Writes a message to standard error, one line, if there is one to write to.
    pub(super) fn complain(self, message: &str) {
        let mut output = AutoStream::new(std::io::stderr().lock(), self.color);
        let name = paint(Tone::Alarm, "midframe:");
        let _ = writeln!(output, "{name} {}", printable(message));
    }
}
