//! What an assembler makes of frames, held against the policy `complete`, word by
//! word and row by row. The comparison with the releases' policies is a test
//! (`tests/toolchains.rs`); this is the same for a compiler that is built here.

use crate::assembly::{Assembled, assemble};
use crate::cases::{around_thresholds, frames, patterns};
use crate::evidence::{Outcome, Row};
use crate::toolchain::Toolchain;
use anyhow::{Context as _, Result};
use lowering::{Os, Policy, lower};
use std::collections::BTreeSet;
use std::time::Instant;
use unwind::Index;

/// Compares every kind of function of every size that the tests have.
///
/// # Errors
/// When the assembler fails.
pub fn row(toolchain: &Toolchain) -> Result<Row> {
    let started = Instant::now();
    let policy = Policy::resolve("complete")?;
    let sizes = patterns();
    let mut cases = frames(&sizes, Os::Linux);
    // The other systems differ in one instruction of the prologue at most.
    let fewer: BTreeSet<_> = sizes.iter().copied().step_by(8).chain(around_thresholds()).collect();
    cases.extend(frames(&fewer, Os::Darwin));
    cases.extend(frames(&fewer, Os::Ios));
    let assembled = assemble(toolchain, &cases)?;
    let mut different = Vec::new();
    let mut words = 0;
    for function in &assembled {
        words += function.words.len();
        different.extend(difference(function, policy)?);
    }
    let is_total = different.is_empty() && assembled.len() == cases.len();
    Ok(Row {
        toolchain: toolchain.version.clone(),
        subject: "assembler, as complete predicts".to_owned(),
        exposure: format!(
            "{} frame sizes, {} functions, {words} words and rows, {} functions differ",
            sizes.len(),
            assembled.len(),
            different.len()
        ),
        seconds: started.elapsed().as_secs_f64(),
        message: different.into_iter().take(4).collect(),
        ..Row::of(Outcome::Holds, if is_total { Outcome::Holds } else { Outcome::Fails })
    })
}

/// Both sides, if they differ.
fn difference(function: &Assembled, policy: &Policy) -> Result<Option<String>> {
    let lowered = lower(&function.frame, policy);
    let words: Vec<_> = lowered.words().iter().map(|word| word.get()).collect();
    let mut rows = Vec::new();
    for at in (0..).map(Index).take(words.len()) {
        let row = lowered.rows().row(at).context("a boundary without a row")?;
        rows.push((row.depth.0, row.unsafe_point.pcdata()));
    }
    let is_same = words == function.words && rows == function.rows;
    Ok((!is_same).then(|| {
        let Assembled { frame, words: emitted, rows: declared } = function;
        format!("{frame:?}: {emitted:08x?} {declared:?}, predicted {words:08x?} {rows:?}")
    }))
}

#[cfg(test)]
mod tests {
    use super::difference;
    use crate::assembly::Assembled;
    use lowering::{Frame, FrameSize, Kind, Os, Policy, StackCheck};

    /// `go tool asm -S` of go1.24.3 for `TEXT ·f(SB), 4|512, $0-0`, `NOOP`, `RET`.
    #[test]
    fn a_word_and_a_row_that_differ_are_told() {
        let (kind, check) = (Kind::Leaf, StackCheck::NoSplit);
        let size = FrameSize::new(0).expect("a frame size");
        let frame = Frame { size, kind, check, os: Os::Linux };
        let (words, rows) = (vec![0xd503_201f, 0xd65f_03c0], vec![(0, -1); 2]);
        let policy = Policy::resolve("complete").expect("a policy");
        let told = |words: &[u32], rows: &[(i64, i32)]| {
            let (words, rows) = (words.to_vec(), rows.to_vec());
            difference(&Assembled { frame, words, rows }, policy).expect("rows").is_some()
        };
        assert!(!told(&words, &rows));
        assert!(told(&[0xd503_201f, 0xd65f_03a0], &rows));
        assert!(told(&words, &[(0, -1), (16, -1)]));
        assert!(told(&words[..1], &rows[..1]));
    }
}
