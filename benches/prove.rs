//! Frames decided per core-second in the shape of the whole table: every size, leaf and
//! not, under all policies. Beside it in the same run, the same frames only lowered:
//! `cargo bench --bench prove`.

use lowering::{Frame, FrameSize, Kind, Lowered, Os, Policy, StackCheck, lower_into};
use midframe::prove::{Prover, Request};
use std::hint::black_box;
use std::time::Instant;

/// A sixty-fourth of the domain, in pieces spread over it.
const PIECES: u32 = 64;
const PIECE: u32 = FrameSize::COUNT / 64 / PIECES;

/// How many frames a run has: sizes, kinds and policies.
const FRAMES: f64 = (PIECES * PIECE) as f64 * 2.0 * Policy::BUILT_IN.len() as f64;

/// The best of three runs, in frames per second.
fn rate(mut run: impl FnMut(u32)) -> f64 {
    let mut best: f64 = 0.0;
    for _ in 0..3 {
        let start = Instant::now();
        for piece in 0..PIECES {
            run(piece * (FrameSize::COUNT / PIECES));
        }
        best = best.max(FRAMES / start.elapsed().as_secs_f64());
    }
    best
}

fn main() {
    let request = Request {
        policies: Policy::BUILT_IN.to_vec(),
        frames: 0..FrameSize::COUNT,
        check: StackCheck::WhereNeeded,
        os: Os::Linux,
    };
    let mut prover = Prover::default();
    let mut sequences = 0;
    let proved = rate(|first| {
        sequences += black_box(prover.prove(first..first + PIECE, &request)).sequences;
    });
    let mut lowered = Policy::BUILT_IN.map(|_| Lowered::new());
    let only_lowered = rate(|first| {
        for size in (first..first + PIECE).filter_map(FrameSize::nth) {
            for kind in [Kind::Leaf, Kind::NonLeaf] {
                for (policy, lowered) in Policy::BUILT_IN.iter().zip(&mut lowered) {
                    lower_into(&Frame::new(size, kind), policy, lowered);
                    black_box((lowered.words(), lowered.rows()));
                }
            }
        }
    });
    let share = f64::from(u32::try_from(sequences / 3).unwrap_or(u32::MAX)) / FRAMES;
    println!(
        "{:.2} million frames/core-second proved, {:.2} only lowered, ratio {:.2}",
        proved / 1e6,
        only_lowered / 1e6,
        proved / only_lowered
    );
    println!("{share:.3} distinct sequences a frame, each verified");
    let table = f64::from(FrameSize::COUNT) * 2.0 * Policy::BUILT_IN.len() as f64;
    println!("the whole table: {:.0} core-seconds", table / proved);
}
