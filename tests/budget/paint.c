/* Calls functions on a painted stack and prints how many bytes below SP at entry the paint
 * is gone. It runs in an emulator, without a C library. */

#define SIZE (1 << 20)
#define ABOVE 4096
#define PAINT 0xa5

struct time {
	long seconds, nanoseconds;
};

static unsigned char stack[SIZE] __attribute__((aligned(65536)));

static long call(long number, long one, long two, long three)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = one;
	register long x1 __asm__("x1") = two;
	register long x2 __asm__("x2") = three;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return x0;
}

/* Calls a function with SP at the address. */
void on_stack(void *function, void *sp, long one, void *two);
__asm__(".text\n"
	"on_stack:\n"
	"	stp x29, x30, [sp, #-32]!\n"
	"	str x19, [sp, #16]\n"
	"	mov x19, sp\n"
	"	mov x9, x0\n"
	"	mov sp, x1\n"
	"	mov x0, x2\n"
	"	mov x1, x3\n"
	"	blr x9\n"
	"	mov sp, x19\n"
	"	ldr x19, [sp, #16]\n"
	"	ldp x29, x30, [sp], #32\n"
	"	ret\n");

static void print(const char *name, unsigned long number)
{
	char line[64], digits[20];
	int length = 0, count = 0;

	while (*name)
		line[length++] = *name++;
	line[length++] = ' ';
	do {
		digits[count++] = '0' + number % 10;
		number /= 10;
	} while (number);
	while (count)
		line[length++] = digits[--count];
	line[length++] = '\n';
	call(64, 1, (long)line, length);
}

static void measure(const char *name, void *function)
{
	unsigned char *top = stack + SIZE - ABOVE, *at = stack;
	struct time time;

	for (long i = 0; i < SIZE; i++)
		((volatile unsigned char *)stack)[i] = PAINT;
	on_stack(function, top, 0, &time);
	while (at < top && *(volatile unsigned char *)at == PAINT)
		at++;
	print(name, top - at);
}

#define MEASURE(name)             \
	{                         \
		extern void name(void); \
		measure(#name, name);   \
	}

void _start(void)
{
	FUNCTIONS
	call(93, 0, 0, 0);
}
