//! Functions in machine words, as GNU as (binutils 2.40) assembles the instructions beside
//! them.

pub(super) const LEAF: &[u32] = &[
    0xd65f_03c0, // ret
];

pub(super) const PRE_INDEXED: &[u32] = &[
    0xa9bd_7bfd, // stp x29, x30, [sp, #-48]!
    0xa8c3_7bfd, // ldp x29, x30, [sp], #48
    0xd65f_03c0, // ret
];

pub(super) const PROBE: &[u32] = &[
    0xf819_83ff, // stur xzr, [sp, #-104]
    0xd65f_03c0, // ret
];

pub(super) const LOAD_PROBE: &[u32] = &[
    0xf859_83ff, // ldur xzr, [sp, #-104]
    0xd65f_03c0, // ret
];

pub(super) const BYTE_PROBE: &[u32] = &[
    0x3819_f3ff, // sturb wzr, [sp, #-97]
    0xd65f_03c0, // ret
];

pub(super) const PREFETCH: &[u32] = &[
    0xf899_83e0, // prfum pldl1keep, [sp, #-104]
    0xd65f_03c0, // ret
];

pub(super) const FAR_PROBE: &[u32] = &[
    0xd140_0bea, // sub x10, sp, #0x2, lsl #12
    0xf907_f95f, // str xzr, [x10, #4080]
    0xd65f_03c0, // ret
];

pub(super) const FROM_REGISTER: &[u32] = &[
    0xd282_720c, // mov x12, #0x1390
    0xcb2c_63ff, // sub sp, sp, x12
    0x8b2c_63ff, // add sp, sp, x12
    0xd65f_03c0, // ret
];

pub(super) const FROM_MOVK: &[u32] = &[
    0xd284_6809, // mov x9, #0x2340
    0xf2a0_0029, // movk x9, #0x1, lsl #16
    0xcb29_63ff, // sub sp, sp, x9
    0x8b29_63ff, // add sp, sp, x9
    0xd65f_03c0, // ret
];

pub(super) const FROM_LITERAL: &[u32] = &[
    0x5800_0089, // ldr x9, 70
    0xcb29_63ff, // sub sp, sp, x9
    0x8b29_63ff, // add sp, sp, x9
    0xd65f_03c0, // ret
    0x0002_0010, // .word 0x00020010
    0x0000_0000, // .word 0x00000000
];

pub(super) const PROBE_LOOP: &[u32] = &[
    0xd140_07ea, // sub x10, sp, #0x1, lsl #12
    0x9289_ffeb, // mov x11, #0xffffffffffffb000
    0x8b2b_63eb, // add x11, sp, x11
    0xd140_054a, // sub x10, x10, #0x1, lsl #12
    0xf900_015f, // str xzr, [x10]
    0xeb0b_015f, // cmp x10, x11
    0x54ff_ffa1, // b.ne 84
    0xd65f_03c0, // ret
];

pub(super) const CLASH_LOOP: &[u32] = &[
    0xd141_43ec, // sub x12, sp, #0x50, lsl #12
    0xd140_43ff, // sub sp, sp, #0x10, lsl #12
    0xf902_03ff, // str xzr, [sp, #1024]
    0xeb2c_63ff, // cmp sp, x12
    0x54ff_ffa1, // b.ne 9c
    0xd100_83ff, // sub sp, sp, #0x20
    0x9100_83ff, // add sp, sp, #0x20
    0x9141_43ff, // add sp, sp, #0x50, lsl #12
    0xd65f_03c0, // ret
];

pub(super) const ENDLESS_LOOP: &[u32] = &[
    0xd100_43ff, // sub sp, sp, #0x10
    0xb5ff_ffe0, // cbnz x0, bc
    0xd65f_03c0, // ret
];

pub(super) const UP_LOOP: &[u32] = &[
    0xd101_03ff, // sub sp, sp, #0x40
    0x9100_03e9, // mov x9, sp
    0xf800_853f, // str xzr, [x9], #8
    0xeb01_013f, // cmp x9, x1
    0x54ff_ffc1, // b.ne d0
    0x9101_03ff, // add sp, sp, #0x40
    0xd65f_03c0, // ret
];

pub(super) const ALLOCA: &[u32] = &[
    0x9100_03fd, // mov x29, sp
    0xcb20_63ff, // sub sp, sp, x0
    0x9100_03bf, // mov sp, x29
    0xd65f_03c0, // ret
];

pub(super) const MASK_INDEX: &[u32] = &[
    0xd101_03ff, // sub sp, sp, #0x40
    0x9240_0821, // and x1, x1, #0x7
    0xf821_7be0, // str x0, [sp, x1, lsl #3]
    0x9101_03ff, // add sp, sp, #0x40
    0xd65f_03c0, // ret
];

pub(super) const FREE_INDEX: &[u32] = &[
    0xd101_03ff, // sub sp, sp, #0x40
    0xf821_7be0, // str x0, [sp, x1, lsl #3]
    0x9101_03ff, // add sp, sp, #0x40
    0xd65f_03c0, // ret
];

pub(super) const CHECKED_INDEX: &[u32] = &[
    0xd101_03ff, // sub sp, sp, #0x40
    0xf100_203f, // cmp x1, #0x8
    0x5400_0042, // b.cs 128
    0xf821_7be0, // str x0, [sp, x1, lsl #3]
    0x9101_03ff, // add sp, sp, #0x40
    0xd65f_03c0, // ret
];

pub(super) const CHECKED_WRONG: &[u32] = &[
    0xd101_03ff, // sub sp, sp, #0x40
    0xf100_203f, // cmp x1, #0x8
    0x5400_004a, // b.ge 140
    0xf821_7be0, // str x0, [sp, x1, lsl #3]
    0x9101_03ff, // add sp, sp, #0x40
    0xd65f_03c0, // ret
];

pub(super) const SMALL_INDEX: &[u32] = &[
    0x3940_0001, // ldrb w1, [x0]
    0x3821_4bff, // strb wzr, [sp, w1, uxtw]
    0xd65f_03c0, // ret
];

pub(super) const SELF_XOR: &[u32] = &[
    0xca02_0044, // eor x4, x2, x2
    0x8b24_63e4, // add x4, sp, x4
    0xf940_009f, // ldr xzr, [x4]
    0xd65f_03c0, // ret
];

pub(super) const ALIGN: &[u32] = &[
    0x9100_03fd, // mov x29, sp
    0xd101_93e9, // sub x9, sp, #0x64
    0x927c_ed3f, // and sp, x9, #0xfffffffffffffff0
    0x9100_03bf, // mov sp, x29
    0xd65f_03c0, // ret
];

pub(super) const ALIGN64: &[u32] = &[
    0x9100_03fd, // mov x29, sp
    0xd101_83e9, // sub x9, sp, #0x60
    0x927a_e53f, // and sp, x9, #0xffffffffffffffc0
    0x9100_03bf, // mov sp, x29
    0xd65f_03c0, // ret
];

pub(super) const SELECT: &[u32] = &[
    0xd100_83e9, // sub x9, sp, #0x20
    0xd101_03ea, // sub x10, sp, #0x40
    0x9a8a_0129, // csel x9, x9, x10, eq
    0xf900_013f, // str xzr, [x9]
    0xd65f_03c0, // ret
];

pub(super) const STRUCTURE: &[u32] = &[
    0xd100_c3e9, // sub x9, sp, #0x30
    0x4c00_7120, // st1 {v0.16b}, [x9]
    0xd65f_03c0, // ret
];

pub(super) const ATOMIC: &[u32] = &[
    0xd100_c3e9, // sub x9, sp, #0x30
    0xc85f_7d20, // ldxr x0, [x9]
    0xd65f_03c0, // ret
];

pub(super) const UNSCALED: &[u32] = &[
    0xd100_c3e9, // sub x9, sp, #0x30
    0xd91f_0120, // stlur x0, [x9, #-16]
    0xd65f_03c0, // ret
];

pub(super) const MULTIPLIED: &[u32] = &[
    0x9100_03e9, // mov x9, sp
    0x9b01_7d29, // mul x9, x9, x1
    0xf900_013f, // str xzr, [x9]
    0xd65f_03c0, // ret
];

pub(super) const BITS: &[u32] = &[
    0x9100_03e9, // mov x9, sp
    0xd341_fd29, // lsr x9, x9, #1
    0xd37f_f929, // lsl x9, x9, #1
    0xf900_013f, // str xzr, [x9]
    0xd65f_03c0, // ret
];

pub(super) const POINTER: &[u32] = &[
    0xf810_0c1f, // str xzr, [x0, #-256]!
    0xd65f_03c0, // ret
];

pub(super) const LOST: &[u32] = &[
    0xf940_0009, // ldr x9, [x0]
    0x9100_013f, // mov sp, x9
    0xd65f_03c0, // ret
];

pub(super) const UNBALANCED: &[u32] = &[
    0xd100_43ff, // sub sp, sp, #0x10
    0xd65f_03c0, // ret
];

pub(super) const INDIRECT: &[u32] = &[
    0xd63f_0020, // blr x1
    0xd65f_03c0, // ret
];

pub(super) const JUMP: &[u32] = &[
    0xd61f_0020, // br x1
];

pub(super) const OFF_END: &[u32] = &[
    0xd100_43ff, // sub sp, sp, #0x10
];

pub(super) const SYSTEM: &[u32] = &[
    0xd400_0001, // svc #0x0
    0xd65f_03c0, // ret
];

pub(super) const UNALLOCATED: &[u32] = &[
    0x0820_005d, // among the exclusive accesses; no instruction, says llvm 19
    0xd65f_03c0, // ret
];
