//! Programs that others built and ship, some by releases of Go that are not to be
//! had any more: go1.16, go1.17, go1.18. They have no symbols and no DWARF; their
//! depths are held against their code.

use crate::{described, reference::Reference};
use image::{Container, Function, Image, Os};
use midframe::surroundings::Surrounded;
use unwind::{Depth, NotPreemptible, Preemption, RowTable};
use verifier::{Checker, Report, Rule};
use xtask::programs::{Program, Source, install};

/// A program: its name here, its npm package, its file, and what that says of itself.
type Foreign = (&'static str, &'static str, &'static str, &'static str, Container, Os);

const UNIX: &str = "package/bin/esbuild";
const WINDOWS: &str = "package/esbuild.exe";

const PROGRAMS: [Foreign; 12] = [
    ("0.11.20-linux", "esbuild-linux-arm64@0.11.20", UNIX, "go1.16.3", Container::Elf, Os::Linux),
    (
        "0.11.20-darwin",
        "esbuild-darwin-arm64@0.11.20",
        UNIX,
        "go1.16.3",
        Container::MachO,
        Os::Darwin,
    ),
    ("0.14.0-linux", "esbuild-linux-arm64@0.14.0", UNIX, "go1.17.2", Container::Elf, Os::Linux),
    (
        "0.14.0-darwin",
        "esbuild-darwin-arm64@0.14.0",
        UNIX,
        "go1.17.2",
        Container::MachO,
        Os::Darwin,
    ),
    (
        "0.14.0-windows",
        "esbuild-windows-arm64@0.14.0",
        WINDOWS,
        "go1.17.2",
        Container::Pe,
        Os::Windows,
    ),
    ("0.14.34-linux", "esbuild-linux-arm64@0.14.34", UNIX, "go1.18", Container::Elf, Os::Linux),
    (
        "0.25.9-darwin",
        "@esbuild/darwin-arm64@0.25.9",
        UNIX,
        "go1.23.12",
        Container::MachO,
        Os::Darwin,
    ),
    (
        "0.25.9-windows",
        "@esbuild/win32-arm64@0.25.9",
        WINDOWS,
        "go1.23.12",
        Container::Pe,
        Os::Windows,
    ),
    (
        "0.25.9-android",
        "@esbuild/android-arm64@0.25.9",
        UNIX,
        "go1.23.12",
        Container::Elf,
        Os::Android,
    ),
    (
        "0.25.9-freebsd",
        "@esbuild/freebsd-arm64@0.25.9",
        UNIX,
        "go1.23.12",
        Container::Elf,
        Os::FreeBsd,
    ),
    (
        "0.25.9-netbsd",
        "@esbuild/netbsd-arm64@0.25.9",
        UNIX,
        "go1.23.12",
        Container::Elf,
        Os::NetBsd,
    ),
    (
        "0.25.9-openbsd",
        "@esbuild/openbsd-arm64@0.25.9",
        UNIX,
        "go1.23.12",
        Container::Elf,
        Os::OpenBsd,
    ),
];

#[test]
fn programs_that_others_built() {
    let reference = Reference::install().expect("the reader of the standard library");
    for (name, package, file, version, container, os) in PROGRAMS {
        let name: &'static str = format!("esbuild-{name}").leak();
        let program = Program { name, source: Source::Npm(package), file };
        let path = install(program).expect("a package");
        let bytes = std::fs::read(&path).expect("a file");
        let image = Image::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let said = (image.container(), image.os(), image.go_version());
        assert_eq!(said, (container, Some(os), Some(version)), "{name}");
        assert_eq!(image.main_module(), Some("github.com/evanw/esbuild"), "{name}");
        assert_eq!(image.main_package(), Some("github.com/evanw/esbuild/cmd/esbuild"), "{name}");
        let (expected, _) = reference.read(&path, &path).expect("functions");
        assert!(expected.len() > 5000, "{name}");
        assert_eq!(expected.len(), image.function_count(), "{name}");
        let (mut boundaries, mut assembly) = (0, 0);
        let mut judge = Judge::default();
        for (index, expected) in expected.iter().enumerate() {
            let function = image.function(index).expect("a function");
            assert_eq!(&described(&function), expected, "{name}");
            boundaries += judge.depths(&image, &function);
            assembly += usize::from(preemption(&function));
        }
        assert!(boundaries > 800_000 && assembly > 100, "{name}: {boundaries}, {assembly}");
        println!(
            "{name} ({version}): {} functions, {assembly} in assembly; {boundaries} boundaries as \
             the code has them",
            expected.len()
        );
    }
}

fn is_assembly(function: &Function<'_>) -> bool {
    function.position(function.entry).is_some_and(|at| at.file.ends_with(b".s"))
}

/// Nobody is preempted in assembly, however the release tells it from other code; and
/// it is so told from what the program is made of. Returns whether it is assembly.
fn preemption(function: &Function<'_>) -> bool {
    let preemption = function.function_preemption();
    let assembly = is_assembly(function);
    let name = String::from_utf8_lossy(function.name());
    if assembly {
        assert_ne!(preemption, Preemption::Async, "{name}");
    } else if name.starts_with("github.com/")
        && !name.starts_with("github.com/evanw/esbuild/pkg/api.init")
    {
        assert_eq!(preemption, Preemption::Async, "{name}");
    }
    if preemption == Preemption::Never(NotPreemptible::Assembly) {
        assert!(assembly, "{name}");
    }
    assembly
}

#[derive(Default)]
struct Judge {
    rows: RowTable,
    checker: Checker,
    report: Report,
}

impl Judge {
    /// Holds the rows of a function against its code, and returns how many boundaries
    /// that were. Rows of compiled code can be wrong only where these releases pop, or
    /// push, a frame in two steps: one of more than 4095 bytes.
    fn depths(&mut self, image: &Image<'_>, function: &Function<'_>) -> u32 {
        if function.rows(&mut self.rows).is_err() {
            assert!(function.name().starts_with(b"go:") || function.code.len() <= 28);
            return 0;
        }
        let surrounded = Surrounded::new(image, function);
        let subject = surrounded.subject(&self.rows);
        self.checker.check(&subject, &mut self.report);
        let mut wrong = self.report.violations.iter().filter(|found| found.rule == Rule::SpRow);
        let wrong = wrong.next();
        let large = self.rows.spans().iter().any(|span| span.row.depth > Depth(4095));
        let name = String::from_utf8_lossy(function.name());
        assert!(wrong.is_none() || large || is_assembly(function), "{name}: {wrong:?}");
        self.report.boundaries
    }
}
