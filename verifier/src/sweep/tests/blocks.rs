//! Functions of more than one block of 64 instructions: the same whichever instruction is the
//! first of a block.

use super::{CALL, GLOBAL, LINK, framed, leaves, popped, proves, with};
use crate::sweep::bits::flood;

const NOP: &str = "d503201f 32 -1 nop";

/// The listing with so many NOPs behind where the frame is made.
fn shifted(body: &[&str], nops: usize) -> String {
    popped(&[&vec![NOP; nops][..], body].concat())
}

#[test]
fn shapes_cross_the_ends_of_blocks() {
    let [adrp, load] = GLOBAL;
    let add = "9100437b 32 -4 add x27, x27, #16";
    let after_call = [CALL, "00000000 32 -1 udf"];
    for nops in 40..=70 {
        proves(&shifted(&[adrp, add, load, CALL], nops));
        proves(&shifted(&[&LINK[..], &[CALL]].concat(), nops));
        // Each is no more than that wherever it is.
        leaves(&shifted(&[adrp, &with(add, "-4", "-1"), load, CALL], nops));
        leaves(&shifted(&[&with(adrp, "-4", "-1"), load, CALL], nops));
        leaves(&shifted(&["b4000040 32 -1 cbz x0, .+8", adrp, add, load], nops));
        // A call with a trap behind it ends there, and morestack follows.
        proves(&framed(&[&vec![NOP; nops][..], &after_call].concat()));
    }
}

#[test]
fn branches_lead_from_block_to_block() {
    for nops in 40..=140_u32 {
        let body = vec![NOP; nops as usize];
        // Over all of them, and back.
        let over = format!("{:08x} 32 -1 cbz x0", 0xb400_0000 | (nops + 2) << 5);
        let back = format!(
            "{:08x} 32 -1 cbnz x0",
            0xb500_0000 | (0_u32.wrapping_sub(nops) & 0x7_ffff) << 5
        );
        proves(&popped(&[&[&*over][..], &body, &[CALL, CALL]].concat()));
        proves(&popped(&[&body[..], &[&back, CALL]].concat()));
        // Into what pops the frame.
        let into = format!("{:08x} 32 -1 cbz x0", 0xb400_0000 | (nops + 4) << 5);
        leaves(&popped(&[&[&*into][..], &body, &[CALL, CALL]].concat()));
    }
}

/// A loop whose condition is at its end is entered by a branch to there: its body is reached
/// by a branch backwards alone. What nothing leads to is not reached.
#[test]
fn what_branches_backward_lead_to_is_reached() {
    for nops in [0, 1, 30, 61, 62, 63, 64, 65, 130_u32] {
        let jump = |distance: u32| format!("{:08x} 32 -1 b", 0x1400_0000 | distance);
        let back = format!(
            "{:08x} 32 -1 cbnz x0",
            0xb500_0000 | (0_u32.wrapping_sub(nops + 2) & 0x7_ffff) << 5
        );
        let (enter, before) = (jump(nops + 3), vec![NOP; nops as usize]);
        let body = [&[&*enter][..], &before, &[CALL, NOP]].concat();
        proves(&popped(&[&body[..], &[&back, CALL]].concat()));
        // With a branch in the body, which is not known to be reached at first.
        let inner = "b4000020 32 -1 cbz x0, .+4";
        let body = [&[&*enter][..], &before, &[CALL, inner]].concat();
        proves(&popped(&[&body[..], &[&back, CALL]].concat()));
        // Nothing leads into a loop that is left out.
        proves(&popped(&[&body[..], &[CALL, CALL]].concat()));
        let (over, again) = (jump(3), jump(0x3ff_ffff));
        let dead = [&over, inner, &again, CALL];
        proves(&popped(&[&before[..], &dead].concat()));
    }
}

/// Against one position after the other.
#[test]
fn a_flood_goes_where_nothing_stops_it() {
    let mut random = 1_u64;
    for _ in 0..20_000 {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        let (starts, falls) =
            (random & random >> 23 & random >> 11, random.rotate_left(31) | random);
        let (mut reached, mut here) = (0, false);
        for bit in 0..64 {
            let is = |set: u64| set >> bit & 1 == 1;
            here |= is(starts);
            reached |= u64::from(here) << bit;
            here &= is(falls);
        }
        assert_eq!(flood(starts, falls), (reached, u64::from(here)), "{starts:x} {falls:x}");
    }
}
