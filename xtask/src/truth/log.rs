//! The log of `qemu-aarch64 -d exec,cpu,nochain`, one instruction at a time.
//!
//! For each instruction the emulator prints a line `Trace CPU: ... [.../PC/...]`,
//! then the registers before it runs. Each of the two is written in one piece, but
//! the second does not say which CPU it is of, and other threads write in between:
//! registers belong to a CPU that has announced the same pc. If there are several of
//! those, they are of the one that had the same SP before; else they wait until the
//! others have theirs, or until one of the CPUs goes on, whose they then must be.

use anyhow::{Result, bail};
use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, Read as _};

/// What a thread is about to execute.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// The emulator's number of the thread's CPU; used again when a thread has ended.
    pub cpu: u32,
    /// The address of the instruction.
    pub pc: u64,
    /// SP.
    pub sp: u64,
    /// R30: the return address, where one was just written.
    pub lr: u64,
    /// R28: the goroutine, in Go code.
    pub g: u64,
}

/// Reads steps from a log.
#[derive(Debug)]
pub struct Log<R> {
    reader: R,
    line: Vec<u8>,
    /// How many lines were read.
    number: u64,
    /// What was announced, and has no registers yet.
    announced: Vec<(u32, u64)>,
    /// The last SP of each CPU.
    last_sp: HashMap<u32, u64>,
    /// The registers that are being read.
    open: Step,
    /// Registers of one of several CPUs.
    held: Vec<Step>,
    /// Steps to be handed out.
    ready: VecDeque<Step>,
    /// How many registers were of one of several CPUs, and not told apart at once.
    pub ambiguous: u64,
}

/// No line of the log is longer, in bytes.
const LONGEST_LINE: u64 = 4096;

impl<R: BufRead> Log<R> {
    /// Reads from the start of a log.
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            line: Vec::new(),
            number: 0,
            announced: Vec::new(),
            last_sp: HashMap::new(),
            open: Step { cpu: 0, pc: 0, sp: 0, lr: 0, g: 0 },
            held: Vec::new(),
            ready: VecDeque::new(),
            ambiguous: 0,
        }
    }

    /// The next step, or `None` at the end. A log that is cut short ends with its
    /// last whole step.
    ///
    /// # Errors
    /// When a line is not one that the emulator writes, or cannot be read.
    pub fn next_step(&mut self) -> Result<Option<Step>> {
        loop {
            if let Some(step) = self.ready.pop_front() {
                return Ok(Some(step));
            }
            self.line.clear();
            self.reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut self.line)?;
            if self.line.last() != Some(&b'\n') {
                if self.line.len() as u64 == LONGEST_LINE {
                    return self.unexpected("a line of at most 4096 bytes");
                }
                return Ok(None);
            }
            self.number += 1;
            match self.line.as_slice() {
                [b'T', ..] => {
                    let Some((cpu, pc)) = announcement(&self.line) else {
                        return self.unexpected("`Trace CPU: ... [.../PC/...]`");
                    };
                    self.announce(cpu, pc);
                }
                [b' ', b'P', ..] => self.open.pc = self.register("PC=")?,
                [b'X', b'2', b'6', ..] => self.open.g = self.register("X28=")?,
                [b'X', b'2', b'9', ..] => {
                    self.open.lr = self.register("X30=")?;
                    self.open.sp = self.register("SP=")?;
                }
                [b'P', b'S', ..] => self.close()?,
                // `Stopped execution of TB chain before ...`: what was announced last
                // was not executed, and is announced again.
                [b'X', ..] | [b'S', b't', ..] => {}
                _ => return self.unexpected("`Trace` or registers"),
            }
        }
    }

    fn announce(&mut self, cpu: u32, pc: u64) {
        // It goes on: what it had announced before has its registers.
        if let Some(&(_, before)) = self.announced.iter().find(|announced| announced.0 == cpu) {
            let held = self.held.iter().enumerate().filter(|(_, step)| step.pc == before);
            let nearest = held.min_by_key(|(_, step)| self.distance(cpu, step));
            if let Some((at, _)) = nearest {
                let step = self.held.remove(at);
                self.settle(cpu, step);
            }
            self.announced.retain(|announced| announced.0 != cpu);
        }
        self.announced.push((cpu, pc));
    }

    /// The registers are whole: finds out whose they are.
    fn close(&mut self) -> Result<()> {
        let pc = self.open.pc;
        self.held.push(self.open);
        let of_pc = |announced: &&(u32, u64)| announced.1 == pc;
        let held = self.held.iter().filter(|step| step.pc == pc).count();
        let cpus = self.announced.iter().filter(of_pc).count();
        if held > cpus {
            return self.unexpected("registers of an instruction that was announced");
        }
        self.ambiguous += u64::from(cpus > 1);
        // Those with the same SP, then the others if no CPU is left out.
        loop {
            let cpus: Vec<u32> = self.announced.iter().filter(of_pc).map(|&(cpu, _)| cpu).collect();
            let held = (0..self.held.len()).filter(|&at| self.held[at].pc == pc);
            let pairs = held.flat_map(|at| cpus.iter().map(move |&cpu| (at, cpu)));
            let pairs = pairs.map(|(at, cpu)| (self.distance(cpu, &self.held[at]), at, cpu));
            let pairs: Vec<_> = pairs.collect();
            let is_whole = pairs.len() == cpus.len() * cpus.len();
            match pairs.into_iter().min() {
                Some((distance, at, cpu)) if distance == 0 || is_whole => {
                    let step = self.held.remove(at);
                    self.settle(cpu, step);
                }
                _ => return Ok(()),
            }
        }
    }

    /// How far from its last SP a CPU would be.
    fn distance(&self, cpu: u32, step: &Step) -> u64 {
        self.last_sp.get(&cpu).map_or(u64::MAX, |at| at.abs_diff(step.sp))
    }

    /// These registers are of this CPU.
    fn settle(&mut self, cpu: u32, step: Step) {
        self.announced.retain(|announced| announced.0 != cpu);
        self.last_sp.insert(cpu, step.sp);
        self.ready.push_back(Step { cpu, ..step });
    }

    /// The value behind `name`, sixteen hexadecimal digits.
    fn register(&self, name: &str) -> Result<u64> {
        let tokens = self.line.split(u8::is_ascii_whitespace);
        let mut values = tokens.filter_map(|token| token.strip_prefix(name.as_bytes()));
        let value = values.next().filter(|digits| digits.len() == 16).and_then(hexadecimal);
        value.map_or_else(|| self.unexpected(&format!("`{name}` and 16 digits")), Ok)
    }

    fn unexpected<T>(&self, expected: &str) -> Result<T> {
        let line = String::from_utf8_lossy(&self.line);
        let line: String = line.trim_end().chars().take(120).collect();
        bail!("line {} of the emulator's log is {line:?}, expected {expected}", self.number)
    }
}

/// The CPU and the pc of `Trace 0: 0x7f39 [0001009331/0000087880/00000001/00000201] `.
fn announcement(line: &[u8]) -> Option<(u32, u64)> {
    let rest = line.strip_prefix(b"Trace ")?;
    let colon = rest.iter().position(|&byte| byte == b':')?;
    let cpu = std::str::from_utf8(rest.get(..colon)?).ok()?.parse().ok()?;
    let fields = rest.get(rest.iter().position(|&byte| byte == b'[')?..)?;
    let pc = fields.split(|&byte| byte == b'/').nth(1)?;
    Some((cpu, hexadecimal(pc)?))
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    digits.iter().try_fold(0, |value: u64, &digit| {
        Some(value << 4 | u64::from(char::from(digit).to_digit(16)?))
    })
}

#[cfg(test)]
mod tests {
    use super::{Log, Step};
    use std::collections::BTreeSet;

    /// What qemu-aarch64 7.2.22 prints, with these values.
    fn registers(pc: u64, g: u64, lr: u64, sp: u64) -> String {
        let mut text = format!(" PC={pc:016x} X00={:016x} X01={:016x}\n", 1, 2);
        for first in (2..26).step_by(3) {
            for register in first..first + 3 {
                text += &format!("X{register:02}={:016x} ", 7);
            }
            text.pop();
            text.push('\n');
        }
        text += &format!("X26={:016x} X27={:016x} X28={g:016x}\n", 7, 7);
        text += &format!("X29={:016x} X30={lr:016x}  SP={sp:016x}\n", 7);
        text + "PSTATE=40000000 -Z-- EL0t  SVCR=00000000 --  BTYPE=0\n"
    }

    fn announced(cpu: u32, pc: u64) -> String {
        format!("Trace {cpu}: 0x7f392c000100 [0000000001009331/{pc:016x}/00000001/00000201] \n")
    }

    fn steps(text: &str) -> Vec<Step> {
        let mut log = Log::new(text.as_bytes());
        std::iter::from_fn(|| log.next_step().expect("a log")).collect()
    }

    #[test]
    fn a_step_has_its_registers() {
        let text = announced(3, 0x87880) + &registers(0x87880, 0x4000, 0x8788c, 0x55_0080_07e0);
        let step = Step { cpu: 3, pc: 0x87880, sp: 0x55_0080_07e0, lr: 0x8788c, g: 0x4000 };
        assert_eq!(steps(&text), [step]);
    }

    #[test]
    fn registers_go_to_the_cpu_that_announced_their_pc() {
        let text = announced(0, 0x1000)
            + &announced(1, 0x2000)
            + &registers(0x2000, 1, 1, 0x200)
            + &registers(0x1000, 0, 0, 0x100);
        let cpus: Vec<_> = steps(&text).iter().map(|step| (step.cpu, step.pc)).collect();
        assert_eq!(cpus, [(1, 0x2000), (0, 0x1000)]);
    }

    fn cpus(text: &str) -> Vec<(u32, u64)> {
        steps(text).iter().map(|step| (step.cpu, step.sp)).collect()
    }

    /// Two threads, whose SP is 0x10_0000 and 0x20_0000.
    fn two_threads() -> String {
        announced(0, 0x1000)
            + &registers(0x1000, 0, 0, 0x10_0000)
            + &announced(1, 0x1000)
            + &registers(0x1000, 1, 0, 0x20_0000)
    }

    #[test]
    fn at_the_same_pc_the_same_sp_decides() {
        let both = two_threads() + &announced(0, 0x1004) + &announced(1, 0x1004);
        let first = both.clone() + &registers(0x1004, 0, 0, 0x10_0000);
        assert_eq!(cpus(&first)[2..], [(0, 0x10_0000)]);
        let second = both + &registers(0x1004, 0, 0, 0x20_0000);
        assert_eq!(cpus(&second)[2..], [(1, 0x20_0000)]);
    }

    #[test]
    fn registers_wait_until_the_other_cpu_has_its_own() {
        let both = two_threads() + &announced(0, 0x1004) + &announced(1, 0x1004);
        let one = both + &registers(0x1004, 0, 0, 0x1f_fff0);
        assert_eq!(cpus(&one)[2..], []);
        let other = one + &registers(0x1004, 0, 0, 0x0f_fff0);
        let settled: BTreeSet<_> = cpus(&other)[2..].iter().copied().collect();
        assert_eq!(settled, BTreeSet::from([(0, 0x0f_fff0), (1, 0x1f_fff0)]));
    }

    /// A new thread stands where the one that has made it stands.
    #[test]
    fn a_new_thread_gets_what_the_other_leaves() {
        let both = two_threads() + &announced(0, 0x1004) + &announced(2, 0x1004);
        let text = both + &registers(0x1004, 0, 0, 0x0e_0000) + &registers(0x1004, 0, 0, 0x10_0000);
        let settled: BTreeSet<_> = cpus(&text)[2..].iter().copied().collect();
        assert_eq!(settled, BTreeSet::from([(0, 0x10_0000), (2, 0x0e_0000)]));
    }

    #[test]
    fn registers_are_of_the_cpu_that_goes_on() {
        let both = two_threads() + &announced(0, 0x1004) + &announced(1, 0x1004);
        let held = both + &registers(0x1004, 0, 0, 0x15_0000);
        assert_eq!(cpus(&(held.clone() + &announced(0, 0x1008)))[2..], [(0, 0x15_0000)]);
        assert_eq!(cpus(&(held + &announced(1, 0x1008)))[2..], [(1, 0x15_0000)]);
    }

    #[test]
    fn a_log_that_is_cut_short_ends_with_its_last_whole_step() {
        let whole = announced(0, 0x1000) + &registers(0x1000, 0, 0, 0x100);
        let text = whole.clone() + &whole;
        for length in 0..text.len() {
            let expected = usize::from(length >= whole.len());
            assert_eq!(steps(&text[..length]).len(), expected, "{length} bytes");
        }
    }

    #[test]
    fn what_the_emulator_does_not_write_is_an_error_with_its_line() {
        let error = |text: &str| {
            let mut log = Log::new(text.as_bytes());
            let error = loop {
                match log.next_step() {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("{text:?} was read to its end"),
                    Err(error) => break error,
                }
            };
            error.to_string()
        };
        assert!(error("Trace x: [1/2]\n").starts_with("line 1 of the emulator's log"));
        assert!(error("hello\n").contains("expected `Trace` or registers"));
        assert!(error(" PC=12\n").contains("expected `PC=` and 16 digits"));
        let other = announced(0, 0x1000) + &registers(0x2000, 0, 0, 0x100);
        assert!(error(&other).contains("that was announced"));
        assert!(error(&"X".repeat(5000)).contains("at most 4096 bytes"));
    }
}
