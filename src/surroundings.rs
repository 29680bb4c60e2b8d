//! What the verifier is told of a function of an image beside its words and rows: the one
//! place where functions are handed from the reader to the verifier.

use a64::decode::{Inst, decode};
use image::{Function, Image, Os};
use unwind::{FuncFlags, Pc};
use verifier::{Callee, SignalStack};

/// Functions of the runtime that end the program (`runtime/asm_arm64.s` and `panic.go` call
/// them so).
const NEVER_RETURN: [&[u8]; 10] = [
    b"runtime.abort",
    b"runtime.badctxt",
    b"runtime.badmcall",
    b"runtime.badmcall2",
    b"runtime.badmorestackg0",
    b"runtime.badmorestackgsignal",
    b"runtime.badsystemstack",
    b"runtime.fatalthrow",
    b"runtime.goexit1",
    b"runtime.throw",
];

/// A function in its image.
pub struct Surrounded<'a> {
    image: &'a Image<'a>,
    function: &'a Function<'a>,
}

impl<'a> Surrounded<'a> {
    /// A function of this image.
    #[must_use]
    pub const fn new(image: &'a Image<'a>, function: &'a Function<'a>) -> Self {
        Self { image, function }
    }

    /// Whether the function is one of the runtime's.
    #[must_use]
    pub fn is_runtime(&self) -> bool {
        verifier::Surroundings::is_runtime(self)
    }

    /// The function as the verifier checks it, by rows that were read before.
    #[must_use]
    pub fn subject<'s, R>(&'s self, rows: &'s R) -> verifier::Function<'s, R> {
        let function = self.function;
        verifier::Function::new(function.entry, function.code, rows)
            .with_text(function.text)
            .with_flags(function.flags)
            .with_recovery(function.recovery())
            .with_signals(signals(self.image))
            .with_surroundings(self)
    }

    /// Whether the source file is one of the runtime's.
    fn is_in_runtime_file(&self) -> bool {
        const DIRECTORY: &[u8] = b"runtime/";
        self.function.position(self.function.entry).is_some_and(|position| {
            position.file.starts_with(DIRECTORY)
                || position.file.windows(DIRECTORY.len() + 5).any(|part| part == b"/src/runtime/")
        })
    }
}

impl verifier::Surroundings for Surrounded<'_> {
    fn pointer(&self, address: u64) -> Option<u64> {
        self.image.pointer(address)
    }

    fn callee(&self, address: u64) -> Callee {
        let Some(function) = self.image.function_at(Pc(address)) else { return Callee::Unknown };
        // Also as `runtime.morestack_noctxt` and the like.
        if function.name().starts_with(b"runtime.morestack") {
            return Callee::Morestack;
        }
        if NEVER_RETURN.contains(&function.name()) {
            return Callee::NoReturn;
        }
        let calls = |word| matches!(decode(word), Inst::Call { .. } | Inst::CallReg { .. });
        let is_leaf = function.flags.contains(FuncFlags::ASM)
            && !function.code.iter().any(|&word| calls(word));
        if is_leaf { Callee::Leaf } else { Callee::Unknown }
    }

    fn is_runtime(&self) -> bool {
        const PARTS: [&[u8]; 3] = [b"runtime.", b"runtime/", b"internal/runtime/"];
        let name = self.function.name();
        // Symbols of one file alone have no package in their names.
        PARTS.iter().any(|part| name.starts_with(part))
            || !name.contains(&b'.') && self.is_in_runtime_file()
    }

    fn ignores_mark(&self) -> bool {
        matches!(self.function.name(), b"runtime.cgocallback" | b"runtime.systemstack")
    }
}

/// Where handlers of signals run: on ios there is no stack of their own for goroutines
/// (`unwind::signal`).
fn signals(image: &Image<'_>) -> SignalStack {
    match image.os() {
        Some(Os::Ios) => SignalStack::Goroutine,
        _ => SignalStack::Own,
    }
}
