//! How much memory bombs take before they end, as the allocator counts it. One test,
//! alone in its process.

use archive::{Event, Limits, visit, visit_reader};
use peak_alloc::PeakAlloc;
use std::io::Write as _;
use std::ops::ControlFlow;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const MIB: usize = 1 << 20;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

/// A zstd frame (RFC 8878, 3.1.1) with a window of so many bytes, one block that is a
/// byte repeated 128 KiB times for each of `blocks`, and before them the magic of an
/// executable.
fn zstd(window_log: u8, blocks: usize) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, (window_log - 10) << 3];
    let header = |size: u32, kind: u32, last: bool| {
        (size << 3 | kind << 1 | u32::from(last)).to_le_bytes()[..3].to_vec()
    };
    frame.extend(header(4, 0, false));
    frame.extend(b"\x7fELF");
    for block in 0..blocks {
        frame.extend(header(128 << 10, 1, block + 1 == blocks));
        frame.push(0);
    }
    frame
}

/// A raw tar header and as many zeros as there are.
fn tar(name: &str, size: usize, data: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_path(name).unwrap();
    header.set_size(size as u64);
    header.set_cksum();
    [header.as_bytes(), data].concat()
}

/// Visits an archive and returns the bytes that the visit took at most, and whether it
/// told of an error.
fn peak(bytes: &[u8], limits: &Limits) -> (usize, bool) {
    let (mut most, mut all_failed) = (0, true);
    for stream in [false, true] {
        let before = ALLOCATOR.current_usage();
        ALLOCATOR.reset_peak_usage();
        let mut failed = false;
        let mut visitor = |event: Event<'_>| {
            failed |= matches!(event, Event::Failed { .. });
            ControlFlow::Continue(())
        };
        if stream {
            visit_reader("a", &mut &bytes[..], limits, &mut visitor);
        } else {
            visit("a", bytes, limits, &mut visitor);
        }
        most = most.max(ALLOCATOR.peak_usage() - before);
        all_failed &= failed;
    }
    (most, all_failed)
}

#[test]
fn bombs_end_within_their_memory() {
    let limits = Limits { memory: MIB as u64, ..Limits::default() };
    let elf = [&b"\x7fELF"[..], &vec![0; 2 * MIB]].concat();
    // Decompressors, names and buffers beside the 1 MiB.
    let small = 2 * MIB;
    let bombs = [
        // A buffer that grows is there twice while it is moved.
        ("gzip", gzip(&elf), small + MIB),
        ("gzip in gzip", gzip(&gzip(&elf)), small + MIB),
        ("tar in gzip", gzip(&tar("x", elf.len(), &elf)), small),
        ("tar that claims 8 GiB", tar("x", (1 << 33) - 1, &elf), small),
        ("tar in gzip that claims 8 GiB", gzip(&tar("x", (1 << 33) - 1, &elf)), small),
        // A window of 128 MiB, and 88 MiB that come out of 3 KiB: what is looked back at
        // is held, the member is not.
        ("zstd", zstd(27, 700), small + 256 * MIB),
        // Windows that are larger are refused before there is one.
        ("zstd with a window of 2 GiB", zstd(31, 700), small),
    ];
    for (name, bytes, allowed) in bombs {
        let (most, failed) = peak(&bytes, &limits);
        println!("{name}: {} KiB for {} bytes", most >> 10, bytes.len());
        assert!(failed, "{name} is no error");
        assert!(most <= allowed, "{name} took {most} bytes");
    }
    // A member as large as the limit is there once.
    let (most, failed) = peak(&gzip(&tar("x", MIB, &elf[..MIB])), &limits);
    assert!(!failed && most >= MIB && most <= small, "{most} bytes for a member");
    // What nobody looks at is not held, however long it is.
    let text = [&b"text"[..], &vec![0; 4 * MIB]].concat();
    let (most, failed) = peak(&gzip(&tar("x", text.len(), &text)), &limits);
    assert!(!failed && most <= MIB / 2, "{most} bytes for a text");
}
