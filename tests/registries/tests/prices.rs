//! The recorded costs judged by `genai-prices`: the file that `cargo test` compares our cost meter with is what
//! that package says, and nothing of it is ours.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::path::Path;

use registries::python::judge;

/// The judge, pinned: its prices are those of its day.
const PINS: [&str; 1] = ["genai-prices==0.2.3"];

#[test]
fn the_recorded_costs_are_what_genai_prices_says() {
    let recorded = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/src/model_prices/usage.json");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let answer = judge(folder, &PINS, "prices/judge.py", &["check", recorded]);
    let records: u32 = answer.unwrap_or_else(|error| panic!("{error}")).trim().parse().unwrap();
    assert!(records >= 40, "{records}");
}
