//! What dyld writes over the bytes of a file: chained fixups
//! (`mach-o/fixup-chains.h`) and the binds of `LC_DYLD_INFO`.

use crate::error::Error;
use crate::relocations::Relocation;
use object::LittleEndian as LE;
use object::macho::{DyldInfoCommand, LinkeditDataCommand};
use object::read::macho::{BindIterator, Fixup};

/// A segment, as the commands that follow refer to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed<'a> {
    /// Where its first byte is in memory.
    pub(super) address: u64,
    /// Where that byte is in the file.
    pub(super) offset: u64,
    /// The part of it that is in the file.
    pub(super) bytes: &'a [u8],
}

/// A load command with fixups, and where it is in the file.
pub(super) enum Command<'a> {
    /// `LC_DYLD_INFO`, `LC_DYLD_INFO_ONLY`.
    Info(&'a DyldInfoCommand<LE>, u64),
    /// `LC_DYLD_CHAINED_FIXUPS`.
    Chained(&'a LinkeditDataCommand<LE>, u64),
}

/// Reads the fixups of all commands.
///
/// # Errors
/// [`Error::Malformed`].
pub(super) fn read<'a>(
    file: &'a [u8],
    commands: &[Command<'a>],
    segments: &[Placed<'a>],
) -> Result<Vec<Relocation>, Error> {
    let bytes: usize = segments.iter().map(|segment| segment.bytes.len()).sum();
    let mut fixups = Fixups { segments, found: Vec::new(), room: bytes / 8 };
    for command in commands {
        let (done, what, offset) = match command {
            Command::Info(info, offset) => (fixups.binds(file, info), "binds of dyld", offset),
            Command::Chained(data, offset) => (fixups.chains(file, data), "chained fixups", offset),
        };
        let expected = "pointers inside segments, each named once";
        done.ok_or(Error::Malformed { what, offset: *offset, expected })?;
    }
    Ok(fixups.found)
}

struct Fixups<'s, 'a> {
    segments: &'s [Placed<'a>],
    found: Vec<Relocation>,
    /// How many more pointers the segments have room for.
    room: usize,
}

impl<'a> Fixups<'_, 'a> {
    fn push(&mut self, segment: usize, offset: u64, value: Option<u64>) -> Option<()> {
        let segment = self.segments.get(segment)?;
        let end = offset.checked_add(8)?;
        let at = segment.address.checked_add(offset)?;
        if end > segment.bytes.len() as u64 {
            return None;
        }
        self.room = self.room.checked_sub(1)?;
        self.found.push(Relocation { at, value });
        Some(())
    }

    fn chains(&mut self, file: &'a [u8], data: &LinkeditDataCommand<LE>) -> Option<()> {
        // Targets count from the header: the start of the segment that has it.
        let header = self.segments.iter().find(|s| s.offset == 0 && !s.bytes.is_empty());
        let base = header?.address;
        let fixups = data.chained_fixups(LE, file).ok()?;
        for segment in fixups.segments(LE).ok()? {
            let segment = segment.ok()?;
            let index = usize::try_from(segment.index()).ok()?;
            let bytes = self.segments.get(index)?.bytes;
            for fixup in segment.fixups(LE, base, bytes) {
                let (offset, fixup) = fixup.ok()?;
                let value = match fixup {
                    Fixup::Rebase(rebase) => Some(base.wrapping_add(rebase.target_offset)),
                    _ => None,
                };
                self.push(index, offset, value)?;
            }
        }
        Some(())
    }

    fn binds(&mut self, file: &'a [u8], info: &DyldInfoCommand<LE>) -> Option<()> {
        self.bound(info.binds(LE, file, POINTER).ok()?)?;
        self.bound(info.weak_binds(LE, file, POINTER).ok()?)?;
        self.bound(info.lazy_binds(LE, file, POINTER).ok()?)
    }

    /// The value of a symbol of another file is not known.
    fn bound(&mut self, binds: BindIterator<'a>) -> Option<()> {
        for bind in binds {
            let bind = bind.ok()?;
            self.push(usize::from(bind.segment_index), bind.segment_offset, None)?;
        }
        Some(())
    }
}

/// The size of a pointer in bytes.
const POINTER: u8 = 8;
