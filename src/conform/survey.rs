//! The survey: every function of an image, piece by piece, with the policies that
//! predict each piece.

use super::Variation;
use super::head::{self, Code};
use super::predict::{Part, PolicySet, Predictions};
use super::tail::{self, Tail};
use a64::decode::{Inst, decode};
use image::{Error, Function, Image};
use lowering::{FrameSize, Kind, Policy, StackCheck};
use rayon::prelude::*;
use unwind::{Depth, FuncFlags, Index, Pc, RowTable};

/// How many functions a thread takes at a time.
const CHUNK: usize = 64;

/// A prologue or an epilogue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    /// The rank of its function in the image.
    pub function: usize,
    /// What it is.
    pub part: Part,
    /// Where it starts; of an epilogue, where the return stands.
    pub at: Index,
    /// How many words it takes; 0 for as many as are predicted.
    pub words: u32,
    /// The function's frame.
    pub size: FrameSize,
    /// Leaf or not.
    pub kind: Kind,
    /// The policies that predict it.
    pub policies: PolicySet,
    /// What is there besides.
    pub variation: Option<Variation>,
}

impl Piece {
    /// Whether it is a prologue, with its check and its call of morestack.
    #[must_use]
    pub const fn is_prologue(&self) -> bool {
        !matches!(self.part, Part::Epilogue)
    }

    /// Whether the policy of this rank predicts it word by word.
    #[must_use]
    pub const fn matches(&self, rank: usize) -> bool {
        self.variation.is_none() && self.policies.contains(rank)
    }
}

/// What stands in an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// How many compiled functions there are.
    pub functions: u64,
    /// How many functions are written in assembly.
    pub assembly: u64,
    /// How many compiled functions have no frame, and so none of the pieces.
    pub frameless: u64,
    /// How many compiled functions with a frame never return.
    pub never_returning: u64,
    /// How many compiled functions could not be read, with the first of them.
    pub unreadable: (u64, Option<String>),
    /// How many wrappers check for a panic.
    pub checked_wrappers: u64,
    /// How many functions are wrappers by their name and do not.
    pub bare_wrappers: u64,
    /// The prologues and epilogues of compiled functions, by address.
    pub pieces: Vec<Piece>,
    /// Those of assembly, as far as some policy predicts them.
    pub assembly_pieces: Vec<Piece>,
}

impl Survey {
    /// How many prologues there are.
    #[must_use]
    pub fn prologues(&self) -> u64 {
        self.pieces.iter().filter(|piece| piece.is_prologue()).count() as u64
    }

    /// How many epilogues there are.
    #[must_use]
    pub fn epilogues(&self) -> u64 {
        self.pieces.len() as u64 - self.prologues()
    }

    /// How many pieces the policy of this rank predicts word by word: the
    /// prologues (true), the epilogues (false), or both.
    #[must_use]
    pub fn matched(&self, rank: usize, prologues: Option<bool>) -> u64 {
        let counts = |piece: &&Piece| {
            piece.matches(rank) && prologues.is_none_or(|wanted| wanted == piece.is_prologue())
        };
        self.pieces.iter().filter(counts).count() as u64
    }

    /// How many pieces the policy of this rank does not predict, named kinds aside.
    #[must_use]
    pub fn unexplained(&self, rank: usize) -> u64 {
        self.pieces.iter().filter(|piece| !piece.policies.contains(rank)).count() as u64
    }

    /// How many pieces are of a named kind.
    #[must_use]
    pub fn varied(&self, rank: usize, variation: Variation) -> u64 {
        let counts =
            |piece: &&Piece| piece.variation == Some(variation) && piece.policies.contains(rank);
        self.pieces.iter().filter(counts).count() as u64
    }

    fn merge(&mut self, other: Self) {
        self.functions += other.functions;
        self.assembly += other.assembly;
        self.frameless += other.frameless;
        self.never_returning += other.never_returning;
        self.unreadable.0 += other.unreadable.0;
        self.unreadable.1 = self.unreadable.1.take().or(other.unreadable.1);
        self.checked_wrappers += other.checked_wrappers;
        self.bare_wrappers += other.bare_wrappers;
        self.pieces.extend(other.pieces);
        self.assembly_pieces.extend(other.assembly_pieces);
    }
}

/// Surveys all functions of an image, on all threads.
#[must_use]
pub fn survey(image: &Image<'_>, policies: &[Policy]) -> Survey {
    let more_stack = more_stack(image);
    let chunks = image.function_count().div_ceil(CHUNK);
    let parts: Vec<_> = (0..chunks)
        .into_par_iter()
        .map_init(
            || Surveyor::new(policies, &more_stack),
            |surveyor, chunk| {
                let mut survey = Survey::default();
                let end = ((chunk + 1) * CHUNK).min(image.function_count());
                for index in chunk * CHUNK..end {
                    surveyor.function(image, index, &mut survey);
                }
                survey
            },
        )
        .collect();
    let mut survey = Survey::default();
    for part in parts {
        survey.merge(part);
    }
    survey
}

/// The entries of the functions that a stack check can call.
fn more_stack(image: &Image<'_>) -> Vec<Pc> {
    const NAMES: [&[u8]; 3] =
        [b"runtime.morestack", b"runtime.morestack_noctxt", b"runtime.morestackc"];
    let functions = (0..image.function_count()).filter_map(|index| image.function(index).ok());
    let named = functions.filter(|function| {
        let name = function.name();
        let name = name.strip_suffix(b".abi0").unwrap_or(name);
        NAMES.contains(&name)
    });
    named.map(|function| function.entry).collect()
}

/// The memory of one thread.
struct Surveyor<'s> {
    more_stack: &'s [Pc],
    rows: RowTable,
    predictions: Predictions<'s>,
    all: PolicySet,
    exits: Vec<Index>,
    tails: Vec<Tail>,
}

impl<'s> Surveyor<'s> {
    fn new(policies: &'s [Policy], more_stack: &'s [Pc]) -> Self {
        Self {
            more_stack,
            rows: RowTable::new(),
            predictions: Predictions::new(policies),
            all: PolicySet::first(policies.len()),
            exits: Vec::new(),
            tails: Vec::new(),
        }
    }

    fn function(&mut self, image: &Image<'_>, index: usize, survey: &mut Survey) {
        let function = match image.function(index) {
            Ok(function) => function,
            Err(error) => return unreadable(survey, || error.to_string()),
        };
        let assembly = function.flags.contains(FuncFlags::ASM);
        match function.rows(&mut self.rows) {
            Ok(()) => {}
            Err(Error::NoStackTable { .. }) if is_marker(&function) => return,
            Err(error) if !assembly => {
                let name = String::from_utf8_lossy(function.name());
                return unreadable(survey, || format!("{name}: {error}"));
            }
            Err(_) => self.rows.clear(),
        }
        if assembly {
            survey.assembly += 1;
            self.pieces(&function, index, &mut survey.assembly_pieces);
            return;
        }
        survey.functions += 1;
        let first = survey.pieces.len();
        let checks_panic = self.pieces(&function, index, &mut survey.pieces);
        match survey.pieces.len() - first {
            0 => survey.frameless += 1,
            pieces => survey.never_returning += u64::from(pieces == 1),
        }
        match checks_panic {
            Some(true) => survey.checked_wrappers += 1,
            Some(false) if is_wrapper(function.name()) => survey.bare_wrappers += 1,
            _ => {}
        }
    }

    /// The pieces of a function, and whether it checks for a panic, if it has a
    /// frame.
    fn pieces(
        &mut self,
        function: &Function<'_>,
        index: usize,
        pieces: &mut Vec<Piece>,
    ) -> Option<bool> {
        let words = function.code;
        let code = Code { words, entry: function.entry, more_stack: self.more_stack };
        let calls = head::calls(words);
        let start = head::may_more_stack(words).unwrap_or_default();
        let depth = self.depth_behind(start);
        let mut piece = Piece {
            function: index,
            part: Part::Prologue(StackCheck::WhereNeeded),
            at: Index(0),
            words: 0,
            size: FrameSize::default(),
            kind: if calls == 0 { Kind::Leaf } else { Kind::NonLeaf },
            policies: PolicySet::NONE,
            variation: None,
        };
        // A function without a frame has no pieces, unless it should have one.
        let size = u64::try_from(depth.0).ok().and_then(|depth| FrameSize::new(depth).ok());
        let Some(size) = size.filter(|size| size.bytes() > 0 || calls == 0) else {
            pieces.push(piece);
            return None;
        };
        if size.bytes() == 0 {
            return None;
        }
        let prediction = self.predictions.get(size, Kind::NonLeaf);
        let head = head::read(&code, prediction, size.bytes());
        let kind = if calls > head.calls { Kind::NonLeaf } else { Kind::Leaf };
        let prediction = self.predictions.get(size, kind);
        (piece.part, piece.size, piece.kind) = (head.part, size, kind);
        (piece.at, piece.words) = (head.range.start, head.range.end.0 - head.range.start.0);
        piece.variation = head.variation;
        // A leaf below 128 bytes has no check.
        let checked = head.more_stack.is_some() && prediction.more_stack.is_empty();
        piece.policies = if checked { PolicySet::NONE } else { head.policies };
        pieces.push(piece);
        tail::exits(words, &mut self.exits);
        let epilogue = &prediction.epilogue;
        tail::read(&code, &self.rows, epilogue, &head, &self.exits, &mut self.tails);
        pieces.extend(self.tails.iter().map(|tail| Piece {
            part: Part::Epilogue,
            at: tail.at,
            words: 0,
            policies: tail.policies.intersection(self.all),
            variation: tail.variation,
            ..piece
        }));
        Some(head.checks_panic)
    }

    /// The largest depth at and behind a boundary: the frame size, where a
    /// compiled function opens only one.
    fn depth_behind(&self, start: Index) -> Depth {
        let from = self.rows.position(start).unwrap_or(self.rows.spans().len());
        let behind = self.rows.spans().iter().skip(from);
        behind.map(|span| span.row.depth).max().unwrap_or_default()
    }
}

fn unreadable(survey: &mut Survey, example: impl FnOnce() -> String) {
    survey.functions += 1;
    survey.unreadable.0 += 1;
    survey.unreadable.1.get_or_insert_with(example);
}

/// Whether a function holds nothing that could run.
fn is_marker(function: &Function<'_>) -> bool {
    function.code.iter().all(|&word| decode(word) == Inst::Trap)
}

/// Whether a function is a wrapper by its name: a method value, or the closure of
/// a go or defer statement with arguments (`cmd/compile`, `SetWrapper`).
fn is_wrapper(name: &[u8]) -> bool {
    let closure = |part: &[u8]| {
        name.windows(part.len()).rposition(|window| window == part).is_some_and(|at| {
            let number = name.get(at + part.len()..).unwrap_or_default();
            !number.is_empty() && number.iter().all(u8::is_ascii_digit)
        })
    };
    name.ends_with(b"-fm") || closure(b".gowrap") || closure(b".deferwrap")
}
