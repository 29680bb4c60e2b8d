//! What the long help ends with: command lines to begin with. The tests parse each.

/// One of each subcommand, in the order in which they help: the theorem, one frame of it,
/// one boundary of that; then files.
pub const ALL: &str = "\
Examples:
  Which frame sizes does a release pop wrongly?
    midframe prove --policy go1.24.5
  What does it emit for one of them, and where is SP at each boundary?
    midframe lower --frame 65616 --policy go1.24.5
  What happens to a goroutine that is stopped there?
    midframe explain --frame 65616 --policy go1.24.5 --boundary +0x38
  Is a program affected?
    midframe scan /usr/bin/podman
  Who built it?
    midframe conform /usr/bin/podman
  What did a newer compiler change, and is anything worse for it?
    midframe review program-go1.24.3 program-go1.24.11
  Pin what was reviewed:
    midframe snapshot check pinned
  Does a vDSO keep to the stack that Go reserves for it?
    midframe budget vdso.so --bytes 104
  Which policies are there?
    midframe policies
  Completion of command lines, and manual pages:
    midframe completions bash > /etc/bash_completion.d/midframe
    midframe man /usr/local/share/man/man1

Each subcommand has more: midframe scan --help";

/// `midframe prove`
pub const PROVE: &str = "\
Examples:
  Every policy, every frame size:
    midframe prove
  A release, and a part of the sizes:
    midframe prove --policy go1.24.5 --frames 64KiB..128KiB
  Another system, without stack checks, for a program:
    midframe prove --target aarch64-apple-ios --nosplit --format json
  A map of the frame sizes, as a page:
    midframe prove --format html > sizes.html";

/// `midframe lower`
pub const LOWER: &str = "\
Examples:
  The frame of the report, before the fix and behind it:
    midframe lower --frame 65616 --policy go1.24.5
    midframe lower --frame 64KiB+80 --policy go1.24.6
  A leaf, which the fix left out:
    midframe lower --frame 65616 --leaf --policy go1.27.3";

/// `midframe explain`
pub const EXPLAIN: &str = "\
Examples:
  The first boundary with a finding:
    midframe explain --frame 65616 --policy go1.24.5
  A boundary by its distance from the entry:
    midframe explain --frame 65616 --policy go1.24.5 --boundary +0x38
  A function of a file, by the name that scan shows:
    midframe explain /usr/bin/podman main.main --format json
  As a page, with a drawing of the depths:
    midframe explain --frame 65616 --policy go1.24.5 --format html > boundary.html";

/// `midframe scan`
pub const SCAN: &str = "\
Examples:
  A program; a directory; a package:
    midframe scan /usr/bin/podman
    midframe scan --summary /usr/bin
    midframe scan podman_4.3.1_arm64.deb
  For code scanning, failing on what cannot be decided too:
    midframe scan --format sarif --fail-on crash,hang,undecided dist
  For a browser, with a drawing of each distinct sequence:
    midframe scan --format html dist > findings.html
  Accept what is known, and nothing new:
    midframe scan --write-baseline accepted.toml dist
    midframe scan --baseline accepted.toml dist";

/// `midframe conform`
pub const CONFORM: &str = "\
Examples:
  Which policy built a program, whatever it says of itself:
    midframe conform /usr/bin/podman
    midframe conform --format json /usr/bin/podman";

/// `midframe review`
pub const REVIEW: &str = "\
Examples:
  Two builds of a program; two directories of them, for a comment on a pull request:
    midframe review program-go1.24.3 program-go1.24.11
    midframe review --format markdown old new
    midframe review --format html program-go1.24.3 program-go1.24.11 > review.html
  Two policies, or releases, over a part of the frame sizes:
    midframe review --policy go1.24.6 complete --frames 64KiB..128KiB";

/// `midframe snapshot`
pub const SNAPSHOT: &str = "\
Examples:
  In CI:
    midframe snapshot check pinned
  Accept one file, of another release too:
    midframe snapshot update pinned --only main.snapshot --rebase";

/// `midframe budget`
pub const BUDGET: &str = "\
Examples:
  A vDSO, against what Go reserves for a call of it:
    midframe budget vdso.so --bytes 104
  One function, for a program:
    midframe budget vdso.so --bytes 104 --function __kernel_clock_gettime --format json
  A program of Go, against what its linker allows without a stack check:
    midframe budget /usr/bin/podman --bytes 800";

/// `midframe policies`
pub const POLICIES: &str = "\
Examples:
    midframe policies
    midframe policies --format json";

/// `midframe completions`
pub const COMPLETIONS: &str = "\
Examples:
    midframe completions bash > /etc/bash_completion.d/midframe
    midframe completions zsh > /usr/local/share/zsh/site-functions/_midframe
    midframe completions fish > /etc/fish/completions/midframe.fish";

/// `midframe man`
pub const MAN: &str = "\
Examples:
  Read the page of midframe:
    midframe man | man -l -
  Install all of them:
    midframe man /usr/local/share/man/man1";
