// Calls the function under test as Go code would, and says by the exit status what it finds
// when the function has returned, a bit each:
//   1 SP is another one            16 the word at CFA, the caller's saved LR, is another one
//   2 R29 is another one           32 the word at CFA-8, the caller's saved R29, is another one
//   4 R28 is another one
// The caller's frame is as Go makes it: LR at SP, R29 at SP-8, R29 = SP-8.
	.arch armv9-a+sme
	.text
	.globl	_start
_start:
	adrp	x9, stack_middle
	add	x9, x9, :lo12:stack_middle
	mov	sp, x9
	// Registers: even ones up to X24 point at memory of their own, odd ones are small numbers.
	adrp	x0, memory
	add	x0, x0, :lo12:memory
	add	x2, x0, #0x100
	add	x4, x0, #0x200
	add	x6, x0, #0x300
	add	x8, x0, #0x400
	add	x10, x0, #0x500
	add	x12, x0, #0x600
	add	x14, x0, #0x700
	add	x16, x0, #0x800
	add	x20, x0, #0x900
	add	x22, x0, #0xa00
	add	x24, x0, #0xb00
	mov	x1, #16
	mov	x3, #24
	mov	x5, #40
	mov	x7, #56
	mov	x11, #88
	mov	x13, #104
	mov	x15, #120
	mov	x17, #136
	mov	x19, #152
	mov	x21, #168
	mov	x23, #184
	mov	x25, #200
	mov	x26, #16
	mov	x27, #0x7777
	mov	x28, #0x2828
	sub	x29, sp, #8
	mov	x9, #0x3030
	str	x9, [sp]
	mov	x9, #0x2929
	stur	x9, [sp, #-8]
	// Vectors are painted, and the first predicate is all true.
	ptrue	p0.b
	mov	z0.d, #0x5a
	dup	v27.2d, x9
	dup	v29.2d, x9
	dup	v30.2d, x9
	mov	x9, #72
	mov	x12, #0
	.ifdef	NEEDS_ZA
	.inst	0xd503457f // smstart za
	.endif
	bl	subject
	.ifdef	NEEDS_ZA
	.inst	0xd503447f // smstop za
	.endif
	mov	x0, #0
	adrp	x9, stack_middle
	add	x9, x9, :lo12:stack_middle
	mov	x10, sp
	cmp	x10, x9
	cset	x11, ne
	orr	x0, x0, x11
	sub	x12, x9, #8
	cmp	x29, x12
	cset	x11, ne
	orr	x0, x0, x11, lsl #1
	mov	x12, #0x2828
	cmp	x28, x12
	cset	x11, ne
	orr	x0, x0, x11, lsl #2
	mov	x12, #0x3030
	ldr	x13, [x9]
	cmp	x12, x13
	cset	x11, ne
	orr	x0, x0, x11, lsl #4
	mov	x12, #0x2929
	ldur	x13, [x9, #-8]
	cmp	x12, x13
	cset	x11, ne
	orr	x0, x0, x11, lsl #5
	mov	x8, #93
	svc	#0
	.balign	4096
	// Functions that return at once, for jumps and calls of the subject to go to.
	.rept	1024
	ret
	.endr
subject:
	.include	"subject.s"
	.rept	2048
	ret
	.endr
	.bss
	.balign	4096
memory:
	.skip	65536
stack:
	.skip	65536
stack_middle:
	.skip	65536
