//! Words for the functions that are put together here, by the encodings of the Arm ARM
//! (C6.2): registers by number, 31 being SP or ZR as the instruction has it.

/// SP or ZR.
pub(crate) const SP: u32 = 31;
pub(crate) const ZR: u32 = 31;
pub(crate) const LR: u32 = 30;
pub(crate) const FP: u32 = 29;
pub(crate) const G: u32 = 28;

pub(crate) const RET: u32 = 0xd65f_03c0;
pub(crate) const NOP: u32 = 0xd503_201f;
/// A call of another function.
pub(crate) const CALL: u32 = 0x9400_4000;

/// `ADD Rd, Rn, #by` or SUB, by up to 4095 bytes.
pub(crate) const fn add(rd: u32, rn: u32, by: i64) -> u32 {
    let base = if by < 0 { 0xd100_0000 } else { 0x9100_0000 };
    base | ((by.unsigned_abs() as u32) & 0xfff) << 10 | rn << 5 | rd
}

/// `MOV Rd, Rm` of general registers.
pub(crate) const fn mov(rd: u32, rm: u32) -> u32 {
    0xaa00_03e0 | rm << 16 | rd
}

/// `MOV Rd, #n`.
pub(crate) const fn movz(rd: u32, n: u32) -> u32 {
    0xd280_0000 | n << 5 | rd
}

/// `CMP Rn, #n`.
pub(crate) const fn cmp(rn: u32, n: u32) -> u32 {
    0xf100_0000 | n << 10 | rn << 5 | ZR
}

/// How a load or a store uses its base.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    Offset,
    Pre,
    Post,
}

impl Mode {
    const fn bits(self) -> u32 {
        match self {
            Self::Offset => 0,
            Self::Post => 1 << 10,
            Self::Pre => 3 << 10,
        }
    }
}

/// `LDR` or `STR` of an X register, by -256 to 255 bytes.
pub(crate) const fn single(loads: bool, rt: u32, rn: u32, by: i64, mode: Mode) -> u32 {
    let offset = ((by as u32) & 0x1ff) << 12;
    0xf800_0000 | (loads as u32) << 22 | offset | mode.bits() | rn << 5 | rt
}

/// `LDR` or `STR` of an X register, by a multiple of 8 from 0 to 32760 bytes.
pub(crate) const fn scaled(loads: bool, rt: u32, rn: u32, by: i64) -> u32 {
    0xf900_0000 | (loads as u32) << 22 | ((by / 8) as u32) << 10 | rn << 5 | rt
}

/// `LDP` or `STP` of X registers.
pub(crate) const fn pair(loads: bool, rt: [u32; 2], rn: u32, by: i64, mode: Mode) -> u32 {
    let base = match mode {
        Mode::Post => 0xa880_0000,
        Mode::Offset => 0xa900_0000,
        Mode::Pre => 0xa980_0000,
    };
    let offset = ((by / 8) as u32 & 0x7f) << 15;
    base | (loads as u32) << 22 | offset | rt[1] << 10 | rn << 5 | rt[0]
}

/// `STUR` of a part of a general register (1, 2 or 4 bytes), or of Q (16).
pub(crate) const fn part(bytes: u32, rt: u32, rn: u32, by: i64) -> u32 {
    let base = match bytes {
        1 => 0x3800_0000,
        2 => 0x7800_0000,
        4 => 0xb800_0000,
        _ => 0x3c80_0000,
    };
    base | ((by as u32) & 0x1ff) << 12 | rn << 5 | rt
}

/// `CBZ` or `CBNZ` of an X register, by so many instructions.
pub(crate) const fn compare_and_branch(on_zero: bool, rt: u32, by: i64) -> u32 {
    (if on_zero { 0xb400_0000 } else { 0xb500_0000 }) | ((by as u32) & 0x7_ffff) << 5 | rt
}

/// `B`, by so many instructions.
pub(crate) const fn jump(by: i64) -> u32 {
    0x1400_0000 | (by as u32) & 0x03ff_ffff
}

/// Expectations: GNU as 2.40.
#[test]
fn words_are_those_of_the_assembler() {
    assert_eq!(add(SP, SP, -16), 0xd100_43ff); // sub sp, sp, #16
    assert_eq!(add(FP, SP, 24), 0x9100_63fd); // add x29, sp, #24
    assert_eq!(mov(3, LR), 0xaa1e_03e3); // mov x3, x30
    assert_eq!(movz(27, 16), 0xd280_021b); // mov x27, #16
    assert_eq!(cmp(20, 3), 0xf100_0e9f); // cmp x20, #3
    assert_eq!(single(false, LR, SP, -16, Mode::Pre), 0xf81f_0ffe); // str x30, [sp, #-16]!
    assert_eq!(single(true, LR, SP, 16, Mode::Post), 0xf841_07fe); // ldr x30, [sp], #16
    assert_eq!(single(false, FP, SP, -8, Mode::Offset), 0xf81f_83fd); // stur x29, [sp, #-8]
    assert_eq!(scaled(false, 0, SP, 8), 0xf900_07e0); // str x0, [sp, #8]
    assert_eq!(scaled(true, LR, SP, 0), 0xf940_03fe); // ldr x30, [sp]
    assert_eq!(pair(true, [FP, LR], SP, -8, Mode::Offset), 0xa97f_fbfd); // ldp x29, x30, [sp, #-8]
    assert_eq!(pair(false, [27, LR], SP, -32, Mode::Pre), 0xa9be_7bfb); // stp x27, x30, [sp, #-32]!
    assert_eq!(pair(true, [FP, LR], SP, 32, Mode::Post), 0xa8c2_7bfd); // ldp x29, x30, [sp], #32
    assert_eq!(part(16, 0, 20, -8), 0x3c9f_8280); // stur q0, [x20, #-8]
    assert_eq!(part(1, 0, SP, 3), 0x3800_33e0); // sturb w0, [sp, #3]
    assert_eq!(part(4, 0, SP, 0), 0xb800_03e0); // stur w0, [sp]
    assert_eq!(compare_and_branch(true, 0, 2), 0xb400_0040); // cbz x0, .+8
    assert_eq!(compare_and_branch(false, 20, -1), 0xb5ff_fff4); // cbnz x20, .-4
    assert_eq!(jump(-2), 0x17ff_fffe); // b .-8
}
