//! Many files, one after the other for whoever reads the results, several at a time
//! for the machine.
//!
//! The functions of an image are checked on all threads already. What that leaves
//! idle, while a file is opened or unpacked, its tables are found, or an image is too
//! small to share out, is taken by the images that follow. [`Inputs`] walks the
//! arguments, bounds what is in memory, and keeps the order. One file alone needs none
//! of that.

use super::{Options, ScannedImage, scan_bytes};
use crate::inputs::{Found, Inputs, Item as Input, Origin};
use crate::progress::Progress;
use image::ErrorKind;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// What became of a file.
#[derive(Debug)]
pub enum Item {
    /// It was scanned.
    Image(ScannedImage),
    /// It was passed over: nobody named it, and it is not for us.
    Skipped {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: Skip,
    },
    /// It could not be read.
    Failed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: String,
    },
}

/// Why a file was passed over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skip {
    /// It is an executable for another machine.
    OtherArchitecture,
    /// It has no functions of Go.
    NotGo,
    /// It only begins like an executable.
    NotExecutable,
    /// The walk over the inputs says why.
    Note(String),
}

impl Skip {
    /// The reason in words.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::OtherArchitecture => "for another machine",
            Self::NotGo => "without functions of Go",
            Self::NotExecutable => "no executable",
            Self::Note(note) => note,
        }
    }
}

/// Scans what the arguments name, and hands over what became of each file, in the order
/// of the walk, as soon as it and those before it are done. Once `done` breaks no more
/// files are begun.
pub fn each(
    inputs: &Inputs,
    options: &Options,
    progress: &Progress,
    mut done: impl FnMut(Item) -> ControlFlow<()>,
) {
    if let Some(input) = inputs.sole() {
        let item = scan_one(&input, options, progress);
        // As [`Inputs::process`] does: nobody waits for it.
        rayon::spawn(move || drop(input));
        let _ = done(item);
        return;
    }
    let threads = rayon::current_num_threads();
    // In the pool: however many images there are, no more threads are at work than it has.
    let scan = |input: &Input| rayon::scope(|_| scan_one(input, options, progress));
    inputs.process(threads, scan, done);
}

fn scan_one(input: &Input, options: &Options, progress: &Progress) -> Item {
    let path = PathBuf::from(&input.name);
    let bytes = match &input.found {
        Found::Bytes(bytes) => bytes,
        Found::Note(note) => return Item::Skipped { path, reason: Skip::Note(note.clone()) },
        Found::Error(error) => return Item::Failed { path, error: format!("{error:#}") },
    };
    match scan_bytes(&path, bytes, options, progress) {
        Ok(image) => Item::Image(image),
        Err(error) => match skip(input.origin, error.kind()) {
            Some(reason) => Item::Skipped { path, reason },
            None => Item::Failed { path, error: error.to_string() },
        },
    }
}

/// What is named has to be a Go program for arm64; what lies in a directory or in an
/// archive can be another file.
fn skip(origin: Origin, kind: ErrorKind) -> Option<Skip> {
    match kind {
        _ if origin == Origin::Named => None,
        ErrorKind::NotExecutable => Some(Skip::NotExecutable),
        ErrorKind::OtherArchitecture => Some(Skip::OtherArchitecture),
        ErrorKind::NotGo => Some(Skip::NotGo),
        _ => None,
    }
}
