//! What cannot be explained.

use crate::fixtures::{Files, clean, image, two_steps};
use crate::support::{args, check_error};

#[test]
fn what_cannot_be_explained_is_named() {
    let files = Files::new();
    let path = files.write("program", image(&[clean("main.main"), two_steps("main.Send")]).bytes());
    let check = |arguments: &[&str], parts: &[&str]| {
        check_error(&[&["explain"], arguments].concat(), parts);
    };
    check(&[&path, "main.send"], &["main.send", "main.Send"]);
    check(&[&path, "main.Sned"], &["main.Sned", "main.Send"]);
    check(&[&path, "main"], &["\"main\"", "\"main.Send\", \"main.main\""]);
    check(&[&path, "github.com/nothing/like.it"], &["no function \"github.com/nothing/like.it\""]);
    check(&[&path, ""], &["no function \"\" in the file"]);
    // Nineteen instructions, the last at +0x48.
    let expected = "expected a multiple of 4 from +0x0 to +0x48, or its address, from 0x";
    check(&[&path, "main.Send", "--boundary", "0x10"], &["0x10 is not", expected]);
    check(&[&path, "main.Send", "--boundary", "+0x4c"], &["+0x4c is not", expected]);
    check(&[&path, "main.Send", "--boundary", "+0x3"], &["+0x3 is not", expected]);
    let missing = files.path("missing").display().to_string();
    check(&[&missing, "main.Send"], &["missing"]);
    let text = files.write("text", "not a program");
    check(&[&text, "main.Send"], &["text"]);
    // Seven instructions, three up to the NOP and three behind it; a frame that is lowered
    // has no address.
    let expected = "expected a multiple of 4 from +0x0 to +0x18\n";
    let small = ["--frame", "16", "--leaf", "--policy", "go1.26", "--nosplit", "--boundary"];
    for place in ["+0x100", "+0x1", "0x1", "0x1c"] {
        check(&[small.as_slice(), &[place]].concat(), &[&format!("{place} is not"), expected]);
    }
    check(&["--frame", "65616", "--boundary", "last"], &["\"last\"", "+0x28"]);
    check(&["--frame", "65617"], &["65617", "multiple of 16"]);
    check(&["--frame", "16", "--policy", "gcc"], &["\"gcc\""]);
    check(&["--frame", "16", "--target", "riscv64"], &["\"riscv64\""]);
}

#[test]
fn wrong_usage() {
    let check = |line: &str, parts: &[&str]| {
        check_error(&[&["explain"], args(line).as_slice()].concat(), parts);
    };
    check("", &["nothing to explain: expected --frame, or BINARY FUNCTION"]);
    check("--leaf", &["nothing to explain: expected --frame, or BINARY FUNCTION"]);
    check("program", &["<FUNCTION>"]);
    check("program main.main --frame 16", &["--frame"]);
    check("program main.main --leaf", &["--leaf"]);
    check("program main.main --nosplit", &["--nosplit"]);
    check("program main.main --policy go1.24", &["--policy"]);
    check("--frame", &["--frame"]);
    check("--frame 16 --format yaml", &["yaml", "json"]);
}
