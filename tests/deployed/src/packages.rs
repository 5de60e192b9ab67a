//! The four functions as they are uploaded, one at a time, so that none lends a feature to another.

use std::path::PathBuf;

use crate::run::{Failed, run};
use crate::tools::Tools;

/// What is built.
pub const FUNCTIONS: [&str; 4] = ["decide", "execute", "heartbeat", "reconcile"];

/// The oldest C library that they may meet: Amazon Linux 2023 has 2.34.
const TARGET: &str = "x86_64-unknown-linux-gnu.2.34";

/// Builds them and says where they are.
pub fn build(tools: &Tools) -> Result<PathBuf, Failed> {
    let folder = tools.target.join("packages");
    for name in FUNCTIONS {
        let mut command = tools.program("cargo-lambda");
        command.args(["lambda", "build", "--locked", "--disable-optimizations", "--target", TARGET]);
        command.args(["--profile", "lambda", "--package", name, "--bin", name, "--lambda-dir"]).arg(&folder);
        command.env("CARGO_TARGET_DIR", &tools.target).current_dir(&tools.root);
        run(&format!("building {name}"), "it comes from PyPI with the test's other tools", &mut command)?;
    }
    Ok(folder)
}
