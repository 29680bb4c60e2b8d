//! Functions that are right by construction: a frame, a body of pieces each of which leaves SP,
//! R28 to R30 and the saved words as they were, and the way out.

use super::frame::Frame;
use crate::encoding::{
    CALL, FP, G, LR, Mode, NOP, RET, SP, add, cmp, compare_and_branch, jump, mov, movz, pair, part,
    scaled, single,
};
use crate::random::Random;
use crate::subject::{Line, Subject};
use unwind::FuncFlags;

/// R0 to R15 hold what comes; R16 and R17 are tested by loops and never written.
const SCRATCH: usize = 16;
const TESTED: [u32; 2] = [16, 17];

/// R19 to R26 keep what has to come back.
const KEEPERS: core::ops::Range<u32> = 19..27;

/// A function in the making.
pub(super) struct Generator<'a> {
    random: &'a mut Random,
    lines: Vec<Line>,
    depth: i64,
    frame: Frame,
    /// How many of the registers that keep something are in use.
    kept: u32,
    /// In how many pieces the state is not that of the frame.
    inside: u32,
    /// How many more branches there may be: each doubles the paths.
    branches: u32,
}

impl<'a> Generator<'a> {
    pub(super) const fn new(random: &'a mut Random) -> Self {
        let frame = Frame::None;
        Self { random, lines: Vec::new(), depth: 0, frame, kept: 0, inside: 0, branches: 3 }
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        self.random.below(end)
    }

    /// A number from 0 up to `end`.
    pub(super) fn under(&mut self, end: i64) -> i64 {
        self.below(end.unsigned_abs() as usize).cast_signed() as i64
    }

    /// How many instructions there are from one to here.
    fn since(&self, from: usize) -> i64 {
        (self.lines.len() - from).cast_signed() as i64
    }

    /// An instruction that leaves SP where it is.
    pub(super) fn emit(&mut self, word: u32) {
        self.lines.push(Line { word, depth: self.depth, class: -1 });
    }

    /// An instruction that moves SP down, or up.
    pub(super) fn moves(&mut self, word: u32, by: i64) {
        self.emit(word);
        self.depth += by;
    }

    /// The whole function.
    pub(super) fn function(mut self) -> Subject {
        self.frame = Frame::any(&mut self);
        self.pieces(2, 0);
        // Pieces at depth 0 stand in front of the frame and behind it.
        let frame = self.frame;
        frame.make(&mut self);
        self.inside = 0;
        self.pieces(10, 0);
        self.pop();
        self.emit(NOP);
        let last = if self.below(4) == 0 { jump(0x2000) } else { RET };
        self.emit(last);
        let lines = self.lines;
        Subject { lines, flags: FuncFlags::ASM.0, ..Subject::default() }
    }

    fn pop(&mut self) {
        let frame = self.frame;
        frame.pop(self);
    }

    /// Whether the frame stands, and all is as it left it.
    const fn is_settled(&self) -> bool {
        let is_made = self.depth > 0 || matches!(self.frame, Frame::None);
        is_made && self.inside == 0
    }

    fn pieces(&mut self, most: usize, nesting: u32) {
        for _ in 0..self.below(most + 1) {
            self.piece(nesting);
        }
    }

    fn piece(&mut self, nesting: u32) {
        let is_deep = nesting > 2;
        match self.below(20) {
            0..3 => self.compute(),
            3..8 => self.store(),
            8..10 => self.load(),
            10 => self.store_by_register(),
            11 if !is_deep => self.branch(nesting),
            12 if !is_deep => self.rounds(nesting),
            13 | 14 if self.is_settled() && self.frame.allows_calls() => self.emit(CALL),
            15 if !is_deep => self.moves_sp(nesting),
            16 if !is_deep => self.keeps(nesting),
            17 if self.is_settled() => self.reload(),
            18 if self.is_settled() && self.branches > 0 => self.leaves_early(),
            _ => self.compute(),
        }
    }

    fn scratch(&mut self) -> u32 {
        self.below(SCRATCH) as u32
    }

    fn compute(&mut self) {
        let (rd, rn, n) = (self.scratch(), self.scratch(), self.under(4096));
        let word = match self.below(5) {
            0 => movz(rd, n as u32),
            1 => mov(rd, rn),
            2 => add(rd, rn, n - 2048),
            3 => cmp(rn, n as u32),
            _ => NOP,
        };
        self.emit(word);
    }

    /// A place for so many bytes, from the CFA, that nobody needs: in the frame, below SP or
    /// in the arguments.
    fn place(&mut self, bytes: i64) -> Option<i64> {
        let (lr, fp) = self.frame.saved();
        // The caller's two words, and the saved ones.
        let taken = [(-8, 16), (lr.unwrap_or(0), 8), (fp.unwrap_or(0), 8)];
        for _ in 0..8 {
            let low = match self.below(8) {
                0 => 8 + self.under(56),
                1 => -self.depth - 8 - self.under(32),
                _ => -8 - self.under(self.depth.max(16)),
            };
            let low = if self.below(4) > 0 { low & !7 } else { low };
            let is_free = |&(at, size): &(i64, i64)| low + bytes <= at || at + size <= low;
            // What lies below SP is not kept there by anybody.
            if taken.iter().all(is_free) && low >= -self.depth - 48 {
                return Some(low);
            }
        }
        None
    }

    /// A store through SP.
    fn store(&mut self) {
        let bytes = self.random.of(&[1, 2, 4, 8, 8, 8, 16, 16]);
        let Some(place) = self.place(i64::from(bytes)) else { return };
        let (at, rt, other) = (place + self.depth, self.scratch(), self.scratch());
        // Copies of what has to come back may lie anywhere.
        let rt = if self.below(6) == 0 { self.random.of(&[FP, LR, G]) } else { rt };
        let is_aligned = at % 8 == 0;
        let word = match bytes {
            8 if is_aligned && at >= 0 => scaled(false, rt, SP, at),
            16 if is_aligned && (-512..504).contains(&at) && self.below(2) == 0 => {
                pair(false, [rt, other], SP, at, Mode::Offset)
            }
            _ if !(-256..256).contains(&at) => return,
            8 => single(false, rt, SP, at, Mode::Offset),
            16 => part(16, rt, SP, at),
            _ => part(bytes, rt, SP, at),
        };
        self.emit(word);
    }

    /// A store through a register that holds a place of the stack.
    fn store_by_register(&mut self) {
        let Some(place) = self.place(8) else { return };
        let (base, rt) = (self.scratch(), self.scratch());
        let ahead = 8 * self.under(4);
        self.emit(add(base, SP, place + self.depth - ahead));
        self.emit(single(false, rt, base, ahead, Mode::Offset));
    }

    /// A load from anywhere near SP.
    fn load(&mut self) {
        let at = 8 * self.under(self.depth / 8 + 8) - 16;
        let first = self.scratch();
        let second = (first + 1 + self.below(SCRATCH - 1) as u32) % SCRATCH as u32;
        let word = match self.below(3) {
            0 if at < 504 => pair(true, [first, second], SP, at, Mode::Offset),
            _ if at >= 0 => scaled(true, first, SP, at),
            _ => single(true, first, SP, at, Mode::Offset),
        };
        self.emit(word);
    }

    /// A branch over some pieces.
    fn branch(&mut self, nesting: u32) {
        if self.branches == 0 {
            return;
        }
        self.branches -= 1;
        let (from, tested) = (self.lines.len(), self.scratch());
        self.emit(NOP);
        self.pieces(4, nesting + 1);
        let by = self.since(from);
        let on_zero = self.below(2) == 0;
        self.lines[from].word = compare_and_branch(on_zero, tested, by);
    }

    /// A loop around some pieces.
    fn rounds(&mut self, nesting: u32) {
        if self.branches == 0 {
            return;
        }
        self.branches -= 1;
        let start = self.lines.len();
        self.emit(NOP);
        self.pieces(3, nesting + 1);
        let (by, tested) = (self.since(start), self.random.of(&TESTED));
        self.emit(compare_and_branch(false, tested, -by));
    }

    /// A register that keeps something, while there is one.
    fn keeper(&mut self) -> Option<u32> {
        let keeper = KEEPERS.start + self.kept;
        KEEPERS.contains(&keeper).then(|| {
            self.kept += 1;
            keeper
        })
    }

    /// SP moves down for some pieces.
    fn moves_sp(&mut self, nesting: u32) {
        let size = 16 * (1 + self.under(3));
        self.inside += 1;
        match self.below(3) {
            0 => {
                let Some(keeper) = self.keeper() else { return self.inside -= 1 };
                self.emit(add(keeper, SP, 0));
                self.moves(add(SP, SP, -size), size);
                self.pieces(3, nesting + 1);
                self.moves(add(SP, keeper, 0), -size);
                self.kept -= 1;
            }
            // A push and a pop.
            1 => {
                let pushed = self.scratch();
                self.moves(single(false, pushed, SP, -size, Mode::Pre), size);
                self.pieces(3, nesting + 1);
                self.moves(single(true, pushed, SP, size, Mode::Post), -size);
            }
            _ => {
                self.moves(add(SP, SP, -size), size);
                self.pieces(3, nesting + 1);
                self.moves(add(SP, SP, size), -size);
            }
        }
        self.inside -= 1;
    }

    /// LR, R29 or R28 is in another register, or in a word of the frame, for some pieces.
    fn keeps(&mut self, nesting: u32) {
        let register = self.random.of(&[FP, FP, FP, LR, LR, LR, LR, G]);
        let Some(keeper) = self.keeper() else { return };
        self.inside += 1;
        let other = self.scratch();
        self.emit(mov(keeper, register));
        let spoils = if self.below(2) == 0 { movz(register, 5) } else { mov(register, other) };
        self.emit(spoils);
        self.pieces(3, nesting + 1);
        self.emit(mov(register, keeper));
        self.inside -= 1;
        self.kept -= 1;
    }

    /// LR comes back from where it is saved.
    fn reload(&mut self) {
        if let (Some(lr), _) = self.frame.saved() {
            self.emit(scaled(true, LR, SP, lr + self.depth));
        }
    }

    /// A way out in the middle.
    fn leaves_early(&mut self) {
        self.branches -= 1;
        let (from, depth, tested) = (self.lines.len(), self.depth, self.scratch());
        self.emit(NOP);
        if !matches!(self.frame, Frame::None) {
            self.pop();
        }
        self.emit(RET);
        self.depth = depth;
        let by = self.since(from);
        self.lines[from].word = compare_and_branch(self.below(2) == 0, tested, by);
    }
}
