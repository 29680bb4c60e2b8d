//! The steps of `action.yml`, run by bash as GitHub's runner would, with a `gh` that writes
//! down what it is asked. Needs bash, gzip, base64 and the feature `toolchains`.

use image::testing::{GoFunction, GoImage};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A `gh` that writes its arguments to a file, one a line, and copies the files of `--field`.
/// The comments that it knows are those in a file.
const GH: &str = r#"#!/usr/bin/env bash
set -eu
printf '%s\n' "$@" >>"$GH_LOG"
for argument; do
    case "$argument" in
    *=@*) cp "${argument#*=@}" "$GH_LOG.${argument%%=@*}" ;;
    --jq) cat "$GH_LOG.comments" ;;
    esac
done
"#;

struct Runner(TempDir);

impl Runner {
    fn new() -> Self {
        let runner = Self(tempfile::tempdir().expect("a directory"));
        let gh = runner.path("bin/gh");
        std::fs::create_dir_all(runner.path("bin")).expect("a directory");
        std::fs::write(&gh, GH).expect("a file");
        let status = Command::new("chmod").arg("+x").arg(&gh).status().expect("chmod");
        assert!(status.success());
        std::fs::write(runner.path("gh.log.comments"), "").expect("a file");
        runner
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Runs a step.
    fn step(&self, step: &str, environment: &[(&str, &str)]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/action");
        let search = std::env::var("PATH").expect("a path");
        let mut command = Command::new("bash");
        command.arg(script).arg(step).current_dir(self.0.path());
        command.env("PATH", format!("{}:{search}", self.path("bin").display()));
        command.env("MIDFRAME", env!("CARGO_BIN_EXE_midframe"));
        command.env("RUNNER_TEMP", self.path("temp"));
        command.env("GITHUB_OUTPUT", self.path("output"));
        command.env("GITHUB_STEP_SUMMARY", self.path("summary"));
        command.env("GITHUB_REPOSITORY", "someone/something");
        command.env("GITHUB_SHA", "0123abc").env("GITHUB_REF", "refs/pull/7/merge");
        command.env("GH_LOG", self.path("gh.log"));
        command.envs(environment.iter().copied()).output().expect("bash runs")
    }

    /// Scans, and returns the status of the step and that of the scan.
    fn scan(&self, paths: &str, fail_on: &str, only: &str) -> (Option<i32>, String) {
        let environment = [
            ("PATHS", paths),
            ("FAIL_ON", fail_on),
            ("BASELINE", ""),
            ("ONLY_FUNCTION", only),
            ("SARIF", "out.sarif"),
        ];
        let _ = std::fs::remove_file(self.path("output"));
        let output = self.step("scan", &environment);
        (output.status.code(), self.output("status"))
    }

    /// An output of the last step.
    fn output(&self, name: &str) -> String {
        let output = self.read("output");
        let line = output.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
        line.unwrap_or_default().to_owned()
    }
}

/// `ADD $80, RSP; ADD $(16<<12), RSP; RET` at a depth of 65616, as go1.24.3 pops: the words
/// are its assembler's (`tests/cli/assembler.rs`).
fn two_steps(name: &str) -> GoFunction {
    let words = [0x9101_43ff, 0x9140_43ff, 0xd65f_03c0];
    GoFunction { depths: vec![(2, 65616), (1, 0)], ..GoFunction::new(name, &words) }
}

fn clean(name: &str) -> GoFunction {
    GoFunction::new(name, &[0xd503_201f, 0xd65f_03c0])
}

fn write(runner: &Runner, name: &str, functions: &[GoFunction]) {
    let image = GoImage::new(24, functions.to_vec());
    std::fs::write(runner.path(name), image.bytes()).expect("a file");
}

#[test]
fn a_scan_leaves_its_status_its_log_and_its_summary() {
    let runner = Runner::new();
    // A name that a shell would take apart, and one that it would run.
    write(&runner, "good program", &[clean("main.clean")]);
    write(&runner, "$(touch ran)", &[two_steps("main.large"), clean("main.clean")]);
    let (step, status) = runner.scan("good program\n\n", "async-preemption", "");
    assert_eq!((step, status.as_str()), (Some(0), "0"));
    let (step, status) = runner.scan("good program\n$(touch ran)\n", "async-preemption", "");
    assert_eq!((step, status.as_str()), (Some(0), "1"), "{}", runner.read("output"));
    assert!(!runner.path("ran").exists());
    let log: Value = serde_json::from_str(&runner.read("out.sarif")).expect("SARIF");
    let results = log["runs"][0]["results"].as_array().expect("results");
    assert!(!results.is_empty());
    assert!(runner.read("summary").contains("main.large"));
    assert_eq!(runner.output("sarif"), "out.sarif");
    // What is given is passed on.
    let (_, status) = runner.scan("$(touch ran)", "never", "");
    assert_eq!(status, "0");
    let (_, status) = runner.scan("$(touch ran)", "async-preemption", "clean$");
    assert_eq!(status, "0");
    // A file that is not there is a failed step.
    let (step, status) = runner.scan("absent", "async-preemption", "");
    assert_eq!((step, status.as_str()), (Some(2), "2"));
}

#[test]
fn a_review_leaves_its_status_and_what_it_says() {
    let runner = Runner::new();
    write(&runner, "$(touch ran)", &[clean("main.large")]);
    write(&runner, "-new", &[two_steps("main.large")]);
    let review = |old: &str, paths: &str| {
        let _ = std::fs::remove_file(runner.path("output"));
        let output = runner.step("review", &[("OLD", old), ("PATHS", paths)]);
        (output.status.code(), runner.output("status"))
    };
    assert_eq!(review("$(touch ran)", "\n-new\n"), (Some(0), "1".to_owned()));
    assert!(!runner.path("ran").exists());
    let said = std::fs::read_to_string(runner.output("review")).expect("a review");
    assert!(said.starts_with("**midframe review:** 1 function broken"), "{said}");
    assert!(runner.read("summary").contains(&said));
    assert_eq!(review("-new", "$(touch ran)"), (Some(0), "0".to_owned()));
    // What cannot be read fails, and so does what is not one thing.
    assert_eq!(review("absent", "-new"), (Some(2), "2".to_owned()));
    assert_eq!(review("-new", "-new\n$(touch ran)"), (Some(2), String::new()));
}

/// The review comes first, and both are there.
#[test]
fn a_comment_has_the_review_too() {
    let runner = Runner::new();
    write(&runner, "old", &[clean("main.large")]);
    write(&runner, "new", &[two_steps("main.large")]);
    runner.scan("new", "never", "");
    let summary = runner.output("summary");
    runner.step("review", &[("OLD", "old"), ("PATHS", "new")]);
    let review = runner.output("review");
    let environment = [("SUMMARY", &*summary), ("REVIEW", &*review), ("NUMBER", "7")];
    assert!(runner.step("comment", &environment).status.success());
    let body = runner.read("gh.log.body");
    let first = body.lines().nth(1).expect("a review");
    assert!(first.starts_with("**midframe review:** 1 function broken"), "{body}");
    let summary = std::fs::read_to_string(summary).expect("a summary");
    assert!(!summary.is_empty() && body.ends_with(&summary), "{body}");
}

#[test]
fn an_upload_is_the_log() {
    let runner = Runner::new();
    write(&runner, "program", &[two_steps("main.large")]);
    runner.scan("program", "never", "");
    let output = runner.step("upload", &[("SARIF", "out.sarif"), ("GH_TOKEN", "none")]);
    assert!(output.status.success(), "{output:?}");
    let asked = runner.read("gh.log");
    for part in [
        "repos/someone/something/code-scanning/sarifs",
        "commit_sha=0123abc",
        "ref=refs/pull/7/merge",
    ] {
        assert!(asked.lines().any(|line| line == part), "{part} in {asked}");
    }
    let unpack = "base64 --decode gh.log.sarif | gzip --decompress | cmp - out.sarif";
    let same = Command::new("bash").args(["-c", unpack]).current_dir(runner.0.path()).status();
    assert!(same.expect("bash runs").success());
}

#[test]
fn there_is_one_comment() {
    let runner = Runner::new();
    write(&runner, "program", &[two_steps("main.large")]);
    runner.scan("program", "never", "");
    let summary = runner.output("summary");
    let environment = [("SUMMARY", summary.as_str()), ("NUMBER", "7"), ("GH_TOKEN", "none")];
    assert!(runner.step("comment", &environment).status.success());
    let asked = runner.read("gh.log");
    assert!(asked.contains("POST") && !asked.contains("PATCH"), "{asked}");
    let body = runner.read("gh.log.body");
    assert!(body.starts_with("<!-- midframe -->\n") && body.contains("program"), "{body}");
    // The second time it is changed.
    std::fs::write(runner.path("gh.log"), "").expect("a file");
    std::fs::write(runner.path("gh.log.comments"), "41\n42\n").expect("a file");
    assert!(runner.step("comment", &environment).status.success());
    let asked = runner.read("gh.log");
    assert!(asked.contains("PATCH") && !asked.contains("POST"), "{asked}");
    assert!(asked.contains("repos/someone/something/issues/comments/41"), "{asked}");
}

#[test]
fn the_end_is_that_of_the_scan() {
    let runner = Runner::new();
    for (status, ends, says) in [
        ("0", Some(0), ""),
        ("1", Some(1), "::error::"),
        ("3", Some(0), "::warning::"),
        ("2", Some(1), "::error::"),
    ] {
        let output = runner.step("conclude", &[("STATUS", status)]);
        assert_eq!(output.status.code(), ends, "{status}");
        let said = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(said.starts_with(says) && said.is_empty() == says.is_empty(), "{said}");
    }
    // With a review both count, and both are told.
    for (status, review, ends, says) in [
        ("0", "0", 0, vec![]),
        ("0", "1", 1, vec!["::error::"]),
        ("1", "0", 1, vec!["::error::"]),
        ("1", "1", 1, vec!["::error::", "::error::"]),
        ("3", "3", 0, vec!["::warning::", "::warning::"]),
        ("0", "2", 1, vec!["::error::"]),
    ] {
        let output = runner.step("conclude", &[("STATUS", status), ("REVIEW_STATUS", review)]);
        assert_eq!(output.status.code(), Some(ends), "{status}, {review}");
        let said = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(said.lines().count(), says.len(), "{said}");
        assert!(said.lines().zip(says).all(|(line, begins)| line.starts_with(begins)), "{said}");
    }
    assert_eq!(runner.step("other", &[]).status.code(), Some(2));
}
