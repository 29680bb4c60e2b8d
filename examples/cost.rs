//! What a policy costs: the instructions that open and pop a frame, under the
//! policy before the fix of golang/go#73259, under the shipped fix, and under
//! `complete`, for every frame size.
//!
//! ```text
//! cargo run --release --example cost
//! ```
//!
//! Each size is lowered under each policy and its words are counted; sizes of one
//! class with the same three counts are printed as one line. Counted are the
//! prologue, the epilogue and the return. The stack check and the call of
//! morestack, which all three have alike, are left out.

use lowering::{Frame, FrameSize, Kind, Lowered, Os, Policy, StackCheck, lower_into};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Before the fix, with it, and the policy that satisfies every rule.
const POLICIES: [&str; 3] = ["go1.24", "go1.26", "complete"];

/// How many sizes a thread takes at a time.
const CHUNK: u32 = 1 << 16;

/// The words of a frame under each of [`POLICIES`].
type Counts = [u64; POLICIES.len()];

/// What matters of a size to the instructions that it takes: how many of them
/// make it up, as an immediate or in a register. In the order of the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    None,
    UpTo240,
    UpTo4096,
    Shifted,
    UpTo64KiB,
    UpTo16MiB,
    OneMove,
    TwoMoves,
}

impl Class {
    fn of(size: FrameSize) -> Self {
        let bytes = size.bytes();
        let run_of_ones = (bytes >> bytes.trailing_zeros().min(31)).trailing_ones();
        if bytes >= 1 << 24 {
            let one_move = bytes.is_multiple_of(1 << 16) || bytes.count_ones() == run_of_ones;
            return if one_move { Self::OneMove } else { Self::TwoMoves };
        }
        match bytes {
            0 => Self::None,
            1..=240 => Self::UpTo240,
            // A leaf adds up to 4088 to restore R29.
            241..=4096 => Self::UpTo4096,
            _ if bytes.is_multiple_of(4096) => Self::Shifted,
            _ if bytes < 1 << 16 => Self::UpTo64KiB,
            _ => Self::UpTo16MiB,
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::None => "no frame",
            Self::UpTo240 => "up to 240",
            Self::UpTo4096 => "up to 4096",
            Self::Shifted => "n x 4096, below 16 MiB",
            Self::UpTo64KiB => "other, below 64 KiB",
            Self::UpTo16MiB => "other, below 16 MiB",
            Self::OneMove => "from 16 MiB, one move",
            Self::TwoMoves => "from 16 MiB, two moves",
        }
    }
}

/// How many sizes cost the same, and the smallest of them.
#[derive(Clone, Copy)]
struct Group {
    sizes: u64,
    smallest: FrameSize,
}

/// The groups of sizes, and how many sizes there are in each.
type Groups = BTreeMap<(Class, Counts), Group>;

/// Counts the words of some sizes under each policy.
fn count(ranks: core::ops::Range<u32>, kind: Kind, policies: &[Policy]) -> Groups {
    let mut groups = Groups::new();
    let mut lowered = Lowered::new();
    for size in ranks.filter_map(FrameSize::nth) {
        let frame = Frame { size, kind, check: StackCheck::NoSplit, os: Os::Linux };
        let mut counts = Counts::default();
        for (count, policy) in counts.iter_mut().zip(policies) {
            lower_into(&frame, policy, &mut lowered);
            // The body is one word.
            *count = lowered.words().len() as u64 - 1;
        }
        add(&mut groups, (Class::of(size), counts), Group { sizes: 1, smallest: size });
    }
    groups
}

fn add(groups: &mut Groups, key: (Class, Counts), Group { sizes, smallest }: Group) {
    let group = groups.entry(key).or_insert(Group { sizes: 0, smallest });
    group.sizes += sizes;
    group.smallest = group.smallest.min(smallest);
}

fn merge(mut groups: Groups, others: Groups) -> Groups {
    for (key, group) in others {
        add(&mut groups, key, group);
    }
    groups
}

/// A number with its thousands set apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn print(kind: Kind, groups: &Groups) {
    let [old, fix, complete] = POLICIES;
    println!("{kind}: instructions");
    println!(
        "  {:<22} {:>10} {:>13} {old:>7} {fix:>7} {complete:>9}",
        "frame size", "sizes", "smallest"
    );
    let (mut sizes, mut totals) = (0, Counts::default());
    for (&(class, counts), group) in groups {
        let [old, fix, complete] = counts;
        println!(
            "  {:<22} {:>10} {:>13} {old:>7} {fix:>7} {complete:>9}",
            class.label(),
            grouped(group.sizes),
            grouped(group.smallest.bytes().into())
        );
        sizes += group.sizes;
        for (total, count) in totals.iter_mut().zip(counts) {
            *total += count * group.sizes;
        }
    }
    let [old, fix, complete] = totals.map(|total| total as f64 / sizes as f64);
    println!(
        "  {:<22} {:>10} {:>13} {old:>7.4} {fix:>7.4} {complete:>9.4}",
        "mean",
        grouped(sizes),
        ""
    );
    for (name, total) in POLICIES.into_iter().zip(totals) {
        println!("  {:<22} {:>24}", format!("total {name}"), grouped(total));
    }
    println!();
}

fn main() -> Result<(), lowering::ResolveError> {
    let mut policies = Vec::new();
    for name in POLICIES {
        policies.push(*Policy::resolve(name)?);
    }
    for kind in [Kind::NonLeaf, Kind::Leaf] {
        let groups = (0..FrameSize::COUNT.div_ceil(CHUNK))
            .into_par_iter()
            .map(|chunk| {
                let start = chunk * CHUNK;
                count(start..(start + CHUNK).min(FrameSize::COUNT), kind, &policies)
            })
            .reduce(Groups::new, merge);
        print(kind, &groups);
    }
    Ok(())
}
