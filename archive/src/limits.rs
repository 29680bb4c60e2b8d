//! How much an archive may ask for.

/// How much one call of [`crate::visit`] may hold, unpack and look at. A limit
/// that is exceeded ends with [`crate::Error::Limit`], for the member where that
/// is possible and for the whole archive otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes held at once: the member that is handed over, and the archives
    /// around it which had to be unpacked into memory because their format is
    /// read from its end (zip) or by offset (ar). What lies uncompressed in the
    /// bytes that are visited is not held. A file that is only compressed does not
    /// say how long it will be: its buffer grows, and is there twice while it is
    /// moved.
    pub memory: u64,
    /// Bytes that the decompressors which are open at once may look back at,
    /// and nothing else: 256 MiB for each zstd, 192 MiB for xz, 8 MiB for
    /// bzip2, less than 1 MiB for gzip and zip. It is what they may reach, not
    /// what they take.
    pub windows: u64,
    /// Bytes that all decompressors together may put out.
    pub unpacked: u64,
    /// Bytes unpacked for each packed one, behind the first [`Limits::free`]: for
    /// each compressed stream by itself, and for all of them beside the size of the
    /// archive.
    pub ratio: u64,
    /// Bytes that may be unpacked whatever the ratio: a small file of zeros is no
    /// attack.
    pub free: u64,
    /// Members looked at, at all depths.
    pub members: u64,
    /// Formats around one another; a compression counts as one (a layer
    /// `image.tar`, gzip, tar is three deep).
    pub depth: u32,
}

impl Default for Limits {
    /// 1 GiB of memory and of windows, 64 GiB unpacked, a ratio of 1,000
    /// behind 64 MiB, 4,194,304 members, 16 formats deep.
    fn default() -> Self {
        Self {
            memory: 1 << 30,
            windows: 1 << 30,
            unpacked: 64 << 30,
            ratio: 1000,
            free: 64 << 20,
            members: 1 << 22,
            depth: 16,
        }
    }
}
