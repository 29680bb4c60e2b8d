//! What is known at a boundary, as far as others look at it.

use unwind::Depth;

/// What LR holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lr {
    /// The address that the function returns to.
    Return,
    /// What is not followed.
    Unknown,
    /// Something else.
    Other,
}

/// What R29 holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fp {
    /// What it held at the entry: the caller's frame pointer.
    Caller,
    /// The CFA minus this depth.
    Below(Depth),
    /// What is not followed.
    Unknown,
    /// Something else.
    Other,
}

/// Where in the stack a register of the caller is saved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Saved {
    /// In the eight bytes from the CFA minus this depth on.
    At(Depth),
    /// Perhaps somewhere, perhaps overwritten.
    Unknown,
    /// Nowhere, or overwritten.
    Nowhere,
}

/// What is known at a boundary.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct State {
    /// How deep SP is below the CFA.
    pub depth: Depth,
    /// What LR holds.
    pub lr: Lr,
    /// What R29 holds.
    pub fp: Fp,
    /// Where the return address is saved.
    pub return_at: Saved,
    /// Where the caller's R29 is saved.
    pub caller_at: Saved,
}
