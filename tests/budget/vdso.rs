//! The vDSO of a kernel that Debian ships. It lies in the kernel's image as an ELF file of
//! its own.

use crate::{budget, directory};
use object::LittleEndian as LE;
use object::elf::{EM_AARCH64, ET_DYN, FileHeader64};
use xtask::programs::install_kernel;

/// What Go reserved for a call of the vDSO, in bytes.
const RESERVED: u64 = 104;

#[test]
fn the_kernel_keeps_to_what_go_reserves() {
    let kernel = install_kernel().expect("a kernel");
    let image = std::fs::read(&kernel).expect("a file");
    let library = embedded(&image).expect("an ELF file for arm64 in the image");
    let file = directory("kernel").join("vdso.so");
    std::fs::write(&file, library).expect("a file");
    let (status, figures) = budget(&file, RESERVED);
    for figure in &figures {
        println!("{}: {} bytes, {}", figure.function, figure.depth, figure.verdict);
    }
    let functions: Vec<_> = figures.iter().map(|figure| figure.function.as_str()).collect();
    for name in ["__kernel_clock_gettime", "__kernel_gettimeofday", "__kernel_clock_getres"] {
        assert!(functions.contains(&name), "{name} in {functions:?}");
    }
    assert_eq!(status, 0, "{figures:?}");
    assert!(figures.iter().all(|figure| figure.is_decided && figure.depth <= RESERVED));
}

/// The shared object for arm64 in an image, up to the end of its section headers.
fn embedded(image: &[u8]) -> Option<&[u8]> {
    let starts = image.windows(4).enumerate().filter(|(_, window)| window == b"\x7fELF");
    starts.map(|(at, _)| &image[at..]).find_map(|file| {
        let (header, _) = object::from_bytes::<FileHeader64<LE>>(file).ok()?;
        let is_library = header.e_type.get(LE) == ET_DYN && header.e_machine.get(LE) == EM_AARCH64;
        let headers = u64::from(header.e_shnum.get(LE)) * u64::from(header.e_shentsize.get(LE));
        let end = usize::try_from(header.e_shoff.get(LE).checked_add(headers)?).ok()?;
        file.get(..end).filter(|_| is_library)
    })
}
