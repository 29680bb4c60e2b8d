//! The story of a boundary of a function in a file.

use super::{Checked, Explained, Place, Scene, Subject, beside};
use crate::map::FileBytes;
use crate::surroundings::Surrounded;
use a64::decode::{Inst, decode};
use anyhow::{Result, bail};
use image::{Function, Image};
use lowering::{Frame, FrameSize, Kind, Os, StackCheck};
use std::path::Path;
use unwind::{Depth, Index, Preemption, RowTable};

/// How many names an error lists.
const NEAR: usize = 5;

/// The story of a boundary of the function with this name; of the first one with a
/// finding if none is named, or else of the first that is undecided, or of the entry.
///
/// # Errors
/// When the file cannot be read, has no such function (the error names some that
/// are like it) or no such boundary.
pub fn explain_binary(path: &Path, name: &str, place: Option<Place>) -> Result<Explained> {
    let file = FileBytes::open(path)?;
    let image = Image::parse(file.bytes())?;
    let function = find(&image, name, place)?;
    let mut rows = RowTable::new();
    function.rows(&mut rows)?;
    let surrounded = Surrounded::new(&image, &function);
    let scene = Scene {
        function: surrounded.subject(&rows),
        name: image.go_version().unwrap_or("the file").to_owned(),
        release: image.release(),
        preemption: &|pc| function.preemption(pc).unwrap_or(Preemption::Async),
    };
    let mut checked = Checked::new(&scene.function);
    let at = match place {
        Some(place) => scene.index(place)?,
        None => checked
            .first_finding(&scene)
            .or_else(|| checked.undecided().first().map(|undecided| undecided.at))
            .unwrap_or_default(),
    };
    let story = checked.story(&scene, at);
    let kind = kind(&scene.function);
    let frame = frame(&scene.function, story.frame_size, kind);
    Ok(Explained {
        subject: Subject::Binary {
            path: path.display().to_string(),
            function: String::from_utf8_lossy(function.name()).into_owned(),
            go_version: image.go_version().map(str::to_owned),
        },
        kind,
        story,
        beside: frame.and_then(|frame| beside(frame, &scene.function, at)),
        others: checked.others(&scene, at),
        undecided: checked.undecided().to_vec(),
        boundaries: checked.boundaries(),
    })
}

/// The function with a name. Of several, the one that the address lies in, or the
/// first.
fn find<'i>(image: &'i Image<'_>, name: &str, place: Option<Place>) -> Result<Function<'i>> {
    let functions = (0..image.function_count()).filter_map(|index| image.function(index).ok());
    let named = functions.filter(|function| function.name() == name.as_bytes());
    let mut first = None;
    for function in named {
        match place {
            Some(Place::Address(pc)) if !holds(&function, pc.0) => {
                first = first.or(Some(function));
            }
            _ => return Ok(function),
        }
    }
    if let Some(function) = first {
        return Ok(function);
    }
    let near = near(image, name);
    if near.is_empty() {
        bail!("there is no function {name:?} in the file");
    }
    bail!("there is no function {name:?} in the file; there is {}", near.join(", "))
}

fn holds(function: &Function<'_>, address: u64) -> bool {
    let offset = address.checked_sub(function.entry.0);
    offset.is_some_and(|offset| offset / 4 < function.code.len() as u64)
}

/// The names that are most like `name`: those that contain it first, the shortest
/// first; then those that few edits lead to.
fn near(image: &Image<'_>, name: &str) -> Vec<String> {
    let wanted = name.to_lowercase();
    let most = wanted.chars().count().div_ceil(3).min(6);
    let mut near: Vec<(usize, usize, String)> = Vec::new();
    for index in 0..image.function_count() {
        let Ok(function) = image.function(index) else { continue };
        let candidate = String::from_utf8_lossy(function.name()).into_owned();
        let lower = candidate.to_lowercase();
        let rank = if !wanted.is_empty() && lower.contains(&wanted) {
            Some(0)
        } else {
            distance(&wanted, &lower, most)
        };
        if let Some(rank) = rank {
            near.push((rank, candidate.len(), candidate));
            // Bounded, however many names there are.
            if near.len() > 64 * NEAR {
                near.sort();
                near.truncate(NEAR);
            }
        }
    }
    near.sort();
    near.dedup();
    near.into_iter().take(NEAR).map(|(.., name)| format!("{name:?}")).collect()
}

/// How many characters have to be added, dropped or changed to make one text of the
/// other, if they are at most `most`.
fn distance(first: &str, second: &str, most: usize) -> Option<usize> {
    let (first, second): (Vec<_>, Vec<_>) = (first.chars().collect(), second.chars().collect());
    if first.len().abs_diff(second.len()) > most {
        return None;
    }
    let mut row: Vec<usize> = (0..=second.len()).collect();
    for (i, a) in first.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (above, b) in row.iter_mut().skip(1).zip(&second) {
            let changed = diagonal + usize::from(a != b);
            diagonal = *above;
            left = changed.min(left + 1).min(*above + 1);
            *above = left;
        }
        if let Some(edge) = row.first_mut() {
            *edge = i + 1;
        }
    }
    row.last().copied().filter(|&distance| distance <= most)
}

/// A function is a leaf if it makes no call with its frame open; that of morestack
/// is made before.
fn kind(function: &verifier::Function<'_>) -> Kind {
    let open = |at| function.rows.row(at).is_some_and(|row| row.depth > Depth(0));
    let mut calls = (0_u32..)
        .map(Index)
        .zip(function.words)
        .filter(|(_, word)| matches!(decode(**word), Inst::Call { .. } | Inst::CallReg { .. }));
    if calls.any(|(at, _)| open(at)) { Kind::NonLeaf } else { Kind::Leaf }
}

/// `MOVD 16(g), R16`: the first instruction of the check for stack space
/// (`obj7.go`, `stacksplit`).
const STACK_CHECK: u32 = 0xf940_0b90;

/// The frame that a policy would lower for the function.
fn frame(function: &verifier::Function<'_>, size: Depth, kind: Kind) -> Option<Frame> {
    let size = FrameSize::new(u64::try_from(size.0).ok()?).ok()?;
    let checks = function.words.first().is_some_and(|word| word.get() == STACK_CHECK);
    let check = if checks { StackCheck::WhereNeeded } else { StackCheck::NoSplit };
    Some(Frame { size, kind, check, os: Os::Linux })
}
