//! Small functions put together at random, full of branches into each other's
//! blocks. Their rows are what the interpreter found on its first way through, so
//! that many are right and many are nearly so.

use crate::interpreter::{Line, execute, visit};
use crate::report;
use verifier::{Observer, Verdict};

/// How many functions.
const FUNCTIONS: u64 = if cfg!(debug_assertions) { 6_000 } else { 200_000 };

/// SplitMix64 (Steele, Lea, Flood, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// Words of GNU as 2.40. There is no NOP among them: behind a call it would mean
/// that the call does not return, which the interpreter does not know.
const PLAIN: [u32; 22] = [
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

fn word(random: &mut Random, at: usize, len: usize) -> u32 {
    let distance = (random.below(len) as u32).wrapping_sub(at as u32);
    match random.below(20) {
        0..4 => 0xb400_0000 | (distance & 0x7ffff) << 5, // cbz x0
        4 => 0x1400_0000 | distance & 0x03ff_ffff,       // b
        5 => 0xd65f_03c0,                                // ret
        _ => random.of(&PLAIN),
    }
}

/// A function with rows that are true on at least one way to each boundary.
fn function(random: &mut Random) -> Vec<Line> {
    let len = 4 + random.below(9);
    let mut lines: Vec<_> =
        (0..len).map(|at| Line { word: word(random, at, len), depth: 0, class: -1 }).collect();
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
    let mut depths = vec![None; len];
    visit(&lines, |at, depth| {
        depths[at].get_or_insert(depth);
    });
    for (line, depth) in lines.iter_mut().zip(depths) {
        line.depth = depth.unwrap_or(0);
    }
    lines
}

#[test]
fn no_random_function_that_the_interpreter_shows_to_be_wrong_is_proved() {
    let mut random = Random(73259);
    // Proved, wrong and refuted, wrong and undecided, not wrong and not proved.
    let mut seen = [0_u32; 4];
    for _ in 0..FUNCTIONS {
        let lines = function(&mut random);
        let (wrong, report) = (execute(&lines), report(&lines));
        let observed = [
            (wrong.any(), report.verdict()),
            (wrong.profiler, report.verdict_for(Observer::Profiler)),
            (wrong.preemption, report.verdict_for(Observer::AsyncPreemption)),
        ];
        for (wrong, verdict) in observed {
            assert!(
                wrong.is_none() || verdict != Verdict::Proved,
                "proved, and wrong at {wrong:?}: {lines:08x?}\n{report:?}"
            );
        }
        seen[match (wrong.any(), report.verdict()) {
            (_, Verdict::Proved) => 0,
            (Some(_), Verdict::Refuted) => 1,
            (Some(_), _) => 2,
            (None, _) => 3,
        }] += 1;
    }
    println!("proved, refuted, undecided, doubted: {seen:?}");
    let floor = FUNCTIONS as u32 / 100;
    assert!(seen.iter().all(|&count| count > floor), "{seen:?}");
}
