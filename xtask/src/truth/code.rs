//! What a program's instructions do to the flow of control, as far as a trace needs
//! it: which are calls, returns and jumps. Decoded here and not by the verifier,
//! which is on trial.

use anyhow::{Context as _, Result};
use image::Image;
use unwind::Word;

/// The position of a function among those of a program.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FunctionId(pub usize);

/// The functions of a program, by address.
#[derive(Debug)]
pub struct Code<'i> {
    functions: Vec<Function<'i>>,
}

/// The words of a function, and what it is to the trace.
#[derive(Clone, Copy, Debug)]
pub struct Function<'i> {
    /// The address of its first instruction.
    pub entry: u64,
    /// Its instructions, with the padding up to the next function.
    pub words: &'i [Word],
    /// What starts it besides calls.
    pub role: Role,
}

/// What starts a function besides calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Nothing.
    Plain,
    /// The kernel, to handle a signal.
    Handler,
    /// A handler of a signal, which makes it look as if the interrupted code had
    /// called it (`runtime/signal_arm64.go`, `pushCall` and `preparePanic`).
    Injected,
}

impl Role {
    /// The role of the function with this name.
    #[must_use]
    pub fn of(name: &[u8]) -> Self {
        match name {
            b"runtime.sigtramp" | b"runtime.cgoSigtramp" => Self::Handler,
            b"runtime.asyncPreempt" | b"runtime.sigpanic" | b"runtime.sigpanic0" => Self::Injected,
            _ => Self::Plain,
        }
    }
}

/// What an instruction does to the flow of control (Arm ARM, C4.1.93, "Branches,
/// Exception Generating and System instructions").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// Nothing: the next instruction is the one behind it.
    Next,
    /// BL, with its target, or BLR.
    Call(Option<u64>),
    /// B.
    Jump(u64),
    /// B.cond, CBZ, CBNZ, TBZ, TBNZ: its target, or the one behind it.
    JumpIf(u64),
    /// BR.
    JumpReg,
    /// RET.
    Return,
    /// SVC.
    System,
}

impl<'i> Code<'i> {
    /// All functions of an image.
    ///
    /// # Errors
    /// When a function cannot be read.
    pub fn of(image: &'i Image<'_>) -> Result<Self> {
        let function = |index| {
            let function = image.function(index).context("a function of the image")?;
            let role = Role::of(function.name());
            Ok(Function { entry: function.entry.0, words: function.code, role })
        };
        Ok(Self { functions: (0..image.function_count()).map(function).collect::<Result<_>>()? })
    }

    /// These functions, by address.
    #[must_use]
    pub const fn new(functions: Vec<Function<'i>>) -> Self {
        Self { functions }
    }

    /// How many functions there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.functions.len()
    }

    /// The function that an address lies in.
    #[must_use]
    pub fn find(&self, pc: u64) -> Option<FunctionId> {
        let behind = self.functions.partition_point(|function| function.entry <= pc);
        let id = FunctionId(behind.checked_sub(1)?);
        self.contains(id, pc).then_some(id)
    }

    /// The same, faster where it is mostly this function.
    #[must_use]
    pub fn find_near(&self, likely: Option<FunctionId>, pc: u64) -> Option<FunctionId> {
        likely.filter(|&id| self.contains(id, pc)).or_else(|| self.find(pc))
    }

    /// A function.
    #[must_use]
    pub fn function(&self, id: FunctionId) -> Option<&Function<'i>> {
        self.functions.get(id.0)
    }

    /// Whether an address is the first of a function.
    #[must_use]
    pub fn is_entry(&self, id: FunctionId, pc: u64) -> bool {
        self.function(id).is_some_and(|function| function.entry == pc)
    }

    /// What starts a function besides calls.
    #[must_use]
    pub fn role(&self, id: FunctionId) -> Role {
        self.function(id).map_or(Role::Plain, |function| function.role)
    }

    /// What the instruction at an address of a function does.
    #[must_use]
    pub fn flow(&self, id: FunctionId, pc: u64) -> Flow {
        let word = self.function(id).and_then(|function| {
            let offset = pc.checked_sub(function.entry)?;
            function.words.get(usize::try_from(offset / Word::BYTES).ok()?)
        });
        word.map_or(Flow::Next, |word| flow(word.get(), pc))
    }

    fn contains(&self, id: FunctionId, pc: u64) -> bool {
        self.function(id).is_some_and(|function| {
            let offset = pc.checked_sub(function.entry);
            offset.is_some_and(|offset| offset / Word::BYTES < function.words.len() as u64)
        })
    }
}

/// What a word at an address does to the flow of control.
const fn flow(word: u32, pc: u64) -> Flow {
    match word >> 24 {
        // imm26
        0x94..=0x97 => Flow::Call(Some(target(word, pc, 26, 0))),
        0x14..=0x17 => Flow::Jump(target(word, pc, 26, 0)),
        // B.cond and CBZ, CBNZ: imm19. TBZ, TBNZ: imm14.
        0x54 | 0x34 | 0x35 | 0xb4 | 0xb5 => Flow::JumpIf(target(word, pc, 19, 5)),
        0x36 | 0x37 | 0xb6 | 0xb7 => Flow::JumpIf(target(word, pc, 14, 5)),
        // opc is bits 24 to 21: BR, BLR, RET; with bit 24 authenticating.
        0xd6 | 0xd7 => match word >> 21 & 0b111 {
            0b000 => Flow::JumpReg,
            0b001 => Flow::Call(None),
            0b010 => Flow::Return,
            _ => Flow::Next,
        },
        0xd4 if word & 0xffe0_001f == 0xd400_0001 => Flow::System,
        _ => Flow::Next,
    }
}

/// The address that `bits` bits above `low` are the distance to, in words.
const fn target(word: u32, pc: u64, bits: u32, low: u32) -> u64 {
    let distance = (word << (32 - bits - low)).cast_signed() >> (32 - bits);
    pc.wrapping_add_signed(distance as i64 * 4)
}

#[cfg(test)]
mod tests {
    use super::{Code, Flow, Function, FunctionId, Role, flow};
    use unwind::Word;

    /// The words are what `llvm-mc -arch=aarch64 -show-encoding` (LLVM 14) prints.
    #[test]
    fn flow_is_that_of_the_manual() {
        let cases = [
            (0x9400_0002, Flow::Call(Some(0x1008))), // bl #8
            (0x97ff_ffff, Flow::Call(Some(0xffc))),  // bl #-4
            (0x1400_0002, Flow::Jump(0x1008)),       // b #8
            (0x17ff_ffff, Flow::Jump(0xffc)),        // b #-4
            (0x5400_0040, Flow::JumpIf(0x1008)),     // b.eq #8
            (0x54ff_ffe1, Flow::JumpIf(0xffc)),      // b.ne #-4
            (0xb400_0040, Flow::JumpIf(0x1008)),     // cbz x0, #8
            (0x35ff_ffe1, Flow::JumpIf(0xffc)),      // cbnz w1, #-4
            (0x3600_0040, Flow::JumpIf(0x1008)),     // tbz w0, #0, #8
            (0xb7ff_ffe1, Flow::JumpIf(0xffc)),      // tbnz x1, #63, #-4
            (0xd61f_00c0, Flow::JumpReg),            // br x6
            (0xd63f_0060, Flow::Call(None)),         // blr x3
            (0xd65f_03c0, Flow::Return),             // ret
            (0xd65f_0360, Flow::Return),             // ret x27
            (0xd71f_0801, Flow::JumpReg),            // braa x0, x1
            (0xd73f_0801, Flow::Call(None)),         // blraa x0, x1
            (0xd65f_0bff, Flow::Return),             // retaa
            (0xd69f_03e0, Flow::Next),               // eret
            (0xd400_0001, Flow::System),             // svc #0
            (0xd420_0000, Flow::Next),               // brk #0
            (0x9100_43ff, Flow::Next),               // add sp, sp, #16
            (0xd503_201f, Flow::Next),               // nop
        ];
        for (word, expected) in cases {
            assert_eq!(flow(word, 0x1000), expected, "{word:#010x}");
        }
    }

    #[test]
    fn an_address_is_in_the_function_that_covers_it() {
        let words = [Word::new(0xd503_201f); 3];
        let function = |entry| Function { entry, words: &words, role: Role::Plain };
        let code = Code::new(vec![function(0x1000), function(0x2000)]);
        let found = [0xfff, 0x1000, 0x100b, 0x100c, 0x2000, 0x200c].map(|pc| code.find(pc));
        let (first, second) = (Some(FunctionId(0)), Some(FunctionId(1)));
        assert_eq!(found, [None, first, first, None, second, None]);
        for pc in 0xff0..0x2010 {
            assert_eq!(code.find_near(first, pc), code.find(pc));
            assert_eq!(code.find_near(second, pc), code.find(pc));
        }
    }
}
