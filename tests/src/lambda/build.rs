//! Builds the binaries as they are packaged: one package at a time, because a workspace build would unify
//! their features.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use shared::tables::Function;

use super::Failure;

/// Where each function's binary is.
pub type Binaries = BTreeMap<Function, PathBuf>;

/// The binaries in one directory: `target/lambda`, or `target/packages`, where each is called `bootstrap` in a folder of
/// its function.
pub fn found_in(dir: &Path) -> Result<Binaries, Failure> {
    Function::ALL
        .into_iter()
        .map(|function| {
            let plain = dir.join(function.as_str());
            let found = [plain.join("bootstrap"), plain].into_iter().find(|path| path.is_file());
            let why =
                || format!("there is no {0} and no {0}/bootstrap", dir.join(function.as_str()).display());
            Ok((function, found.ok_or_else(|| missing(function, why()))?))
        })
        .collect()
}

/// Builds all four as they are packaged: one at a time.
pub fn packaged(profile: &str) -> Result<Binaries, Failure> {
    let one = |function: Function| {
        let messages = build(&["--package", function.as_str(), "--bins", "--profile", profile])?;
        Ok((function, executable(&messages, function)?))
    };
    Function::ALL.into_iter().map(one).collect()
}

/// Builds all four at once, as the workspace's tests are built.
pub fn together() -> Result<Binaries, Failure> {
    let messages = build(&["--workspace", "--bins"])?;
    Function::ALL.into_iter().map(|function| Ok((function, executable(&messages, function)?))).collect()
}

/// Cargo's messages, a line of JSON each.
fn build(args: &[&str]) -> Result<String, Failure> {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--message-format=json-render-diagnostics"])
        .args(args)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .stderr(Stdio::inherit())
        .output()?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(Failure::Build { what: args.join(" "), why: output.status.to_string() }),
    }
}

fn executable(messages: &str, function: Function) -> Result<PathBuf, Failure> {
    let path = messages.lines().find_map(|line| path_of(line, function.as_str()));
    path.ok_or_else(|| missing(function, "cargo names no executable".to_owned()))
}

/// The path in Cargo's message about the artifact of this name.
fn path_of(line: &str, name: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    let is_it = message.pointer("/target/name")?.as_str()? == name;
    let path = message.get("executable")?.as_str()?;
    is_it.then(|| PathBuf::from(path))
}

fn missing(function: Function, why: String) -> Failure {
    Failure::Build { what: function.as_str().to_owned(), why }
}
