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

/// The binaries in one directory, such as `target/lambda`.
pub fn found_in(dir: &Path) -> Result<Binaries, Failure> {
    Function::ALL
        .into_iter()
        .map(|function| {
            let path = dir.join(function.as_str());
            match path.is_file() {
                true => Ok((function, path)),
                false => Err(missing(function, format!("there is no {}", path.display()))),
            }
        })
        .collect()
}

/// Builds all four.
pub fn all(profile: &str) -> Result<Binaries, Failure> {
    Function::ALL.into_iter().map(|function| Ok((function, one(function, profile)?))).collect()
}

fn one(function: Function, profile: &str) -> Result<PathBuf, Failure> {
    let name = function.as_str();
    let output = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--package", name, "--bins", "--profile", profile])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(missing(function, output.status.to_string()));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let path = messages.lines().find_map(|line| executable(line, name));
    path.ok_or_else(|| missing(function, "cargo names no executable".to_owned()))
}

/// The path in Cargo's message about the artifact of this name.
fn executable(line: &str, name: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    let is_it = message.pointer("/target/name")?.as_str()? == name;
    let path = message.get("executable")?.as_str()?;
    is_it.then(|| PathBuf::from(path))
}

fn missing(function: Function, why: String) -> Failure {
    Failure::Build { package: function.as_str(), why }
}
