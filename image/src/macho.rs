//! Mach-O: the container of macOS and iOS. Reads the load commands that place
//! bytes in memory and say what dyld writes over them (`mach-o/loader.h`).
//!
//! Where dyld only adds its bias to the pointer in the file, nothing is to be
//! done: that is so for all that Go's own linker makes (go1.16 to go1.27:
//! `LC_DYLD_INFO_ONLY` with rebases). Chained fixups, which Apple's linkers
//! make, are decoded.

mod fixups;
pub(crate) mod universal;

use crate::container::{Container, Os, one, part};
use crate::error::{Error, FileType, Machine, Magic};
use crate::relocations::Relocations;
use crate::space::{AddressSpace, Hints, Segment};
use fixups::Placed;
use object::LittleEndian as LE;
use object::macho::{self, MachHeader64, Platform};
use object::read::macho::{
    LoadCommandData, LoadCommandVariant, MachHeader as _, Section as _, Segment as _,
};

/// Makes the address space of a thin Mach-O file.
///
/// # Errors
/// All that concern the container.
pub(crate) fn read(file: &[u8]) -> Result<AddressSpace<'_>, Error> {
    let header = header(file)?;
    let mut parts = Parts::default();
    let table = u64::from(header.sizeofcmds.get(LE));
    let size = size_of::<MachHeader64<LE>>() as u64;
    part(file, "load command table", size, table)?;
    let wrong = |offset| Error::Malformed {
        what: "load command",
        offset,
        expected: "commands of at least 8 bytes that fill the load command table",
    };
    let mut commands = header.load_commands(LE, file, 0).map_err(|_| wrong(size))?;
    let mut behind = size;
    while let Some(command) = commands.next().map_err(|_| wrong(behind))? {
        parts.add(file, &command).map_err(|error| error.unwrap_or_else(|| wrong(behind)))?;
        behind += u64::from(command.cmdsize());
    }
    let Parts { segments, placed, hints, os, fixups } = parts;
    let mut space = AddressSpace::new(Container::MachO, file.len(), segments, hints)?;
    space.relocations = Relocations::new(&[], fixups::read(file, &fixups, &placed)?);
    // Apple's linkers name the platform, and iOS needs them. Go's own, which links
    // for macOS only, does not in go1.16.
    space.os = os.or(Some(Os::Darwin));
    Ok(space)
}

fn header(file: &[u8]) -> Result<&MachHeader64<LE>, Error> {
    let found = Magic::of(file);
    match file {
        [0xcf, 0xfa, 0xed, 0xfe, ..] => {}
        [0xce, 0xfa, 0xed, 0xfe, ..] | [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..] => {
            return Err(Error::MachOMagic { found });
        }
        // A slice of a universal file can be anything, an archive for one.
        _ => return Err(Error::NotExecutable { found }),
    }
    let header: &MachHeader64<LE> = one(file, "Mach-O header", 0)?;
    let machine = header.cputype.get(LE);
    if machine != macho::CPU_TYPE_ARM64 {
        return Err(Error::Architecture { offset: 4, found: Machine::MachO(machine.0) });
    }
    match header.filetype.get(LE) {
        macho::MH_EXECUTE | macho::MH_DYLIB | macho::MH_BUNDLE => Ok(header),
        kind => Err(Error::FileType { found: FileType::MachO(kind.0) }),
    }
}

/// What the load commands say.
#[derive(Default)]
struct Parts<'a> {
    segments: Vec<Segment<'a>>,
    /// Every segment command, as fixups count them.
    placed: Vec<Placed<'a>>,
    hints: Hints,
    os: Option<Os>,
    fixups: Vec<fixups::Command<'a>>,
}

impl<'a> Parts<'a> {
    /// Takes a command in. The error is `None` where the command is malformed.
    fn add(
        &mut self,
        file: &'a [u8],
        command: &LoadCommandData<'a, LE>,
    ) -> Result<(), Option<Error>> {
        match command.variant().map_err(|_| None)? {
            LoadCommandVariant::Segment64(segment, sections) => {
                let (offset, in_file) = (segment.fileoff.get(LE), segment.filesize.get(LE));
                let (address, size) = (segment.vmaddr.get(LE), segment.vmsize.get(LE));
                // What does not fit is not mapped: Go gives its DWARF no memory.
                let bytes = part(file, "segment", offset, in_file.min(size)).map_err(Some)?;
                self.placed.push(Placed { address, offset, bytes });
                if size > 0 {
                    let executable = segment.initprot.get(LE).0 & macho::VM_PROT_EXECUTE.0 != 0;
                    self.segments.push(Segment { address, size, bytes, executable });
                }
                for section in segment.sections(LE, sections).map_err(|_| None)? {
                    let address = Some(section.addr.get(LE)).filter(|&address| address != 0);
                    self.hints.name(section.name(), address);
                }
            }
            LoadCommandVariant::BuildVersion(version, _) => {
                self.os = Some(system(version.platform.get(LE)));
            }
            LoadCommandVariant::VersionMin(_) if self.os.is_none() => {
                let mac = command.cmd() == macho::LC_VERSION_MIN_MACOSX;
                self.os = Some(if mac { Os::Darwin } else { Os::Ios });
            }
            LoadCommandVariant::EncryptionInfo64(info) if info.cryptid.get(LE) != 0 => {
                return Err(Some(Error::Encrypted {
                    offset: u64::from(info.cryptoff.get(LE)),
                    size: u64::from(info.cryptsize.get(LE)),
                }));
            }
            LoadCommandVariant::DyldInfo(info) => {
                self.fixups.push(fixups::Command::Info(info, command.offset()));
            }
            LoadCommandVariant::LinkeditData(data)
                if command.cmd() == macho::LC_DYLD_CHAINED_FIXUPS =>
            {
                self.fixups.push(fixups::Command::Chained(data, command.offset()));
            }
            _ => {}
        }
        Ok(())
    }
}

/// What Go calls a platform: it has `darwin` for macOS, and `ios` for the
/// others, which do not differ in how signals are handled.
fn system(platform: Platform) -> Os {
    match platform {
        macho::PLATFORM_MACOS => Os::Darwin,
        _ => Os::Ios,
    }
}
