//! SP computed from other registers, and what may change those in between.

use super::{Case, check};

#[test]
fn sp_moved_from_a_register_that_was_computed_from_sp_is_followed() {
    // What obj7.go emits for large frames: SUB $80, RSP, R20; SUB $(16<<12), R20.
    check(
        "d10143f4 0 -1 sub x20, sp, #80
         d1404294 0 -1 sub x20, x20, #16, lsl #12
         9100029f 0 -2 mov sp, x20
         d2800a1b 65616 -1 movz x27, #80
         f2a0003b 65616 -1 movk x27, #1, lsl #16
         8b3b63ff 65616 -1 add sp, sp, x27
         d65f03c0 0 -1 ret",
        &["proved"],
    );
}

#[test]
fn sp_moved_from_a_register_that_is_wrong_by_one_page_is_refuted() {
    check(
        "d10143f4 0 -1 sub x20, sp, #80
         d1403e94 0 -1 sub x20, x20, #15, lsl #12
         9100029f 0 -1 mov sp, x20
         00000000 65616 -1 udf #0",
        &["refuted", "3: declared 65616, actual 61520: async-preemption profiler"],
    );
}

#[test]
fn constants_of_every_form_are_followed() {
    check(
        "b27403fb 0 -1 orr x27, xzr, #0x1000
         cb3b63ff 0 -1 sub sp, sp, x27
         aa1b03e1 4096 -1 mov x1, x27
         8b2163ff 4096 -1 add sp, sp, x1
         928003e2 0 -1 movn x2, #31
         8b2263ff 0 -1 add sp, sp, x2
         52800043 32 -1 movz w3, #2
         8b2373ff 32 -1 add sp, sp, x3, lsl #4
         d2800604 0 -1 movz x4, #48
         cb0403e5 0 -1 sub x5, xzr, x4
         8b2563ff 0 -1 add sp, sp, x5
         910003e6 48 -1 mov x6, sp
         8b0400c6 48 -1 add x6, x6, x4
         910000df 48 -1 mov sp, x6
         d65f03c0 0 -1 ret",
        &["proved"],
    );
}

#[test]
fn a_constant_that_is_wrong_is_refuted() {
    check(
        "b27303fb 0 -1 orr x27, xzr, #0x2000
         cb3b63ff 0 -1 sub sp, sp, x27
         00000000 4096 -1 udf #0",
        &["refuted", "2: declared 4096, actual 8192: async-preemption profiler"],
    );
}

#[test]
fn a_register_that_something_in_between_may_write_is_not_followed() {
    // Each may change the register that is the amount, X27, X30, X17 or X16; the
    // last is what SP is computed from. By the pages of the Arm ARM, C6.2.
    for (between, register) in [
        ("7280041b|movk w27, #32", 27),
        ("a9406c20|ldp x0, x27, [x1]", 27),
        ("a940003b|ldp x27, x0, [x1]", 27),
        ("f940003b|ldr x27, [x1]", 27),
        ("f862683b|ldr x27, [x1, x2]", 27),
        ("b880443b|ldrsw x27, [x1], #4", 27),
        ("5800005b|ldr x27, .+8", 27),
        ("69406c20|ldpsw x0, x27, [x1]", 27),
        ("c87f6c20|ldxp x0, x27, [x1]", 27),
        ("c81b7c20|stxr w27, x0, [x1]", 27),
        ("f820003b|ldadd x0, x27, [x1]", 27),
        ("c8bb7c20|cas x27, x0, [x1]", 27),
        ("483a7c40|casp x26, x27, x0, x1, [x2]", 27),
        ("f8e0803b|swpal x0, x27, [x1]", 27),
        ("f8bfc03b|ldapr x27, [x1]", 27),
        ("f8201f60|ldraa x0, [x27, #8]!", 27),
        ("4cdf7360|ld1 {v0.16b}, [x27], #16", 27),
        ("4c817360|st1 {v0.16b}, [x27], x1", 27),
        ("d9201760|stg x0, [x27], #16", 27),
        ("f83fd036|ld64b x22, [x1]", 27),
        ("19c2043b|setp [x27]!, x1!, x2", 27),
        ("19c20761|setp [x1]!, x27!, x2", 27),
        ("191b0441|cpyfp [x1]!, [x27]!, x2!", 27),
        ("d53bd05b|mrs x27, tpidr_el0", 27),
        ("d52b713b|sysl x27, #3, c7, c1, #1", 27),
        ("9e66001b|fmov x27, d0", 27),
        ("4e183c1b|umov x27, v0.d[1]", 27),
        ("9a81001b|csel x27, x0, x1, eq", 27),
        ("9b01081b|madd x27, x0, x1, x2", 27),
        ("b37c0c1b|bfi x27, x0, #4, #4", 27),
        ("0420e3fb|cntb x27", 27),
        ("9adf101b|irg x27, x0", 27),
        ("b100041b|adds x27, x0, #1", 27),
        ("d4000001|svc #0", 27),
        ("d4000001|svc #0", 19),
        ("94000064|bl .+400", 27),
        ("94000064|bl .+400", 19),
        ("94000064|bl .+400", 30),
        ("d63f0020|blr x1", 30),
        ("d503233f|paciasp", 30),
        ("d50323df|autibz", 30),
        ("d50320ff|xpaclri", 30),
        ("d503211f|pacia1716", 17),
        // CHKFEAT X16 (hint 40) and, of FEAT_PAuth_LR, AUTIASPPC .+0 and
        // PACIA171615: words from the Arm ARM (DDI 0487 K.a).
        ("d503251f|chkfeat x16", 16),
        ("f380001f|autiasppc .+0", 30),
        ("dac18bfe|pacia171615", 17),
    ] {
        let (word, instruction) = between.split_once('|').expect("a word and its instruction");
        let movz = 0xd280_0400_u32 | register;
        let add = 0x8b20_63ff_u32 | register << 16;
        // movz xN, #32; the instruction; add sp, sp, xN
        let listing = format!(
            "d10083ff 0 -1 sub sp, sp, #32
             {movz:08x} 32 -1 movz x{register}, #32
             {word} 32 -1 {instruction}
             {add:08x} 32 -1 add sp, sp, x{register}
             d65f03c0 0 -1 ret"
        );
        check(&listing, &["undecided", "3: UntrackedStackPointer"]);
    }
}

/// A base is written back by as much as the access says.
#[test]
fn a_base_that_is_written_back_is_followed() {
    for (between, behind) in [
        ("a8c10760 32 -1 ldp x0, x1, [x27], #16", 48),
        ("a9810760 32 -1 stp x0, x1, [x27, #16]!", 48),
        ("f8008760 32 -1 str x0, [x27], #8", 40),
    ] {
        let listing = format!(
            "d10083ff 0 -1 sub sp, sp, #32
             d280041b 32 -1 movz x27, #32
             {between}
             8b3b63ff 32 -1 add sp, sp, x27
             d65f03c0 0 -1 ret"
        );
        let actual = 32 - behind;
        let line = format!("4: declared 0, actual {actual}: async-preemption profiler");
        check(&listing, &["refuted", &line]);
    }
}

#[test]
fn a_register_that_nothing_in_between_writes_is_followed() {
    for between in [
        "a94007e0|ldp x0, x1, [sp]",
        "a8816c3b|stp x27, x27, [x1], #16",
        "f900001b|str x27, [x0]",
        "f100077f|cmp x27, #1",
        "d2800020|movz x0, #1",
        "b400005b|cbz x27, .+8",
        "d51bd041|msr tpidr_el0, x1",
        "d5033bbf|dmb ish",
        "d503233f|paciasp",
        "d503201f|nop",
    ] {
        let (word, instruction) = between.split_once('|').expect("a word and its instruction");
        let listing = format!(
            "d10083ff 0 -1 sub sp, sp, #32
             d280041b 32 -1 movz x27, #32
             {word} 32 -1 {instruction}
             8b3b63ff 32 -1 add sp, sp, x27
             d65f03c0 0 -1 ret"
        );
        let expected: &[&str] = if instruction.starts_with("cbz") {
            // It skips to the return with the frame open.
            &["refuted", "4: declared 0, actual 32: async-preemption profiler"]
        } else {
            &["proved"]
        };
        check(&listing, expected);
    }
}

#[test]
fn a_value_is_not_followed_into_the_code_behind_a_branch_target() {
    // The target is known before the analysis gets there.
    check(
        "d10083ff 0 -1 sub sp, sp, #32
         b4000040 32 -1 cbz x0, .+8
         d280041b 32 -1 movz x27, #32
         8b3b63ff 32 -1 add sp, sp, x27
         d65f03c0 0 -1 ret",
        &["undecided", "3: UntrackedStackPointer"],
    );
}

#[test]
fn a_value_is_not_followed_through_a_branch_target_found_later() {
    check(
        "d10083ff 0 -1 sub sp, sp, #32
         b40000a0 32 -1 cbz x0, .+20
         d280041b 32 -1 movz x27, #32
         d503201f 32 -1 nop
         8b3b63ff 32 -1 add sp, sp, x27
         d65f03c0 0 -1 ret
         d280061b 32 -1 movz x27, #48
         17fffffc 32 -1 b .-16",
        &["undecided", "4: UntrackedStackPointer"],
    );
    check(
        "d10083ff 0 -1 sub sp, sp, #32
         b40000a0 32 -1 cbz x0, .+20
         d280041b 32 -1 movz x27, #32
         8b3b63ff 32 -1 add sp, sp, x27
         d65f03c0 0 -1 ret
         d503201f 0 -1 nop
         d280061b 32 -1 movz x27, #48
         17fffffc 32 -1 b .-16",
        &["undecided", "3: UntrackedStackPointer"],
    );
}

#[test]
fn a_value_is_not_followed_through_a_target_that_a_loop_made_known_first() {
    // The loop at 2 makes its start a target; only then is X27 followed through
    // it, and only later does another path, with another X27, get there.
    check(
        "d10083ff 0 -1 sub sp, sp, #32
         d280041b 32 -1 movz x27, #32
         d503201f 32 -1 nop
         b5ffffe0 32 -1 cbnz x0, .-4
         b5000061 32 -1 cbnz x1, .+12
         8b3b63ff 32 -1 add sp, sp, x27
         d65f03c0 0 -1 ret
         d280061b 32 -1 movz x27, #48
         17fffffa 32 -1 b .-24",
        &["undecided", "5: UntrackedStackPointer"],
    );
}

#[test]
fn a_value_is_not_followed_through_the_start_of_a_restartable_sequence() {
    // Preempted before the second ADD, it adds 16 again: R27 is 48, not 32.
    check(
        "d10083ff 0 -1 sub sp, sp, #32
         d280021b 32 -1 movz x27, #16
         9100437b 32 -3 add x27, x27, #16
         d503201f 32 -3 nop
         8b3b63ff 32 -1 add sp, sp, x27
         d65f03c0 0 -1 ret",
        &["undecided", "4: UntrackedStackPointer"],
    );
}

#[test]
fn a_word_of_memory_is_no_constant_for_sp() {
    // The pointer that the image holds may be overwritten.
    let pointers = &[(0x1_0ff8, 32)];
    Case {
        pointers,
        ..Case::new(
            "d10083ff 0 -1 sub sp, sp, #32
             90000001 32 -1 adrp x1, .
             913fe021 32 -1 add x1, x1, #4088
             f9400021 32 -1 ldr x1, [x1]
             8b2163ff 32 -1 add sp, sp, x1
             d65f03c0 0 -1 ret",
        )
    }
    .check(&["undecided", "4: UntrackedStackPointer"]);
}

#[test]
fn a_value_of_32_bits_is_followed_where_the_rest_is_zero_only() {
    check(
        "d10083ff 0 -1 sub sp, sp, #32
         128003fb 32 -1 movn w27, #31
         cb3b63ff 32 -1 sub sp, sp, x27
         d65f03c0 0 -1 ret",
        &["undecided", "2: UntrackedStackPointer"],
    );
    check(
        "928003fb 0 -1 movn x27, #31
         2a1b03fb 0 -1 mov w27, w27
         8b3b63ff 0 -1 add sp, sp, x27
         d65f03c0 32 -1 ret",
        &["undecided", "2: UntrackedStackPointer"],
    );
}

#[test]
fn an_old_copy_of_sp_is_followed_over_many_moves() {
    let listing = |padding: usize| {
        let mut listing = String::from("910003f4 0 -1 mov x20, sp\n");
        for depth in 0..12 {
            listing += &format!("d10043ff {} -1 sub sp, sp, #16\n", depth * 16);
        }
        listing += &"d503201f 192 -1 nop\n".repeat(padding);
        listing + "9100029f 192 -1 mov sp, x20\nd65f03c0 0 -1 ret"
    };
    check(&listing(0), &["proved"]);
    check(&listing(64), &["proved"]);
}

#[test]
fn a_definition_far_away_is_followed() {
    let listing = |between: usize| {
        let mov = "910003f4 0 -1 mov x20, sp\n";
        let nops = "d503201f 0 -1 nop\n".repeat(between);
        format!("{mov}{nops}9100029f 0 -1 mov sp, x20\nd65f03c0 0 -1 ret\n")
    };
    check(&listing(255), &["proved"]);
    check(&listing(256), &["proved"]);
    check(&listing(10_000), &["proved"]);
}
