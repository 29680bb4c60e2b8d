//! The command on a terminal: a real one of the kernel, of a width that the test chooses.

use crate::color::{Lines, stripped};
use crate::support::command;
use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

/// Runs the command with standard output on a terminal, and returns what that shows.
fn shown(arguments: &[&str], columns: u16, environment: &[(&str, &str)]) -> String {
    let mut command = command(arguments);
    command.env("TERM", "xterm").env_remove("CI").envs(environment.iter().copied());
    on_terminal(columns, |terminal| {
        command.stdout(terminal).stderr(Stdio::null());
        command
    })
}

/// What a terminal shows on which a command writes.
fn on_terminal(columns: u16, command: impl FnOnce(OwnedFd) -> Command) -> String {
    let own = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    rustix::pty::grantpt(&own).expect("a terminal");
    rustix::pty::unlockpt(&own).expect("a terminal");
    let name = rustix::pty::ptsname(&own, Vec::new()).expect("its name");
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let terminal = rustix::fs::open(name, flags, Mode::empty()).expect("its other end");
    let size = Winsize { ws_row: 40, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&terminal, size).expect("its size");
    let mut command = command(terminal);
    let mut child = command.spawn().expect("the command starts");
    // This end of the terminal must be closed for the other to end.
    drop(command);
    let mut bytes = Vec::new();
    // When nobody writes any more reading ends with an error (EIO) on Linux.
    let _ = File::from(own).read_to_end(&mut bytes);
    let status = child.wait().expect("an end").code();
    assert!(matches!(status, Some(0..=3)), "{status:?}");
    String::from_utf8(bytes).expect("UTF-8").replace("\r\n", "\n")
}

/// What the command writes into a pipe.
fn piped(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = command(arguments).envs(environment.iter().copied()).output();
    String::from_utf8(output.expect("the command starts").stdout).expect("UTF-8")
}

#[test]
fn a_terminal_has_colours_unless_it_cannot_or_nobody_wants_them() {
    let line = ["lower", "--frame", "65616", "--policy", "go1.24.5"];
    let plain = piped(&line, &[]);
    let painted = shown(&line, 120, &[]);
    assert!(painted.contains("\x1b[31mrefuted\x1b[0m"), "{painted:?}");
    assert_eq!(stripped(&painted), plain);
    for variable in [("TERM", "dumb"), ("NO_COLOR", "1"), ("CLICOLOR", "0")] {
        assert_eq!(shown(&line, 120, &[variable]), plain, "{variable:?}");
    }
    assert_eq!(shown(&line, 120, &[("NO_COLOR", "")]), painted, "an empty one says nothing");
    let never = [&line[..], &["--color", "never"]].concat();
    assert_eq!(shown(&never, 120, &[("CLICOLOR_FORCE", "1")]), plain);
    let always = [&line[..], &["--color", "always"]].concat();
    assert_eq!(shown(&always, 120, &[("NO_COLOR", "1"), ("TERM", "dumb")]), painted);
    let message = on_terminal(120, |terminal| {
        let mut command = command(&["lower", "--frame", "1"]);
        command.env("TERM", "xterm").env_remove("CI").stdout(Stdio::null()).stderr(terminal);
        command
    });
    assert!(message.contains("\x1b[31mmidframe:\x1b[0m "), "{message:?}");
    let document = [&line[..], &["--format", "json"]].concat();
    assert_eq!(shown(&document, 120, &[]), piped(&document, &[]));
}

/// The lines that begin a paragraph with `start` or go on with it, which are deeper by two
/// columns.
fn paragraph<'t>(text: &'t str, start: &str) -> Vec<&'t str> {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut lines = text.lines().skip_while(|line| !line.trim_start().starts_with(start));
    let first = lines.next().unwrap_or_else(|| panic!("{start:?} in {text}"));
    let more = lines.take_while(|line| depth(line) == depth(first) + 2);
    [first].into_iter().chain(more).collect()
}

/// Each line has as many words as there is room for, and no more.
#[test]
fn paragraphs_are_as_wide_as_the_terminal() {
    let lines = Lines::new();
    let scan = (lines.words("scan PROGRAM"), "The garbage collector looks");
    let review = (lines.words("review FIXED PROGRAM"), "A row has the declared depth");
    for (line, start) in [scan, review] {
        let never = [&*line, &["--color", "never"]].concat();
        for (columns, width) in [(0, 100), (20, 60), (60, 60), (72, 72), (100, 100), (200, 100)] {
            let text = shown(&never, columns, &[]);
            let wrapped = paragraph(&text, start);
            assert!(width == 100 || wrapped.len() > 1, "{text}");
            for pair in wrapped.windows(2) {
                let next = pair[1].split_whitespace().next().expect("a word");
                let (now, longer) = (pair[0].len(), pair[0].len() + 1 + next.len());
                assert!(now <= width && width < longer, "{columns}: {pair:?}");
            }
            let asked = columns.to_string();
            assert_eq!(piped(&line, &[("COLUMNS", &asked)]), text, "COLUMNS={columns}");
            // With colours the lines are the same.
            let painted = shown(&line, columns, &[]);
            assert!(painted.contains('\x1b'));
            assert_eq!(stripped(&painted), text, "{columns}");
        }
        // What is asked for outranks the terminal; what is no width is none.
        assert_eq!(shown(&never, 72, &[("COLUMNS", "90")]), piped(&line, &[("COLUMNS", "90")]));
        for none in ["", "0", "-1", "wide"] {
            assert_eq!(shown(&never, 72, &[("COLUMNS", none)]), shown(&never, 72, &[]), "{none:?}");
            assert_eq!(piped(&line, &[("COLUMNS", none)]), piped(&line, &[]), "{none:?}");
        }
    }
    // explain has its own layout, of 80 columns.
    let explain = ["explain", "--frame", "65616", "--color", "never"];
    assert_eq!(shown(&explain, 60, &[]), shown(&explain, 200, &[]));
}
