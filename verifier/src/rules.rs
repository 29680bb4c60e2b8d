//! The rules, one module each: its claim, what it looks at, who observes it
//! broken, what it assumes and what it does not check. [`crate::Checker`] asks
//! them at each boundary.

pub mod below_sp;
pub mod callee;
pub mod frame_pointer;
pub mod restart;
pub mod saved_lr;
pub mod sp_align;
pub mod sp_row;

#[cfg(test)]
pub(crate) mod tests;
