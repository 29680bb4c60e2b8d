//! Files as bytes, by memory map. The only unsafe code of the project.

use anyhow::{Context as _, Result, bail};
use memmap2::Mmap;
use std::fs::File;
use std::path::Path;

/// The bytes of a file.
#[derive(Debug)]
pub struct FileBytes {
    /// `None` for an empty file, which cannot be mapped.
    map: Option<Mmap>,
}

impl FileBytes {
    /// Maps a file.
    ///
    /// # Errors
    /// When it cannot be opened or mapped, or is not a regular file.
    pub fn open(path: &Path) -> Result<Self> {
        let metadata = std::fs::metadata(path).context("cannot be read")?;
        if metadata.is_dir() {
            bail!("is a directory: expected an executable file");
        }
        if !metadata.is_file() {
            bail!("is not a regular file: expected an executable file");
        }
        if metadata.len() == 0 {
            return Ok(Self { map: None });
        }
        let file = File::open(path).context("cannot be opened")?;
        // SAFETY: the map is read-only and private to this value, and what is
        // read from it is never trusted. A file that another process changes or
        // truncates meanwhile can change the bytes under us or end the process
        // with SIGBUS; that is the contract of every memory-mapped reader, and
        // README.md states it.
        #[allow(unsafe_code, reason = "a memory map has no safe interface")]
        let map = unsafe { Mmap::map(&file) }.context("cannot be mapped")?;
        Ok(Self { map: Some(map) })
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }
}
