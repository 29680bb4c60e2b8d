//! Which files are held against each other: two that are named, or those that have the
//! same name in two directories.

use super::group::Groups;
use super::image_pair::review_images;
use super::{Review, Subject};
use crate::map::FileBytes;
use crate::progress::Progress;
use anyhow::{Context as _, Result};
use image::{ErrorKind, Image};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Holds two files against each other.
///
/// # Errors
/// When one cannot be read, or is not an executable with Go functions for arm64.
pub fn review_files(sides: [&Path; 2], examples: usize, progress: &Progress) -> Result<Review> {
    let mut review = Review::new(Subject::Functions, sides.map(|path| path.display().to_string()));
    let mut groups = Groups::new(examples);
    review.add("", sides, &mut groups, progress)?;
    Ok(review.finish(groups))
}

/// Holds the programs of two directories against each other, by their names in them.
/// What only one of them has is told, if it is a Go program for arm64. Links are not
/// followed, and archives are not looked into.
///
/// # Errors
/// When a directory cannot be walked. A file that cannot be read is told in the review.
pub fn review_directories(
    sides: [&Path; 2],
    examples: usize,
    progress: &Progress,
) -> Result<Review> {
    let mut review = Review::new(Subject::Functions, sides.map(|path| path.display().to_string()));
    let mut groups = Groups::new(examples);
    let [old, new] = sides;
    let (before, now) = (names(old)?, names(new)?);
    for name in before.union(&now) {
        let paths = [old.join(name), new.join(name)];
        let is_program = |path: &Path| -> Result<bool> {
            let file = FileBytes::open(path)?;
            match Image::parse(file.bytes()) {
                Ok(_) => Ok(true),
                Err(error) if is_other(error.kind()) => Ok(false),
                Err(error) => Err(error.into()),
            }
        };
        let both = before.contains(name) && now.contains(name);
        let mut programs = [false; 2];
        for ((path, names), found) in paths.iter().zip([&before, &now]).zip(&mut programs) {
            if names.contains(name) {
                match is_program(path) {
                    Ok(program) => *found = program,
                    Err(error) => review.errors.push((path.clone(), format!("{error:#}"))),
                }
            }
        }
        match programs {
            [true, true] => {
                let [old, new] = &paths;
                let name = name.display().to_string();
                review.add(&name, [old, new], &mut groups, progress)?;
            }
            [false, false] => {}
            // A file of the same name that is no program for us any more, or was none.
            [is_old, _] => {
                let side = usize::from(!is_old);
                let failed = review.errors.iter().any(|(path, _)| paths.contains(path));
                if let Some(alone) = review.alone.get_mut(side).filter(|_| !(both && failed)) {
                    alone.push(name.clone());
                }
            }
        }
    }
    Ok(review.finish(groups))
}

impl Review {
    fn add(
        &mut self,
        name: &str,
        [old, new]: [&Path; 2],
        groups: &mut Groups,
        progress: &Progress,
    ) -> Result<()> {
        let named = |path: &Path| path.display().to_string();
        let before = FileBytes::open(old).with_context(|| named(old))?;
        let now = FileBytes::open(new).with_context(|| named(new))?;
        let before = Image::parse(before.bytes()).with_context(|| named(old))?;
        let now = Image::parse(now.bytes()).with_context(|| named(new))?;
        let sides = [(&*named(old), &before), (&*named(new), &now)];
        let (pair, theirs) = review_images(name, sides, groups.examples, progress);
        self.push(pair, theirs, groups);
        Ok(())
    }
}

/// The files of a directory, by their names in it.
fn names(directory: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut names = BTreeSet::new();
    for entry in WalkDir::new(directory) {
        let entry = entry.with_context(|| directory.display().to_string())?;
        if entry.file_type().is_file()
            && let Ok(name) = entry.path().strip_prefix(directory)
        {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}

/// What lies in a directory can be another file.
const fn is_other(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotExecutable | ErrorKind::OtherArchitecture | ErrorKind::NotGo)
}
