//! Where a judge is known to say something else than the architecture, and why.

use super::check::Kind;

/// A difference that the model does not have to answer for: the starts of LLVM's names, the kinds,
/// what it is about if it is nothing else, and why.
type Excuse = (&'static [&'static str], &'static [Kind], &'static str, &'static str);

/// All of them.
const EXCUSES: &[Excuse] = &[
    (
        &["CLREX", "DMB", "DSB", "ISB", "SB", "TSB", "HINT", "DCPS"],
        &[Kind::NoLoad, Kind::NoStore],
        "",
        "LLVM has barriers and hints load and store, so that nothing is moved across them",
    ),
    (
        &["PRFM", "PRFUM", "RPRFM", "PRFB_", "PRFH_", "PRFW_", "PRFD_"],
        &[Kind::NoLoad, Kind::NoStore],
        "",
        "a prefetch neither loads into a register nor stores",
    ),
    (
        &["LDXR", "LDAXR", "LDXP", "LDAXP"],
        &[Kind::NoStore],
        "",
        "LLVM has exclusive loads store, for the monitor",
    ),
    (
        &["EXTRACT_ZPMXI", "LUTI2_", "LUTI4_"],
        &[Kind::NoLoad, Kind::NoStore],
        "",
        "LLVM takes ZA and ZT0 for memory",
    ),
    (&["LDG"], &[Kind::NoLoad], "", "what is loaded is a tag, which is no byte of memory"),
    (
        &["MRS", "MSRpstate"],
        &[Kind::Undeclared],
        "NZCV",
        "LLVM has all of them define the flags, for those few that do",
    ),
    (
        &["AUTIA171615", "AUTIB171615", "PACIA171615", "PACIB171615"],
        &[Kind::Undeclared, Kind::NotUsed, Kind::NotDefined, Kind::Unread],
        "",
        "they sign X17 with X16 and X15, where LLVM 19 has LR",
    ),
    (
        &["CTERM"],
        &[Kind::NotUsed],
        "NZCV",
        "they leave C alone and compute V from it, which the emulator does too and LLVM lacks",
    ),
    (
        &["LDAPUR", "LD64B"],
        &[Kind::NotLoaded],
        "",
        "LLVM does not say that they load, which they do (of LDAPUR, in the emulator)",
    ),
    (
        &["ST64B", "STZGM", "GCSPUSH", "GCSPOP", "GCSSTR", "GCSSTTR", "SYSxt"],
        &[Kind::NotStored, Kind::NotLoaded],
        "",
        "LLVM does not say that they store, nor that the guarded stack is loaded from",
    ),
    (
        &["SVC", "HVC", "SMC"],
        &[Kind::NotUsed, Kind::NotDefined, Kind::NotLoaded, Kind::NotStored],
        "",
        "what is called reads and writes what it likes",
    ),
    (
        &["HINT"],
        &[Kind::NotUsed, Kind::NotDefined],
        "",
        "a hint that is reserved may become one that signs",
    ),
    (
        &["PRFM", "PRFUM", "RPRFM", "PRFB_", "PRFH_", "PRFW_", "PRFD_"],
        &[Kind::Unread],
        "",
        "nothing depends on what a prefetch reads, as the emulator confirms",
    ),
    (&["STG", "ST2G"], &[Kind::NoStore], "", "what is stored is a tag, which is no byte of memory"),
    (
        &["STXR", "STLXR", "STXP", "STLXP"],
        &[Kind::NoLoad],
        "",
        "LLVM has exclusive stores load, for the monitor",
    ),
    (
        &["RDFFR", "WRFFR", "SETFFR", "ST1_MXIPXX"],
        &[Kind::NoLoad, Kind::NoStore],
        "",
        "LLVM takes FFR and ZA for memory",
    ),
    (
        &["RMIF"],
        &[Kind::Unread],
        "NZCV",
        "where all four flags are written nothing depends on the old ones, as the emulator confirms",
    ),
    (
        &["SYSLxt"],
        &[Kind::Unread, Kind::NotDefined],
        "",
        "LLVM has SYSL use the register that it writes",
    ),
];

/// Why a difference is none that the model has to answer for, if it is so.
#[must_use]
pub(super) fn reason(opcode: &str, kind: Kind, detail: &str) -> Option<&'static str> {
    let matches = |(names, kinds, about, reason): &Excuse| {
        let is_named = names.iter().any(|name| opcode.starts_with(name));
        let is_about = about.is_empty() || *about == detail;
        (is_named && is_about && kinds.contains(&kind)).then_some(*reason)
    };
    EXCUSES.iter().find_map(matches)
}
