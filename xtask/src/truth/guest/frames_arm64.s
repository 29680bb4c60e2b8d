#include "textflag.h"

// Frames of an exact size: the locals and 16 bytes.

TEXT ·leaf65616(SB), 0, $65600-0
	NOOP
	RET

TEXT ·nonleaf65616(SB), 0, $65600-0
	CALL ·nothing(SB)
	RET

TEXT ·leaf131088(SB), 0, $131072-0
	NOOP
	RET

TEXT ·nonleaf131088(SB), 0, $131072-0
	CALL ·nothing(SB)
	RET

TEXT ·leaf48(SB), 0, $32-0
	NOOP
	RET

TEXT ·nonleaf4112(SB), 0, $4096-0
	CALL ·nothing(SB)
	RET

TEXT ·nothing(SB), NOSPLIT|NOFRAME, $0-0
	RET
