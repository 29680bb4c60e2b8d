//! Where machine words go.

use unwind::Word;

/// The machine words of a function, or of a part of one.
pub type Words = Vec<Word>;

/// Takes machine words, one after the other.
pub trait WordSink {
    /// The next word.
    fn push(&mut self, word: Word);
}

impl WordSink for Words {
    #[inline(always)]
    fn push(&mut self, word: Word) {
        Self::push(self, word);
    }
}

/// Writes words over those of an earlier function. How many there are is kept
/// here and not in the memory that is written to, so that a word does not wait
/// for the one before it.
#[derive(Debug)]
pub(crate) struct Overwrite<'a> {
    words: &'a mut Words,
    count: usize,
}

impl<'a> Overwrite<'a> {
    pub(crate) const fn new(words: &'a mut Words) -> Self {
        Self { words, count: 0 }
    }

    /// Behind the words of another function.
    #[inline(always)]
    pub(crate) fn behind(others: &[Word], words: &'a mut Words) -> Self {
        match words.get_mut(..others.len()) {
            Some(words) => words.copy_from_slice(others),
            None => {
                words.clear();
                words.extend_from_slice(others);
            }
        }
        Self { words, count: others.len() }
    }

    /// How many words there are.
    #[inline(always)]
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// Replaces a word that is there.
    #[inline(always)]
    pub(crate) fn replace(&mut self, at: usize, word: Word) {
        if let Some(slot) = self.words.get_mut(at) {
            *slot = word;
        }
    }

    /// Forgets what is left of the earlier function.
    #[inline(always)]
    pub(crate) fn finish(self) {
        // Nothing is written where nothing changes: who reads the length next
        // would wait for it.
        if self.count < self.words.len() {
            self.words.truncate(self.count);
        }
    }
}

impl WordSink for Overwrite<'_> {
    #[inline(always)]
    fn push(&mut self, word: Word) {
        match self.words.get_mut(self.count) {
            Some(slot) => *slot = word,
            None => self.words.push(word),
        }
        self.count += 1;
    }
}
