//! The lowering held against what a toolchain emitted.

use core::fmt;
use lowering::{Policy, lower};
use unwind::Index;
use xtask::assembly::Assembled;

/// What was compared, and what differed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agreement {
    /// Functions compared.
    pub(crate) functions: u64,
    /// Words compared.
    pub(crate) words: u64,
    /// Rows compared.
    pub(crate) rows: u64,
    /// The functions that differ, each with both sides.
    pub(crate) differences: Vec<String>,
}

impl Agreement {
    /// Compares each function with its lowering under a policy.
    pub(crate) fn of(functions: &[Assembled], policy: &Policy) -> Self {
        let mut agreement = Self::default();
        for assembled in functions {
            let lowered = lower(&assembled.frame, policy);
            let words: Vec<u32> = lowered.words().iter().map(|word| word.get()).collect();
            let rows = (0..words.len() as u32).map(|at| {
                let row = lowered.rows().row(Index(at)).expect("a row at each boundary");
                (row.depth.0, row.unsafe_point.pcdata())
            });
            let rows: Vec<_> = rows.collect();
            agreement.functions += 1;
            agreement.words += words.len() as u64;
            agreement.rows += rows.len() as u64;
            if words != assembled.words || rows != assembled.rows {
                agreement.differences.push(format!(
                    "{:?}\n  emitted {:08x?} {:?}\n  modelled {words:08x?} {rows:?}",
                    assembled.frame, assembled.words, assembled.rows
                ));
            }
        }
        agreement
    }

    /// Compares functions read from a linked program, in the order of `frames`,
    /// with their lowering. The displacement of a call is the linker's.
    #[allow(dead_code, reason = "used by the tests of linked programs only")]
    pub(crate) fn of_linked(functions: &[Assembled], policy: &Policy) -> Self {
        let call = |word: u32| if word >> 26 == 0x94 >> 2 { 0x9400_0000 } else { word };
        let mut functions = functions.to_vec();
        for word in functions.iter_mut().flat_map(|function| &mut function.words) {
            *word = call(*word);
        }
        Self::of(&functions, policy)
    }

    /// Fails unless nothing differs.
    pub(crate) fn assert_total(&self, what: &str) {
        let shown: Vec<_> = self.differences.iter().take(5).map(String::as_str).collect();
        assert!(
            self.differences.is_empty(),
            "{what}: {} of {} functions differ:\n{}",
            self.differences.len(),
            self.functions,
            shown.join("\n")
        );
    }

    /// Adds the counts of another.
    pub(crate) fn add(&mut self, other: &Self) {
        self.functions += other.functions;
        self.words += other.words;
        self.rows += other.rows;
        self.differences.extend(other.differences.iter().cloned());
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} sequences, {} words, {} rows compared, {} differences",
            self.functions,
            self.words,
            self.rows,
            self.differences.len()
        )
    }
}
