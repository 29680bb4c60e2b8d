//! The stages in a row: frame to pseudo-instructions to words and rows.

use crate::constant::{self, Class, LongConstants, Selection};
use crate::encode::{self, Access, Condition, Mode};
use crate::frame::Frame;
use crate::policy::Policy;
use crate::pseudo::{Label, Op, Prog, Region, Sink, closing, opening, preprocess};
use crate::words::{Overwrite, WordSink as _, Words};
use unwind::{Depth, Index, Row, RowTable, RowWriter, UnsafePoint, Word, Written};

/// A lowered function: words and the row of each boundary. Made to be reused.
#[derive(Clone, Debug, Default)]
pub struct Lowered {
    words: Words,
    rows: RowTable,
}

impl Lowered {
    /// An empty one, for [`lower_into`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The machine words.
    #[must_use]
    pub fn words(&self) -> &[Word] {
        &self.words
    }

    /// The rows, as Go's assembler would record them.
    #[must_use]
    pub const fn rows(&self) -> &RowTable {
        &self.rows
    }
}

/// Lowers a frame under a policy.
#[must_use]
pub fn lower(frame: &Frame, policy: &Policy) -> Lowered {
    let mut lowered = Lowered::new();
    lower_into(frame, policy, &mut lowered);
    lowered
}

/// Lowers a frame under a policy into `lowered`, whose memory is used again.
#[inline]
pub fn lower_into(frame: &Frame, policy: &Policy, lowered: &mut Lowered) {
    let mut emitter = Emitter::new(policy, lowered);
    preprocess(frame, policy, &mut emitter);
    emitter.resolve();
}

/// Lowers a frame under each policy, into as many `lowered`. What comes in front of the
/// epilogue is lowered once for the first and all that begin like it.
pub fn lower_each<'a>(
    frame: &Frame,
    mut policies: impl Iterator<Item = &'a Policy>,
    lowered: &mut [Lowered],
) {
    let (Some(first), Some((opened, others))) = (policies.next(), lowered.split_first_mut()) else {
        return;
    };
    let mut emitter = Emitter::new(first, opened);
    opening(frame, first, &mut emitter);
    let opening = emitter.opening();
    close(emitter, frame, first);
    for (policy, lowered) in policies.zip(others) {
        if policy.opens_like(first) {
            close(Emitter::behind(&opening, opened, policy, lowered), frame, policy);
        } else {
            lower_into(frame, policy, lowered);
        }
    }
}

/// What comes behind the body.
#[inline(never)]
fn close(mut emitter: Emitter<'_>, frame: &Frame, policy: &Policy) {
    closing(frame, policy, &mut emitter);
    emitter.resolve();
}

/// What one pseudo-instruction became.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expansion {
    /// The pseudo-instruction.
    pub prog: Prog,
    /// The class of its constant, if it has one.
    pub class: Option<Class>,
    /// Its first word.
    pub start: Index,
    /// The index behind its last word.
    pub end: Index,
}

/// What each pseudo-instruction of a function became, in order.
#[must_use]
pub fn expansions(frame: &Frame, policy: &Policy) -> Vec<Expansion> {
    struct Tracer<'a>(Emitter<'a>, Vec<Expansion>);
    impl Sink for Tracer<'_> {
        fn emit(&mut self, prog: Prog) {
            let start = self.0.here();
            let selection = self.0.expand(&prog);
            let class = selection.map(|selection| selection.class);
            self.1.push(Expansion { prog, class, start, end: self.0.here() });
        }
    }
    let mut lowered = Lowered::new();
    let mut tracer = Tracer(Emitter::new(policy, &mut lowered), Vec::new());
    preprocess(frame, policy, &mut tracer);
    tracer.1
}

/// A branch to the call of morestack, whose place is not known yet.
#[derive(Clone, Copy)]
struct Fixup {
    at: Index,
    /// `None` where it is not conditional.
    condition: Option<Condition>,
}

/// How far an [`Emitter`] has come in front of an epilogue.
#[derive(Clone, Copy)]
struct Opening {
    words: usize,
    rows: Written,
    depth: i64,
    last_restart: UnsafePoint,
    fixups: [Option<Fixup>; 2],
}

/// Stages 3 and 4, and the rows: `pctospadj` and `MarkUnsafePoints`
/// (`obj/pcln.go`, `obj/plist.go`).
struct Emitter<'a> {
    long: LongConstants,
    words: Overwrite<'a>,
    rows: RowWriter<'a>,
    depth: i64,
    last_restart: UnsafePoint,
    /// A stack check has two branches.
    fixups: [Option<Fixup>; 2],
    more_stack: Index,
}

impl Sink for Emitter<'_> {
    #[inline(always)]
    fn emit(&mut self, prog: Prog) {
        self.expand(&prog);
    }
}

impl<'a> Emitter<'a> {
    #[inline(always)]
    fn new(policy: &Policy, lowered: &'a mut Lowered) -> Self {
        Self {
            long: policy.long_constants,
            words: Overwrite::new(&mut lowered.words),
            rows: lowered.rows.rewrite(),
            depth: 0,
            last_restart: UnsafePoint::Restart2,
            fixups: [None; 2],
            more_stack: Index(0),
        }
    }

    /// How far it has come.
    #[inline(always)]
    const fn opening(&self) -> Opening {
        Opening {
            words: self.words.count(),
            rows: self.rows.written(),
            depth: self.depth,
            last_restart: self.last_restart,
            fixups: self.fixups,
        }
    }

    /// One that goes on behind what another has lowered, into `opened`.
    #[inline(always)]
    fn behind(
        opening: &Opening,
        opened: &Lowered,
        policy: &Policy,
        lowered: &'a mut Lowered,
    ) -> Self {
        let Opening { words, rows, depth, last_restart, fixups } = *opening;
        let words = opened.words.get(..words).unwrap_or_default();
        Self {
            long: policy.long_constants,
            words: Overwrite::behind(words, &mut lowered.words),
            rows: lowered.rows.rewrite_behind(&opened.rows, rows),
            depth,
            last_restart,
            fixups,
            more_stack: Index(0),
        }
    }

    /// The index of the next word.
    #[inline(always)]
    fn here(&self) -> Index {
        Index(self.words.count() as u32)
    }

    #[inline(always)]
    fn expand(&mut self, prog: &Prog) -> Option<Selection> {
        let start = self.here();
        if prog.region == Region::MoreStack && self.more_stack == Index(0) {
            self.more_stack = start;
        }
        let selection = match prog.op {
            Op::BranchIf { condition, to } => self.branch(Some(condition), to),
            Op::Jump { to } => self.branch(None, to),
            op => select(&op, self.long, &mut self.words),
        };
        let uses_tmp = selection.is_some_and(|selection| selection.uses_tmp);
        let unsafe_point = if prog.marked_unsafe || prog.op.names_tmp() {
            UnsafePoint::Unsafe
        } else if uses_tmp {
            // Two adjacent sequences must differ.
            self.last_restart = match self.last_restart {
                UnsafePoint::Restart1 => UnsafePoint::Restart2,
                _ => UnsafePoint::Restart1,
            };
            self.last_restart
        } else {
            UnsafePoint::Safe
        };
        self.rows.change(start, Row { depth: Depth(self.depth), unsafe_point });
        self.depth += prog.sp_adjust;
        selection
    }

    /// A branch, with a distance of 0 where that is not known yet.
    #[inline(always)]
    fn branch(&mut self, condition: Option<Condition>, to: Label) -> Option<Selection> {
        let at = self.here();
        let distance = match to {
            Label::Entry => -at.0.cast_signed(),
            Label::MoreStack => {
                self.fixups = [Some(Fixup { at, condition }), self.fixups[0]];
                0
            }
        };
        self.words.push(encode_branch(condition, distance));
        None
    }

    /// Writes the branches, now that the place of the call of morestack is known.
    #[inline(always)]
    fn resolve(mut self) {
        for Fixup { at, condition } in self.fixups.into_iter().flatten() {
            let distance = self.more_stack.0.cast_signed() - at.0.cast_signed();
            self.words.replace(at.0 as usize, encode_branch(condition, distance));
        }
        let end = self.here();
        self.words.finish();
        self.rows.finish(end);
    }
}

#[inline(always)]
const fn encode_branch(condition: Option<Condition>, distance: i32) -> Word {
    match condition {
        Some(condition) => encode::branch_if(condition, distance),
        None => encode::branch(distance),
    }
}

/// Stage 3 for one pseudo-instruction that is not a branch.
#[inline(always)]
fn select(op: &Op, long: LongConstants, words: &mut Overwrite<'_>) -> Option<Selection> {
    match *op {
        Op::MoveConst { value, to } => {
            let class = constant::classify(value, long);
            constant::move_constant(to, value, class, long, words);
            return Some(Selection { class, uses_tmp: false });
        }
        Op::ArithConst { op, value, from, to } => {
            let selection = constant::select_arith(op, value, long);
            constant::expand_arith(op, to, from, value, selection, long, words);
            return Some(selection);
        }
        Op::AddReg { by, from, to } => {
            words.push(encode::arith_extended(encode::Arith::Add, to, from, by));
        }
        Op::Move { from, to } => words.push(move_register(to, from)),
        Op::Compare { left, right } => words.push(compare(left, right)),
        Op::Load { base, offset, mode, to } => words.push(load(to, base, offset, mode)),
        Op::Store { from, base, offset, mode } => {
            words.push(encode::access(Access::Store, from, base, offset, mode));
        }
        Op::LoadPair { base, offset, to } => {
            words.push(encode::access_pair(Access::Load, to.0, to.1, base, offset));
        }
        Op::StorePair { from, base, offset } => {
            words.push(encode::access_pair(Access::Store, from.0, from.1, base, offset));
        }
        Op::BranchIf { .. } | Op::Jump { .. } | Op::Nop => words.push(encode::NOP),
        Op::Call { .. } => words.push(encode::CALL),
        Op::Return => words.push(encode::RETURN),
    }
    None
}

/// MOVD between registers: the form depends on whether one of them is SP.
fn move_register(to: encode::Reg, from: encode::Reg) -> Word {
    if to == encode::Reg::SP || from == encode::Reg::SP {
        encode::move_sp(to, from)
    } else {
        encode::move_register(to, from)
    }
}

/// CMP: the shifted-register form cannot name SP.
fn compare(left: encode::Reg, right: encode::Reg) -> Word {
    if left == encode::Reg::SP {
        encode::arith_extended(encode::Arith::Subs, encode::Reg::ZR, left, right)
    } else {
        encode::compare(left, right)
    }
}

/// MOVD from memory: scaled when the offset allows it and nothing is written
/// back (`asm7.go`, case 21).
fn load(to: encode::Reg, base: encode::Reg, offset: i32, mode: Mode) -> Word {
    match u32::try_from(offset) {
        Ok(offset) if mode == Mode::Offset && offset.is_multiple_of(8) => {
            encode::load_scaled(to, base, offset)
        }
        _ => encode::access(Access::Load, to, base, offset, mode),
    }
}
