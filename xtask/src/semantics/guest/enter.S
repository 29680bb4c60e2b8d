// Loads every register of a state and goes to the word in the zone. It comes back by a
// signal alone, so nothing has to be kept for it.
//
// The offsets are those of `struct state` in state.h.

    .arch armv9-a+sve2+sme
#define SP_AT 248
#define FLAGS_AT 256
#define FPCR_AT 264
#define Z_AT 272
#define P_AT (Z_AT + 32 * 32)
#define FFR_AT (P_AT + 16 * 4)
#define ZA_AT (FFR_AT + 8)

    .macro vectors from, count
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, \
        16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    ldr z\number, [x1, #\number, mul vl]
    .endr
    .endm

    .macro predicates
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    ldr p\number, [x2, #\number, mul vl]
    .endr
    .endm

    .macro general
    ldr x1, [x0, #FLAGS_AT]
    msr nzcv, x1
    ldr x1, [x0, #FPCR_AT]
    msr fpcr, x1
    msr fpsr, xzr
    ldr x1, [x0, #SP_AT]
    mov sp, x1
    .irp number, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28
    ldr x\number, [x0, #\number * 8]
    .endr
    .irp number, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 30
    ldr x\number, [x0, #\number * 8]
    .endr
    ldp x0, x1, [x0]
    b zone + 0x200000
    .endm

    .text
    .global enter
enter:
    add x1, x0, #Z_AT
    add x2, x0, #P_AT
    add x3, x0, #FFR_AT
    ldr p0, [x3]
    wrffr p0.b
    vectors
    predicates
    general

    // In streaming mode, with ZA.
    .global enter_streaming
enter_streaming:
    smstart
    add x1, x0, #ZA_AT
    mov w12, #0
1:  ldr za[w12, 0], [x1]
    add x1, x1, #32
    add w12, w12, #1
    cmp w12, #32
    b.ne 1b
    add x1, x0, #Z_AT
    add x2, x0, #P_AT
    vectors
    predicates
    general

    // Where the word is executed, with traps for a megabyte and more on both sides.
    .section .zone, "awx", %nobits
    .balign 65536
    .global zone
zone:
    .skip 0x400000
