//! The documents speak of what exists: files, tests, alarms.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of tests fail as tests do"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use shared::signal::Signal;
use shared::tables::Function;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path))
        .unwrap_or_else(|error| panic!("{path} must exist, people start there: {error}"))
}

/// The documents with their texts.
fn documents() -> Vec<(String, String)> {
    let fixed = ["README.md", "ARCHITECTURE.md", "docs/runbook.md", "docs/incidents.md"];
    fixed.into_iter().map(|path| (path.to_owned(), read(path))).collect()
}

/// What stands between backticks on one line, outside code blocks.
fn quoted(text: &str) -> Vec<&str> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if !inside {
            found.extend(line.split('`').skip(1).step_by(2));
        }
    }
    found
}

/// Every line of Rust and TypeScript of ours.
fn code() -> String {
    let mut text = String::new();
    let mut folders: Vec<PathBuf> =
        ["functions", "shared", "sim", "ops", "tests", "infra"].map(|top| root().join(top)).to_vec();
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !["target", "node_modules", "cdk.out"].contains(&name.as_str()) {
                folders.push(path);
            } else if [".rs", ".ts", ".toml"].iter().any(|ending| name.ends_with(ending)) {
                text.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    text
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[test]
fn every_file_that_the_documents_name_exists() {
    let tops = ["functions", "shared", "sim", "ops", "tests", "infra", "docs", ".ci"];
    for (document, text) in documents() {
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let folder = root().join(&document).parent().unwrap().to_owned();
        for link in links.filter(|link| !link.contains("://") && !link.starts_with('#')) {
            let path = link.split('#').next().unwrap();
            assert!(folder.join(path).exists(), "{document} links to {path}");
        }
        let paths = quoted(&text).into_iter().filter(|quoted| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
            tops.iter().any(|top| quoted.strip_prefix(top).is_some_and(|rest| rest.starts_with('/')))
                && quoted.bytes().all(plain)
        });
        for path in paths {
            assert!(root().join(path).exists(), "{document} names {path}");
        }
    }
}

/// A name with three underscores or more is a test, an attribute or a setting; each is found in the code.
#[test]
fn every_test_that_the_documents_name_exists() {
    let code = code();
    let words: BTreeSet<&str> =
        code.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').collect();
    for (document, text) in documents() {
        for name in quoted(&text).into_iter().flat_map(|quoted| quoted.split("::")) {
            let long = is_word(name) && name.matches('_').count() >= 3;
            assert!(!long || words.contains(name), "{document} names {name}, which is nowhere in the code");
        }
    }
}

/// The headings of the runbook, without their marks.
fn headings(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| line.starts_with('#'));
    lines.map(|line| line.trim_matches(|letter| "# `".contains(letter)).to_owned()).collect()
}

#[test]
fn every_alarm_is_a_heading_of_the_runbook() {
    let runbook = read("docs/runbook.md");
    let headings = headings(&runbook);
    let of_functions = Function::ALL.into_iter().flat_map(|function| {
        ["errors", "silent", "throttled", "undelivered"].map(|what| format!("{}-{what}", function.as_str()))
    });
    let alarms = Signal::ALL.into_iter().map(|signal| signal.as_str().to_owned()).chain(of_functions);
    let told = |alarm: &str| headings.iter().any(|heading| heading.contains(alarm));
    // One heading may serve the four functions: `<function>-silent`.
    let general = |alarm: &str| {
        let what = alarm.split_once('-').map_or("", |(_, what)| what);
        told(&format!("<function>-{what}"))
    };
    let silent: Vec<String> = alarms.filter(|alarm| !told(alarm) && !general(alarm)).collect();
    assert!(silent.is_empty(), "the runbook has no heading for {silent:?}");
}
