//! Counts of what was compared, and what the judges and the model disagree about.

use super::check::{Finding, Kind};
use super::excuses;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What came of a comparison.
#[derive(Clone, Default, Debug)]
pub struct Tally {
    /// How many opcodes LLVM has.
    pub opcodes: usize,
    /// How many of them words were found for.
    pub reached: usize,
    /// How many words were compared with LLVM.
    pub words: u64,
    /// How many of them LLVM knows.
    pub known: u64,
    /// How many others a newer LLVM knows.
    pub newer: u64,
    /// How many words were executed to their end in some state.
    pub executed: u64,
    /// The opcodes of the words that were.
    pub executed_opcodes: BTreeSet<String>,
    /// How many words the emulator does not know, of those that LLVM or the model knows.
    pub not_executed: u64,
    /// How many words ended the emulator's process.
    pub deaths: u64,
    /// How often words were executed.
    pub executions: u64,
    /// The opcodes of words that LLVM knows and the model does not, with a word of each.
    pub unknown: BTreeMap<String, u32>,
    /// The opcodes of words that the model knows.
    pub modelled: BTreeSet<String>,
    /// The disagreements, by opcode and kind.
    pub groups: BTreeMap<(String, Kind), Group>,
    /// The differences for which there is a reason, by reason.
    pub excused: BTreeMap<&'static str, BTreeSet<String>>,
}

/// Disagreements of one kind about one opcode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// How many words.
    pub words: u64,
    /// The first of them.
    pub first: u32,
    /// What is wrong about it.
    pub detail: String,
}

impl Tally {
    /// Counts what was found about a word.
    pub fn add(&mut self, opcode: &str, word: u32, findings: Vec<Finding>) {
        for Finding { kind, detail } in findings {
            if let Some(reason) = excuses::reason(opcode, kind, &detail) {
                self.excused.entry(reason).or_default().insert(opcode.to_owned());
                continue;
            }
            let group = self.groups.entry((opcode.to_owned(), kind));
            group.or_insert(Group { words: 0, first: word, detail }).words += 1;
        }
    }

    /// How many groups of disagreements there are.
    #[must_use]
    pub fn disagreements(&self) -> usize {
        self.groups.len()
    }

    /// The disagreements, a line for each opcode and kind.
    #[must_use]
    pub fn listing(&self) -> String {
        let line = |((opcode, kind), group): (&(String, Kind), &Group)| {
            let Group { words, first, detail } = group;
            format!("{opcode} {first:08x} ({words}): {}: {detail}\n", kind.name())
        };
        self.groups.iter().map(line).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "opcodes of LLVM           {:>10}", self.opcodes)?;
        writeln!(f, "opcodes with words        {:>10}", self.reached)?;
        writeln!(f, "words compared with LLVM  {:>10}", self.words)?;
        writeln!(f, "of them known to LLVM     {:>10}", self.known)?;
        writeln!(f, "known to the newer alone  {:>10}", self.newer)?;
        writeln!(f, "words executed            {:>10}", self.executed)?;
        writeln!(f, "of so many opcodes        {:>10}", self.executed_opcodes.len())?;
        writeln!(f, "unknown to the emulator   {:>10}", self.not_executed)?;
        writeln!(f, "that ended its process    {:>10}", self.deaths)?;
        writeln!(f, "executions                {:>10}", self.executions)?;
        writeln!(f, "disagreements             {:>10}", self.disagreements())?;
        for (reason, opcodes) in &self.excused {
            writeln!(f, "\nno disagreement, {} opcodes: {reason}", opcodes.len())?;
            writeln!(f, "{}", wrapped(opcodes.iter().map(String::as_str)))?;
        }
        let names = |modelled: bool| {
            let opcodes = self.unknown.keys().map(String::as_str);
            opcodes.filter(move |opcode| self.modelled.contains(*opcode) == modelled)
        };
        let lists = [
            ("known to LLVM, unknown to the model", false),
            ("known to LLVM, with words that are unknown to the model", true),
        ];
        for (title, modelled) in lists {
            writeln!(f, "\n{title}: {} opcodes", names(modelled).count())?;
            writeln!(f, "{}", wrapped(names(modelled)))?;
        }
        Ok(())
    }
}

/// Names in lines of at most a hundred columns.
fn wrapped<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    let mut column = 0;
    for name in names {
        if column > 0 && column + 1 + name.len() > 98 {
            text.push('\n');
            column = 0;
        }
        text.push_str(if column == 0 { "  " } else { " " });
        text.push_str(name);
        column += 1 + name.len();
    }
    text
}
