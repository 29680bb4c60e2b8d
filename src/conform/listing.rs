//! What deviates, with both listings.

use super::Variation;
use super::predict::{Part, Predictions};
use super::survey::{Piece, Survey};
use image::Image;
use lowering::{FrameSize, Kind, Policy};
use unwind::{Index, Pc, Word};

/// How many deviations are listed; the rest is counted.
pub const MAX_LISTED: usize = 100_000;

/// A prologue or an epilogue that is not as it is predicted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// The function's name.
    pub function: String,
    /// The function's first instruction.
    pub entry: Pc,
    /// What it is.
    pub part: Part,
    /// The kind, if it is one of those that have a name.
    pub variation: Option<Variation>,
    /// The frame size, from the rows.
    pub frame_size: FrameSize,
    /// Leaf or not.
    pub kind: Kind,
    /// The first instruction listed.
    pub at: Index,
    /// What the best candidate predicts from there on.
    pub predicted: Vec<Word>,
    /// What stands there.
    pub actual: Vec<Word>,
}

impl Deviation {
    /// The first boundary listed.
    #[must_use]
    pub fn pc(&self) -> Pc {
        Pc(self.entry.0.wrapping_add(self.at.offset()))
    }
}

/// The deviations of a survey from the policy of this rank, by address; at most
/// [`MAX_LISTED`], and those without a name before the others.
pub(super) fn deviations(
    image: &Image<'_>,
    survey: &Survey,
    policies: &[Policy],
    rank: usize,
) -> Vec<Deviation> {
    let deviating = survey.pieces.iter().filter(|piece| !piece.matches(rank));
    let (named, unnamed): (Vec<_>, Vec<_>) =
        deviating.partition(|piece| piece.policies.contains(rank));
    let mut listed: Vec<&Piece> = unnamed.into_iter().chain(named).take(MAX_LISTED).collect();
    listed.sort_by_key(|piece| (piece.function, !piece.is_prologue(), piece.at));
    let mut predictions = Predictions::new(policies);
    let deviation = |piece| deviation(image, piece, &mut predictions, rank);
    listed.into_iter().filter_map(deviation).collect()
}

fn deviation(
    image: &Image<'_>,
    piece: &Piece,
    predictions: &mut Predictions<'_>,
    rank: usize,
) -> Option<Deviation> {
    let function = image.function(piece.function).ok()?;
    let predicted = predictions.get(piece.size, piece.kind).words(piece.part, rank).to_vec();
    let length = predicted.len() as u32;
    let (start, end) = match piece.part {
        Part::Epilogue => ((piece.at.0 + 1).saturating_sub(length), piece.at.0 + 1),
        _ => (piece.at.0, piece.at.0 + if piece.words == 0 { length } else { piece.words }),
    };
    let code = function.code;
    let end = (end as usize).min(code.len());
    Some(Deviation {
        function: String::from_utf8_lossy(function.name()).into_owned(),
        entry: function.entry,
        part: piece.part,
        variation: piece.variation.filter(|_| piece.policies.contains(rank)),
        frame_size: piece.size,
        kind: piece.kind,
        at: Index(start),
        predicted,
        actual: code.get(start as usize..end).unwrap_or_default().to_vec(),
    })
}
