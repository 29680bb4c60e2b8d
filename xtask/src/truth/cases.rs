//! The programs that are traced, and what each of them is to do.

use super::emulator::{Invocation, empty_directory};
use crate::programs::{self, Program, Source};
use crate::toolchain::{TOOLCHAINS, Toolchain, repository};
use anyhow::{Context as _, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// A program and its arguments.
#[derive(Clone, Debug)]
pub struct Case {
    /// The program's name, for `--program`.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<&'static str>,
    /// What has to be executed, and found.
    pub control: Option<Control>,
}

/// A boundary that is known to be mid-frame: the traces have to show it and the scan
/// has to have the finding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Control {
    /// The function.
    pub function: &'static str,
    /// The depth that is declared.
    pub declared: i64,
    /// The depth of SP.
    pub actual: i64,
}

/// The programs from elsewhere, with what they are to do. All of it stays on this
/// machine and in the directory of the case.
const REAL: [(&str, &[&str]); 9] = [
    ("esbuild-0.25.0", &["--version"]),
    ("esbuild-0.25.0", &["in.ts", "--minify", "--bundle", "--sourcemap", "--outfile=out.js"]),
    ("esbuild-0.25.9", &["--version"]),
    ("esbuild-0.25.9", &["in.ts", "--minify", "--bundle", "--sourcemap", "--outfile=out.js"]),
    ("restic", &["version"]),
    ("restic", &["generate", "--bash-completion", "completion"]),
    ("restic", &["init", "--repo", "repository"]),
    ("hugo", &["version"]),
    ("hugo", &["--source", "site", "--destination", "public"]),
];

/// Files that the cases find in their directories.
const FILES: [(&str, &str); 6] = [
    ("in.ts", include_str!("input/in.ts")),
    ("part.ts", include_str!("input/part.ts")),
    ("site/config.toml", "title = \"Frames\"\nbaseURL = \"https://example.org/\"\n"),
    (
        "site/content/post/one.md",
        "---\ntitle: One\ndate: 2020-01-02\n---\n\n# A *page*\n\n- `a`\n- b\n",
    ),
    ("site/layouts/_default/single.html", "<h1>{{ .Title }}</h1>{{ .Content }}\n"),
    (
        "site/layouts/_default/list.html",
        "<ul>{{ range .Pages }}<li>{{ .Title | upper }}</li>{{ end }}</ul>\n",
    ),
];

/// What Debian's programs link to: the package, and a file in it.
const LIBRARIES: [(&str, &str); 5] = [
    ("libc6", "lib/aarch64-linux-gnu/libc.so.6"),
    ("libgcc-s1", "lib/aarch64-linux-gnu/libgcc_s.so.1"),
    ("libstdc++6", "usr/lib/aarch64-linux-gnu/libstdc++.so.6"),
    ("libsass1", "usr/lib/aarch64-linux-gnu/libsass.so.1"),
    ("libwebp7", "usr/lib/aarch64-linux-gnu/libwebp.so.7"),
];

/// How our own program is called, with the version of the toolchain behind it.
const OWN: &str = "own-go";

/// All cases, or those of one program.
///
/// # Errors
/// When no program has this name.
pub fn cases(program: Option<&str>) -> Result<Vec<Case>> {
    let real = REAL.into_iter().map(|(program, arguments)| Case {
        program: program.to_owned(),
        arguments: arguments.to_vec(),
        control: None,
    });
    let own = TOOLCHAINS.into_iter().map(|version| Case {
        program: format!("{OWN}{version}"),
        arguments: vec!["1"],
        control: control(version),
    });
    let all: Vec<_> = own.chain(real).collect();
    let names: Vec<_> = all.iter().map(|case| case.program.clone()).collect();
    let wanted = |case: &Case| program.is_none_or(|name| case.program == name);
    let wanted: Vec<_> = all.into_iter().filter(wanted).collect();
    let mut names: Vec<_> = names.iter().map(String::as_str).collect();
    names.dedup();
    if wanted.is_empty() {
        anyhow::bail!("no program is named {program:?}, expected one of {}", names.join(", "));
    }
    Ok(wanted)
}

/// Known from `go tool objdump`: go1.24.3 pops a frame of 65616 bytes with `ADD
/// $80`, `ADD $(16<<12)`, and go1.27.3 still does so in leaves, a frame of 131088
/// bytes with `ADD $16`, `ADD $(32<<12)`.
const fn control(version: &'static str) -> Option<Control> {
    match version.as_bytes() {
        b"1.24.3" => {
            Some(Control { function: "main.nonleaf65616", declared: 65616, actual: 65536 })
        }
        b"1.27.3" => {
            Some(Control { function: "main.leaf131088", declared: 131_088, actual: 131_072 })
        }
        _ => None,
    }
}

impl Case {
    /// The program with its arguments.
    #[must_use]
    pub fn title(&self) -> String {
        let arguments = self.arguments.iter().map(|argument| format!(" {argument}"));
        self.program.clone() + &arguments.collect::<String>()
    }

    /// Makes the program, and an empty directory with what it needs.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn prepare(&self) -> Result<Invocation> {
        let directory = repository().join("target/truth").join(&self.program);
        empty_directory(&directory)?;
        for (path, text) in FILES {
            write(&directory.join(path), text)?;
        }
        let program = match self.program.strip_prefix(OWN) {
            Some(version) => build(version)?,
            None => programs::install_named(&self.program)?,
        };
        let home = directory.to_string_lossy().into_owned();
        let mut environment =
            vec![("HOME".to_owned(), home), ("RESTIC_PASSWORD".to_owned(), "frames".to_owned())];
        let mut root = None;
        if matches!(self.program.as_str(), "restic" | "hugo") {
            let libraries = LIBRARIES.map(|(package, file)| library(package, file));
            let libraries = libraries.into_iter().collect::<Result<Vec<_>>>()?;
            root = libraries.first().map(|(root, _)| root.clone());
            let paths = libraries.iter().map(|(_, path)| path.to_string_lossy());
            let paths = paths.collect::<Vec<_>>().join(":");
            environment.push(("LD_LIBRARY_PATH".to_owned(), paths));
        }
        let arguments = self.arguments.iter().map(|&argument| argument.to_owned()).collect();
        Ok(Invocation { program, arguments, environment, directory, root })
    }
}

/// Installs a library, and returns the root of its package and the directory that
/// it is in.
fn library(package: &'static str, file: &'static str) -> Result<(PathBuf, PathBuf)> {
    let path = programs::install(Program { name: package, source: Source::Debian(package), file })?;
    let root = path.ancestors().nth(Path::new(file).components().count());
    let directory = path.parent();
    let (root, directory) = root.zip(directory).context("a library has no directory")?;
    Ok((root.to_owned(), directory.to_owned()))
}

/// Has a toolchain build our own program.
fn build(version: &str) -> Result<PathBuf> {
    let toolchain = Toolchain::install(version)?;
    let directory = repository().join("target/truth/guest").join(&toolchain.version);
    empty_directory(&directory)?;
    write(&directory.join("go.mod"), "module guest\n\ngo 1.19\n")?;
    write(&directory.join("main.go"), include_str!("guest/main.go"))?;
    write(&directory.join("frames_arm64.s"), include_str!("guest/frames_arm64.s"))?;
    let program = directory.join("guest");
    toolchain.build(&directory, &program)?;
    Ok(program)
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::cases;

    #[test]
    fn a_program_selects_its_cases_and_an_unknown_one_is_an_error() {
        let all = cases(None).expect("cases").len();
        let restic = cases(Some("restic")).expect("cases");
        assert!(restic.len() > 1 && restic.len() < all);
        assert!(restic.iter().all(|case| case.program == "restic"));
        let error = cases(Some("rustic")).expect_err("no such program").to_string();
        assert!(error.contains("rustic") && error.contains("own-go1.24.3, "), "{error}");
    }
}
