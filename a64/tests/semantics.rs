//! What instructions read and write. The words are from GNU as 2.40 or, of younger extensions,
//! from LLVM 22.1.8; what each does is from its page in the Arm ARM (DDI 0487), C6.2, C7.2, C8.2.

use a64::decode::Reg;
use a64::semantics::Access;
use a64::{Base, Parts, Semantics, semantics};
use unwind::Word;

#[track_caller]
fn known(word: u32) -> Semantics {
    semantics(Word::new(word)).unwrap_or_else(|| panic!("{word:08x} is not known"))
}

/// General registers, with 31 for SP, 32 for the flags.
fn set(registers: &[u32]) -> Parts {
    registers.iter().fold(Parts::NONE, |set, register| set.with(Parts(1 << register)))
}

/// What is read and written of general registers, SP and the flags.
#[track_caller]
fn is(word: u32, reads: &[u32], writes: &[u32]) -> Semantics {
    let core = Parts::GENERAL.with(Parts::SP).with(Parts::FLAGS);
    let semantics = known(word);
    assert_eq!(semantics.reads.0.and(core), set(reads), "{word:08x} reads");
    assert_eq!(semantics.writes.0.and(core), set(writes), "{word:08x} writes");
    let is_subset = semantics.writes.0.contains(semantics.surely.0);
    assert!(is_subset, "{word:08x} surely writes what it may not write");
    semantics
}

const FLAGS: u32 = 32;
const SP: u32 = 31;

#[test]
fn registers_of_different_files_are_different() {
    is(0x9e78_0360, &[], &[0]); // fcvtzs x0, d27
    is(0x9e62_005b, &[2], &[]); // scvtf d27, x2
    is(0x9e62_005e, &[2], &[]); // scvtf d30, x2
    is(0x9e67_007e, &[3], &[]); // fmov d30, x3
    let stored = is(0xfc1e_83fd, &[SP], &[]); // stur d29, [sp, #-24]
    assert!(stored.reads.meets(Parts::vector(29)));
    is(0x4e08_1fbe, &[29], &[]); // mov v30.d[0], x29
    assert!(known(0x0f5a_237b).reads.meets(Parts::vector(10))); // smlal v27.4s, v27.4h, v10.h[..]
    is(0x1e7e_0360, &[], &[0, FLAGS]); // fjcvtzs w0, d27
    is(0x1e60_2008, &[], &[FLAGS]); // fcmp d0, #0.0
    is(0x1e63_1c20, &[FLAGS], &[]); // fcsel d0, d1, d3, ne
}

#[test]
fn only_pairs_have_a_next_register() {
    is(0xf8fa_0022, &[1, 26], &[2]); // ldaddal x26, x2, [x1]
    is(0x487a_7c3c, &[1, 26, 27, 28, 29], &[26, 27]); // casp x26, x27, x28, x29, [x1]
    is(0xc8ba_7c3c, &[1, 26, 28], &[26]); // cas x26, x28, [x1]
    is(0x499c_7c40, &[0, 1, 2, 28, 29], &[28, 29]); // caspt x28, x29, x0, x1, [x2]
    is(0xc99e_7c41, &[1, 2, 30], &[30]); // cast x30, x1, [x2]
    is(0x59e1_0462, &[1, 3], &[2]); // ldtaddal x1, x2, [x3]
    is(0x19e1_87e2, &[1, SP], &[2]); // swptal w1, w2, [sp]
    is(0xc901_7c62, &[2, 3], &[1]); // sttxr w1, x2, [x3]
    is(0xe941_0861, &[3], &[1, 2]); // ldtp x1, x2, [x3, #16]
    is(0xd95c_5a4a, &[18], &[10, 28]); // ldap x10, x28, [x18]
    is(0xd947_7ade, &[22], &[7, 30]); // ldapp x30, x7, [x22]
    is(0xd912_5857, &[2, 18, 23], &[]); // stlp x23, x18, [x2]
    is(0xf83f_d024, &[1], &[4, 5, 6, 7, 8, 9, 10, 11]); // ld64b x4, [x1]
    assert!(semantics(Word::new(0xf83f_d025)).is_none()); // of an odd register there is none
    assert!(semantics(Word::new(0x487b_7c3c)).is_none());
}

#[test]
fn what_writes_no_general_register_names_none() {
    for word in [0xf980_003b, 0xf980_003d, 0xf8a2_683d, 0xd800_005e] {
        is(word, &[], &[]); // prfm
    }
    let zeroed = is(0xd50b_743e, &[30], &[]); // dc zva, x30
    let block = Access { base: Base::Register(Reg(30)), offset: None, bytes: None, surely: false };
    assert_eq!(zeroed.stores, Some(block));
    assert!(!zeroed.surely.meets(Parts::MEMORY));
    let control = is(0xd51b_4401, &[1], &[]); // msr fpcr, x1
    assert!(control.surely.0.is_empty() && control.writes.meets(Parts::SYSTEM));
}

#[test]
fn flags_and_signed_pointers_have_their_sources() {
    let signed = is(0xdac1_0020, &[0, 1], &[0]); // pacia x0, x1
    assert!(!signed.surely.meets(Parts::GENERAL));
    is(0xd503_233f, &[30, SP], &[30]); // paciasp
    is(0xd503_23bf, &[30, SP], &[30]); // autiasp
    is(0xd503_211f, &[16, 17], &[17]); // pacia1716
    is(0xd503_20ff, &[30], &[30]); // xpaclri
    is(0xd503_251f, &[16], &[16]); // chkfeat x16
    is(0xd503_245f, &[], &[]); // bti c
    is(0xd500_401f, &[FLAGS], &[FLAGS]); // cfinv
    is(0xd51b_4203, &[3], &[FLAGS]); // msr nzcv, x3
    is(0xd53b_4203, &[FLAGS], &[3]); // mrs x3, nzcv
    is(0xbac3_0041, &[2, 3], &[1, FLAGS]); // subps x1, x2, x3
    is(0x3a00_082d, &[1, FLAGS], &[FLAGS]); // setf8 w1
    is(0x2563_0440, &[2, 3], &[FLAGS]); // whilelt p0.h, w2, w3
    is(0x25a3_2040, &[2, 3, FLAGS], &[FLAGS]); // ctermeq w2, w3
}

#[test]
fn stores_of_sve_have_their_place() {
    let sp = Base::Register(Reg::SP);
    let whole = is(0xe580_43e0, &[SP], &[]); // str z0, [sp]
    let place = Access { base: sp, offset: Some(0), bytes: None, surely: true };
    assert_eq!(whole.stores, Some(place));
    let under = is(0xe400_e3e0, &[SP], &[]); // st1b {z0.b}, p0, [sp]
    assert_eq!(under.stores, Some(Access { surely: false, ..place }));
    let above = known(0xe580_47e0); // str z0, [sp, #1, mul vl]
    assert_eq!(above.stores, Some(Access { offset: None, ..place }));
    is(0x043f_5030, &[SP], &[16]); // addvl x16, sp, #1
    is(0x04bf_5030, &[], &[16]); // rdvl x16, #1
    is(0x0420_e3fe, &[], &[30]); // cntb x30
    is(0x2521_803e, &[], &[30]); // firstp x30, p0, p1.b
}

#[test]
fn accesses_are_counted_from_the_base_as_it_is_before() {
    let at = |offset, bytes| {
        let base = Base::Register(Reg::SP);
        Some(Access { base, offset: Some(offset), bytes: Some(bytes), surely: true })
    };
    assert_eq!(is(0xf81e_0ffe, &[30, SP], &[SP]).stores, at(-32, 8)); // str x30, [sp, #-32]!
    assert_eq!(is(0xa8c1_7bfd, &[SP], &[29, 30, SP]).loads, at(0, 16)); // ldp x29, x30, [sp], #16
    assert_eq!(is(0xa97f_fbfd, &[SP], &[29, 30]).loads, at(-8, 16)); // ldp x29, x30, [sp, #-8]
    assert_eq!(is(0xad80_0be1, &[SP], &[SP]).stores, at(0, 32)); // stp q1, q2, [sp, #0]!
    assert_eq!(is(0x4c9f_2fe0, &[SP], &[SP]).stores, at(0, 64)); // st1 {v0.2d-v3.2d}, [sp], #64
    let indexed = is(0xf821_6ba0, &[0, 1, 29], &[]); // str x0, [x29, x1]
    let copied = is(0x1d01_0440, &[0, 1, 2], &[0, 1, 2, FLAGS]); // cpyp [x0]!, [x1]!, x2!
    assert!(copied.surely.0.is_empty() && copied.stores.is_some_and(|access| !access.surely));
    is(0x1d41_0440, &[0, 1, 2, FLAGS], &[0, 1, 2]); // cpym [x0]!, [x1]!, x2!
    assert_eq!(indexed.stores.and_then(|access| access.offset), None);
    assert!(!is(0xc81e_7fe0, &[0, SP], &[30]).surely.meets(Parts::MEMORY)); // stxr w30, x0, [sp]
}

#[test]
fn compare_and_branch_reads_what_it_compares() {
    is(0xf402_0041, &[1, 2], &[]); // cbgt x1, x2, .+8
    is(0x7542_0041, &[1], &[]); // cbhs w1, #5, .+8
    is(0x74e2_c041, &[1, 2], &[]); // cbhne w1, w2, .+8
    assert!(semantics(Word::new(0x7402_4041)).is_none());
}

#[test]
fn what_is_not_allocated_is_not_known() {
    for word in [
        0x9a01_33e0 | 1 << 29, // addpt with S
        0x1e7f_0000 | 0x1f_0000 | 1 << 29,
        0x0500_b3ff,           // a logical immediate that is none
        0xe47f_7bda,           // st1 with an index of 31
        0x6ac0_8000 | 1 << 15, // ands w, with a shift of 32
        0xd440_0000,           // hlt
        0xd69f_03e0,           // eret
        0xd518_4100,           // msr sp_el0, x0
        0xffff_ffff,
    ] {
        assert!(semantics(Word::new(word)).is_none(), "{word:08x}");
    }
}

/// SplitMix64 (Steele, Lea, Flood, 2014): the same words in every run.
fn mixed(index: u64) -> u32 {
    let mut z = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ z >> 31) as u32
}

#[test]
fn every_class_is_consistent_with_itself() {
    let mut count = 0;
    for top in 0..2048_u32 {
        for index in 0..200 {
            let rest = mixed(u64::from(top) << 32 | index) & 0x001f_ffff;
            let word = top << 21 | rest | [0, 0x1f, 0x3e0, 0x001f_0000][index as usize % 4];
            let Some(known) = semantics(Word::new(word)) else { continue };
            count += 1;
            let writes = known.writes.0;
            assert!(writes.contains(known.surely.0), "{word:08x}");
            assert!(Parts::ALL.contains(writes.with(known.reads.0)), "{word:08x}");
            assert_eq!(known.stores.is_some(), writes.meets(Parts::MEMORY), "{word:08x}");
            if let Some(Access { base: Base::Register(base), .. }) = known.stores.or(known.loads) {
                assert!(known.reads.meets(Parts::or_sp(base)), "{word:08x}");
            }
            let surely = known.stores.is_some_and(|access| access.surely);
            assert_eq!(surely, known.surely.meets(Parts::MEMORY), "{word:08x}");
        }
    }
    assert!(count > 150_000, "{count} words are known");
}
