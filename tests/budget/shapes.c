/* Functions of many frames, each of which touches all of its own: what the compiler makes
 * of them depends on -fstack-check and -fstack-clash-protection. */

#define SHAPE(bytes)                                                        \
	__attribute__((noinline)) static void fill_##bytes(volatile char *at) \
	{                                                                   \
		for (int i = 0; i < bytes; i++)                             \
			at[i] = 1;                                          \
	}                                                                   \
	void shape_##bytes(void)                                            \
	{                                                                   \
		volatile char frame[bytes];                                 \
		fill_##bytes(frame);                                        \
	}                                                                   \
	void leaf_##bytes(void)                                             \
	{                                                                   \
		volatile char frame[bytes];                                 \
		for (int i = 0; i < bytes; i++)                             \
			frame[i] = 1;                                       \
	}

SHAPE(16)
SHAPE(500)
SHAPE(4000)
SHAPE(5000)
SHAPE(20000)
SHAPE(70000)
SHAPE(200000)
