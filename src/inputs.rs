//! What `scan` is asked to look at, as items: files, directories, archives and
//! standard input.
//!
//! [`Inputs::process`] walks the arguments on a thread of its own, in order, and each
//! directory in the order of names. Workers get the items; what they return is handed
//! back in the order of the walk, whichever is done first, and long before the walk
//! ends.
//!
//! Who owns what: an item owns its bytes. Those of a file, and of what lies
//! uncompressed in an archive, are a memory map, which all items of that archive
//! share; those that had to be unpacked are counted until they are dropped, as soon as
//! the worker has handed over what it made of them. The walk waits when more than
//! [`Limits::memory`] of them are under way, or when results wait for an item that takes
//! long. So there are at most twice that many bytes in memory (the walk unpacks the next
//! member meanwhile), windows of decompressors, and a bounded number of results.
//!
//! Symbolic links are followed where they are named, and passed over in directories.
//! Which executables matter is not decided here: all are handed on, of whatever
//! machine. What is neither executable nor archive is handed on if it was named and
//! passed over otherwise.

mod gate;
#[cfg(test)]
mod tests;

use crate::map::FileBytes;
use anyhow::{Context as _, Result, anyhow};
use archive::{Event, HEAD, Kind, Limits, Tally, is_archive, sniff};
use core::ops::{ControlFlow, Deref, Range};
use gate::{Gate, Permit};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use walkdir::WalkDir;

/// The arguments of a scan.
#[derive(Clone, Debug)]
pub struct Inputs {
    paths: Vec<PathBuf>,
    limits: Limits,
}

/// Something to look at, or to say.
#[derive(Debug)]
pub struct Item {
    /// What it is called: a path, `archive!member`, or `-`. Control characters are
    /// in it as they are.
    pub name: String,
    /// How it was found.
    pub origin: Origin,
    /// What it is.
    pub found: Found,
}

/// How an item was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An argument names it.
    Named,
    /// It is a file in a directory.
    Directory,
    /// It is in an archive, or was unpacked.
    Archive,
}

/// What an item is.
#[derive(Debug)]
pub enum Found {
    /// A file or member that starts like an executable; if it was named, any file
    /// that is no archive.
    Bytes(Bytes),
    /// Something that is passed over, and why.
    Note(String),
    /// Something that cannot be read, and why.
    Error(anyhow::Error),
}

/// The bytes of an item.
#[derive(Debug)]
pub struct Bytes {
    whole: Arc<Whole>,
    range: Range<usize>,
    /// Counts the bytes as under way, if they are in memory.
    _permit: Option<Permit>,
}

#[derive(Debug)]
enum Whole {
    File(FileBytes),
    Memory(Vec<u8>),
}

impl Deref for Whole {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::File(file) => file.bytes(),
            Self::Memory(bytes) => bytes,
        }
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.whole.get(self.range.clone()).unwrap_or_default()
    }
}

impl Bytes {
    /// All bytes of a file or of the memory, which is not counted.
    fn all(whole: Arc<Whole>) -> Self {
        let range = 0..whole.len();
        Self { whole, range, _permit: None }
    }
}

impl Inputs {
    /// Files, directories, archives, and `-` for standard input.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>) -> Self {
        Self { paths, limits: Limits::default() }
    }

    /// With other bounds on archives.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Calls `work` for each item on so many threads (at least one), and `emit` on
    /// this thread with what it returns, in the order of the walk. `emit` ends
    /// everything with [`ControlFlow::Break`]: what was not begun then never is.
    ///
    /// An item is dropped once its result is handed over: it takes a while to unmap a
    /// large file, and nobody has to wait for that.
    ///
    /// # Panics
    /// If `work` or `emit` does.
    pub fn process<R: Send>(
        &self,
        threads: usize,
        work: impl Fn(&Item) -> R + Sync,
        mut emit: impl FnMut(R) -> ControlFlow<()>,
    ) {
        let threads = threads.max(1);
        let gate = Gate::new(self.limits.memory, threads);
        let (items, queue) = sync_channel(threads);
        let (results, done) = channel();
        // The workers alone have it: when they are gone, the walk cannot hand over.
        let queue = Arc::new(Mutex::new(queue));
        thread::scope(|scope| {
            let walk = Walk { gate: &gate, items, next: 0, limits: &self.limits };
            scope.spawn(|| walk.paths(&self.paths));
            for _ in 0..threads {
                let (results, queue) = (results.clone(), Arc::clone(&queue));
                let (gate, work) = (&gate, &work);
                scope.spawn(move || run(gate, &queue, &results, work));
            }
            drop((results, queue));
            // If this thread panics, the others are to end.
            let _guard = gate.stop_on_panic();
            let (mut waiting, mut next) = (BTreeMap::new(), 0);
            for (number, result) in done {
                waiting.insert(number, result);
                while let Some(result) = waiting.remove(&next) {
                    next += 1;
                    gate.emitted(next);
                    if !gate.stopped() && emit(result).is_break() {
                        gate.stop();
                    }
                }
            }
        });
    }

    /// The item of a file that is all there is, and no archive: nobody has to walk, to
    /// wait, or to keep an order.
    #[must_use]
    pub fn sole(&self) -> Option<Item> {
        let [path] = &*self.paths else { return None };
        if path.as_os_str() == "-" || !path.is_file() {
            return None;
        }
        let (kind, file) = open(path).ok()?;
        let is_archive = matches!(kind, Kind::Archive(_));
        let name = path.display().to_string();
        let found = || Found::Bytes(Bytes::all(Arc::new(Whole::File(file))));
        (!is_archive).then(|| Item { name, origin: Origin::Named, found: found() })
    }
}

/// A worker.
fn run<R>(
    gate: &Arc<Gate>,
    queue: &Mutex<Receiver<(u64, Item)>>,
    results: &Sender<(u64, R)>,
    work: impl Fn(&Item) -> R,
) {
    let _guard = gate.stop_on_panic();
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, item)) = next else { break };
        if !gate.stopped() && results.send((number, work(&item))).is_err() {
            break;
        }
    }
}

/// The walk over the arguments.
struct Walk<'w> {
    gate: &'w Arc<Gate>,
    items: SyncSender<(u64, Item)>,
    next: u64,
    limits: &'w Limits,
}

impl Walk<'_> {
    fn paths(mut self, paths: &[PathBuf]) {
        let _guard = self.gate.stop_on_panic();
        for path in paths {
            let name = path.display().to_string();
            let walked = if path.as_os_str() == "-" {
                self.stdin(&name)
            } else if path.is_dir() {
                self.directory(path)
            } else {
                self.file(path, &name, Origin::Named)
            };
            if walked.is_break() {
                break;
            }
        }
    }

    /// Files in the order of names, directory by directory.
    fn directory(&mut self, path: &Path) -> ControlFlow<()> {
        for entry in WalkDir::new(path).sort_by_file_name() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let name = error.path().unwrap_or(path).display().to_string();
                    let error = error.into_io_error().unwrap_or(io::ErrorKind::Other.into());
                    let error = anyhow!(error).context("cannot be read");
                    self.give(name, Origin::Directory, Found::Error(error))?;
                    continue;
                }
            };
            let (kind, name) = (entry.file_type(), entry.path().display().to_string());
            if kind.is_file() {
                self.file(entry.path(), &name, Origin::Directory)?;
            } else if !kind.is_dir() && !kind.is_symlink() {
                let note = Found::Note("is not a regular file: skipped".to_owned());
                self.give(name, Origin::Directory, note)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn file(&mut self, path: &Path, name: &str, origin: Origin) -> ControlFlow<()> {
        let (kind, file) = match open(path) {
            Ok((Kind::Other, _)) if origin != Origin::Named => return ControlFlow::Continue(()),
            Ok(opened) => opened,
            Err(error) => return self.give(name.to_owned(), origin, Found::Error(error)),
        };
        let whole = Arc::new(Whole::File(file));
        if matches!(kind, Kind::Archive(_)) {
            let limits = *self.limits;
            return self.archive(name, origin, |walk, failed| {
                archive::visit(name, &whole, &limits, &mut |event| {
                    walk.event(event, Some(&whole), failed)
                })
            });
        }
        self.give(name.to_owned(), origin, Found::Bytes(Bytes::all(whole)))
    }

    /// Standard input: an archive as it comes, anything else as a whole.
    fn stdin(&mut self, name: &str) -> ControlFlow<()> {
        let (mut head, mut input) = (Vec::new(), io::stdin().lock());
        let read = input.by_ref().take(HEAD as u64).read_to_end(&mut head);
        if let Err(error) = read {
            let error = anyhow!(error).context("cannot be read");
            return self.give(name.to_owned(), Origin::Named, Found::Error(error));
        }
        let limits = *self.limits;
        if is_archive(&head) {
            return self.archive(name, Origin::Named, |walk, failed| {
                let mut input = io::Cursor::new(head).chain(input);
                archive::visit_reader(name, &mut input, &limits, &mut |event| {
                    walk.event(event, None, failed)
                })
            });
        }
        let found = input.take(limits.memory).read_to_end(&mut head).context("cannot be read");
        let found = match found {
            Ok(_) if head.len() as u64 > limits.memory => {
                let most = limits.memory;
                Found::Error(anyhow!("is longer than {most} bytes: expected an executable"))
            }
            Ok(_) => Found::Bytes(Bytes::all(Arc::new(Whole::Memory(head)))),
            Err(error) => Found::Error(error),
        };
        self.give(name.to_owned(), Origin::Named, found)
    }

    /// Visits an archive, and says so if a named one holds nothing to look at.
    fn archive(
        &mut self,
        name: &str,
        origin: Origin,
        visit: impl FnOnce(&mut Self, &mut bool) -> Tally,
    ) -> ControlFlow<()> {
        let mut failed = false;
        let tally = visit(self, &mut failed);
        if self.gate.stopped() {
            return ControlFlow::Break(());
        }
        if origin == Origin::Named && tally.executables == 0 && !failed {
            let note = format!("holds no executable (members looked at: {})", tally.members);
            return self.give(name.to_owned(), origin, Found::Note(note));
        }
        ControlFlow::Continue(())
    }

    /// Hands on what an archive holds.
    fn event(
        &mut self,
        event: Event<'_>,
        whole: Option<&Arc<Whole>>,
        failed: &mut bool,
    ) -> ControlFlow<()> {
        let (path, found) = match event {
            Event::Member { path, content } => {
                let bytes = match content.range().zip(whole) {
                    Some((range, whole)) => {
                        Bytes { whole: Arc::clone(whole), range, _permit: None }
                    }
                    None => {
                        let range = 0..content.bytes().len();
                        // Before there is a copy.
                        let permit = self.gate.hold(range.len() as u64)?;
                        let whole = Arc::new(Whole::Memory(content.into_owned()));
                        Bytes { whole, range, _permit: Some(permit) }
                    }
                };
                (path, Found::Bytes(bytes))
            }
            Event::Skipped { path, reason } => (path, Found::Note(reason.to_string())),
            Event::Failed { path, error } => {
                *failed = true;
                (path, Found::Error(error.into()))
            }
            other => (NO_NAME, Found::Error(anyhow!("{other:?} is not understood"))),
        };
        self.give(path.to_owned(), Origin::Archive, found)
    }

    fn give(&mut self, name: String, origin: Origin, found: Found) -> ControlFlow<()> {
        self.gate.enter(self.next)?;
        let item = (self.next, Item { name, origin, found });
        self.next += 1;
        // Nobody takes it only if the workers are gone.
        self.items.send(item).map_or(ControlFlow::Break(()), ControlFlow::Continue)
    }
}

/// For an event of a kind that this module does not know.
const NO_NAME: &str = "?";

/// What a file is, and its bytes.
fn open(path: &Path) -> Result<(Kind, FileBytes)> {
    let metadata = std::fs::metadata(path).context("cannot be read")?;
    let mut head = Vec::new();
    // A pipe would keep whoever opens it waiting.
    if metadata.is_file() {
        let file = File::open(path).context("cannot be opened")?;
        file.take(HEAD as u64).read_to_end(&mut head).context("cannot be read")?;
    }
    Ok((sniff(&head), FileBytes::open(path)?))
}
