//! Go libraries from Debian, as sources in a `GOPATH` under `target/go-packages`. The
//! system's own directories are not touched.

use crate::debian;
use crate::toolchain::{INSTALLING, repository};
use anyhow::Result;
use std::fs;
use std::path::PathBuf;
use std::sync::PoisonError;

/// The packages: netlink, in which golang/go#73259 was found, and other libraries with
/// frames above 64 KiB (snappy, s2, fsnotify), with what they need.
pub const PACKAGES: [&str; 6] = [
    "golang-github-vishvananda-netlink-dev",
    "golang-github-vishvananda-netns-dev",
    "golang-golang-x-sys-dev",
    "golang-github-golang-snappy-dev",
    "golang-github-klauspost-compress-dev",
    "golang-github-fsnotify-fsnotify-dev",
];

/// Installs the packages unless they are there, and returns the `GOPATH`.
///
/// # Errors
/// When one cannot be had.
pub fn install() -> Result<PathBuf> {
    let parent = repository().join("target");
    let directory = parent.join("go-packages");
    let _guard = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    if !directory.exists() {
        let partial = parent.join("go-packages.partial");
        let _ = fs::remove_dir_all(&partial);
        fs::create_dir_all(&partial)?;
        debian::unpacked(&PACKAGES, &partial)?;
        fs::rename(&partial, &directory)?;
    }
    Ok(directory.join("usr/share/gocode"))
}
