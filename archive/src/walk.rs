//! From what something is to what is in it.

use crate::error::{Error, Limit, Reason};
use crate::input::{Cursor, Input, Slice};
use crate::meter::Meter;
use crate::sniff::{Format, Kind, sniff};
use crate::{Content, Event, Tally, ar, cpio, name, rpm, tar, unpack, zip};
use std::borrow::Cow;
use std::io::Read;
use std::ops::ControlFlow;

/// Whom events go to.
pub(crate) type Visitor<'v> = dyn FnMut(Event<'_>) -> ControlFlow<()> + 'v;

/// A visit under way.
pub(crate) struct Walk<'v> {
    /// What is counted.
    pub(crate) meter: &'v Meter,
    /// How many streams are open, the archive itself not counted.
    pub(crate) streams: usize,
    /// What was seen.
    pub(crate) tally: Tally,
    visitor: &'v mut Visitor<'v>,
    depth: u32,
    held: u64,
    windows: u64,
}

/// What came of looking at something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looked {
    /// It is neither executable nor archive.
    Past,
    /// An archive, walked as far as it goes, or an executable, handed over.
    Inside,
    /// There are fewer bytes than there should be; nobody was told.
    Short,
    /// The visitor was told that it failed, or will be told by whoever opened the
    /// stream that broke.
    Failed,
}

impl<'v> Walk<'v> {
    pub(crate) fn new(meter: &'v Meter, visitor: &'v mut Visitor<'v>) -> Self {
        let (streams, depth, held, windows) = (0, 0, 0, 0);
        Self { meter, streams, tally: Tally::default(), visitor, depth, held, windows }
    }

    /// Looks at a file or member, whatever it is.
    pub(crate) fn look(&mut self, path: &str, mut input: Input<'_>) -> Looked {
        if self.meter.stopped() {
            return Looked::Failed;
        }
        let Ok(head) = input.head() else { return self.broken(path) };
        match sniff(head) {
            Kind::Other => Looked::Past,
            Kind::Executable => self.hand_over(path, input),
            Kind::Archive(_) if self.depth == self.meter.limits.depth => {
                self.failed(path, Limit::Depth(self.depth).into())
            }
            Kind::Archive(format) => {
                self.depth += 1;
                self.tally.archives += 1;
                let looked = self.open(format, path, input);
                self.depth -= 1;
                looked
            }
        }
    }

    /// Looks at a member of an archive.
    pub(crate) fn member(&mut self, archive: &str, member: &[u8], input: Input<'_>) -> Looked {
        let path = name::join(archive, member);
        if self.count_member(&path) { self.look(&path, input) } else { Looked::Failed }
    }

    /// Counts a member; `false` if it is one too many.
    pub(crate) fn count_member(&mut self, path: &str) -> bool {
        self.tally.members += 1;
        let most = self.meter.limits.members;
        if self.tally.members > most && !self.meter.stopped() {
            self.failed(path, Limit::Members(most).into());
            self.meter.stop();
        }
        !self.meter.stopped()
    }

    /// Tells the visitor that something failed.
    pub(crate) fn failed(&mut self, path: &str, error: Error) -> Looked {
        self.tell(Event::Failed { path, error });
        Looked::Failed
    }

    /// A stream broke while a member was read: whoever opened the stream tells.
    pub(crate) fn broken(&mut self, path: &str) -> Looked {
        self.meter.breaks_at(path);
        Looked::Failed
    }

    /// Tells the visitor that something is passed over.
    pub(crate) fn skipped(&mut self, path: &str, reason: Reason) -> Looked {
        self.tell(Event::Skipped { path, reason });
        Looked::Inside
    }

    /// A decompressor starts that may look back at so many bytes.
    pub(crate) fn open_window(&mut self, bytes: u64) -> Result<(), Limit> {
        let most = self.meter.limits.windows;
        if self.windows + bytes > most {
            return Err(Limit::Windows(most));
        }
        self.windows += bytes;
        self.streams += 1;
        Ok(())
    }

    /// It ends.
    pub(crate) fn close_window(&mut self, bytes: u64) {
        self.windows -= bytes;
        self.streams -= 1;
    }

    fn tell(&mut self, event: Event<'_>) {
        if !self.meter.stopped() && (self.visitor)(event).is_break() {
            self.meter.stop();
        }
    }

    fn open(&mut self, format: Format, path: &str, input: Input<'_>) -> Looked {
        match format {
            Format::Gzip | Format::Xz | Format::Zstd | Format::Bzip2 => {
                unpack::file(self, format, path, input)
            }
            Format::Tar => tar::walk(self, path, Cursor::new(input)),
            Format::Cpio => cpio::walk(self, path, Cursor::new(input)),
            Format::Rpm => rpm::walk(self, path, Cursor::new(input)),
            Format::Zip => self.with_slice(path, input, zip::walk),
            Format::Ar => self.with_slice(path, input, ar::walk),
        }
    }

    /// Walks an archive that is read by offset: in place, or in memory.
    fn with_slice(
        &mut self,
        path: &str,
        input: Input<'_>,
        walk: fn(&mut Self, &str, Slice<'_>) -> Looked,
    ) -> Looked {
        if let Some(slice) = input.as_slice() {
            return walk(self, path, slice);
        }
        let size = input.size;
        let bytes = match self.hold(path, input) {
            Ok(bytes) => bytes,
            Err(looked) => return looked,
        };
        let looked = walk(self, path, Slice { bytes: &bytes, at: None });
        self.held -= bytes.len() as u64;
        let short = size.is_some_and(|size| (bytes.len() as u64) < size);
        if short && looked != Looked::Failed { Looked::Short } else { looked }
    }

    fn hand_over(&mut self, path: &str, input: Input<'_>) -> Looked {
        let size = input.size;
        let (bytes, offset) = match input.as_slice() {
            Some(Slice { bytes, at: Some(at) }) => (Cow::Borrowed(bytes), Some(at)),
            // A part of an archive in memory: whoever takes it makes a copy.
            Some(Slice { bytes, at: None }) => {
                if let Err(limit) = self.fits(bytes.len() as u64) {
                    return self.failed(path, limit.into());
                }
                (Cow::Borrowed(bytes), None)
            }
            None => match self.hold(path, input) {
                Ok(bytes) => {
                    self.held -= bytes.len() as u64;
                    (Cow::Owned(bytes), None)
                }
                Err(looked) => return looked,
            },
        };
        if size.is_some_and(|size| (bytes.len() as u64) < size) {
            return Looked::Short;
        }
        self.tally.executables += 1;
        self.tell(Event::Member { path, content: Content { bytes, offset } });
        Looked::Inside
    }

    fn fits(&self, bytes: u64) -> Result<(), Limit> {
        let most = self.meter.limits.memory;
        if bytes > most - self.held { Err(Limit::Memory(most)) } else { Ok(()) }
    }

    /// Reads all of a stream into memory, which counts as held.
    fn hold(&mut self, path: &str, mut input: Input<'_>) -> Result<Vec<u8>, Looked> {
        // What the archive says, which is allocated once and costs nothing until it is
        // filled; without that the buffer grows.
        let expected = input.size.unwrap_or(0);
        let mut bytes = Vec::new();
        let limit = match (self.fits(expected), usize::try_from(expected)) {
            (Ok(()), Ok(size)) if bytes.try_reserve_exact(size).is_ok() => None,
            (Err(limit), _) => Some(limit),
            _ => Some(Limit::Memory(self.meter.limits.memory)),
        };
        if let Some(limit) = limit {
            return Err(self.failed(path, limit.into()));
        }
        let mut block = vec![0; BLOCK];
        loop {
            let count = match input.read(&mut block) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => return Err(self.broken(path)),
            };
            if let Err(limit) = self.fits((bytes.len() + count) as u64) {
                return Err(self.failed(path, limit.into()));
            }
            if bytes.try_reserve(count).is_err() {
                return Err(self.failed(path, Limit::Memory(self.meter.limits.memory).into()));
            }
            bytes.extend_from_slice(&block[..count]);
        }
        self.held += bytes.len() as u64;
        Ok(bytes)
    }
}

/// How much is read at once.
const BLOCK: usize = 64 << 10;
