//! The boundaries around the one that is explained, for a drawing.

use super::{Checked, Scene, word};
use unwind::{Depth, Index, Row, Word};
use verifier::Rule;

/// How many boundaries before and behind one are shown with it.
const NEAR: u32 = 5;

/// A boundary near the one that is explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Near {
    /// Its place in the function.
    pub at: Index,
    /// The instruction behind it.
    pub word: Word,
    /// What the table declares.
    pub row: Option<Row>,
    /// Where SP is; none where execution does not come.
    pub actual: Option<Depth>,
    /// The rules that are broken.
    pub rules: Vec<Rule>,
}

impl Checked {
    /// The boundaries around one, as far as a drawing shows them.
    pub(super) fn near(&mut self, scene: &Scene<'_>, at: Index) -> Vec<Near> {
        let function = &scene.function;
        let indices = at.0.saturating_sub(NEAR)..=at.0.saturating_add(NEAR);
        let words = indices.filter_map(|at| Some((Index(at), *word(function, Index(at))?)));
        let near = words.map(|(at, word)| {
            let rules = self.findings(scene).filter(|(place, ..)| *place == at);
            let mut rules: Vec<_> = rules.map(|(_, broken)| broken.rule).collect();
            rules.sort_unstable();
            rules.dedup();
            let actual = self.checker.state_at(function, at).map(|state| state.depth);
            Near { at, word, row: function.rows.row(at), actual, rules }
        });
        near.collect()
    }
}
