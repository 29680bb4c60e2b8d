//! `midframe budget`: how much of the stack below its caller a function touches.
//!
//! A callee touches no memory beyond the budget that its caller guarantees. Go calls the
//! kernel's vDSO on a stack that it has reserved so many bytes of; a kernel that was built
//! with `-fstack-check` probed a page further down, where another stack was.
//!
//! `code` finds the functions of a file, `flow` follows each by itself over the values of
//! `value`, `graph` adds up along the calls. What cannot be followed is a reason,
//! never a figure.

mod code;
mod flow;
mod graph;
mod local;
mod other;
mod range;
mod state;
mod step;
mod subject;
#[cfg(test)]
mod tests;
mod touch;
mod value;

use crate::map::FileBytes;
use anyhow::{Result, bail};
use code::Code;
pub use code::CodeError;
use core::fmt;
use graph::{By, Graph, Node};
use std::path::{Path, PathBuf};
use unwind::{Index, Pc, Word};
use verifier::Verdict;

/// Why it is not known how deep a function reaches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// A call through a register.
    IndirectCall,
    /// A jump through a register.
    IndirectJump,
    /// Functions that call each other in a circle.
    Recursion,
    /// A call or a jump to code that is no function of the file.
    LeavesImage,
    /// SP becomes a value that is not followed.
    SpNotFollowed,
    /// Memory is touched at an address that is formed from SP in a way that is not
    /// followed.
    StackAddress,
    /// A return with SP elsewhere than at entry.
    SpAtReturn,
    /// An instruction that may do anything.
    UnknownInstruction,
    /// Execution goes on behind the end of the function.
    RunsPastEnd,
}

impl Reason {
    /// The name in output.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::IndirectCall => "indirect-call",
            Self::IndirectJump => "indirect-jump",
            Self::Recursion => "recursion",
            Self::LeavesImage => "leaves-image",
            Self::SpNotFollowed => "sp-not-followed",
            Self::StackAddress => "stack-address",
            Self::SpAtReturn => "sp-at-return",
            Self::UnknownInstruction => "unknown-instruction",
            Self::RunsPastEnd => "runs-past-end",
        }
    }

    /// One line on what it is.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::IndirectCall => "a call through a register",
            Self::IndirectJump => "a jump through a register",
            Self::Recursion => "functions that call each other in a circle",
            Self::LeavesImage => "a call or a jump to code that is no function of the file",
            Self::SpNotFollowed => "SP becomes a value that is not followed",
            Self::StackAddress => "an address formed from SP in a way that is not followed",
            Self::SpAtReturn => "a return with SP elsewhere than at entry",
            Self::UnknownInstruction => "an instruction that may do anything",
            Self::RunsPastEnd => "execution goes on behind the end of the function",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// Something that is not known, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Open<At> {
    /// Why.
    pub reason: Reason,
    /// Where.
    pub at: At,
    /// The name of what is called, if it has one.
    pub detail: Option<String>,
}

/// An instruction of a function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The function's name.
    pub function: String,
    /// Where it starts.
    pub entry: Pc,
    /// The address of the instruction.
    pub pc: Pc,
    /// The instruction.
    pub word: Word,
}

/// A call on the way to the deepest byte.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// The call.
    pub at: Place,
    /// How many bytes SP is then below SP at entry of the function that calls.
    pub depth: u64,
}

/// What is known of a function.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Its names.
    pub names: Vec<String>,
    /// Where it starts.
    pub entry: Pc,
    /// How many bytes below SP at entry it may touch, as far as is known.
    pub depth: u64,
    /// The calls that lead there.
    pub chain: Vec<Step>,
    /// What goes there; `None` where nothing is touched below SP at entry.
    pub at: Option<Place>,
    /// What is not known, one of each reason.
    pub open: Vec<Open<Place>>,
}

impl Measured {
    /// Whether it keeps to a budget.
    #[must_use]
    pub fn verdict(&self, bytes: u64) -> Verdict {
        if self.depth > bytes {
            Verdict::Refuted
        } else if self.open.is_empty() {
            Verdict::Proved
        } else {
            Verdict::Undecided
        }
    }
}

/// The functions of a file and what they may touch.
#[derive(Clone, Debug)]
pub struct Budget {
    /// The file.
    pub path: PathBuf,
    /// Its format.
    pub container: String,
    /// The budget in bytes.
    pub bytes: u64,
    /// Whether functions were asked for by name.
    pub is_asked: bool,
    /// The functions, by address.
    pub functions: Vec<Measured>,
}

impl Budget {
    /// The worst of the verdicts.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let verdicts = self.functions.iter().map(|function| function.verdict(self.bytes));
        verdicts.max().unwrap_or(Verdict::Undecided)
    }
}

/// Measures the functions of a file with these names; all of them for none.
///
/// # Errors
/// When the file cannot be read, has no functions, or none with one of the names.
pub fn measure_file(path: &Path, names: &[String], bytes: u64) -> Result<Budget> {
    let file = FileBytes::open(path)?;
    let code = Code::read(file.bytes())?;
    let functions = measure(&code, names)?;
    let (container, is_asked) = (code.container, !names.is_empty());
    Ok(Budget { path: path.to_owned(), container, bytes, is_asked, functions })
}

fn measure(code: &Code, names: &[String]) -> Result<Vec<Measured>> {
    for name in names {
        if !code.routines.iter().any(|routine| routine.names.contains(name)) {
            bail!("there is no function {name:?} in the file");
        }
    }
    let is_wanted = |rank: &usize| {
        let routine = code.routines.get(*rank);
        routine.is_some_and(|routine| match names {
            [] => !routine.names.is_empty(),
            names => routine.names.iter().any(|name| names.contains(name)),
        })
    };
    let roots: Vec<Node> =
        (0..code.routines.len()).filter(is_wanted).map(|rank| (rank, 0)).collect();
    let graph = Graph::new(code, &roots);
    Ok(roots.into_iter().filter_map(|root| measured(code, &graph, root)).collect())
}

fn measured(code: &Code, graph: &Graph, root: Node) -> Option<Measured> {
    let (routine, total) = (code.routines.get(root.0)?, graph.totals.get(&root)?);
    let (mut chain, mut at, mut node) = (Vec::new(), None, root);
    while let Some(by) = graph.totals.get(&node).and_then(|total| total.by) {
        match by {
            By::Own(index) => {
                at = place(code, node, index);
                break;
            }
            By::Call { at, depth, callee } => {
                chain.push(Step { at: place(code, node, at)?, depth });
                node = callee;
            }
        }
    }
    // A callee that touches nothing below its own SP is as deep as the call.
    let at = at.or_else(|| chain.last().map(|step| step.at.clone()));
    let open = total.open.iter().filter_map(|open| {
        let (node, index) = open.at;
        let at = place(code, node, index)?;
        Some(Open { reason: open.reason, at, detail: open.detail.clone() })
    });
    Some(Measured {
        names: routine.names.clone(),
        entry: Pc(routine.entry),
        depth: total.depth,
        chain,
        at,
        open: open.collect(),
    })
}

fn place(code: &Code, (rank, _): Node, index: Index) -> Option<Place> {
    let routine = code.routines.get(rank)?;
    Some(Place {
        function: routine.name().into_owned(),
        entry: Pc(routine.entry),
        pc: Pc(routine.entry.wrapping_add(index.offset())),
        word: *routine.words.get(index.0 as usize)?,
    })
}
