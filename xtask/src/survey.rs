//! A survey of Debian's Go programs for arm64: each package scanned as its unpacked
//! tree and as the `.deb` file, which must give the same.

use crate::debian;
use crate::toolchain::{INSTALLING, repository};
use anyhow::{Context as _, Result, bail};
use core::fmt;
use midframe::inputs::Inputs;
use midframe::progress::Progress;
use midframe::scan::{Item, Options, ScannedImage, each};
use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::{Duration, Instant};
use verifier::{Observer, Verdict};

/// The packages.
pub const PACKAGES: [&str; 20] = [
    "docker.io",
    "containerd",
    "podman",
    "buildah",
    "skopeo",
    "containernetworking-plugins",
    "restic",
    "rclone",
    "hugo",
    "gh",
    "caddy",
    "syncthing",
    "prometheus",
    "etcd-server",
    "influxdb",
    "crowdsec",
    "runc",
    "golang-1.19-go",
    "prometheus-node-exporter",
    "git-lfs",
];

/// A package on disk.
#[derive(Debug)]
pub struct Package {
    /// The name.
    pub name: &'static str,
    /// The file.
    pub deb: PathBuf,
    /// The directory that it is unpacked into.
    pub tree: PathBuf,
}

impl Package {
    /// Downloads and unpacks a package into `target/survey`, unless it is there.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn install(name: &'static str) -> Result<Self> {
        let parent = repository().join("target/survey");
        let directory = parent.join(name);
        let _guard = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
        if !directory.exists() {
            let partial = parent.join(format!("{name}.partial"));
            let _ = fs::remove_dir_all(&partial);
            fs::create_dir_all(partial.join("tree"))?;
            let deb = debian::download_for_arm64(name, &partial)?;
            debian::unpack(&deb, &partial.join("tree"))?;
            fs::rename(&partial, &directory)?;
        }
        let deb = debian::packages(&directory)?.into_iter().next();
        let deb = deb.with_context(|| format!("{} has no .deb", directory.display()))?;
        Ok(Self { name, deb, tree: directory.join("tree") })
    }

    /// The version that the file's name tells.
    #[must_use]
    pub fn version(&self) -> String {
        let stem = self.deb.file_stem().unwrap_or_default().to_string_lossy();
        let version = stem.split('_').nth(1).unwrap_or_default();
        version.replace("%3a", ":")
    }
}

/// What a scan of one package found, by the path in it.
type Images = BTreeMap<String, ScannedImage>;

/// What the survey found of one package.
#[derive(Debug)]
pub struct Surveyed {
    /// The package.
    pub package: Package,
    /// Its Go programs.
    pub images: Images,
}

/// What the survey found.
#[derive(Debug)]
pub struct Survey {
    /// The packages, in the order of [`PACKAGES`].
    pub packages: Vec<Surveyed>,
    /// How long the scans of all trees took, and of all files.
    pub seconds: [Duration; 2],
    /// In what the two differ, or what has no program, a line each.
    pub failures: Vec<String>,
}

/// Installs and scans the packages.
///
/// # Errors
/// When a package cannot be had, or something in it cannot be read.
pub fn survey() -> Result<Survey> {
    let packages = PACKAGES.into_iter().map(Package::install).collect::<Result<Vec<_>>>()?;
    let mut survey =
        Survey { packages: Vec::new(), seconds: [Duration::ZERO; 2], failures: Vec::new() };
    for package in packages {
        let (tree, unpacked) = scan(&package.tree, &package.tree)?;
        let (file, packed) = scan(&package.deb, &package.deb)?;
        survey.seconds = [survey.seconds[0] + unpacked, survey.seconds[1] + packed];
        survey.failures.extend(differences(package.name, &tree, &file));
        survey.packages.push(Surveyed { package, images: tree });
    }
    Ok(survey)
}

/// Scans a tree or a file; names what it finds without the part before it.
fn scan(path: &Path, prefix: &Path) -> Result<(Images, Duration)> {
    let (mut images, mut failed) = (Images::new(), None);
    let started = Instant::now();
    let inputs = Inputs::new(vec![path.to_owned()]);
    each(&inputs, &Options::default(), &Progress::hidden(), |item| match item {
        Item::Image(image) => {
            images.insert(place(&image.path, prefix), image);
            ControlFlow::Continue(())
        }
        Item::Skipped { .. } => ControlFlow::Continue(()),
        Item::Failed { path, error } => {
            failed = Some(format!("{}: {error}", path.display()));
            ControlFlow::Break(())
        }
    });
    match failed {
        Some(failed) => bail!(failed),
        None => Ok((images, started.elapsed())),
    }
}

/// The path in the package: `/usr/bin/podman`.
fn place(path: &Path, prefix: &Path) -> String {
    let path = path.to_string_lossy();
    let inner = path.strip_prefix(&*prefix.to_string_lossy()).unwrap_or(&path);
    let member = inner.rsplit('!').next().unwrap_or(inner);
    format!("/{}", member.trim_start_matches('.').trim_start_matches('/'))
}

/// In what the scans of a tree and of a file differ.
fn differences(package: &str, tree: &Images, file: &Images) -> Vec<String> {
    let mut differences = Vec::new();
    if tree.is_empty() {
        differences.push(format!("{package}: no Go program in it"));
    }
    let places: Vec<_> =
        tree.keys().chain(file.keys().filter(|&at| !tree.contains_key(at))).collect();
    for at in places {
        let same = match (tree.get(at), file.get(at)) {
            (Some(one), Some(other)) => {
                one.findings == other.findings
                    && one.summary == other.summary
                    && one.go_version == other.go_version
            }
            _ => false,
        };
        if !same {
            differences
                .push(format!("{package}: {at} is not the same in the tree and in the file"));
        }
    }
    differences
}

impl Survey {
    /// Writes the table into `rfcs/surveys`, and returns the file.
    ///
    /// # Errors
    /// As writing.
    pub fn record(&self, date: &str) -> Result<PathBuf> {
        let path = repository().join("rfcs/surveys").join(format!("{date}-debian.md"));
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        let text = format!(
            "# Go programs of Debian for arm64, {date}\n\n\
             Twenty packages of Debian 12, scanned as unpacked trees and as `.deb` files, which gave the\n\
             same. Made by `cargo run --release -p xtask -- survey --date {date}`; the packages of\n\
             that day may be newer ones on another.\n\n\
             A number behind a verdict counts findings that the observer sees; *not observed* is what\n\
             the runtime of that release has no observer for. *Undecided* counts the functions that can\n\
             be preempted, and behind the stroke all.\n\n{self}"
        );
        fs::write(&path, text)?;
        Ok(path)
    }
}

impl fmt::Display for Survey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| package | program | go | functions | boundaries | {} | undecided |",
            Observer::ALL.map(Observer::id).join(" | "),
        )?;
        writeln!(
            f,
            "| --- | --- | --- | ---: | ---: | {}---: |",
            "--- | ".repeat(Observer::ALL.len())
        )?;
        let (mut count, mut functions, mut boundaries) = (0, 0, 0);
        for Surveyed { package, images } in &self.packages {
            for (at, image) in images {
                let Package { name, .. } = package;
                write!(f, "| {name} {} | `{at}`", package.version())?;
                write!(f, " | {}", image.go_version.as_deref().unwrap_or("?"))?;
                let summary = &image.summary;
                write!(f, " | {} | {}", summary.functions, summary.boundaries)?;
                for observer in Observer::ALL {
                    write!(f, " | {}", verdict(image, observer))?;
                }
                let undecided = summary.undecided.values();
                let preemptible: u64 = undecided.clone().map(|reason| reason.preemptible).sum();
                let all: u64 = undecided.map(|reason| reason.functions).sum();
                writeln!(f, " | {preemptible} / {all} |")?;
                count += 1;
                functions += summary.functions;
                boundaries += summary.boundaries;
            }
        }
        let [trees, files] = self.seconds.map(|time| time.as_secs_f64());
        writeln!(
            f,
            "\n{count} programs, {functions} functions, {boundaries} boundaries; the trees took \
             {trees:.1} s, the files {files:.1} s."
        )
    }
}

/// The verdict for an observer, with the number of findings that it sees.
fn verdict(image: &ScannedImage, observer: Observer) -> String {
    let verdict = image.summary.verdict(observer);
    let findings = image.findings.iter().filter(|found| found.observers.contains(observer)).count();
    match verdict {
        Verdict::Refuted => format!("{verdict} ({findings})"),
        _ => verdict.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_the_path_in_the_package() {
        let tree = Path::new("/t/survey/x/tree");
        assert_eq!(place(&tree.join("usr/bin/x"), tree), "/usr/bin/x");
        let deb = Path::new("/t/survey/x/x_1_arm64.deb");
        let member = "/t/survey/x/x_1_arm64.deb!data.tar.xz!./usr/bin/x";
        assert_eq!(place(Path::new(member), deb), "/usr/bin/x");
    }
}
