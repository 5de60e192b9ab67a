//! The recorded costs judged by `genai-prices`: the file that `cargo test` compares our cost meter with is what
//! that package says, and nothing of it is ours.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::path::Path;
use std::process::Command;

/// The judge, pinned: its prices are those of its day.
const PINS: [&str; 1] = ["genai-prices==0.2.3"];

#[test]
fn the_recorded_costs_are_what_genai_prices_says() {
    let python = registries::python::interpreter(Path::new(env!("CARGO_TARGET_TMPDIR")), &PINS);
    let python = python.unwrap_or_else(|error| panic!("{error}"));
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let recorded = here.join("../../shared/src/model_prices/usage.json");
    let mut command = Command::new(python);
    command.env_clear().arg("-B").arg(here.join("tests/prices/judge.py")).arg("check").arg(recorded);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let records: u32 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
    assert!(records >= 40, "{records}");
}
