//! The four functions as they are uploaded, built with the command of the README.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::read::DeflateEncoder;

use crate::run::{Failed, run};
use crate::tools::{NODE, Tools};

/// What is built.
pub const FUNCTIONS: [&str; 4] = ["decide", "execute", "heartbeat", "reconcile"];

/// Where the app looks for packages below the target directory.
const FOLDER: &str = "packages";
/// How the names of the C library's versions begin in a program that asks for them.
const GLIBC: &str = "GLIBC_";

/// Where they are, once they are built.
pub fn folder(tools: &Tools) -> PathBuf {
    tools.target.join(FOLDER)
}

/// Builds them and says where they are.
pub fn build(tools: &Tools) -> Result<PathBuf, Failed> {
    let mut command = tools.with_path(Command::new("npm"));
    command.args(["run", "packages"]).env("CARGO_TARGET_DIR", &tools.target).current_dir(tools.app());
    run("npm run packages", NODE, &mut command)?;
    Ok(folder(tools))
}

/// One package.
#[derive(Debug, Clone)]
pub struct Package {
    /// The function.
    pub function: &'static str,
    /// Bytes of its program.
    pub bytes: u64,
    /// Bytes of its program, deflated as in a zip file, whose own part is some hundred bytes more.
    pub zipped: u64,
    /// The versions of the C library that it asks for: `2.2.5`, `2.34`.
    pub glibc: BTreeSet<Vec<u32>>,
}

/// Looks at the package of each function.
pub fn look(folder: &Path) -> Result<Vec<Package>, Failed> {
    FUNCTIONS
        .into_iter()
        .map(|function| package(function, &folder.join(function).join("bootstrap")))
        .collect()
}

fn package(function: &'static str, path: &Path) -> Result<Package, Failed> {
    let file = |why| Failed::File { what: path.display().to_string(), why };
    let program = fs::read(path).map_err(file)?;
    let mut deflated = DeflateEncoder::new(File::open(path).map_err(file)?, Compression::default());
    let zipped = io::copy(&mut deflated, &mut io::sink()).map_err(file)?;
    Ok(Package { function, bytes: program.len() as u64, zipped, glibc: glibc(&program) })
}

/// Every version of the C library whose name stands in the program.
fn glibc(program: &[u8]) -> BTreeSet<Vec<u32>> {
    let is_of_a_name = |byte: &u8| byte.is_ascii_graphic();
    let words = program.split(|byte| !is_of_a_name(byte)).filter_map(|word| std::str::from_utf8(word).ok());
    let versions = words.filter_map(|word| word.strip_prefix(GLIBC));
    versions.filter_map(|version| version.split('.').map(|part| part.parse().ok()).collect()).collect()
}
