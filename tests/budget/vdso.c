/* A library like the kernel's vDSO: the time from a counter, under a sequence lock. Built
 * four ways: with and without -fstack-check, the helper inlined (-DINLINED) or not. */

struct time {
	long seconds, nanoseconds;
};

static struct {
	volatile unsigned sequence;
	unsigned long last, mask, factor, shift, seconds, nanoseconds;
} data = { .mask = ~0ul, .factor = 1 };

#ifdef INLINED
#define HELPER __attribute__((always_inline)) static inline
#else
#define HELPER __attribute__((noinline)) static
#endif

HELPER unsigned long counter(void)
{
	unsigned long value;

	__asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(value) : : "memory");
	return value;
}

int get_time(int clock, struct time *time)
{
	unsigned sequence;
	unsigned long passed;

	(void)clock;
	do {
		sequence = data.sequence;
		__asm__ volatile("dmb ishld" : : : "memory");
		passed = ((counter() - data.last) & data.mask) * data.factor >> data.shift;
		passed += data.nanoseconds;
		__asm__ volatile("dmb ishld" : : : "memory");
	} while (sequence != data.sequence);
	time->seconds = data.seconds;
	time->nanoseconds = passed;
	return 0;
}
