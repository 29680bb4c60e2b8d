//! The frames that assembly makes by hand: how one is made, what of it must not be stored over,
//! and how it is popped.

use super::generator::Generator;
use crate::encoding::{FP, LR, Mode, SP, add, mov, pair, scaled, single};

/// How a frame is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Frame {
    /// There is none.
    None,
    /// LR at SP and R29 below it, as Go's assembler does.
    Go { size: i64 },
    /// The same by way of another register, as it does for large frames.
    GoLarge { size: i64 },
    /// A pair at SP, and R29 pointing at it or not, as C compilers do.
    Pair { size: i64, links: bool },
    /// LR, and perhaps R29, somewhere in the frame.
    Somewhere { size: i64, lr: i64, fp: Option<i64> },
    /// Nothing is saved.
    Bare { size: i64 },
}

/// A register that the frame of a large function is computed in.
const FRAME: u32 = 18;

impl Frame {
    /// One of them, at random.
    pub(super) fn any(generator: &mut Generator<'_>) -> Self {
        let size = 16 * (1 + generator.under(14));
        let place = |generator: &mut Generator<'_>, above: i64| {
            above + 8 * generator.under(((size - 8 - above) / 8).max(1))
        };
        match generator.below(12) {
            0 | 1 => Self::None,
            2..5 => Self::Go { size },
            5 => Self::GoLarge { size: size + 256 },
            // The upper word of a pair at the top is where the caller keeps R29.
            6..8 => Self::Pair { size: size + 16, links: generator.below(2) == 0 },
            8 | 9 => Self::Somewhere { size, lr: 0, fp: None },
            10 => {
                let size = size + 16;
                let lr = 8 * generator.under(size / 16 - 1);
                let fp = place(generator, lr + 8);
                Self::Somewhere { size, lr, fp: (fp + 16 <= size).then_some(fp) }
            }
            _ => Self::Bare { size },
        }
    }

    /// Makes it.
    pub(super) fn make(self, out: &mut Generator<'_>) {
        match self {
            Self::None => {}
            Self::Go { size } => {
                out.moves(single(false, LR, SP, -size, Mode::Pre), size);
                out.emit(single(false, FP, SP, -8, Mode::Offset));
                out.emit(add(FP, SP, -8));
            }
            Self::GoLarge { size } => {
                out.emit(add(FRAME, SP, -size));
                out.emit(pair(false, [FP, LR], FRAME, -8, Mode::Offset));
                out.moves(add(SP, FRAME, 0), size);
                out.emit(add(FP, SP, -8));
            }
            Self::Pair { size, links } => {
                out.moves(pair(false, [FP, LR], SP, -size, Mode::Pre), size);
                if links {
                    out.emit(add(FP, SP, 0));
                }
            }
            Self::Somewhere { size, lr, fp } => {
                out.moves(add(SP, SP, -size), size);
                out.emit(scaled(false, LR, SP, lr));
                if let Some(fp) = fp {
                    out.emit(scaled(false, FP, SP, fp));
                    out.emit(mov(FP, 0));
                }
            }
            Self::Bare { size } => out.moves(add(SP, SP, -size), size),
        }
    }

    /// Pops it.
    pub(super) fn pop(self, out: &mut Generator<'_>) {
        match self {
            Self::None => {}
            Self::Go { size } if out.below(2) == 0 => {
                out.emit(single(true, FP, SP, -8, Mode::Offset));
                out.moves(single(true, LR, SP, size, Mode::Post), -size);
            }
            Self::Go { size } | Self::GoLarge { size } => {
                out.emit(pair(true, [FP, LR], SP, -8, Mode::Offset));
                out.moves(add(SP, SP, size), -size);
            }
            Self::Pair { size, .. } => {
                out.moves(pair(true, [FP, LR], SP, size, Mode::Post), -size);
            }
            Self::Somewhere { size, lr, fp } => {
                out.emit(scaled(true, LR, SP, lr));
                if let Some(fp) = fp {
                    out.emit(scaled(true, FP, SP, fp));
                }
                out.moves(add(SP, SP, size), -size);
            }
            Self::Bare { size } => out.moves(add(SP, SP, size), -size),
        }
    }

    /// Whether a function can be called from it: LR is saved, and R29 leads on.
    pub(super) const fn allows_calls(self) -> bool {
        match self {
            Self::None | Self::Bare { .. } | Self::Somewhere { fp: Some(_), .. } => false,
            Self::Go { .. } | Self::GoLarge { .. } | Self::Pair { .. } | Self::Somewhere { .. } => {
                true
            }
        }
    }

    /// Where the saved words are, in bytes above the CFA: LR, and R29.
    pub(super) fn saved(self) -> (Option<i64>, Option<i64>) {
        match self {
            Self::None | Self::Bare { .. } => (None, None),
            Self::Go { size } | Self::GoLarge { size } => (Some(-size), Some(-size - 8)),
            Self::Pair { size, .. } => (Some(8 - size), Some(-size)),
            Self::Somewhere { size, lr, fp } => (Some(lr - size), fp.map(|fp| fp - size)),
        }
    }
}
