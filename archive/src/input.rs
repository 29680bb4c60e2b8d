//! Where the bytes of an archive or a member come from: a slice, of which parts
//! are handed on without a copy, or a reader, which goes past once.

use crate::sniff::HEAD;
use std::io::{self, Read};

/// Bytes that stand somewhere.
#[derive(Clone, Copy)]
pub(crate) struct Slice<'s> {
    /// The bytes.
    pub(crate) bytes: &'s [u8],
    /// Where they start in the bytes that are visited, if they are a part of them.
    pub(crate) at: Option<usize>,
}

impl<'s> Slice<'s> {
    /// So many bytes from an offset on, or as many as there are.
    pub(crate) fn part(self, start: u64, size: u64) -> Self {
        let start = clip(start, self.bytes.len());
        let end = start + clip(size, self.bytes.len() - start);
        Self { bytes: &self.bytes[start..end], at: self.at.map(|at| at + start) }
    }
}

fn clip(number: u64, length: usize) -> usize {
    usize::try_from(number).map_or(length, |number| number.min(length))
}

/// Bytes to be read from the start.
pub(crate) struct Input<'s> {
    body: Body<'s>,
    /// How many bytes there should be, if the archive around says so.
    pub(crate) size: Option<u64>,
}

enum Body<'s> {
    Slice(Slice<'s>),
    /// What was read to look at, how much of it was read again, and the rest.
    Stream(Vec<u8>, usize, Box<dyn Read + 's>),
}

impl<'s> Input<'s> {
    /// The bytes of a slice.
    pub(crate) fn slice(slice: Slice<'s>, size: Option<u64>) -> Self {
        Self { body: Body::Slice(slice), size }
    }

    /// What a reader yields.
    pub(crate) fn stream(reader: impl Read + 's, size: Option<u64>) -> Self {
        Self { body: Body::Stream(Vec::new(), 0, Box::new(reader)), size }
    }

    /// The first [`HEAD`] bytes, or all of them.
    pub(crate) fn head(&mut self) -> io::Result<&[u8]> {
        match &mut self.body {
            Body::Slice(slice) => Ok(&slice.bytes[..slice.bytes.len().min(HEAD)]),
            Body::Stream(head, _, reader) => {
                if head.is_empty() {
                    reader.by_ref().take(HEAD as u64).read_to_end(head)?;
                }
                Ok(head)
            }
        }
    }

    /// The bytes that are left, if they stand somewhere.
    pub(crate) fn as_slice(&self) -> Option<Slice<'s>> {
        match &self.body {
            Body::Slice(slice) => Some(*slice),
            Body::Stream(..) => None,
        }
    }
}

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.body {
            Body::Slice(slice) => {
                let count = slice.bytes.len().min(buffer.len());
                buffer[..count].copy_from_slice(&slice.bytes[..count]);
                *slice = slice.part(count as u64, u64::MAX);
                Ok(count)
            }
            Body::Stream(head, taken, reader) => {
                let left = &head[*taken..];
                if left.is_empty() {
                    return reader.read(buffer);
                }
                let count = left.len().min(buffer.len());
                buffer[..count].copy_from_slice(&left[..count]);
                *taken += count;
                Ok(count)
            }
        }
    }
}

/// An archive that is read from its start to its end.
pub(crate) struct Cursor<'s> {
    input: Input<'s>,
    /// How many bytes were passed.
    pub(crate) at: u64,
}

impl<'s> Cursor<'s> {
    /// At the start.
    pub(crate) fn new(input: Input<'s>) -> Self {
        Self { input, at: 0 }
    }

    /// Fills a buffer, or less of it at the end of the input. Returns how much.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.input.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.at += filled as u64;
        Ok(filled)
    }

    /// Passes bytes. Returns how many there were.
    pub(crate) fn skip(&mut self, count: u64) -> io::Result<u64> {
        let passed = if let Body::Slice(slice) = &mut self.input.body {
            let before = slice.bytes.len();
            *slice = slice.part(count, u64::MAX);
            (before - slice.bytes.len()) as u64
        } else {
            drain(&mut self.input.by_ref().take(count))?
        };
        self.at += passed;
        Ok(passed)
    }

    /// Hands a member of so many bytes to `look` and passes it. Returns what `look`
    /// returns, and how many bytes of the member there were.
    pub(crate) fn member<T>(
        &mut self,
        size: u64,
        look: impl FnOnce(Input<'_>) -> T,
    ) -> io::Result<(T, u64)> {
        if let Body::Slice(slice) = &mut self.input.body {
            let member = slice.part(0, size);
            *slice = slice.part(size, u64::MAX);
            let found = member.bytes.len() as u64;
            self.at += found;
            return Ok((look(Input::slice(member, Some(size))), found));
        }
        let mut member = self.input.by_ref().take(size);
        let looked = look(Input::stream(&mut member, Some(size)));
        drain(&mut member)?;
        let found = size - member.limit();
        self.at += found;
        Ok((looked, found))
    }

    /// What was not read yet.
    pub(crate) fn rest(self) -> Input<'s> {
        match self.input.body {
            Body::Slice(slice) => Input::slice(slice, None),
            Body::Stream(..) => Input::stream(self.input, None),
        }
    }
}

/// Reads to the end and keeps nothing. Returns how many bytes there were.
pub(crate) fn drain(reader: &mut dyn Read) -> io::Result<u64> {
    io::copy(reader, &mut io::sink())
}
