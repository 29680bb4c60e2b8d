//! Mutants: functions that differ from a correct one in one place.

use crate::judge::depths;
use crate::random::Random;
use crate::replaced::{atomics, halves, vectors};
use crate::subject::{Line, Subject};

/// A kind of mutation. Immediates and branches change by one unit, branches also
/// to every other instruction, depths by 16. A load or a store of a pair is split into
/// two; one of general registers becomes one of vector registers, and a store an atomic
/// operation. Each register becomes each of R28 to R30 and SP or ZR.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Mutation {
    Drop,
    Duplicate,
    Swap,
    Immediate,
    Retarget,
    Depth,
    Class,
    Split,
    Vector,
    Atomic,
    Register,
}

impl Mutation {
    /// All kinds.
    pub(crate) const ALL: [Self; 11] = [
        Self::Drop,
        Self::Duplicate,
        Self::Swap,
        Self::Immediate,
        Self::Retarget,
        Self::Depth,
        Self::Class,
        Self::Split,
        Self::Vector,
        Self::Atomic,
        Self::Register,
    ];
}

/// A mutant, and what makes it one.
#[derive(Clone, Debug)]
pub(crate) struct Mutant {
    /// The change.
    pub(crate) mutation: Mutation,
    /// Where.
    pub(crate) at: usize,
    /// What it made of the function.
    pub(crate) subject: Subject,
}

/// The immediate fields of a word, high and low bit (Arm ARM, C4.1), and whether
/// they are the target of a branch.
fn fields(word: u32) -> (&'static [(u32, u32)], Mutation) {
    match word {
        _ if word & 0x7c00_0000 == 0x1400_0000 => (&[(25, 0)], Mutation::Retarget),
        _ if word & 0xff00_0000 == 0x5400_0000 => (&[(23, 5)], Mutation::Retarget),
        _ if word & 0x7e00_0000 == 0x3400_0000 => (&[(23, 5)], Mutation::Retarget),
        _ if word & 0x1f80_0000 == 0x1100_0000 => (&[(21, 10), (22, 22)], Mutation::Immediate),
        _ if word & 0x1fe0_0000 == 0x0b20_0000 => (&[(12, 10)], Mutation::Immediate),
        _ if word & 0x1f80_0000 == 0x1200_0000 => (&[(21, 16), (15, 10)], Mutation::Immediate),
        _ if word & 0x1f80_0000 == 0x1280_0000 => (&[(20, 5), (22, 21)], Mutation::Immediate),
        _ if word & 0x3f00_0000 == 0x3900_0000 => (&[(21, 10)], Mutation::Immediate),
        _ if word & 0x3f20_0000 == 0x3800_0000 => (&[(20, 12)], Mutation::Immediate),
        _ if word & 0x3e00_0000 == 0x2800_0000 => (&[(21, 15)], Mutation::Immediate),
        _ => (&[], Mutation::Immediate),
    }
}

/// The word with a field one unit up or down.
fn stepped(word: u32, (high, low): (u32, u32), up: bool) -> u32 {
    let mask = (u32::MAX >> (31 - (high - low))) << low;
    let step = 1 << low;
    let value = if up { word.wrapping_add(step) } else { word.wrapping_sub(step) };
    word & !mask | value & mask
}

/// The branch at `at` with another target.
fn aimed(word: u32, (high, low): (u32, u32), at: usize, target: usize) -> u32 {
    let mask = (u32::MAX >> (31 - (high - low))) << low;
    let distance = (target as u32).wrapping_sub(at as u32);
    word & !mask | distance << low & mask
}

/// Where a branch at `at` goes, if it is one; the field is its distance.
fn target((word, at): (u32, usize), (high, low): (u32, u32)) -> usize {
    let distance = (word << (31 - high)).cast_signed() >> (31 - high + low);
    at.wrapping_add_signed(distance as isize)
}

/// Puts a copy of the line at `at` behind it, and aims branches at what they were aimed
/// at before.
fn make_room(lines: &mut Vec<Line>, at: usize) {
    let moved = |index: usize| if index > at { index.wrapping_add(1) } else { index };
    for (from, line) in lines.iter_mut().enumerate() {
        if let (&[field], Mutation::Retarget) = fields(line.word) {
            let to = target((line.word, from), field);
            line.word = aimed(line.word, field, moved(from), moved(to));
        }
    }
    lines.insert(at + 1, lines[at]);
}

/// Two lines for the one at `at`, of which the first moves SP or not: the second has the
/// row of the first, and if it moves also that of the next.
fn split(subject: &Subject, at: usize) -> Vec<Vec<Line>> {
    let mut splits = Vec::new();
    for (words, moves) in halves(subject.lines[at].word) {
        let mut lines = subject.lines.clone();
        make_room(&mut lines, at);
        (lines[at].word, lines[at + 1].word) = (words[0], words[1]);
        if let Some(next) = subject.lines.get(at + 1).filter(|_| moves) {
            let mut moved = lines.clone();
            moved[at + 1].depth = next.depth;
            splits.push(moved);
        }
        splits.push(lines);
    }
    splits
}

/// Where a word names registers, by their lowest bit (Arm ARM, C4.1).
fn registers(word: u32) -> &'static [u32] {
    match word {
        // ADD and SUB of an immediate, logical immediates; of registers.
        _ if word & 0x1f80_0000 == 0x1100_0000 || word & 0x1f80_0000 == 0x1200_0000 => &[0, 5],
        _ if word & 0x1f00_0000 == 0x0a00_0000 || word & 0x1f00_0000 == 0x0b00_0000 => &[0, 5, 16],
        // Moves of an immediate, CBZ and CBNZ.
        _ if word & 0x1f80_0000 == 0x1280_0000 || word & 0x7e00_0000 == 0x3400_0000 => &[0],
        // RET and BLR.
        _ if word & 0xff9f_fc1f == 0xd61f_0000 => &[5],
        // Loads and stores: of a pair, of one register, atomic.
        _ if word & 0x3a00_0000 == 0x2800_0000 => &[0, 5, 10],
        _ if word & 0x3b20_0c00 == 0x3820_0000 => &[0, 5, 16],
        _ if word & 0x3a00_0000 == 0x3800_0000 => &[0, 5],
        _ => &[],
    }
}

/// The word with one of its registers another one.
fn renamed(word: u32) -> Vec<u32> {
    let fields = registers(word).iter();
    fields.flat_map(|&low| (28..32).map(move |to| word & !(31 << low) | to << low)).collect()
}

/// A function that differs from this one in one or two instructions or rows, at random. In
/// every other one the rows are what the judge finds on its way through: then they hide nothing.
pub(crate) fn mutated(subject: &Subject, random: &mut Random) -> Subject {
    let mut mutant = subject.clone();
    for _ in 0..1 + random.below(2) {
        mutate(&mut mutant.lines, random);
    }
    if random.below(2) == 0 {
        let depths = depths(&mutant);
        for (line, depth) in mutant.lines.iter_mut().zip(depths) {
            line.depth = depth.unwrap_or(line.depth);
        }
    }
    mutant
}

/// Changes one of the lines.
fn mutate(lines: &mut Vec<Line>, random: &mut Random) {
    let at = random.below(lines.len());
    let line = lines[at];
    match random.below(8) {
        0 if lines.len() > 2 => {
            lines.remove(at);
        }
        1 => lines.insert(at, line),
        2 if at + 1 < lines.len() => {
            (lines[at].word, lines[at + 1].word) = (lines[at + 1].word, line.word);
        }
        3 => {
            let words = [vectors(line.word), atomics(line.word)].concat();
            if !words.is_empty() {
                lines[at].word = random.of(&words);
            }
        }
        4 | 5 => {
            let words = renamed(line.word);
            if !words.is_empty() {
                lines[at].word = random.of(&words);
            }
        }
        _ => {
            let (fields, mutation) = fields(line.word);
            let Some(&field) = fields.first() else { return };
            let to = random.below(lines.len());
            let steps = random.of(&[1, 1, 1, 2, 8, 16]);
            lines[at].word = if mutation == Mutation::Retarget {
                aimed(line.word, field, at, to)
            } else {
                let up = random.below(2) == 0;
                (0..steps).fold(line.word, |word, _| stepped(word, field, up))
            };
        }
    }
}

/// Every function that differs from this one in one place.
pub(crate) fn mutants(subject: &Subject) -> Vec<Mutant> {
    let lines = &subject.lines;
    let mut mutants = Vec::new();
    for (at, &line) in lines.iter().enumerate() {
        let mut add = |mutation, change: &dyn Fn(&mut Vec<Line>)| {
            let mut mutant = subject.clone();
            change(&mut mutant.lines);
            mutants.push(Mutant { mutation, at, subject: mutant });
        };
        add(Mutation::Drop, &|mutant| {
            mutant.remove(at);
        });
        add(Mutation::Duplicate, &|mutant| mutant.insert(at, line));
        if let Some(next) = lines.get(at + 1) {
            add(Mutation::Swap, &|mutant| {
                (mutant[at].word, mutant[at + 1].word) = (next.word, line.word);
            });
        }
        let (fields, mutation) = fields(line.word);
        for &field in fields {
            for up in [false, true] {
                add(mutation, &|mutant| mutant[at].word = stepped(line.word, field, up));
            }
        }
        if let ([field], Mutation::Retarget) = (fields, mutation) {
            for target in 0..lines.len() {
                let word = aimed(line.word, *field, at, target);
                add(mutation, &|mutant| mutant[at].word = word);
            }
        }
        for lines in split(subject, at) {
            add(Mutation::Split, &|mutant| mutant.clone_from(&lines));
        }
        for word in vectors(line.word) {
            add(Mutation::Vector, &|mutant| mutant[at].word = word);
        }
        for word in atomics(line.word) {
            add(Mutation::Atomic, &|mutant| mutant[at].word = word);
        }
        for word in renamed(line.word) {
            add(Mutation::Register, &|mutant| mutant[at].word = word);
        }
        for by in [-16, 16] {
            add(Mutation::Depth, &|mutant| mutant[at].depth += by);
        }
        for class in [-1, -2, -3, -4, -5] {
            add(Mutation::Class, &|mutant| mutant[at].class = class);
        }
    }
    mutants.retain(|mutant| mutant.subject != *subject);
    mutants
}
