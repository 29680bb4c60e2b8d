// A function that makes a call, in a frame of 65616 bytes: the locals and 16 bytes.

TEXT ·victim(SB), 0, $65600-0
	CALL ·nothing(SB)
	RET

TEXT ·nothing(SB), 4|512, $0-0
	RET
