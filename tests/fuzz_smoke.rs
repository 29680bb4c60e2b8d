//! The functions of the fuzz targets on a bounded number of mutated seeds,
//! without a fuzzer: what broke once in a long run breaks here again.

#[path = "../fuzz/src/lib.rs"]
pub mod targets;

/// How many inputs each target gets.
const INPUTS: u32 = 4000;

/// The numbers of a run, the same each time (xorshift64, Marsaglia 2003).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

/// Values that lengths and offsets go wrong at.
const EDGES: [u64; 8] =
    [0, 1, 0x7f, 0x80, 0x7fff_ffff, 0xffff_ffff, 0x8000_0000_0000_0000, u64::MAX];

/// One to four changes of a seed.
fn mutate(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len().max(1));
        let width = [1, 2, 4, 8][random.below(4)];
        match random.below(6) {
            0 => bytes.truncate(at),
            1 => bytes.extend(EDGES[random.below(8)].to_le_bytes()),
            2 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (at % 8)),
            3 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.next() as u8),
            4 => overwrite(&mut bytes, at, &random.next().to_le_bytes()[..width]),
            _ => overwrite(&mut bytes, at, &EDGES[random.below(8)].to_le_bytes()[..width]),
        }
    }
    bytes
}

fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    for (to, from) in bytes.iter_mut().skip(at).zip(with) {
        *to = *from;
    }
}

fn check(name: &str) {
    let targets = targets::TARGETS.iter().filter(|(target, _)| *target == name);
    let targets: Vec<_> = targets.collect();
    let [(_, target)] = targets.as_slice() else { panic!("{} targets {name}", targets.len()) };
    let seeds = targets::seeds(name);
    assert!(!seeds.is_empty(), "{name} has no seed");
    seeds.iter().for_each(|seed| target(seed));
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for input in 0..INPUTS {
        let bytes = mutate(&seeds[input as usize % seeds.len()], &mut random);
        let outcome = std::panic::catch_unwind(|| target(&bytes));
        assert!(outcome.is_ok(), "{name}: input {input} of {} bytes breaks it", bytes.len());
    }
}

#[test]
fn archive() {
    check("archive");
}

#[test]
fn image() {
    check("image");
}

#[test]
fn pctab() {
    check("pctab");
}

#[test]
fn scan() {
    check("scan");
}

#[test]
fn decode() {
    check("decode");
}

#[test]
fn checker() {
    check("checker");
}
