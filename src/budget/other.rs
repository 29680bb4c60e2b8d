//! What the instructions do to the registers that the verifier's decoder gives no
//! fields of: bit fields, conditional selection, multiplication, other loads (Arm
//! ARM, DDI 0487, C4.1).
//!
//! Where an address on the stack goes into one of them, what comes out is not
//! followed ([`Value::LOST`]).

use super::range::Range;
use super::state::State;
use super::step::forget;
use super::value::Value;
use a64::decode::Reg;
use unwind::Word;

/// The state behind the instruction.
pub(super) fn step(state: &mut State, word: Word) {
    let bits = word.get();
    let value = match bits >> 25 & 0xf {
        0b1000 | 0b1001 => bit_field(state, bits),
        0b0101 | 0b1101 => {
            // Of those that are left, conditional compare and what makes flags of
            // registers set flags; carry arithmetic and SUBPS can (bit 29).
            if bits >> 21 & 0xff <= 0b1101_0010 || bits >> 29 & 1 == 1 {
                state.flags = None;
            }
            of_registers(state, bits)
        }
        0b0111 | 0b1111 => {
            // Comparisons of floating point set the flags.
            state.flags = None;
            return forget(state, word);
        }
        0b0100 | 0b0110 | 0b1100 | 0b1110 => return access(state, word),
        _ => {
            state.flags = None;
            return forget(state, word);
        }
    };
    let rd = reg(bits, 0);
    forget(state, word);
    if writes_destination(bits) {
        state.set_or_zero(rd, value);
    }
}

fn reg(bits: u32, low: u32) -> Reg {
    Reg((bits >> low & 31) as u8)
}

/// Conditional compare has flags for a destination.
fn writes_destination(bits: u32) -> bool {
    bits >> 21 & 0xff != 0b1101_0010
}

/// UBFM, of which UXTB, UBFX, LSL and LSR are aliases; SBFM, BFM, EXTR.
fn bit_field(state: &State, bits: u32) -> Value {
    let source = state.or_zero(reg(bits, 5));
    let is_wide = bits >> 31 == 1;
    let (rotate, last) = (bits >> 16 & 63, bits >> 10 & 63);
    let number = match (bits >> 23 & 7, bits >> 29 & 3) {
        // UBFM takes bits from `rotate` to `last`, or shifts the lowest ones left.
        (0b110, 0b10) if last >= rotate => extracted(source, rotate, last),
        (0b110, 0b10) => {
            let by = if is_wide { 64 - rotate } else { 32 - rotate.min(32) };
            let taken = extracted(source, 0, last);
            let moved = taken.shifted(by);
            if is_wide { moved } else { moved.lower_half() }
        }
        // SBFM of a number that has no sign in the bits that are taken from 0 on.
        (0b110, 0b00) if rotate == 0 && (7..63).contains(&last) => {
            match source.masked((1 << last) - 1) {
                same if same == source => same,
                _ => source.mixed(Value::Any),
            }
        }
        (0b110, 0b01) => return source.mixed(state.or_zero(reg(bits, 0))),
        (0b111, _) => return source.mixed(state.or_zero(reg(bits, 16))),
        _ => return source.mixed(Value::Any),
    };
    if is_wide { number } else { number.lower_half() }
}

/// Bits from `first` to `last`.
fn extracted(source: Value, first: u32, last: u32) -> Value {
    let count = last - first + 1;
    match source.exact_number() {
        Some(number) if count < 64 => {
            Value::number((number.cast_unsigned() >> first & ((1 << count) - 1)).cast_signed())
        }
        _ if source.stack().is_some() => source.mixed(Value::Any),
        _ if count < 64 => Value::Number(Range::bits(count)),
        _ => source,
    }
}

/// Forms with registers: one, two or three sources, conditional selection.
fn of_registers(state: &State, bits: u32) -> Value {
    let (n, m) = (state.or_zero(reg(bits, 5)), state.or_zero(reg(bits, 16)));
    match bits >> 21 & 0xff {
        // CSEL is one or the other as it is; CSINC, CSINV and CSNEG are not.
        0b1101_0100 if bits >> 30 & 1 == 0 && bits >> 10 & 3 == 0 => match n.joined(m) {
            value if bits >> 31 == 1 => value,
            value => value.lower_half(),
        },
        // One source.
        0b1101_0110 if bits >> 30 & 1 == 1 => n.mixed(Value::Any),
        0b1101_1000..=0b1101_1111 => n.mixed(m).mixed(state.or_zero(reg(bits, 10))),
        _ => n.mixed(m),
    }
}

/// Loads and stores: what is loaded is not known, and a base that is written back has
/// moved up, or to where the register says.
fn access(state: &mut State, word: Word) {
    let bits = word.get();
    let (base, index) = (reg(bits, 5), reg(bits, 16));
    let before = state.or_sp(base);
    let is_structure = bits >> 28 & 3 == 0 && bits >> 26 & 1 == 1 && bits >> 23 & 1 == 1;
    forget(state, word);
    let is_indexed = bits >> 24 & 0x3f == 0b11_1000 && bits >> 21 & 1 == 1 && bits >> 10 & 3 == 2;
    if is_indexed && bits >> 22 & 3 == 0b01 {
        // LDRB, LDRH and LDR fill the register with zeros.
        state.set_or_zero(reg(bits, 0), Value::Number(Range::bits(8 << (bits >> 30))));
    }
    if is_structure {
        let by = if index == Reg::ZR { Value::Number(Range::bits(7)) } else { state.or_sp(index) };
        state.set_or_sp(base, before.plus(by));
    } else if state.or_sp(base) != before && before.stack().is_some() {
        state.set_or_sp(base, Value::LOST);
    }
}
