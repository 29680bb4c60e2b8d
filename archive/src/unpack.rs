//! Decompressors, with their output counted.

use crate::error::Error;
use crate::input::{Input, drain};
use crate::meter::Meter;
use crate::sniff::Format;
use crate::walk::{Looked, Walk};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};

/// The largest window of zstd that is followed, in bytes: `zstd --long` has it.
const ZSTD_WINDOW: u64 = 128 << 20;

/// What lzma-rust2 may use for a block, in KiB: `xz -9` needs 65 MiB.
const XZ_MEMORY: u32 = 192 << 10;

/// How much is read at once for the decompressors that take single bytes.
const BUFFER: usize = 64 << 10;

/// What a decompressor may look back at, in bytes, as [`crate::Limits::windows`]
/// says. ruzstd doubles its buffer when a block does not fit behind the window.
fn window(format: Format) -> u64 {
    match format {
        Format::Zstd => 2 * ZSTD_WINDOW,
        Format::Xz => u64::from(XZ_MEMORY) << 10,
        Format::Bzip2 => 8 << 20,
        _ => 1 << 20,
    }
}

/// Looks at what a compressed file unpacks to, under the name of the file.
pub(crate) fn file(walk: &mut Walk<'_>, format: Format, path: &str, input: Input<'_>) -> Looked {
    stream(walk, format, path, input, None, |packed| match format {
        Format::Gzip => Box::new(flate2::read::MultiGzDecoder::new(packed)),
        Format::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(packed)),
        Format::Xz => {
            let packed = BufReader::with_capacity(BUFFER, packed);
            Box::new(lzma_rust2::XzReader::new_mem_limit(packed, true, XZ_MEMORY))
        }
        _ => Box::new(Zstd::new(BufReader::with_capacity(BUFFER, packed))),
    })
}

/// Looks at what a decompressor puts out, `size` bytes if that is known.
pub(crate) fn stream(
    walk: &mut Walk<'_>,
    format: Format,
    path: &str,
    input: Input<'_>,
    size: Option<u64>,
    decoder: impl for<'p> FnOnce(Packed<'p>) -> Box<dyn Read + 'p>,
) -> Looked {
    let meter = walk.meter;
    if let Err(limit) = walk.open_window(window(format)) {
        return walk.failed(path, limit.into());
    }
    let taken = Cell::new(0);
    let packed = Packed { input, taken: &taken };
    let mut unpacked = Unpacked {
        decoder: decoder(packed),
        format,
        stream: walk.streams,
        taken: &taken,
        given: 0,
        meter,
    };
    let looked = walk.look(path, Input::stream(&mut unpacked, size));
    // Behind the end of an archive stands what tells whether all was read rightly.
    if looked == Looked::Inside && !meter.stopped() && drain(&mut unpacked).is_err() {
        meter.breaks_at(path);
    }
    let stream = walk.streams;
    walk.close_window(window(format));
    let Some(broken) = meter.take_broken(stream) else { return looked };
    let looked = walk.failed(broken.member.as_deref().unwrap_or(path), broken.error);
    if broken.fatal {
        meter.stop();
    }
    looked
}

/// What a decompressor reads, counted.
pub(crate) struct Packed<'p> {
    input: Input<'p>,
    taken: &'p Cell<u64>,
}

impl Read for Packed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.taken.set(self.taken.get() + count as u64);
        Ok(count)
    }
}

/// What a decompressor puts out, counted and held against the limits. Behind an
/// error comes the same error: decompressors are not asked again.
struct Unpacked<'p> {
    decoder: Box<dyn Read + 'p>,
    format: Format,
    stream: usize,
    taken: &'p Cell<u64>,
    given: u64,
    meter: &'p Meter,
}

impl Read for Unpacked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.meter.is_at_end() {
            return Err(io::Error::other("the visit ends"));
        }
        let count = match self.decoder.read(buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => {
                let (format, unpacked, reason) = (self.format, self.given, error.to_string());
                let error = Error::Compressed { format, unpacked, reason };
                self.meter.breaks(self.stream, error, false);
                return Err(io::Error::other("broken here"));
            }
        };
        self.given += count as u64;
        let (all, own) = (
            self.meter.unpack(count as u64),
            // A decompressor reads ahead of what it puts out, never behind.
            self.meter.ratio(self.taken.get(), self.given),
        );
        let limit = own.map_err(|limit| (limit, false)).and(all.map_err(|limit| (limit, true)));
        if let Err((limit, fatal)) = limit {
            self.meter.breaks(self.stream, limit.into(), fatal);
            return Err(io::Error::other("too much"));
        }
        Ok(count)
    }
}

/// The frames of a zstd stream, one after the other, checksums checked.
struct Zstd<R> {
    source: R,
    decoder: FrameDecoder,
    inside: bool,
}

impl<R: BufRead> Zstd<R> {
    fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(ZSTD_WINDOW);
        Self { source, decoder, inside: false }
    }

    /// Starts the next frame; `false` at the end of the stream.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    if drain(&mut self.source.by_ref().take(length))? < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(false)
    }

    fn end_frame(&self) -> io::Result<()> {
        let stored = self.decoder.get_checksum_from_data();
        if stored.is_some() && stored != self.decoder.get_calculated_checksum() {
            return Err(io::Error::other("wrong checksum of a frame"));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.inside {
                self.inside = self.next_frame()?;
                if !self.inside {
                    return Ok(0);
                }
            }
            let count = self.decoder.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            if self.decoder.is_finished() {
                self.end_frame()?;
                self.inside = false;
            } else {
                self.decoder
                    .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(io::Error::other)?;
            }
        }
    }
}
