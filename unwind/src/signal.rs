//! On whose stack the handler of a signal runs.
//!
//! `setsig` asks for SA_ONSTACK everywhere, and `minit` gives each thread a signal
//! stack (`runtime/signal_unix.go`, `minitSignalStack`), but not on ios/arm64, which
//! has no `sigaltstack` (`runtime/os_darwin.go`, `minit`): there the kernel puts
//! its frame on the stack of the goroutine that runs, and `sigtramp` leaves it for
//! the signal stack only after it has saved registers in it
//! (`runtime/sys_darwin_arm64.s`). So each signal, wherever it comes, overwrites
//! what is below SP and its red zone, whether anybody is preempted or not.
//! Asynchronous preemption is on there as elsewhere (`preemptMSupported` in
//! `runtime/signal_unix.go`), and both `obj7.go` and `asyncPreempt` store again,
//! above SP, what they stored below it.
//!
//! Read in go1.19.8, go1.21.13, go1.22.10, go1.23.9, go1.24.3, go1.24.11, go1.25.5,
//! go1.26.0 and go1.27.3, which agree.

/// How far below SP a handler on the interrupted stack leaves words alone, in
/// bytes: the red zone (Apple, "Writing ARM64 code for Apple platforms").
pub const RED_ZONE: i64 = 128;

/// Whether a handler on the interrupted stack overwrites a part of the word that
/// begins `below_sp` bytes below the interrupted SP.
#[must_use]
pub const fn is_lost_to_signal(below_sp: i64) -> bool {
    below_sp > RED_ZONE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_red_zone_is_kept() {
        assert!(!is_lost_to_signal(0) && !is_lost_to_signal(8) && !is_lost_to_signal(128));
        assert!(is_lost_to_signal(129) && is_lost_to_signal(136));
    }
}
