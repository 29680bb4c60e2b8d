//! Where Go's runtime can preempt a goroutine asynchronously: what
//! `isAsyncSafePoint` (`runtime/preempt.go`) asks of a function before it
//! looks at the boundary's own unsafe-point class.
//!
//! What it asks, in its order (go1.19.8, go1.21.13, go1.22.10, go1.23.9, go1.24.3,
//! go1.24.11, go1.25.5, go1.26.0, go1.27.3):
//! 1. The goroutine is the user's, and its M may be preempted. A state of the
//!    thread: any boundary can be met with it.
//! 2. From SP there are `asyncPreemptStack` bytes to the stack's end: the frames of
//!    `asyncPreempt` and what it calls, at most the 800 of a nosplit chain. A
//!    function that checks the stack leaves those free at every depth that it
//!    declares, and one that does not may or may not: no boundary is excluded by it.
//! 3. With `GOEXPERIMENT=runtimesecret` (from go1.26 on): the goroutine is not inside
//!    `secret.Do`.
//! 4. pc is in Go code, and not behind the branch of a half-executed call: that is
//!    asked on mips only.
//! 5. The boundary is not an unsafe point ([`crate::UnsafePoint::Unsafe`]).
//! 6. What [`Preemption::of`] models.
//! 7. A restartable sequence started no more than [`RESTART_LIMIT`] bytes before.
//!
//! `SPWRITE` is not asked for: compiled functions that write SP behind the table's
//! back would be preempted, and stop the unwinder ([`crate::ReturnAddress::Throw`]).

use core::fmt;

/// A Go language release, as far as it decides between behaviours: the minor
/// version of go1 (`Release(24)` is go1.24).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Release(pub u16);

/// How far into a restartable sequence a goroutine can be stopped, in bytes; beyond
/// it the runtime ends the program: `fatal error: bad restart PC`
/// (`isAsyncSafePoint`, the same in all nine releases).
pub const RESTART_LIMIT: u64 = 20;

/// The flags of a function in the table (`internal/abi/symtab.go`, `FuncFlag`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct FuncFlags(pub u8);

impl FuncFlags {
    /// The function is the last on its stack: unwinding ends here.
    pub const TOP_FRAME: Self = Self(1);
    /// The function writes SP in a way that the table does not describe;
    /// unwinders stop at it.
    pub const SP_WRITE: Self = Self(2);
    /// The function is written in assembly.
    pub const ASM: Self = Self(4);

    /// Whether all flags of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Whether a goroutine that runs a function can be preempted by a signal at
/// those of its boundaries that are not unsafe points.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Preemption {
    /// It can.
    Async,
    /// It cannot, for this reason.
    Never(NotPreemptible),
}

/// Why a goroutine is never preempted inside a function.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum NotPreemptible {
    /// `FuncFlagAsm` is set.
    Assembly,
    /// There is no `FUNCDATA_LocalsPointerMaps`.
    NoPointerMaps,
    /// The function, or the one inlined at the boundary, belongs to the
    /// runtime or to reflect.
    RuntimePackage,
}

impl fmt::Display for NotPreemptible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Assembly => "assembly",
            Self::NoPointerMaps => "no pointer maps",
            Self::RuntimePackage => "runtime package",
        })
    }
}

impl Preemption {
    /// The part of `isAsyncSafePoint` that is the same for all boundaries with
    /// the same innermost function.
    ///
    /// `innermost` is the name of the function inlined at the boundary, or of
    /// the function itself. `release` chooses the list of packages that were
    /// never preempted: `internal/runtime/` joined it in go1.23 and
    /// `runtime/internal/` left it in go1.25 (`runtime/preempt.go` of go1.19.8,
    /// go1.23.9, go1.24.3 and go1.25.0). An unknown release takes the longer
    /// list, which is right for every one of them: outside the releases that
    /// name it, neither package exists.
    #[must_use]
    pub fn of(
        flags: FuncFlags,
        has_locals_pointer_maps: bool,
        innermost: &[u8],
        release: Option<Release>,
    ) -> Self {
        if flags.contains(FuncFlags::ASM) {
            return Self::Never(NotPreemptible::Assembly);
        }
        if !has_locals_pointer_maps {
            return Self::Never(NotPreemptible::NoPointerMaps);
        }
        let since_23 = release.is_none_or(|release| release >= Release(23));
        let before_25 = release.is_none_or(|release| release < Release(25));
        let runtime = innermost.starts_with(b"runtime.")
            || innermost.starts_with(b"reflect.")
            || (before_25 && innermost.starts_with(b"runtime/internal/"))
            || (since_23 && innermost.starts_with(b"internal/runtime/"));
        if runtime { Self::Never(NotPreemptible::RuntimePackage) } else { Self::Async }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(flags: FuncFlags, maps: bool, name: &str, release: u16) -> Preemption {
        Preemption::of(flags, maps, name.as_bytes(), Some(Release(release)))
    }

    // Expectations: `isAsyncSafePoint` in runtime/preempt.go of go1.19.8,
    // go1.22.10, go1.23.9, go1.24.3, go1.25.0 and go1.27.3.
    #[test]
    fn ordinary_code_is_preempted() {
        assert_eq!(of(FuncFlags(0), true, "main.main", 24), Preemption::Async);
        assert_eq!(of(FuncFlags(0), true, "runtimes.f", 24), Preemption::Async);
        assert_eq!(of(FuncFlags(0), true, "a/runtime.f", 24), Preemption::Async);
        assert_eq!(of(FuncFlags::SP_WRITE, true, "main.main", 24), Preemption::Async);
    }

    #[test]
    fn assembly_and_mapless_functions_are_not() {
        let never = |reason| Preemption::Never(reason);
        let asm = FuncFlags(FuncFlags::ASM.0 | FuncFlags::SP_WRITE.0);
        assert_eq!(of(asm, true, "main.f", 24), never(NotPreemptible::Assembly));
        assert_eq!(of(FuncFlags(0), false, "main.f", 24), never(NotPreemptible::NoPointerMaps));
    }

    #[test]
    fn the_packages_of_the_runtime_changed_between_releases() {
        let runtime = Preemption::Never(NotPreemptible::RuntimePackage);
        for release in 18..=27 {
            assert_eq!(of(FuncFlags(0), true, "runtime.gcStart", release), runtime);
            assert_eq!(of(FuncFlags(0), true, "reflect.Value.Call", release), runtime);
            let internal = of(FuncFlags(0), true, "internal/runtime/atomic.Cas", release);
            assert_eq!(internal == runtime, release >= 23, "go1.{release}");
            let old = of(FuncFlags(0), true, "runtime/internal/atomic.Cas", release);
            assert_eq!(old == runtime, release < 25, "go1.{release}");
        }
    }
}
