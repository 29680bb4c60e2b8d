//! `midframe conform`: which policy built a binary, and where its code is not what
//! that policy predicts.
//!
//! The frame size of each compiled function comes from its rows, leaf or not from
//! its calls. The `lowering` crate predicts from them the stack check, the
//! prologue, the call of morestack and the epilogues under each policy; they are
//! compared word by word with what stands there, but for the distances of
//! branches, whose targets are compared instead. A policy that predicts every
//! prologue and epilogue is a candidate; the version that the binary names has no
//! say ([`select`] tells candidates apart).
//!
//! What stands where the model has nothing to say is a named kind of deviation
//! ([`Variation`]); anything else is unexplained. The arguments that the call of
//! morestack spills and reloads are the function's, not the frame's, and are
//! passed over.

mod head;
mod listing;
pub mod predict;
pub mod select;
mod survey;
mod tail;
mod words;

use crate::map::FileBytes;
use anyhow::Result;
use core::fmt;
use image::Image;
pub use listing::{Deviation, MAX_LISTED};
use lowering::Policy;
use predict::PolicySet;
use select::Choice;
use std::path::{Path, PathBuf};
pub use survey::{Piece, Survey, survey};
pub use words::alike;
pub(crate) use words::is_argument_access;

/// What stands in a function besides the words of the model.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Variation {
    /// The prologue of a wrapper, up to go1.25: it is followed by a check of the
    /// innermost panic (`obj7.go`, `Wrapper`).
    WrapperPanicCheck,
    /// A hook is called before the stack check (`-d=maymorestack`).
    MayMoreStack,
    /// The function runs on the system stack (`//go:systemstack`): the stack guard
    /// is `stackguard1`.
    SystemStackCheck,
    /// The call of morestack is out of a conditional branch's reach, 1 MiB
    /// (`asm7.go`, `fixUpLongBranch`).
    FarBranch,
    /// The frame is popped, and another function is jumped to instead of the
    /// return (`obj7.go`, `retjmp`).
    TailJump,
}

impl Variation {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::WrapperPanicCheck,
        Self::MayMoreStack,
        Self::SystemStackCheck,
        Self::FarBranch,
        Self::TailJump,
    ];

    /// The name in output.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::WrapperPanicCheck => "wrapper-panic-check",
            Self::MayMoreStack => "maymorestack",
            Self::SystemStackCheck => "systemstack-check",
            Self::FarBranch => "far-branch",
            Self::TailJump => "tail-jump",
        }
    }

    /// One line on what it is.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::WrapperPanicCheck => "a wrapper's prologue, followed by its panic check",
            Self::MayMoreStack => "a hook called before the stack check",
            Self::SystemStackCheck => "a stack check against the system stack's guard",
            Self::FarBranch => "a branch to morestack that is out of range, by way of another",
            Self::TailJump => "a jump to another function in place of the return",
        }
    }
}

impl fmt::Display for Variation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// What was found in a file.
#[derive(Debug)]
pub struct Conformed {
    /// The file.
    pub path: PathBuf,
    /// Its format.
    pub container: String,
    /// Its architecture.
    pub architecture: &'static str,
    /// The version of Go that it names.
    pub go_version: Option<String>,
    /// The policies that it was held against.
    pub policies: Vec<Policy>,
    /// What stands in it.
    pub survey: Survey,
    /// Who built it.
    pub choice: Choice,
    /// What deviates from the best candidate, by address; at most [`MAX_LISTED`].
    pub deviations: Vec<Deviation>,
}

impl Conformed {
    /// How many prologues and epilogues stand as the best candidate predicts them.
    #[must_use]
    pub fn matched(&self) -> u64 {
        self.survey.matched(self.choice.best, None)
    }

    /// How many do not, and are of no named kind.
    #[must_use]
    pub fn unexplained(&self) -> u64 {
        self.survey.unexplained(self.choice.best)
    }
}

/// Holds a file against the policies of the releases.
///
/// # Errors
/// When it cannot be read, or is not an executable with Go functions for arm64.
pub fn conform_file(path: &Path) -> Result<Conformed> {
    let file = FileBytes::open(path)?;
    let image = Image::parse(file.bytes())?;
    let policies: Vec<_> = Policy::released().copied().collect();
    let survey = survey(&image, &policies);
    let choice = select::choose(&survey, &policies);
    let deviations = listing::deviations(&image, &survey, &policies, choice.best);
    Ok(Conformed {
        path: path.to_owned(),
        container: image.container().to_string(),
        architecture: image.architecture(),
        go_version: image.go_version().map(str::to_owned),
        policies,
        survey,
        choice,
        deviations,
    })
}

/// Those of the policies that are of the set.
pub fn names(policies: &[Policy], set: PolicySet) -> impl Iterator<Item = &'static str> {
    set.ranks().filter_map(|rank| policies.get(rank)).map(|policy| policy.name)
}
