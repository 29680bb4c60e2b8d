//! Small functions put together at random, full of branches into each other's
//! blocks. Their rows are what the judge found on its first way through, so that
//! many are right and many are nearly so.

use crate::judge::depths;
use crate::subject::{Line, Rule, Signals, Subject};
use crate::tally::{Tally, Trial};
use verifier::Checker;

/// How many functions.
const FUNCTIONS: u64 = if cfg!(debug_assertions) { 8_000 } else { 200_000 };

/// SplitMix64 (Steele, Lea, Flood, 2014).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// Words of GNU as 2.40: moves of SP. There is no NOP among them: behind a call it
/// would mean that the call does not return, which the judge does not know.
const MOVES: [u32; 22] = [
    0xd100_43ff, // sub sp, sp, #16
    0xd100_43ff, // sub sp, sp, #16
    0xd100_43ff, // sub sp, sp, #16
    0x9100_43ff, // add sp, sp, #16
    0x9100_43ff, // add sp, sp, #16
    0x9100_43ff, // add sp, sp, #16
    0xf81f_0ffe, // str x30, [sp, #-16]!
    0xf841_07fe, // ldr x30, [sp], #16
    0xa9be_7bfb, // stp x27, x30, [sp, #-32]!
    0xa8c2_7bfd, // ldp x29, x30, [sp], #32
    0xd280_021b, // movz x27, #16
    0xd280_021b, // movz x27, #16
    0xd280_041b, // movz x27, #32
    0x9100_437b, // add x27, x27, #16
    0xaa14_03fb, // mov x27, x20
    0x8b3b_63ff, // add sp, sp, x27
    0x8b3b_63ff, // add sp, sp, x27
    0xcb3b_63ff, // sub sp, sp, x27
    0x9100_03f4, // mov x20, sp
    0x9100_029f, // mov sp, x20
    0xd100_43f4, // sub x20, sp, #16
    0x9400_0000, // bl .
];

/// Saves and restores, and what is near them.
const SAVES: [u32; 28] = [
    0xf81f_0ffe, // str x30, [sp, #-16]!
    0xf81f_83fd, // stur x29, [sp, #-8]
    0xd100_23fd, // sub x29, sp, #8
    0xf85f_83fd, // ldur x29, [sp, #-8]
    0xf841_07fe, // ldr x30, [sp], #16
    0xa97f_fbfd, // ldp x29, x30, [sp, #-8]
    0x9100_43ff, // add sp, sp, #16
    0xd100_43f4, // sub x20, sp, #16
    0xa93f_fa9d, // stp x29, x30, [x20, #-8]
    0x9100_029f, // mov sp, x20
    0x9100_23fd, // add x29, sp, #8
    0xf900_03fe, // str x30, [sp]
    0xf900_03e0, // str x0, [sp]
    0xf940_03fe, // ldr x30, [sp]
    0xb900_03e0, // str w0, [sp]
    0xf81f_03fe, // stur x30, [sp, #-16]
    0xf85f_03fe, // ldur x30, [sp, #-16]
    0xf900_07fe, // str x30, [sp, #8]
    0xaa1e_03e3, // mov x3, x30
    0xaa03_03fe, // mov x30, x3
    0xf800_83be, // stur x30, [x29, #8]
    0xa93f_ffff, // stp xzr, xzr, [sp, #-8]
    0xfc1f_83fd, // stur d29, [sp, #-8]
    0xfc5f_83fd, // ldur d29, [sp, #-8]
    0x3d80_03e0, // str q0, [sp]
    0xf820_83e1, // swp x0, x1, [sp]
    0xf83e_03fe, // ldadd x30, x30, [sp]
    0x9400_0000, // bl .
];

fn word(random: &mut Random, plain: &[u32], at: usize, len: usize) -> u32 {
    let distance = (random.below(len) as u32).wrapping_sub(at as u32);
    match random.below(20) {
        0..2 => 0xb400_0000 | (distance & 0x7ffff) << 5, // cbz x0
        2 => 0xb500_0014 | (distance & 0x7ffff) << 5,    // cbnz x20
        3 => 0x5400_0000 | (distance & 0x7ffff) << 5,    // b.eq
        4 => 0x1400_0000 | distance & 0x03ff_ffff,       // b
        5 => 0xd65f_03c0,                                // ret
        6 => 0xf100_0e9f,                                // cmp x20, #3
        _ => random.of(plain),
    }
}

/// A function with rows that are true on at least one way to each boundary.
pub(crate) fn function(random: &mut Random) -> Subject {
    let len = 4 + random.below(9);
    let plain = random.of(&[&MOVES[..], &SAVES[..]]);
    let line = |at| Line { word: word(random, plain, at, len), depth: 0, class: -1 };
    let mut lines: Vec<_> = (0..len).map(line).collect();
    if let Some(last) = lines.last_mut() {
        last.word = 0; // udf
    }
    // In every other function some runs are unsafe or restart.
    if random.below(2) == 0 {
        let mut class = -1;
        for line in &mut lines {
            if random.below(3) == 0 {
                class = random.of(&[-1, -2, -2, -3, -4, -5]);
            }
            line.class = class;
        }
    }
    let mut subject = Subject::new(lines);
    if random.below(4) == 0 {
        subject.signals = Signals::Goroutine;
    }
    let depths = depths(&subject);
    for (line, depth) in subject.lines.iter_mut().zip(depths) {
        line.depth = depth.unwrap_or(0);
    }
    subject
}

/// How many objections rest on an assumption of the verifier at most: a store through a
/// register whose value comes from another block, over a saved word.
const MAX_ASTRAY: f64 = FUNCTIONS as f64 / 50_000.0;

#[test]
fn no_random_function_that_the_judge_sees_to_be_wrong_is_proved() {
    let (mut random, mut checker) = (Random::new(73259), Checker::new());
    let (mut all, mut objections) = (Tally::default(), Vec::new());
    let (mut cut_off, mut astray) = (0, 0_u32);
    for _ in 0..FUNCTIONS {
        let subject = function(&mut random);
        let trial = Trial::of(&subject, &mut checker);
        all.count(&trial);
        cut_off += u32::from(trial.judged.cut_off);
        match trial.objection() {
            Some(_) if trial.judged.is_astray => astray += 1,
            Some(objection) => {
                let (listing, report) = (subject.listing(), trial.report);
                objections.push(format!("Random at 0: {objection}\n{listing}{report:?}\n"));
            }
            None => {}
        }
    }
    println!("random functions, {cut_off} of them cut off, {astray} against an assumption");
    println!("{:<10} {}", "", Tally::HEADER);
    println!("{:<10} {all}", "all");
    all.print_rules();
    crate::mutation::assert_none(&objections);
    assert!(f64::from(astray) <= MAX_ASTRAY, "{astray} against an assumption");
    let floor = FUNCTIONS as u32 / 100;
    assert!(all.refuted > floor && all.undecided > floor && all.proved > 10 * floor, "{all:?}");
    // A load from below SP of what was never stored, R27 lost that was never set.
    // And what comes of resuming in front of a trap.
    all.assert_refuted("random", [0.005, 0.03, 0.005, 0.005]);
    crate::mutation::assert_within("random", &all, 99 * floor, 0.015, 0.05);
    for (rule, (seen, _)) in Rule::ALL.into_iter().zip(all.rules) {
        let enough = if rule == Rule::BelowSp { floor / 2 } else { floor };
        assert!(seen > enough || rule == Rule::SpAlign, "{}: {seen}", rule.id());
    }
}
