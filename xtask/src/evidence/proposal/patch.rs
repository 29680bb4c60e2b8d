//! The policy `complete` as a change to the assembler's own source, `obj7.go`: two
//! places hand over to functions of ours, and one line moves.
//!
//! 1. What a leaf does before it returns, behind the question whether it has a frame.
//! 2. How a large frame of another function is popped, behind the load of R29 and LR.
//! 3. On ios, the end of the unsafe point in the prologue, behind the second store of
//!    the pair.
//!
//! The places are found by what they are: a release in which they are not so is an
//! error, never a change elsewhere.

use super::edit::Source;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::Path;

/// Where the assembler is, below `GOROOT`.
pub const PACKAGE: &str = "src/cmd/internal/obj/arm64";

/// The functions that pop.
const POP: &str = include_str!("../guest/pop.go");

/// Makes the change in a copy of the sources.
///
/// # Errors
/// When a file cannot be read or written, or a place is not found.
pub fn apply(goroot: &Path) -> Result<()> {
    let package = goroot.join(PACKAGE);
    let path = package.join("obj7.go");
    let text = fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
    let text = change(text).with_context(|| format!("cannot change {}", path.display()))?;
    fs::write(&path, text)?;
    fs::write(package.join("pop.go"), POP)?;
    Ok(())
}

/// The source with the change made.
///
/// # Errors
/// When a place is not found.
pub fn change(text: String) -> Result<String> {
    let mut source = Source::new(text);
    pop_of_a_leaf(&mut source).context("what a leaf does before it returns")?;
    pop_of_a_large_frame(&mut source).context("how a large frame is popped")?;
    second_store_on_ios(&mut source).context("the second store of the pair on ios")?;
    Ok(source.text().to_owned())
}

/// The question whether the function is a leaf, where a return is lowered.
fn lowering_of_returns(source: &Source) -> Result<core::ops::Range<usize>> {
    let case = source.only(&source.whole(), "\tcase obj.ARET:\n")?;
    let end = source.first(&(case.end..source.whole().end), "\n\t\tcase ")?.start;
    Ok(case.end..end)
}

fn pop_of_a_leaf(source: &mut Source) -> Result<()> {
    let returns = lowering_of_returns(source)?;
    let leaf = source.block(&returns, "Mark&LEAF != 0 {")?;
    let framed = source.block(&leaf, "if aoffset != 0 {")?;
    source.expect(&framed, &["REGFP", "p.Spadj = -c.autosize"])?;
    source.replace(framed, "\n\t\t\t\t\tp = c.popLeaf(p)\n\t\t\t\t")
}

fn pop_of_a_large_frame(source: &mut Source) -> Result<()> {
    let returns = lowering_of_returns(source)?;
    let leaf = source.block(&returns, "Mark&LEAF != 0 {")?;
    let small = source.block(&(leaf.end..returns.end), "else if aoffset <= 0xF0 {")?;
    let large = source.block(&(small.end..returns.end), "else {")?;
    source.expect(&large, &["ALDP", "REGFP", "REGLINK"])?;
    let opening = source.only(&large, "if aoffset < 1<<12 {")?;
    let immediate = source.block(&large, "if aoffset < 1<<12 {")?;
    let register = source.block(&(immediate.end..large.end), "else {")?;
    source.expect(&immediate, &["AADD", "Spadj = -aoffset"])?;
    source.expect(&register, &["REGTMP", "AADD", "Spadj = -aoffset"])?;
    source.replace(opening.start..register.end + 1, "p = c.popFrame(p)")
}

fn second_store_on_ios(source: &mut Source) -> Result<()> {
    let opening = "if buildcfg.GOOS == \"ios\" {";
    let found = source.only(&source.whole(), opening)?;
    let store = source.block(&source.whole(), opening)?;
    source.expect(&store, &["ASTP", "REGFP", "REGLINK", "REGSP"])?;
    let before = source.get(0..found.start)?.trim_end();
    let start = before.rfind('\n').context("nothing before it")?;
    let line = before.get(start..).context("nothing before it")?.to_owned();
    if !line.trim_start().starts_with("q1 = c.ctxt.EndUnsafePoint(") {
        bail!("the unsafe point does not end right before it, but there is {:?}", line.trim());
    }
    let end = start + line.len();
    source.replace(store.end + 1..store.end + 1, &line)?;
    source.replace(start..end, "")
}

#[cfg(test)]
mod tests;
