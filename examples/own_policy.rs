//! A policy of one's own: written, refuted, mended, and proved.
//!
//! ```text
//! cargo run --release --example own_policy                # every frame size
//! cargo run --release --example own_policy 16..16MiB      # some of them
//! ```
//!
//! golang/go#73259 in one sentence: a large frame is popped by two ADDs, and a
//! goroutine that is preempted between them has an SP that no row of the unwind
//! table describes. Suppose that we want to keep the two ADDs, since they cost
//! nothing, and so tell the table about the step in between. That is the draft
//! below. It is proved or refuted for every frame size, leaf or not. The exit status
//! is 0 if the draft is refuted and what comes of it is proved.

use core::ops::Range;
use lowering::constant::LongConstants;
use lowering::encode::Reg;
use lowering::epilogue::{Epilogue, OwnPop};
use lowering::policy::{IosStore, LargePop, LeafPop, SmallPop};
use lowering::pseudo::Op;
use lowering::{Frame, FrameSize, Kind, Os, Policy, StackCheck};
use midframe::progress::Progress;
use midframe::prove::{Request, Theorem, prove};
use midframe::report::text;
use midframe::settings;
use std::process::ExitCode;
use verifier::Verdict;

// The policy: everything from here to the next rule is what an engineer writes.
// ----------------------------------------------------------------------------

/// Pops every frame, of leaves and of others, by `pop`.
const fn policy(name: &'static str, pop: fn(&Frame, &mut Epilogue)) -> Policy {
    Policy {
        name,
        summary: "R29 and LR loaded, then SP moved by ADDs",
        releases: &[],
        leaf_pop: LeafPop::Own(OwnPop(pop)),
        small_pop: SmallPop::PairAndAdd,
        large_pop: LargePop::Own(OwnPop(pop)),
        long_constants: LongConstants::WideMoves,
        ios_store: IosStore::Preemptible,
    }
}

/// The first attempt: each ADD has a row of its own.
fn draft(frame: &Frame, epilogue: &mut Epilogue) {
    pop(frame, epilogue, |low, high, epilogue| {
        epilogue.emit_popping(Op::add(low, Reg::SP, Reg::SP), low);
        epilogue.emit_popping(Op::add(high, Reg::SP, Reg::SP), high);
    });
}

/// What the counterexample teaches: SP must not stop halfway. R20 may, since an
/// injected call preserves it and no result is returned in it.
fn mended(frame: &Frame, epilogue: &mut Epilogue) {
    pop(frame, epilogue, |low, high, epilogue| {
        epilogue.emit(Op::add(low, Reg::SP, Reg::R20));
        epilogue.emit_popping(Op::add(high, Reg::R20, Reg::SP), low + high);
    });
}

/// What both have in common; `in_two` pops sizes of 24 bits that no ADD takes.
fn pop(frame: &Frame, epilogue: &mut Epilogue, in_two: fn(i64, i64, &mut Epilogue)) {
    let size = i64::from(frame.size.bytes());
    let (low, high) = (size & 0xfff, size & !0xfff);
    epilogue.emit(Op::load_pair(-8, Reg::FP, Reg::LR));
    if size >= 1 << 24 {
        epilogue.emit(Op::MoveConst { value: size, to: Reg::R20 });
        let add = Op::AddReg { by: Reg::R20, from: Reg::SP, to: Reg::SP };
        epilogue.emit_popping(add, size);
    } else if low != 0 && high != 0 {
        in_two(low, high, epilogue);
    } else {
        epilogue.emit_popping(Op::add(size, Reg::SP, Reg::SP), size);
    }
}
// ----------------------------------------------------------------------------

/// Lowers and verifies frame sizes one by one, and prints the theorems.
fn theorems(policy: Policy, frames: &Range<u32>) -> Vec<Theorem> {
    let request = Request {
        policies: vec![policy],
        frames: frames.clone(),
        check: StackCheck::WhereNeeded,
        os: Os::Linux,
    };
    let theorems = prove(&request, &Progress::on_terminal()).theorems;
    for Theorem { policy, kind, tally, .. } in &theorems {
        let (frames, refuted, verdict) = (tally.frames, tally.refuted, tally.verdict());
        println!("{}, {kind}: {verdict} ({refuted} of {frames} frame sizes refuted)", policy.name);
    }
    theorems
}

/// Prints the smallest refuted frame, boundary by boundary, and what is wrong.
fn counterexample(theorem: &Theorem) {
    if let Some(size) = theorem.tally.smallest {
        let frame = Frame::new(size, theorem.kind);
        let listing = midframe::lower::list(frame, theorem.policy, theorem.policy.name);
        println!("\n{}", text::plain(&text::lower(&listing)));
        println!(
            "SP is where the row says at every boundary. But the row also says that a frame is\n\
             still open there, so an unwinder takes the word at SP for the return address, and\n\
             halfway up that is a local variable.\n"
        );
    }
}

fn main() -> anyhow::Result<ExitCode> {
    // From 16 bytes on: a function without a frame pops nothing.
    let frames = match std::env::args().nth(1) {
        Some(frames) => settings::frames(Some(&frames))?,
        None => 1..FrameSize::COUNT,
    };
    let first = theorems(policy("draft", draft), &frames);
    first.iter().filter(|theorem| theorem.kind == Kind::NonLeaf).for_each(counterexample);
    let second = theorems(policy("mended", mended), &frames);
    let all = |theorems: &[Theorem], verdict| {
        theorems.len() == 2 && theorems.iter().all(|theorem| theorem.tally.verdict() == verdict)
    };
    let as_expected = all(&first, Verdict::Refuted) && all(&second, Verdict::Proved);
    Ok(if as_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
