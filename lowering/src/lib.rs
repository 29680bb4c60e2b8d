//! Plays the compiler: turns a [`Frame`] and a [`Policy`] into the prologue, a
//! placeholder body and the epilogue that Go's arm64 backend would emit, as
//! machine words with the row of each boundary.
//!
//! The stages are the backend's own, each a module, each testable by itself:
//!
//! 1. [`frame`]: the size of the locals becomes the frame size (`obj7.go`);
//! 2. [`pseudo`]: pseudo-instructions, in which popping the largest frame is
//!    still one `ADD $n, RSP, RSP` (`obj7.go`, `preprocess`);
//! 3. [`constant`]: the operand class of each constant, and the sequence that
//!    the class expands to (`asm7.go`, `aclass`, `con64class`, `optab`);
//! 4. [`encode`]: machine words (Arm ARM, C6).
//!
//! The split that crashes is born in stage 3, where stage 2 cannot see it.
//!
//! The sources are `cmd/internal/obj/arm64/obj7.go` and `asm7.go`; what differs
//! between releases is a field of [`Policy`] and nothing else. This crate
//! decides nothing about the result: it does not know the verifier.
//!
//! ```
//! use lowering::{Frame, FrameSize, Kind, Policy, lower};
//!
//! let policy = Policy::resolve("go1.24.5")?;
//! let frame = Frame::new(FrameSize::new(65616)?, Kind::NonLeaf);
//! let lowered = lower(&frame, policy);
//! let words: Vec<String> = lowered.words().iter().map(ToString::to_string).collect();
//! assert_eq!(&words[13..15], ["910143ff", "914043ff"]); // ADD $80; ADD $(16<<12)
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod complete;
pub mod constant;
pub mod encode;
pub mod epilogue;
pub mod frame;
mod lower;
pub mod policy;
pub mod pseudo;
#[cfg(feature = "strategies")]
pub mod strategies;
mod words;

pub use frame::{Frame, FrameSize, Kind, Os, SizeError, StackCheck};
pub use lower::{Expansion, Lowered, expansions, lower, lower_each, lower_into};
pub use policy::{Policy, ResolveError};
