//! What was expected of each function of a case and what came, as a table.

use crate::command::Scan;
use crate::expectation::Expected;
use std::fmt::Write as _;

/// The table of a case.
#[derive(Debug, Default)]
pub(crate) struct Table {
    text: String,
    failed: usize,
}

impl Table {
    /// Adds a function with its complaints.
    pub(crate) fn add(
        &mut self,
        build: &str,
        expected: &Expected,
        scan: &Scan,
        complaints: Vec<String>,
    ) {
        let got = match (scan.findings.len(), scan.undecided.len()) {
            (0, 0) if scan.sp_write > 0 => "sp-write".to_owned(),
            (0, 0) => "proved".to_owned(),
            (0, reasons) => format!("undecided for {reasons} reason(s)"),
            (findings, _) => format!("refuted, {findings} finding(s)"),
        };
        self.line(build, &expected.name, &format!("{:?}", expected.verdict), &got, complaints);
    }

    /// Adds the exit status.
    pub(crate) fn status(&mut self, build: &str, expected: &[i32], got: i32) {
        let complaints = if expected.contains(&got) { vec![] } else { vec!["status".to_owned()] };
        self.line(build, "exit status", &format!("{expected:?}"), &got.to_string(), complaints);
    }

    fn line(&mut self, build: &str, name: &str, expected: &str, got: &str, lines: Vec<String>) {
        let word = if lines.is_empty() { "as expected" } else { "FAILED" };
        self.failed += usize::from(!lines.is_empty());
        writeln!(self.text, "{build} {name}: expected {expected}, got {got}: {word}")
            .expect("a string takes all");
        for line in lines {
            writeln!(self.text, "    {line}").expect("a string takes all");
        }
    }

    /// Prints the table, and fails if a line of it has.
    #[track_caller]
    pub(crate) fn finish(self, case: &str) {
        let Self { text, failed } = self;
        print!("== {case}\n{text}");
        assert_eq!(failed, 0, "{case}:\n{text}");
    }
}
