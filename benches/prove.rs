//! Frames proved per core-second, and beside them, in the same run, frames that are
//! only lowered; what that makes for the whole table: `cargo bench --bench prove`.

use lowering::{Frame, FrameSize, Kind, Lowered, Os, Policy, StackCheck, lower_into};
use midframe::prove::{Prover, Request};
use std::hint::black_box;
use std::time::Instant;

/// A sixteenth of the domain, in pieces spread over it.
const PIECES: u32 = 64;
const PIECE: u32 = FrameSize::COUNT / 16 / PIECES;

/// The best of three runs, in frames per second.
fn rate(mut run: impl FnMut(u32)) -> f64 {
    let mut best: f64 = 0.0;
    for _ in 0..3 {
        let start = Instant::now();
        for piece in 0..PIECES {
            run(piece * (FrameSize::COUNT / PIECES));
        }
        best = best.max(f64::from(PIECES * PIECE) / start.elapsed().as_secs_f64());
    }
    best
}

fn main() {
    let mut table = 0.0;
    for policy in Policy::BUILT_IN {
        for kind in [Kind::Leaf, Kind::NonLeaf] {
            let request = Request {
                policies: vec![policy],
                frames: 0..FrameSize::COUNT,
                check: StackCheck::WhereNeeded,
                os: Os::Linux,
            };
            let mut prover = Prover::default();
            let proved = rate(|first| {
                black_box(prover.prove(first..first + PIECE, &request, &policy, kind));
            });
            let mut lowered = Lowered::new();
            let only_lowered = rate(|first| {
                for size in (first..first + PIECE).filter_map(FrameSize::nth) {
                    lower_into(&Frame::new(size, kind), &policy, &mut lowered);
                    black_box((lowered.words(), lowered.rows()));
                }
            });
            table += f64::from(FrameSize::COUNT) / proved;
            println!(
                "{:<10} {kind:<8}  {:>6.2} million frames/core-second proved, {:>6.2} only lowered, ratio {:.2}",
                policy.name,
                proved / 1e6,
                only_lowered / 1e6,
                proved / only_lowered
            );
        }
    }
    println!("the whole table: {table:.0} core-seconds");
}
