//! What errors are made of: rules, first bytes, kinds of files and machines.

use core::fmt;

/// What every pc-value program keeps to (`runtime/symtab.go`, `pcvalue`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PcTableRule {
    /// A delta of zero ends the program inside the table.
    Terminated,
    /// A varint has at most five bytes and fits 32 bits.
    Varint,
    /// A value fits a signed 32-bit number.
    Value,
    /// Each run has at least one instruction.
    Progress,
    /// No run reaches beyond the function's code.
    InFunction,
    /// The unsafe points cover the same boundaries as the depths.
    SameEnd,
}

impl fmt::Display for PcTableRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Terminated => "a zero that ends it",
            Self::Varint => "a varint of 32 bits",
            Self::Value => "a value of 32 bits",
            Self::Progress => "a run of at least one instruction",
            Self::InFunction => "a run that ends inside its function",
            Self::SameEnd => "unsafe points up to where the depths end",
        })
    }
}

/// The first bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Magic {
    bytes: [u8; 4],
    length: usize,
}

impl Magic {
    /// The first four bytes, or all of them.
    #[must_use]
    pub fn of(file: &[u8]) -> Self {
        let mut magic = Self { bytes: [0; 4], length: file.len().min(4) };
        for (to, from) in magic.bytes.iter_mut().zip(file) {
            *to = *from;
        }
        magic
    }
}

impl fmt::Display for Magic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.bytes.iter().take(self.length).enumerate() {
            write!(f, "{}{byte:02x}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// What a file says it is, shown with its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileType {
    /// A value of ELF's `e_type`.
    Elf(u16),
    /// A value of `filetype` in a Mach-O header.
    MachO(u32),
}

impl FileType {
    /// Where it is written in the file.
    pub(super) const fn offset(self) -> u64 {
        match self {
            Self::Elf(_) => 0x10,
            Self::MachO(_) => 0xc,
        }
    }

    /// What should be written there.
    pub(super) const fn expected(self) -> &'static str {
        match self {
            Self::Elf(_) => "ELF type 1, 2 or 3",
            Self::MachO(_) => "Mach-O file type 2, 6 or 8",
        }
    }
}

impl fmt::Display for FileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, name) = match *self {
            Self::Elf(4) => (4, " (core dump)"),
            Self::Elf(number) => (u32::from(number), ""),
            Self::MachO(1) => (1, " (relocatable object)"),
            Self::MachO(4) => (4, " (core dump)"),
            Self::MachO(7) => (7, " (dynamic linker)"),
            Self::MachO(10) => (10, " (debug symbols)"),
            Self::MachO(number) => (number, ""),
        };
        write!(f, "{number}{name}")
    }
}

/// A machine other than AArch64, shown with its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Machine {
    /// A value of ELF's `e_machine`.
    Elf(u16),
    /// A value of `cputype` in a Mach-O header.
    MachO(u32),
    /// A value of `Machine` in a PE header.
    Pe(u16),
}

impl Machine {
    /// How the container writes AArch64.
    pub(super) const fn expected(self) -> &'static str {
        match self {
            Self::Elf(_) => "ELF machine 183",
            Self::MachO(_) => "Mach-O CPU type 0x100000c",
            Self::Pe(_) => "PE machine 0xaa64",
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::Elf(3) | Self::MachO(7) | Self::Pe(0x14c) => " (x86)",
            Self::Elf(8) => " (MIPS)",
            Self::Elf(20) | Self::MachO(18) => " (PowerPC)",
            Self::Elf(21) | Self::MachO(0x100_0012) => " (PowerPC64)",
            Self::Elf(22) => " (S390)",
            Self::Elf(40) | Self::MachO(12) | Self::Pe(0x1c0 | 0x1c4) => " (Arm)",
            Self::MachO(0x200_000c) => " (arm64_32)",
            Self::Elf(62) | Self::MachO(0x100_0007) | Self::Pe(0x8664) => " (x86-64)",
            Self::Elf(243) | Self::Pe(0x5064) => " (RISC-V)",
            Self::Elf(258) => " (LoongArch)",
            _ => "",
        };
        match *self {
            Self::Elf(number) => write!(f, "{number}{name}"),
            Self::MachO(number) => write!(f, "{number:#x}{name}"),
            Self::Pe(number) => write!(f, "{number:#x}{name}"),
        }
    }
}
