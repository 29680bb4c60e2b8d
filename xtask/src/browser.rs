//! Chromium without a window, Debian's: opens a page, or prints it, and says what came of
//! it.

use crate::debian;
use crate::toolchain::run;
use anyhow::{Context as _, Result};
use std::path::Path;
use std::process::Command;

/// Its name, and that of the package.
const CHROMIUM: &str = "chromium";

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// The width and height of the window in pixels.
    pub window: (u32, u32),
    /// Whether the reader prefers dark pages.
    pub dark: bool,
}

/// What reads printed pages, in Debian's package poppler-utils.
const READER: &str = "pdftotext";

/// Installs the browser, and what reads printed pages, if they are missing.
///
/// # Errors
/// When apt-get fails.
pub fn install() -> Result<()> {
    debian::install(CHROMIUM, "--version", CHROMIUM)?;
    debian::install(READER, "-v", "poppler-utils")
}

/// The browser with its profile in a directory, not yet started.
fn browser(profile: &Path, view: View) -> Command {
    let (width, height) = view.window;
    let mut command = Command::new(CHROMIUM);
    command
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
        .args(["--enable-logging=stderr", "--v=0"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("--window-size={width},{height}"))
        .arg(format!("--blink-settings=preferredColorScheme={}", u8::from(!view.dark)));
    command
}

/// Writes a screenshot of a page as PNG; returns what the console said, line by line.
///
/// # Errors
/// When the browser fails, or leaves no screenshot.
pub fn screenshot(profile: &Path, page: &Path, picture: &Path, view: View) -> Result<Vec<String>> {
    let mut command = browser(profile, view);
    command.arg(format!("--screenshot={}", picture.display()));
    let output = run(command.arg(format!("file://{}", page.display())))?;
    std::fs::metadata(picture).context("the browser left no screenshot")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(said.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect())
}

/// The document of a page as it is when its scripts have run.
///
/// # Errors
/// When the browser fails.
pub fn document(profile: &Path, page: &Path, view: View) -> Result<String> {
    let mut command = browser(profile, view);
    let output = run(command.arg("--dump-dom").arg(format!("file://{}", page.display())))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Prints a page: the text of each sheet, and a picture of the first as PNG.
///
/// # Errors
/// When the browser or the reader fails.
pub fn paper(profile: &Path, page: &Path, picture: &Path, view: View) -> Result<Vec<String>> {
    let printed = picture.with_extension("pdf");
    let mut command = browser(profile, view);
    command.arg("--no-pdf-header-footer").arg(format!("--print-to-pdf={}", printed.display()));
    run(command.arg(format!("file://{}", page.display())))?;
    let text = run(Command::new(READER).arg("-layout").arg(&printed).arg("-"))?;
    let mut draw = Command::new("pdftoppm");
    draw.args(["-png", "-r", "40", "-singlefile"]).arg(&printed);
    // It adds the end of the name.
    run(draw.arg(picture.with_extension("")))?;
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    Ok(text.split_terminator('\x0c').map(str::to_owned).collect())
}
