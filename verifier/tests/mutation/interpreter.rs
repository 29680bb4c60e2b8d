//! A machine that executes the few instructions of the functions under test, as
//! their pages in the Arm ARM (DDI 0487, C6.2) say, and holds SP against the rows
//! at every boundary that it comes to. It shares nothing with the verifier: it
//! has its own decoder, and runs with numbers instead of following values.

use std::collections::HashSet;

/// A boundary as the table declares it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Line {
    /// The instruction.
    pub(crate) word: u32,
    /// The depth of SP below the CFA.
    pub(crate) depth: i64,
    /// The value of `PCDATA_UnsafePoint`.
    pub(crate) class: i32,
}

/// SP at the entry.
const CFA: u64 = 0x7000_0000_0000;

/// How many instructions are executed at most, over all paths.
const MAX_STEPS: u32 = 400;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Machine {
    pc: usize,
    sp: u64,
    x: [u64; 31],
}

/// Where execution goes on.
enum Next {
    Behind,
    To(usize),
    Either(usize),
    Nowhere,
}

/// The first boundaries found where somebody is misled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Wrong {
    /// SP is not where the row of the boundary says.
    pub(crate) profiler: Option<usize>,
    /// SP is not where the row says at which a goroutine that is preempted there
    /// resumes.
    pub(crate) preemption: Option<usize>,
}

impl Wrong {
    /// A boundary where anybody is misled.
    pub(crate) fn any(self) -> Option<usize> {
        self.preemption.or(self.profiler)
    }
}

/// Executes a function on all its paths, also those that preemption adds.
pub(crate) fn execute(lines: &[Line]) -> Wrong {
    let mut wrong = Wrong::default();
    visit(lines, |at, depth| {
        if lines[at].depth != depth {
            wrong.profiler.get_or_insert(at);
        }
        if resumption(lines, at).is_some_and(|resume| lines[resume].depth != depth) {
            wrong.preemption.get_or_insert(at);
        }
    });
    wrong
}

/// Comes to boundaries on all paths, and tells the depth of SP at each.
pub(crate) fn visit(lines: &[Line], mut at_boundary: impl FnMut(usize, i64)) {
    let entry = Machine { pc: 0, sp: CFA, x: std::array::from_fn(|n| garbage(999, n)) };
    let mut open = vec![entry];
    let mut seen = HashSet::new();
    for _ in 0..MAX_STEPS {
        let Some(mut machine) = open.pop() else { break };
        let Some(line) = lines.get(machine.pc) else { continue };
        if !seen.insert(machine.clone()) {
            continue;
        }
        at_boundary(machine.pc, CFA.wrapping_sub(machine.sp).cast_signed());
        if let Some(at) = resumption(lines, machine.pc) {
            open.push(Machine { pc: at, ..machine.clone() });
        }
        let behind = machine.pc + 1;
        match machine.execute(line.word) {
            Next::Behind => open.push(Machine { pc: behind, ..machine }),
            Next::To(to) => open.push(Machine { pc: to, ..machine }),
            Next::Either(to) => {
                open.push(Machine { pc: to, ..machine.clone() });
                open.push(Machine { pc: behind, ..machine });
            }
            Next::Nowhere => {}
        }
    }
}

/// Where a goroutine resumes that is preempted at `at` (`isAsyncSafePoint` in
/// runtime/preempt.go of go1.24): nowhere at an unsafe point, where it cannot be.
fn resumption(lines: &[Line], at: usize) -> Option<usize> {
    let class = lines[at].class;
    match class {
        -1 => Some(at),
        -3 | -4 => {
            let other = lines[..at].iter().rposition(|line| line.class != class);
            Some(other.map_or(0, |position| position + 1))
        }
        -5 => Some(0),
        _ => None,
    }
}

/// A number that no frame is made of, for what is not known: another one for each
/// place and register.
fn garbage(at: usize, register: usize) -> u64 {
    0x5a5a_0000_0000_0000 + ((at as u64) << 16) + ((register as u64) << 8)
}

fn bits(word: u32, high: u32, low: u32) -> u32 {
    word >> low & (u32::MAX >> (31 - (high - low)))
}

fn signed_bits(word: u32, high: u32, low: u32) -> i64 {
    let unsigned = i64::from(bits(word, high, low));
    let sign = 1_i64 << (high - low);
    (unsigned ^ sign) - sign
}

impl Machine {
    fn or_sp(&mut self, register: u32) -> &mut u64 {
        self.x.get_mut(register as usize).unwrap_or(&mut self.sp)
    }

    fn or_zero(&self, register: u32) -> u64 {
        self.x.get(register as usize).copied().unwrap_or(0)
    }

    fn set(&mut self, register: u32, value: u64) {
        if let Some(known) = self.x.get_mut(register as usize) {
            *known = value;
        }
    }

    fn branch(&self, word: u32, high: u32, low: u32) -> usize {
        // Before the entry is outside, as is behind the end.
        let distance = signed_bits(word, high, low) as isize;
        self.pc.checked_add_signed(distance).unwrap_or(usize::MAX)
    }

    fn execute(&mut self, word: u32) -> Next {
        let (rd, rn, rm) = (bits(word, 4, 0), bits(word, 9, 5), bits(word, 20, 16));
        match word {
            0xd503_201f => {} // NOP
            _ if word & 0xfc00_0000 == 0x1400_0000 => return Next::To(self.branch(word, 25, 0)),
            _ if word & 0xff00_0010 == 0x5400_0000 => {
                return Next::Either(self.branch(word, 23, 5)); // B.cond
            }
            _ if word & 0x7e00_0000 == 0x3400_0000 => {
                return Next::Either(self.branch(word, 23, 5)); // CBZ, CBNZ
            }
            _ if word & 0xfc00_0000 == 0x9400_0000 => {
                // BL: the callee leaves what it likes.
                self.x = std::array::from_fn(|register| garbage(self.pc, register));
            }
            _ if word & 0xff80_0000 == 0xd280_0000 => {
                self.set(rd, u64::from(bits(word, 20, 5)) << (16 * bits(word, 22, 21))); // MOVZ
            }
            _ if word & 0xff80_0000 == 0xf280_0000 => {
                let shift = 16 * bits(word, 22, 21); // MOVK
                let rest = self.or_zero(rd) & !(0xffff << shift);
                self.set(rd, rest | u64::from(bits(word, 20, 5)) << shift);
            }
            // ORR (immediate), elements of 64 bits: a run of ones, rotated right.
            _ if word & 0xffc0_0000 == 0xb240_0000 && bits(word, 15, 10) != 63 => {
                let ones = u64::MAX >> (63 - bits(word, 15, 10));
                *self.or_sp(rd) = self.or_zero(rn) | ones.rotate_right(bits(word, 21, 16));
            }
            _ if word & 0xffe0_fc00 == 0xaa00_0000 => {
                self.set(rd, self.or_zero(rn) | self.or_zero(rm)); // ORR (register)
            }
            _ if word & 0x9f80_0000 == 0x9100_0000 => {
                let imm = u64::from(bits(word, 21, 10)) << (12 * bits(word, 22, 22));
                let first = *self.or_sp(rn);
                self.add_or_subtract(word, first, imm, true); // ADD, SUB (immediate)
            }
            // ADD, SUB (extended register), UXTX.
            _ if word & 0x9fe0_e000 == 0x8b20_6000 && bits(word, 12, 10) <= 4 => {
                let second = self.or_zero(rm) << bits(word, 12, 10);
                let first = *self.or_sp(rn);
                self.add_or_subtract(word, first, second, true);
            }
            // ADD, SUB (shifted register), LSL.
            _ if word & 0x9fe0_0000 == 0x8b00_0000 => {
                let second = self.or_zero(rm) << bits(word, 15, 10);
                self.add_or_subtract(word, self.or_zero(rn), second, false);
            }
            _ => return self.access(word),
        }
        Next::Behind
    }

    fn add_or_subtract(&mut self, word: u32, first: u64, second: u64, to_sp: bool) {
        let subtracts = bits(word, 30, 30) == 1;
        let sum = if subtracts { first.wrapping_sub(second) } else { first.wrapping_add(second) };
        // Where flags are set, 31 is ZR.
        if to_sp && bits(word, 29, 29) == 0 {
            *self.or_sp(bits(word, 4, 0)) = sum;
        } else {
            self.set(bits(word, 4, 0), sum);
        }
    }

    /// LDR and STR (immediate), LDUR and STUR, LDP and STP, of 64 bits.
    fn access(&mut self, word: u32) -> Next {
        let (rt, rn) = (bits(word, 4, 0), bits(word, 9, 5));
        let is_load = bits(word, 22, 22) == 1;
        let (second, written_back) = match word {
            _ if word & 0xff80_0000 == 0xf900_0000 => (None, 0),
            _ if word & 0xffa0_0000 == 0xf800_0000 && bits(word, 11, 10) != 0b10 => {
                let offset = signed_bits(word, 20, 12);
                (None, if bits(word, 11, 10) == 0 { 0 } else { offset })
            }
            _ if word & 0xfe00_0000 == 0xa800_0000 && bits(word, 24, 23) != 0 => {
                let offset = signed_bits(word, 21, 15) * 8;
                (Some(bits(word, 14, 10)), if bits(word, 24, 23) == 0b10 { 0 } else { offset })
            }
            // RET, UDF, and what the functions do not contain.
            _ => return Next::Nowhere,
        };
        if is_load {
            for register in [Some(rt), second].into_iter().flatten() {
                self.set(register, garbage(self.pc, register as usize));
            }
        }
        let base = self.or_sp(rn);
        *base = base.wrapping_add_signed(written_back);
        Next::Behind
    }
}
