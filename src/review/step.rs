//! An instruction of a frame, freed from where it stands.
//!
//! What two builds of a function never share is addresses. The distance of a branch is
//! replaced by what it goes to (the start, a place in the prologue, the call of
//! morestack, the body, a function by name), the distance of a literal by its value.
//! The row stays as it is, but for one thing: a restartable sequence has one of two
//! classes, whichever the one before it has not, so only where it begins is kept.

use a64::decode::{Inst, Mode, decode};
use core::hash::{Hash as _, Hasher as _};
use std::hash::DefaultHasher;
use unwind::{Depth, Index, Pc, RowTable, UnsafePoint, Word};

/// The code of a function, and where it stands.
#[derive(Clone, Copy)]
pub struct Code<'a> {
    /// Its first instruction.
    pub entry: Pc,
    /// Its instructions.
    pub words: &'a [Word],
    /// What the table declares of them.
    pub rows: &'a RowTable,
}

/// The name of the function at an address.
pub type Names<'n, 'a> = dyn Fn(Pc) -> Option<&'a [u8]> + 'n;

/// An instruction with its row.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Where it stands.
    pub at: Index,
    /// As it stands there.
    pub word: Word,
    /// Without what its place decides.
    plain: u32,
    /// What that is.
    pub target: Target<'a>,
    /// The depth that the row declares, if there is one.
    pub depth: Option<Depth>,
    /// The row's unsafe-point class.
    pub class: Class,
}

/// What a branch goes to, or what a literal holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Target<'a> {
    /// The instruction names no place.
    None,
    /// The function's first instruction.
    Entry,
    /// An instruction of the prologue, by its number.
    Prologue(u32),
    /// The call of morestack.
    MoreStack,
    /// Elsewhere in the function.
    Body,
    /// A function.
    Function(&'a [u8]),
    /// Elsewhere in the program.
    Outside,
    /// A literal.
    Value(u64),
}

/// The class of an unsafe point, without the number of a restartable sequence.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Class {
    /// There is no row.
    None,
    /// A goroutine can be preempted.
    Safe,
    /// It cannot.
    Unsafe,
    /// It resumes here, where a sequence begins.
    Begins,
    /// It resumes where the sequence begins.
    Restarts,
    /// It resumes at the entry.
    AtEntry,
}

/// The places in a function that branches are told by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Places {
    /// Where the prologue ends.
    pub(super) body: u32,
    /// Where the call of morestack begins.
    pub(super) more_stack: Option<u32>,
}

impl<'a> Step<'a> {
    pub(super) fn new(code: &Code<'_>, at: Index, places: Places, names: &Names<'_, 'a>) -> Self {
        let word = code.words.get(at.0 as usize).copied().unwrap_or(Word::new(0));
        let (plain, target) = normal(code, at, word, places, names);
        let span = code.rows.span(at);
        let class =
            span.map_or(Class::None, |span| match span.row.unsafe_point {
                UnsafePoint::Safe => Class::Safe,
                UnsafePoint::Unsafe => Class::Unsafe,
                UnsafePoint::RestartAtEntry => Class::AtEntry,
                UnsafePoint::Restart1 | UnsafePoint::Restart2 => {
                    if code.rows.class(span).start == at { Class::Begins } else { Class::Restarts }
                }
            });
        Self { at, word, plain, target, depth: span.map(|span| span.row.depth), class }
    }

    /// Whether two builds have the same instruction with the same row.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (self.plain, self.target, self.depth, self.class)
            == (other.plain, other.target, other.depth, other.class)
    }

    /// A digest of what [`Step::is_same`] compares.
    #[must_use]
    pub(super) fn normal(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.plain, self.target, self.depth.map(|depth| depth.0), self.class).hash(&mut hasher);
        hasher.finish()
    }

    /// Appends what is left when constants are taken away: the form of the
    /// instruction and of its row.
    pub(super) fn form(&self, frame: Depth, form: &mut Vec<u32>) {
        let depth = match self.depth {
            None => 0,
            Some(Depth(0)) => 1,
            Some(depth) if depth == frame => 2,
            Some(_) => 3,
        };
        let target = match self.target {
            Target::None | Target::Value(_) => 0,
            target => {
                let mut hasher = DefaultHasher::new();
                target.hash(&mut hasher);
                hasher.finish()
            }
        };
        form.extend([without_constants(self.plain), depth << 8 | self.class as u32]);
        form.extend([target as u32, (target >> 32) as u32]);
    }
}

/// An instruction without what its place decides, and that.
fn normal<'a>(
    code: &Code<'_>,
    at: Index,
    word: Word,
    places: Places,
    names: &Names<'_, 'a>,
) -> (u32, Target<'a>) {
    let bits = word.get();
    let to = |offset| target(code, at, offset, places, names);
    match decode(word) {
        Inst::Branch { offset } | Inst::Call { offset } => (bits & 0xfc00_0000, to(offset)),
        // B.cond, CBZ and CBNZ have 19 bits of distance, TBZ and TBNZ 14.
        Inst::BranchIf { offset, .. } if bits >> 25 & 0x3f == 0b01_1011 => {
            (bits & 0xfff8_001f, to(offset))
        }
        Inst::BranchIf { offset, .. } => (bits & 0xff00_001f, to(offset)),
        Inst::Adr { offset, .. } => (bits & 0x9f00_001f, to(offset)),
        Inst::Adrp { .. } => (bits & 0x9f00_001f, Target::Outside),
        Inst::LoadLiteral { offset, .. } => {
            (bits & 0xff00_001f, literal(code, at, offset).map_or(Target::Outside, Target::Value))
        }
        _ => (bits, Target::None),
    }
}

fn target<'a>(
    code: &Code<'_>,
    at: Index,
    offset: i64,
    places: Places,
    names: &Names<'_, 'a>,
) -> Target<'a> {
    let inside = u32::try_from(i64::from(at.0) + (offset >> 2)).ok();
    match inside.filter(|&index| (index as usize) < code.words.len()) {
        Some(0) => Target::Entry,
        Some(index) if index < places.body => Target::Prologue(index),
        Some(index) if places.more_stack == Some(index) => Target::MoreStack,
        Some(_) => Target::Body,
        None => {
            let pc = Pc(code.entry.0.wrapping_add(at.offset()).wrapping_add_signed(offset));
            names(pc).map_or(Target::Outside, Target::Function)
        }
    }
}

/// The eight bytes of a literal of the same function.
fn literal(code: &Code<'_>, at: Index, offset: i64) -> Option<u64> {
    let first = usize::try_from(i64::from(at.0) + (offset >> 2)).ok()?;
    let (low, high) = (code.words.get(first)?, code.words.get(first.checked_add(1)?)?);
    Some(u64::from(high.get()) << 32 | u64::from(low.get()))
}

/// An instruction with the constants that depend on a frame's size as 0. Which of the
/// halves of a constant an instruction takes is left in it.
fn without_constants(bits: u32) -> u32 {
    match decode(Word::new(bits)) {
        Inst::ArithImm { .. } => bits & !(0xfff << 10),
        Inst::MoveWide { .. } => bits & !(0xffff << 5),
        Inst::LogicImm { .. } => bits & !(0x1fff << 10),
        Inst::Pair { mode: Mode::PreIndex | Mode::PostIndex, .. } => bits & !(0x7f << 15),
        Inst::Single { mode: Mode::PreIndex | Mode::PostIndex, .. } => bits & !(0x1ff << 12),
        _ => bits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Words: `llvm-mc -triple=aarch64 -show-encoding` (Debian, llvm).
    #[test]
    fn constants_are_taken_away_and_nothing_else() {
        let same = |first, second| without_constants(first) == without_constants(second);
        assert!(same(0x9101_43ff, 0x9100_83ff), "add sp, sp, #80 and #32");
        assert!(!same(0x9101_43ff, 0x9140_43ff), "add sp, sp, #80 and #16, lsl #12");
        assert!(!same(0x9101_43ff, 0xd101_43ff), "add and sub");
        assert!(!same(0x9101_43ff, 0x9101_43f4), "to sp and to x20");
        assert!(same(0xf81e_0ffe, 0xf81d_0ffe), "str x30, [sp, #-32]! and #-48");
        assert!(!same(0xf81f_83fd, 0xf81f_03fd), "str x29, [sp, #-8] and #-16");
        assert!(same(0xd280_0a1b, 0xd280_021b), "mov x27, #80 and #16");
        assert!(!same(0xd280_0a1b, 0xf2a0_003b), "mov and movk");
    }

    #[test]
    fn a_branch_is_told_by_where_it_goes() {
        // b.lo #8; b.lo #-4; bl #64; nop; nop
        let words = [0x5400_0043, 0x54ff_ffe3, 0x9400_0010, 0xd503_201f, 0xd503_201f];
        let words = words.map(Word::new);
        let mut rows = RowTable::new();
        rows.push(unwind::Row::default(), 5);
        let code = Code { entry: Pc(0x1000), words: &words, rows: &rows };
        let places = Places { body: 3, more_stack: Some(2) };
        let names = |pc: Pc| (pc == Pc(0x1048)).then_some(&b"main.f"[..]);
        let target = |at| Step::new(&code, Index(at), places, &names).target;
        assert_eq!(target(0), Target::Prologue(2));
        assert_eq!(target(1), Target::Entry);
        assert_eq!(target(2), Target::Function(b"main.f"));
        assert_eq!(target(3), Target::None);
        let step = |at| Step::new(&code, Index(at), places, &names);
        assert!(step(3).is_same(&step(4)) && !step(0).is_same(&step(1)));
    }
}
