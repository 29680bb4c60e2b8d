//! Universal files: several Mach-O files behind one header (`mach-o/fat.h`).

use crate::container::{many, one, part};
use crate::error::{Error, Magic};
use object::BigEndian as BE;
use object::macho::{self, FatArch32, FatArch64, FatHeader};
use object::read::macho::FatArch;

/// The magic is that of Java's classes too. Their next four bytes are a version,
/// which is 45 for the oldest; no file has so many slices.
const OLDEST_CLASS: u32 = 45;

/// The Mach-O file for arm64; of several the first that any arm64 processor runs.
/// Offsets in errors that concern it count from its start.
///
/// # Errors
/// [`Error::NoSlice`], [`Error::Truncated`], [`Error::NotExecutable`].
pub(crate) fn slice(file: &[u8]) -> Result<&[u8], Error> {
    let header: &FatHeader = one(file, "universal header", 0)?;
    let (offset, slices) = (size_of::<FatHeader>() as u64, header.nfat_arch.get(BE));
    if slices >= OLDEST_CLASS {
        return Err(Error::NotExecutable { found: Magic::of(file) });
    }
    let (what, count) = ("table of slices", slices as usize);
    if header.magic.get(BE) == macho::FAT_MAGIC_64 {
        choose(file, many::<FatArch64>(file, what, offset, count)?, slices)
    } else {
        choose(file, many::<FatArch32>(file, what, offset, count)?, slices)
    }
}

fn choose<'a>(file: &'a [u8], table: &[impl FatArch], slices: u32) -> Result<&'a [u8], Error> {
    let arm64 = || table.iter().filter(|slice| slice.cputype() == macho::CPU_TYPE_ARM64);
    let plain = |slice: &&_| !is_arm64e(*slice);
    let slice = arm64().find(plain).or_else(|| arm64().next());
    let slice = slice.ok_or(Error::NoSlice { slices })?;
    part(file, "slice for arm64", slice.offset().into(), slice.size().into())
}

/// Whether pointers are authenticated, which only newer processors do.
fn is_arm64e(slice: &impl FatArch) -> bool {
    slice.cpusubtype().0 & !macho::CPU_SUBTYPE_MASK == macho::CPU_SUBTYPE_ARM64E.0
}
