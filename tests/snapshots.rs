//! Pins the emitted sequence, with words and rows, around each size at which it
//! changes: one file for each size and kind of function in `snapshots/`, in which
//! policies that emit the same stand together.
//!
//! The listing is printed from the words by the verifier's decoder; that the
//! words are right is what `recorded.rs` and `toolchains.rs` show.

use a64::syntax::GoSyntax;
use lowering::{Frame, FrameSize, Kind, Lowered, Policy, lower};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use unwind::Index;

/// Which command accepts a change.
const ACCEPT: &str =
    "to accept after a review of the difference: INSTA_UPDATE=always cargo test --test snapshots";

/// The sizes at which the sequence changes under some policy, for leaves or for
/// others: each is the first with some pseudo-instruction, or with one that
/// becomes so many words.
const THRESHOLDS: [u64; 14] = [
    16,
    128,
    144,
    256,
    4096,
    4112,
    4224,
    4240,
    65552,
    65664,
    65680,
    0x10_0000,
    1 << 24,
    (1 << 24) + 16,
];

fn sizes() -> BTreeSet<u64> {
    THRESHOLDS.iter().flat_map(|&size| [size - 16, size]).collect()
}

fn listing(lowered: &Lowered) -> String {
    let mut text = String::new();
    for (at, word) in (0_u32..).map(Index).zip(lowered.words()) {
        let row = lowered.rows().row(at).expect("a row at each boundary");
        let instruction = GoSyntax(*word).to_string();
        let (depth, class) = (row.depth, row.unsafe_point.pcdata());
        let offset = at.offset();
        writeln!(text, "+{offset:#04x}  {word}  {instruction:<26}  {depth:>8} {class:>3}")
            .expect("text");
    }
    text
}

/// The listings of all policies for one frame, those that agree together.
fn snapshot(frame: &Frame) -> String {
    let mut groups: Vec<(Vec<&str>, String)> = Vec::new();
    for policy in &Policy::BUILT_IN {
        let listing = listing(&lower(frame, policy));
        match groups.iter_mut().find(|(_, known)| *known == listing) {
            Some((names, _)) => names.push(policy.name),
            None => groups.push((vec![policy.name], listing)),
        }
    }
    let header = "offset  word  instruction  declared depth  PCDATA_UnsafePoint\n";
    let groups = groups.iter().map(|(names, listing)| format!("\n{}\n{listing}", names.join(" ")));
    header.to_owned() + &groups.collect::<String>()
}

#[test]
fn sequences_around_every_threshold() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(ACCEPT);
    settings.bind(|| {
        for size in sizes() {
            for kind in [Kind::Leaf, Kind::NonLeaf] {
                let frame = Frame::new(FrameSize::new(size).expect("a frame size"), kind);
                insta::assert_snapshot!(format!("{kind}-{size:08}"), snapshot(&frame));
            }
        }
    });
}

/// What a sequence is made of: each pseudo-instruction with its region and the
/// number of words that it became.
fn shape(size: u64, kind: Kind, policy: &Policy) -> Vec<String> {
    let frame = Frame::new(FrameSize::new(size).expect("a frame size"), kind);
    let expansions = lowering::expansions(&frame, policy);
    let part = |expansion: &lowering::Expansion| {
        let op = format!("{:?}", expansion.prog.op);
        let name = op.split(' ').next().unwrap_or("").to_owned();
        let words = expansion.end.0 - expansion.start.0;
        format!("{:?} {name} {words}", expansion.prog.region)
    };
    expansions.iter().map(part).collect()
}

/// The smallest size with each part is pinned, and so is the size before it: in
/// the first 256 KiB and around each power of two above.
#[test]
fn the_first_size_of_every_part_is_pinned() {
    let pinned = sizes();
    let near = |bit: u32| (-9..=9).map(move |step| (1_u64 << bit).saturating_add_signed(step * 16));
    let above = (18..30).flat_map(near);
    let sizes: Vec<u64> = (0..256 * 1024).step_by(16).chain(above).collect();
    for policy in &Policy::BUILT_IN {
        for kind in [Kind::Leaf, Kind::NonLeaf] {
            let mut known = BTreeSet::new();
            for &size in &sizes {
                for part in shape(size, kind, policy) {
                    let first = known.insert(part.clone());
                    let neighbours =
                        pinned.contains(&size) && (size == 0 || pinned.contains(&(size - 16)));
                    assert!(!first || neighbours, "{} {kind} {size}: {part}", policy.name);
                }
            }
            assert!(known.len() > 12, "{} {kind}: {known:?}", policy.name);
        }
    }
}
