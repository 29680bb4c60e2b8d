//! The inline tree of a function: which function each boundary came from.
//!
//! `FUNCDATA_InlTree` is an array of `inlinedCall`, `PCDATA_InlTreeIndex` says
//! which entry is innermost at a boundary, or -1 (`runtime/symtabinl.go` of
//! go1.21.13 and later; `runtime/symtab.go` of go1.17 and go1.19.8).

use crate::bytes::{c_string, i32_at};
use crate::pclntab::Layout;

/// Index of the inline tree among the function data (`internal/abi/funcdata.go`).
pub(crate) const FUNCDATA_INL_TREE: usize = 3;

/// Index of the table of innermost entries (`internal/abi/funcdata.go`).
pub(crate) const PCDATA_INL_TREE_INDEX: usize = 2;

/// The name of an entry of a tree.
pub(crate) fn name<'a>(
    layout: Layout,
    tree: &[u8],
    funcnametab: &'a [u8],
    index: i32,
) -> Option<&'a [u8]> {
    // {parent i16, funcID u8, _ u8, file i32, line i32, func_ i32, parentPc i32}
    // {funcID u8, _ [3]u8, nameOff i32, parentPc i32, startLine i32}
    let (size, field) = match layout {
        Layout::Go116 | Layout::Go118 => (20, 12),
        Layout::Go120 => (16, 4),
    };
    let at = usize::try_from(index).ok()?.checked_mul(size)?.checked_add(field)?;
    c_string(funcnametab, usize::try_from(i32_at(tree, at)?).ok()?)
}
